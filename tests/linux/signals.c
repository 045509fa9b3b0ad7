// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an embedding program may do with its signals: handlers before and after the kernel's, small alternate stacks,
 * blocked signals, calls out of handlers, storms. What ends a program by design is shown in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/image.h>
#include <rumpus/syscalls.h>

#include "fixture.h"

#define BAD ((void *)16)

static struct rumpus *boot_with(unsigned int cpus)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL;
	config.memory = 0;
	config.cpus = cpus;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

static struct rumpus *boot(void)
{
	return boot_with(2);
}

/* Runs @test in a child, which has a kernel of its own. Returns its status as of waitpid(2). */
static int in_child(int (*test)(void))
{
	static const struct rlimit no_core;
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(60);
		_exit(test());
	}
	waitpid(pid, &status, 0);
	return status;
}

/* ---- handlers of the program's for faults ---- */

static sigjmp_buf back;
static volatile sig_atomic_t own_faults;

static void note_fault(int number)
{
	own_faults++;
	siglongjmp(back, 1);
}

static volatile int *volatile nowhere = BAD;

static void fault_of_own(void)
{
	if (!sigsetjmp(back, 1))
		*nowhere = 1;
}

static int handlers_before(void)
{
	struct sigaction action = { .sa_handler = note_fault, .sa_flags = SA_ONSTACK };
	struct rumpus *kernel;
	int bad = 0;

	sigaction(SIGSEGV, &action, NULL);
	kernel = boot();
	for (int i = 0; i < 10; i++) {
		bad |= rumpus_sys_uname(BAD) != -EFAULT ? 1 : 0;
		fault_of_own();
	}
	bad |= own_faults != 10 ? 2 : 0;
	rumpus_halt(kernel);
	fault_of_own();
	bad |= own_faults != 11 ? 4 : 0;
	sigaction(SIGSEGV, NULL, &action);
	return bad | (action.sa_handler != note_fault ? 8 : 0);
}

static struct sigaction beneath;
static volatile sig_atomic_t passed_on;

static void pass(int number, siginfo_t *info, void *context)
{
	passed_on++;
	beneath.sa_sigaction(number, info, context);
}

static int handlers_after(void)
{
	struct sigaction action = { .sa_sigaction = pass, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	struct rumpus *kernel = boot();
	int bad = 0;

	sigaction(SIGSEGV, &action, &beneath);
	for (int i = 0; i < 10; i++)
		bad |= rumpus_sys_uname(BAD) != -EFAULT ? 1 : 0;
	bad |= passed_on != 10 ? 2 : 0;
	/* Halted and booted again beneath it. */
	rumpus_halt(kernel);
	kernel = boot();
	for (int i = 0; i < 10; i++)
		bad |= rumpus_sys_uname(BAD) != -EFAULT ? 4 : 0;
	rumpus_halt(kernel);
	return bad;
}

static void take_all(int number)
{
	_exit(42);
}

/* Stated limits. */
static int handler_that_keeps_all(void)
{
	struct rumpus *kernel = boot();

	signal(SIGSEGV, take_all);
	rumpus_sys_uname(BAD);
	rumpus_halt(kernel);
	return 0;
}

static int blocked(void)
{
	struct rumpus *kernel = boot();
	char name[6 * 65];
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (rumpus_sys_uname((void *)name) != 0)
		return 1;
	/* A thread of the kernel's, which blocks no faults, may carry the call: but not every time. */
	for (int i = 0; i < 10000; i++)
		if (rumpus_sys_uname(BAD) != -EFAULT)
			return 2;
	rumpus_halt(kernel);
	return 3;
}

static void fault_handlers(void)
{
	int status;

	tap_is(in_child(handlers_before), 0,
	       "a handler from before the boot gets the program's faults, and those only");
	tap_is(in_child(handlers_after), 0, "one from after it that hands on loses nobody's");
	status = in_child(handler_that_keeps_all);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 42, "one that does not gets the kernel's: a stated limit");
	status = in_child(blocked);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	       "with SIGSEGV blocked, a bad pointer ends the program: a stated limit (status 0x%x)", status);
}

