// SPDX-License-Identifier: BSD-2-Clause
/* Clocks, sleeping, random bytes, parameters: what hyp.h has almost as it is */
#include "internal.h"

#define NS_PER_S INT64_C(1000000000)

uint64_t ru_deadline(uint64_t base, int64_t seconds, int64_t nanoseconds)
{
	int64_t span;
	uint64_t deadline;

	if (__builtin_mul_overflow(seconds, NS_PER_S, &span) || __builtin_add_overflow(span, nanoseconds, &span))
		return seconds < 0 ? base : HYP_FOREVER;
	if (span < 0)
		return base;
	return __builtin_add_overflow(base, (uint64_t)span, &deadline) ? HYP_FOREVER : deadline;
}

int rumpuser_clock_gettime(int clock, int64_t *seconds, long *nanoseconds)
{
	uint64_t now;

	if (clock == RUMPUSER_CLOCK_RELWALL)
		now = ru_ops->clock_realtime(ru_hyp);
	else if (clock == RUMPUSER_CLOCK_ABSMONO)
		now = ru_ops->clock_monotonic(ru_hyp);
	else
		return RU_EINVAL;
	*seconds = (int64_t)(now / NS_PER_S);
	*nanoseconds = (long)(now % NS_PER_S);
	return 0;
}

int rumpuser_clock_sleep(int clock, int64_t seconds, long nanoseconds)
{
	_Atomic uint32_t nobody = 0;
	uint64_t deadline;
	int count;

	if (clock != RUMPUSER_CLOCK_RELWALL && clock != RUMPUSER_CLOCK_ABSMONO)
		return RU_EINVAL;
	deadline = ru_deadline(clock == RUMPUSER_CLOCK_RELWALL ? ru_ops->clock_monotonic(ru_hyp) : 0, seconds,
			       nanoseconds);
	count = ru_unschedule(NULL);
	/* A host signal or a wake-up meant for someone else ends a wait early, but not the sleep. */
	while (ru_wait(&nobody, 0, deadline) != -HYP_ETIMEDOUT)
		;
	ru_schedule(count, NULL);
	return 0;
}

int rumpuser_getrandom(void *buf, size_t size, int flags, size_t *got)
{
	uint32_t how = (flags & RUMPUSER_RANDOM_HARD ? HYP_ENTROPY_HARD : 0) |
		       (flags & RUMPUSER_RANDOM_NOWAIT ? HYP_ENTROPY_NOWAIT : 0);
	int count = 0;
	long ret;

	if (flags & ~(RUMPUSER_RANDOM_HARD | RUMPUSER_RANDOM_NOWAIT))
		return RU_EINVAL;
	/* Without waiting first: but for the first moments of a host there always is some. */
	ret = ru_ops->entropy(ru_hyp, buf, size, how | HYP_ENTROPY_NOWAIT);
	if (ret >= 0 && (size_t)ret < size && !(flags & RUMPUSER_RANDOM_NOWAIT)) {
		count = ru_unschedule(NULL);
		ret = ru_ops->entropy(ru_hyp, buf, size, how);
		ru_schedule(count, NULL);
	}
	if (ret < 0)
		return ru_error(ret);
	if (!ret && size)
		return RU_EAGAIN;
	*got = (size_t)ret;
	return 0;
}

int rumpuser_getparam(const char *name, void *buf, size_t size)
{
	int ret = ru_host_param(name, buf, size);

	return ret == -HYP_ERANGE ? RU_E2BIG : ru_error(ret);
}
