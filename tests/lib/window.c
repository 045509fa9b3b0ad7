// SPDX-License-Identifier: BSD-2-Clause
/* Memory that the kernel manages for a program: mmap, direct I/O; and direct I/O on memory that it does not. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "mapping.h"

#define PAGE 4096L
#define MIB (1L << 20)

static struct rumpus *boot_with(uint32_t mappings)
{
	struct rumpus *kernel = mapping_boot(mappings);
	char name[32], error[256];

	if (system("rm -f window.img && truncate -s 256M window.img && mkfs.ext4 -qF window.img") != 0)
		tap_abort("mkfs.ext4");
	if (rumpus_disk_add(kernel, "file:window.img", 0, name, error, sizeof(error)) != 0)
		tap_abort("disk: %s", error);
	rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0700);
	if (rumpus_sys_mount(name, "/mnt", "ext4", 0, NULL) != 0)
		tap_abort("mount");
	return kernel;
}

static void pattern(unsigned char *at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		at[i] = (unsigned char)(seed + i / 7 + i / PAGE);
}

static bool has_pattern(const unsigned char *at, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (at[i] != (unsigned char)(seed + i / 7 + i / PAGE))
			return false;
	return true;
}

static void files(void)
{
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/file", O_CREAT | O_RDWR | O_TRUNC, 0600);
	unsigned char *buf = malloc(MIB), *shared, *private;

	pattern(buf, MIB, 1);
	tap_is(rumpus_sys_write((int)fd, buf, MIB), MIB, "write a file");
	shared = mapping_make(MIB, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	tap_ok(has_pattern(shared, MIB, 1), "a mapping of it shows what was written");
	pattern(buf, PAGE, 9);
	rumpus_sys_pwrite64((int)fd, buf, PAGE, 2 * PAGE);
	tap_ok(memcmp(shared + 2 * PAGE, buf, PAGE) == 0, "and what is written then");
	pattern(shared, MIB, 2);
	rumpus_sys_pread64((int)fd, buf, MIB, 0);
	tap_ok(has_pattern(buf, MIB, 2), "what the program stores there is read from the file");
	tap_is(rumpus_sys_msync(shared, MIB, MS_SYNC), 0, "msync");
	shared[5 * PAGE] ^= 0xff;
	rumpus_sys_pread64((int)fd, buf, 1, 5 * PAGE);
	tap_is(buf[0], shared[5 * PAGE], "a page that was clean again takes the next store");
	private = mapping_make(MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, (int)fd, 0);
	pattern(private, MIB, 3);
	rumpus_sys_pread64((int)fd, buf, MIB, 0);
	buf[5 * PAGE] ^= 0xff;
	tap_ok(has_pattern(buf, MIB, 2) && has_pattern(private, MIB, 3), "a private mapping stays private");
	tap_is(rumpus_sys_mprotect(shared, PAGE, PROT_READ), 0, "mprotect");
	tap_is(mapping_store_signal(shared), SIGSEGV, "a store to a page for reading is a fault");
	tap_is(mapping_load_signal(shared), 0, "a load is none");
	tap_is(rumpus_sys_munmap(shared, MIB), 0, "munmap");
	tap_is(mapping_load_signal(shared), SIGSEGV, "nothing is there any more");
	rumpus_sys_ftruncate((int)fd, PAGE);
	shared = mapping_make(4 * PAGE, PROT_READ, MAP_SHARED, (int)fd, 0);
	tap_ok(mapping_load_signal(shared) == 0 && mapping_load_signal(shared + 2 * PAGE) != 0,
	       "behind the end of a file is a fault");
	rumpus_sys_munmap(shared, 4 * PAGE);
	rumpus_sys_munmap(private, MIB);
	rumpus_sys_close((int)fd);
	free(buf);
}

static void calls_on_windows(void)
{
	unsigned char *memory = mapping_memory(4 * MIB);
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/calls", O_CREAT | O_RDWR | O_TRUNC, 0600);
	int ends[2];

	/* The kernel touches these pages first, not the program. */
	tap_is(rumpus_sys_pipe2((int *)memory, 0), 0, "a call that stores into a page not touched yet");
	memcpy(ends, memory, sizeof(ends));
	tap_is(rumpus_sys_write(ends[1], memory + MIB, 100), 100, "one that loads from one");
	tap_is(rumpus_sys_read(ends[0], memory + 2 * MIB, 100), 100, "one that fills one");
	pattern(memory, 4 * MIB, 4);
	tap_is(rumpus_sys_write((int)fd, memory, 4 * MIB), 4 * MIB, "write all of it");
	tap_is(rumpus_sys_madvise(memory, 4 * MIB, MADV_DONTNEED), 0, "madvise");
	tap_is(memory[MIB], 0, "gives zeroes");
	tap_is(rumpus_sys_pread64((int)fd, memory, 4 * MIB, 0), 4 * MIB, "read into pages that are not there");
	tap_ok(has_pattern(memory, 4 * MIB, 4), "they have it");
	tap_is(rumpus_sys_munmap(memory, 4 * MIB), 0, "munmap");
	tap_is(rumpus_sys_write((int)fd, memory, 10), -EFAULT, "EFAULT then");
	tap_is(rumpus_sys_mmap((void *)ends, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), -EINVAL,
	       "nothing is mapped at an address that is no page's");
	tap_is(rumpus_sys_mmap((void *)((uintptr_t)ends & -PAGE), PAGE, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	       -ENOMEM, "nor over the program's own memory");
	rumpus_sys_close(ends[0]);
	rumpus_sys_close(ends[1]);
	rumpus_sys_close((int)fd);
}

