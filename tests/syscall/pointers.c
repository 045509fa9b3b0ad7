// SPDX-License-Identifier: BSD-2-Clause
/*
 * Bad pointers: each pointer argument of each system call, where nothing is mapped, where nothing may be written, at
 * the end of a page without a next one, and beyond what a program can have. The host is asked first, in children; then
 * the kernel in this program is to answer the same, and to live. pointers.tbl says what is passed besides.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/image.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "tap.h"

enum word { VALUE, FILE, DIR, READER, WRITER, EPOLL, TIMER, PIDFD, INOTIFY, IN, OUT, PATH, NEW, ONE };
#define FIRST_POINTER IN

static const struct call {
	const char *name;
	long number;
	unsigned int args;
	struct {
		enum word word;
		long value;
	} arg[6];
	unsigned int answers; /* how many are expected; 0: what the host answers */
	long expected[4];
} calls[] = {
#include "pointers.h"
};

enum {
	CALLS = sizeof(calls) / sizeof(calls[0]),
	PAGE = 4096,
	UNASKED = 1 << 30, /* more than any of these calls returns */
};

/* Where a pointer may point to. Two make sense only for some arguments. */
enum place { LOW, NONCANONICAL, HIGH, UNMAPPED, CROSSING, READ_ONLY, PLACES };
static const char *const places[] = { "a low address",	 "no address at all",	     "an address of the host kernel's",
				      "unmapped memory", "the end of mapped memory", "read-only memory" };

/* Pages: two that may be written, one that may be read, one that nothing may be done with. */
static unsigned char *pages;
#define WRITABLE 0
#define READABLE (2 * PAGE)
#define NOTHING (3 * PAGE)

typedef long answers[6][PLACES];

/* struct side - one of the two kernels, as in side.h, but without anything that is compared by name */
struct kernel {
	long (*call)(long number, long a, long b, long c, long d, long e, long f);
	long fds[INOTIFY + 1];
};

