// SPDX-License-Identifier: BSD-2-Clause
/* The library with the real kernel image: processes, threads, signals, forks, several kernels, ends. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/image.h>
#include <rumpus/syscalls.h>

#include "fixture.h"
#include "host.h"
#include "loader.h"

static struct rumpus *boot_with(unsigned int cpus, const char *command_line)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL; /* the environment's, as "make check" sets it, or the one beside the program */
	config.memory = 0;
	if (cpus)
		config.cpus = cpus;
	if (command_line)
		config.command_line = command_line;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

static struct rumpus *boot(void)
{
	return boot_with(0, NULL);
}

static bool same(const char *path, const char *text)
{
	char buf[64] = "";
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	long len = rumpus_sys_read((int)fd, buf, sizeof(buf) - 1);

	rumpus_sys_close((int)fd);
	return len == (long)strlen(text) && strcmp(buf, text) == 0;
}

static long make(const char *path, const char *text)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	long len = rumpus_sys_write((int)fd, text, strlen(text));

	rumpus_sys_close((int)fd);
	return len;
}

static void processes(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *first = rumpus_process_first(kernel), *second;
	const struct rlimit few = { 8, 8 };
	struct rlimit limit = few;
	char cwd[64] = "";
	long fd, in_first = rumpus_sys_getpid(), in_second;

	tap_note("%s", rumpus_version(kernel));
	fd = rumpus_sys_openat(AT_FDCWD, "/shared", O_CREAT | O_RDWR, 0600);
	tap_is(fd, 0, "the first process has no descriptor at first");
	tap_is(rumpus_sys_mkdirat(AT_FDCWD, "/dir", 0755), 0, "mkdir");
	rumpus_sys_chdir("/dir");
	tap_is(rumpus_process_create(kernel, &second), 0, "a second process");
	rumpus_process_enter(second);
	in_second = rumpus_sys_getpid();
	tap_ok(in_second > 0 && in_second != in_first, "it has a number of its own");
	tap_is(rumpus_sys_fcntl((int)fd, F_GETFD, 0), -EBADF, "descriptors of its own");
	tap_is(rumpus_sys_getcwd(cwd, sizeof(cwd)), 2, "a working directory of its own");
	tap_ok(strcmp(cwd, "/") == 0, "which is the root");
	tap_is(rumpus_sys_getuid(), 0, "it begins as root");
	tap_is(rumpus_sys_setresuid(1000, 1000, 1000), 0, "it becomes another user");
	tap_is(rumpus_sys_openat(AT_FDCWD, "/shared", O_RDWR, 0), -EACCES, "with that user's rights");
	rumpus_process_enter(first);
	tap_is(rumpus_sys_getuid(), 0, "the first process is still root");
	tap_is(rumpus_sys_kill((pid_t)in_second, 0), 0, "they see each other");
	tap_is(rumpus_process_destroy(second), 0, "the second is destroyed");
	tap_is(rumpus_sys_kill((pid_t)in_second, 0), -ESRCH, "it is gone");

	tap_is(rumpus_sys_setrlimit(RLIMIT_NOFILE, &few), 0, "the first process takes a limit");
	tap_is(rumpus_sys_chroot("/dir"), 0, "and another root");
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/shared", F_OK), -ENOENT, "where a file is not");
	rumpus_process_create(kernel, &second);
	rumpus_process_enter(second);
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/shared", F_OK), 0, "the next process has the root of the boot");
	rumpus_sys_getrlimit(RLIMIT_NOFILE, &limit);
	tap_ok(limit.rlim_cur > few.rlim_cur, "and its limits");
	rumpus_halt(kernel);
}

