// SPDX-License-Identifier: BSD-2-Clause
/*
 * Has a thread of another process make a system call, as code of an attacker's would in its place.
 *
 * usage: inject THREAD CALL, or inject alone for the names of calls. The thread must be waiting in a system call; it
 * makes the other one in its stead, and goes on as if it had returned from its own.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stands for the address of a path in the other process. */
#define PATH (-4096L)
/* Below what the thread uses of its stack, red zone included. */
#define PATH_BELOW 1024
/* Bytes of the instruction that enters the host's kernel. */
#define INSTRUCTION 2

static const struct {
	const char *name;
	long number;
	long arguments[6];
} calls[] = {
	{ "openat", SYS_openat, { AT_FDCWD, PATH, O_RDONLY } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { 0, PATH, O_RDONLY } },
	{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "connect", SYS_connect, { 0, PATH, 16 } },
	{ "execve", SYS_execve, { PATH, 0, 0 } },
	{ "fork", SYS_clone, { SIGCHLD } },
	{ "ptrace", SYS_ptrace, { PTRACE_TRACEME } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 } },
	{ "kill", SYS_kill, { -1, SIGKILL } },
	{ "mmap_exec", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mprotect_exec", SYS_mprotect, { 0, 4096, PROT_READ | PROT_EXEC } },
	{ "ioctl", SYS_ioctl, { 0, (long)0x8004e500, PATH } }, /* FUSE_DEV_IOC_CLONE */
	{ "io_uring_setup", SYS_io_uring_setup, { 4, PATH } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
	{ "mount", SYS_mount, { PATH, PATH, PATH, 0, 0 } },
	{ "setuid", SYS_setuid, { 0 } },
	{ "memfd_create", SYS_memfd_create, { PATH, 0 } },
	{ "sched_yield", SYS_sched_yield, { 0 } }, /* which is allowed */
	{ "bpf", SYS_bpf, { 0, PATH, 0 } },
};

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

/* The path goes there before the call, word by word. */
static void put_path(pid_t thread, unsigned long at)
{
	const char path[16] = "/etc/passwd";

	for (size_t i = 0; i < sizeof(path); i += sizeof(long)) {
		long word;

		memcpy(&word, path + i, sizeof(word));
		if (ptrace(PTRACE_POKEDATA, thread, at + i, word))
			fail("writing to the process");
	}
}

static void inject(pid_t thread, size_t which)
{
	struct user_regs_struct regs;
	unsigned long path;
	long arguments[6];
	int status;

	if (ptrace(PTRACE_ATTACH, thread, 0, 0) || waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status))
		fail("attaching to the thread");
	if (ptrace(PTRACE_GETREGS, thread, 0, &regs))
		fail("reading its registers");
	path = (regs.rsp - PATH_BELOW) & ~15UL;
	put_path(thread, path);
	for (size_t i = 0; i < 6; i++)
		arguments[i] = calls[which].arguments[i] == PATH ? (long)path : calls[which].arguments[i];
	regs.rip -= INSTRUCTION;
	regs.orig_rax = (unsigned long long)-1; /* or what it waited in would be begun again */
	regs.rax = (unsigned long long)calls[which].number;
	regs.rdi = (unsigned long long)arguments[0];
	regs.rsi = (unsigned long long)arguments[1];
	regs.rdx = (unsigned long long)arguments[2];
	regs.r10 = (unsigned long long)arguments[3];
	regs.r8 = (unsigned long long)arguments[4];
	regs.r9 = (unsigned long long)arguments[5];
	if (ptrace(PTRACE_SETREGS, thread, 0, &regs) || ptrace(PTRACE_DETACH, thread, 0, 0))
		fail("changing its registers");
}

int main(int argc, char **argv)
{
	const size_t count = sizeof(calls) / sizeof(*calls);

	for (size_t i = 0; i < count && argc == 1; i++)
		puts(calls[i].name);
	for (size_t i = 0; i < count && argc == 3; i++) {
		if (strcmp(calls[i].name, argv[2]))
			continue;
		inject((pid_t)atoi(argv[1]), i);
		return 0;
	}
	return argc != 1;
}
