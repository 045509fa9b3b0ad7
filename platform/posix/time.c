// SPDX-License-Identifier: BSD-2-Clause
/* Clocks, read without entering the host kernel */
#include <time.h>

#include "posix.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now); /* cannot fail for these clocks */
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

uint64_t posix_clock_monotonic(struct hyp *h)
{
	return clock_read(CLOCK_MONOTONIC);
}

uint64_t posix_clock_realtime(struct hyp *h)
{
	return clock_read(CLOCK_REALTIME);
}

uint32_t posix_clock_resolution(void)
{
	struct timespec step;

	clock_getres(CLOCK_MONOTONIC, &step);
	return step.tv_nsec;
}
