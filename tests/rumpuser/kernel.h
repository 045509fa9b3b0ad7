/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small test kernel: it plays the part of a rump kernel above rumpuser(3), and watches whether the rules are kept.
 *
 * It has virtual CPUs, of which a thread must hold one while it is inside, a scheduler of its own on SPIN mutexes, a
 * big lock that is given up with the CPU, lwps and processes. Every hypercall that may sleep is made through the
 * wrappers below, which check what holds before and after it; the upcalls check what the library does in between. A
 * broken rule is a failed check of the test that runs.
 */
#ifndef TESTS_RUMPUSER_KERNEL_H
#define TESTS_RUMPUSER_KERNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../tap.h"
#include "calls.h"

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)

enum {
	KERNEL_CPUS = 8, /* most */
	ANY_CPU = -1,
	/* NetBSD's numbers */
	NB_ENOENT = 2,
	NB_EBADF = 9,
	NB_ENOMEM = 12,
	NB_EACCES = 13,
	NB_EBUSY = 16,
	NB_EEXIST = 17,
	NB_EISDIR = 21,
	NB_EINVAL = 22,
	NB_ETIMEDOUT = 60,
	NB_ELOOP = 62,
	NB_ENAMETOOLONG = 63,
	NB_ELAST = 96,
};

/* check.c: rules, and whether the kernel gets on */

/** patience - nanoseconds without any progress after which the kernel is stuck; the test ends then */
extern int64_t patience;

/** rule() - note that a rule is broken unless @holds; the test has failed then */
bool rule(bool holds, const char *text, ...) __attribute__((format(printf, 2, 3)));
/** rules_kept() - the last check of every test: none was broken */
void rules_kept(void);

/** enum stay - may a hypercall give up the virtual CPU? */
enum stay {
	MAY_LEAVE,
	STAYS,
	STAYS_OUT, /* returns without one, as rumpuser_component_unschedule() does */
};

struct mutex;
struct lwp;

/**
 * struct context - a host thread, as the kernel sees it
 * @next:      in the list of all; they stay until the process ends
 * @call:      hypercall under way, or NULL
 * @interlock: that it must pass on to the upcalls
 * @lwp:       that must be current
 * @stay:      of the call
 * @left:      how often the call has given up the CPU
 * @away:      between the two upcalls of a call
 * @cookie:    that the second upcall must bring back
 * @giant:     depth of the big lock to have again then
 * @background: goes on whatever happens, as a ticker does: no sign that the kernel gets on
 */
struct context {
	struct context *next;
	const char *_Atomic call;
	struct mutex *interlock;
	struct lwp *lwp;
	enum stay stay;
	atomic_int left;
	bool away;
	int cookie;
	int giant;
	bool background;
};

/** context_self() - of the calling host thread */
struct context *context_self(void);

/** call_begin(), call_end() - around a hypercall; @interlock is the mutex that it waits with, or NULL */
void call_begin(const char *name, enum stay stay, struct mutex *interlock);
void call_end(void);
/** call_left() - how often the last hypercall of the calling thread gave up its CPU */
int call_left(void);
/** progress() - tell the watchdog that the test gets on */
void progress(void);
/** watchdog_start() - end the test when nothing gets on for @patience */
void watchdog_start(void);

/* kernel.c: boot, CPUs, the big lock, upcalls */

/**
 * struct lwp - a thread of the kernel
 * @pid:       of its process
 * @cpu:       that it holds, or -1
 * @last:      that it held last
 * @bound:     the only one that it may hold, or ANY_CPU
 * @giant:     depth of the big lock
 * @temporary: made by hyp_schedule() for a host thread that had none; gone with hyp_unschedule()
 * @self:      the object itself, as long as it lives
 */
struct lwp {
	int pid;
	_Atomic int cpu;
	int last;
	int bound;
	int giant;
	bool temporary;
	struct lwp *_Atomic self;
};

extern const struct rumpuser_hyperup kernel_upcalls;

/**
 * kernel_boot() - make this process a rump kernel with @cpus virtual CPUs; the caller is inside afterwards
 * @early: what to do when there is no scheduler yet; may be NULL
 */
void kernel_boot(int cpus, void (*early)(void));
int kernel_cpus(void);
/** kernel_pause() - be outside for a while, without any of the hypercalls under test but the scheduler's */
void kernel_pause(int64_t ns);
/** kernel_outside() - be outside for as long as @fn(@arg) takes */
void kernel_outside(void (*fn)(void *arg), void *arg);
/** kernel_await() - be outside until @done(@arg). Return: false when that took longer than patience */
bool kernel_await(bool (*done)(void *arg), void *arg);
/** kernel_scheduler_mutex() - of a CPU; whoever waits with it as interlock does not hold it before and after */
struct mutex *kernel_scheduler_mutex(int cpu);

