// SPDX-License-Identifier: BSD-2-Clause
/* Processes of a kernel: made, ended, with the threads of the program that were in them. */
#include <errno.h>
#include <stdlib.h>

#include "host.h"
#include "internal.h"

struct rumpus_process *rumpus_process_first(struct rumpus *kernel)
{
	return kernel ? &kernel->first : NULL;
}

int rumpus_process_create(struct rumpus *kernel, struct rumpus_process **process)
{
	return rumpus_process_create_remote(kernel, NULL, NULL, process);
}

static int create(struct rumpus *kernel, const struct rumpus_user_ops *ops, void *cookie,
		  struct rumpus_process *process)
{
	int error = api_begin();

	if (error)
		return error;
	error = kernel_call_begin(kernel);
	if (!error) {
		error = kernel->image.ops->process_create(ops, cookie, &process->image);
		kernel_call_end(kernel);
	}
	if (!error && kernel->dead)
		error = -ESHUTDOWN;
	if (!error) {
		process->kernel = kernel;
		LIST_INSERT_HEAD(&kernel->processes, process, in_kernel);
	}
	api_end();
	return error;
}

int rumpus_process_create_remote(struct rumpus *kernel, const struct rumpus_user_ops *ops, void *cookie,
				 struct rumpus_process **out)
{
	struct rumpus_process *process;
	int error;

	if (!kernel || !out || (ops && (!ops->read || !ops->write)))
		return -EINVAL;
	process = calloc(1, sizeof(*process));
	if (!process)
		return -ENOMEM;
	error = create(kernel, ops, cookie, process);
	if (error) {
		free(process);
		return error;
	}
	*out = process;
	return 0;
}

/* With the lock: gather the threads of @process in @list. -EBUSY, with nothing changed, when one is inside. */
static int retire_threads(struct rumpus_process *process, struct rumpus_thread_list *list)
{
	struct rumpus_thread *thread, *next;
	struct visit *visit;

	if (process->users)
		return -EBUSY;
	LIST_FOREACH(visit, &process->kernel->visits, in_kernel)
		LIST_FOREACH(thread, &visit->threads, in_visit)
			if (thread->process == process)
				gate_close(thread);
	host_fence_all();
	LIST_FOREACH(visit, &process->kernel->visits, in_kernel)
		LIST_FOREACH(thread, &visit->threads, in_visit)
			if (thread->process == process && gate_inside(thread))
				return -EBUSY; /* host_thread.entered is as it was: the next call opens its gate */
	LIST_FOREACH(visit, &process->kernel->visits, in_kernel)
		for (thread = LIST_FIRST(&visit->threads); thread; thread = next) {
			next = LIST_NEXT(thread, in_visit);
			if (thread->process != process)
				continue;
			thread_retire(thread, -ESRCH);
			gate_forget(thread);
			LIST_INSERT_HEAD(list, thread, in_visit);
		}
	return 0;
}

static void free_threads(struct rumpus_thread_list *list)
{
	struct rumpus_thread *thread;

	while ((thread = LIST_FIRST(list))) {
		LIST_REMOVE(thread, in_visit);
		thread_free(thread);
	}
}

int rumpus_process_destroy(struct rumpus_process *process)
{
	struct rumpus_thread_list threads = LIST_HEAD_INITIALIZER(threads);
	struct rumpus_thread *thread;
	struct rumpus *kernel;
	int error;

	if (!process || process == &process->kernel->first)
		return -EINVAL;
	error = api_begin();
	if (error)
		return error;
	kernel = process->kernel;
	error = kernel->dead ? -ESHUTDOWN : retire_threads(process, &threads);
	if (!error) {
		LIST_REMOVE(process, in_kernel);
		kernel_call_begin(kernel); /* cannot fail: not dead, and the lock was not released */
		LIST_FOREACH(thread, &threads, in_visit)
			kernel->image.ops->thread_detach(thread->image);
		kernel->image.ops->process_destroy(process->image);
		kernel_call_end(kernel);
		free_threads(&threads);
		free(process);
	}
	api_end();
	return error;
}
