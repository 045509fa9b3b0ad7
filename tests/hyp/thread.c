// SPDX-License-Identifier: BSD-2-Clause
/* thread_create(), thread_exit(), thread_join(), yield() */
#include <alloca.h>

#include "suite.h"

#define MANY 40

static struct hyp *h;

struct work {
	uint32_t done;
	int value;
};

static void work(void *arg)
{
	struct work *w = arg;

	w->value *= 2;
	suite_post(h, &w->done);
}

static __attribute__((noinline)) void leave(struct work *w, int depth)
{
	void (*volatile end)(struct hyp * h) = ops->thread_exit;
	char frame[64];

	memset(frame, depth, sizeof(frame));
	__asm__ volatile("" : : "r"(frame) : "memory");
	if (depth)
		leave(w, depth - 1);
	w->value = frame[0] ? -1 : w->value + 1;
	suite_post(h, &w->done);
	end(h);
}

static void leave_deep(void *arg)
{
	leave(arg, 20);
}

static void test_join(void)
{
	struct work w = { .value = 21 }, deep = { .value = 1 };
	struct hyp_thread *threads[MANY];
	struct work many[MANY];
	bool good = true;
	int i;

	suite_join(h, suite_start(h, work, &w));
	tap_ok(w.done == 1 && w.value == 42, "a joined thread has done its work");
	suite_join(h, suite_start(h, leave_deep, &deep));
	tap_ok(deep.done == 1 && deep.value == 2, "thread_exit ends a thread from any depth");
	for (i = 0; i < MANY; i++) {
		many[i] = (struct work){ .value = i };
		threads[i] = suite_start(h, i % 2 ? work : leave_deep, &many[i]);
	}
	for (i = MANY; i--;) {
		suite_join(h, threads[i]);
		good &= many[i].done == 1 && many[i].value == (i % 2 ? 2 * i : i + 1);
	}
	tap_ok(good, "%d threads at once", MANY);
}

static void test_detached(void)
{
	struct hyp_thread_attr attr = { .flags = 0, .cpu = -1 };
	struct hyp_thread *thread = NULL;
	struct work w = { .value = 4 };

	tap_is(ops->thread_create(h, work, &w, NULL, NULL), 0, "a thread with all by default");
	tap_ok(suite_await(h, &w.done, 1) && w.value == 8, "works");
	tap_is(ops->thread_create(h, leave_deep, &w, &attr, &thread), 0, "a thread that nobody joins");
	tap_ok(suite_await(h, &w.done, 2) && w.value == 9, "works as well");
	attr.flags = HYP_THREAD_JOINABLE;
	tap_is(ops->thread_create(h, work, &w, &attr, NULL), -HYP_EINVAL, "joinable without a handle");
	attr.flags = 0x100;
	tap_is(ops->thread_create(h, work, &w, &attr, &thread), -HYP_EINVAL, "a flag that is not");
}

/* The C library takes this from the stack of every thread. */
static __thread volatile char thread_local_storage[128 << 10];

static void use_stack(void *arg)
{
	size_t size = *(size_t *)arg - 16384;
	char *room = alloca(size);

	memset(room, 1, size);
	thread_local_storage[0] = 1;
	__asm__ volatile("" : : "r"(room) : "memory");
	*(size_t *)arg = room[size - 1] == 1 && room[0] == 1;
}

static void test_attributes(void)
{
	size_t size = 2 << 20;
	struct hyp_thread_attr attr = { .name = "a name longer than any host shows, but of no harm",
					.stack_size = size,
					.cpu = 0,
					.flags = HYP_THREAD_JOINABLE };
	struct hyp_thread *thread;

	if (ops->thread_create(h, use_stack, &size, &attr, &thread))
		tap_abort("a thread with a stack of 2 MiB");
	suite_join(h, thread);
	tap_is(size, 1, "a thread has the stack that it was promised");
	attr.stack_size = SIZE_MAX;
	tap_ok(ops->thread_create(h, use_stack, &size, &attr, &thread) < 0, "a stack that cannot be");
}

static void creator(void *arg)
{
	struct work *w = arg;

	suite_join(h, suite_start(h, work, w));
	ops->yield(h);
	w->value++;
}

static void test_nested(void)
{
	struct work w = { .value = 5 };

	suite_join(h, suite_start(h, creator, &w));
	tap_is(w.value, 11, "a thread makes and joins another one");
}

static void spin(void *arg)
{
	uint32_t *word = arg;

	__atomic_store_n(&word[0], 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&word[1], __ATOMIC_SEQ_CST))
		ops->yield(h);
	word[2] = 1;
}

static void test_yield(void)
{
	uint32_t words[3] = { 0 };
	struct hyp_thread *thread = suite_start(h, spin, words);

	while (!__atomic_load_n(&words[0], __ATOMIC_SEQ_CST))
		ops->yield(h);
	__atomic_store_n(&words[1], 1, __ATOMIC_SEQ_CST);
	suite_join(h, thread);
	tap_is(words[2], 1, "threads that yield to each other both go on");
}

static atomic_uint hooks;

static void slow_hook(void *arg)
{
	suite_sleep(h, MS / 2);
	atomic_fetch_add(&hooks, 1);
}

static void post(void *arg)
{
	ops->thread_on_exit(h, slow_hook, NULL);
	suite_post(h, arg);
}

/* fini() waits for detached threads that are past their work but not gone. */
static void test_fini_waits(void)
{
	unsigned int threads = host_threads(), i, n;
	struct hyp *before = h;
	uint32_t done;

	for (i = 0; i < 50; i++) {
		done = 0;
		h = suite_open(NULL);
		for (n = 0; n < 4; n++)
			ops->thread_create(h, post, &done, NULL, NULL);
		suite_await(h, &done, 4);
		ops->fini(h);
	}
	h = before;
	tap_is(atomic_load(&hooks), 200, "fini waits for detached threads and their exit hooks");
	tap_ok(host_threads_settle(threads), "detached threads are gone after fini");
}

void test_thread(void)
{
	h = suite_open(NULL);
	test_join();
	test_detached();
	test_attributes();
	test_nested();
	test_yield();
	test_fini_waits();
	ops->fini(h);
}
