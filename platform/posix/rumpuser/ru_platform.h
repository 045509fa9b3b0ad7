/* SPDX-License-Identifier: BSD-2-Clause */
/* What the portable part of librumpuser has inline from its platform: the calling thread, and a pair of barriers */
#ifndef PLATFORM_POSIX_RUMPUSER_RU_PLATFORM_H
#define PLATFORM_POSIX_RUMPUSER_RU_PLATFORM_H

#include <stdatomic.h>
#include <stdbool.h>

#include "patience.h"
#include "ru_pause.h"

struct lwp;
struct ru_bio;

/**
 * struct ru_self - what a host thread has; its address tells threads apart
 * @lwp:     bound by rumpuser_curlwpop()
 * @collect: rumpuser_bio() is running here: transfers that end meanwhile are left for it
 * @ended:   list of these
 * @patience: of waits for condition variables
 */
struct ru_self {
	struct lwp *lwp;
	bool collect;
	struct ru_bio *ended;
	struct ru_patience patience;
};

/* A word of thread-local storage, not hyp.h's thread_slot(): each system call of a rump kernel asks several times. */
extern __thread struct ru_self ru_self_tls __attribute__((tls_model("initial-exec")));

static inline struct ru_self *ru_self(void)
{
	return &ru_self_tls;
}

/*
 * A store, ru_barrier_light(), a load here; a store, ru_barrier_heavy(), a load there: at least one of the two loads
 * sees the other's store. The heavy side has all threads of the process pass a full barrier, so that the light one,
 * which is on the way out of every mutex, costs nothing. It is constant after rumpuser_init().
 */
extern bool ru_barrier_asymmetric;

static inline void ru_barrier_light(void)
{
	if (__builtin_expect(ru_barrier_asymmetric, 1))
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
}

void ru_barrier_heavy(void);

#endif