static void descriptors_end(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *second;
	int ends[2] = { -1, -1 };
	char byte;

	/* A fifo tells when its writers are gone. */
	rumpus_sys_mknodat(AT_FDCWD, "/fifo", S_IFIFO | 0600, 0);
	ends[0] = (int)rumpus_sys_openat(AT_FDCWD, "/fifo", O_RDONLY | O_NONBLOCK, 0);
	rumpus_process_create(kernel, &second);
	rumpus_process_enter(second);
	ends[1] = (int)rumpus_sys_openat(AT_FDCWD, "/fifo", O_WRONLY, 0);
	tap_is(rumpus_sys_write(ends[1], "x", 1), 1, "a process writes to a fifo");
	rumpus_process_enter(rumpus_process_first(kernel));
	tap_is(rumpus_sys_read(ends[0], &byte, 1), 1, "another reads");
	tap_is(rumpus_sys_read(ends[0], &byte, 1), -EAGAIN, "the writer is there");
	rumpus_process_destroy(second);
	tap_is(rumpus_sys_read(ends[0], &byte, 1), 0, "its descriptors are closed with it");
	rumpus_halt(kernel);
}

struct remote {
	unsigned char memory[256]; /* of the process, from address BASE on */
	unsigned int reads, writes;
};

#define BASE 0x100000UL

static size_t remote_read(void *cookie, void *to, uintptr_t from, size_t len)
{
	struct remote *remote = cookie;
	size_t room = from >= BASE && from < BASE + sizeof(remote->memory) ? BASE + sizeof(remote->memory) - from : 0;
	size_t n = len < room ? len : room;

	remote->reads++;
	if (n)
		memcpy(to, &remote->memory[from - BASE], n);
	return len - n;
}

static size_t remote_write(void *cookie, uintptr_t to, const void *from, size_t len)
{
	struct remote *remote = cookie;
	size_t room = to >= BASE && to < BASE + sizeof(remote->memory) ? BASE + sizeof(remote->memory) - to : 0;
	size_t n = len < room ? len : room;

	remote->writes++;
	if (n)
		memcpy(&remote->memory[to - BASE], from, n);
	return len - n;
}

static void remote_memory(void)
{
	const struct rumpus_user_ops ops = { .read = remote_read, .write = remote_write };
	static struct remote remote;
	struct rumpus *kernel = boot();
	struct rumpus_process *process;
	long fd;

	tap_is(rumpus_process_create_remote(kernel, &ops, &remote, &process), 0, "a process with memory elsewhere");
	rumpus_process_enter(process);
	strcpy((char *)remote.memory, "/far");
	strcpy((char *)remote.memory + 16, "content");
	fd = rumpus_syscall(__NR_openat, AT_FDCWD, BASE, O_CREAT | O_RDWR, 0600, 0, 0);
	tap_is(fd, 0, "a path from there");
	tap_is(rumpus_syscall(__NR_write, fd, BASE + 16, 7, 0, 0, 0), 7, "data from there");
	tap_is(rumpus_syscall(__NR_pread64, fd, BASE + 100, 7, 0, 0, 0), 7, "data to there");
	tap_is(memcmp(&remote.memory[100], "content", 7), 0, "arrive");
	tap_is(rumpus_syscall(__NR_pread64, fd, 16, 7, 0, 0, 0), -EFAULT, "an address that it does not have");
	tap_is(rumpus_syscall(__NR_openat, AT_FDCWD, (long)"/far", O_RDONLY, 0, 0, 0), -EFAULT,
	       "an address of this program's");
	tap_ok(remote.reads && remote.writes, "its operations were used: %u, %u", remote.reads, remote.writes);
	rumpus_process_enter(rumpus_process_first(kernel));
	tap_ok(same("/far", "content"), "a local process sees the file");
	rumpus_process_destroy(process);
	rumpus_halt(kernel);
}

static void *work(void *arg)
{
	char path[32], text[32];
	long errors = 0;

	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/common/%ld.%d", (long)arg, i % 5);
		snprintf(text, sizeof(text), "thread %ld, round %d", (long)arg, i);
		errors += make(path, text) != (long)strlen(text);
		errors += !same(path, text);
	}
	return (void *)errors;
}

static void *identity(void *arg)
{
	return (void *)rumpus_sys_gettid();
}

/* Tasks of the calling thread's process. */
static long tasks(void)
{
	struct stat status = { 0 };

	rumpus_sys_newfstatat(AT_FDCWD, "/proc/self/task", &status, 0);
	return (long)status.st_nlink - 2;
}

