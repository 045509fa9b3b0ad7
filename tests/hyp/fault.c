// SPDX-License-Identifier: BSD-2-Clause
/* The fault upcall: what it is told, and where the thread goes on */
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"

struct kernel {
	struct hyp *h;
	struct hyp_fault last;
	int asked;
	bool deaf; /* answers no */
	uint32_t done;
};

static bool landing(uintptr_t pc, uintptr_t *to)
{
	static const struct {
		const char *from, *to;
	} table[] = {
		{ suite_load_pc, suite_load_landing },
		{ suite_store_pc, suite_store_landing },
		{ suite_undefined_pc, suite_undefined_landing },
		{ suite_divide_pc, suite_divide_landing },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (pc == (uintptr_t)table[i].from) {
			*to = (uintptr_t)table[i].to;
			return true;
		}
	}
	return false;
}

static bool upcall(void *cookie, struct hyp_fault *fault)
{
	struct kernel *k = cookie;

	k->asked++;
	k->last = *fault;
	return !k->deaf && landing(fault->pc, &fault->pc);
}

static const struct hyp_upcalls upcalls = { .fault = upcall };

static bool sp_near(uintptr_t sp)
{
	return sp - (uintptr_t)__builtin_frame_address(0) + 65536 < 131072;
}

static void test_access(struct kernel *k)
{
	int *reserved = suite_reserve(k->h, 65536), value = 5;

	tap_is(suite_load(&value, &value), 0, "an access without a fault");
	tap_is(k->asked, 0, "asks nobody");
	tap_is(suite_load(NULL, &value), -1, "an access to address 0 goes on at its landing");
	tap_ok(k->last.kind == HYP_FAULT_ACCESS && k->last.address == 0, "its kind and address");
	tap_ok(k->last.pc == (uintptr_t)suite_load_pc && sp_near(k->last.sp), "its program counter and stack pointer");
	tap_is(suite_load(reserved + 3, &value), -1, "an access to reserved space");
	tap_ok(k->last.kind == HYP_FAULT_ACCESS && k->last.address == (uintptr_t)(reserved + 3),
	       "its kind and address");
	tap_is(value, 5, "a faulting load stores nothing");
	tap_ok(!k->last.write, "it is no write");
	tap_is(suite_store(reserved + 5, value), -1, "a store there");
	tap_ok(k->last.kind == HYP_FAULT_ACCESS && k->last.address == (uintptr_t)(reserved + 5),
	       "its kind and address");
	tap_ok(k->last.write, "it is a write");
	tap_is(k->asked, 3, "each fault asks once");
	ops->mem_unreserve(k->h, reserved, 65536);
}

static void test_kinds(struct kernel *k)
{
	int fd = memfd_create("short", MFD_CLOEXEC), value;
	int *beyond = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fd, 0);

	tap_ok(suite_load(beyond, &value) == -1 && k->last.kind == HYP_FAULT_MEMORY &&
		       k->last.address == (uintptr_t)beyond,
	       "an access beyond the end of a file");
	munmap(beyond, 65536);
	close(fd);
	tap_ok(suite_undefined() == -1 && k->last.kind == HYP_FAULT_INSTRUCTION && k->last.address == 0,
	       "an undefined instruction");
	if (suite_divide())
		tap_ok(k->last.kind == HYP_FAULT_ARITHMETIC, "a division by zero");
	else
		tap_skip(1, "this CPU divides by zero");
}

static void test_two(struct kernel *k)
{
	struct kernel other = { .deaf = true };
	int value;

	other.h = suite_open_with(&suite_config, &upcalls, &other, NULL);
	k->asked = 0;
	tap_is(suite_load(NULL, &value), -1, "a fault with two kernels alive");
	k->deaf = true;
	other.deaf = false;
	tap_is(suite_load(NULL, &value), -1, "whichever of them takes it");
	tap_ok(k->asked + other.asked >= 2 && k->asked && other.asked, "both are asked");
	k->deaf = false;
	ops->fini(other.h);
	other.asked = 0;
	suite_load(NULL, &value);
	tap_is(other.asked, 0, "one that is gone is not asked");
}

static void faulty(void *arg)
{
	struct kernel *k = arg;
	int value, i;

	for (i = 0; i < 500; i++)
		suite_load(NULL, &value);
	suite_post(k->h, &k->done);
}

static uint32_t dead_asked;

/* Takes long enough for fini() to come in the middle. */
static bool slow_upcall(void *cookie, struct hyp_fault *fault)
{
	volatile uint32_t *ended = cookie;
	volatile int spin;

	for (spin = 0; spin < 100000; spin++)
		;
	if (*ended)
		__atomic_fetch_add(&dead_asked, 1, __ATOMIC_SEQ_CST);
	return false;
}

static void test_threads(struct kernel *k)
{
	const struct hyp_upcalls slow = { .fault = slow_upcall };
	struct hyp_thread *threads[4];
	struct kernel last = { .asked = 0 };
	static uint32_t ended[100];
	struct hyp *other;
	int i;

	/* The place that the first one leaves is asked before the second, which is the one that lands the faults. */
	other = suite_open(NULL);
	last.h = suite_open_with(&suite_config, &upcalls, &last, NULL);
	ops->fini(other);
	k->deaf = true;
	for (i = 0; i < 4; i++)
		threads[i] = suite_start(k->h, faulty, k);
	/* Meanwhile other instances come and go under the handlers that walk the list. */
	for (i = 0; i < 100; i++) {
		other = suite_open_with(&suite_config, &slow, &ended[i], NULL);
		ops->yield(k->h);
		ops->fini(other);
		__atomic_store_n(&ended[i], 1, __ATOMIC_SEQ_CST);
	}
	tap_ok(suite_await(k->h, &k->done, 4), "faults on several threads while instances come and go");
	tap_is(dead_asked, 0, "fini waits for upcalls in progress");
	for (i = 0; i < 4; i++)
		suite_join(k->h, threads[i]);
	ops->fini(last.h);
}

void test_fault(void)
{
	struct kernel k = { .asked = 0 };

	k.h = suite_open_with(&suite_config, &upcalls, &k, NULL);
	test_access(&k);
	test_kinds(&k);
	test_two(&k);
	test_threads(&k);
	ops->fini(k.h);
}
