// SPDX-License-Identifier: BSD-2-Clause
/* Host threads in kernels: attached at their first call, recycled, detached when they end. */
#include <errno.h>
#include <stdlib.h>

#include "host.h"
#include "internal.h"

static struct rumpus_thread_list free_threads = LIST_HEAD_INITIALIZER(free_threads); /* rumpus_lock */

static struct rumpus_thread *thread_alloc(void)
{
	struct rumpus_thread *thread = LIST_FIRST(&free_threads);

	if (!thread)
		return calloc(1, sizeof(*thread));
	LIST_REMOVE(thread, in_visit);
	return thread;
}

void thread_free(struct rumpus_thread *thread)
{
	gate_forget(thread);
	thread->process = NULL;
	thread->host = NULL;
	thread->image = NULL;
	LIST_INSERT_HEAD(&free_threads, thread, in_visit);
}

void thread_retire(struct rumpus_thread *thread, int gone)
{
	struct host_thread *host = thread->host;

	gate_close(thread);
	LIST_REMOVE(thread, in_visit);
	if (host->entered == thread) {
		host->entered = NULL;
		host->gone = host->chosen ? gone : 0;
		host->chosen = false;
	}
}

void visit_free(struct visit *visit)
{
	struct rumpus_thread *thread;

	while ((thread = LIST_FIRST(&visit->threads))) {
		thread_retire(thread, -ESHUTDOWN);
		thread_free(thread);
	}
	LIST_REMOVE(visit, in_host);
	LIST_REMOVE(visit, in_kernel);
	free(visit);
}

static struct visit *find_visit(const struct rumpus *kernel)
{
	struct visit *visit;

	LIST_FOREACH(visit, &host_self.visits, in_host)
		if (visit->kernel == kernel)
			return visit;
	return NULL;
}

static struct rumpus_thread *find_thread(const struct rumpus_process *process)
{
	struct visit *visit = find_visit(process->kernel);
	struct rumpus_thread *thread;

	if (!visit)
		return NULL;
	LIST_FOREACH(thread, &visit->threads, in_visit)
		if (thread->process == process)
			return thread;
	return NULL;
}

/*
 * With the lock, which is released meanwhile: end all threads that the calling one is in @kernel. Neither @kernel nor
 * the visit may be touched after the lock was released: a halt may have freed them.
 */
static void detach_all(struct rumpus *kernel, const struct rumpus_thread *torn)
{
	struct visit *visit;
	struct rumpus_thread *thread;

	while ((visit = find_visit(kernel)) && (thread = LIST_FIRST(&visit->threads))) {
		thread_retire(thread, 0);
		gate_forget(thread);
		if (thread != torn && kernel_call_begin(kernel) == 0) {
			kernel->image.ops->thread_detach(thread->image);
			kernel_call_end(kernel);
		}
		thread_free(thread);
	}
}

/*
 * Exit hook of the platform's. A thread that ends inside a call, cancelled or by pthread_exit() in a callback, cannot
 * be detached there: the kernel keeps its half until it is halted, and halting does not wait for it.
 */
static void leave_kernel(void *arg)
{
	struct rumpus_thread *torn = host_self.inside;
	struct visit *visit;

	__atomic_store_n(&host_self.inside, NULL, __ATOMIC_RELEASE);
	if (api_begin() != 0)
		return;
	detach_all(arg, torn);
	visit = find_visit(arg);
	if (visit)
		visit_free(visit);
	api_end();
}

static int visit_kernel(struct rumpus *kernel, struct visit **out)
{
	struct visit *visit = find_visit(kernel);
	int error;

	if (!visit) {
		visit = calloc(1, sizeof(*visit));
		if (!visit)
			return -ENOMEM;
		error = kernel->ops->thread_on_exit(kernel->h, leave_kernel, kernel);
		if (error) {
			free(visit);
			return error;
		}
		visit->kernel = kernel;
		visit->host = &host_self;
		LIST_INSERT_HEAD(&host_self.visits, visit, in_host);
		LIST_INSERT_HEAD(&kernel->visits, visit, in_kernel);
	}
	*out = visit;
	return 0;
}

static int attach(struct rumpus_process *process, struct rumpus_image_thread **image)
{
	struct rumpus *kernel = process->kernel;
	int error = kernel_call_begin(kernel);

	if (error)
		return error;
	error = kernel->image.ops->thread_attach(process->image, image);
	kernel_call_end(kernel);
	return !error && kernel->dead ? -ESHUTDOWN : error;
}

int thread_use(struct rumpus_process *process, struct rumpus_thread **out)
{
	struct rumpus *kernel = process->kernel;
	struct rumpus_thread *thread;
	struct visit *visit;
	int error;

	if (kernel->dead)
		return -ESHUTDOWN;
	thread = find_thread(process);
	if (thread) {
		*out = thread;
		return 0;
	}
	error = visit_kernel(kernel, &visit);
	if (error)
		return error;
	thread = thread_alloc();
	if (!thread)
		return -ENOMEM;
	process->users++;
	error = attach(process, &thread->image);
	process->users--;
	if (error) {
		thread_free(thread);
		return error;
	}
	thread->syscall = kernel->image.ops->syscall;
	thread->process = process;
	thread->host = &host_self;
	LIST_INSERT_HEAD(&visit->threads, thread, in_visit);
	__atomic_store_n(&thread->kernel, kernel, __ATOMIC_SEQ_CST);
	*out = thread;
	return 0;
}

void thread_enter(struct rumpus_thread *thread, bool chosen)
{
	host_self.entered = thread;
	host_self.chosen = chosen;
	host_self.gone = 0;
	__atomic_store_n(&host_self.current, thread, __ATOMIC_RELEASE);
}

int thread_current(struct rumpus_thread **out)
{
	struct rumpus_thread *thread = host_self.entered;
	struct rumpus *kernel;
	int error;

	if (!thread) {
		if (host_self.gone)
			return host_self.gone;
		kernel = LIST_FIRST(&rumpus_kernels);
		if (!kernel || LIST_NEXT(kernel, in_all))
			return -ESHUTDOWN;
		error = thread_use(&kernel->first, &thread);
		if (error)
			return error;
		thread_enter(thread, false);
	} else if (thread->process->kernel->dead) {
		return -ESHUTDOWN;
	} else {
		thread_enter(thread, host_self.chosen);
	}
	*out = thread;
	return 0;
}

int rumpus_process_enter(struct rumpus_process *process)
{
	struct rumpus_thread *thread;
	int error;

	if (!process)
		return -EINVAL;
	error = api_begin();
	if (error)
		return error;
	error = thread_use(process, &thread);
	if (!error)
		thread_enter(thread, true);
	api_end();
	return error;
}

struct rumpus_thread *rumpus_thread_self(void)
{
	struct rumpus_thread *thread = NULL;

	if (host_forked() || host_self.inside == &host_thread_busy)
		return NULL;
	if (host_self.inside)
		return host_self.inside;
	if (api_begin() != 0)
		return NULL;
	if (thread_current(&thread) != 0)
		thread = NULL;
	api_end();
	return thread;
}

void rumpus_thread_detach(void)
{
	struct visit *visit;

	if (api_begin() != 0)
		return;
	do {
		LIST_FOREACH(visit, &host_self.visits, in_host)
			if (!LIST_EMPTY(&visit->threads))
				break;
		if (visit)
			detach_all(visit->kernel, NULL);
	} while (visit);
	host_self.gone = 0;
	api_end();
}
