// SPDX-License-Identifier: BSD-2-Clause
/* timer_set(): each deadline fires once, never early, and none is lost */
#include "suite.h"

#define CPUS 4
#define SETTERS 4
#define ROUNDS 300
#define REARMS 2000
#define LATE SECOND

static struct hyp *h;

static struct {
	uint32_t fired;
	uint64_t when;
} timers[CPUS + 1];

static void upcall(void *cookie, uint32_t n)
{
	timers[n].when = ops->clock_monotonic(h);
	__atomic_fetch_add(&timers[n].fired, 1, __ATOMIC_SEQ_CST);
	ops->wake(h, &timers[n].fired, UINT32_MAX);
}

static uint32_t fired(uint32_t n)
{
	return __atomic_load_n(&timers[n].fired, __ATOMIC_SEQ_CST);
}

static bool on_time(uint32_t n, uint64_t deadline)
{
	return timers[n].when >= deadline && timers[n].when < deadline + LATE;
}

static void test_once(void)
{
	uint64_t deadline = suite_after(h, 5 * MS);

	tap_is(ops->timer_set(h, 0, deadline), 0, "a timer");
	tap_ok(suite_await(h, &timers[0].fired, 1) && on_time(0, deadline), "fires, not early");
	suite_sleep(h, 20 * MS);
	tap_is(fired(0), 1, "and once");
	tap_is(ops->timer_set(h, 0, 1), 0, "a deadline in the past");
	tap_ok(suite_await(h, &timers[0].fired, 2), "fires at once");
	tap_is(ops->timer_set(h, 0, 0), 0, "the deadline 0");
	tap_ok(suite_await(h, &timers[0].fired, 3), "fires at once");
}

static void test_changes(void)
{
	uint64_t deadline;
	uint32_t before = fired(1);

	ops->timer_set(h, 1, suite_after(h, 10 * MS));
	ops->timer_set(h, 1, HYP_FOREVER);
	suite_sleep(h, 40 * MS);
	tap_is(fired(1), before, "a disarmed timer stays silent");
	ops->timer_set(h, 1, suite_after(h, 3600 * SECOND));
	suite_sleep(h, 5 * MS);
	deadline = suite_after(h, 5 * MS);
	ops->timer_set(h, 1, deadline);
	tap_ok(suite_await(h, &timers[1].fired, before + 1) && on_time(1, deadline), "set to an earlier deadline");
	before = fired(1);
	ops->timer_set(h, 1, suite_after(h, 10 * MS));
	deadline = suite_after(h, 60 * MS);
	ops->timer_set(h, 1, deadline);
	tap_ok(suite_await(h, &timers[1].fired, before + 1) && on_time(1, deadline), "set to a later deadline");
	suite_sleep(h, 5 * MS);
	tap_is(fired(1), before + 1, "the old deadline does not fire");
}

static void test_all(void)
{
	uint64_t deadline[CPUS];
	uint32_t before[CPUS], n;
	bool good = true;

	for (n = 0; n < CPUS; n++) {
		before[n] = fired(n);
		deadline[n] = suite_after(h, (CPUS - n) * 5 * MS);
		good &= !ops->timer_set(h, n, deadline[n]);
	}
	for (n = 0; n < CPUS; n++)
		good &= suite_await(h, &timers[n].fired, before[n] + 1) && on_time(n, deadline[n]);
	tap_ok(good, "all timers, armed in the reverse order of their deadlines");
	tap_is(ops->timer_set(h, CPUS, HYP_FOREVER), 0, "there is one timer more than CPUs");
	tap_is(ops->timer_set(h, CPUS + 1, 1), -HYP_EINVAL, "a timer that is not");
	tap_is(ops->timer_set(h, UINT32_MAX, 1), -HYP_EINVAL, "a timer that cannot be");
}

struct setter {
	uint32_t n;
	uint32_t lost;
	uint32_t early;
};

/* Each round arms the timer for a while that depends on chance, sometimes twice, and waits for it. */
static void setter(void *arg)
{
	struct setter *s = arg;
	uint64_t deadline;
	uint32_t before;
	int i;

	for (i = 0; i < ROUNDS && !s->lost; i++) {
		if (suite_random() % 4 == 0) {
			ops->timer_set(h, s->n, suite_after(h, 50 * MS + suite_random() % MS));
			ops->yield(h);
		}
		before = fired(s->n);
		deadline = suite_after(h, suite_random() % (MS / 2));
		ops->timer_set(h, s->n, deadline);
		if (!suite_await(h, &timers[s->n].fired, before + 1))
			s->lost++;
		else if (timers[s->n].when < deadline)
			s->early++;
	}
}

