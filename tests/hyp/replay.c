// SPDX-License-Identifier: BSD-2-Clause
/* The replay platform: the same seed gives the same run, another seed another one, and a deadlock is told. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../platform/replay/replay.h"
#include "suite.h"

#define WORKERS 5
#define ROUNDS 40
#define SEEDS 24

/* What a run was, as the program saw it. */
struct run {
	struct replay_trace trace;
	uint64_t end;
	uint64_t random;
	void *memory;
	uint32_t order[WORKERS * ROUNDS];
	uint32_t steps;
	uint32_t collisions;
};

static struct hyp *h;
static struct run *now;
static uint32_t lock, done, ticks, shared;

static void upcall(void *cookie, uint32_t n)
{
	suite_post(h, &ticks);
}

/* Counts in two steps with a hole between them: whether it shows depends on the order of threads. */
static void count_carelessly(void)
{
	uint32_t seen = shared;

	ops->yield(h);
	if (shared != seen)
		now->collisions++;
	shared = seen + 1;
}

static void worker(void *arg)
{
	uint32_t number = (uintptr_t)arg, i;
	uint32_t free;

	for (i = 0; i < ROUNDS; i++) {
		for (free = 0; !__atomic_compare_exchange_n(&lock, &free, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		     free = 0)
			ops->wait(h, &lock, 1, HYP_FOREVER);
		now->order[now->steps++] = number;
		if (i % 4 == number % 4)
			suite_sleep(h, 1 + number * 1000);
		__atomic_store_n(&lock, 0, __ATOMIC_SEQ_CST);
		ops->wake(h, &lock, 1);
		count_carelessly();
	}
	suite_post(h, &done);
}

static void run(const char *seed, struct run *r)
{
	const struct hyp_upcalls upcalls = { .timer = upcall };
	struct hyp_thread *threads[WORKERS];
	uintptr_t i;

	setenv("HYP_SEED", seed, 1);
	now = r;
	memset(r, 0, sizeof(*r));
	lock = done = ticks = shared = 0;
	h = suite_open_with(&suite_config, &upcalls, NULL, NULL);
	ops->entropy(h, &r->random, sizeof(r->random), 0);
	ops->timer_set(h, 0, suite_after(h, MS));
	ops->timer_set(h, 1, suite_after(h, MS / 2));
	for (i = 0; i < WORKERS; i++)
		threads[i] = suite_start(h, worker, (void *)i);
	suite_await(h, &done, WORKERS);
	for (i = 0; i < WORKERS; i++)
		suite_join(h, threads[i]);
	suite_await(h, &ticks, 2);
	ops->console_write(h, "end\n", 4);
	r->end = ops->clock_monotonic(h);
	replay_trace(h, &r->trace);
	ops->fini(h);
}

static bool alike(const struct run *a, const struct run *b)
{
	return a->trace.hash == b->trace.hash && a->trace.decisions == b->trace.decisions &&
	       a->trace.switches == b->trace.switches && a->end == b->end && a->random == b->random &&
	       a->steps == b->steps && a->collisions == b->collisions && !memcmp(a->order, b->order, sizeof(a->order));
}

static void test_repeats(void)
{
	static struct run runs[SEEDS], again;
	int i, j, same_trace = 0, same_order = 0, bug = 0;
	bool good = true;
	char seed[16];

	for (i = 0; i < SEEDS; i++) {
		snprintf(seed, sizeof(seed), "%d", i + 1);
		run(seed, &runs[i]);
		run(seed, &again);
		good &= alike(&runs[i], &again) && again.steps == WORKERS * ROUNDS;
		bug += runs[i].collisions > 0;
		for (j = 0; j < i; j++) {
			same_trace += runs[i].trace.hash == runs[j].trace.hash;
			same_order += !memcmp(runs[i].order, runs[j].order, sizeof(again.order));
		}
	}
	tap_ok(good, "two runs of each of %d seeds are alike", SEEDS);
	tap_is(same_trace, 0, "no two seeds have the same trace");
	tap_ok(same_order <= 2, "nor the same order of threads");
	tap_ok(runs[0].random != runs[1].random, "nor the same entropy");
	tap_ok(runs[0].trace.switches > WORKERS * ROUNDS, "%llu of %llu decisions switched",
	       (unsigned long long)runs[0].trace.switches, (unsigned long long)runs[0].trace.decisions);
	tap_ok(bug > 0, "%d seeds show a race that is there, each time again", bug);
}

/* A simulated hour takes no hour. */
static void test_time_jumps(void)
{
	uint64_t start;

	h = suite_open(NULL);
	start = ops->clock_monotonic(h);
	suite_sleep(h, 3600 * SECOND);
	start = ops->clock_monotonic(h) - start;
	tap_ok(start >= 3600 * SECOND && start < 3601 * SECOND, "time jumps when all sleep");
	ops->fini(h);
}

static void reserve_twice(void *addr[2])
{
	struct hyp *made = suite_open(NULL);

	ops->mem_reserve(made, 1 << 20, 0, NULL, &addr[0]);
	ops->mem_reserve(made, 1 << 20, 2 << 20, NULL, &addr[1]);
	ops->fini(made);
}

static void reserve_in_child(void *arg)
{
	reserve_twice(arg);
	write(((int *)arg)[8], arg, 2 * sizeof(void *));
}

/* Programs that do the same get the same addresses, whatever the host's randomization of them. */
static void test_addresses(void)
{
	struct {
		void *addr[4];
		int fd;
	} child = { .fd = -1 };
	void *first[2], *second[2];
	int pipes[2];

	if (pipe(pipes))
		tap_abort("pipe");
	child.fd = pipes[1];
	host_fork(reserve_in_child, &child);
	host_fork(reserve_in_child, &child);
	tap_ok(read(pipes[0], first, sizeof(first)) == sizeof(first) &&
		       read(pipes[0], second, sizeof(second)) == sizeof(second) &&
		       !memcmp(first, second, sizeof(first)) && !((uintptr_t)first[1] & ((2 << 20) - 1)),
	       "reservations lie alike in every run");
	close(pipes[0]);
	close(pipes[1]);
}

static void sleeper(void *arg)
{
	ops->wait(h, arg, 0, HYP_FOREVER);
}

static void deadlock(void *arg)
{
	uint32_t word = 0;

	dup2(*(int *)arg, STDERR_FILENO);
	setenv("HYP_SEED", "5", 1);
	h = suite_open(NULL);
	ops->timer_set(h, 0, suite_after(h, MS)); /* a timer that fires once is no way out */
	suite_join(h, suite_start(h, sleeper, &word));
	_Exit(0);
}

static void test_deadlock(void)
{
	static char text[4096];
	int pipes[2], status;
	size_t len = 0;
	ssize_t got;

	if (pipe(pipes))
		tap_abort("pipe");
	/* A spurious wake-up may be the way out; some seed has none for so short a run. */
	status = host_fork(deadlock, &pipes[1]);
	close(pipes[1]);
	while ((got = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	close(pipes[0]);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "a deadlock ends the program");
	tap_ok(strstr(text, "deadlock") && strstr(text, "waits for ever on a word") && strstr(text, ", which is 0") &&
		       strstr(text, "waits for the end of another, thread "),
	       "with a report on every thread");
}

static void run_groups(void *seed)
{
	setenv("HYP_SEED", seed, 1);
	if (!freopen("/dev/null", "w", stdout))
		_Exit(2);
	suite_run("wait");
	suite_run("timer");
	suite_run("thread");
	_Exit(tap_done());
}

static void test_seeds(void)
{
	char seed[16];
	int i;

	for (i = 100; i < 108; i++) {
		snprintf(seed, sizeof(seed), "%d", i);
		tap_is(host_fork(run_groups, seed), 0, "conformance of waiting, timers and threads with seed %d", i);
	}
}

int main(void)
{
	suite_target = hyp_platform();
	test_repeats();
	test_time_jumps();
	test_addresses();
	test_deadlock();
	test_seeds();
	return tap_done();
}
