// SPDX-License-Identifier: BSD-2-Clause
/* Calls that change memory which the kernel manages: mprotect, mremap, mlock, shmat. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "mapping.h"
#include "../fs/pattern.h"

#define PAGE 4096L
#define MIB (1L << 20)

static void protection(void)
{
	unsigned char *memory = mapping_memory(PAGE), byte;
	int ends[2];

	rumpus_sys_pipe2(ends, 0);
	memory[0] = 7;
	tap_is(rumpus_sys_mprotect(memory, PAGE, PROT_NONE), 0, "mprotect to nothing");
	tap_is(mapping_load_signal(memory), SIGSEGV, "not even loads");
	tap_is(rumpus_sys_write(ends[1], memory, 1), -EFAULT, "nor the kernel's");
	tap_is(rumpus_sys_mprotect(memory, PAGE, PROT_READ), 0, "and back");
	tap_ok(rumpus_sys_write(ends[1], memory, 1) == 1 && rumpus_sys_read(ends[0], &byte, 1) == 1 && byte == 7,
	       "what was there is there");
	tap_is(rumpus_sys_mprotect(memory, PAGE, PROT_READ | PROT_EXEC), 0, "a right that changes nothing");
	tap_is(mapping_run_signal(memory), SIGSEGV, "code in a window does not run");
	rumpus_sys_munmap(memory, PAGE);
	rumpus_sys_close(ends[0]);
	rumpus_sys_close(ends[1]);
}

static void moved(void)
{
	unsigned char *memory = mapping_memory(MIB), *moved_to;
	long ret;

	pattern_fill(14, 0, memory, MIB);
	tap_is(rumpus_sys_mremap(memory, MIB, MIB / 2, 0, NULL), (long)memory, "mremap to less");
	tap_is(mapping_load_signal(memory + MIB / 2), SIGSEGV, "the rest is gone");
	tap_is(rumpus_sys_mremap((void *)((uintptr_t)memory + 1), PAGE, MIB, MREMAP_MAYMOVE, NULL), -EINVAL,
	       "mremap at an address that is no page's");
	/* Something behind it, so that it must move. */
	ret = rumpus_sys_mmap(memory + MIB / 2, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	tap_is(ret, (long)(memory + MIB / 2), "MAP_FIXED in the window");
	tap_is(rumpus_sys_mremap(memory, MIB / 2, 2 * MIB, 0, NULL), -ENOMEM, "no room to grow in place");
	ret = rumpus_sys_mremap(memory, MIB / 2, 2 * MIB, MREMAP_MAYMOVE, NULL);
	moved_to = (unsigned char *)ret;
	if (!tap_ok(ret > 0 && moved_to != memory, "mremap to more, elsewhere"))
		return;
	tap_ok(pattern_is(14, 0, moved_to, MIB / 2), "what was there is there");
	tap_is(mapping_load_signal(memory), SIGSEGV, "and no longer where it was");
	tap_ok(moved_to[MIB] == 0 && mapping_store_signal(moved_to + 2 * MIB - 1) == 0,
	       "more is zeroes that take stores");
	rumpus_sys_munmap(memory + MIB / 2, PAGE);
	rumpus_sys_munmap(moved_to, 2 * MIB);
}

/* In kibibytes, as the kernel's /proc has it. */
static long locked_now(void)
{
	char text[4096];
	long fd = rumpus_sys_openat(AT_FDCWD, "/proc/self/status", O_RDONLY, 0), n, locked = -1;
	const char *line;

	n = rumpus_sys_read((int)fd, text, sizeof(text) - 1);
	rumpus_sys_close((int)fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "VmLck:");
	if (line)
		sscanf(line, "VmLck: %ld", &locked);
	return locked;
}

