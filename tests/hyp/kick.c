// SPDX-License-Identifier: BSD-2-Clause
/* thread_kick(): a thread that runs on and on is interrupted, and goes on where the kernel says, or where it was */
#include <signal.h>

#include "suite.h"

struct kernel {
	struct hyp *h;
	uint32_t id;
	uint32_t asked;
	uint32_t running;
	uint32_t ended;
	bool divert; /* send the thread to the landing of suite_load() */
	struct hyp_fault last;
};

/* The spinning thread is one that waits for what never happens in suite_spin(), a load that is tried for ever. */
static bool upcall(void *cookie, struct hyp_fault *fault)
{
	struct kernel *k = cookie;

	if (fault->kind != HYP_FAULT_KICK)
		return false;
	k->last = *fault;
	__atomic_add_fetch(&k->asked, 1, __ATOMIC_SEQ_CST);
	if (!k->divert || fault->pc != (uintptr_t)suite_spin_pc)
		return false;
	fault->pc = (uintptr_t)suite_spin_landing;
	return true;
}

static void spinner(void *arg)
{
	struct kernel *k = arg;

	__atomic_store_n(&k->id, ops->thread_id(k->h), __ATOMIC_SEQ_CST);
	suite_post(k->h, &k->running);
	suite_spin();
	suite_post(k->h, &k->ended);
}

/* Kicks are not waited for: each is repeated until it has been taken, as kernels do. */
static bool kick_until(struct kernel *k, const uint32_t *word, uint32_t value)
{
	uint64_t end = suite_after(k->h, suite_patience);

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value) {
		if (ops->clock_monotonic(k->h) > end)
			return false;
		ops->thread_kick(k->h, k->id);
		suite_sleep(k->h, MS);
	}
	return true;
}

static volatile sig_atomic_t own_signals;

static void own_handler(int number)
{
	own_signals++;
}

/* The platform's signal is the program's, too, when its handler was there before. */
static void test_program(void)
{
	static struct kernel k;
	const struct hyp_upcalls upcalls = { .fault = upcall };
	struct sigaction action = { .sa_handler = own_handler }, before;
	struct hyp *h;

	sigaction(SIGURG, &action, &before);
	h = suite_open_with(&suite_config, &upcalls, &k, NULL);
	raise(SIGURG);
	tap_is(own_signals, 1, "a signal of the program's reaches its handler");
	ops->thread_kick(h, ops->thread_id(h));
	tap_is(own_signals, 1, "a kick does not");
	ops->fini(h);
	sigaction(SIGURG, &before, NULL);
	h = suite_open_with(&suite_config, &upcalls, &k, NULL);
	raise(SIGURG);
	ops->fini(h);
	h = suite_open(NULL);
	tap_is(ops->thread_kick(h, ops->thread_id(h)), -HYP_ENOSYS, "a kernel without the upcall cannot kick");
	ops->fini(h);
	tap_is(own_signals, 1, "without a handler it is ignored");
}

void test_kick(void)
{
	const struct hyp_upcalls upcalls = { .fault = upcall };
	struct kernel k = { .divert = false };
	struct hyp_thread *thread;

	k.h = suite_open_with(&suite_config, &upcalls, &k, NULL);
	if (!ops->thread_id(k.h)) {
		tap_is(ops->thread_kick(k.h, 1), -HYP_ENOSYS, "a platform that cannot kick says so");
		ops->fini(k.h);
		return;
	}
	thread = suite_start(k.h, spinner, &k);
	suite_await(k.h, &k.running, 1);
	tap_ok(k.id != ops->thread_id(k.h), "threads have different numbers");
	tap_ok(kick_until(&k, &k.asked, 3), "a kicked thread asks");
	tap_ok(!k.ended, "and goes on");
	k.divert = true;
	tap_ok(kick_until(&k, &k.ended, 1), "or elsewhere, as the kernel says");
	tap_ok(k.last.pc == (uintptr_t)suite_spin_pc && k.last.sp, "its program counter and stack pointer");
	suite_join(k.h, thread);
	host_threads_settle(host_threads());
	tap_is(ops->thread_kick(k.h, k.id), -HYP_ENOENT, "a thread that is gone");
	ops->fini(k.h);
	test_program();
}
