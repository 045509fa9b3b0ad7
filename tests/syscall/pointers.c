// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bad pointers: each pointer argument of each system call, where nothing is mapped, where nothing may be written, at
 * the end of a page without a next one, and beyond what a program can have. The host is asked first, in children; then
 * the kernel in this program is to answer the same, and to live. pointers.tbl says what is passed besides.
 *
 * usage: pointers [net]: with the image that has a network
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/image.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "arguments.h"
#include "tap.h"

/* Images, as bits of struct call's absent */
#define FS 1
#define NET 2

static const struct call calls[] = {
#include "pointers.h"
};

enum {
	CALLS = sizeof(calls) / sizeof(calls[0]),
	UNASKED = 1 << 30, /* more than any of these calls returns */
};

static const char *const places[] = { "a low address",	 "no address at all",	     "an address of the host kernel's",
				      "unmapped memory", "the end of mapped memory", "read-only memory" };

typedef long answers[6][PLACES];

static long call_host(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}

static struct kernel host = { .call = call_host }, tested = { .call = rumpus_syscall };
static unsigned int image = FS, version; /* of the kernel that is tested */

static unsigned int progress; /* changes with each call; the watch interrupts one that lasts */

static void gather(struct kernel *k, const struct call *call, answers answer)
{
	for (unsigned int i = 0; i < call->args; i++)
		for (enum place place = 0; place < PLACES; place++) {
			__atomic_add_fetch(&progress, 1, __ATOMIC_SEQ_CST);
			if (arguments_bad(call, i, place))
				answer[i][place] = arguments_call(k, call, i, place);
		}
}

static void handler(int number)
{
	(void)number;
}

/* In a child, because a call may do something to its process. */
static void ask_host(answers *all)
{
	for (int i = 0; i < CALLS; i++) {
		int status;
		pid_t pid;

		if (calls[i].answers)
			continue;
		pid = fork();
		if (pid == 0) {
			const struct sigaction action = { .sa_handler = handler };

			setpgid(0, 0);
			alarm(10);
			sigaction(SIGUSR1, &action, NULL);
			gather(&host, &calls[i], all[i]);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			tap_abort("no more processes");
		if (status)
			tap_note("host: %s ended its process with status 0x%x", calls[i].label, status);
	}
}

static struct rumpus_thread *caller;
static bool over;

static void *watch(void *arg)
{
	const struct timespec second = { 1, 0 };
	unsigned int seen = 0, late = 0;

	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		unsigned int now = __atomic_load_n(&progress, __ATOMIC_SEQ_CST);

		late = now == seen ? late + 1 : 0;
		seen = now;
		if (late > 2)
			rumpus_thread_interrupt(__atomic_load_n(&caller, __ATOMIC_SEQ_CST));
		nanosleep(&second, NULL);
	}
	return NULL;
}

/* The kernel calls no handler; that there is one makes a signal interrupt calls. */
static void handle_signals(void)
{
	const struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = { .handler = handler };

	tested.call(SYS_rt_sigaction, SIGUSR1, (long)&action, 0, 8, 0, 0);
}

static void ask_tested(struct rumpus *kernel, answers *all, const struct rumpus_user_ops *ops)
{
	for (int i = 0; i < CALLS; i++) {
		struct rumpus_process *process;
		int error;

		if (calls[i].local && ops)
			continue;
		error = rumpus_process_create_remote(kernel, ops, NULL, &process);
		if (error || rumpus_process_enter(process) != 0)
			tap_abort("%s: no process: error %d: %s", calls[i].label, -error,
				  rumpus_end_reason(kernel) ? rumpus_end_reason(kernel) : "");
		__atomic_store_n(&caller, rumpus_thread_self(), __ATOMIC_SEQ_CST);
		tested.call(SYS_chdir, (long)"/place", 0, 0, 0, 0, 0);
		handle_signals();
		gather(&tested, &calls[i], all[i]);
		__atomic_store_n(&caller, NULL, __ATOMIC_SEQ_CST);
		rumpus_process_enter(rumpus_process_first(kernel));
		rumpus_process_destroy(process);
	}
}

static bool is_expected(const struct call *call, long answer)
{
	for (int i = 0; i < (int)call->answers; i++)
		if (answer == call->expected[i])
			return true;
	return false;
}

/* May this image lack the call? */
static bool may_be_absent(const struct call *call)
{
	return (call->absent & image) || call->since > version;
}

static bool is_right(const struct call *call, long answer, long hosts)
{
	if (call->answers)
		return is_expected(call, answer);
	return answer == (hosts == -ENOSYS ? -EFAULT : hosts); /* a host that lacks the call cannot tell */
}

/* A pointer that is never refused has not been looked at: the call ended before, and the test tested nothing. */
static bool is_reached(const struct call *call, unsigned int i, const long answer[PLACES])
{
	bool reached = false;

	for (enum place place = 0; place < PLACES; place++)
		reached |= answer[place] == -EFAULT;
	if (reached == !(call->unread & 1 << i))
		return true;
	tap_note("%s, argument %u: %s", call->label, i + 1,
		 reached ? "EFAULT although pointers.tbl says that it is not read" : "no bad pointer gives EFAULT");
	return false;
}

