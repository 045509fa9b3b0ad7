// SPDX-License-Identifier: BSD-2-Clause
/*
 * The gate between host threads and kernel images: nobody returns into an image that is gone.
 *
 * A thread that enters stores to host_self.inside what it is about to use and then looks whether that is still its
 * current one; on the way out it stores NULL. Whoever ends a thread record stores NULL to the current pointer, makes
 * every thread of the process pass a barrier, and then waits until no one is inside. One side of the two always sees
 * the other's store. The barrier is paid by the one who ends (membarrier(2)), so that a system call needs none.
 */
#include <errno.h>
#include <sched.h>

#include "host.h"
#include "internal.h"

pthread_mutex_t rumpus_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t rumpus_idle = PTHREAD_COND_INITIALIZER;
struct rumpus_list rumpus_kernels = LIST_HEAD_INITIALIZER(rumpus_kernels);
struct rumpus_thread host_thread_busy;
__thread struct host_thread host_self __attribute__((tls_model("initial-exec")));

static unsigned int interrupters; /* threads and handlers in rumpus_thread_interrupt() */

/* The fields that other threads look at. These are plain moves on x86-64; the store is a release on aarch64. */
static inline void set_inside(struct rumpus_thread *thread)
{
	__atomic_store_n(&host_self.inside, thread, __ATOMIC_RELEASE);
}

static inline struct rumpus_thread *get_current(void)
{
	return __atomic_load_n(&host_self.current, __ATOMIC_RELAXED);
}

int api_begin(void)
{
	if (host_forked())
		return -ESHUTDOWN;
	if (host_self.inside)
		return -EDEADLK;
	set_inside(&host_thread_busy);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &host_self.cancel);
	pthread_mutex_lock(&rumpus_lock);
	return 0;
}

void api_end(void)
{
	int cancel = host_self.cancel;

	pthread_mutex_unlock(&rumpus_lock);
	set_inside(NULL);
	pthread_setcancelstate(cancel, NULL);
}

int kernel_call_begin(struct rumpus *kernel)
{
	if (kernel->dead)
		return -ESHUTDOWN;
	kernel->pending++;
	pthread_mutex_unlock(&rumpus_lock);
	return 0;
}

void kernel_call_end(struct rumpus *kernel)
{
	pthread_mutex_lock(&rumpus_lock);
	if (--kernel->pending == 0)
		pthread_cond_broadcast(&rumpus_idle);
}

void gate_pass(struct rumpus_thread *thread, void (*call)(struct rumpus_thread *thread, void *arg), void *arg)
{
	set_inside(thread);
	pthread_mutex_unlock(&rumpus_lock);
	call(thread, arg);
	set_inside(&host_thread_busy);
	pthread_mutex_lock(&rumpus_lock);
}

void gate_close(struct rumpus_thread *thread)
{
	struct rumpus_thread *expected = thread;

	__atomic_compare_exchange_n(&thread->host->current, &expected, NULL, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

bool gate_inside(const struct rumpus_thread *thread)
{
	return __atomic_load_n(&thread->host->inside, __ATOMIC_ACQUIRE) == thread;
}

void gate_forget(struct rumpus_thread *thread)
{
	/* An exchange: emulators of aarch64 let the load pass a plain store. */
	(void)__atomic_exchange_n(&thread->kernel, NULL, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&interrupters, __ATOMIC_SEQ_CST))
		sched_yield();
}

struct call {
	long number;
	const long *args;
	long result;
};

static void make_call(struct rumpus_thread *thread, void *arg)
{
	struct call *call = arg;

	call->result = thread->syscall(thread->image, call->number, call->args);
}

long gate_call(struct rumpus_process *process, long number, const long args[6])
{
	struct call call = { .number = number, .args = args };
	struct rumpus_thread *thread;
	int error = api_begin();

	if (error)
		return error;
	error = thread_use(process, &thread);
	if (!error)
		gate_pass(thread, make_call, &call);
	api_end();
	return error ? error : call.result;
}

/* First calls, calls after a process or kernel has gone, and all calls where threads must fence by themselves. */
static __attribute__((noinline)) long slow_syscall(long number, const long args[6])
{
	struct call call = { .number = number, .args = args };
	struct rumpus_thread *thread;
	int error = api_begin();

	if (error)
		return error;
	error = thread_current(&thread);
	if (!error)
		gate_pass(thread, make_call, &call);
	api_end();
	return error ? error : call.result;
}

/* As rumpus_syscall() does it, with the barrier that host_fence_all() cannot make here. */
static __attribute__((noinline)) long fenced_syscall(struct rumpus_thread *thread, long number, const long args[6])
{
	long result;

	set_inside(thread);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (get_current() != thread) {
		set_inside(NULL);
		return slow_syscall(number, args);
	}
	result = thread->syscall(thread->image, number, args);
	set_inside(NULL);
	return result;
}

long rumpus_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = { a, b, c, d, e, f };
	struct rumpus_thread *thread;
	uint32_t gate;
	long result;

	if (unlikely(host_self.inside != NULL))
		return -EDEADLK;
	thread = get_current();
	if (unlikely(thread == NULL))
		return slow_syscall(number, args);
	gate = *host_gate;
	if (unlikely(gate != HOST_GATE_ASYMMETRIC))
		return gate == HOST_GATE_FENCED ? fenced_syscall(thread, number, args) : -ESHUTDOWN;
	set_inside(thread);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (unlikely(get_current() != thread)) {
		set_inside(NULL);
		return slow_syscall(number, args);
	}
	result = thread->syscall(thread->image, number, args);
	set_inside(NULL);
	return result;
}

/*
 * Counted globally, not in the record: the record may be recycled and its kernel halted at the same time. Whoever ends
 * a thread first makes its kernel unreadable and then waits for the count: a few hundred nanoseconds.
 */
void rumpus_thread_interrupt(struct rumpus_thread *thread)
{
	struct rumpus *kernel;

	if (!thread || host_forked())
		return;
	__atomic_add_fetch(&interrupters, 1, __ATOMIC_SEQ_CST);
	kernel = __atomic_load_n(&thread->kernel, __ATOMIC_SEQ_CST);
	if (kernel)
		kernel->image.ops->thread_interrupt(thread->image);
	__atomic_sub_fetch(&interrupters, 1, __ATOMIC_SEQ_CST);
}
