// SPDX-License-Identifier: BSD-2-Clause
/*
 * One measurement of the primitives of rumpuser(3), without a kernel: on the librumpuser that the loader finds, or of
 * the C library's in the same place. Prints seconds of one turn.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rumpuser.h"

#define LOCKS 100000
#define ROUNDS 2000
#define PAGES 5120
#define BATCH 256
#define REPEATS 100

static void fail(const char *what, int error)
{
	fprintf(stderr, "rumpuser: %s: %s\n", what, strerror(error));
	exit(1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static cpu_set_t processors; /* that the process began with */

/* To the @n-th of these, or where there is one alone, to that */
static void pin(int n)
{
	cpu_set_t set;
	int cpu = -1;

	for (n = n % CPU_COUNT(&processors) + 1; n; n -= CPU_ISSET(cpu, &processors) ? 1 : 0)
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* A kernel with as many virtual CPUs as there are threads: what it costs to give them back is not measured. */
static void nothing(void)
{
}

static void backend_unschedule(int nlocks, int *count, void *interlock)
{
	*count = nlocks;
}

static void backend_schedule(int nlocks, void *interlock)
{
}

static int newlwp(pid_t pid)
{
	return 0;
}

static const struct rumpuser_hyperup upcalls = {
	.hyp_schedule = nothing,
	.hyp_unschedule = nothing,
	.hyp_backend_unschedule = backend_unschedule,
	.hyp_backend_schedule = backend_schedule,
	.hyp_lwproc_newlwp = newlwp,
};

static struct rumpuser_mtx *mtx;
static struct rumpuser_cv *cv[2];
static pthread_mutex_t host_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t host_cond[2] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };

/**
 * struct side - the same primitives of two libraries
 * @turn: one of the two threads of a round trip waits until it is its turn and gives it to the other one, @n times
 */
struct side {
	const char *name;
	void (*locks)(int n);
	void (*turn)(int me, int n);
	void *(*page)(void);
	void (*page_free)(void *page);
};

static int whose;

static void rump_locks(int n)
{
	while (n--) {
		rumpuser_mutex_enter(mtx);
		rumpuser_mutex_exit(mtx);
	}
}

static void rump_turn(int me, int n)
{
	rumpuser_mutex_enter(mtx);
	while (n--) {
		while (whose != me)
			rumpuser_cv_wait(cv[me], mtx);
		whose = !me;
		rumpuser_cv_broadcast(cv[!me]);
	}
	rumpuser_mutex_exit(mtx);
}

static void *rump_page(void)
{
	void *page;
	int error = rumpuser_malloc(4096, 4096, &page);

	if (error)
		fail("rumpuser_malloc", error);
	return page;
}

static void rump_page_free(void *page)
{
	rumpuser_free(page, 4096);
}

static void host_locks(int n)
{
	while (n--) {
		pthread_mutex_lock(&host_mutex);
		pthread_mutex_unlock(&host_mutex);
	}
}

static void host_turn(int me, int n)
{
	pthread_mutex_lock(&host_mutex);
	while (n--) {
		while (whose != me)
			pthread_cond_wait(&host_cond[me], &host_mutex);
		whose = !me;
		pthread_cond_broadcast(&host_cond[!me]);
	}
	pthread_mutex_unlock(&host_mutex);
}

static void *host_page(void)
{
	void *page;
	int error = posix_memalign(&page, 4096, 4096);

	if (error)
		fail("posix_memalign", error);
	return page;
}

static const struct side sides[] = {
	{ "rumpuser", rump_locks, rump_turn, rump_page, rump_page_free },
	{ "host", host_locks, host_turn, host_page, free },
};

struct partner {
	const struct side *side;
	int cpu;
};

static void *partner(void *arg)
{
	const struct partner *p = arg;

	pin(p->cpu);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)32);
	p->side->turn(1, ROUNDS);
	return NULL;
}

/* There and back, between two processors */
static double round_trip(const struct side *side, int here, int there)
{
	struct partner p = { .side = side, .cpu = there };
	pthread_t thread;
	double start;

	pin(here);
	whose = 0;
	if (pthread_create(&thread, NULL, partner, &p))
		fail("pthread_create", errno);
	start = now();
	side->turn(0, ROUNDS);
	pthread_join(thread, NULL);
	return (now() - start) / ROUNDS;
}

/* Pages come and go in batches, and each is touched, as a kernel's are. */
static double pages(const struct side *side)
{
	static void *held[BATCH];
	double start = now();
	int i, j;

	for (i = 0; i < PAGES / BATCH; i++) {
		for (j = 0; j < BATCH; j++) {
			held[j] = side->page();
			*(volatile char *)held[j] = 1;
		}
		for (j = 0; j < BATCH; j++)
			side->page_free(held[j]);
	}
	return (now() - start) / (PAGES / BATCH * BATCH);
}

static double locks(const struct side *side)
{
	double start = now();

	side->locks(LOCKS);
	return (now() - start) / LOCKS;
}

static double once(const char *what, const struct side *side)
{
	if (!strcmp(what, "mutex"))
		return locks(side);
	if (!strcmp(what, "pages"))
		return pages(side);
	if (!strcmp(what, "together"))
		return round_trip(side, 0, 0);
	if (!strcmp(what, "apart"))
		return round_trip(side, 0, 1);
	fprintf(stderr, "usage: rumpuser mutex|pages|together|apart rumpuser|host\n");
	exit(2);
}

static void *idle(void *arg)
{
	return NULL;
}

int main(int argc, char **argv)
{
	const struct side *side = &sides[argc == 3 && !strcmp(argv[2], "host")];
	double best = 1e9, one;
	pthread_t thread;
	int error, i;

	if (argc != 3 || strcmp(argv[2], side->name))
		once("", side);
	if (sched_getaffinity(0, sizeof(processors), &processors))
		fail("sched_getaffinity", errno);
	error = rumpuser_init(RUMPUSER_VERSION, &upcalls);
	if (error)
		fail("rumpuser_init", error);
	rumpuser_curlwpop(RUMPUSER_LWP_SET, (struct lwp *)16);
	rumpuser_mutex_init(&mtx, RUMPUSER_MTX_KMUTEX);
	rumpuser_cv_init(&cv[0]);
	rumpuser_cv_init(&cv[1]);
	/* The C library takes locks for nothing while a process has had one thread alone. */
	if (pthread_create(&thread, NULL, idle, NULL) || pthread_join(thread, NULL))
		fail("pthread_create", errno);
	/* Other work on the host only adds. */
	for (i = 0; i < REPEATS; i++) {
		one = once(argv[1], side);
		if (one < best)
			best = one;
	}
	printf("%.12f\n", best);
	return 0;
}
