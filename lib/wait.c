// SPDX-License-Identifier: BSD-2-Clause
/* Sleeps inside a kernel: host threads that want to know of theirs are told. */
#include "internal.h"

/* Perhaps on a stack of the kernel's, which this thread does not leave while it sleeps. */
static int wait_told(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	if (host_self.on_wait)
		host_self.on_wait(host_self.on_wait_arg);
	return hyp_platform()->wait(h, word, expected, deadline);
}

static int wake_wait_told(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	if (host_self.on_wait)
		host_self.on_wait(host_self.on_wait_arg);
	return hyp_platform()->wake_wait(h, wake_word, word, expected, deadline);
}

void wait_lend(struct rumpus *kernel)
{
	kernel->lent = *kernel->ops;
	kernel->lent.size = sizeof(kernel->lent);
	kernel->lent.wait = wait_told;
	kernel->lent.wake_wait = wake_wait_told;
}

void rumpus_thread_on_wait(void (*told)(void *arg), void *arg)
{
	host_self.on_wait = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* a signal handler may make a call meanwhile */
	host_self.on_wait_arg = arg;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	host_self.on_wait = told;
}
