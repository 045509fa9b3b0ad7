// SPDX-License-Identifier: BSD-2-Clause
/* Checks of the debug build: which locks each thread holds, and what it may not do with them */
#include <string.h>

#include "internal.h"

#define HELD_MAX 64
#define CALLER_SIZE 192

/* Locks that this thread holds, in the order of taking. A lock stays with its thread until it is given up. */
static __thread struct {
	unsigned int count;
	void *locks[HELD_MAX];
} held;

static void broken(const char *call, const char *rule, const void *lock) __attribute__((noreturn));

static void broken(const char *call, const char *rule, const void *lock)
{
	char who[CALLER_SIZE];

	ru_host_caller(who, sizeof(who));
	ru_fail(call, "%s; %p, lwp %p, called from %s", rule, lock, (void *)ru_self()->lwp, who);
}

static uint32_t *mark(void *lock)
{
	return (uint32_t *)((char *)lock + RU_LOCK_SIZE - RU_LOCK_MARK);
}

static bool is_held(const void *lock)
{
	unsigned int i;

	for (i = 0; i < held.count; i++) {
		if (held.locks[i] == lock)
			return true;
	}
	return false;
}

static void forget(const void *lock)
{
	unsigned int i = held.count;

	while (i-- && held.locks[i] != lock)
		;
	memmove(&held.locks[i], &held.locks[i + 1], (held.count - i - 1) * sizeof(held.locks[0]));
	held.count--;
}

void ru_debug_init(void *lock, enum ru_kind kind)
{
	*mark(lock) = kind;
}

void ru_debug_kind(const char *call, void *lock, enum ru_kind kind)
{
	uint32_t is = *mark(lock);

	if (is != kind)
		broken(call, is == RU_KIND_NONE ? "this lock was destroyed" : "this is no lock of this kind", lock);
}

void ru_debug_destroy(const char *call, void *lock, enum ru_kind kind)
{
	ru_debug_kind(call, lock, kind);
	if (is_held(lock))
		broken(call, "a lock is given up before it is destroyed", lock);
	*mark(lock) = RU_KIND_NONE;
}

void ru_debug_waiters(const char *call, void *lock, unsigned int waiters)
{
	if (waiters)
		broken(call, "nobody holds or waits for what is destroyed", lock);
}

void ru_debug_enter(const char *call, void *lock, enum ru_kind kind)
{
	ru_debug_kind(call, lock, kind);
	if (is_held(lock))
		broken(call, "locks are not recursive: this thread holds it and would wait for itself", lock);
}

void ru_debug_entered(const char *call, void *lock, enum ru_kind kind)
{
	ru_debug_kind(call, lock, kind);
	if (held.count == HELD_MAX)
		broken(call, "a thread holds 64 locks and takes another one", lock);
	held.locks[held.count++] = lock;
}

void ru_debug_held(const char *call, void *lock, enum ru_kind kind)
{
	ru_debug_kind(call, lock, kind);
	if (!is_held(lock))
		broken(call, "a lock is held by the thread that uses it", lock);
}

void ru_debug_exit(const char *call, void *lock, enum ru_kind kind)
{
	ru_debug_kind(call, lock, kind);
	if (!is_held(lock))
		broken(call, "a lock is given up by the thread that holds it", lock);
	forget(lock);
}

/* A thread that sleeps gives its virtual CPU back, so it must have one; and whoever has one has an lwp. */
void ru_debug_sleep(const char *call, void *interlock)
{
	if (!ru_self()->lwp && ru_up.hyp_lwproc_curlwp)
		broken(call, "a call that may sleep comes from a thread with a virtual CPU and an lwp", interlock);
}

void ru_debug_free(const char *call, void *memory, size_t size, size_t allocated)
{
	if (allocated && size > allocated)
		broken(call, "memory is freed with the size that it was allocated with, and this is larger", memory);
	if (size <= 2048)
		memset(memory, 0xdb, size); /* whoever uses it still is to notice */
}

/* The thread's function has returned, so it is no caller. */
void ru_debug_thread_end(const char *call, const void *function)
{
	char who[CALLER_SIZE];

	if (!held.count && !ru_self()->lwp)
		return;
	ru_host_symbol(function, who, sizeof(who));
	ru_fail(call, "a thread gives up its %s before it ends; %p, lwp %p, thread function %s",
		held.count ? "locks" : "lwp", held.count ? held.locks[0] : NULL, (void *)ru_self()->lwp, who);
}
