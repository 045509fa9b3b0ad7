// SPDX-License-Identifier: BSD-2-Clause
/* Memory of a kernel, measured from outside: small at first, grows with need, comes back, caches stay in their bound. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "posix.h"

#define MIB (1L << 20)
#define PIECE MIB
#define POPULATE_WRITE 23

/* ---- a host whose memory ends: what the platform asks it for, mem_commit(), passes here ---- */

static atomic_long host_has = -1; /* bytes that are left; -1: no end */
static atomic_long host_refused;

int madvise(void *addr, size_t size, int advice)
{
	if (advice == POPULATE_WRITE && atomic_load(&host_has) >= 0) {
		if (atomic_fetch_sub(&host_has, (long)size) < (long)size) {
			atomic_fetch_add(&host_has, (long)size);
			atomic_fetch_add(&host_refused, 1);
			errno = ENOMEM;
			return -1;
		}
	}
	return (int)syscall(SYS_madvise, addr, size, advice);
}

/* ---- helpers ---- */

static char piece[PIECE], expected[PIECE];

static long resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0;

	if (!file)
		tap_abort("/proc/self/smaps_rollup: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Pss: %ld kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

/* Waits until at most @bytes are resident; seconds rather than for ever. */
static long settle(long bytes)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	long now = resident();
	int i;

	for (i = 0; i < 200 && now > bytes; i++) {
		nanosleep(&pause, NULL);
		now = resident();
	}
	return now;
}

static struct rumpus *boot_by(const struct rumpus_config *config)
{
	struct rumpus *kernel;
	int error = rumpus_boot(config, &kernel);

	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

static struct rumpus *boot_with(uint64_t memory, uint64_t cache, unsigned int cpus, uint32_t mappings)
{
	struct rumpus_config config = fixture_config(NULL);

	config.image = NULL;
	config.memory = memory;
	config.cache = cache;
	config.cpus = cpus;
	config.mappings = mappings;
	return boot_by(&config);
}

/* Writes @size bytes to @path; returns how many went there. */
static long fill(const char *path, long size, unsigned int seed)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_TRUNC | O_WRONLY, 0644), done = 0, n;

	if (fd < 0)
		tap_abort("%s: error %ld", path, -fd);
	memset(piece, (int)seed, sizeof(piece));
	while (done < size) {
		n = rumpus_sys_write((int)fd, piece, PIECE);
		if (n <= 0) {
			tap_note("%s: after %ld MiB: %ld", path, done / MIB, n);
			break;
		}
		done += n;
	}
	rumpus_sys_close((int)fd);
	return done;
}

static bool holds(const char *path, long size, unsigned int seed)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0), done = 0, n = fd;

	memset(expected, (int)seed, sizeof(expected));
	while (done < size && (n = rumpus_sys_read((int)fd, piece, PIECE)) > 0) {
		if (memcmp(piece, expected, (size_t)n) != 0)
			break;
		done += n;
	}
	if (done < size)
		tap_note("%s: from %ld of %ld on: %ld", path, done, size, n);
	rumpus_sys_close((int)fd);
	return done == size;
}

/* ---- tests ---- */

/* What sanitizers take is on top of what a normal kernel does: the variants of it have longer names. */
static bool is_variant(void)
{
	const char *image = getenv("RUMPUS_IMAGE");

	return image && strstr(image, "/linux-");
}

static void figure(bool within, const char *what, long value, const char *unit)
{
	if (is_variant())
		tap_skip(1, "figures are those of the normal kernel");
	else
		tap_ok(within, "%s: %ld %s", what, value, unit);
}

