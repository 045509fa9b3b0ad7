// SPDX-License-Identifier: BSD-2-Clause
/*
 * Run a program on a host that lacks system calls: without CALL[,CALL...] PROGRAM ARGUMENT...
 * "CALL!" is refused with EPERM, as filters of containers do, rather than unknown.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "namespaces" is no call of its own. */
static int deny(scmp_filter_ctx filter, char *name)
{
	char *mark = strchr(name, '!');
	int number;

	if (mark)
		*mark = 0;
	number = seccomp_syscall_resolve_name(name);

	if (!strcmp(name, "namespaces"))
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
					SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWPID, CLONE_NEWPID));
	return number == __NR_SCMP_ERROR ? -EINVAL
					 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(mark ? EPERM : ENOSYS), number, 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = argc > 2 && filter ? 0 : -EINVAL;

	for (char *name = argc > 2 ? strtok(argv[1], ",") : NULL; name && !error; name = strtok(NULL, ","))
		error = deny(filter, name);
	if (!error)
		error = seccomp_load(filter);
	if (!error) {
		execvp(argv[2], argv + 2);
		error = -errno;
	}
	fprintf(stderr, "without: %s\n", strerror(-error));
	return 125;
}