/* Returns whether all answers about one call are right; counts them, and those of a call that is not there. */
static bool judge(const struct call *call, answers hosts, answers ours, unsigned int *same, unsigned int *absent)
{
	const unsigned int absent_before = *absent;
	bool right = true;

	for (unsigned int i = 0; i < call->args; i++)
		for (enum place place = 0; place < PLACES; place++) {
			long answer = ours[i][place];

			if (answer == UNASKED)
				continue;
			if (answer == -ENOSYS && !call->refused && may_be_absent(call)) {
				++*absent;
			} else if (is_right(call, answer, hosts[i][place])) {
				++*same;
			} else {
				right = false;
				tap_note("%s, argument %u, %s: %ld, expected %ld", call->label, i + 1, places[place],
					 answer, call->answers ? call->expected[0] : hosts[i][place]);
			}
		}
	for (unsigned int i = 0; i < call->args && !call->refused && *absent == absent_before; i++)
		if (arguments_bad(call, i, UNMAPPED) && !is_reached(call, i, ours[i]))
			right = false;
	return right;
}

static void compare(const char *what, bool remote, answers *hosts, answers *ours)
{
	unsigned int same = 0, absent = 0;

	for (int c = 0; c < CALLS; c++)
		if (!(remote && calls[c].local))
			tap_ok(judge(&calls[c], hosts[c], ours[c], &same, &absent), "%s: %s", what, calls[c].label);
	tap_note("%s: %u answers as expected, %u of calls that this kernel does not have", what, same, absent);
}

static void forget(answers *all)
{
	for (int i = 0; i < CALLS; i++)
		for (int j = 0; j < 6 * PLACES; j++)
			all[i][j / PLACES][j % PLACES] = UNASKED;
}

static size_t remote_copy(void *to, const void *from, uintptr_t address, size_t len, bool write)
{
	size_t done = 0;

	for (; done < len && arguments_mapped(address + done, write); done++)
		((volatile unsigned char *)to)[done] = ((const unsigned char *)from)[done];
	return len - done;
}

static size_t remote_read(void *cookie, void *to, uintptr_t from, size_t len)
{
	return remote_copy(to, (const void *)from, from, len, false);
}

static size_t remote_write(void *cookie, uintptr_t to, const void *from, size_t len)
{
	return remote_copy((void *)to, from, to, len, true);
}

static struct rumpus *boot(void)
{
	const char *build = getenv("RUMPUS_BUILD");
	struct rumpus_config config = { .size = sizeof(config) };
	struct rumpus *kernel;
	char path[4096];

	if (image == NET) {
		snprintf(path, sizeof(path), "%s/lib/rumpus/linux-net.img", build ? build : "build");
		config.image = path;
	}
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("%s: no kernel", image == NET ? path : "the image");
	return kernel;
}

/* Where the calls are made, and, in an image with file systems, one that has quotas. */
static void mount_all(struct rumpus *kernel)
{
	char error[256];

	rumpus_sys_mkdirat(AT_FDCWD, "/place", 0700);
	if (rumpus_sys_mount("none", "/place", "tmpfs", 0, NULL) != 0)
		tap_abort("no tmpfs");
	if (image != FS)
		return;
	if (system("truncate -s 4M disk.img && mkfs.ext4 -qF disk.img") != 0)
		tap_abort("mkfs.ext4");
	if (rumpus_disk_add(kernel, "file:disk.img", 0, tested.disk, error, sizeof(error)) != 0)
		tap_abort("disk: %s", error);
	rumpus_sys_mkdirat(AT_FDCWD, "/disk", 0700);
	if (rumpus_sys_mount(tested.disk, "/disk", "ext4", 0, NULL) != 0)
		tap_abort("no ext4");
}

static unsigned int release(void)
{
	struct utsname name = { 0 };
	unsigned int major = 0, minor = 0;

	rumpus_sys_uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2)
		tap_abort("what version is '%s'?", name.release);
	return major << 8 | minor;
}

static void test(struct rumpus *kernel, answers *hosts, answers *ours)
{
	static const struct rumpus_user_ops remote = { .read = remote_read, .write = remote_write };
	pthread_t thread;

	version = release();
	mount_all(kernel);
	pthread_create(&thread, NULL, watch, NULL);
	ask_tested(kernel, ours, NULL);
	compare("memory of the program", false, hosts, ours);
	forget(ours);
	ask_tested(kernel, ours, &remote);
	compare("memory elsewhere", true, hosts, ours);
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	tap_ok(!rumpus_end_reason(kernel) && rumpus_sys_getpid() == 1, "the kernel lives");
}

int main(int argc, char **argv)
{
	const size_t size = CALLS * sizeof(answers);
	answers *hosts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	answers *ours = malloc(size);
	struct rumpus *kernel;

	if (hosts == MAP_FAILED || !ours)
		tap_abort("no memory");
	if (argc > 1 && strcmp(argv[1], "net") == 0)
		image = NET;
	arguments_lay_out();
	forget(hosts);
	forget(ours);
	if (mkdir("place", 0700) != 0 || chdir("place") != 0)
		tap_abort("no directory");
	ask_host(hosts);
	kernel = boot();
	test(kernel, hosts, ours);
	rumpus_halt(kernel);
	free(ours);
	munmap(hosts, size);
	return tap_done();
}
