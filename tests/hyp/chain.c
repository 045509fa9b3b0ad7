// SPDX-License-Identifier: BSD-2-Clause
/* Faults that no kernel takes: the program gets them as if there were no kernel. Each case has a process of its own. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static volatile sig_atomic_t handled, info_right, mask_right, chained;
static volatile int *volatile const bad = (int *)16;
static sigjmp_buf back;

static bool never(void *cookie, struct hyp_fault *fault)
{
	return false;
}

static struct hyp *open_kernel(void)
{
	static const struct hyp_upcalls upcalls = { .fault = never };
	static const struct rlimit no_core;

	setrlimit(RLIMIT_CORE, &no_core);
	return suite_open_with(&suite_config, &upcalls, NULL, NULL);
}

/* Ways to get a signal. */

static void access_bad(int signal)
{
	*bad = 1;
}

static void access_beyond(int signal)
{
	volatile int *at = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, memfd_create("short", 0), 0);

	*at = 1;
}

static void undefined(int signal)
{
	suite_undefined();
}

static void divide(int signal)
{
	if (!suite_divide())
		raise(SIGFPE);
}

static void trap(int signal)
{
	raise(SIGTRAP);
}

static void send(int signal)
{
	raise(signal);
}

static void send_process(int signal)
{
	kill(getpid(), signal);
	pause();
}

struct death {
	const char *name;
	void (*cause)(int signal);
	int signal;
	void (*handler)(int); /* disposition before */
};

static void die(void *arg)
{
	const struct death *d = arg;

	signal(d->signal, d->handler);
	open_kernel();
	d->cause(d->signal);
}

static void die_after_fini(void *arg)
{
	const struct death *d = arg;

	signal(d->signal, d->handler);
	ops->fini(open_kernel());
	d->cause(d->signal);
}

static void test_deaths(void)
{
	static struct death deaths[] = {
		{ "a bad access", access_bad, SIGSEGV, SIG_DFL },
		{ "an access beyond the end of a file", access_beyond, SIGBUS, SIG_DFL },
		{ "an undefined instruction", undefined, SIGILL, SIG_DFL },
		{ "a division by zero", divide, SIGFPE, SIG_DFL },
		{ "a trap", trap, SIGTRAP, SIG_DFL },
		{ "a signal from itself", send, SIGSEGV, SIG_DFL },
		{ "a signal from outside", send_process, SIGBUS, SIG_DFL },
		{ "a bad access, although ignored,", access_bad, SIGSEGV, SIG_IGN },
	};
	size_t i;
	int status;

	for (i = 0; i < sizeof(deaths) / sizeof(deaths[0]); i++) {
		status = host_fork(die, &deaths[i]);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == deaths[i].signal, "%s ends the program by signal %d",
		       deaths[i].name, deaths[i].signal);
		status = host_fork(die_after_fini, &deaths[i]);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == deaths[i].signal, "and so after fini");
	}
}

static void ignore(void *arg)
{
	signal(SIGSEGV, SIG_IGN);
	open_kernel();
	raise(SIGSEGV);
	_Exit(7);
}

static void plain_handler(int number)
{
	sigset_t mask;

	handled++;
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	mask_right = sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGUSR2);
	errno = EDOM;
}

static void handler_plain(void *arg)
{
	struct sigaction action = { .sa_handler = plain_handler };
	sigset_t before, after;

	sigaddset(&action.sa_mask, SIGUSR1);
	sigaction(SIGSEGV, &action, NULL);
	open_kernel();
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	errno = ERANGE;
	raise(SIGSEGV);
	raise(SIGSEGV);
	if (errno != ERANGE)
		_Exit(3);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	_Exit(handled == 2 && mask_right && !sigismember(&after, SIGUSR1) && !sigismember(&after, SIGSEGV) ? 7 : 1);
}

static void leaving_handler(int number, siginfo_t *info, void *context)
{
	sigset_t mask;

	handled++;
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	mask_right = !sigismember(&mask, SIGSEGV);
	info_right = number == SIGSEGV && info->si_addr == (void *)bad && info->si_code > 0 && context;
	siglongjmp(back, 1);
}

static void handler_info(void *arg)
{
	struct sigaction action = { .sa_sigaction = leaving_handler, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct hyp *h;
	int i;

	sigaction(SIGSEGV, &action, NULL);
	h = open_kernel();
	for (i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1))
			*bad = 1;
	}
	ops->fini(h); /* would hang, had the handler kept a kernel pinned */
	if (!sigsetjmp(back, 1))
		*bad = 1;
	_Exit(handled == 4 && info_right && mask_right ? 7 : 1);
}

static void handler_once(void *arg)
{
	struct sigaction action = { .sa_handler = plain_handler, .sa_flags = SA_RESETHAND };

	sigaction(SIGSEGV, &action, NULL);
	open_kernel();
	raise(SIGSEGV);
	if (handled == 1)
		raise(SIGSEGV);
	_Exit(1);
}

static struct sigaction beneath;

static void chaining_handler(int number, siginfo_t *info, void *context)
{
	chained++;
	beneath.sa_sigaction(number, info, context);
}

