// SPDX-License-Identifier: BSD-2-Clause
/* What a worker can no longer do: each attempt in a sandbox of its own, and how that ends */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../sandbox/sandbox.h"
#include "../tap.h"

#define FINE 0
#define SETUP_FAILED 99

/* Threads of a kernel exist before the seal, which must cover them. */
static int go; /* futex-less: the thread looks at it every millisecond */

struct attempt {
	const char *name;
	void (*make)(void);
	int ends; /* signal, or 0 for a normal end */
};

static void nap(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	nanosleep(&millisecond, NULL);
}

static void try_openat(void)
{
	syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void try_openat2(void)
{
	syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0);
}
static void try_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void try_connect(void)
{
	syscall(SYS_connect, 0, NULL, 0);
}
static void try_exec(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}
static void try_clone_process(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void try_ptrace(void)
{
	syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}
static void try_kill(void)
{
	syscall(SYS_kill, getppid(), SIGTERM);
}
static void try_tgkill(void)
{
	syscall(SYS_tgkill, getppid(), getppid(), SIGTERM);
}
static void try_unlink(void)
{
	syscall(SYS_unlinkat, AT_FDCWD, "/tmp/x", 0);
}
static void try_chmod(void)
{
	syscall(SYS_fchmodat, AT_FDCWD, "/tmp/x", 0);
}
static void try_mount(void)
{
	syscall(SYS_mount, "none", "/", "tmpfs", 0, 0);
}
static void try_io_uring(void)
{
	syscall(SYS_io_uring_setup, 4, NULL);
}
static void try_io_uring_register(void)
{
	syscall(SYS_io_uring_register, 0, 0, NULL, 0);
}
static void try_process_vm(void)
{
	syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}
static void try_ioctl(void)
{
	syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}
static void try_bpf(void)
{
	syscall(SYS_bpf, 0, NULL, 0);
}
static void try_exec_memory(void)
{
	syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void try_mprotect(void)
{
	syscall(SYS_mprotect, (long)&go & ~4095L, 4096, PROT_READ | PROT_EXEC);
}
static void try_setuid(void)
{
	syscall(SYS_setuid, 0);
}
static void try_dup(void)
{
	syscall(SYS_fcntl, 0, F_SETOWN, 1);
}

static void *thread(void *arg)
{
	return arg;
}

static void may_create_threads(void)
{
	pthread_t created;

	if (pthread_create(&created, NULL, thread, NULL) || pthread_join(created, NULL))
		_exit(1);
}

static void may_use_memory(void)
{
	char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || madvise(memory, 1 << 20, MADV_DONTNEED) || munmap(memory, 1 << 20))
		_exit(1);
	free(malloc(10 << 20));
}

/* In small pieces, which the C library keeps apart for each thread, and gives back to the host. */
static void may_free_memory(void)
{
	static void *pieces[4096];
	const size_t count = sizeof(pieces) / sizeof(*pieces);

	for (size_t i = 0; i < count; i++) {
		pieces[i] = malloc(2000);
		if (!pieces[i])
			_exit(1);
	}
	for (size_t i = count; i--;)
		free(pieces[i]);
}

static void may_tell_time(void)
{
	struct timespec now;

	if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now))
		_exit(1);
	nap();
}

static void may_ask_for_terminal(void)
{
	if (isatty(STDOUT_FILENO) || errno != ENOTTY)
		_exit(1);
}

static const struct attempt attempts[] = {
	{ "openat", try_openat, SIGSYS },
	{ "openat2", try_openat2, SIGSYS },
	{ "socket", try_socket, SIGSYS },
	{ "connect", try_connect, SIGSYS },
	{ "execve", try_exec, SIGSYS },
	{ "clone of a process", try_clone_process, SIGSYS },
	{ "ptrace", try_ptrace, SIGSYS },
	{ "kill", try_kill, SIGSYS },
	{ "tgkill of another process", try_tgkill, SIGSYS },
	{ "unlink", try_unlink, SIGSYS },
	{ "chmod", try_chmod, SIGSYS },
	{ "mount", try_mount, SIGSYS },
	{ "io_uring_setup", try_io_uring, SIGSYS },
	{ "io_uring_register", try_io_uring_register, SIGSYS },
	{ "process_vm_readv", try_process_vm, SIGSYS },
	{ "typing on the terminal", try_ioctl, SIGSYS },
	{ "bpf", try_bpf, SIGSYS },
	{ "mapping new code", try_exec_memory, SIGSYS },
	{ "making memory code", try_mprotect, SIGSYS },
	{ "setuid", try_setuid, SIGSYS },
	{ "asking for signals to others", try_dup, SIGSYS },
	{ "threads", may_create_threads, 0 },
	{ "memory", may_use_memory, 0 },
	{ "memory in small pieces", may_free_memory, 0 },
	{ "time", may_tell_time, 0 },
	{ "asking for a terminal, and finding none", may_ask_for_terminal, 0 },
};

