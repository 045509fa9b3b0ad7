// SPDX-License-Identifier: BSD-2-Clause
/*
 * Remote system calls, through librumpclient and librumpuser: proxy:unix, proxy:tcp.
 *
 * PROXY_SERVER_LIBRARIES in the environment is a folder whose librumpuser.so.0 the server uses, LD_LIBRARY_PATH the same
 * for our librumpclient.so.0. PROXY_ORIGINAL says that one end is NetBSD's own, which cannot tell bad addresses.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"

#define THREADS 8
#define ROUNDS 300
#define BIG (3 << 20)

static bool original;
static unsigned char *memory;

static void check_init(const char *url)
{
	static const char *const bad[] = { "unix:", "unix://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999/",
					   "tcp://nowhere:1/", "tcp://0:80/", "http://x", "" };
	size_t i;
	int fds = own_fds();

	if (!original)
		tap_is(call(KERNEL_NULL, 0, 0, 0), -ENOTCONN, "calls before rumpclient_init()");
	unsetenv("RUMP_SERVER");
	tap_ok(rumpclient_init() == -1 && errno == ENOENT, "no RUMP_SERVER");
	for (i = 0; !original && i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("RUMP_SERVER", bad[i], 1);
		tap_ok(rumpclient_init() == -1 && errno == EINVAL, "RUMP_SERVER=%s is refused", bad[i]);
	}
	setenv("RUMP_SERVER", "unix:///nonexistent/socket", 1);
	tap_ok(rumpclient_init() == -1 && errno == ENOENT, "no such server");
	if (!original)
		tap_is(own_fds(), fds, "failures leave no descriptors");
	setenv("RUMP_SERVER", url, 1);
	tap_is(rumpclient_init(), 0, "rumpclient_init() %s", url);
	tap_is(rumpclient_init(), 0, "and again");
	if (!original)
		tap_is(own_fds(), fds + 1, "one connection");
}

static void check_calls(void)
{
	long numbers[8] = { 1, 20, 300, 4000, 50000, 600000, 7000000, 80000000 };
	register_t retval[2] = { 5, 6 };
	char name[64] = "";
	long pid = call(KERNEL_GETPID, 0, 0, 0);

	tap_is(call(KERNEL_NULL, 0, 0, 0), 0, "a call");
	tap_ok(pid > 1, "a process of its own");
	tap_is(call(KERNEL_GETPPID, 0, 0, 0), 1, "child of init");
	tap_is(call(KERNEL_FAIL, 35, 0, 0), -35, "the kernel's errno is passed as it is");
	tap_is(call(KERNEL_CALLS + 100, 0, 0, 0), -78, "unknown call");
	tap_is(rumpclient_syscall(KERNEL_ADD, numbers, sizeof(numbers), retval), 0, "eight arguments");
	tap_ok(retval[0] == 87654321 && retval[1] == 80000000, "two values");
	retval[0] = 5;
	tap_ok(rumpclient_syscall(KERNEL_FAIL, (long[]){ 1 }, 8, retval) == 1, "failure");
	tap_is(rumpclient_syscall(KERNEL_ADD, numbers, 24, retval), 0, "fewer arguments than the call has");
	if (!original)
		tap_is(retval[0], 321, "the rest is zero");
	tap_ok(call(KERNEL_NAME, (long)name, sizeof(name), 0) > 0, "name of the process");
	tap_ok(!strcmp(name, program_invocation_short_name), "it is the program's");
}

static void check_sizes(void)
{
	static const size_t sizes[] = { 1, 3, 4095, 16384 - 24, 16384 - 40, 16384, 65536, 65537, BIG };
	size_t i, k, size;
	long expected;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size = sizes[i];
		for (expected = 0, k = 0; k < size; k++) {
			memory[k] = k * 7 + (k >> 9);
			expected += memory[k];
		}
		tap_is(call(KERNEL_SUM, (long)memory, size, 0), expected, "copyin of %zu bytes", size);
		memory[size] = 0x55;
		tap_is(call(KERNEL_FILL, (long)memory, size, 0xa7), 0, "copyout of %zu bytes", size);
		for (k = 0; k < size && memory[k] == 0xa7; k++)
			;
		tap_ok(k == size && memory[size] == 0x55, "all of them and no more");
		tap_is(call(KERNEL_INVERT, (long)memory, size, 0), 0, "both ways, %zu bytes", size);
		for (k = 0; k < size && memory[k] == 0x58; k++)
			;
		tap_is(k, size, "all of them");
	}
	tap_is(call(KERNEL_SUM, (long)memory, 0, 0), 0, "nothing to copy");
}

static void check_strings(void)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	strcpy(text, "a string");
	tap_is(call(KERNEL_STRLEN, (long)text, 300, 0), 9, "copyinstr");
	tap_is(call(KERNEL_STRLEN, (long)text, 9, 0), 9, "just enough room");
	memset(text, 'x', sizeof(text));
	if (!original)
		tap_is(call(KERNEL_STRLEN, (long)text, 9, 0), -63, "no terminator: ENAMETOOLONG");
	tap_ok(call(KERNEL_HELLO, (long)text, sizeof(text), 0) >= (long)sizeof(KERNEL_HELLO_STRING), "copyoutstr");
	tap_ok(!strcmp(text, KERNEL_HELLO_STRING), "the string is there");
	/* At the end of what is mapped: the room there is more than the memory. */
	strcpy((char *)memory + BIG + 65536 - 4, "end");
	if (!original)
		tap_is(call(KERNEL_STRLEN, (long)memory + BIG + 65536 - 4, 300, 0), 4, "a string at the end of memory");
}