static void grows_and_returns(void)
{
	long before, start, full, after;
	struct rumpus *kernel = boot_with(0, 0, 2, 0);

	memset(piece, 1, sizeof(piece));
	memset(expected, 1, sizeof(expected));
	rumpus_halt(kernel); /* what the program has once and for all is there now */
	before = resident();
	kernel = boot_with(0, 0, 2, 0);
	start = resident() - before;
	figure(start < 16 * MIB, "a kernel begins with", start / 1024, "KiB");
	rumpus_sys_mkdirat(AT_FDCWD, "/tmp", 0700);
	tap_is(rumpus_sys_mount("none", "/tmp", "tmpfs", 0, "size=90%"), 0, "mount a file system in memory");
	tap_is(fill("/tmp/a", 600 * MIB, 1), 600 * MIB, "600 MiB in files of memory");
	full = resident() - before;
	figure(full > 600 * MIB && full < 680 * MIB, "they are there", full / MIB, "MiB");
	tap_ok(holds("/tmp/a", 600 * MIB, 1), "with the right bytes");
	tap_is(rumpus_sys_unlinkat(AT_FDCWD, "/tmp/a", 0), 0, "remove them");
	after = settle(before + 48 * MIB) - before;
	figure(after < 48 * MIB, "free memory went back to the host, but for", after / MIB, "MiB");
	tap_is(fill("/tmp/a", 300 * MIB, 2), 300 * MIB, "write again");
	tap_ok(holds("/tmp/a", 300 * MIB, 2), "what came back reads well");
	rumpus_halt(kernel);
	after = resident() - before;
	tap_ok(after < 2 * MIB, "halted: %ld KiB are left", after / 1024);
}

static void cache_bound(void)
{
	long before = resident(), most;
	struct rumpus *kernel = boot_with(0, 64 * MIB, 2, 0);
	char name[32], error[256];

	rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0700);
	if (system("rm -f memory.img && truncate -s 1G memory.img && mkfs.ext4 -qF memory.img") != 0)
		tap_abort("mkfs.ext4");
	if (rumpus_disk_add(kernel, "file:memory.img", 0, name, error, sizeof(error)) != 0)
		tap_abort("disk: %s", error);
	tap_is(rumpus_sys_mount(name, "/mnt", "ext4", 0, NULL), 0, "mount ext4");
	tap_is(fill("/mnt/a", 400 * MIB, 3), 400 * MIB, "write 400 MiB through a cache of 64 MiB");
	most = resident() - before;
	figure(most < 112 * MIB, "memory stays small", most / MIB, "MiB");
	tap_ok(holds("/mnt/a", 400 * MIB, 3), "read it back");
	most = resident() - before;
	figure(most > 32 * MIB && most < 112 * MIB, "reading fills the cache and no more", most / MIB, "MiB");
	rumpus_sys_umount2("/mnt", 0);
	rumpus_halt(kernel);
	unlink("memory.img");
}

static void *fill_beside(void *done)
{
	*(long *)done = fill("/tmp/beside", 512 * MIB, 4);
	return NULL;
}

/* Two threads, so that two virtual CPUs look for memory that there is not */
static void bounded(long bound, unsigned int cpus)
{
	struct rumpus *kernel = boot_with((uint64_t)bound, 0, cpus, 0);
	pthread_t thread;
	long done, beside;

	rumpus_sys_mkdirat(AT_FDCWD, "/tmp", 0700);
	rumpus_sys_mount("none", "/tmp", "tmpfs", 0, "size=1G");
	thread = fixture_thread(fill_beside, &beside);
	done = fill("/tmp/a", 512 * MIB, 4);
	pthread_join(thread, NULL);
	tap_ok(done + beside > bound - 28 * MIB && done + beside < bound,
	       "a bound of %ld MiB ends files of memory after %ld and %ld", bound / MIB, done / MIB, beside / MIB);
	tap_ok(holds("/tmp/a", done, 4) && holds("/tmp/beside", beside, 4), "what was written is there");
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	rumpus_sys_unlinkat(AT_FDCWD, "/tmp/a", 0);
	rumpus_sys_unlinkat(AT_FDCWD, "/tmp/beside", 0);
	tap_is(fill("/tmp/b", bound / 2 - 12 * MIB, 5), bound / 2 - 12 * MIB, "and has memory again");
	rumpus_halt(kernel);
}

