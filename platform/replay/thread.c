// SPDX-License-Identifier: BSD-2-Clause
/* Threads: real ones of the host's, of which only who has the token runs */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* At the end of the list: the order of creation is a part of what repeats. */
struct replay_thread *replay_thread_add_locked(struct replay *r, void (*fn)(void *arg), void *arg, bool joinable)
{
	struct replay_thread *t = calloc(1, sizeof(*t));
	struct replay_thread **link;

	if (!t)
		return NULL;
	t->r = r;
	t->fn = fn;
	t->arg = arg;
	t->joinable = joinable;
	t->number = ++r->created;
	t->state = REPLAY_READY;
	pthread_cond_init(&t->go, NULL);
	for (link = &r->threads; *link; link = &(*link)->next)
		;
	*link = t;
	return t;
}

void replay_thread_free_locked(struct replay *r, struct replay_thread *t)
{
	struct replay_thread **link;

	for (link = &r->threads; *link != t; link = &(*link)->next)
		;
	*link = t->next;
	pthread_cond_destroy(&t->go);
	free(t);
}

/* The first exit hook of every scheduled thread, hence the last to run: the token goes on. */
static void end(void *arg)
{
	struct replay_thread *t = arg;
	struct replay *r = t->r;
	struct replay_thread *other;

	pthread_mutex_lock(&r->lock);
	t->state = REPLAY_ENDED;
	for (other = r->threads; other; other = other->next) {
		if (other->state == REPLAY_JOINING && other->target == t)
			other->state = REPLAY_READY;
	}
	if (r->current == t)
		replay_pass_locked(r, REPLAY_END);
	if (!t->joinable)
		replay_thread_free_locked(r, t);
	pthread_mutex_unlock(&r->lock);
}

void replay_thread_adopt_locked(struct replay *r, struct replay_thread *t)
{
	if (posix_thread_on_exit(r->posix, end, t)) {
		fprintf(stderr, "replay: no memory for the end of a thread\n");
		abort();
	}
}

static void start(void *arg)
{
	struct replay_thread *t = arg;
	struct replay *r = t->r;

	pthread_mutex_lock(&r->lock);
	t->id = pthread_self();
	replay_thread_adopt_locked(r, t);
	replay_await_locked(r, t);
	pthread_mutex_unlock(&r->lock);
	t->fn(t->arg);
}

/* Makes a thread that is ready, without a decision. The caller has the token. */
int replay_thread_make(struct replay *r, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
		       struct replay_thread **thread)
{
	struct hyp_thread *host;
	struct replay_thread *t;
	int ret;

	pthread_mutex_lock(&r->lock);
	t = replay_thread_add_locked(r, fn, arg, attr && attr->flags & HYP_THREAD_JOINABLE);
	pthread_mutex_unlock(&r->lock);
	if (!t)
		return -HYP_ENOMEM;
	ret = posix_thread_create(r->posix, start, t, attr, &host);
	pthread_mutex_lock(&r->lock);
	if (ret)
		replay_thread_free_locked(r, t);
	else
		t->host = host;
	pthread_mutex_unlock(&r->lock);
	if (!ret)
		*thread = t;
	return ret;
}

int replay_thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			 struct hyp_thread **thread)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self, *t;
	int ret;

	if (attr && attr->flags & HYP_THREAD_JOINABLE && !thread)
		return -HYP_EINVAL;
	replay_enter(r);
	replay_leave(r);
	ret = replay_thread_make(r, fn, arg, attr, &t);
	if (ret)
		return ret;
	if (thread)
		*thread = (struct hyp_thread *)t;
	self = replay_enter(r);
	replay_switch_locked(r, self, REPLAY_CREATE);
	replay_leave(r);
	return 0;
}

void replay_thread_exit(struct hyp *h)
{
	posix_thread_exit(replay_from(h)->posix);
}

int replay_thread_join(struct hyp *h, struct hyp_thread *thread)
{
	struct replay_thread *t = (struct replay_thread *)thread;
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self = replay_enter(r);
	int ret;

	if (t == self) {
		replay_leave(r);
		return -HYP_EDEADLK;
	}
	if (t->state != REPLAY_ENDED) {
		self->state = REPLAY_JOINING;
		self->target = t;
	}
	replay_switch_locked(r, self, REPLAY_JOIN);
	replay_leave(r);
	ret = posix_thread_join(r->posix, t->host); /* it is on its last steps, and needs no token for them */
	pthread_mutex_lock(&r->lock);
	replay_thread_free_locked(r, t);
	pthread_mutex_unlock(&r->lock);
	return ret;
}

/*
 * For fini(), which anyone may call: those who were taken in are outside for good, and whoever is left - the timer
 * thread, detached threads on their last steps - gets the token in turn.
 */
void replay_threads_finish(struct replay *r)
{
	struct replay_thread *t, *next;

	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	for (t = r->threads; t; t = next) {
		next = t->next;
		if (!t->fn)
			replay_thread_free_locked(r, t);
	}
	r->current = NULL;
	if (r->timer_thread)
		r->timer_thread->state = REPLAY_READY;
	replay_pass_locked(r, REPLAY_END);
	pthread_mutex_unlock(&r->lock);
	if (r->timer_thread)
		posix_thread_join(r->posix, r->timer_thread->host);
}

void replay_yield(struct hyp *h)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self = replay_enter(r);

	replay_switch_locked(r, self, REPLAY_YIELD);
	replay_leave(r);
}