/** giant_enter(), giant_exit() - the big lock; recursive; given up whenever the CPU is */
void giant_enter(void);
void giant_exit(void);
/** giant_check() - the calling thread must not hold it */
void giant_check(void);

/** cpu_take(), cpu_give() - for @l; @interlock as the upcalls have it */
void cpu_take(struct lwp *l, struct rumpuser_mtx *interlock);
void cpu_give(struct lwp *l, struct rumpuser_mtx *interlock);
/** cpu_hand_over() - the CPU of @from belongs to @to */
void cpu_hand_over(struct lwp *from, struct lwp *to);

/* server.c: the system calls of remote clients */

int kernel_syscall(int num, void *arg, long *retval);
void kernel_lwpexit(void);
void kernel_execnotify(const char *comm);

/* lwp.c: lwps, processes and kernel threads */

/** lwp_new() - in process @pid; known to the library, not current */
struct lwp *lwp_new(int pid, int bound);
void lwp_free(struct lwp *l);
/** lwp_current() - by the library, compared with what it must be */
struct lwp *lwp_current(void);
void lwp_set(struct lwp *l);
void lwp_clear(void);
/** lwp_live() - how many there are */
int lwp_live(void);

void lwproc_switch(struct lwp *l);
void lwproc_release(void);
int lwproc_rfork(void *priv, int flags, const char *comm);
int lwproc_newlwp(pid_t pid);
pid_t lwproc_getpid(void);

/** process_priv() - what hyp_lwproc_rfork() was given for the current process */
void *process_priv(void);
/** process_count() - how many have an lwp */
int process_count(void);

struct thread;

/** thread_start() - a kernel thread, bound to a CPU or to none; it runs @fn(@arg) inside */
struct thread *thread_start(void (*fn)(void *arg), void *arg, int bound);
/** thread_end() - join it */
void thread_end(struct thread *thread);
/** thread_blocked() - is it in the hypercall @name, and has it given up its CPU there? */
bool thread_blocked(struct thread *thread, const char *name);
/** thread_in() - is it in the hypercall @name? */
bool thread_in(struct thread *thread, const char *name);
/** await_blocked(), await_in() - wait until it is */
bool await_blocked(struct thread *thread, const char *name);
bool await_in(struct thread *thread, const char *name);

/* lock.c: the kernel's own locks: those of the library with checks */

/**
 * struct mutex - of the kernel
 * @mtx:    the library's
 * @flags:  RUMPUSER_MTX_*
 * @holder: context that holds it, by our own account
 * @scheduler: it belongs to a CPU
 */
struct mutex {
	struct rumpuser_mtx *mtx;
	int flags;
	struct context *_Atomic holder;
	bool scheduler;
};

void mutex_init(struct mutex *m, int flags);
void mutex_destroy(struct mutex *m);
void mutex_enter(struct mutex *m);
void mutex_enter_nowrap(struct mutex *m);
int mutex_tryenter(struct mutex *m);
void mutex_exit(struct mutex *m);
struct lwp *mutex_owner(struct mutex *m);
/** mutex_order() - is @m what the order of taking up CPU and interlock wants, when the CPU is about to be taken? */
void mutex_order(struct mutex *m);

void rw_enter(int kind, struct rumpuser_rw *rw);
int rw_tryenter(int kind, struct rumpuser_rw *rw);
int rw_tryupgrade(struct rumpuser_rw *rw);
void rw_downgrade(struct rumpuser_rw *rw);
void rw_exit(struct rumpuser_rw *rw);
int rw_held(int kind, struct rumpuser_rw *rw);

void cv_wait(struct rumpuser_cv *cv, struct mutex *m);
void cv_wait_nowrap(struct rumpuser_cv *cv, struct mutex *m);
int cv_timedwait(struct rumpuser_cv *cv, struct mutex *m, int64_t ns);
void cv_signal(struct rumpuser_cv *cv);
void cv_broadcast(struct rumpuser_cv *cv);
int cv_waiters(struct rumpuser_cv *cv);

/* time of the host, for the tests' own purposes; the same clock as RUMPUSER_CLOCK_ABSMONO may differ by a constant */
int64_t host_now(void);
void host_sleep(int64_t ns);

/** random_next() - of a generator that begins alike for every seed */
uint32_t random_next(uint64_t *state);

#endif