static void locked(void)
{
	unsigned char *memory = mapping_memory(16 * PAGE), resident[16];
	unsigned char *own = malloc(PAGE);
	int i;

	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0700);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	tap_is(locked_now(), 0, "nothing is locked");
	tap_is(rumpus_sys_mlock(memory, 8 * PAGE), 0, "mlock of pages not touched yet");
	tap_is(rumpus_sys_mincore(memory, 16 * PAGE, resident), 0, "mincore");
	for (i = 0; i < 16 && (resident[i] & 1) == (i < 8); i++)
		;
	tap_is(i, 16, "they are there, and no others");
	tap_is(locked_now(), 8 * PAGE / 1024, "and are counted");
	tap_is(rumpus_sys_madvise(memory, PAGE, MADV_DONTNEED), -EINVAL, "they cannot be given away");
	tap_is(rumpus_sys_munlock(memory, 8 * PAGE), 0, "munlock");
	tap_is(rumpus_sys_mlock2(memory, 16 * PAGE, MLOCK_ONFAULT), 0, "mlock2");
	tap_is(locked_now(), 16 * PAGE / 1024, "counts all");
	memory[15 * PAGE] = 7;
	tap_is(memory[15 * PAGE], 7, "and serves accesses");
	rumpus_sys_munmap(memory, 16 * PAGE);
	tap_is(locked_now(), 0, "munmap unlocks");
	tap_is(rumpus_sys_mlock(own, 1), -ENOMEM, "mlock knows no other memory of the program");
	free(own);
	rumpus_sys_umount2("/proc", 0);
}

static void *attach_segment(long id, int flags)
{
	long ret = rumpus_sys_shmat((int)id, NULL, flags);

	if (ret < 0 && ret > -PAGE)
		tap_abort("shmat: error %ld", -ret);
	return (void *)ret;
}

/** struct segment_waiter - @process: that the thread is to enter; @segment: what it attaches */
struct segment_waiter {
	struct rumpus_process *process;
	long segment;
};

static void *wait_in_segment(void *arg)
{
	const struct segment_waiter *waiter = arg;
	const struct timespec patience = { .tv_sec = 30 };
	uint32_t *word;
	long ret;

	rumpus_process_enter(waiter->process);
	word = attach_segment(waiter->segment, 0);
	do
		ret = rumpus_sys_futex(word, FUTEX_WAIT, 0, &patience, NULL, 0);
	while (ret == 0 && __atomic_load_n(word, __ATOMIC_SEQ_CST) == 0);
	rumpus_sys_shmdt(word);
	rumpus_thread_detach();
	return ret == -ETIMEDOUT ? NULL : arg;
}

/* A futex of two processes; the waiter may come late. */
static void shared_futex(struct rumpus_process *process, long id, uint32_t *word)
{
	struct segment_waiter waiter = { process, id };
	pthread_t thread;
	void *result;
	int i;

	*word = 0;
	thread = fixture_thread(wait_in_segment, &waiter);
	for (i = 0; i < 30000 && rumpus_sys_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1; i++)
		fixture_sleep(1);
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	rumpus_sys_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	pthread_join(thread, &result);
	tap_ok(i < 30000 && result, "a futex in it wakes a thread of the other process");
}

/* One segment in two processes, and twice in one */
static void segments(struct rumpus *kernel)
{
	long id = rumpus_sys_shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	unsigned char *first = attach_segment(id, 0), *again = attach_segment(id, SHM_RDONLY), *second;
	struct rumpus_process *process;

	pattern_fill(15, 0, first, 4 * PAGE);
	tap_ok(pattern_is(15, 0, again, 4 * PAGE), "a segment that is attached twice");
	tap_is(mapping_store_signal(again), SIGSEGV, "takes no stores where it is for reading");
	if (rumpus_process_create(kernel, &process) != 0 || rumpus_process_enter(process) != 0)
		tap_abort("no process");
	second = attach_segment(id, 0);
	tap_ok(second != first && pattern_is(15, 0, second, 4 * PAGE), "another process has it elsewhere");
	second[PAGE] ^= 0xff;
	tap_is(first[PAGE], second[PAGE], "stores of the one are the other's");
	tap_is(rumpus_sys_shmdt(second), 0, "shmdt");
	tap_is(mapping_load_signal(second), SIGSEGV, "it is gone");
	rumpus_process_enter(rumpus_process_first(kernel));
	shared_futex(process, id, (uint32_t *)first);
	tap_is(rumpus_process_destroy(process), 0, "the other process ends");
	tap_is(rumpus_sys_shmctl((int)id, IPC_RMID, NULL), 0, "remove it");
	second = first + 2 * PAGE;
	tap_is(mapping_load_signal(second), 0, "what is attached stays");
	rumpus_sys_shmdt(again);
	rumpus_sys_shmdt(first);
	tap_is(mapping_load_signal(first), SIGSEGV, "until it is detached");
}

int main(void)
{
	struct rumpus *kernel;

	mapping_catch_faults();
	kernel = mapping_boot(0);
	protection();
	moved();
	locked();
	segments(kernel);
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	rumpus_halt(kernel);
	return tap_done();
}