static void host_without_memory(void)
{
	struct rumpus *kernel = boot_with(0, 0, 2, 0);
	long done;

	rumpus_sys_mkdirat(AT_FDCWD, "/tmp", 0700);
	rumpus_sys_mount("none", "/tmp", "tmpfs", 0, NULL);
	atomic_store(&host_refused, 0);
	atomic_store(&host_has, 100 * MIB);
	done = fill("/tmp/a", 512 * MIB, 6);
	tap_ok(done > 64 * MIB && done <= 100 * MIB, "a host with 100 MiB left ends a file of memory after %ld", done / MIB);
	tap_ok(atomic_load(&host_refused) > 0, "it had been asked for more");
	tap_ok(holds("/tmp/a", done, 6), "what was written is there");
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	atomic_store(&host_has, -1);
	tap_is(fill("/tmp/b", 64 * MIB, 7), 64 * MIB, "it grows when the host has memory again");
	rumpus_halt(kernel);

	atomic_store(&host_has, MIB);
	tap_is(rumpus_boot(NULL, &kernel), -ENOMEM, "no kernel boots on a host without memory");
	atomic_store(&host_has, -1);
}

/*
 * Tables of descriptors have 8 bytes for each. A large one has 2048 pages, too many for anything but vmalloc(), whose
 * area has less than a page for each mapping: with few mappings none fits, with some one does, and no second one.
 */
enum { FEW_MAPPINGS = 1024, SOME_MAPPINGS = 4096, SMALL_TABLE = 65536, LARGE_TABLE = 1 << 20 };

/* A new process of many descriptors; it is entered, and has "/" as the first of them. */
static struct rumpus_process *many_descriptors(struct rumpus *kernel)
{
	const struct rlimit64 limit = { LARGE_TABLE, LARGE_TABLE };
	struct rumpus_process *process;
	int error = rumpus_process_create(kernel, &process);

	if (error)
		tap_abort("process: error %d", -error);
	rumpus_process_enter(process);
	tap_is(rumpus_sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL), 0, "a process of many descriptors");
	tap_is(rumpus_sys_openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0), 0, "opens one");
	return process;
}

static long grow_table(long descriptors)
{
	return rumpus_sys_dup3(0, (int)(descriptors - 1), 0);
}

static void few_mappings(struct rumpus *kernel)
{
	struct rumpus_process *process = many_descriptors(kernel);

	tap_is(grow_table(LARGE_TABLE), -ENOMEM, "a table that needs more mappings than there may be");
	tap_is(grow_table(SMALL_TABLE), SMALL_TABLE - 1, "a smaller one is there");
	tap_ok(!rumpus_end_reason(kernel) && rumpus_sys_getpid() > 0, "the kernel lives");
	rumpus_process_enter(rumpus_process_first(kernel));
	rumpus_process_destroy(process);
}

/* What is given back can be had again. */
static void mappings_again(void)
{
	struct rumpus *kernel = boot_with(0, 0, 2, SOME_MAPPINGS);
	struct rumpus_process *first = many_descriptors(kernel);

	tap_is(grow_table(LARGE_TABLE), LARGE_TABLE - 1, "some mappings: a large table");
	many_descriptors(kernel);
	tap_is(grow_table(LARGE_TABLE), -ENOMEM, "for a second one there is no room");
	tap_is(rumpus_process_destroy(first), 0, "until the first process has ended");
	tap_is(grow_table(LARGE_TABLE), LARGE_TABLE - 1, "then there is");
	rumpus_halt(kernel);
}