/* ---- small stacks, large frames ---- */

/* Fills the registers that make a signal frame large, as far as this CPU has them. */
#ifdef __x86_64__
__attribute__((target("avx512f"))) static void fill_512(void)
{
	__asm__ volatile("vpternlogd $0xff, %%zmm31, %%zmm31, %%zmm31\n"
			 "vpternlogd $0xff, %%zmm0, %%zmm0, %%zmm0\n"
			 "kxnorw %%k1, %%k1, %%k1" ::
				 : "xmm0");
}

static const char *fill_registers(void)
{
	if (!__builtin_cpu_supports("avx512f"))
		return "no AVX-512";
	fill_512();
	return "AVX-512";
}
#else
static const char *fill_registers(void)
{
	return "no AVX-512";
}
#endif

static size_t stack_size; /* of the alternate stack under test */

static void *fault_on_stack(void *arg)
{
	stack_t stack = { .ss_sp = arg, .ss_size = stack_size };
	bool good = true;

	if (sigaltstack(&stack, NULL) != 0)
		return (void *)false;
	for (int i = 0; i < 100; i++) {
		fill_registers();
		good &= rumpus_sys_uname(BAD) == -EFAULT;
	}
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	return (void *)good;
}

/* The page below the stack cannot be touched: a handler that needs more ends the child. */
static int fault_with_stack(void)
{
	size_t room = (stack_size + 4095) & ~(size_t)4095;
	char *pages = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rumpus *kernel = boot();
	void *good;

	mprotect(pages, 4096, PROT_NONE);
	pthread_join(fixture_thread(fault_on_stack, pages + 4096 + room - stack_size), &good);
	rumpus_halt(kernel);
	return !good;
}

/* As doc/embedding.md promises. */
#define ENOUGH 2048

static void small_stacks(void)
{
	size_t least = getauxval(AT_MINSIGSTKSZ);

	if (!least)
		least = 2048;
	tap_note("the host's least alternate stack has %zu bytes; %s", least, fill_registers());
	for (stack_size = least; in_child(fault_with_stack) != 0 && stack_size < least + 2 * ENOUGH; stack_size += 256)
		;
	tap_ok(stack_size <= least + ENOUGH, "bad pointers on an alternate stack of the least size and %zu bytes",
	       stack_size - least);
}

/* ---- signals while inside ---- */

static volatile long from_handler[3];

static void call_back(int number)
{
	struct rumpus *another;

	from_handler[0] = rumpus_sys_getpid();
	if (!from_handler[2]++)
		from_handler[1] = rumpus_boot(NULL, &another);
}

static void *nap(void *arg)
{
	const struct timespec little = { 0, 300000000 };

	return (void *)rumpus_sys_nanosleep(&little, NULL);
}

static void call_from_handler(void)
{
	struct sigaction action = { .sa_handler = call_back };
	struct rumpus *kernel = boot();
	pthread_t thread;
	void *result;

	sigaction(SIGUSR1, &action, NULL);
	thread = fixture_thread(nap, NULL);
	fixture_sleep(100);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, &result);
	tap_is((long)result, 0, "a host signal while inside: the call goes on");
	tap_is(from_handler[2], 1, "its handler ran");
	tap_is(from_handler[0], -EDEADLK, "a system call out of it");
	tap_is(from_handler[1], -EDEADLK, "a boot out of it");
	raise(SIGUSR1);
	tap_is(from_handler[0], 1, "outside, the handler's calls are made");
	rumpus_halt(kernel);
}

static volatile sig_atomic_t alarms;

/* Uses stack and vector registers, as handlers do. */
static void note_alarm(int number)
{
	volatile char text[512];

	memset((char *)text, alarms, sizeof(text));
	fill_registers();
	alarms++;
}

