// SPDX-License-Identifier: BSD-2-Clause
/* wait(), wake(), wake_wait(): no wake-up is lost, whatever the load */
#include "suite.h"

#define ROUNDS 10000
#define SLEEPERS 12
#define LOCKERS 8
#define LOCK_ROUNDS 2000

static struct hyp *h;

static uint32_t load(uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static void test_alone(void)
{
	uint32_t word = 3;
	uint64_t deadline;

	tap_is(ops->wait(h, &word, 4, HYP_FOREVER), 0, "a word that differs");
	tap_is(ops->wait(h, &word, 4, 0), 0, "a word that differs, with a deadline in the past");
	tap_is(ops->wait(h, &word, 3, 0), -HYP_ETIMEDOUT, "the deadline 0");
	tap_is(ops->wait(h, &word, 3, ops->clock_monotonic(h)), -HYP_ETIMEDOUT, "the deadline now");
	deadline = suite_after(h, 3 * MS);
	while (ops->wait(h, &word, 3, deadline) != -HYP_ETIMEDOUT)
		;
	tap_ok(ops->clock_monotonic(h) >= deadline, "a deadline is not early");
	tap_ok(ops->clock_monotonic(h) < deadline + 2 * SECOND, "nor very late");
	tap_is(ops->wake(h, &word, UINT32_MAX), 0, "waking when nobody sleeps");
	deadline = suite_after(h, MS);
	while (ops->wake_wait(h, &word, &word, 3, deadline) != -HYP_ETIMEDOUT)
		;
	tap_ok(ops->clock_monotonic(h) >= deadline, "wake_wait has a deadline too");
	tap_is(ops->wake_wait(h, &word, &word, 4, HYP_FOREVER), 0, "and looks at the word");
}

struct sleepers {
	uint32_t word;
	uint32_t about; /* to sleep */
	uint32_t woken;
	uint32_t ended;
};

/* Counts returns of wait() that a wake() must have caused. */
static void sleeper(void *arg)
{
	struct sleepers *s = arg;

	suite_post(h, &s->about);
	while (!load(&s->word)) {
		if (!ops->wait(h, &s->word, 0, HYP_FOREVER))
			__atomic_fetch_add(&s->woken, 1, __ATOMIC_SEQ_CST);
	}
	suite_post(h, &s->ended);
}

static int wake_some(struct sleepers *s, uint32_t n)
{
	uint64_t deadline = suite_after(h, suite_patience);
	int woken;

	do {
		suite_sleep(h, MS); /* until someone sleeps */
		woken = ops->wake(h, &s->word, n);
	} while (!woken && ops->clock_monotonic(h) < deadline);
	return woken;
}

static void test_count(void)
{
	struct hyp_thread *threads[SLEEPERS];
	struct sleepers s = { 0 };
	int i, n;

	for (i = 0; i < SLEEPERS; i++)
		threads[i] = suite_start(h, sleeper, &s);
	suite_await(h, &s.about, SLEEPERS);
	suite_sleep(h, 50 * MS);
	tap_is(ops->wake(h, &s.word, 0), 0, "waking none wakes none");
	tap_is(wake_some(&s, 1), 1, "waking one wakes one");
	n = wake_some(&s, 3);
	tap_ok(n >= 1 && n <= 3, "waking up to three wakes %d", n);
	store(&s.word, 1);
	n = ops->wake(h, &s.word, UINT32_MAX);
	tap_ok(n >= 0 && n <= SLEEPERS, "waking all wakes %d", n);
	tap_ok(suite_await(h, &s.ended, SLEEPERS), "whoever read the old value is woken");
	for (i = 0; i < SLEEPERS; i++)
		suite_join(h, threads[i]);
}

struct pair {
	uint32_t turn[2]; /* each side sleeps on its own and counts up the other's */
	bool handover;
	uint32_t lost;
};

/* Returns false when the sleep was too long. */
static bool await_turn(struct pair *p, int side, uint32_t round)
{
	uint64_t deadline = suite_after(h, suite_patience);
	uint32_t seen;

	while ((seen = load(&p->turn[side])) < round) {
		if (ops->wait(h, &p->turn[side], seen, deadline) == -HYP_ETIMEDOUT)
			return false;
	}
	return true;
}

static bool pass_turn(struct pair *p, int side, uint32_t round)
{
	store(&p->turn[!side], round);
	if (!p->handover)
		return ops->wake(h, &p->turn[!side], 1) >= 0;
	return ops->wake_wait(h, &p->turn[!side], &p->turn[side], round, suite_after(h, suite_patience)) !=
	       -HYP_ETIMEDOUT;
}

static void second(void *arg)
{
	struct pair *p = arg;
	uint32_t round;

	for (round = 1; round <= ROUNDS && !load(&p->lost); round++) {
		if (!await_turn(p, 1, round) || !pass_turn(p, 1, round))
			store(&p->lost, round);
		/* The last hand-over has nobody to wake it. */
		if (round == ROUNDS - 1)
			p->handover = false;
	}
}

static void test_pair(bool handover, const char *name)
{
	struct pair p = { .handover = handover };
	struct hyp_thread *thread = suite_start(h, second, &p);
	uint32_t round;

	for (round = 1; round <= ROUNDS && !load(&p.lost); round++) {
		store(&p.turn[1], round);
		ops->wake(h, &p.turn[1], 1);
		if (!await_turn(&p, 0, round))
			store(&p.lost, round);
	}
	suite_join(h, thread);
	tap_is(p.lost, 0, "%d rounds between two threads by %s lose no wake-up", ROUNDS, name);
}

struct lock_test {
	uint32_t lock; /* 0: free, 1: taken, 2: taken, and someone may sleep */
	uint32_t lost;
	uint64_t counter;
};

static bool take(struct lock_test *l)
{
	uint64_t deadline = suite_after(h, suite_patience);
	uint32_t free = 0;

	if (__atomic_compare_exchange_n(&l->lock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return true;
	while (__atomic_exchange_n(&l->lock, 2, __ATOMIC_ACQUIRE)) {
		if (ops->wait(h, &l->lock, 2, deadline) == -HYP_ETIMEDOUT)
			return false;
	}
	return true;
}

static void give(struct lock_test *l)
{
	if (__atomic_exchange_n(&l->lock, 0, __ATOMIC_RELEASE) == 2)
		ops->wake(h, &l->lock, 1);
}

static void locker(void *arg)
{
	struct lock_test *l = arg;
	uint64_t seen;
	int i;

	for (i = 0; i < LOCK_ROUNDS && !load(&l->lost); i++) {
		if (!take(l)) {
			store(&l->lost, 1);
			return;
		}
		seen = l->counter;
		if (i % 16 == 0)
			ops->yield(h); /* let others come to sleep */
		l->counter = seen + 1;
		give(l);
	}
}

static void test_lock(void)
{
	struct hyp_thread *threads[LOCKERS];
	struct lock_test l = { 0 };
	int i;

	for (i = 0; i < LOCKERS; i++)
		threads[i] = suite_start(h, locker, &l);
	for (i = 0; i < LOCKERS; i++)
		suite_join(h, threads[i]);
	tap_is(l.lost, 0, "a lock of %d threads: no wake-up is lost", LOCKERS);
	tap_is(l.counter, LOCKERS * LOCK_ROUNDS, "and nothing is counted twice");
}

struct tokens {
	uint32_t available;
	uint32_t taken;
	uint32_t stop;
};

/* Takes tokens; sleeps with deadlines short enough to race with the wake-ups. */
static void taker(void *arg)
{
	struct tokens *t = arg;
	uint32_t n;

	while (!load(&t->stop)) {
		n = load(&t->available);
		if (!n)
			ops->wait(h, &t->available, 0, suite_after(h, suite_random() % (MS / 5)));
		else if (__atomic_compare_exchange_n(&t->available, &n, n - 1, false, __ATOMIC_SEQ_CST,
						     __ATOMIC_RELAXED))
			suite_post(h, &t->taken);
	}
}

#define TOKENS 2000

static void test_deadlines(void)
{
	struct hyp_thread *threads[4];
	struct tokens t = { 0 };
	bool good = true;
	uint32_t i;

	for (i = 0; i < 4; i++)
		threads[i] = suite_start(h, taker, &t);
	for (i = 0; i < TOKENS && good; i++) {
		__atomic_fetch_add(&t.available, 1, __ATOMIC_SEQ_CST);
		ops->wake(h, &t.available, 1);
		if (i % 8 == 7)
			good = suite_await(h, &t.taken, i + 1);
	}
	tap_ok(good && load(&t.taken) == TOKENS && !load(&t.available), "deadlines that race with wake-ups");
	store(&t.stop, 1);
	ops->wake(h, &t.available, UINT32_MAX);
	for (i = 0; i < 4; i++)
		suite_join(h, threads[i]);
}

static void late_waker(void *arg)
{
	suite_sleep(h, 30 * MS);
	store(arg, 1);
	ops->wake(h, arg, 1);
}

static void test_forever(void)
{
	uint64_t start = ops->clock_monotonic(h);
	uint32_t word = 0;
	struct hyp_thread *thread = suite_start(h, late_waker, &word);
	int ret = 0;

	while (!load(&word) && !ret)
		ret = ops->wait(h, &word, 0, HYP_FOREVER);
	tap_ok(!ret && ops->clock_monotonic(h) - start >= 30 * MS, "HYP_FOREVER has no end but the wake-up");
	suite_join(h, thread);
}

/* Words in the memory object, as a kernel's are. */
static void test_object(void)
{
	struct hyp_info info;
	struct hyp *other = h;
	uint32_t *words;
	struct hyp_thread *thread;

	h = suite_open(&info);
	words = suite_reserve(h, info.page_size);
	suite_map(h, words, info.page_size, 0, HYP_PROT_READ | HYP_PROT_WRITE);
	thread = suite_start(h, late_waker, &words[7]);
	tap_ok(suite_await(h, &words[7], 1), "a word in the memory object");
	suite_join(h, thread);
	ops->fini(h);
	h = other;
}

void test_wait(void)
{
	h = suite_open(NULL);
	test_alone();
	test_count();
	test_pair(false, "wake");
	test_pair(true, "wake_wait");
	test_lock();
	test_deadlines();
	test_forever();
	test_object();
	ops->fini(h);
}