/* Four kernels that may have few of the host's mappings: each ends a call at its share, and goes on. */
static void mappings(void)
{
	struct rumpus *kernels[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		kernels[i] = boot_with(0, 0, 2, FEW_MAPPINGS);
	for (i = 0; i < 4; i++) {
		tap_note("kernel %u of few mappings", i);
		few_mappings(kernels[i]);
	}
	for (i = 0; i < 4; i++) {
		rumpus_process_enter(rumpus_process_first(kernels[i]));
		rumpus_sys_mkdirat(AT_FDCWD, "/tmp", 0700);
		tap_is(rumpus_sys_mount("none", "/tmp", "tmpfs", 0, NULL), 0, "kernel %u of few mappings mounts", i);
		tap_is(fill("/tmp/a", 16 * MIB, i), 16 * MIB, "and writes");
	}
	for (i = 0; i < 4; i++)
		rumpus_halt(kernels[i]);
}

/* ---- many files ---- */

/* So many files in each directory; a block in each of so many files. */
enum { IN_DIRECTORY = 1000, BLOCK_EACH = 100, BLOCK_BYTES = 4096 };

/* File @i has its number in all of its block, if it has one. */
static void fill_block(long *block, long i)
{
	for (unsigned int n = 0; n < BLOCK_BYTES / sizeof(*block); n++)
		block[n] = i;
}

static bool make_file(long i)
{
	long block[BLOCK_BYTES / sizeof(long)], wanted = 0, written = 0, fd;
	char path[64];

	snprintf(path, sizeof(path), "/mnt/%ld/%ld", i / IN_DIRECTORY, i);
	fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0644);
	if (fd < 0)
		return false;
	if (i % BLOCK_EACH == 0) {
		wanted = BLOCK_BYTES;
		fill_block(block, i);
		written = rumpus_sys_write((int)fd, block, BLOCK_BYTES);
	}
	return rumpus_sys_close((int)fd) == 0 && written == wanted;
}

/* Returns whether the file of this name in @dir is as make_file() made it; its number is added to *@sum. */
static bool file_is_right(long dir, const char *name, long *sum)
{
	long block[BLOCK_BYTES / sizeof(long)], expected_block[BLOCK_BYTES / sizeof(long)], n = 0, fd;
	const long i = strtol(name, NULL, 10);
	struct stat status;

	*sum += i;
	if (rumpus_sys_newfstatat((int)dir, name, &status, 0) != 0)
		return false;
	if (i % BLOCK_EACH != 0)
		return status.st_size == 0;
	fill_block(expected_block, i);
	fd = rumpus_sys_openat((int)dir, name, O_RDONLY, 0);
	if (fd >= 0)
		n = rumpus_sys_read((int)fd, block, BLOCK_BYTES);
	rumpus_sys_close((int)fd);
	return status.st_size == BLOCK_BYTES && n == BLOCK_BYTES && memcmp(block, expected_block, BLOCK_BYTES) == 0;
}

/* Walks a directory by what it says itself that there is in it. Returns how many files are right. */
static long walk(const char *path, long *sum)
{
	static _Alignas(struct dirent64) char entries[32768];
	long dir = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), right = 0, n;

	while ((n = rumpus_sys_getdents64((int)dir, (void *)entries, sizeof(entries))) > 0) {
		const struct dirent64 *entry;

		for (long at = 0; at < n; at += entry->d_reclen) {
			entry = (const void *)(entries + at);
			if (entry->d_name[0] != '.')
				right += file_is_right(dir, entry->d_name, sum);
		}
	}
	if (n < 0)
		tap_abort("%s: error %ld", path, -n);
	rumpus_sys_close((int)dir);
	return right;
}

static long larger(long a, long b)
{
	return a > b ? a : b;
}

