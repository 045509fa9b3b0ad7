/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypercalls under test, as one table: whoever checks the tests replaces functions in it by wrong ones. */
#ifndef TESTS_RUMPUSER_CALLS_H
#define TESTS_RUMPUSER_CALLS_H

#include "rumpuser/rumpuser.h"

/** struct hypercalls - a member for every function of rumpuser(3), with its type */
struct hypercalls {
	__typeof__(rumpuser_init) *init;
	__typeof__(rumpuser_dl_bootstrap) *dl_bootstrap;
	__typeof__(rumpuser_getparam) *getparam;
	__typeof__(rumpuser_seterrno) *seterrno;
	__typeof__(rumpuser_kill) *kill;
	__typeof__(rumpuser_exit) *exit;
	__typeof__(rumpuser_putchar) *putchar;
	__typeof__(rumpuser_dprintf) *dprintf;
	__typeof__(rumpuser_getrandom) *getrandom;
	__typeof__(rumpuser_daemonize_begin) *daemonize_begin;
	__typeof__(rumpuser_daemonize_done) *daemonize_done;

	__typeof__(rumpuser_malloc) *malloc;
	__typeof__(rumpuser_free) *free;
	__typeof__(rumpuser_anonmmap) *anonmmap;
	__typeof__(rumpuser_unmap) *unmap;

	__typeof__(rumpuser_open) *open;
	__typeof__(rumpuser_close) *close;
	__typeof__(rumpuser_getfileinfo) *getfileinfo;
	__typeof__(rumpuser_iovread) *iovread;
	__typeof__(rumpuser_iovwrite) *iovwrite;
	__typeof__(rumpuser_bio) *bio;
	__typeof__(rumpuser_syncfd) *syncfd;

	__typeof__(rumpuser_clock_gettime) *clock_gettime;
	__typeof__(rumpuser_clock_sleep) *clock_sleep;

	__typeof__(rumpuser_thread_create) *thread_create;
	__typeof__(rumpuser_thread_exit) *thread_exit;
	__typeof__(rumpuser_thread_join) *thread_join;
	__typeof__(rumpuser_curlwpop) *curlwpop;
	__typeof__(rumpuser_curlwp) *curlwp;

	__typeof__(rumpuser_mutex_init) *mutex_init;
	__typeof__(rumpuser_mutex_destroy) *mutex_destroy;
	__typeof__(rumpuser_mutex_enter) *mutex_enter;
	__typeof__(rumpuser_mutex_enter_nowrap) *mutex_enter_nowrap;
	__typeof__(rumpuser_mutex_tryenter) *mutex_tryenter;
	__typeof__(rumpuser_mutex_exit) *mutex_exit;
	__typeof__(rumpuser_mutex_owner) *mutex_owner;

	__typeof__(rumpuser_rw_init) *rw_init;
	__typeof__(rumpuser_rw_destroy) *rw_destroy;
	__typeof__(rumpuser_rw_enter) *rw_enter;
	__typeof__(rumpuser_rw_tryenter) *rw_tryenter;
	__typeof__(rumpuser_rw_tryupgrade) *rw_tryupgrade;
	__typeof__(rumpuser_rw_downgrade) *rw_downgrade;
	__typeof__(rumpuser_rw_exit) *rw_exit;
	__typeof__(rumpuser_rw_held) *rw_held;

	__typeof__(rumpuser_cv_init) *cv_init;
	__typeof__(rumpuser_cv_destroy) *cv_destroy;
	__typeof__(rumpuser_cv_wait) *cv_wait;
	__typeof__(rumpuser_cv_wait_nowrap) *cv_wait_nowrap;
	__typeof__(rumpuser_cv_timedwait) *cv_timedwait;
	__typeof__(rumpuser_cv_signal) *cv_signal;
	__typeof__(rumpuser_cv_broadcast) *cv_broadcast;
	__typeof__(rumpuser_cv_has_waiters) *cv_has_waiters;

	__typeof__(rumpuser_sp_init) *sp_init;
	__typeof__(rumpuser_sp_fini) *sp_fini;
	__typeof__(rumpuser_sp_copyin) *sp_copyin;
	__typeof__(rumpuser_sp_copyinstr) *sp_copyinstr;
	__typeof__(rumpuser_sp_copyout) *sp_copyout;
	__typeof__(rumpuser_sp_copyoutstr) *sp_copyoutstr;
	__typeof__(rumpuser_sp_anonmmap) *sp_anonmmap;
	__typeof__(rumpuser_sp_raise) *sp_raise;

	__typeof__(rumpuser_component_unschedule) *component_unschedule;
	__typeof__(rumpuser_component_schedule) *component_schedule;
	__typeof__(rumpuser_component_kthread) *component_kthread;
	__typeof__(rumpuser_component_kthread_release) *component_kthread_release;
	__typeof__(rumpuser_component_errtrans) *component_errtrans;
	__typeof__(rumpuser_component_curlwp) *component_curlwp;
	__typeof__(rumpuser_component_switchlwp) *component_switchlwp;
};

/** ru - what the test kernel calls; at first the functions of the library */
extern struct hypercalls ru;

#endif