static void direct(const char *what, unsigned char *buf, size_t size)
{
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/direct", O_CREAT | O_RDWR | O_TRUNC | O_DIRECT, 0600);
	struct iovec vec[2] = { { buf, PAGE }, { buf + PAGE, size - PAGE } };

	pattern(buf, size, 5);
	tap_is(rumpus_sys_write((int)fd, buf, size), (long)size, "%s: direct write", what);
	memset(buf, 0, size);
	tap_is(rumpus_sys_pread64((int)fd, buf, size, 0), (long)size, "%s: direct read", what);
	tap_ok(has_pattern(buf, size, 5), "%s: the same bytes", what);
	memset(buf, 0, size);
	tap_is(rumpus_sys_preadv((int)fd, vec, 2, 0, 0), (long)size, "%s: direct read of a vector", what);
	tap_ok(has_pattern(buf, size, 5), "%s: the same bytes", what);
	tap_is(rumpus_sys_pwrite64((int)fd, buf, PAGE, PAGE), PAGE, "%s: direct write at an offset", what);
	tap_is(rumpus_sys_pread64((int)fd, buf, PAGE, 100), -EINVAL, "%s: an offset must be aligned", what);
	tap_is(rumpus_sys_lseek((int)fd, 0, SEEK_CUR), (long)size, "%s: the file's own offset", what);
	tap_is(rumpus_sys_pread64((int)fd, (void *)PAGE, PAGE, 0), -EFAULT, "%s: a bad address is one", what);
	rumpus_sys_close((int)fd);
	rumpus_sys_unlinkat(AT_FDCWD, "/mnt/direct", 0);
}

static void direct_io(void)
{
	unsigned char *memory = mapping_memory(3 * MIB), *own;

	direct("window", memory, 3 * MIB);
	rumpus_sys_munmap(memory, 3 * MIB);
	if (posix_memalign((void **)&own, PAGE, 3 * MIB) != 0)
		tap_abort("memory");
	direct("program", own, 3 * MIB);
	free(own);
}

static void *toucher(void *arg)
{
	pattern(arg, 4 * MIB, 8);
	return has_pattern(arg, 4 * MIB, 8) ? arg : NULL;
}

/* ---- many at one time ---- */

static void *reader(void *arg)
{
	const volatile unsigned char *at = arg;
	unsigned long sum = 0;
	long i, round;

	for (round = 0; round < 8; round++)
		for (i = 0; i < 4 * MIB; i += PAGE)
			sum += at[i];
	return (void *)(sum == 0 ? (uintptr_t)arg : 0);
}

/* Faults of two threads on one page, neither of which may be taken for a write. */
static void readers(void)
{
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/zero", O_CREAT | O_RDWR | O_TRUNC, 0600), i;
	unsigned char *memory;
	pthread_t thread[4];
	void *result, *all;

	rumpus_sys_ftruncate((int)fd, 4 * MIB);
	memory = mapping_make(4 * MIB, PROT_READ, MAP_SHARED, (int)fd, 0);
	all = memory;
	for (i = 0; i < 4; i++)
		thread[i] = fixture_thread(reader, memory);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		if (!result)
			all = NULL;
	}
	tap_ok(all, "four threads read one mapping at one time");
	rumpus_sys_munmap(memory, 4 * MIB);
	rumpus_sys_close((int)fd);
}

static void half_a_buffer(void)
{
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/half", O_CREAT | O_RDWR | O_TRUNC | O_DIRECT, 0600);
	unsigned char *own = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pattern(own, 2 * MIB, 11);
	rumpus_sys_write((int)fd, own, 2 * MIB);
	munmap(own + MIB / 2, 3 * MIB / 2);
	rumpus_sys_lseek((int)fd, 0, SEEK_SET);
	tap_is(rumpus_sys_read((int)fd, own, 2 * MIB), MIB / 2, "a direct read into half a buffer is short");
	tap_is(rumpus_sys_lseek((int)fd, 0, SEEK_CUR), MIB / 2, "and the file's offset is where it ended");
	munmap(own, MIB / 2);
	rumpus_sys_close((int)fd);
}

static void alarm_handler(int signal)
{
	(void)signal;
	rumpus_sys_getppid();
}