/* Someone chains on top of the platform, over the lives of several instances. */
static void handler_above(void *arg)
{
	struct sigaction action = { .sa_sigaction = leaving_handler, .sa_flags = SA_SIGINFO | SA_NODEFER }, now;
	struct hyp *h;
	int i;

	sigaction(SIGSEGV, &action, NULL);
	h = open_kernel();
	action.sa_sigaction = chaining_handler;
	sigaction(SIGSEGV, &action, &beneath);
	for (i = 0; i < 10; i++) {
		if (!sigsetjmp(back, 1))
			*bad = 1;
		ops->fini(h);
		sigaction(SIGSEGV, NULL, &now);
		if (now.sa_sigaction != chaining_handler)
			_Exit(2); /* fini took away what was not its own */
		if (!sigsetjmp(back, 1))
			*bad = 1;
		h = open_kernel();
	}
	ops->fini(h);
	_Exit(handled == 20 && chained == 20 && info_right ? 7 : 1);
}

static void restored(void *arg)
{
	struct sigaction action = { .sa_sigaction = leaving_handler, .sa_flags = SA_SIGINFO }, now;

	sigaction(SIGILL, &action, NULL);
	ops->fini(open_kernel());
	sigaction(SIGILL, NULL, &now);
	if (now.sa_sigaction != leaving_handler)
		_Exit(1);
	sigaction(SIGSEGV, NULL, &now);
	_Exit(now.sa_handler == SIG_DFL ? 7 : 1);
}

/* The child is the first process of its namespace, and what it is sent does not end it. */
static void spared(void *arg)
{
	struct sigaction before, now;
	int status;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
		_Exit(8);
	if (fork()) {
		wait(&status);
		_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	open_kernel();
	sigaction(SIGSEGV, NULL, &before);
	raise(SIGSEGV);
	raise(SIGSEGV);
	sigaction(SIGSEGV, NULL, &now);
	if (!(before.sa_flags & SA_SIGINFO) || now.sa_flags != before.sa_flags)
		_Exit(1);
	_Exit(now.sa_sigaction == before.sa_sigaction ? 7 : 1);
}

static void test_handlers(void)
{
	int status;

	status = host_fork(spared, NULL);
	if (status == 8 << 8)
		tap_skip(1, "this host gives nobody a namespace");
	else
		tap_is(status, 7 << 8, "a signal that the host spares the first process: faults are taken afterwards");

	tap_is(host_fork(ignore, NULL), 7 << 8, "an ignored signal that was sent stays ignored");
	tap_is(host_fork(handler_plain, NULL), 7 << 8, "a plain handler, its mask, and errno");
	tap_is(host_fork(handler_info, NULL), 7 << 8, "a handler with siginfo that jumps out");
	status = host_fork(handler_once, NULL);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a handler for one time");
	tap_is(host_fork(handler_above, NULL), 7 << 8, "a handler that chains on top");
	tap_is(host_fork(restored, NULL), 7 << 8, "fini restores what was there");
}

static int *shared; /* with the parent */

static bool count_asked(void *cookie, struct hyp_fault *fault)
{
	++*shared;
	return false;
}

static __attribute__((noinline)) int deeper(volatile char *above)
{
	volatile char frame[4096];

	frame[0] = above ? above[0] : 1;
	return frame[0] ? deeper(frame) + frame[0] : 0;
}

static void overflow(void *arg)
{
	deeper(NULL);
}

static void die_of_overflow(void *arg)
{
	static const struct hyp_upcalls upcalls = { .fault = count_asked };
	struct hyp *h;

	ops->fini(open_kernel());
	h = suite_open_with(&suite_config, &upcalls, NULL, NULL);
	suite_join(h, suite_start(h, overflow, NULL));
}

static bool fault_again(void *cookie, struct hyp_fault *fault)
{
	++*shared;
	*bad = 1;
	return true;
}

static void die_in_upcall(void *arg)
{
	static const struct hyp_upcalls upcalls = { .fault = fault_again };

	ops->fini(open_kernel());
	suite_open_with(&suite_config, &upcalls, NULL, NULL);
	*bad = 1;
}

static void mask_check(void *arg)
{
	static const int through[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	uint32_t *right = arg;
	sigset_t mask;
	size_t i;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	*right = sigismember(&mask, SIGINT) && sigismember(&mask, SIGALRM) && sigismember(&mask, SIGUSR1);
	for (i = 0; i < sizeof(through) / sizeof(through[0]); i++)
		*right &= !sigismember(&mask, through[i]);
}

static void test_stacks(void)
{
	uint32_t right = 0;
	struct hyp *h;
	int status;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	status = host_fork(die_of_overflow, NULL);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "a full stack ends the program");
	tap_ok(*shared >= 1, "after the kernel was asked, on another stack");
	*shared = 0;
	status = host_fork(die_in_upcall, NULL);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && *shared == 1,
	       "a fault in the upcall ends the program");
	munmap(shared, 4096);
	h = suite_open(NULL);
	suite_join(h, suite_start(h, mask_check, &right));
	ops->fini(h);
	tap_ok(right, "threads of the platform's take faults and no other signals");
}

void test_chain(void)
{
	test_deaths();
	test_handlers();
	test_stacks();
}
