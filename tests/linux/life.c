// SPDX-License-Identifier: BSD-2-Clause
/*
 * The life of kernels in a program: a hundred of them one after the other, ten beside each other of which one panics,
 * threads that come and go, and kernels that have nothing to do, with a disk and without, and do nothing. With the
 * argument "long", threads for a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"

static struct rumpus *boot(void)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

/* Resident memory of this process, in KiB. */
static long resident(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		tap_abort("/proc/self/statm cannot be read");
	fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void use(void)
{
	char text[64];
	long fd;

	rumpus_sys_mkdirat(AT_FDCWD, "/t", 0700);
	rumpus_sys_mount("tmpfs", "/t", "tmpfs", 0, NULL);
	fd = rumpus_sys_openat(AT_FDCWD, "/t/file", O_CREAT | O_RDWR, 0600);
	rumpus_sys_write((int)fd, "some text", 9);
	rumpus_sys_pread64((int)fd, text, sizeof(text), 0);
}

/* The first ones leave behind what the C library keeps for the next. */
static void hundred(void)
{
	enum { WARM = 10, KERNELS = 100 };
	struct usage before = { 0 }, after;
	long memory = 0, start = 0;

	for (int i = 0; i < WARM + KERNELS; i++) {
		struct rumpus *kernel;

		if (i == WARM) {
			before = fixture_usage();
			memory = resident();
			start = milliseconds();
		}
		kernel = boot();
		use();
		rumpus_halt(kernel);
	}
	start = milliseconds() - start;
	memory = resident() - memory;
	after = fixture_usage();
	tap_note("%d boots and halts, %ld ms each: resident memory %+ld KiB, heap %+ld bytes", KERNELS, start / KERNELS,
		 memory, after.heap - before.heap);
	tap_is(after.maps, before.maps, "%d boots and halts: as many mappings as before", KERNELS);
	tap_is(after.threads, before.threads, "as many threads");
	tap_is(after.descriptors, before.descriptors, "as many descriptors");
	tap_ok(memory < 256, "as much memory");
}

/* ---- ten beside each other ---- */

enum { TEN = 10, VICTIM = 3, HALTED = 6, BLOCK = 16384, BLOCKS = 32 };

struct one {
	struct rumpus *kernel;
	pthread_t thread;
	unsigned int number, rounds, wrong;
	long result;
	bool stop;
};

static uint64_t checksum(const unsigned char *data, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Writes blocks and reads them back, each with a content of its own, until told to stop or its kernel ends. */
static void *load(void *arg)
{
	struct one *one = arg;
	unsigned char *out = malloc(BLOCK), *in = malloc(BLOCK);
	long fd, result = 0;

	rumpus_process_enter(rumpus_process_first(one->kernel));
	use();
	fd = rumpus_sys_openat(AT_FDCWD, "/t/load", O_CREAT | O_RDWR, 0600);
	while (result >= 0 && !__atomic_load_n(&one->stop, __ATOMIC_SEQ_CST)) {
		long at = (long)(one->rounds % BLOCKS) * BLOCK;

		for (unsigned int i = 0; i < BLOCK; i++)
			out[i] = (unsigned char)(one->number * 31 + one->rounds * 7 + i);
		result = rumpus_sys_pwrite64((int)fd, out, BLOCK, at);
		if (result >= 0)
			result = rumpus_sys_pread64((int)fd, in, BLOCK, at);
		if (result >= 0)
			one->wrong += checksum(in, BLOCK) != checksum(out, BLOCK);
		one->rounds++;
	}
	one->result = result;
	free(out);
	free(in);
	return NULL;
}

/* A disk with an ext4 of its own, and where to mount it. The kernel's first process is entered. */
static void add_disk(struct rumpus *kernel, char *node)
{
	char error[128] = "";

	if (system("rm -f disk && truncate -s 8M disk && mke2fs -q -t ext4 -F disk") != 0)
		tap_abort("mke2fs");
	if (rumpus_disk_add(kernel, "file:disk", 0, node, error, sizeof(error)) != 0)
		tap_abort("disk: %s", error);
	rumpus_process_enter(rumpus_process_first(kernel));
	rumpus_sys_mkdirat(AT_FDCWD, "/ext4", 0700);
}

/* By a file system that is told to panic when something is wrong with it, and then that something is. */
static void panic(struct rumpus *kernel)
{
	char node[32], path[64];
	long fd;

	add_disk(kernel, node);
	rumpus_sys_mkdirat(AT_FDCWD, "/sys", 0700);
	rumpus_sys_mount("sysfs", "/sys", "sysfs", 0, NULL);
	tap_is(rumpus_sys_mount(node, "/ext4", "ext4", 0, "errors=panic"), 0, "a file system that panics");
	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/trigger_fs_error", node + strlen("/dev/"));
	fd = rumpus_sys_openat(AT_FDCWD, path, O_WRONLY, 0);
	tap_is(rumpus_sys_write((int)fd, "an error", 8), -ESHUTDOWN, "one of %d kernels panics", TEN);
	unlink("disk");
}

static void ten(void)
{
	struct one ones[TEN] = { 0 };
	unsigned int wrong = 0, others = 0, seen[TEN];
	long start;

	for (unsigned int i = 0; i < TEN; i++) {
		ones[i].number = i;
		ones[i].kernel = boot();
	}
	for (int i = 0; i < TEN; i++)
		ones[i].thread = fixture_thread(load, &ones[i]);
	fixture_sleep(200);
	panic(ones[VICTIM].kernel);
	pthread_join(ones[VICTIM].thread, NULL);
	tap_is(ones[VICTIM].result, -ESHUTDOWN, "its thread is told");
	tap_ok(strstr(rumpus_end_reason(ones[VICTIM].kernel), "panic forced after error"), "the reason: %s",
	       rumpus_end_reason(ones[VICTIM].kernel));
	tap_is(rumpus_halt(ones[VICTIM].kernel), 0, "it is halted");
	start = milliseconds();
	rumpus_halt(ones[HALTED].kernel);
	tap_note("another is halted under load, in %ld ms", milliseconds() - start);
	pthread_join(ones[HALTED].thread, NULL);
	tap_is(ones[HALTED].result, -ESHUTDOWN, "another is halted under load");
	for (int i = 0; i < TEN; i++)
		seen[i] = __atomic_load_n(&ones[i].rounds, __ATOMIC_SEQ_CST);
	fixture_sleep(300);
	for (int i = 0; i < TEN; i++) {
		if (i == VICTIM || i == HALTED)
			continue;
		__atomic_store_n(&ones[i].stop, true, __ATOMIC_SEQ_CST);
		pthread_join(ones[i].thread, NULL);
		others += ones[i].rounds > seen[i] && ones[i].result == BLOCK;
		rumpus_halt(ones[i].kernel);
	}
	for (int i = 0; i < TEN; i++)
		wrong += ones[i].wrong;
	tap_is(others, TEN - 2, "the others go on");
	tap_is(wrong, 0, "and every block has its checksum");
}

/* ---- threads that come and go ---- */

static void *call_once(void *arg)
{
	return (void *)rumpus_sys_gettid();
}

/* Threads that end without detaching, at most a thousand a second; returns how many made no call. */
static unsigned int come_and_go(unsigned int threads)
{
	enum { BATCH = 10 };
	long start = milliseconds();
	unsigned int failed = 0;
	pthread_t some[BATCH];
	void *result;

	for (unsigned int done = 0; done < threads; done += BATCH) {
		for (unsigned int i = 0; i < BATCH; i++)
			some[i] = fixture_thread(call_once, NULL);
		for (unsigned int i = 0; i < BATCH; i++) {
			pthread_join(some[i], &result);
			failed += (long)result <= 0;
		}
		if (milliseconds() - start < done)
			fixture_sleep(10);
	}
	return failed;
}

/* Resident memory that the kernel does not hold free, in KiB. */
static long used(void)
{
	struct sysinfo info = { 0 };

	rumpus_sys_sysinfo(&info);
	return resident() - (long)(info.freeram * info.mem_unit / 1024);
}

/* What the kernel has taken for objects of its own, in KiB. */
static long kernel_memory(void)
{
	char text[4096] = "";
	long fd, total = 0;

	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0555);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	fd = rumpus_sys_openat(AT_FDCWD, "/proc/meminfo", O_RDONLY, 0);
	rumpus_sys_read((int)fd, text, sizeof(text) - 1);
	rumpus_sys_close((int)fd);
	for (const char *const *name = (const char *const[]){ "\nSlab:", "\nKernelStack:", "\nPageTables:", NULL };
	     *name; name++) {
		const char *line = strstr(text, *name);

		if (!line)
			tap_abort("/proc/meminfo inside has no%s", *name);
		total += strtol(line + strlen(*name), NULL, 10);
	}
	return total;
}

/* KiB: caches of the kernel's breathe. */
#define MORE 2048

static void attach_and_detach(unsigned int threads)
{
	struct rumpus *kernel = boot();
	struct usage before, after;
	long memory, inside, start;
	unsigned int failed = come_and_go(1000);

	before = fixture_usage();
	memory = used();
	inside = kernel_memory();
	start = milliseconds();
	failed += come_and_go(threads);
	start = milliseconds() - start;
	fixture_sleep(100);
	inside = kernel_memory() - inside;
	memory = used() - memory;
	after = fixture_usage();
	tap_note("%u threads in %ld ms, %ld a second: memory %+ld KiB, inside %+ld KiB, heap %+ld bytes", threads,
		 start, threads * 1000L / (start ? start : 1), memory, inside, after.heap - before.heap);
	tap_is(failed, 0, "%u threads make a call each and end", threads);
	tap_ok(after.maps <= before.maps + 2 && after.threads == before.threads && memory < MORE && inside < MORE,
	       "nothing grows, outside or inside");
	rumpus_halt(kernel);
}

/* ---- nothing to do ---- */

/*
 * What booting, mounting and writing have left to do takes seconds, and more on a busy host: see how it goes down to
 * nothing.
 */
static bool comes_to_rest(const char *what)
{
	long seen = fixture_wakeups(), now;
	int quiet = 0;

	for (int second = 0; second < 60 && quiet < 3; second++) {
		fixture_sleep(1000);
		now = fixture_wakeups();
		tap_note("%s: second %d: %ld wake-ups", what, second, now - seen);
		quiet = now == seen ? quiet + 1 : 0;
		seen = now;
	}
	return quiet == 3;
}

static void idle(void)
{
	struct rumpus *kernel = boot();

	use();
	tap_ok(comes_to_rest("idle"), "an idle kernel: no wake-up in three seconds");
	tap_is(rumpus_sys_getpid(), 1, "it is there all the same");
	rumpus_halt(kernel);
}

/* A file system on a disk, with something written: its journal and the disk's threads rest as well. */
static void idle_with_disk(void)
{
	struct rumpus *kernel = boot();
	char node[32], text[16] = "";
	long fd;

	add_disk(kernel, node);
	tap_is(rumpus_sys_mount(node, "/ext4", "ext4", 0, NULL), 0, "mount a disk");
	fd = rumpus_sys_openat(AT_FDCWD, "/ext4/file", O_CREAT | O_RDWR, 0600);
	tap_is(rumpus_sys_write((int)fd, "some text", 9), 9, "write there");
	tap_is(rumpus_sys_fsync((int)fd), 0, "onto the disk");
	tap_ok(comes_to_rest("a disk"), "an idle kernel with a mounted disk: no wake-up in three seconds");
	tap_is(rumpus_sys_pread64((int)fd, text, sizeof(text), 0), 9, "the file can be read all the same");
	rumpus_sys_close((int)fd);
	tap_is(rumpus_sys_umount2("/ext4", 0), 0, "unmount");
	rumpus_halt(kernel);
	unlink("disk");
}

int main(int argc, char **argv)
{
	tap_note("output has its buffer now: it is no growth");
	mallopt(M_ARENA_MAX, 1); /* which thread comes to have which arena is chance */
	if (argc > 1 && strcmp(argv[1], "long") == 0) {
		attach_and_detach(60000);
		return tap_done();
	}
	hundred();
	ten();
	attach_and_detach(2000);
	idle();
	idle_with_disk();
	return tap_done();
}
