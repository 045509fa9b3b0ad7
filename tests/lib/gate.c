// SPDX-License-Identifier: BSD-2-Clause
/* The gate: handlers that call back, forked children, interruption, halting with callers inside, and its price. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "host.h"

static long seen; /* by a handler or callback */

static void arguments(void)
{
	struct rumpus *kernel = fixture_boot("arguments");

	tap_is(rumpus_syscall(FAKE_SUM, 1, 10, 100, 1000, 10000, 100000), 654321, "six arguments in order");
	tap_is(rumpus_syscall(12345, 0, 0, 0, 0, 0, 0), -ENOSYS, "results of the kernel come back");
	errno = 42;
	fixture_call(12345, 0);
	tap_is(errno, 42, "errno stays as it was");
	rumpus_halt(kernel);
	tap_is(fixture_call(FAKE_SUM, 1), -ESHUTDOWN, "a call after the end");
}

static void on_signal(int number)
{
	seen = fixture_call(FAKE_THREAD, 0);
}

static long raise_inside(long number)
{
	raise((int)number);
	return 7;
}

static long every_entry(long kernel)
{
	struct rumpus_process *process;
	struct rumpus *other;
	struct rumpus_config config = fixture_config("inside");
	char name[32];
	bool refused = true;

	refused &= fixture_call(FAKE_SUM, 1) == -EDEADLK;
	refused &= rumpus_boot(&config, &other) == -EDEADLK;
	refused &= rumpus_halt((struct rumpus *)kernel) == -EDEADLK;
	refused &= rumpus_process_create((struct rumpus *)kernel, &process) == -EDEADLK;
	refused &= rumpus_process_enter(rumpus_process_first((struct rumpus *)kernel)) == -EDEADLK;
	refused &= rumpus_disk_add((struct rumpus *)kernel, "mem,size=1M:", 0, name, NULL, 0) == -EDEADLK;
	return refused;
}

static void handlers(void)
{
	struct rumpus *kernel = fixture_boot("handlers");
	struct sigaction action = { .sa_handler = on_signal }, old;

	sigaction(SIGUSR1, &action, &old);
	seen = 0;
	tap_is(fixture_call(FAKE_CALL, (long)raise_inside), 7, "a call goes on after a handler");
	raise(SIGUSR1);
	tap_is(seen, fixture_call(FAKE_THREAD, 0), "a handler that interrupts the program may call");
	seen = 0;
	tap_is(rumpus_syscall(FAKE_CALL, (long)raise_inside, SIGUSR1, 0, 0, 0, 0), 7,
	       "a call is interrupted by a handler");
	tap_is(seen, -EDEADLK, "that handler's call");
	tap_is(rumpus_syscall(FAKE_CALL, (long)every_entry, (long)kernel, 0, 0, 0, 0), 1, "every function says so");
	tap_is(fixture_call(FAKE_SUM, 1), 1, "the thread calls on");
	sigaction(SIGUSR1, &old, NULL);
	rumpus_halt(kernel);
}

static int in_child(struct rumpus *kernel)
{
	struct rumpus_process *process;
	struct rumpus *other;
	int bad = 0;

	bad |= (fixture_call(FAKE_SUM, 1) != -ESHUTDOWN) << 0;
	bad |= (rumpus_halt(kernel) != -ESHUTDOWN) << 1;
	bad |= (rumpus_boot(NULL, &other) != -ESHUTDOWN) << 2;
	bad |= (rumpus_process_create(kernel, &process) != -ESHUTDOWN) << 3;
	bad |= (rumpus_process_enter(rumpus_process_first(kernel)) != -ESHUTDOWN) << 4;
	bad |= (rumpus_thread_self() != NULL) << 5;
	rumpus_thread_detach();
	return bad;
}

static void *thread_of_child(void *kernel)
{
	return (void *)(long)in_child(kernel);
}