static long call_host(long number, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(number, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}

static struct kernel host = { .call = call_host }, tested = { .call = rumpus_syscall };

static void lay_out(void)
{
	pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		tap_abort("no memory");
	pages[NOTHING - 1] = 'p'; /* no string ends there */
	mprotect(pages + READABLE, PAGE, PROT_READ);
	mprotect(pages + NOTHING, PAGE, PROT_NONE);
}

static void *pointer_to(enum place place)
{
	switch (place) {
	case LOW:
		return (void *)16;
	case NONCANONICAL:
		return (void *)0x0fff000000000000;
	case HIGH:
		return (void *)-4096L;
	case UNMAPPED:
		return pages + NOTHING + 256;
	case CROSSING:
		return pages + NOTHING - 1; /* of the page that can be read */
	default:
		return pages + READABLE + 64;
	}
}

/* The same state on both sides, numbers of descriptors included: there are none before. */
static void prepare(struct kernel *k)
{
	int ends[2] = { -1, -1 };

	k->call(SYS_close_range, 0, ~0U, 0, 0, 0, 0);
	k->call(SYS_unlinkat, AT_FDCWD, (long)"new", 0, 0, 0, 0);
	k->fds[FILE] = k->call(SYS_openat, AT_FDCWD, (long)"file", O_CREAT | O_TRUNC | O_RDWR, 0600, 0, 0);
	k->call(SYS_pwrite64, k->fds[FILE], (long)"some content of a file", 22, 0, 0, 0);
	k->fds[DIR] = k->call(SYS_openat, AT_FDCWD, (long)".", O_RDONLY | O_DIRECTORY, 0, 0, 0);
	k->call(SYS_pipe2, (long)ends, O_NONBLOCK, 0, 0, 0, 0);
	k->fds[READER] = ends[0];
	k->fds[WRITER] = ends[1];
	k->fds[EPOLL] = k->call(SYS_epoll_create1, 0, 0, 0, 0, 0, 0);
	k->fds[TIMER] = k->call(SYS_timerfd_create, CLOCK_MONOTONIC, 0, 0, 0, 0, 0);
	k->fds[PIDFD] = k->call(SYS_pidfd_open, k->call(SYS_getpid, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0);
	k->fds[INOTIFY] = k->call(SYS_inotify_init1, IN_NONBLOCK, 0, 0, 0, 0, 0);
}

/* A good argument. */
static long argument(const struct kernel *k, const struct call *call, unsigned int i)
{
	static const char zeroes[PAGE], path[PAGE] = "file", new[PAGE] = "new";
	static const uint64_t one[PAGE / 8] = { 1 };
	static char out[6][PAGE];

	switch (call->arg[i].word) {
	case VALUE:
		return call->arg[i].value;
	case IN:
		return (long)zeroes;
	case OUT:
		memset(out[i], 0, PAGE);
		return (long)out[i];
	case PATH:
		return (long)path;
	case NEW:
		return (long)new;
	case ONE:
		return (long)one;
	default:
		return k->fds[call->arg[i].word];
	}
}

static long make(struct kernel *k, const struct call *call, unsigned int bad, enum place place)
{
	long args[6] = { 0 };

	prepare(k);
	for (unsigned int i = 0; i < call->args; i++)
		args[i] = i == bad ? (long)pointer_to(place) : argument(k, call, i);
	return k->call(call->number, args[0], args[1], args[2], args[3], args[4], args[5]);
}

static unsigned int progress; /* changes with each call; the watch interrupts one that lasts */

/* Read-only memory is bad only for what is written. */
static void gather(struct kernel *k, const struct call *call, answers answer)
{
	for (unsigned int i = 0; i < call->args; i++)
		for (enum place place = 0; call->arg[i].word >= FIRST_POINTER && place < PLACES; place++) {
			__atomic_add_fetch(&progress, 1, __ATOMIC_SEQ_CST);
			if (place != READ_ONLY || call->arg[i].word == OUT)
				answer[i][place] = make(k, call, i, place);
		}
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
			setpgid(0, 0);
			alarm(10);
			gather(&host, &calls[i], all[i]);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			tap_abort("no more processes");
		if (status)
			tap_note("host: %s ended its process with status 0x%x", calls[i].name, status);
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

static void ask_tested(struct rumpus *kernel, answers *all, const struct rumpus_user_ops *ops)
{
	for (int i = 0; i < CALLS; i++) {
		struct rumpus_process *process;
		int error = rumpus_process_create_remote(kernel, ops, NULL, &process);

		if (error || rumpus_process_enter(process) != 0)
			tap_abort("%s: no process: error %d: %s", calls[i].name, -error,
				  rumpus_end_reason(kernel) ? rumpus_end_reason(kernel) : "");
		__atomic_store_n(&caller, rumpus_thread_self(), __ATOMIC_SEQ_CST);
		tested.call(SYS_chdir, (long)"/place", 0, 0, 0, 0, 0);
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

static void compare(const char *what, answers *hosts, answers *ours)
{
	unsigned int same = 0, absent = 0;

	for (int c = 0; c < CALLS; c++) {
		const struct call *call = &calls[c];
		bool wrong = false;

		for (unsigned int i = 0; i < call->args; i++)
			for (enum place place = 0; place < PLACES; place++) {
				long answer = ours[c][i][place], wanted = hosts[c][i][place];

				if (answer == UNASKED)
					continue;
				if (answer == -ENOSYS && !is_expected(call, answer) && wanted != answer) {
					absent++;
					continue;
				}
				if (call->answers ? is_expected(call, answer) : answer == wanted) {
					same++;
					continue;
				}
				wrong = true;
				tap_note("%s, argument %u, %s: %ld, host %ld", call->name, i + 1, places[place], answer,
					 call->answers ? call->expected[0] : wanted);
			}
		tap_ok(!wrong, "%s: %s", what, call->name);
	}
	tap_note("%s: %u answers as expected, %u of calls that this kernel does not have", what, same, absent);
}

static void forget(answers *all)
{
	for (int i = 0; i < CALLS; i++)
		for (int j = 0; j < 6 * PLACES; j++)
			all[i][j / PLACES][j % PLACES] = UNASKED;
}

static unsigned char mapped_byte(uintptr_t address, bool write)
{
	uintptr_t first = (uintptr_t)pages;

	if (address < PAGE || address >= UINT64_C(1) << 47)
		return 0;
	if (address >= first + NOTHING && address < first + NOTHING + PAGE)
		return 0;
	return !write || address < first + READABLE || address >= first + READABLE + PAGE;
}

static size_t remote_copy(void *to, const void *from, uintptr_t address, size_t len, bool write)
{
	size_t done = 0;

	for (; done < len && mapped_byte(address + done, write); done++)
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

static void test(answers *hosts, answers *ours)
{
	static const struct rumpus_user_ops remote = { .read = remote_read, .write = remote_write };
	struct rumpus *kernel;
	pthread_t thread;

	if (rumpus_boot(NULL, &kernel) != 0)
		tap_abort("no kernel");
	tested.call(SYS_mkdirat, AT_FDCWD, (long)"/place", 0700, 0, 0, 0);
	pthread_create(&thread, NULL, watch, NULL);
	ask_tested(kernel, ours, NULL);
	compare("memory of the program", hosts, ours);
	forget(ours);
	ask_tested(kernel, ours, &remote);
	compare("memory elsewhere", hosts, ours);
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	tap_ok(!rumpus_end_reason(kernel) && rumpus_sys_getpid() == 1, "the kernel lives");
	rumpus_halt(kernel);
}

int main(void)
{
	const size_t size = CALLS * sizeof(answers);
	answers *hosts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	answers *ours = malloc(size);

	if (hosts == MAP_FAILED || !ours)
		tap_abort("no memory");
	lay_out();
	forget(hosts);
	forget(ours);
	if (mkdir("place", 0700) != 0 || chdir("place") != 0)
		tap_abort("no directory");
	ask_host(hosts);
	test(hosts, ours);
	free(ours);
	munmap(hosts, size);
	return tap_done();
}
