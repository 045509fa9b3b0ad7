// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: upcalls of threads that hold no virtual CPU */
#include "sp.h"

/* Flags of hyp_lwproc_rfork: what becomes of the files */
#define FILES_SHARE 0
#define FILES_COPY 1
#define FILES_CLEAR 2

/* Once the kernel goes down its locks may be gone. */
static bool begin(void)
{
	if (sp_stopping())
		return false;
	ru_up.hyp_schedule();
	return true;
}

static void make_current(struct lwp *l)
{
	if (!begin())
		return;
	ru_up.hyp_lwproc_switch(l);
	ru_up.hyp_unschedule();
}

static int rfork(struct sp_client *c, int flags, const char *name)
{
	int error;

	if (!begin())
		return RU_ENXIO;
	error = ru_up.hyp_lwproc_rfork(c, flags, name);
	ru_up.hyp_unschedule();
	return error;
}

static void release(void)
{
	if (!begin())
		return;
	ru_up.hyp_lwproc_release();
	ru_up.hyp_unschedule();
}

int sp_lwp_guest(struct sp_client *c, const char *name)
{
	return rfork(c, FILES_CLEAR, name);
}

int sp_lwp_fork(struct sp_client *c, struct lwp *parent, bool copy)
{
	int error;

	make_current(parent);
	error = rfork(c, copy ? FILES_COPY : FILES_SHARE, NULL);
	if (error)
		make_current(NULL);
	return error;
}

struct lwp *sp_lwp_current(pid_t *pid)
{
	struct lwp *l;

	if (!begin())
		return NULL;
	l = ru_up.hyp_lwproc_curlwp();
	*pid = ru_up.hyp_getpid();
	ru_up.hyp_unschedule();
	return l;
}

void sp_lwp_leave(void)
{
	make_current(NULL);
}

void sp_lwp_end(struct lwp *l)
{
	make_current(l);
	release();
}

void sp_lwp_kill(struct lwp *l)
{
	make_current(l);
	if (begin()) {
		ru_up.hyp_lwpexit();
		ru_up.hyp_unschedule();
	}
	make_current(NULL);
}

void sp_lwp_exec(struct lwp *l, const char *name)
{
	make_current(l);
	if (begin()) {
		ru_up.hyp_execnotify(name);
		ru_up.hyp_unschedule();
	}
	make_current(NULL);
}

int sp_lwp_need(pid_t pid)
{
	int error;

	if (sp_self.lwp)
		return 0;
	if (!begin())
		return RU_ENXIO;
	error = ru_up.hyp_lwproc_newlwp(pid);
	ru_up.hyp_unschedule();
	sp_self.lwp = !error;
	return error;
}

void sp_lwp_drop(void)
{
	if (!sp_self.lwp)
		return;
	sp_self.lwp = false;
	release();
}

int sp_lwp_call(int number, void *arguments, long *retval)
{
	int error;

	if (!begin())
		return RU_ENXIO;
	error = ru_up.hyp_syscall(number, arguments, retval);
	ru_up.hyp_unschedule();
	return error;
}