static void expect_child(pid_t pid, const char *name)
{
	int status = -1;

	waitpid(pid, &status, 0);
	tap_is(status, 0, "%s", name);
}

static void forks(void)
{
	struct rumpus *kernel = fixture_boot("forks");
	void *bad;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_join(fixture_thread(thread_of_child, kernel), &bad);
		_exit(in_child(kernel) | (int)(long)bad);
	}
	expect_child(pid, "fork: every function gives ESHUTDOWN in the child");
#ifdef SYS_fork
	pid = (pid_t)syscall(SYS_fork);
	if (pid == 0)
		_exit(in_child(kernel));
	expect_child(pid, "a fork that libc does not know of");
#endif
	pid = fork();
	if (pid == 0)
		exit(in_child(kernel));
	expect_child(pid, "a child runs its exit handlers");
	tap_is(fixture_call(FAKE_SUM, 1), 1, "the parent calls on");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "nobody was detached by the children");
	rumpus_halt(kernel);
}

struct sleeper {
	struct rumpus_process *process;
	struct rumpus_thread *thread;
	enum fake_call call;
	long argument;
	long result;
	long after; /* result of a second call */
};

static void *sleep_inside(void *arg)
{
	struct sleeper *sleeper = arg;

	if (sleeper->process)
		rumpus_process_enter(sleeper->process);
	sleeper->thread = rumpus_thread_self();
	sleeper->result = fixture_call(sleeper->call, sleeper->argument);
	sleeper->after = fixture_call(FAKE_SUM, 5);
	return NULL;
}

static struct rumpus_thread *interrupted;

static void interrupt_from_handler(int number)
{
	rumpus_thread_interrupt(interrupted);
}

static void interruption(void)
{
	struct rumpus *kernel = fixture_boot("interruption");
	struct sigaction action = { .sa_handler = interrupt_from_handler };
	struct sleeper sleeper = { .call = FAKE_SLEEP };
	pthread_t thread = fixture_thread(sleep_inside, &sleeper);

	fixture_await(FAKE_SLEEPERS, 1);
	rumpus_thread_interrupt(sleeper.thread);
	pthread_join(thread, NULL);
	tap_is(sleeper.result, -EINTR, "another thread ends a call");
	tap_is(sleeper.after, 5, "the next one is undisturbed");

	thread = fixture_thread(sleep_inside, &sleeper);
	fixture_await(FAKE_SLEEPERS, 1);
	interrupted = sleeper.thread;
	sigaction(SIGUSR2, &action, NULL);
	pthread_kill(thread, SIGUSR2);
	pthread_join(thread, NULL);
	tap_is(sleeper.result, -EINTR, "a signal handler ends the call that it interrupted");

	rumpus_thread_interrupt(sleeper.thread);
	tap_is(fixture_call(FAKE_INTERRUPTS, 0), 2, "a thread that has ended is not interrupted");
	rumpus_thread_interrupt(NULL);
	interrupted = rumpus_thread_self();
	tap_ok(interrupted && interrupted == rumpus_thread_self(), "a thread knows itself");
	rumpus_halt(kernel);
	rumpus_thread_interrupt(interrupted);
	tap_ok(true, "an interruption after the end is harmless");
}

enum {
	CALLERS = 24,
};

static void *call_until_shutdown(void *arg)
{
	long calls = 0;

	while (fixture_call(FAKE_SUM, 3) == 3)
		calls++;
	*(long *)arg = fixture_call(FAKE_SUM, 3);
	return (void *)calls;
}