static void threads(void)
{
	struct rumpus *kernel = boot();
	pthread_t many[16];
	void *result;
	long errors = 0;
	unsigned int short_of = 0;

	rumpus_sys_mkdirat(AT_FDCWD, "/common", 0755);
	for (long i = 0; i < 16; i++)
		many[i] = fixture_thread(work, (void *)i);
	for (int i = 0; i < 16; i++) {
		pthread_join(many[i], &result);
		errors += (long)result;
	}
	tap_is(errors, 0, "16 threads write and read on 2 virtual CPUs");
	for (int i = 0; i < 1000; i++) {
		pthread_join(fixture_thread(identity, NULL), &result);
		short_of += (long)result <= 0;
	}
	tap_is(short_of, 0, "1000 threads that end without detaching");
	tap_ok(rumpus_sys_faccessat(AT_FDCWD, "/proc", F_OK) == 0 || rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0555) == 0,
	       "/proc");
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	/* Threads that ended may still be on their way out. */
	for (int i = 0; i < 100 && tasks() != 2; i++)
		fixture_sleep(10);
	tap_is(tasks(), 2, "the process has its leader and this thread");
	rumpus_halt(kernel);
}

static struct rumpus_thread *reader;
static int pipe_in[2] = { -1, -1 };

static void *read_pipe(void *arg)
{
	char byte;

	__atomic_store_n(&reader, rumpus_thread_self(), __ATOMIC_RELEASE);
	return (void *)rumpus_sys_read(pipe_in[0], &byte, 1);
}

/* Reading from a signalfd makes the kernel look at the thread's signals, and find none. */
static void *read_signals(void *arg)
{
	uint64_t mask = UINT64_C(1) << (SIGUSR2 - 1);
	char info[128];
	int fd;

	rumpus_sys_rt_sigprocmask(SIG_BLOCK, (void *)&mask, NULL, sizeof(mask));
	fd = (int)rumpus_sys_signalfd4(-1, (void *)&mask, sizeof(mask), 0);
	__atomic_store_n(&reader, rumpus_thread_self(), __ATOMIC_RELEASE);
	return (void *)rumpus_sys_read(fd, info, sizeof(info));
}

static void wait_for_reader(void)
{
	while (!__atomic_load_n(&reader, __ATOMIC_ACQUIRE))
		fixture_sleep(1);
	fixture_sleep(20);
	__atomic_store_n(&reader, NULL, __ATOMIC_RELEASE);
}

static void count_sleep(void *arg)
{
	unsigned int *sleeps = arg;

	__atomic_fetch_add(sleeps, 1, __ATOMIC_RELEASE);
}

/* Reads twice: the first time it is told of its sleeps. */
static void *read_pipe_told(void *arg)
{
	unsigned int *told = arg;
	void *result;

	rumpus_sys_getpid(); /* attaches, which may sleep as well */
	rumpus_thread_on_wait(count_sleep, told);
	result = read_pipe(NULL);
	rumpus_thread_on_wait(NULL, NULL);
	__atomic_store_n(told, 0, __ATOMIC_RELEASE);
	return result == (void *)1 ? read_pipe(NULL) : result;
}

/* A thread is told of its sleeps before it sleeps, and until it wants to know no more. */
static void sleeps(void)
{
	struct rumpus *kernel = boot();
	unsigned int told = 0;
	pthread_t waiting;
	void *result;

	rumpus_sys_pipe2(pipe_in, 0);
	waiting = fixture_thread(read_pipe_told, &told);
	while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE))
		fixture_sleep(1);
	tap_ok(true, "a thread is told that it is about to sleep");
	wait_for_reader();
	rumpus_sys_write(pipe_in[1], "x", 1);
	wait_for_reader();
	tap_is(__atomic_load_n(&told, __ATOMIC_ACQUIRE), 0, "when nobody wants to know, nobody is told");
	rumpus_sys_write(pipe_in[1], "x", 1);
	pthread_join(waiting, &result);
	tap_is((long)result, 1, "it goes on");
	rumpus_halt(kernel);
}

static void interrupt(int number)
{
}

