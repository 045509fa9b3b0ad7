// SPDX-License-Identifier: BSD-2-Clause
/* Time that is counted: a step for each reading and each decision, a jump when all sleep */
#include "internal.h"

#define EPOCH UINT64_C(1700000000000000000) /* the time of day when every run begins: November 2023 */

static uint64_t clock_step(struct replay *r)
{
	uint64_t now;

	pthread_mutex_lock(&r->lock);
	now = r->now += REPLAY_STEP_NS;
	pthread_mutex_unlock(&r->lock);
	return now;
}

uint64_t replay_clock_monotonic(struct hyp *h)
{
	int saved ERRNO_KEPT = errno;

	return clock_step(replay_from(h));
}

uint64_t replay_clock_realtime(struct hyp *h)
{
	int saved ERRNO_KEPT = errno;

	return EPOCH + clock_step(replay_from(h));
}

static uint64_t earliest(const struct replay *r)
{
	uint64_t deadline = HYP_FOREVER;
	uint32_t n;

	for (n = 0; n < r->timers_n; n++) {
		if (r->timers[n] < deadline)
			deadline = r->timers[n];
	}
	return deadline;
}

static void fire_due(struct replay *r)
{
	uint32_t n;

	for (n = 0; n < r->timers_n; n++) {
		if (r->timers[n] > r->now || r->timers[n] == HYP_FOREVER)
			continue;
		r->timers[n] = HYP_FOREVER;
		replay_note_locked(r, REPLAY_TIMER, n);
		pthread_mutex_unlock(&r->lock);
		if (r->upcalls.timer)
			r->upcalls.timer(r->cookie, n);
		pthread_mutex_lock(&r->lock);
	}
}

static void timer_thread(void *arg)
{
	struct replay *r = arg;
	struct replay_thread *self;

	pthread_mutex_lock(&r->lock);
	self = replay_self_locked(r);
	for (;;) {
		fire_due(r);
		if (r->stopping) /* perhaps since an upcall, which passed the token on */
			break;
		self->state = REPLAY_WAITING;
		self->word = NULL;
		self->deadline = earliest(r);
		replay_switch_locked(r, self, REPLAY_SLEEP);
	}
	pthread_mutex_unlock(&r->lock);
}

static int timer_thread_start(struct replay *r)
{
	static const struct hyp_thread_attr attr = { .name = "hyp-timer", .cpu = -1, .flags = HYP_THREAD_JOINABLE };
	struct replay_thread *t;
	int ret = replay_thread_make(r, timer_thread, r, &attr, &t);

	if (!ret)
		r->timer_thread = t;
	return ret;
}

int replay_timer_set(struct hyp *h, uint32_t n, uint64_t deadline)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	int ret;

	if (n >= r->timers_n)
		return -HYP_EINVAL;
	replay_enter(r);
	replay_leave(r);
	if (!r->timer_thread) { /* only who has the token gets here */
		ret = timer_thread_start(r);
		if (ret)
			return ret;
	}
	pthread_mutex_lock(&r->lock);
	r->timers[n] = deadline;
	if (r->timer_thread->state == REPLAY_WAITING)
		r->timer_thread->deadline = earliest(r);
	pthread_mutex_unlock(&r->lock);
	return 0;
}
