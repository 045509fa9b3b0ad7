// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timers: one thread for all timers of an instance, which sleeps until the earliest deadline.
 *
 * No deadline is lost: timer_set() stores the deadline and then reads @until; the thread stores HYP_FOREVER in @until
 * and then reads the deadlines. In the one order of these four, either the thread sees the deadline or timer_set() sees
 * a moment later than it and kicks. @kick is read before, so that a kick during the scan ends the next sleep at once.
 * What holds for the deadlines holds for @used, which is stored before them and read after @until.
 *
 * The two stores are exchanges, at the same cost or less: emulators of aarch64 let a load pass a plain store before it,
 * though both are sequentially consistent.
 */
#include <stdlib.h>
#include <sys/prctl.h>

#include "posix.h"

#define TIMER_STACK (64U << 10)

/* Fires what is due and returns the earliest deadline left. */
static uint64_t timers_scan(struct hyp *h)
{
	struct posix_timers *t = &h->timers;
	uint64_t now = posix_clock_monotonic(h);
	uint64_t earliest = HYP_FOREVER;
	uint32_t i, used = atomic_load(&t->used);
	uint64_t deadline;

	for (i = 0; i < used; i++) {
		deadline = atomic_load(&t->deadline[i]);
		if (deadline <= now && deadline != HYP_FOREVER) {
			/* When timer_set() is faster, what it stored counts. */
			if (atomic_compare_exchange_strong(&t->deadline[i], &deadline, HYP_FOREVER)) {
				if (h->upcalls.timer)
					h->upcalls.timer(h->cookie, i);
				deadline = atomic_load(&t->deadline[i]);
			}
		}
		if (deadline < earliest)
			earliest = deadline;
	}
	return earliest;
}

static void *timer_thread(void *arg)
{
	struct hyp *h = arg;
	struct posix_timers *t = &h->timers;
	uint64_t earliest;
	uint32_t kick;

	pthread_setname_np(pthread_self(), "hyp-timer");
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	while (!atomic_load(&t->stop)) {
		kick = atomic_load(&t->kick);
		atomic_exchange(&t->until, HYP_FOREVER);
		earliest = timers_scan(h);
		atomic_store(&t->until, earliest);
		posix_futex_wait(&t->kick, kick, earliest);
	}
	return NULL;
}

static void timer_kick(struct posix_timers *t)
{
	atomic_fetch_add(&t->kick, 1);
	posix_futex_wake(&t->kick, 1);
}

/* Owners may ask for far more virtual CPUs than their kernel has, whose timers come first. */
static void timer_use(struct posix_timers *t, uint32_t n)
{
	uint32_t used = atomic_load(&t->used);

	while (used <= n && !atomic_compare_exchange_weak(&t->used, &used, n + 1))
		;
}

static int timer_thread_start(struct hyp *h)
{
	struct posix_timers *t = &h->timers;
	int ret = 0;

	pthread_mutex_lock(&t->lock);
	if (!atomic_load(&t->running)) {
		ret = posix_thread_start(&t->thread, timer_thread, h, TIMER_STACK, false);
		atomic_store(&t->running, !ret);
	}
	pthread_mutex_unlock(&t->lock);
	return ret;
}

int posix_timers_init(struct posix_timers *t, uint32_t n)
{
	uint32_t i;

	t->deadline = malloc(n * sizeof(*t->deadline));
	if (!t->deadline)
		return -HYP_ENOMEM;
	for (i = 0; i < n; i++)
		atomic_init(&t->deadline[i], HYP_FOREVER);
	t->n = n;
	atomic_init(&t->until, HYP_FOREVER);
	pthread_mutex_init(&t->lock, NULL);
	return 0;
}

void posix_timers_fini(struct posix_timers *t)
{
	if (atomic_load(&t->running)) {
		atomic_store(&t->stop, true);
		timer_kick(t);
		pthread_join(t->thread, NULL);
	}
	pthread_mutex_destroy(&t->lock);
	free(t->deadline);
}

int posix_timer_set(struct hyp *h, uint32_t n, uint64_t deadline)
{
	struct posix_timers *t = &h->timers;
	int saved ERRNO_KEPT = errno;
	int ret;

	if (n >= t->n)
		return -HYP_EINVAL;
	if (!atomic_load(&t->running) && deadline != HYP_FOREVER) {
		ret = timer_thread_start(h);
		if (ret)
			return ret;
	}
	timer_use(t, n);
	atomic_exchange(&t->deadline[n], deadline);
	if (deadline < atomic_load(&t->until))
		timer_kick(t);
	return 0;
}
