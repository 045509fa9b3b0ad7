// SPDX-License-Identifier: BSD-2-Clause
/* thread_slot() and thread_on_exit(), on threads of the platform's and of the host's */
#include <pthread.h>

#include "suite.h"

static struct hyp *h;

struct record {
	void **slot;
	bool null_first, same, same_in_hook;
	char order[8];
	bool again;
};

static void note(struct record *r, char c)
{
	r->order[strlen(r->order)] = c;
}

static void hook_a(void *arg)
{
	struct record *r = arg;

	r->same_in_hook = ops->thread_slot(h) == r->slot && *r->slot == r;
	note(r, 'a');
}

static void hook_b(void *arg)
{
	note(arg, 'b');
}

static void hook_c(void *arg)
{
	struct record *r = arg;

	note(r, 'c');
	if (r->again)
		ops->thread_on_exit(h, hook_b, r);
}

static void use(void *arg)
{
	struct record *r = arg;
	int i;

	r->slot = ops->thread_slot(h);
	r->null_first = r->slot && !*r->slot;
	*r->slot = r;
	r->same = true;
	for (i = 0; i < 100; i++)
		r->same &= ops->thread_slot(h) == r->slot && *r->slot == r;
	ops->thread_on_exit(h, hook_a, r);
	ops->thread_on_exit(h, hook_b, r);
	ops->thread_on_exit(h, hook_c, r);
}

static void use_and_exit(void *arg)
{
	use(arg);
	ops->thread_exit(h);
}

static void *use_on_host(void *arg)
{
	use(arg);
	return NULL;
}

static void *use_and_exit_on_host(void *arg)
{
	use(arg);
	pthread_exit(NULL);
}

static bool good(const struct record *r, const char *order)
{
	if (r->null_first && r->same && r->same_in_hook && !strcmp(r->order, order))
		return true;
	tap_note("null first %d, same %d, same in hook %d, order %s", r->null_first, r->same, r->same_in_hook,
		 r->order);
	return false;
}

static void on_host(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg) || pthread_join(thread, NULL))
		tap_abort("pthread_create");
}

static void test_kinds(void)
{
	struct record r[5] = { { .again = false } };

	suite_join(h, suite_start(h, use, &r[0]));
	tap_ok(good(&r[0], "cba"), "slot and hooks of a thread that returns");
	suite_join(h, suite_start(h, use_and_exit, &r[1]));
	tap_ok(good(&r[1], "cba"), "of one that exits");
	on_host(use_on_host, &r[2]);
	tap_ok(good(&r[2], "cba"), "of a thread of the host's that returns");
	on_host(use_and_exit_on_host, &r[3]);
	tap_ok(good(&r[3], "cba"), "of one that exits");
	r[4].again = true;
	suite_join(h, suite_start(h, use, &r[4]));
	tap_ok(good(&r[4], "cbba"), "a hook that registers another one");
}

static void test_apart(void)
{
	struct hyp *other = suite_open(NULL);
	void **mine = ops->thread_slot(h), **yours = ops->thread_slot(other);

	tap_ok(mine != yours && !*mine && !*yours, "an own slot for each instance");
	*mine = &mine;
	*yours = &yours;
	tap_ok(*ops->thread_slot(h) == &mine && *ops->thread_slot(other) == &yours, "that keeps its value");
	ops->fini(other);
	tap_ok(*ops->thread_slot(h) == &mine, "whatever becomes of the other instance");
	*mine = NULL;
}

/* A thread that outlives one instance after another, some of them at the same address. */
static void test_stale(void)
{
	bool null_first = true;
	struct hyp *next;
	void **slot;
	int i;

	for (i = 0; i < 200; i++) {
		next = suite_open(NULL);
		slot = ops->thread_slot(next);
		null_first &= slot && !*slot;
		*slot = &i;
		ops->fini(next);
	}
	tap_ok(null_first, "no slot comes back from an instance that is gone");
}

struct outliving {
	pthread_barrier_t barrier;
	struct hyp *h;
	atomic_int called;
};

static void forbidden(void *arg)
{
	struct outliving *o = arg;

	atomic_fetch_add(&o->called, 1);
}

static void *outlive(void *arg)
{
	struct outliving *o = arg;

	*ops->thread_slot(o->h) = o;
	ops->thread_on_exit(o->h, forbidden, o);
	pthread_barrier_wait(&o->barrier); /* the main thread ends the instance */
	pthread_barrier_wait(&o->barrier);
	ops->thread_on_exit(o->h, forbidden, o); /* of the next one */
	return NULL;
}

static void test_forgotten(void)
{
	struct outliving o = { .h = suite_open(NULL) };
	pthread_t thread;

	pthread_barrier_init(&o.barrier, NULL, 2);
	if (pthread_create(&thread, NULL, outlive, &o))
		tap_abort("pthread_create");
	pthread_barrier_wait(&o.barrier);
	ops->fini(o.h);
	o.h = suite_open(NULL);
	pthread_barrier_wait(&o.barrier);
	pthread_join(thread, NULL);
	tap_is(o.called, 1, "fini forgets the hooks of living threads, and those alone");
	ops->fini(o.h);
	pthread_barrier_destroy(&o.barrier);
}

void test_slot(void)
{
	h = suite_open(NULL);
	test_kinds();
	test_apart();
	test_stale();
	test_forgotten();
	ops->fini(h);
}