/* Data goes through the kernel in pieces, with good and bad pointers, while the program's timer ticks. */
static void storm(void)
{
	const struct itimerval tick = { { 0, 500 }, { 0, 500 } }, stop = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = note_alarm, .sa_flags = SA_RESTART };
	static unsigned char out[8192], in[8192];
	struct rumpus *kernel = boot();
	unsigned int wrong = 0, rounds = 0;
	struct timespec now, end;
	int ends[2];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7 + i / 256);
	rumpus_sys_pipe2(ends, 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec++;
	do {
		memset(in, 0, sizeof(in));
		wrong += rumpus_sys_write(ends[1], out, sizeof(out)) != sizeof(out);
		wrong += rumpus_sys_read(ends[0], in, sizeof(in)) != sizeof(in);
		wrong += memcmp(in, out, sizeof(in)) != 0;
		wrong += rumpus_sys_write(ends[1], BAD, 10) != -EFAULT;
		rounds++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	setitimer(ITIMER_REAL, &stop, NULL);
	tap_ok(alarms > 0, "%d signals arrive in %u rounds of calls", (int)alarms, rounds);
	tap_is(wrong, 0, "none of which goes wrong");
	rumpus_halt(kernel);
}

/* ---- signals inside that do not come ---- */

static long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Returns how many waits ended before their time. */
static void *wait_for_signals(void *arg)
{
	const struct timespec little = { 0, 2000000 };
	const uint64_t set = UINT64_C(1) << (SIGUSR1 - 1);
	long early = 0;

	for (int i = 0; i < 300; i++) {
		long start;

		for (int j = 0; j < 20; j++)
			rumpus_sys_getpid();
		start = nanoseconds();
		early += rumpus_sys_rt_sigtimedwait((void *)&set, NULL, &little, 8) != -EAGAIN;
		early += nanoseconds() - start < little.tv_nsec;
	}
	return (void *)early;
}

/* Threads that share a virtual CPU wake each other's tasks all the time, but not one that waits for something else. */
static void timed_waits(void)
{
	struct rumpus *kernel = boot_with(1);
	pthread_t threads[8];
	long early = 0;
	void *result;

	for (int i = 0; i < 8; i++)
		threads[i] = fixture_thread(wait_for_signals, NULL);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		early += (long)result;
	}
	tap_is(early, 0, "8 threads wait for signals: none of 2400 waits ends before its time");
	rumpus_halt(kernel);
}

/* ---- callbacks that take their time ---- */

static int interrupted_callbacks;

static size_t slow_read(void *cookie, void *to, uintptr_t from, size_t len)
{
	const struct timespec second = { 1, 200000000 };

	interrupted_callbacks += nanosleep(&second, NULL) != 0;
	memcpy(to, (const void *)from, len);
	return 0;
}

static size_t plain_write(void *cookie, uintptr_t to, const void *from, size_t len)
{
	memcpy((void *)to, from, len);
	return 0;
}

/* The virtual CPU stands still meanwhile, and is not locked up: its time is the program's. */
static void slow_callback(void)
{
	static const struct rumpus_user_ops ops = { .read = slow_read, .write = plain_write };
	struct rumpus *kernel = boot();
	struct rumpus_process *process;
	long result;

	rumpus_process_create_remote(kernel, &ops, NULL, &process);
	rumpus_process_enter(process);
	result = rumpus_sys_mkdirat(AT_FDCWD, "/directory", 0700);
	tap_is(result, 0, "a callback of more than a second: the kernel waits");
	tap_ok(!rumpus_end_reason(kernel), "and lives");
	tap_is(interrupted_callbacks, 0, "nothing interrupts it");
	rumpus_halt(kernel);
}

int main(void)
{
	tap_note("output has its buffer now");
	fault_handlers();
	small_stacks();
	call_from_handler();
	storm();
	timed_waits();
	slow_callback();
	return tap_done();
}
