/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the replay platform share */
#ifndef PLATFORM_REPLAY_INTERNAL_H
#define PLATFORM_REPLAY_INTERNAL_H

#include <pthread.h>

#include "../posix/posix.h"
#include "replay.h"

#define REPLAY_STEP_NS 1000U /* what each decision and each reading of the clock takes */

/** enum replay_state - of a thread */
enum replay_state {
	REPLAY_READY,	/* runs, or would */
	REPLAY_WAITING, /* on a word, or for time alone */
	REPLAY_JOINING, /* for the end of another thread */
	REPLAY_ENDED,	/* and not joined yet */
};

/** enum replay_event - the kinds of decision in the trace */
enum replay_event {
	REPLAY_CREATE = 1,
	REPLAY_END,
	REPLAY_JOIN,
	REPLAY_YIELD,
	REPLAY_WAIT,
	REPLAY_SLEEP,
	REPLAY_WAKE,
	REPLAY_EXIT,
	REPLAY_TIMER,
	REPLAY_ENTROPY,
	REPLAY_CONSOLE,
};

/**
 * struct replay_thread - a scheduled thread; the first four are constant, the others under the instance's lock
 * @r, @fn, @arg: what it is for; @fn is NULL when it was taken in from outside
 * @joinable: someone will join it
 * @host:     as the posix platform knows it; NULL when taken in
 * @id:       the host thread, once it has run
 * @next:     in order of creation
 * @number:   in order of creation
 * @state:    enum replay_state
 * @word:     REPLAY_WAITING: on this word; NULL: for time alone
 * @deadline: REPLAY_WAITING: the end of it, or HYP_FOREVER
 * @target:   REPLAY_JOINING: whose end
 * @result:   of the wait
 * @go:       the token has come
 */
struct replay_thread {
	struct replay *r;
	void (*fn)(void *arg);
	void *arg;
	bool joinable;
	struct hyp_thread *host;
	pthread_t id;
	struct replay_thread *next;
	uint32_t number;
	enum replay_state state;
	const uint32_t *word;
	uint64_t deadline;
	const struct replay_thread *target;
	int result;
	pthread_cond_t go;
};

/**
 * struct replay - an instance
 * @serial:   unlike any other's of this process
 * @posix:    the instance beneath, for memory and host threads
 * @upcalls, @cookie: as init() got them
 * @spurious: one in how many sleeps ends for no reason; 0: none
 * @timers_n: timers
 * @lock:     guards what follows; never held while kernel code runs
 * @threads:  in order of creation
 * @current:  who has the token; NULL while nobody is there to take it
 * @created:  threads so far
 * @now:      nanoseconds
 * @random:   state of the generator that decides
 * @entropy:  state of the one behind entropy(), apart so that a read of it changes no decision
 * @space:    next address to wish for, so that reservations lie alike in every run
 * @trace:    so far
 * @timers:   deadlines
 * @timer_thread: fires them, from the first timer_set() on
 * @stopping: fini() has begun
 */
struct replay {
	uint64_t serial;
	struct hyp *posix;
	struct hyp_upcalls upcalls;
	void *cookie;
	uint32_t spurious;
	uint32_t timers_n;
	pthread_mutex_t lock;
	struct replay_thread *threads;
	struct replay_thread *current;
	uint32_t created;
	uint64_t now;
	uint64_t random;
	uint64_t entropy;
	uintptr_t space;
	struct replay_trace trace;
	uint64_t *timers;
	struct replay_thread *timer_thread;
	bool stopping;
};

static inline struct replay *replay_from(struct hyp *h)
{
	return (struct replay *)h;
}

/* random.c */
uint64_t replay_random(uint64_t *state);

/* scheduler.c; those called locked are for who holds @lock */
void replay_note_locked(struct replay *r, enum replay_event event, uint64_t detail);
struct replay_thread *replay_self_locked(struct replay *r);
struct replay_thread *replay_enter(struct replay *r);
void replay_leave(struct replay *r);
void replay_switch_locked(struct replay *r, struct replay_thread *self, enum replay_event event);
void replay_pass_locked(struct replay *r, enum replay_event event);
void replay_await_locked(struct replay *r, struct replay_thread *self);

/* thread.c */
struct replay_thread *replay_thread_add_locked(struct replay *r, void (*fn)(void *arg), void *arg, bool joinable);
void replay_thread_free_locked(struct replay *r, struct replay_thread *t);
void replay_thread_adopt_locked(struct replay *r, struct replay_thread *t);
int replay_thread_make(struct replay *r, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
		       struct replay_thread **thread);
int replay_thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			 struct hyp_thread **thread);
void replay_threads_finish(struct replay *r);
void replay_thread_exit(struct hyp *h) __attribute__((noreturn));
int replay_thread_join(struct hyp *h, struct hyp_thread *thread);
void replay_yield(struct hyp *h);

/* wait.c */
int replay_wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline);
int replay_wake(struct hyp *h, uint32_t *word, uint32_t n);
int replay_wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline);

/* time.c */
uint64_t replay_clock_monotonic(struct hyp *h);
uint64_t replay_clock_realtime(struct hyp *h);
int replay_timer_set(struct hyp *h, uint32_t n, uint64_t deadline);

#endif