/* A page in the middle that is not there */
static void check_faults(void)
{
	unsigned char *hole = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tap_is(call(KERNEL_SUM, 16, 8, 0), -EFAULT, "copyin from a bad address");
	tap_is(call(KERNEL_SUM, (long)memory, 1L << 40, 0), -12, "more than the kernel has memory for");
	tap_is(call(KERNEL_STRLEN, 16, 8, 0), -EFAULT, "copyinstr from a bad address");
	tap_is(call(KERNEL_FILL, 16, 8, 0), -EFAULT, "copyout to a bad address");
	tap_is(call(KERNEL_FILL, 16, BIG, 0), -EFAULT, "much copyout to a bad address");
	tap_is(call(KERNEL_HELLO, 0, 100, 0), -EFAULT, "copyoutstr to NULL");
	mprotect(hole + 8192, 4096, PROT_NONE);
	tap_is(call(KERNEL_SUM, (long)hole, 16384, 0), -EFAULT, "copyin with a hole");
	tap_is(call(KERNEL_FILL, (long)hole, 16384, 0), -EFAULT, "copyout with a hole");
	tap_is(call(KERNEL_FILL, (long)hole, BIG, 0), -EFAULT, "much copyout with a hole");
	tap_is(call(KERNEL_STRLEN, (long)hole, 16384, 0), 1, "a string before a hole");
	mprotect(hole, BIG, PROT_READ);
	tap_is(call(KERNEL_FILL, (long)hole, 8, 0), -EFAULT, "copyout to memory that is only read");
	tap_is(call(KERNEL_NULL, 0, 0, 0), 0, "the connection has survived");
	munmap(hole, BIG);
}

static void check_mmap(void)
{
	unsigned char *mapped = (void *)call(KERNEL_MMAP, 1 << 20, 0, 0);

	tap_ok((long)mapped > 0, "anonmmap");
	tap_is(call(KERNEL_FILL, (long)mapped, 1 << 20, 7), 0, "it can be written");
	tap_ok(mapped[0] == 7 && mapped[(1 << 20) - 1] == 7, "and read");
	tap_is(call(KERNEL_MMAP, 1L << 60, 0, 0), -12, "too much");
	munmap(mapped, 1 << 20);
}

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static void check_raise(void)
{
	signal(SIGUSR1, on_signal);
	tap_is(call(KERNEL_RAISE, 30, 0, 0), 0, "raise: NetBSD's 30");
	tap_is(call(KERNEL_NULL, 0, 0, 0), 0, "another call");
	tap_is(caught, SIGUSR1, "is SIGUSR1");
}

static volatile long woken, inside;

/* Interrupts a thread that sleeps in the kernel, or anything else. */
static void on_alarm(int number)
{
	inside = call(KERNEL_GETPID, 0, 0, 0);
	woken = call(KERNEL_WAKE, 0, 0, 0);
}

static void check_handler(void)
{
	const struct itimerval after = { .it_value = { .tv_usec = 50000 } };

	signal(SIGALRM, on_alarm);
	woken = inside = 0;
	setitimer(ITIMER_REAL, &after, NULL);
	tap_is(call(KERNEL_SLEEP, 0, 0, 0), 1, "a call that sleeps until a signal handler wakes it");
	tap_ok(inside > 1 && woken == 1, "the handler's own calls have worked");
}

static void check_storm(void)
{
	const struct itimerval often = { .it_value = { .tv_usec = 300 }, .it_interval = { .tv_usec = 300 } };
	int i, wrong = 0;

	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 2000; i++)
		wrong += call(KERNEL_STRLEN, (long)"storm", 100, 0) != 6;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	tap_is(wrong, 0, "2000 calls under a storm of signals whose handler makes calls");
}

