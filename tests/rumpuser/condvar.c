// SPDX-License-Identifier: BSD-2-Clause
/* Condition variables: signals, time limits, interlocks */
#include "suite.h"

/**
 * struct event - something to wait for
 * @count: how often it happened; guarded by @m
 * @seen:  waiters that have seen it
 */
struct event {
	struct mutex m;
	struct rumpuser_cv *cv;
	int count;
	int seen;
	int64_t limit;
	int error;
	int64_t took;
};

static void event_init(struct event *e, int flags)
{
	*e = (struct event){ .count = 0 };
	mutex_init(&e->m, flags);
	ru.cv_init(&e->cv);
}

static void event_free(struct event *e)
{
	ru.cv_destroy(e->cv);
	mutex_destroy(&e->m);
}

static void wait_event(void *arg)
{
	struct event *e = arg;

	mutex_enter(&e->m);
	while (!e->count)
		cv_wait(e->cv, &e->m);
	e->seen++;
	mutex_exit(&e->m);
}

static void wait_event_nowrap(void *arg)
{
	struct event *e = arg;

	mutex_enter(&e->m);
	while (!e->count)
		cv_wait_nowrap(e->cv, &e->m);
	e->seen++;
	mutex_exit(&e->m);
}

static void wait_limited(void *arg)
{
	struct event *e = arg;
	int64_t begin = host_now();

	mutex_enter(&e->m);
	while (!e->count && !e->error)
		e->error = cv_timedwait(e->cv, &e->m, e->limit);
	e->seen += !e->error;
	mutex_exit(&e->m);
	e->took = host_now() - begin;
}

static void happen(struct event *e, bool all)
{
	mutex_enter(&e->m);
	e->count++;
	if (all)
		cv_broadcast(e->cv);
	else
		cv_signal(e->cv);
	mutex_exit(&e->m);
}

static void signalled(int flags)
{
	struct event e;
	struct thread *t;

	event_init(&e, flags);
	tap_is(cv_waiters(e.cv), 0, "nobody waits at first");
	t = thread_start(wait_event, &e, ANY_CPU);
	tap_ok(await_blocked(t, "cv_wait"), "a waiter gives up its virtual CPU");
	tap_ok(cv_waiters(e.cv) > 0, "it is seen to wait");
	mutex_enter(&e.m);
	tap_ok(!e.seen, "the mutex is free meanwhile");
	mutex_exit(&e.m);
	happen(&e, false);
	thread_end(t);
	tap_is(e.seen, 1, "a signal ends the wait");
	tap_is(cv_waiters(e.cv), 0, "nobody waits any more");
	event_free(&e);
}

static void nowrap(void)
{
	struct event e;
	struct thread *t;

	event_init(&e, RUMPUSER_MTX_KMUTEX);
	t = thread_start(wait_event_nowrap, &e, ANY_CPU);
	tap_ok(await_in(t, "cv_wait_nowrap"), "cv_wait_nowrap waits");
	host_sleep(20 * MS);
	tap_ok(!thread_blocked(t, "cv_wait_nowrap"), "and keeps its virtual CPU");
	happen(&e, false);
	thread_end(t);
	tap_is(e.seen, 1, "a signal ends it");
	event_free(&e);
}

enum { CROWD = 6 };

static void broadcast(void)
{
	struct thread *threads[CROWD];
	struct event e;
	int i;

	event_init(&e, RUMPUSER_MTX_KMUTEX);
	for (i = 0; i < CROWD; i++)
		threads[i] = thread_start(wait_event, &e, ANY_CPU);
	for (i = 0; i < CROWD; i++)
		await_blocked(threads[i], "cv_wait");
	tap_is(cv_waiters(e.cv), CROWD, "all are seen to wait");
	happen(&e, true);
	for (i = 0; i < CROWD; i++)
		thread_end(threads[i]);
	tap_is(e.seen, CROWD, "a broadcast ends the wait of all");
	event_free(&e);
}

static void remembered(void)
{
	struct event e;
	int i, timeouts = 0;

	event_init(&e, RUMPUSER_MTX_KMUTEX);
	mutex_enter(&e.m);
	for (i = 0; i < 5; i++) {
		cv_signal(e.cv);
		cv_broadcast(e.cv);
		timeouts += cv_timedwait(e.cv, &e.m, 2 * MS) == NB_ETIMEDOUT;
	}
	mutex_exit(&e.m);
	tap_ok(timeouts >= 4, "a signal to nobody is not remembered");
	event_free(&e);
}

/* A time limit that passes, while a thread that wants the only CPU shows that it is free. */
static void limits(int flags)
{
	static const int64_t times[] = { 0, 1, 3 * MS, 60 * MS };
	struct event e;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		event_init(&e, flags);
		e.limit = times[i];
		wait_limited(&e);
		tap_is(e.error, NB_ETIMEDOUT, "%lld ns: ETIMEDOUT", (long long)times[i]);
		tap_ok(e.took >= times[i], "not before its time");
		event_free(&e);
	}
}