static void signals(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *second;
	struct rumpus_thread *thread;
	struct sigaction action = { .sa_handler = interrupt };
	pthread_t waiting;
	int ends[2];
	void *result;
	char byte;

	rumpus_sys_pipe2(pipe_in, 0);
	waiting = fixture_thread(read_pipe, NULL);
	while (!(thread = __atomic_load_n(&reader, __ATOMIC_ACQUIRE)))
		fixture_sleep(1);
	wait_for_reader();
	rumpus_thread_interrupt(thread);
	pthread_join(waiting, &result);
	tap_is((long)result, -EINTR, "a read is interrupted");

	waiting = fixture_thread(read_signals, NULL);
	while (!(thread = __atomic_load_n(&reader, __ATOMIC_ACQUIRE)))
		fixture_sleep(1);
	wait_for_reader();
	rumpus_thread_interrupt(thread);
	pthread_join(waiting, &result);
	tap_is((long)result, -EINTR, "and one of a signalfd");

	sigaction(SIGUSR1, &action, NULL);
	waiting = fixture_thread(read_pipe, NULL);
	wait_for_reader();
	pthread_kill(waiting, SIGUSR1);
	fixture_sleep(20);
	tap_is(rumpus_sys_write(pipe_in[1], "x", 1), 1, "a host signal arrives inside");
	pthread_join(waiting, &result);
	tap_is((long)result, 1, "the read goes on");

	rumpus_sys_pipe2(ends, 0);
	rumpus_sys_close(ends[0]);
	tap_is(rumpus_sys_write(ends[1], "x", 1), -EPIPE, "SIGPIPE of the kernel's harms nobody");
	tap_is(rumpus_sys_read(pipe_in[0], &byte, 0), 0, "the process lives on");

	rumpus_process_create(kernel, &second);
	rumpus_process_enter(second);
	rumpus_sys_kill((pid_t)rumpus_sys_getpid(), SIGKILL);
	tap_is(rumpus_sys_getpid(), -ESRCH, "a process that was killed makes no calls");
	rumpus_process_enter(rumpus_process_first(kernel));
	tap_ok(rumpus_sys_getpid() > 0, "another one does");
	tap_is(rumpus_process_destroy(second), 0, "what was killed is destroyed");
	rumpus_halt(kernel);
}

/* As <asm/signal.h> has it. */
struct kernel_sigaction {
	unsigned long handler;
	unsigned long flags;
	unsigned long restorer;
	uint64_t mask;
};

static long dispose(int number, unsigned long handler)
{
	const struct kernel_sigaction action = { .handler = handler };

	return rumpus_sys_rt_sigaction(number, &action, NULL, 8);
}