static void *mixed(void *arg)
{
	long id = (long)arg;
	unsigned char *mine = malloc(100000);
	register_t retval[2];
	long numbers[8] = { 0 };
	long wrong = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		size_t size = (i * 977 + id * 131) % 100000 + 1;

		numbers[0] = i;
		numbers[7] = id;
		wrong += rumpclient_syscall(KERNEL_ADD, numbers, sizeof(numbers), retval) || retval[0] != i + id;
		memset(mine, 1, size);
		wrong += call(KERNEL_SUM, (long)mine, size, 0) != (long)size;
		wrong += call(KERNEL_FILL, (long)mine, size, 3) != 0;
		wrong += mine[0] != 3 || mine[size - 1] != 3;
		wrong += call(KERNEL_SUM, (long)mine, size, 0) != 3 * (long)size;
	}
	free(mine);
	return (void *)wrong;
}

static void check_threads(void)
{
	pthread_t threads[THREADS];
	void *wrong;
	long i, total = 0;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, mixed, (void *)i);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &wrong);
		total += (long)wrong;
	}
	tap_is(total, 0, "%d threads with %d calls and copies each", THREADS, ROUNDS * 4);
}

static void *sleeper(void *arg)
{
	return (void *)call(KERNEL_SLEEP, 0, 0, 0);
}

static void *out_sleeper(void *arg)
{
	return (void *)call(KERNEL_OUT_SLEEP, (long)arg, 0, 0);
}

static void check_sleepers(void)
{
	pthread_t threads[THREADS + 1];
	volatile char told = 0;
	void *result;
	long right = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, sleeper, NULL);
	pthread_create(&threads[i], NULL, out_sleeper, (void *)&told);
	while (call(KERNEL_SLEEPERS, 0, 0, 0) < THREADS + 1)
		usleep(1000);
	tap_ok(true, "calls go on while %d others sleep", THREADS + 1);
	tap_is(told, 1, "what a sleeping call has written is there");
	tap_is(call(KERNEL_SUM, (long)memory, 100000, 0) >= 0, 1, "copies, too");
	tap_is(call(KERNEL_WAKE, 0, 0, 0), THREADS + 1, "wake them");
	for (i = 0; i < THREADS + 1; i++) {
		pthread_join(threads[i], &result);
		right += (long)result == (i < THREADS);
	}
	tap_is(right, THREADS + 1, "all have returned");
}

static atomic_bool computed;

static void *computer(void *arg)
{
	long result = call(KERNEL_COMPUTE, (long)arg, 0, 0);

	computed = true;
	return (void *)result;
}

/* The server has two virtual CPUs: one is left for the others. */
static void check_computer(char *address, const char *kind)
{
	pthread_t thread;
	void *result;
	int i, right = 0;

	if (address)
		*address = 5;
	computed = false;
	pthread_create(&thread, NULL, computer, address);
	while (call(KERNEL_COMPUTING, 0, 0, 0) < 1 && !computed)
		usleep(1000);
	for (i = 0; i < 200; i++)
		right += call(KERNEL_GETPID, 0, 0, 0) > 1 && call(KERNEL_STRLEN, (long)"string", 100, 0) == 7;
	tap_is(right, 200, "calls go on while another %s, neither sleeping nor ending", kind);
	tap_is(call(KERNEL_COMPUTING, 0, 0, 0), 1, "which it does still");
	call(KERNEL_ENOUGH, true, 0, 0);
	pthread_join(thread, &result);
	tap_is((long)result, 0, "and then ends");
	tap_ok(!address || *address == 6, "with what it had to write");
	call(KERNEL_ENOUGH, false, 0, 0);
}

static void check_computers(void)
{
	static char byte;

	check_computer(NULL, "computes");
	check_computer(&byte, "has copied something in and computes");
}

int main(int argc, char **argv)
{
	char url[128];
	struct server server;

	original = getenv("PROXY_ORIGINAL");
	memory = mmap(NULL, BIG + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (argc == 2 && !strcmp(argv[1], "tcp"))
		snprintf(url, sizeof(url), "tcp://127.0.0.1:%d/", 20000 + getpid() % 20000);
	else
		snprintf(url, sizeof(url), "unix://proxy.%d", getpid());
	server_start(&server, url);
	check_init(url);
	check_calls();
	check_sizes();
	check_strings();
	if (!original)
		check_faults();
	check_mmap();
	check_raise();
	if (!original) {
		check_handler();
		check_storm();
	}
	check_threads();
	check_sleepers();
	check_computers();
	tap_is(call(KERNEL_REBOOT, 0, 0, 0), 0, "the call that ends the kernel is answered");
	tap_is(wait_status(server.pid), 0, "and the kernel has ended");
	rumpclient_setconnretry(0);
	tap_is(call(KERNEL_NULL, 0, 0, 0), -ENOTCONN, "no more calls");
	return tap_done();
}
