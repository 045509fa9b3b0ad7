// SPDX-License-Identifier: BSD-2-Clause
/* Sandbox: the system calls that a rump kernel at work makes, and no others */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

/* Build with SANDBOX=trap to have violations raise SIGSYS with the number in a debugger, or SANDBOX=off for none. */
#if SANDBOX_MODE == 2
#define VIOLATION SCMP_ACT_TRAP
#else
#define VIOLATION SCMP_ACT_KILL_PROCESS
#endif

/* Allowed with any arguments: they reach only memory, time, this process's threads and descriptors it was given. */
static const int plain[] = {
	/* the hottest first: the filter is asked in about this order */
	SCMP_SYS(futex),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(preadv),
	SCMP_SYS(pwritev),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fsync),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(fadvise64),
	/* memory; mmap and mprotect are below */
	SCMP_SYS(munmap),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(membarrier),
	/* time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	/* waiting */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
	/* threads of this process; clone is below */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(getuid),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	/* signals of this process */
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getrandom),
	/* the C library's qsort() asks how much memory there is */
	SCMP_SYS(sysinfo),
};

/* Refused with an error instead of death: harmless questions that libraries ask and can live without. */
static const struct {
	int number;
	int error;
} refused[] = {
	{ SCMP_SYS(clone3), ENOSYS },	  /* its arguments lie in memory; the C library falls back to clone */
	{ SCMP_SYS(newfstatat), EACCES }, /* fstat of some C libraries; descriptors use fstat */
	{ SCMP_SYS(statx), EACCES },
	{ SCMP_SYS(prctl), EPERM }, /* names of threads and of mappings */
	{ SCMP_SYS(sched_setaffinity), EPERM },
};

static int add(scmp_filter_ctx filter, uint32_t action, int number)
{
	int error = seccomp_rule_add(filter, action, number, 0);

	/* -EDOM: a call that this CPU does not have */
	return error == -EDOM ? 0 : error;
}

static int add_memory(scmp_filter_ctx filter)
{
	/* No new code: what the kernel runs was mapped before. */
	int error =
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return error;
}

static int add_threads(scmp_filter_ctx filter)
{
	const scmp_datum_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
	const scmp_datum_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
				    CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE;

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, thread | spaces, thread));
}

/* abort(3), faults that no handler wants, kicks of a kernel's threads: signals to this process alone. */
static int add_own_signals(scmp_filter_ctx filter)
{
	const scmp_datum_t self = getpid();
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self));

	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(rt_tgsigqueueinfo), 1,
					 SCMP_A0(SCMP_CMP_EQ, self));
	return error;
}

/* Locks on parts of the image, which are known when the partition table has been read: it can be written to, too. */
static int add_locks(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_OFD_SETLK));

	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
					 SCMP_A1(SCMP_CMP_EQ, F_OFD_GETLK));
	return error;
}

static int build(scmp_filter_ctx filter)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* The host's own word for what it refuses, rather than -ECANCELED */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	for (size_t i = 0; !error && i < sizeof(plain) / sizeof(*plain); i++)
		error = add(filter, SCMP_ACT_ALLOW, plain[i]);
	if (!error)
		error = add_memory(filter);
	if (!error)
		error = add_threads(filter);
	if (!error)
		error = add_own_signals(filter);
	if (!error)
		error = add_locks(filter);
	return error;
}

static int build_refused(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; !error && i < sizeof(refused) / sizeof(*refused); i++)
		error = add(filter, SCMP_ACT_ERRNO((uint32_t)refused[i].error), refused[i].number);
	/* isatty(3): nothing that a worker has is a terminal. */
	if (!error)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 1,
					 SCMP_A1(SCMP_CMP_EQ, TCGETS));
	return error;
}

static int load(scmp_filter_ctx filter)
{
	int error = seccomp_load(filter);

	errno = -error;
	return error ? sandbox_refused("seccomp") : 0;
}

/* libseccomp, which asks the host for its actions, does not tell a refusal from too little memory. */
static int why_none(void)
{
	const uint32_t action = VIOLATION;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		return sandbox_refused("seccomp");
	return -ENOMEM;
}

/**
 * sandbox_filter() - install the filter on every thread of this process
 * Return: 0; a negative errno, also when threads exist that cannot take it
 */
int sandbox_filter(void)
{
	scmp_filter_ctx filter;
	int error;

	if (!SANDBOX_MODE)
		return 0;
	filter = seccomp_init(VIOLATION);
	if (!filter)
		return why_none();
	error = build(filter);
	if (!error)
		error = build_refused(filter);
	if (!error)
		error = load(filter);
	seccomp_release(filter);
	return error;
}
