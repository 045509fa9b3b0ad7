// SPDX-License-Identifier: BSD-2-Clause
/* clock_monotonic(), clock_realtime() */
#include "suite.h"

#define READERS 4
#define READINGS 20000
#define YEAR_2020 (UINT64_C(1577836800) * SECOND)

static struct hyp *h;
static _Atomic uint64_t latest;
static atomic_uint back;

/* Reads after someone else's reading is known must not be before it. */
static void reader(void *arg)
{
	uint64_t known, now;
	int i;

	for (i = 0; i < READINGS; i++) {
		known = atomic_load(&latest);
		now = ops->clock_monotonic(h);
		if (now < known)
			atomic_fetch_add(&back, 1);
		while (known < now && !atomic_compare_exchange_weak(&latest, &known, now))
			;
		if (i % 256 == 0)
			ops->yield(h);
	}
}

static void test_monotonic(void)
{
	struct hyp_thread *threads[READERS];
	uint64_t start = ops->clock_monotonic(h);
	int i;

	for (i = 0; i < READERS; i++)
		threads[i] = suite_start(h, reader, NULL);
	for (i = 0; i < READERS; i++)
		suite_join(h, threads[i]);
	tap_is(back, 0, "time never goes back, on no thread");
	tap_ok(ops->clock_monotonic(h) > start, "it goes on");
}

static void test_sleep(void)
{
	uint64_t start = ops->clock_monotonic(h), wall = ops->clock_realtime(h), slept, wall_slept;

	suite_sleep(h, 20 * MS);
	slept = ops->clock_monotonic(h) - start;
	wall_slept = ops->clock_realtime(h) - wall;
	tap_ok(slept >= 20 * MS && slept < 5 * SECOND, "it passes while a thread sleeps");
	tap_ok(wall > YEAR_2020, "the time of day is a time of our days");
	tap_ok(wall_slept + 5 * MS >= slept && wall_slept < slept + SECOND, "both clocks go alike");
}

void test_time(void)
{
	h = suite_open(NULL);
	test_monotonic();
	test_sleep();
	ops->fini(h);
}
