// SPDX-License-Identifier: BSD-2-Clause
/* Which lwp of the kernel a host thread runs */
#include "internal.h"

static void set(struct lwp *l)
{
	struct ru_self *self = ru_self();

	if (!l)
		ru_fail("rumpuser_curlwpop", "SET of no lwp; use CLEAR");
	if (self->lwp)
		ru_fail("rumpuser_curlwpop", "SET of lwp %p on a thread that has lwp %p; CLEAR that first", (void *)l,
			(void *)self->lwp);
	self->lwp = l;
}

static void clear(struct lwp *l)
{
	struct ru_self *self = ru_self();

	if (!self->lwp || self->lwp != l)
		ru_fail("rumpuser_curlwpop", "CLEAR of lwp %p on a thread that has lwp %p", (void *)l,
			(void *)self->lwp);
	self->lwp = NULL;
}

void rumpuser_curlwpop(int op, struct lwp *l)
{
	switch (op) {
	case RUMPUSER_LWP_CREATE: /* nothing is kept of an lwp that no thread runs */
	case RUMPUSER_LWP_DESTROY:
		break;
	case RUMPUSER_LWP_SET:
		set(l);
		break;
	case RUMPUSER_LWP_CLEAR:
		clear(l);
		break;
	default:
		ru_fail(__func__, "unknown operation %d", op);
	}
}

struct lwp *rumpuser_curlwp(void)
{
	struct lwp *l = ru_self()->lwp;

	/* What a kernel asks first; in a forked child no thread has an lwp. */
	if (__builtin_expect(!l, 0))
		ru_host_not_forked();
	return l;
}