/* Sleeps 60 ms with an alarm after 20. */
static long sleep_with_alarm(void)
{
	const struct itimerval soon = { .it_value = { 0, 20000 } };
	const struct timespec sixty = { 0, 60000000 };

	rumpus_sys_setitimer(ITIMER_REAL, &soon, NULL);
	return rumpus_sys_nanosleep(&sixty, NULL);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static long nanoseconds(struct timespec time)
{
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* A deadline of the host's means the same moment inside, so the two must not even be a tick apart. */
static void clocks(void)
{
	struct timespec before, inside, after;
	struct rumpus *kernel;
	int i;

	for (i = 0; i < 5; i++) {
		kernel = boot();
		clock_gettime(CLOCK_MONOTONIC, &before);
		rumpus_sys_clock_gettime(CLOCK_MONOTONIC, &inside);
		clock_gettime(CLOCK_MONOTONIC, &after);
		rumpus_halt(kernel);
		if (nanoseconds(inside) < nanoseconds(before) || nanoseconds(inside) > nanoseconds(after))
			break;
	}
	tap_is(i, 5, "the monotonic clock is the host's: %ld ns after it, %ld before",
	       nanoseconds(inside) - nanoseconds(before), nanoseconds(after) - nanoseconds(inside));
}

/* Stops its own process. Returns how long the longest call took, of many for 200 ms: the one that it was stopped in. */
static void *stop_and_call(void *arg)
{
	long start, longest;

	if (rumpus_process_enter(arg) != 0)
		return NULL;
	start = milliseconds();
	rumpus_sys_kill((pid_t)rumpus_sys_getpid(), SIGSTOP);
	longest = milliseconds() - start;
	while (milliseconds() < start + 200) {
		long before = milliseconds(), took;

		rumpus_sys_getpid();
		took = milliseconds() - before;
		longest = took > longest ? took : longest;
	}
	return (void *)longest;
}

/* The table of doc/processes.md, row by row. */
static void signal_model(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *first = rumpus_process_first(kernel), *second;
	pthread_t thread;
	void *result;
	long pid;

	rumpus_process_create(kernel, &second);
	rumpus_process_enter(second);
	pid = rumpus_sys_getpid();
	tap_is(rumpus_sys_kill((pid_t)pid, SIGURG), 0, "a signal that is ignored by default");
	tap_is(dispose(SIGTERM, 1), 0, "one is set to be ignored");
	tap_is(rumpus_sys_kill((pid_t)pid, SIGTERM), 0, "and sent");
	tap_is(rumpus_sys_getpid(), pid, "both vanish");
	dispose(SIGALRM, 1);
	tap_is(sleep_with_alarm(), 0, "an ignored alarm does not end a sleep");
	dispose(SIGALRM, 4096);
	tap_is(sleep_with_alarm(), -EINTR, "one with a handler does");
	tap_is(rumpus_sys_getpid(), pid, "and vanishes");

	thread = fixture_thread(stop_and_call, second);
	rumpus_process_enter(first);
	fixture_sleep(100);
	rumpus_sys_kill((pid_t)pid, SIGCONT);
	pthread_join(thread, &result);
	tap_ok((long)result >= 40, "a stopped process waits for SIGCONT: %ld ms", (long)result);

	rumpus_process_enter(second);
	dispose(SIGTERM, 0);
	rumpus_sys_kill((pid_t)pid, SIGTERM);
	tap_is(rumpus_sys_getpid(), -ESRCH, "a signal that ends a process by default");
	rumpus_process_enter(first);
	tap_is(rumpus_process_destroy(second), 0, "what is left is destroyed");
	pid = rumpus_sys_getpid();
	rumpus_sys_kill((pid_t)pid, SIGTERM);
	rumpus_sys_kill((pid_t)pid, SIGKILL);
	tap_is(rumpus_sys_getpid(), pid, "the first process is not ended by signals");
	rumpus_halt(kernel);
}

static void *sleep_inside(void *arg)
{
	const struct timespec hour = { 3600, 0 };

	return (void *)rumpus_sys_nanosleep(&hour, NULL);
}

static void *call_inside(void *arg)
{
	while (rumpus_sys_getppid() >= 0)
		;
	return (void *)rumpus_sys_getppid();
}

static void halts(void)
{
	struct usage before = { 0 }, after;
	bool ok = true;

	for (int round = 0; round < 25; round++) {
		struct rumpus *kernel;
		pthread_t sleeper, caller;
		void *result;

		if (round == 5)
			before = fixture_usage();
		kernel = boot();
		sleeper = fixture_thread(sleep_inside, NULL);
		caller = fixture_thread(call_inside, NULL);
		fixture_sleep(5);
		ok &= rumpus_halt(kernel) == 0;
		pthread_join(sleeper, &result);
		ok &= (long)result == -ESHUTDOWN;
		pthread_join(caller, &result);
		ok &= (long)result == -ESHUTDOWN;
	}
	tap_ok(ok, "25 kernels halted with a sleeping and a busy thread");
	after = fixture_usage();
	tap_note("20 kernels: maps %+ld, descriptors %+ld, threads %+ld, heap %+ld bytes", after.maps - before.maps,
		 after.descriptors - before.descriptors, after.threads - before.threads, after.heap - before.heap);
	tap_ok(after.maps <= before.maps + 2 && after.descriptors == before.descriptors &&
		       after.threads == before.threads && after.heap <= before.heap + 4096,
	       "nothing grows");
}

static void two_kernels(void)
{
	struct rumpus *one = boot(), *other = boot();

	tap_is(make("/which", "other"), 5, "the kernel booted last is entered");
	rumpus_process_enter(rumpus_process_first(one));
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/which", F_OK), -ENOENT, "the other kernel has files of its own");
	make("/which", "one");
	rumpus_process_enter(rumpus_process_first(other));
	tap_ok(same("/which", "other"), "they do not mix");
	rumpus_halt(other);
	tap_is(rumpus_sys_getpid(), -ESHUTDOWN, "one is halted");
	rumpus_process_enter(rumpus_process_first(one));
	tap_ok(same("/which", "one"), "the other runs on");
	rumpus_halt(one);
}

static void forks(void)
{
	struct rumpus *kernel = boot();
	int status = -1;
	pid_t pid;

	make("/kept", "before");
	pid = fork();
	if (pid == 0) {
		bool refused = rumpus_sys_getpid() == -ESHUTDOWN && make("/kept", "child") == -ESHUTDOWN;

		_exit(refused && rumpus_halt(kernel) == -ESHUTDOWN ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_is(status, 0, "a forked child is refused");
	tap_ok(same("/kept", "before"), "the parent's kernel is untouched");
	rumpus_halt(kernel);
}

/* A signal with a handler that is pending for the first process keeps no thread out of it. */
static void attach_with_pending_signal(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *second;
	const struct itimerval second_from_now = { .it_value = { 1, 0 } };
	void *result;

	dispose(SIGALRM, 4096);
	rumpus_sys_setitimer(ITIMER_REAL, &second_from_now, NULL);
	fixture_sleep(1200); /* outside */
	pthread_join(fixture_thread(identity, NULL), &result);
	tap_ok((long)result > 0, "a thread attaches while a signal is pending: %ld", (long)result);
	tap_is(rumpus_process_create(kernel, &second), 0, "and a process is made");
	tap_is(rumpus_process_destroy(second), 0, "and destroyed");
	rumpus_halt(kernel);
}

/* Virtual CPUs that were never started have nobody to wake. */
static void cpus_left_out(void)
{
	struct rumpus *kernel = boot_with(4, "maxcpus=1");

	tap_ok(rumpus_sys_getpid() > 0, "one CPU of four is used");
	tap_is(rumpus_halt(kernel), 0, "and halted");
}

static void ends(void)
{
	struct rumpus *kernel = boot();
	long result = rumpus_sys_reboot(0xfee1dead, 672274793, RB_POWER_OFF, NULL);

	tap_is(result, -ESHUTDOWN, "power off");
	tap_is(rumpus_sys_getpid(), -ESHUTDOWN, "no calls afterwards");
	tap_ok(rumpus_end_reason(kernel), "the reason: %s", rumpus_end_reason(kernel) ? rumpus_end_reason(kernel) : "");
	tap_is(rumpus_halt(kernel), 0, "it is halted");

	kernel = boot();
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0555);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	rumpus_sys_mkdirat(AT_FDCWD, "/empty", 0555);
	tap_ok(rumpus_sys_getpid() > 0, "the next kernel");
	rumpus_halt(kernel);
}

static char end_reason[128];

static void note_end(void *owner, int status, const char *reason)
{
	snprintf(end_reason, sizeof(end_reason), "%s", reason);
}

/* A host with pages of 64 KiB, for the kernel; so far as to its refusal there is nothing else to it. */
static void larger_pages(void)
{
	const struct hyp_config config = { .cpus = 1, .mem_bound = 64 << 20, .exited = note_end };
	const struct hyp_ops *ops = hyp_platform();
	struct loader_image image;
	struct hyp_file *file;
	struct hyp_info info;
	const char *why = "";
	char name[4096];
	struct hyp *h;

	if (ops->init(HYP_VERSION, &config, &(const struct hyp_upcalls){ 0 }, NULL, &h, &info) ||
	    host_image_open(NULL, &file, name, sizeof(name)) || loader_load(ops, h, info.page_size, file, &image, &why))
		tap_abort("no image: %s", why);
	file->ops->close(file);
	info.page_size = 65536;
	tap_is(image.ops->boot(ops, h, &info, ""), -EINVAL, "a host with larger pages: no boot");
	tap_ok(strstr(end_reason, "65536") && strstr(end_reason, "4096"), "which says: %s", end_reason);
	ops->fini(h);
}

int main(void)
{
	tap_note("output has its buffer now: it is no growth");
	processes();
	descriptors_end();
	remote_memory();
	threads();
	sleeps();
	signals();
	signal_model();
	clocks();
	halts();
	two_kernels();
	forks();
	attach_with_pending_signal();
	cpus_left_out();
	ends();
	larger_pages();
	return tap_done();
}