static void halt_with_callers(void)
{
	const enum fake_call kinds[] = { FAKE_SLEEP, FAKE_BLOCK, FAKE_SPIN };
	struct rumpus *kernel = fixture_boot("callers");
	struct sleeper sleepers[CALLERS];
	pthread_t threads[2 * CALLERS];
	long last[CALLERS];
	bool sleepers_ok = true, busy_ok = true;

	for (int i = 0; i < CALLERS; i++) {
		sleepers[i] = (struct sleeper){ .call = kinds[i % 3], .argument = 20000 };
		threads[i] = fixture_thread(sleep_inside, &sleepers[i]);
		threads[CALLERS + i] = fixture_thread(call_until_shutdown, &last[i]);
	}
	fixture_await(FAKE_SLEEPERS, CALLERS / 3 * 2);
	tap_is(rumpus_halt(kernel), 0, "halt with %d threads inside", 2 * CALLERS);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(threads[i], NULL);
		pthread_join(threads[CALLERS + i], NULL);
		if (sleepers[i].call != FAKE_SPIN)
			sleepers_ok &= sleepers[i].result == -ESHUTDOWN;
		sleepers_ok &= sleepers[i].after == -ESHUTDOWN || sleepers[i].after == 5;
		busy_ok &= last[i] == -ESHUTDOWN;
	}
	tap_ok(sleepers_ok, "sleepers return ESHUTDOWN, and so do their next calls");
	tap_ok(busy_ok, "busy threads get ESHUTDOWN");
}

static void halt_again_and_again(void)
{
	bool ok = true;

	for (int round = 0; round < 100; round++) {
		struct rumpus *kernel = fixture_boot("again");
		pthread_t threads[4];
		long last[4] = { 0 };

		for (int i = 0; i < 4; i++)
			threads[i] = fixture_thread(call_until_shutdown, &last[i]);
		for (volatile int i = 0; i < round * 1000; i++)
			;
		ok &= rumpus_halt(kernel) == 0;
		for (int i = 0; i < 4; i++) {
			pthread_join(threads[i], NULL);
			ok &= last[i] == -ESHUTDOWN;
		}
	}
	tap_ok(ok, "100 kernels halted at any moment of four busy threads");
}

static void faults(void)
{
	struct rumpus *kernel = fixture_boot("faults");
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	tap_is(fixture_call(FAKE_READ_FAULTY, (long)"A"), 'A', "an access of the kernel's");
	tap_is(fixture_call(FAKE_READ_FAULTY, 0), -EFAULT, "a fault at NULL reaches the image");
	tap_is(fixture_call(FAKE_READ_FAULTY, (long)page), -EFAULT, "a fault without rights");
	tap_is(fixture_call(FAKE_TIMER, 0), 1, "a timer's upcall reaches the image");
	munmap(page, 4096);
	rumpus_halt(kernel);
}

static double time_of_call(void)
{
	struct timespec start, end;
	const int n = 2000000;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < n; i++)
		rumpus_syscall(12345, 0, 0, 0, 0, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / n;
}

static void price(void)
{
	struct rumpus *kernel = fixture_boot("price");
	double best = 1e9;

	for (int i = 0; i < 5; i++) {
		double ns = time_of_call();

		best = ns < best ? ns : best;
	}
	tap_note("a call through the gate and back: %.1f ns, gate %s", best,
		 *host_gate == HOST_GATE_ASYMMETRIC ? "asymmetric" : "fenced");
	tap_ok(best < 1000, "a call takes less than a microsecond");
	rumpus_halt(kernel);
}

/* From now on membarrier(2) fails, as in a sandbox that does not know it. */
static void forbid_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
}

/* Arguments: "fenced" is a host without membarrier(2), "late" one where it goes away after the first boot. */
int main(int argc, char **argv)
{
	const char *variant = argc > 1 ? argv[1] : "";

	if (strcmp(variant, "fenced") == 0)
		forbid_membarrier();
	arguments();
	if (strcmp(variant, "late") == 0)
		forbid_membarrier();
	handlers();
	forks();
	interruption();
	halt_with_callers();
	halt_again_and_again();
	tap_is(*host_gate, *variant ? HOST_GATE_FENCED : HOST_GATE_ASYMMETRIC, "the gate is of the kind that is tested");
	faults();
	price();
	return tap_done();
}