static void limit_not_reached(int64_t limit)
{
	struct event e;
	struct thread *t;

	event_init(&e, RUMPUSER_MTX_KMUTEX);
	e.limit = limit;
	t = thread_start(wait_limited, &e, ANY_CPU);
	tap_ok(await_blocked(t, "cv_timedwait"), "a waiter with a time limit gives up its virtual CPU");
	kernel_pause(10 * MS);
	happen(&e, false);
	thread_end(t);
	tap_is(e.error, 0, "signalled in time, of %lld s: 0", (long long)(limit / SECOND));
	tap_is(e.seen, 1, "and the event is seen");
	event_free(&e);
}

/* Times that the wrappers cannot give: beyond what a count of nanoseconds holds */
static void endless(void *arg)
{
	struct event *e = arg;

	ru.mutex_enter(e->m.mtx);
	call_begin("cv_timedwait", MAY_LEAVE, &e->m);
	while (!e->count && !e->error)
		e->error = ru.cv_timedwait(e->cv, e->m.mtx, INT64_MAX / 2, 999999999);
	call_end();
	ru.mutex_exit(e->m.mtx);
}

static void limit_far_away(void)
{
	struct event e;
	struct thread *t;

	event_init(&e, RUMPUSER_MTX_KMUTEX);
	t = thread_start(endless, &e, ANY_CPU);
	tap_ok(await_blocked(t, "cv_timedwait"), "a limit of ages waits");
	kernel_pause(10 * MS);
	happen(&e, false);
	thread_end(t);
	tap_is(e.error, 0, "and is not reached");
	event_free(&e);
}

