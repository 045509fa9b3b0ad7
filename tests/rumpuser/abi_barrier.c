// SPDX-License-Identifier: BSD-2-Clause
/* Mutexes whose unlocking has no atomic operation: no wake-up is lost, with membarrier(2) and on hosts without */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rumpuser.h"
#include "../tap.h"

#define THREADS 4
#define ROUNDS 30000
#define LIMIT_S 6 /* a lost wake-up is for ever */

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
	*count = 0;
}

static void backend_schedule(int nlocks, void *interlock)
{
}

static const struct rumpuser_hyperup upcalls = {
	.hyp_backend_unschedule = backend_unschedule,
	.hyp_backend_schedule = backend_schedule,
};

static struct rumpuser_mtx *mtx;
static long value;

/* Holds it for longer than others look before they sleep, every now and then. */
static void *contend(void *arg)
{
	volatile int delay;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		rumpuser_mutex_enter(mtx);
		value++;
		if (i % 64 == 0)
			for (delay = 0; delay < 5000; delay++)
				;
		if (i % 1024 == 0)
			usleep(100);
		rumpuser_mutex_exit(mtx);
	}
	return NULL;
}

static void refuse_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

enum when { NEVER, BEFORE, AFTER };

static void play(enum when when)
{
	pthread_t threads[THREADS];
	int i;

	alarm(LIMIT_S);
	if (when == BEFORE)
		refuse_membarrier();
	if (rumpuser_init(RUMPUSER_VERSION, &upcalls))
		_exit(2);
	if (when == AFTER)
		refuse_membarrier();
	rumpuser_mutex_init(&mtx, 0);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, contend, NULL);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(value == THREADS * ROUNDS ? 0 : 3);
}

/* Return: the status of a child that plays; its standard error in @said */
static int status_of(enum when when, char *said, size_t size)
{
	int pair[2], status = -1;
	size_t length = 0;
	ssize_t got;
	pid_t child;

	if (pipe(pair))
		tap_abort("pipe: %s", strerror(errno));
	child = fork();
	if (!child) {
		dup2(pair[1], STDERR_FILENO);
		play(when);
	}
	close(pair[1]);
	while (length < size - 1 && (got = read(pair[0], said + length, size - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = 0;
	close(pair[0]);
	waitpid(child, &status, 0);
	return status;
}

static void check(enum when when, const char *name)
{
	char said[512];
	int status = status_of(when, said, sizeof(said));

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		tap_skip(1, "%s: this host has no filters of system calls", name);
	else if (!tap_ok(!status && !said[0], "%s", name))
		tap_note("status %#x, said \"%s\"", status, said);
}

int main(void)
{
	char said[512];
	int status;

	check(NEVER, "with membarrier(2): all threads come through");
	check(BEFORE, "without: they do, too");
	status = status_of(AFTER, said, sizeof(said));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		tap_skip(1, "this host has no filters of system calls");
	else if (!tap_ok(WIFSIGNALED(status) && strstr(said, "membarrier(2) worked at rumpuser_init()"),
			 "refused after rumpuser_init(): the process ends with a message"))
		tap_note("status %#x, said \"%s\"", status, said);
	return tap_done();
}
