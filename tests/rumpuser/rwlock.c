// SPDX-License-Identifier: BSD-2-Clause
/* Read-write locks: who may come in together, upgrade and downgrade */
#include "suite.h"

enum { READER = RUMPUSER_RW_READER, WRITER = RUMPUSER_RW_WRITER };

/**
 * struct gate - a thread that takes a lock, and holds it until it is told
 */
struct gate {
	struct rumpuser_rw *rw;
	int kind;
	atomic_bool in, leave;
	int upgrade; /* what rw_tryupgrade() says before it leaves; -1: not tried */
	int others;  /* does it see itself as the writer? */
};

static void pass(void *arg)
{
	struct gate *g = arg;

	rw_enter(g->kind, g->rw);
	g->in = true;
	while (!g->leave)
		kernel_pause(MS / 4);
	if (!g->upgrade)
		g->upgrade = rw_tryupgrade(g->rw);
	g->others = rw_held(WRITER, g->rw);
	rw_exit(g->rw);
}

static bool is_in(void *arg)
{
	struct gate *g = arg;

	return g->in;
}

static struct thread *enter(struct gate *g, struct rumpuser_rw *rw, int kind)
{
	*g = (struct gate){ .rw = rw, .kind = kind, .upgrade = -1 };
	return thread_start(pass, g, ANY_CPU);
}

static void leave(struct gate *g, struct thread *t)
{
	g->leave = true;
	thread_end(t);
}

struct view {
	struct rumpuser_rw *rw;
	int read, write, held_read, held_write;
};

/* What a thread sees that has nothing to do with it: it tries and leaves again. */
static void look(void *arg)
{
	struct view *v = arg;

	v->held_read = rw_held(READER, v->rw);
	v->held_write = rw_held(WRITER, v->rw);
	v->read = rw_tryenter(READER, v->rw);
	if (!v->read)
		rw_exit(v->rw);
	v->write = rw_tryenter(WRITER, v->rw);
	if (!v->write)
		rw_exit(v->rw);
}

static struct view other(struct rumpuser_rw *rw)
{
	struct view v = { .rw = rw };

	thread_end(thread_start(look, &v, ANY_CPU));
	return v;
}

static void free_lock(struct rumpuser_rw *rw)
{
	struct view v = other(rw);

	tap_ok(!v.read && !v.write, "a free lock can be tried for reading and writing");
	tap_ok(!v.held_read && !v.held_write, "nobody holds it");
}

static void read_locked(struct rumpuser_rw *rw)
{
	struct gate a, b;
	struct thread *first, *second;
	struct view v;
	bool upgraded;

	rw_enter(READER, rw);
	v = other(rw);
	tap_is(v.read, 0, "read locked: another reader comes in");
	tap_is(v.write, NB_EBUSY, "a writer does not");
	tap_ok(v.held_read && !v.held_write, "anybody sees a reader, nobody is the writer");
	first = enter(&a, rw, READER);
	second = enter(&b, rw, READER);
	tap_ok(kernel_await(is_in, &a) && kernel_await(is_in, &b), "three readers are in at one time");
	tap_is(rw_tryupgrade(rw), NB_EBUSY, "one of several readers cannot become the writer");
	tap_ok(rw_held(READER, rw) && !rw_held(WRITER, rw), "it is a reader still");
	a.upgrade = 0;
	leave(&a, first);
	tap_is(a.upgrade, NB_EBUSY, "nor can another of them");
	leave(&b, second);
	upgraded = !rw_tryupgrade(rw);
	suite_better(upgraded, "the only reader can become the writer");
	tap_is(rw_held(WRITER, rw), upgraded, "it knows whether it is the writer");
	v = other(rw);
	tap_ok(v.read == (upgraded ? NB_EBUSY : 0) && v.write == NB_EBUSY, "others do, too");
	rw_exit(rw);
}

static void write_locked(struct rumpuser_rw *rw)
{
	struct view v;

	rw_enter(WRITER, rw);
	v = other(rw);
	tap_ok(v.read == NB_EBUSY && v.write == NB_EBUSY, "write locked: nobody else comes in");
	tap_is(rw_held(WRITER, rw), 1, "the writer knows that it is");
	tap_ok(!v.held_write, "another thread knows that it is not");
	tap_ok(!v.held_read && !rw_held(READER, rw), "there is no reader");
	rw_exit(rw);
	tap_is(rw_tryenter(WRITER, rw), 0, "by trying, too");
	tap_is(rw_held(WRITER, rw), 1, "the writer knows that it is");
	rw_exit(rw);
}

static void downgrade(struct rumpuser_rw *rw)
{
	struct gate writer;
	struct thread *t;
	struct view v;

	rw_enter(WRITER, rw);
	t = enter(&writer, rw, WRITER);
	tap_ok(await_blocked(t, "rw_enter writer"), "a writer behind a writer gives up its virtual CPU");
	rw_downgrade(rw);
	tap_ok(rw_held(READER, rw) && !rw_held(WRITER, rw), "a downgraded writer is a reader");
	kernel_pause(20 * MS);
	tap_ok(!writer.in, "no writer gets between");
	rw_exit(rw);
	tap_ok(kernel_await(is_in, &writer), "the writer follows the reader");
	leave(&writer, t);
	tap_is(writer.others, 1, "and knows that it is the writer");
	rw_enter(WRITER, rw);
	rw_downgrade(rw);
	v = other(rw);
	tap_is(v.read, 0, "other readers come in after a downgrade");
	tap_is(v.write, NB_EBUSY, "writers do not");
	rw_exit(rw);
}

