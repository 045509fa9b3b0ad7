// SPDX-License-Identifier: BSD-2-Clause
/*
 * System-call proxy: calls that neither sleep nor end.
 *
 * To give the role away before every call would cost more than most calls do. So it is lent, which is one store, and a
 * thread looks at intervals who has had it for the same call all the time. That thread sleeps as long as nobody calls.
 */
#include "../posix.h"
#include "sp.h"

#define TICK_NS 1000000ULL /* a call may hold up others of its client for one to two of them */
#define QUIET_TICKS 10	   /* without any call before the watcher goes to sleep */
#define THREAD_STACK ((size_t)64 << 10)

enum {
	WATCH_NONE, /* there is no such thread */
	WATCH_ASLEEP,
	WATCH_AWAKE,
};

static _Atomic uint32_t watch; /* futex word, WATCH_* */

/**
 * struct look - at all clients
 * @taken: whose role is ours now
 * @calls: some thread has lent its role since the last look, or has it lent still
 */
struct look {
	struct sp_client *taken;
	bool calls;
};

/* The same role, lent for as many times as at the last look: the same call. It is late when it has begun since. */
static void look_at(struct sp_client *c, void *arg)
{
	struct look *look = arg;
	uintptr_t role = atomic_load(&c->role);
	uint64_t lends = atomic_load_explicit(&c->lends, memory_order_relaxed);

	if (lends != c->watched) {
		c->watched = lends;
		look->calls = true;
	} else if (role >= SP_ROLE_LENT) {
		look->calls = true;
		if (atomic_compare_exchange_strong(&c->role, &role, SP_ROLE_HELD)) {
			c->job = look->taken;
			look->taken = c;
		}
	}
}

/* Return: whether there are calls */
static bool look(void)
{
	struct look look = { .taken = NULL };
	struct sp_client *c;

	sp_visit(look_at, &look);
	while ((c = look.taken)) {
		look.taken = c->job;
		sp_role_pass(c);
	}
	return look.calls;
}

/* Who lends the role and then sees us awake relies on another look. */
static void sleep_until_calls(void)
{
	atomic_store(&watch, WATCH_ASLEEP);
	if (look())
		atomic_store(&watch, WATCH_AWAKE);
	while (atomic_load(&watch) == WATCH_ASLEEP && !sp_stopping())
		posix_futex_wait(&watch, WATCH_ASLEEP, HYP_FOREVER);
}

static void *watcher(void *arg)
{
	unsigned int quiet = 0;

	while (!sp_stopping()) {
		posix_futex_wait(&watch, WATCH_AWAKE, posix_clock_monotonic(NULL) + TICK_NS);
		quiet = look() ? 0 : quiet + 1;
		if (quiet == QUIET_TICKS) {
			sleep_until_calls();
			quiet = 0;
		}
	}
	return NULL;
}

void sp_watch(void)
{
	pthread_t id;

	if (atomic_load(&watch) == WATCH_AWAKE)
		return;
	switch (atomic_exchange(&watch, WATCH_AWAKE)) {
	case WATCH_ASLEEP:
		posix_futex_wake(&watch, 1);
		break;
	case WATCH_NONE:
		/* When the host has no more threads there is none to serve others, either: the next call tries again. */
		if (posix_thread_start(&id, watcher, NULL, THREAD_STACK, true))
			atomic_store(&watch, WATCH_NONE);
		else
			pthread_setname_np(id, "rumpuser-watch");
		break;
	}
}

void sp_watch_end(void)
{
	if (atomic_exchange(&watch, WATCH_AWAKE) == WATCH_ASLEEP)
		posix_futex_wake(&watch, 1);
}
