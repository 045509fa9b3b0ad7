// SPDX-License-Identifier: BSD-2-Clause
/* Sandbox: what a worker gives up before it has threads */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

/* The user and group "nobody": owns no files, on any distribution. */
#define NOBODY 65534U

/* Of the last call that was refused; a worker has one thread until it is sealed. */
static const char *refused_call;

int sandbox_refused(const char *call)
{
	refused_call = call;
	return -errno;
}

void sandbox_refusal(int error, char *text, size_t size)
{
	if (!refused_call || error == -ENOMEM)
		snprintf(text, size, "%s", strerror(-error));
	else
		snprintf(text, size,
			 "the host refuses %s: %s; have it permit that system call: a container by its seccomp filter, "
			 "as with --security-opt seccomp=unconfined",
			 refused_call, strerror(-error));
}

static bool is_kept(const struct sandbox_config *config, int fd)
{
	for (size_t i = 0; i < config->keep_count; i++) {
		if (config->keep[i] == fd)
			return true;
	}
	return false;
}

/* For hosts before Linux 5.9, and filters of system calls from then: one after the other, as the host lists them */
static int close_listed(const struct sandbox_config *config)
{
	DIR *list = opendir("/proc/self/fd");
	struct dirent *entry;
	int error;

	if (!list)
		return sandbox_refused("close_range");
	while (errno = 0, (entry = readdir(list))) {
		int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);

		if (fd >= 0 && fd != dirfd(list) && !is_kept(config, fd))
			close(fd);
	}
	error = errno ? sandbox_refused("getdents64") : 0;
	closedir(list);
	return error;
}

static int close_others(const struct sandbox_config *config)
{
	unsigned int first = 0;

	for (size_t i = 0; i < config->keep_count; i++) {
		unsigned int keep = (unsigned int)config->keep[i];

		if (keep > first && close_range(first, keep - 1, 0))
			return close_listed(config);
		first = keep + 1;
	}
	return close_range(first, ~0U, 0) ? close_listed(config) : 0;
}

/*
 * Root in a worker would own the host's files by number, whatever its capabilities. In a container that has no other
 * users, or has taken the right to change from root, it stays; its files are out of reach by the other layers.
 */
static int leave_root(unsigned int *layers)
{
	if (geteuid() == 0) {
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			return errno == EPERM || errno == EINVAL ? 0 : sandbox_refused("setresuid");
		/* Cleared by that; needed until sandbox_seal() to open the kernel image through /proc/self/fd. */
		if (prctl(PR_SET_DUMPABLE, 1))
			return sandbox_refused("prctl");
	}
	*layers |= SANDBOX_USER;
	return 0;
}

/* A worker that began with none has nothing to drop, where a host lets nobody change them. */
static bool has_none(struct __user_cap_header_struct *header)
{
	struct __user_cap_data_struct own[_LINUX_CAPABILITY_U32S_3] = { 0 }, none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return !syscall(SYS_capget, header, own) && !memcmp(own, none, sizeof(own));
}

static int drop_capabilities(unsigned int *layers)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* The bounding and ambient sets need no clearing: without exec, and with no_new_privs, they give nothing. */
	if (!has_none(&header) && syscall(SYS_capset, &header, none))
		return sandbox_refused("capset");
	*layers |= SANDBOX_CAPABILITIES;
	return 0;
}

static int limit(void)
{
	const struct rlimit zero = { 0, 0 };

	/* RLIMIT_FSIZE is left: the worker writes files for its parent. */
	return setrlimit(RLIMIT_CORE, &zero) ? sandbox_refused("setrlimit") : 0;
}

/*
 * The terminal sends these to the whole job; the parent decides what they mean. What the last two tell of is an errno,
 * too.
 */
static void ignore_terminal(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
}

/*
 * The C library keeps small pieces of memory for each thread in an arena of its own, and reads a file of the host's
 * before it makes such an arena smaller. The first arena, which all threads share then, needs none.
 */
static int share_arena(void)
{
	return mallopt(M_ARENA_MAX, 1) ? 0 : -ENOSYS;
}

int sandbox_confine(const struct sandbox_config *config, unsigned int *layers)
{
	int error;

	ignore_terminal();
	error = close_others(config);
	if (!error)
		error = limit();
	if (!error)
		error = share_arena();
	if (!error)
		error = leave_root(layers);
	if (!error)
		error = drop_capabilities(layers);
	/* After the change of user, which would clear the first of these. */
	if (!error && (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		error = sandbox_refused("prctl");
	if (error)
		return error;
	error = sandbox_landlock(config->readable, config->readable_count);
	if (!error)
		*layers |= SANDBOX_LANDLOCK;
	/* A host without Landlock is a lawful one; the filter alone already keeps files out of reach. */
	return error == -ENOSYS ? 0 : error;
}

int sandbox_seal(const struct sandbox_config *config, unsigned int *layers)
{
	int error = 0;

	/* Later than confine(), because it takes /proc/self away, which the kernel's loader may ask. */
	if (prctl(PR_SET_DUMPABLE, 0))
		return sandbox_refused("prctl");
	if (config->readable_count && (*layers & SANDBOX_LANDLOCK))
		error = sandbox_landlock(NULL, 0);
	if (!error)
		error = sandbox_filter();
	if (!error && SANDBOX_MODE)
		*layers |= SANDBOX_SECCOMP;
	return error;
}