static void waits(struct rumpuser_rw *rw)
{
	struct gate g;
	struct thread *t;

	rw_enter(WRITER, rw);
	t = enter(&g, rw, READER);
	tap_ok(await_blocked(t, "rw_enter reader"), "a reader behind a writer gives up its virtual CPU");
	rw_exit(rw);
	tap_ok(kernel_await(is_in, &g), "and comes in");
	leave(&g, t);
	rw_enter(READER, rw);
	t = enter(&g, rw, WRITER);
	tap_ok(await_blocked(t, "rw_enter writer"), "a writer behind a reader gives up its virtual CPU");
	rw_exit(rw);
	tap_ok(kernel_await(is_in, &g), "and comes in");
	leave(&g, t);
}

void test_rwlock(void)
{
	struct rumpuser_rw *rw = NULL;

	ru.rw_init(&rw);
	free_lock(rw);
	read_locked(rw);
	write_locked(rw);
	downgrade(rw);
	waits(rw);
	free_lock(rw);
	ru.rw_destroy(rw);
}

enum { LOADERS = 6, ROUNDS = 2500 };

/**
 * struct shared - what readers and writers fight for
 * @value: two words, equal but while a writer is at work
 */
struct shared {
	struct rumpuser_rw *rw;
	volatile long value[2];
	atomic_int readers;
	atomic_bool writer;
	atomic_long writes;
	atomic_int seed, most;
};

static void read_value(struct shared *s)
{
	rule(!s->writer, "rw: a reader beside a writer");
	rule(s->value[0] == s->value[1], "rw: a reader sees a writer at work");
}

static void read_long(struct shared *s)
{
	int readers = atomic_fetch_add(&s->readers, 1) + 1;

	if (readers > s->most)
		s->most = readers;
	read_value(s);
	kernel_pause(0);
	read_value(s);
	atomic_fetch_sub(&s->readers, 1);
}

static void write_value(struct shared *s)
{
	rule(!atomic_exchange(&s->writer, true), "rw: two writers");
	rule(!s->readers, "rw: a writer beside a reader");
	s->value[0]++;
	s->value[1]++;
	s->writes++;
	s->writer = false;
}

static void try_upgrade(struct shared *s)
{
	long value;

	rw_enter(READER, s->rw);
	read_value(s);
	value = s->value[0];
	if (!rw_tryupgrade(s->rw)) {
		rule(s->value[0] == value, "rw: a writer between a reader and its upgrade");
		write_value(s);
		rw_downgrade(s->rw);
	}
	read_value(s);
	rw_exit(s->rw);
}

static void write_downgrade(struct shared *s)
{
	long value;

	rw_enter(WRITER, s->rw);
	write_value(s);
	value = s->value[0];
	rw_downgrade(s->rw);
	read_value(s);
	kernel_pause(0);
	rule(s->value[0] == value, "rw: a writer between downgrade and exit");
	rw_exit(s->rw);
}

static void try_both(struct shared *s, uint32_t choice)
{
	if (rw_tryenter(choice % 2, s->rw) != 0)
		return;
	if (choice % 2)
		write_value(s);
	else
		read_value(s);
	rw_exit(s->rw);
}

static void one_round(struct shared *s, uint32_t choice)
{
	switch (choice % 8) {
	case 0:
		rw_enter(WRITER, s->rw);
		write_value(s);
		if (choice % 16)
			kernel_pause(0);
		rw_exit(s->rw);
		break;
	case 1:
		try_upgrade(s);
		break;
	case 2:
		write_downgrade(s);
		break;
	case 3:
		try_both(s, choice >> 8);
		break;
	default:
		rw_enter(READER, s->rw);
		read_long(s);
		rw_exit(s->rw);
	}
}

static void loader(void *arg)
{
	struct shared *s = arg;
	uint64_t random = suite_seed() * 31 + atomic_fetch_add(&s->seed, 1);
	int i;

	for (i = 0; i < suite_rounds(ROUNDS); i++)
		one_round(s, random_next(&random));
}

void test_rwlock_load(void)
{
	struct thread *threads[LOADERS];
	struct shared s = { .value = { 0 } };
	int i;

	ru.rw_init(&s.rw);
	for (i = 0; i < LOADERS; i++)
		threads[i] = thread_start(loader, &s, ANY_CPU);
	for (i = 0; i < LOADERS; i++)
		thread_end(threads[i]);
	tap_is(s.value[0], s.writes, "%d threads on %d virtual CPUs read and write", LOADERS, kernel_cpus());
	tap_ok(s.most > 1, "%ld writes, up to %d readers at one time", s.writes, s.most);
	ru.rw_destroy(s.rw);
}
