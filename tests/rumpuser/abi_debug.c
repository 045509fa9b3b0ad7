// SPDX-License-Identifier: BSD-2-Clause
/* The debug build: each broken rule ends the process with a message that names the rule and the caller */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rumpuser.h"
#include "../tap.h"

static struct rumpuser_mtx *mtx;
static struct rumpuser_rw *rw;
static struct rumpuser_cv *cv;

static void nothing(void)
{
}

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
}

static void backend_schedule(int nlocks, void *interlock)
{
}

static struct lwp *curlwp(void)
{
	return rumpuser_curlwp();
}

static const struct rumpuser_hyperup upcalls = {
	.hyp_schedule = nothing,
	.hyp_unschedule = nothing,
	.hyp_backend_unschedule = backend_unschedule,
	.hyp_backend_schedule = backend_schedule,
	.hyp_lwproc_curlwp = curlwp,
};

static void lock_twice(void)
{
	rumpuser_mutex_enter(mtx);
	rumpuser_mutex_enter(mtx);
}

static void unlock_free(void)
{
	rumpuser_mutex_exit(mtx);
}

static void unlock_twice(void)
{
	rumpuser_mutex_enter(mtx);
	rumpuser_mutex_exit(mtx);
	rumpuser_mutex_exit(mtx);
}

static void destroy_held(void)
{
	rumpuser_mutex_enter(mtx);
	rumpuser_mutex_destroy(mtx);
}

static void use_destroyed(void)
{
	rumpuser_mutex_destroy(mtx);
	rumpuser_mutex_enter(mtx);
}

static void use_another_kind(void)
{
	rumpuser_mutex_enter((struct rumpuser_mtx *)cv);
}

static void wait_without(void)
{
	rumpuser_cv_wait_nowrap(cv, mtx);
}

static void read_twice(void)
{
	rumpuser_rw_enter(RUMPUSER_RW_READER, rw);
	rumpuser_rw_enter(RUMPUSER_RW_READER, rw);
}

static void unlock_others(void)
{
	rumpuser_rw_exit(rw);
}

static void downgrade_free(void)
{
	rumpuser_rw_downgrade(rw);
}

static void sleep_without_lwp(void)
{
	rumpuser_curlwpop(RUMPUSER_LWP_CLEAR, (struct lwp *)16);
	rumpuser_clock_sleep(RUMPUSER_CLOCK_RELWALL, 0, 1);
}

static void free_more(void)
{
	void *memory = NULL;

	rumpuser_malloc(100, 0, &memory);
	rumpuser_free(memory, 1000);
}

static void *end_locked(void *arg)
{
	rumpuser_mutex_enter(mtx);
	return NULL;
}

static void thread_ends_locked(void)
{
	void *thread;

	rumpuser_thread_create(end_locked, NULL, "locked", 1, 0, -1, &thread);
	rumpuser_thread_join(thread);
}

static void break_nothing(void)
{
	void *memory = NULL;

	rumpuser_mutex_enter(mtx);
	rumpuser_rw_enter(RUMPUSER_RW_WRITER, rw);
	rumpuser_cv_timedwait(cv, mtx, 0, 1000);
	rumpuser_mutex_exit(mtx);
	rumpuser_rw_downgrade(rw);
	rumpuser_rw_exit(rw);
	rumpuser_malloc(100, 0, &memory);
	rumpuser_free(memory, 100);
	rumpuser_mutex_destroy(mtx);
	rumpuser_rw_destroy(rw);
	rumpuser_cv_destroy(cv);
}

static const struct {
	const char *name;
	void (*act)(void);
	const char *said; /* NULL: no rule is broken */
} cases[] = {
	{ "no rule", break_nothing, NULL },
	{ "a mutex locked twice", lock_twice, "rumpuser_mutex_enter: locks are not recursive" },
	{ "a mutex unlocked that is free", unlock_free,
	  "rumpuser_mutex_exit: a lock is given up by the thread that holds it" },
	{ "a mutex unlocked twice", unlock_twice,
	  "rumpuser_mutex_exit: a lock is given up by the thread that holds it" },
	{ "a mutex destroyed while held", destroy_held, "rumpuser_mutex_destroy: a lock is given up before" },
	{ "a mutex used after its end", use_destroyed, "rumpuser_mutex_enter: this lock was destroyed" },
	{ "a condition variable used as a mutex", use_another_kind,
	  "rumpuser_mutex_enter: this is no lock of this kind" },
	{ "a wait without the mutex", wait_without,
	  "rumpuser_cv_wait_nowrap: a lock is held by the thread that uses it" },
	{ "a read lock taken twice", read_twice, "rumpuser_rw_enter: locks are not recursive" },
	{ "a read-write lock unlocked that is free", unlock_others, "rumpuser_rw_exit: a lock is given up by" },
	{ "a downgrade without the lock", downgrade_free, "_downgrade: a lock is held by the thread that uses it" },
	{ "sleeping without an lwp", sleep_without_lwp, "comes from a thread with a virtual CPU and an lwp" },
	{ "memory freed with another size", free_more, "rumpuser_free: memory is freed with the size" },
	{ "a thread that ends with a lock", thread_ends_locked, "a thread gives up its locks before it ends" },
};

static void child(void (*act)(void), int fd)
{
	dup2(fd, STDERR_FILENO);
	alarm(20);
	if (rumpuser_init(RUMPUSER_VERSION, &upcalls))
		_exit(9);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)16);
	rumpuser_mutex_init(&mtx, RUMPUSER_MTX_KMUTEX);
	rumpuser_rw_init(&rw);
	rumpuser_cv_init(&cv);
	act();
	_exit(0);
}

static void check(const char *name, void (*act)(void), const char *said)
{
	char text[1024] = "";
	size_t length = 0;
	int pair[2], status;
	ssize_t got;
	pid_t pid;
	bool right;

	if (pipe(pair))
		tap_abort("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid)
		child(act, pair[1]);
	close(pair[1]);
	while (length < sizeof(text) - 1 && (got = read(pair[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	close(pair[0]);
	waitpid(pid, &status, 0);
	if (said)
		right = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, said) &&
			(strstr(text, "called from abi_debug") || strstr(text, "thread function abi_debug"));
	else
		right = WIFEXITED(status) && !WEXITSTATUS(status) && !length;
	if (!tap_ok(right, "%s: %s", name, said ? said : "no message"))
		tap_note("status %#x, said \"%s\"", status, text);
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(cases[i].name, cases[i].act, cases[i].said);
	return tap_done();
}