/* Many inodes, names and buffers on a disk far larger than memory: they come and go within the bound. */
static void many_files(long files)
{
	const long before = resident();
	struct rumpus *kernel = boot_with(256 * MIB, 128 * MIB, 2, 0);
	long most = 0, made = 0, right = 0, sum = 0, i;
	char name[32], error[256], path[64];

	if (system("rm -f memory.img && truncate -s 64G memory.img && mkfs.ext4 -qF memory.img") != 0)
		tap_abort("mkfs.ext4");
	rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0700);
	if (rumpus_disk_add(kernel, "file:memory.img", 0, name, error, sizeof(error)) != 0)
		tap_abort("disk: %s", error);
	tap_is(rumpus_sys_mount(name, "/mnt", "ext4", 0, NULL), 0, "mount 64 GiB");
	for (i = 0; i < files; i++) {
		if (i % IN_DIRECTORY == 0) {
			snprintf(path, sizeof(path), "/mnt/%ld", i / IN_DIRECTORY);
			rumpus_sys_mkdirat(AT_FDCWD, path, 0755);
			most = larger(most, resident());
		}
		made += make_file(i);
	}
	tap_is(made, files, "make %ld files, one of %d with a block", files, BLOCK_EACH);
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "unmount");
	tap_is(rumpus_sys_mount(name, "/mnt", "ext4", 0, NULL), 0, "mount again");
	for (i = 0; i < files; i += IN_DIRECTORY) {
		snprintf(path, sizeof(path), "/mnt/%ld", i / IN_DIRECTORY);
		right += walk(path, &sum);
		most = larger(most, resident());
	}
	tap_is(right, files, "walk through the directories: each file is right");
	tap_is(sum, files * (files - 1) / 2, "and met once");
	figure(most - before < 256 * MIB, "memory at most, with what booting takes", (most - before) / MIB, "MiB");
	rumpus_sys_umount2("/mnt", 0);
	rumpus_halt(kernel);
	tap_is(system("e2fsck -fn memory.img >/dev/null 2>&1"), 0, "e2fsck finds nothing");
	unlink("memory.img");
}

/*
 * What the kernel takes for its memory is what it may have, also when sections are added while it boots: @bound bytes,
 * but for what it has set aside since.
 */
static void counts(uint64_t wish, uint64_t bound, const char *what)
{
	struct rumpus *kernel = boot_with(wish, 0, 2, 0);
	struct sysinfo info;
	uint64_t total;

	tap_is(rumpus_sys_sysinfo(&info), 0, "ask how much memory there is");
	total = (uint64_t)info.totalram * info.mem_unit;
	figure(total <= bound && total > bound - bound / 16, what, (long)(total / 1024), "KiB");
	rumpus_halt(kernel);
}

static long read_number(const char *path)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	char text[32] = "";

	if (fd < 0)
		tap_abort("%s: error %ld", path, -fd);
	rumpus_sys_read((int)fd, text, sizeof(text) - 1);
	rumpus_sys_close((int)fd);
	return strtol(text, NULL, 10);
}

/* How much may wait to be written back: half of what may be cached, or what is wished for. */
static void dirty_bound(const char *wish, long expected_bytes)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;

	config.image = NULL;
	config.cache = 64 * MIB;
	config.command_line = wish;
	kernel = boot_by(&config);
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0700);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	tap_is(read_number("/proc/sys/vm/dirty_bytes"), expected_bytes, "\"%s\": dirty bytes", wish);
	rumpus_halt(kernel);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "long") == 0) {
		many_files(1000 * 1000);
		return tap_done();
	}
	grows_and_returns();
	cache_bound();
	counts(64 * MIB, 64 * MIB, "a bound");
	counts(0, posix_memory_allowed() / 2, "without one, half of what this program may have");
	dirty_bound("", 32 * MIB);
	dirty_bound("rump.dirty=3M", 3 * MIB);
	if (is_variant())
		tap_skip(1, "32 MiB are enough for the normal kernel");
	else
		bounded(32 * MIB, 16);
	bounded(96 * MIB, 2);
	host_without_memory();
	mappings();
	mappings_again();
	many_files(20 * 1000);
	return tap_done();
}