static void test_load(void)
{
	struct hyp_thread *threads[SETTERS];
	struct setter setters[SETTERS];
	uint32_t n, lost = 0, early = 0;

	for (n = 0; n < SETTERS; n++) {
		setters[n] = (struct setter){ .n = n };
		threads[n] = suite_start(h, setter, &setters[n]);
	}
	for (n = 0; n < SETTERS; n++) {
		suite_join(h, threads[n]);
		lost += setters[n].lost;
		early += setters[n].early;
	}
	tap_is(lost, 0, "%d deadlines on each of %d threads, none lost", ROUNDS, SETTERS);
	tap_is(early, 0, "none early");
}

/* Waits awake, to arm the timer again in the very moment when the platform is done with it. */
static bool spin_fired(uint32_t value)
{
	uint64_t deadline = suite_after(h, suite_patience);
	unsigned int spins;

	for (spins = 1; fired(0) != value; spins++) {
		if (spins % 512 == 0) {
			ops->yield(h);
			if (ops->clock_monotonic(h) > deadline)
				return false;
		}
	}
	return true;
}

/* With many timers, so that looking at them takes a while. */
static void test_rearm(void)
{
	const struct hyp_upcalls upcalls = { .timer = upcall };
	struct hyp_config config = suite_config;
	struct hyp *before = h;
	volatile uint32_t pause;
	uint32_t fires = fired(0), i;

	config.cpus = 4096;
	h = suite_open_with(&config, &upcalls, NULL, NULL);
	for (i = 1; i <= REARMS; i++) {
		ops->timer_set(h, 0, suite_after(h, suite_random() % (MS / 4)));
		if (!spin_fired(fires + i))
			break;
		for (pause = suite_random() % 4096; pause; pause--)
			;
	}
	tap_is(i, REARMS + 1, "armed again and again while the platform looks");
	ops->fini(h);
	h = before;
}

static void count(void *cookie, uint32_t n)
{
	__atomic_fetch_add((uint32_t *)cookie, 1, __ATOMIC_SEQ_CST);
}

/* fini() ends timers that are armed; no upcall comes after it. */
static void test_fini(void)
{
	const struct hyp_upcalls upcalls = { .timer = count };
	uint32_t fires = 0, seen;
	struct hyp *ended;
	int i;

	for (i = 0; i < 20; i++) {
		ended = suite_open_with(&suite_config, &upcalls, &fires, NULL);
		ops->timer_set(ended, 0, suite_after(ended, MS / 10));
		ops->timer_set(ended, 1, suite_after(ended, 2 * MS));
		ops->timer_set(ended, 2, suite_after(ended, 3600 * SECOND));
		ops->fini(ended);
	}
	seen = __atomic_load_n(&fires, __ATOMIC_SEQ_CST);
	suite_sleep(h, 10 * MS);
	tap_is(__atomic_load_n(&fires, __ATOMIC_SEQ_CST), seen, "no upcall after fini");
}

static uint32_t beats;

static void beat(void *cookie, uint32_t n)
{
	struct hyp *beating = *(struct hyp **)cookie;

	if (__atomic_add_fetch(&beats, 1, __ATOMIC_SEQ_CST) < 20)
		ops->timer_set(beating, n, ops->clock_monotonic(beating) + MS / 10);
	ops->wake(beating, &beats, UINT32_MAX);
}

/* An upcall may arm the timer again that it is about. */
static void test_beat(void)
{
	const struct hyp_upcalls upcalls = { .timer = beat };
	struct hyp *beating;

	beating = suite_open_with(&suite_config, &upcalls, &beating, NULL);
	ops->timer_set(beating, CPUS, 1);
	tap_ok(suite_await(beating, &beats, 20), "a timer armed again by its own upcall");
	ops->fini(beating);
	tap_is(beats, 20, "ends when that does not");
	beats = 0;
}

static void test_silent(void)
{
	struct hyp *silent = suite_open(NULL);

	tap_is(ops->timer_set(silent, 0, 1), 0, "a timer without an upcall");
	suite_sleep(silent, 2 * MS);
	ops->fini(silent);
}

void test_timer(void)
{
	const struct hyp_upcalls upcalls = { .timer = upcall };

	memset(timers, 0, sizeof(timers));
	h = suite_open_with(&suite_config, &upcalls, NULL, NULL);
	test_once();
	test_changes();
	test_all();
	test_load();
	test_rearm();
	test_fini();
	test_beat();
	test_silent();
	ops->fini(h);
}
