// SPDX-License-Identifier: BSD-2-Clause
/* Threads of the kernel, which are host threads */
#include "internal.h"

/* Deep enough for call chains of a kernel that were never written for a small stack; only what is used is taken. */
#define STACK_SIZE ((size_t)1 << 20)

struct start {
	void *(*fn)(void *arg);
	void *arg;
};

static void run(void *arg)
{
	struct start start = *(struct start *)arg;

	ru_free(arg, sizeof(struct start));
	start.fn(start.arg);
	ru_check_thread_end((const void *)start.fn);
}

int rumpuser_thread_create(void *(*fn)(void *arg), void *arg, const char *name, int mustjoin, int priority, int cpu,
			   void **thread)
{
	const struct hyp_thread_attr attr = {
		.name = name,
		.stack_size = STACK_SIZE,
		.cpu = cpu,
		.flags = mustjoin ? HYP_THREAD_JOINABLE : 0,
	};
	struct start *start = ru_alloc(sizeof(*start));
	struct hyp_thread *made = NULL;
	int ret;

	if (!start)
		return RU_ENOMEM;
	start->fn = fn;
	start->arg = arg;
	ret = ru_ops->thread_create(ru_hyp, run, start, &attr, &made);
	if (ret) {
		ru_free(start, sizeof(*start));
		return ru_error(ret);
	}
	if (mustjoin)
		*thread = made;
	return 0;
}

void rumpuser_thread_exit(void)
{
	ru_check_thread_end(__builtin_return_address(0));
	ru_ops->thread_exit(ru_hyp);
}

int rumpuser_thread_join(void *thread)
{
	int count = ru_unschedule(NULL);
	int ret = ru_ops->thread_join(ru_hyp, thread);

	ru_schedule(count, NULL);
	return ru_error(ret);
}
