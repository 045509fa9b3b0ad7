// SPDX-License-Identifier: BSD-2-Clause
/*
 * Measurements with several threads: calls, hand-overs, files, timers, ends.
 *
 * Each prints its numbers on one line, in seconds or counts a second. bench/run decides what runs when, and compares.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define CALLS 2000000
#define ROUNDS 50000
#define FILE_SIZE (16 << 20)
#define PIECE (64 << 10)
#define OVERWRITES 40
#define SYNCED_OVERWRITES 4
#define TICKS 1000
#define TICK_NS 1000000
#define THREADS_MAX 16
#define SECONDS 2

static struct rumpus *kernel;

static void fail(const char *what, long error)
{
	fprintf(stderr, "threads: %s: %s\n", what, strerror(-error));
	exit(1);
}

static long must(const char *what, long result)
{
	if (result < 0)
		fail(what, result);
	return result;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void boot(unsigned int cpus)
{
	const struct rumpus_config config = { .size = sizeof(config), .cpus = cpus };

	must("boot", rumpus_boot(&config, &kernel));
}

static void mount_image(const char *image)
{
	char disk[32], spec[4096], error[256] = "";

	snprintf(spec, sizeof(spec), "file:%s", image);
	must(error, rumpus_disk_add(kernel, spec, 0, disk, error, sizeof(error)));
	must("mkdir", rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0755));
	must("mount", rumpus_sys_mount(disk, "/mnt", "ext4", 0, NULL));
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fail("sched_setaffinity", -errno);
}

/*
 * Runs @n threads at one time, after each has said that it is ready. Returns the seconds that all took.
 */
struct crew {
	void (*work)(unsigned int index);
	unsigned int index;
	pthread_barrier_t *start;
};

static void *crew_main(void *arg)
{
	const struct crew *crew = arg;

	rumpus_sys_getppid(); /* attach */
	pthread_barrier_wait(crew->start);
	crew->work(crew->index);
	return NULL;
}

static double together(unsigned int n, void (*work)(unsigned int index))
{
	struct crew crew[THREADS_MAX];
	pthread_t thread[THREADS_MAX];
	pthread_barrier_t start;
	unsigned int i;
	double begin;
	int error;

	pthread_barrier_init(&start, NULL, n + 1);
	for (i = 0; i < n; i++) {
		crew[i] = (struct crew){ .work = work, .index = i, .start = &start };
		error = pthread_create(&thread[i], NULL, crew_main, &crew[i]);
		if (error)
			fail("pthread_create", -error);
	}
	pthread_barrier_wait(&start);
	begin = now();
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
	return now() - begin;
}

/* ---- null: seconds a call, of each of two threads ---- */

static void null_calls(unsigned int index)
{
	long i;

	(void)index;
	for (i = 0; i < CALLS; i++)
		rumpus_sys_getppid();
}

static void measure_null(void)
{
	boot(2);
	printf("%.12f\n", together(2, null_calls) / CALLS);
}

/* ---- pipe: seconds a round trip ---- */

static int there[2], back[2];
static bool on_host, pinned;

static void pass(int out, int in, bool first)
{
	char byte = 0;
	int i;

	if (pinned)
		pin(0);
	for (i = 0; i < ROUNDS; i++) {
		if (first && (on_host ? write(out, &byte, 1) : rumpus_sys_write(out, &byte, 1)) != 1)
			fail("write", -EIO);
		if ((on_host ? read(in, &byte, 1) : rumpus_sys_read(in, &byte, 1)) != 1)
			fail("read", -EIO);
		if (!first && (on_host ? write(out, &byte, 1) : rumpus_sys_write(out, &byte, 1)) != 1)
			fail("write", -EIO);
	}
}

static void pass_byte(unsigned int index)
{
	if (index == 0)
		pass(there[1], back[0], true);
	else
		pass(back[1], there[0], false);
}

static void measure_pipe(const char *where, const char *how)
{
	on_host = strcmp(where, "host") == 0;
	pinned = strcmp(how, "pinned") == 0;
	boot(2);
	if (on_host) {
		if (pipe(there) != 0 || pipe(back) != 0)
			fail("pipe", -errno);
	} else {
		must("pipe", rumpus_sys_pipe2(there, 0));
		must("pipe", rumpus_sys_pipe2(back, 0));
	}
	printf("%.12f\n", together(2, pass_byte) / ROUNDS);
}

/* ---- files: bytes a second of one thread, of two; overwriting what is cached, then with fsync ---- */

static bool with_fsync;

