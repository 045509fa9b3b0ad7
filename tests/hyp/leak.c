// SPDX-License-Identifier: BSD-2-Clause
/* Instances that come and go leave nothing behind. */
#include <malloc.h>

#include "suite.h"

#define WARM_UP 20
#define TIMES 1000

static uint32_t fired;
static struct hyp *h;

static void upcall(void *cookie, uint32_t n)
{
	__atomic_fetch_add(&fired, 1, __ATOMIC_SEQ_CST);
	ops->wake(h, &fired, 1);
}

static void hook(void *arg)
{
}

static void touch(void *arg)
{
	*ops->thread_slot(h) = arg;
	ops->thread_on_exit(h, hook, NULL);
}

static bool live_once(void)
{
	const struct hyp_upcalls upcalls = { .timer = upcall };
	struct hyp_info info;
	bool good;
	char *a;

	fired = 0;
	h = suite_open_with(&suite_config, &upcalls, NULL, &info);
	a = suite_reserve(h, 64 * info.page_size);
	suite_reserve(h, info.page_size);
	suite_map(h, a, 32 * info.page_size, 0, HYP_PROT_READ | HYP_PROT_WRITE);
	suite_map(h, a + 3 * info.page_size, info.page_size, HYP_MEM_NONE, 0);
	suite_map(h, a + 50 * info.page_size, info.page_size, HYP_MEM_ANONYMOUS, HYP_PROT_READ);
	ops->mem_commit(h, a, info.page_size);
	touch(a);
	suite_join(h, suite_start(h, touch, a));
	ops->timer_set(h, 0, 1);
	good = suite_await(h, &fired, 1);
	ops->fini(h);
	return good;
}

void test_leak(void)
{
	unsigned int threads, descriptors, mappings;
	bool good = true;
	size_t heap;
	int i;

	for (i = 0; i < WARM_UP; i++)
		live_once();
	threads = host_threads();
	descriptors = host_descriptors();
	mappings = host_mappings();
	heap = mallinfo2().uordblks;
	for (i = 0; i < TIMES; i++)
		good &= live_once();
	tap_ok(good, "%d lives of an instance", TIMES);
	tap_ok(host_threads_settle(threads), "leave no thread");
	tap_is(host_descriptors(), descriptors, "no descriptor");
	tap_ok(host_mappings() <= mappings + 2, "no mapping (%u, %u before)", host_mappings(), mappings);
	tap_ok(mallinfo2().uordblks <= heap + 4096, "no memory (%zu bytes, %zu before)", (size_t)mallinfo2().uordblks,
	       heap);
}