static void *elder(void *arg)
{
	const struct attempt *attempt = arg;

	while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
		nap();
	attempt->make();
	return NULL;
}

/* In the child. @early: on a thread that existed before the seal */
static void live(const struct attempt *attempt, bool early, int out, unsigned int layers)
{
	const int keep[] = { out };
	const struct sandbox_config config = { .keep = keep, .keep_count = 1 };
	pthread_t created;

	if (sandbox_confine(&config, &layers))
		_exit(SETUP_FAILED);
	if (early && pthread_create(&created, NULL, elder, (void *)attempt))
		_exit(SETUP_FAILED);
	if (sandbox_seal(&config, &layers))
		_exit(SETUP_FAILED);
	if (write(out, &layers, sizeof(layers)) != sizeof(layers))
		_exit(SETUP_FAILED);
	if (early) {
		__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
		pthread_join(created, NULL);
	} else
		attempt->make();
	_exit(FINE);
}

static int run(const struct attempt *attempt, bool early, unsigned int *layers)
{
	unsigned int spaces;
	int out[2], status = 0;
	pid_t pid;

	if (pipe(out))
		tap_abort("no pipe");
	pid = sandbox_fork(&spaces);
	if (!pid)
		live(attempt, early, out[1], spaces);
	close(out[1]);
	*layers = 0;
	if (pid < 0 || read(out[0], layers, sizeof(*layers)) < 0)
		tap_note("no child: %d", -pid);
	close(out[0]);
	waitpid(pid, &status, 0);
	return status;
}

static void test_attempts(bool early)
{
	unsigned int layers;

	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		int status = run(&attempts[i], early, &layers);

		if (attempts[i].ends)
			tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == attempts[i].ends, "%s%s: killed",
			       attempts[i].name, early ? ", on an older thread" : "");
		else
			tap_is(status, 0, "%s%s: allowed", attempts[i].name, early ? ", on an older thread" : "");
	}
}

/* Before the seal, when the filter does not hide the other layers. */
static void confined(int out, unsigned int layers)
{
	const int keep[] = { out };
	const struct sandbox_config config = { .keep = keep, .keep_count = 1 };
	struct rlimit core;
	unsigned int found = 0;

	if (sandbox_confine(&config, &layers))
		_exit(SETUP_FAILED);
	found |= (open("/etc/passwd", O_RDONLY) < 0) << 0;
	found |= (fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0) << 1;
	found |= (geteuid() != 0 && setuid(0) < 0) << 2;
	found |= (!getrlimit(RLIMIT_CORE, &core) && !core.rlim_max) << 3;
	found |= (chroot("/") < 0 && errno == EPERM) << 4;
	found |= layers << 8;
	if (write(out, &found, sizeof(found)) != sizeof(found))
		_exit(SETUP_FAILED);
	_exit(FINE);
}

static void test_layers(void)
{
	unsigned int spaces, found = 0;
	int out[2];
	pid_t pid;

	if (pipe(out))
		tap_abort("no pipe");
	pid = sandbox_fork(&spaces);
	if (!pid)
		confined(out[1], spaces);
	close(out[1]);
	if (read(out[0], &found, sizeof(found)) != sizeof(found))
		tap_note("the child gave no answer");
	close(out[0]);
	waitpid(pid, NULL, 0);
	if (found >> 8 & SANDBOX_LANDLOCK)
		tap_ok(found & 1, "no host file can be opened, even without the filter");
	else
		tap_skip(1, "this host has no Landlock");
	tap_ok(found & 2, "no standard descriptors are left");
	tap_ok(found & 4, "it is not root and cannot become it");
	tap_ok(found & 8, "it dumps no core");
	tap_ok(found & 16, "it has no capabilities");
}

int main(void)
{
	unsigned int layers;

	run(&attempts[sizeof(attempts) / sizeof(*attempts) - 1], false, &layers);
	for (unsigned int i = 0; i < SANDBOX_LAYERS; i++)
		tap_note("%s: %s", sandbox_layer_name(i), layers & (1U << i) ? "active" : "not on this host");
	if (!(layers & SANDBOX_SECCOMP)) {
		tap_skip(1, "built or run without the filter");
		return tap_done();
	}
	tap_ok((layers & (SANDBOX_USER | SANDBOX_CAPABILITIES)) == (SANDBOX_USER | SANDBOX_CAPABILITIES),
	       "the layers that every host has are active");
	test_layers();
	test_attempts(false);
	test_attempts(true);
	return tap_done();
}