static void overwrite(unsigned int index)
{
	static const char piece[PIECE];
	int i, rounds = with_fsync ? SYNCED_OVERWRITES : OVERWRITES;
	char path[32];
	long at, fd;

	snprintf(path, sizeof(path), "/mnt/file%u", index);
	fd = must(path, rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0600));
	for (i = 0; i < rounds; i++) {
		for (at = 0; at < FILE_SIZE; at += PIECE)
			must("write", rumpus_sys_pwrite64((int)fd, piece, PIECE, at));
		if (with_fsync)
			must("fsync", rumpus_sys_fsync((int)fd));
	}
	rumpus_sys_close((int)fd);
}

static double speed(unsigned int threads)
{
	int rounds = with_fsync ? SYNCED_OVERWRITES : OVERWRITES;

	return (double)threads * rounds * FILE_SIZE / together(threads, overwrite);
}

static void measure_files(const char *image)
{
	double one, two;

	boot(2);
	mount_image(image);
	speed(2); /* what is overwritten */
	one = speed(1);
	two = speed(2);
	printf("%.0f %.0f ", one, two);
	with_fsync = true;
	one = speed(1);
	two = speed(2);
	printf("%.0f %.0f\n", one, two);
	must("unmount", rumpus_sys_umount2("/mnt", 0));
}

/* ---- ends: seconds of a clean unmount, of a halt ---- */

static void measure_ends(const char *image)
{
	double begin, unmounted;

	boot(2);
	mount_image(image);
	overwrite(0);
	rumpus_sys_sync();
	begin = now();
	must("unmount", rumpus_sys_umount2("/mnt", 0));
	unmounted = now();
	must("halt", rumpus_halt(kernel));
	printf("%.9f %.9f\n", unmounted - begin, now() - unmounted);
}

/* ---- timers: how late a sleeper wakes, in seconds, median and 99th percentile, while another thread writes ---- */

static atomic_bool done;
static double late[TICKS];

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sleep_or_write(unsigned int index)
{
	struct timespec next;
	int i;

	if (index) {
		while (!atomic_load(&done))
			overwrite(index);
		return;
	}
	for (i = 0; i < TICKS; i++) {
		clock_gettime(CLOCK_MONOTONIC, &next);
		next.tv_nsec += TICK_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		must("clock_nanosleep", rumpus_sys_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL));
		late[i] = now() - (next.tv_sec + next.tv_nsec / 1e9);
	}
	atomic_store(&done, true);
}

static void measure_timer(const char *image)
{
	boot(2);
	mount_image(image);
	together(2, sleep_or_write);
	qsort(late, TICKS, sizeof(late[0]), compare);
	printf("%.9f %.9f\n", late[TICKS / 2], late[TICKS * 99 / 100]);
	must("unmount", rumpus_sys_umount2("/mnt", 0));
}

/* ---- cpus: turns a second of two threads for each processor, on so many virtual CPUs ---- */

static atomic_long turns;

static void mixed_calls(unsigned int index)
{
	char path[32], block[512] = "";
	double end = now() + SECONDS;
	long i, count = 0, fd;

	snprintf(path, sizeof(path), "/shared%u", index / 2);
	fd = must(path, rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0600));
	snprintf(path, sizeof(path), "/own%u", index);
	while (now() < end) {
		for (i = 0; i < 16; i++)
			rumpus_sys_pwrite64((int)fd, block, sizeof(block), 0);
		rumpus_sys_close((int)must(path, rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0600)));
		rumpus_sys_unlinkat(AT_FDCWD, path, 0);
		count++;
	}
	atomic_fetch_add(&turns, count);
}

static void measure_cpus(const char *cpus, const char *threads)
{
	double seconds;

	boot((unsigned int)atoi(cpus));
	seconds = together((unsigned int)atoi(threads), mixed_calls);
	printf("%.0f\n", atomic_load(&turns) / seconds);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "null") == 0 && argc == 2)
		measure_null();
	else if (strcmp(what, "pipe") == 0 && argc == 4)
		measure_pipe(argv[2], argv[3]);
	else if (strcmp(what, "files") == 0 && argc == 3)
		measure_files(argv[2]);
	else if (strcmp(what, "ends") == 0 && argc == 3)
		measure_ends(argv[2]);
	else if (strcmp(what, "timer") == 0 && argc == 3)
		measure_timer(argv[2]);
	else if (strcmp(what, "cpus") == 0 && argc == 4 && atoi(argv[2]) > 0 && atoi(argv[3]) > 0 &&
		 atoi(argv[3]) <= THREADS_MAX)
		measure_cpus(argv[2], argv[3]);
	else {
		fprintf(stderr, "usage: threads null | pipe rumpus|host pinned|free | files IMAGE | ends IMAGE | timer IMAGE | "
				"cpus CPUS THREADS\n");
		return 2;
	}
	return 0;
}
