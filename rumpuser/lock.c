// SPDX-License-Identifier: BSD-2-Clause
/* Inner locks, contended */
#include "internal.h"

#define SPINS 20

void ru_lock_slow(struct ru_lock *lock)
{
	unsigned int i;

	for (i = 0; i < SPINS && ru_info.cpus > 1; i++) {
		ru_pause();
		if (!atomic_load_explicit(&lock->word, memory_order_relaxed) && ru_lock_try(lock))
			return;
	}
	/* Once asleep, others may be as well: whoever comes from there leaves a 2 and wakes the next one. */
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire))
		ru_wait(&lock->word, 2, HYP_FOREVER);
}

void ru_lock_wake(struct ru_lock *lock)
{
	ru_wake(&lock->word, 1);
}
