// SPDX-License-Identifier: BSD-2-Clause
/* Helpers for the host halves of components, and for threads of ours that become the kernel's */
#include "internal.h"

void *rumpuser_component_unschedule(void)
{
	return (void *)(intptr_t)ru_unschedule(NULL);
}

void rumpuser_component_schedule(void *cookie)
{
	ru_schedule((int)(intptr_t)cookie, NULL);
}

void rumpuser_component_kthread(void)
{
	int error;

	ru_up.hyp_schedule();
	error = ru_up.hyp_lwproc_newlwp(0);
	ru_up.hyp_unschedule();
	if (error)
		ru_fail(__func__, "the kernel gives this thread no lwp: %s", ru_error_text(error));
}

void rumpuser_component_kthread_release(void)
{
	ru_up.hyp_schedule();
	ru_up.hyp_lwproc_release();
	ru_up.hyp_unschedule();
}

struct lwp *rumpuser_component_curlwp(void)
{
	struct lwp *l;

	ru_up.hyp_schedule();
	l = ru_up.hyp_lwproc_curlwp();
	ru_up.hyp_unschedule();
	return l;
}

void rumpuser_component_switchlwp(struct lwp *l)
{
	ru_up.hyp_schedule();
	ru_up.hyp_lwproc_switch(l);
	ru_up.hyp_unschedule();
}

int rumpuser_component_errtrans(int host_errno)
{
	return ru_host_errno(host_errno);
}
