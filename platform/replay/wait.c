// SPDX-License-Identifier: BSD-2-Clause
/* Waiting and waking, as changes of state under the token: nothing can come between look and sleep */
#include "internal.h"

static int wait_locked(struct replay *r, struct replay_thread *self, const uint32_t *word, uint32_t expected,
		       uint64_t deadline)
{
	/* Others may run before the look at the word, as they might on the host. */
	replay_switch_locked(r, self, REPLAY_WAIT);
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected)
		return 0;
	if (deadline <= r->now)
		return -HYP_ETIMEDOUT;
	if (r->spurious && replay_random(&r->random) % r->spurious == 0)
		return 0;
	self->state = REPLAY_WAITING;
	self->word = word;
	self->deadline = deadline;
	replay_switch_locked(r, self, REPLAY_SLEEP);
	return self->result;
}

/* Which of several sleepers is woken is a decision, too. */
static struct replay_thread *sleeper_draw(struct replay *r, const uint32_t *word)
{
	struct replay_thread *t, *drawn = NULL;
	uint32_t seen = 0;

	for (t = r->threads; t; t = t->next) {
		if (t->state == REPLAY_WAITING && t->word == word && replay_random(&r->random) % ++seen == 0)
			drawn = t;
	}
	return drawn;
}

static int wake_locked(struct replay *r, const uint32_t *word, uint32_t n)
{
	struct replay_thread *t;
	int woken = 0;

	while (n-- && (t = sleeper_draw(r, word))) {
		t->state = REPLAY_READY;
		t->result = 0;
		woken++;
	}
	return woken;
}

int replay_wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self = replay_enter(r);
	int ret = wait_locked(r, self, word, expected, deadline);

	replay_leave(r);
	return ret;
}

/* A thread from outside may wake without being taken in. */
int replay_wake(struct hyp *h, uint32_t *word, uint32_t n)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self;
	int woken;

	pthread_mutex_lock(&r->lock);
	self = replay_self_locked(r);
	woken = wake_locked(r, word, n);
	if (self)
		replay_switch_locked(r, self, REPLAY_WAKE);
	pthread_mutex_unlock(&r->lock);
	return woken;
}

int replay_wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self = replay_enter(r);
	int ret;

	wake_locked(r, wake_word, 1);
	ret = wait_locked(r, self, word, expected, deadline);
	replay_leave(r);
	return ret;
}
