// SPDX-License-Identifier: BSD-2-Clause
/*
 * One token for each instance: who has it runs, and passes it on at hypercalls that can switch.
 *
 * The next one is drawn from all that are ready. When none is, time jumps to the next deadline; when there is no
 * deadline either, nothing can ever happen again, and the program ends with a report.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

static __thread struct {
	uint64_t serial;
	struct replay_thread *thread;
} last __attribute__((tls_model("initial-exec"))); /* a look-up saved */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	int i;

	for (i = 0; i < 64; i += 8) /* FNV-1a */
		hash = (hash ^ (value >> i & 0xff)) * UINT64_C(0x100000001b3);
	return hash;
}

void replay_note_locked(struct replay *r, enum replay_event event, uint64_t detail)
{
	uint64_t hash = mix(r->trace.hash, event);

	hash = mix(hash, r->current ? r->current->number : 0);
	hash = mix(hash, r->now);
	r->trace.hash = mix(hash, detail);
}

/* The calling thread, or NULL when it is not scheduled here. */
struct replay_thread *replay_self_locked(struct replay *r)
{
	pthread_t id = pthread_self();
	struct replay_thread *t;

	if (last.serial == r->serial)
		return last.thread;
	for (t = r->threads; t; t = t->next) {
		if (t->id && pthread_equal(t->id, id))
			break;
	}
	if (t) {
		last.serial = r->serial;
		last.thread = t;
	}
	return t;
}

static void report(const struct replay *r)
{
	static const char *const states[] = {
		[REPLAY_READY] = "ready",
		[REPLAY_WAITING] = "waits for ever on a word",
		[REPLAY_JOINING] = "waits for the end of another",
		[REPLAY_ENDED] = "has ended",
	};
	const struct replay_thread *t;

	fprintf(stderr,
		"replay: deadlock: no thread can ever run again (%" PRIu64 " ns, %" PRIu64
		" decisions, trace %016" PRIx64 ")\n",
		r->now, r->trace.decisions, r->trace.hash);
	for (t = r->threads; t; t = t->next) {
		fprintf(stderr, "replay: thread %" PRIu32 " %s", t->number, states[t->state]);
		if (t->state == REPLAY_WAITING && t->word)
			fprintf(stderr, ", at %p, which is %" PRIu32, (const void *)t->word, *t->word);
		if (t->state == REPLAY_JOINING)
			fprintf(stderr, ", thread %" PRIu32, t->target->number);
		fprintf(stderr, "\n");
	}
}

static void expire(struct replay *r)
{
	struct replay_thread *t;

	for (t = r->threads; t; t = t->next) {
		if (t->state == REPLAY_WAITING && t->deadline <= r->now) {
			t->state = REPLAY_READY;
			t->result = -HYP_ETIMEDOUT;
		}
	}
}

static struct replay_thread *draw(struct replay *r)
{
	struct replay_thread *t;
	uint32_t ready = 0, n;

	for (t = r->threads; t; t = t->next)
		ready += t->state == REPLAY_READY;
	if (!ready)
		return NULL;
	n = replay_random(&r->random) % ready;
	for (t = r->threads; t->state != REPLAY_READY || n--; t = t->next)
		;
	return t;
}

/* HYP_FOREVER when nobody sleeps; HYP_FOREVER too when all do for ever: then @stuck. */
static uint64_t next_deadline(const struct replay *r, bool *stuck)
{
	uint64_t earliest = HYP_FOREVER;
	const struct replay_thread *t;

	*stuck = false;
	for (t = r->threads; t; t = t->next) {
		if (t->state == REPLAY_WAITING && t->deadline < earliest)
			earliest = t->deadline;
		/* The timer thread has nothing to do without timers. */
		*stuck |= t != r->timer_thread && (t->state == REPLAY_WAITING || t->state == REPLAY_JOINING);
	}
	return earliest;
}

static struct replay_thread *choose(struct replay *r)
{
	struct replay_thread *next;
	uint64_t earliest;
	bool stuck;

	for (;;) {
		expire(r);
		next = draw(r);
		if (next)
			return next;
		earliest = next_deadline(r, &stuck);
		if (earliest == HYP_FOREVER)
			break;
		r->now = earliest;
	}
	if (stuck && !r->stopping) {
		report(r);
		abort();
	}
	return NULL;
}

/* Gives the token to whoever is drawn. The caller's state says whether it may be the caller himself. */
void replay_pass_locked(struct replay *r, enum replay_event event)
{
	struct replay_thread *before = r->current;

	replay_note_locked(r, event, 0);
	r->now += REPLAY_STEP_NS;
	r->current = choose(r);
	r->trace.decisions++;
	if (r->current == before)
		return;
	r->trace.switches++;
	if (r->current)
		pthread_cond_signal(&r->current->go);
}

void replay_await_locked(struct replay *r, struct replay_thread *self)
{
	while (r->current != self)
		pthread_cond_wait(&self->go, &r->lock);
}

void replay_switch_locked(struct replay *r, struct replay_thread *self, enum replay_event event)
{
	replay_pass_locked(r, event);
	replay_await_locked(r, self);
}

/* Begins a hypercall that can switch: takes the lock. A thread from outside becomes a scheduled one. */
struct replay_thread *replay_enter(struct replay *r)
{
	struct replay_thread *self;

	pthread_mutex_lock(&r->lock);
	self = replay_self_locked(r);
	if (self)
		return self;
	self = replay_thread_add_locked(r, NULL, NULL, false);
	if (!self) {
		fprintf(stderr, "replay: no memory for a thread from outside\n");
		abort();
	}
	self->id = pthread_self();
	replay_thread_adopt_locked(r, self);
	if (!r->current)
		r->current = self;
	replay_await_locked(r, self);
	return self;
}

void replay_leave(struct replay *r)
{
	pthread_mutex_unlock(&r->lock);
}