/* Signals of the program's come while its faults are served. */
static void interrupted(void)
{
	const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	struct sigaction action = { .sa_handler = alarm_handler }, before;
	unsigned char *memory;
	int i;

	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < 8; i++) {
		memory = mapping_memory(2 * MIB);
		pattern(memory, 2 * MIB, 12);
		if (!has_pattern(memory, 2 * MIB, 12))
			break;
		rumpus_sys_munmap(memory, 2 * MIB);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	tap_is(i, 8, "memory is used under a storm of signals");
}

/* Calls and pages in turn: between the two, the kernel's own threads enter the virtual CPU that this one has just left.
 */
static void *caller_and_toucher(void *arg)
{
	unsigned char *memory = mapping_memory(MIB);
	int round, i;

	for (round = 0; round < 32; round++) {
		for (i = 0; i < MIB / PAGE; i++) {
			rumpus_sys_getppid();
			memory[i * PAGE] = 1;
		}
		rumpus_sys_madvise(memory, MIB, MADV_DONTNEED);
	}
	rumpus_sys_munmap(memory, MIB);
	return arg;
}

static void callers_and_touchers(void)
{
	pthread_t thread[4];
	void *result;
	long i;

	for (i = 0; i < 4; i++)
		thread[i] = fixture_thread(caller_and_toucher, thread);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		tap_ok(result, "thread %ld, which makes calls meanwhile, uses its memory", i);
	}
}

/* More than the kernel may have, touched by the program alone. */
static void beyond_the_bound(void)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	enum { PARTS = 4, PART = 24 * MIB };
	unsigned char *memory[PARTS];
	long i;

	config.image = NULL;
	config.memory = 64 * MIB;
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("boot: %s", fixture_log);
	rumpus_process_enter(rumpus_process_first(kernel));
	for (i = 0; i < PARTS; i++)
		memory[i] = mapping_memory(PART);
	for (i = 0; i < PARTS * PART && mapping_store_signal(memory[i / PART] + i % PART) == 0; i += PAGE)
		;
	tap_ok(i > 16 * MIB && i < 64 * MIB, "memory ends with a signal, after %ld MiB", i / MIB);
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	for (i = 0; i < PARTS; i++)
		rumpus_sys_munmap(memory[i], PART);
	memory[0] = mapping_memory(16 * MIB);
	pattern(memory[0], 16 * MIB, 13);
	tap_ok(has_pattern(memory[0], 16 * MIB, 13), "and has memory again");
	rumpus_halt(kernel);
}

static void threads(struct rumpus *kernel)
{
	unsigned char *memory = mapping_memory(16 * MIB);
	struct rumpus_process *second;
	pthread_t thread[4];
	void *result;
	long other, i;

	for (i = 0; i < 4; i++)
		thread[i] = fixture_thread(toucher, memory + i * 4 * MIB);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], &result);
		tap_ok(result, "thread %ld, which made no call, uses the memory", i);
	}
	rumpus_process_create(kernel, &second);
	rumpus_process_enter(second);
	other = rumpus_sys_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_ok(other > 0 && ((unsigned char *)other < memory || (unsigned char *)other >= memory + 16 * MIB),
	       "another process has another window");
	*(unsigned char *)other = 1;
	tap_is(rumpus_sys_munmap(memory, PAGE), 0, "which alone it can unmap");
	tap_ok(has_pattern(memory, 4 * MIB, 8), "the first is as it was");
	rumpus_process_enter(rumpus_process_first(kernel));
	tap_is(rumpus_process_destroy(second), 0, "end it");
	tap_is(mapping_load_signal((unsigned char *)other), SIGSEGV, "its memory is gone");
	rumpus_sys_munmap(memory, 16 * MIB);
}

/* More pages in pieces than the host makes mappings: those used least recently give way. */
static void few_mappings(void)
{
	struct rumpus *kernel = boot_with(1024);
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt/many", O_CREAT | O_RDWR | O_TRUNC, 0600), i;
	unsigned char *shared, zero[PAGE];

	memset(zero, 0, sizeof(zero));
	rumpus_sys_ftruncate((int)fd, 16 * MIB);
	shared = mapping_make(16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
	for (i = 0; i < 16 * MIB / PAGE; i += 2)
		shared[i * PAGE] = (unsigned char)(i + 1);
	for (i = 0; i < 16 * MIB / PAGE; i += 2)
		if (shared[i * PAGE] != (unsigned char)(i + 1))
			break;
	tap_is(i, 16 * MIB / PAGE, "2048 single pages with few mappings");
	rumpus_halt(kernel);
	tap_is(mapping_load_signal(shared), SIGSEGV, "halted: the memory is gone");
}

int main(void)
{
	struct rumpus *kernel;

	mapping_catch_faults();
	kernel = boot_with(0);
	files();
	calls_on_windows();
	direct_io();
	threads(kernel);
	callers_and_touchers();
	readers();
	half_a_buffer();
	interrupted();
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "unmount");
	rumpus_halt(kernel);
	few_mappings();
	beyond_the_bound();
	unlink("window.img");
	return tap_done();
}