void test_condvar(void)
{
	signalled(RUMPUSER_MTX_KMUTEX);
	signalled(RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	if (kernel_cpus() > 1)
		nowrap();
	broadcast();
	remembered();
	limits(RUMPUSER_MTX_KMUTEX);
	limits(RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	limit_not_reached(SECOND * 3600);
	limit_not_reached(SECOND * 1000000000);
	if (suite_ours())
		limit_far_away();
}

/*
 * A buffer between producers and consumers: no signal may be lost, no item be seen twice.
 */
enum { WORKERS = 3, ITEMS = 2000, ROOM = 3 };

struct buffer {
	struct mutex m;
	struct rumpuser_cv *more, *less;
	int items[ROOM];
	int first, count;
	int produced, consumed;
	int64_t sum;
	atomic_uint seed;
};

static void wait_some(struct buffer *b, struct rumpuser_cv *cv, uint32_t choice)
{
	if (choice % 4)
		cv_wait(cv, &b->m);
	else
		cv_timedwait(cv, &b->m, choice % 3 ? SECOND * 3600 : MS / 8);
}

static void produce(void *arg)
{
	struct buffer *b = arg;
	uint64_t random = suite_seed() * 77 + atomic_fetch_add(&b->seed, 1);

	mutex_enter(&b->m);
	while (b->produced < suite_rounds(ITEMS) * WORKERS) {
		if (b->count == ROOM) {
			wait_some(b, b->less, random_next(&random));
			continue;
		}
		b->items[(b->first + b->count++) % ROOM] = ++b->produced;
		cv_signal(b->more);
		mutex_exit(&b->m);
		if (random_next(&random) % 16 == 0)
			kernel_pause(0);
		mutex_enter(&b->m);
	}
	cv_broadcast(b->less);
	mutex_exit(&b->m);
}

static void consume(void *arg)
{
	struct buffer *b = arg;
	uint64_t random = suite_seed() * 99 + atomic_fetch_add(&b->seed, 1);

	mutex_enter(&b->m);
	while (b->consumed < suite_rounds(ITEMS) * WORKERS) {
		if (!b->count) {
			wait_some(b, b->more, random_next(&random));
			continue;
		}
		b->sum += b->items[b->first];
		b->first = (b->first + 1) % ROOM;
		b->count--;
		b->consumed++;
		cv_signal(b->less);
		mutex_exit(&b->m);
		if (random_next(&random) % 16 == 0)
			kernel_pause(0);
		mutex_enter(&b->m);
	}
	cv_broadcast(b->more);
	mutex_exit(&b->m);
}

static void hand_over(int flags)
{
	struct thread *threads[2 * WORKERS];
	struct buffer b = { .count = 0 };
	const int64_t n = suite_rounds(ITEMS) * WORKERS;
	int i;

	mutex_init(&b.m, flags);
	ru.cv_init(&b.more);
	ru.cv_init(&b.less);
	for (i = 0; i < 2 * WORKERS; i++)
		threads[i] = thread_start(i % 2 ? produce : consume, &b, ANY_CPU);
	for (i = 0; i < 2 * WORKERS; i++)
		thread_end(threads[i]);
	tap_is(b.sum, n * (n + 1) / 2, "flags %d: every item goes from producers to consumers once", flags);
	ru.cv_destroy(b.less);
	ru.cv_destroy(b.more);
	mutex_destroy(&b.m);
}

enum { STROKES = 3000 };

/**
 * struct table - two threads that take turns: each waits for the other, so a signal that is lost ends the game
 */
struct table {
	struct mutex m;
	struct rumpuser_cv *turn[2];
	int strokes;
};

static void play(struct table *t, int side)
{
	mutex_enter(&t->m);
	while (t->strokes < suite_rounds(STROKES)) {
		while (t->strokes < suite_rounds(STROKES) && t->strokes % 2 != side)
			cv_wait(t->turn[side], &t->m);
		t->strokes++;
		cv_signal(t->turn[!side]);
	}
	mutex_exit(&t->m);
}

static void play_first(void *arg)
{
	play(arg, 0);
}

static void play_second(void *arg)
{
	play(arg, 1);
}

static void take_turns(int flags)
{
	struct table t = { .strokes = 0 };
	struct thread *first, *second;

	mutex_init(&t.m, flags);
	ru.cv_init(&t.turn[0]);
	ru.cv_init(&t.turn[1]);
	first = thread_start(play_first, &t, ANY_CPU);
	second = thread_start(play_second, &t, ANY_CPU);
	thread_end(first);
	thread_end(second);
	tap_ok(t.strokes >= suite_rounds(STROKES), "flags %d: two threads take turns", flags);
	ru.cv_destroy(t.turn[0]);
	ru.cv_destroy(t.turn[1]);
	mutex_destroy(&t.m);
}

enum { LIVES = 2000, SLEEPERS = 3 };

/**
 * struct mortal - a condition variable that is destroyed as soon as all who wait on it are signalled
 * @m:     guards the rest; stays
 * @lives: it may be waited on
 * @born:  signalled when it may again
 */
struct mortal {
	struct mutex m;
	struct rumpuser_cv *cv, *born;
	bool lives, over;
	atomic_int seed;
};

/* Its time may pass just when it is signalled; then the condition variable may be gone, and another lock be there. */
static void sleeper(void *arg)
{
	struct mortal *c = arg;
	uint64_t random = suite_seed() * 3 + atomic_fetch_add(&c->seed, 1);

	mutex_enter(&c->m);
	while (!c->over) {
		if (c->lives)
			cv_timedwait(c->cv, &c->m, random_next(&random) % 100000);
		else
			cv_wait(c->born, &c->m);
	}
	mutex_exit(&c->m);
}

/* Has the size of what was just freed. */
static void use_memory(void)
{
	struct mutex m[2];
	int i;

	mutex_init(&m[0], RUMPUSER_MTX_KMUTEX);
	mutex_init(&m[1], RUMPUSER_MTX_KMUTEX);
	for (i = 0; i < 16; i++) {
		mutex_enter(&m[i % 2]);
		rule(m[i % 2].holder == context_self(), "a mutex that was made for one is another's");
		mutex_exit(&m[i % 2]);
	}
	mutex_destroy(&m[1]);
	mutex_destroy(&m[0]);
}

static void live_and_die(struct mortal *c, uint32_t choice)
{
	mutex_enter(&c->m);
	ru.cv_init(&c->cv);
	c->lives = true;
	cv_broadcast(c->born);
	mutex_exit(&c->m);
	kernel_pause(choice % 60000);
	mutex_enter(&c->m);
	c->lives = false;
	cv_broadcast(c->cv);
	if (choice % 2)
		ru.cv_destroy(c->cv);
	mutex_exit(&c->m);
	if (choice % 2 == 0)
		ru.cv_destroy(c->cv);
	use_memory();
}

static void mortality(void)
{
	struct mortal c = { .lives = false };
	struct thread *threads[SLEEPERS];
	uint64_t random = suite_seed();
	int i;

	mutex_init(&c.m, RUMPUSER_MTX_KMUTEX);
	ru.cv_init(&c.born);
	for (i = 0; i < SLEEPERS; i++)
		threads[i] = thread_start(sleeper, &c, ANY_CPU);
	for (i = 0; i < suite_rounds(LIVES); i++)
		live_and_die(&c, random_next(&random));
	mutex_enter(&c.m);
	c.over = true;
	cv_broadcast(c.born);
	mutex_exit(&c.m);
	for (i = 0; i < SLEEPERS; i++)
		thread_end(threads[i]);
	tap_ok(c.over, "a condition variable may be destroyed when all are signalled");
	ru.cv_destroy(c.born);
	mutex_destroy(&c.m);
}

void test_condvar_load(void)
{
	take_turns(RUMPUSER_MTX_KMUTEX);
	take_turns(RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	hand_over(RUMPUSER_MTX_KMUTEX);
	hand_over(RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX);
	if (suite_ours()) /* POSIX does not promise it while some have not returned */
		mortality();
}
