// SPDX-License-Identifier: BSD-2-Clause
/*
 * Processor exceptions: asks the live kernels, then whoever handled the signal before. Kicks are dealt with alike.
 *
 * Handlers are installed while there are instances that ask for faults. A program may install its own on top and chain
 * to ours; then ours stays for good, and the next instance installs another layer above: each layer is a function of
 * its own, so that it knows what it has beneath it and a chain never comes back to where it was.
 */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix.h"

#define LAYERS 4

/**
 * struct layer - one handler of ours for one signal
 * @beneath: what was installed before
 * @reset:   @beneath had SA_RESETHAND and has run
 */
struct layer {
	struct sigaction beneath;
	atomic_bool reset;
};

static const struct {
	int number;
	enum hyp_fault_kind kind;
} signals[] = {
	{ SIGSEGV, HYP_FAULT_ACCESS },	    { SIGBUS, HYP_FAULT_MEMORY },     { SIGILL, HYP_FAULT_INSTRUCTION },
	{ SIGTRAP, HYP_FAULT_INSTRUCTION }, { SIGFPE, HYP_FAULT_ARITHMETIC }, { POSIX_KICK_SIGNAL, HYP_FAULT_KICK },
};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows; handlers read layers that are set */
static unsigned int users;
static const char kick_mark; /* its address tells our kicks from the program's signals of the same number */
static unsigned int depth[SIGNALS]; /* layers installed */
static struct layer layers[SIGNALS][LAYERS];

/* The node whose upcall runs on this thread: a fault in it is not for the kernels. */
static __thread struct posix_node *asking __attribute__((tls_model("initial-exec")));

static size_t signal_index(int signal)
{
	size_t i = 0;

	while (signals[i].number != signal)
		i++;
	return i;
}

static bool node_ask(struct posix_node *node, struct hyp_fault *fault)
{
	struct hyp *h = posix_node_pin(node);
	bool taken = false;

	if (!h)
		return false;
	if (h->upcalls.fault) {
		asking = node;
		taken = h->upcalls.fault(h->cookie, fault);
		if (!asking) /* it faulted, and the pin is gone */
			return taken;
		asking = NULL;
	}
	posix_node_unpin(node);
	return taken;
}

static bool kernels_ask(enum hyp_fault_kind kind, const siginfo_t *info, void *context)
{
	struct hyp_fault fault = { .kind = kind };
	struct posix_node *node;

	if (kind == HYP_FAULT_ACCESS || kind == HYP_FAULT_MEMORY)
		fault.address = (uintptr_t)info->si_addr;
	posix_context_read(context, &fault);
	for (node = posix_registry_next(NULL); node; node = posix_registry_next(node)) {
		if (node_ask(node, &fault)) {
			posix_context_set_pc(context, fault.pc);
			return true;
		}
	}
	return false;
}

/*
 * Lets the signal end the program. A fault comes again when the handler returns, with the registers that a core file
 * should show; a trap, or a signal that someone sent, does not and is sent again. The first process of a PID namespace
 * the host spares what is sent to it: then faults come to us as before.
 */
static void default_action(int signal, siginfo_t *info)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, installed;
	sigset_t set;

	sigaction(signal, &action, &installed);
	sigemptyset(&set);
	sigaddset(&set, signal);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	if (info->si_code <= 0 || signal == SIGTRAP) {
		syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), signal, info);
		sigaction(signal, &installed, NULL);
	}
}

static void handler_call(const struct sigaction *action, int signal, siginfo_t *info, void *context)
{
	sigset_t mask = action->sa_mask; /* the return from our own handler takes it off again */

	if (!(action->sa_flags & SA_NODEFER))
		sigaddset(&mask, signal);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signal, info, context);
	else
		action->sa_handler(signal);
}

/* What the host would have done, had we never been there: with the signal mask of what was interrupted, too. */
static void chain(struct layer *layer, int signal, siginfo_t *info, void *context)
{
	const struct sigaction *action = &layer->beneath;
	bool sent = info->si_code <= 0;

	pthread_sigmask(SIG_SETMASK, posix_context_mask(context), NULL);
	/* The host ignores no fault, even when told to. */
	if (action->sa_handler == SIG_IGN && sent)
		return;
	if (action->sa_handler == SIG_DFL && signal == POSIX_KICK_SIGNAL)
		return; /* ignored by default */
	if (action->sa_handler == SIG_IGN || action->sa_handler == SIG_DFL)
		default_action(signal, info);
	else if (action->sa_flags & SA_RESETHAND && atomic_exchange(&layer->reset, true))
		default_action(signal, info);
	else
		handler_call(action, signal, info, context);
}

static bool is_kick(const siginfo_t *info)
{
	return info->si_signo == POSIX_KICK_SIGNAL && info->si_code == SI_QUEUE &&
	       info->si_value.sival_ptr == (void *)&kick_mark;
}

static void handle(unsigned int n, int signal, siginfo_t *info, void *context)
{
	int saved ERRNO_KEPT = errno;
	size_t i = signal_index(signal);
	struct posix_node *node = asking;

	if (is_kick(info)) {
		if (!node)
			kernels_ask(HYP_FAULT_KICK, info, context);
		return;
	}
	if (node) {
		asking = NULL;
		posix_node_unpin(node); /* a handler beneath may leave by siglongjmp() */
	} else if (info->si_code > 0 && kernels_ask(signals[i].kind, info, context)) {
		return;
	}
	chain(&layers[i][n], signal, info, context);
}

static void handle_0(int signal, siginfo_t *info, void *context)
{
	handle(0, signal, info, context);
}

static void handle_1(int signal, siginfo_t *info, void *context)
{
	handle(1, signal, info, context);
}

static void handle_2(int signal, siginfo_t *info, void *context)
{
	handle(2, signal, info, context);
}

static void handle_3(int signal, siginfo_t *info, void *context)
{
	handle(3, signal, info, context);
}

static void (*const handlers[LAYERS])(int, siginfo_t *, void *) = { handle_0, handle_1, handle_2, handle_3 };

static bool is_ours(const struct sigaction *action, unsigned int n)
{
	return action->sa_flags & SA_SIGINFO && action->sa_sigaction == handlers[n];
}

/*
 * Faults may come in handlers. All else waits: a kernel may let the thread sleep in the upcall, as a host's does for a page
 * that is not there yet, and a handler of the program's is not to run in the middle of it.
 */
static void mask_interruptions(sigset_t *mask)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	size_t i;

	sigfillset(mask);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(mask, faults[i]);
}

static void signal_install(size_t i)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	unsigned int n = depth[i];
	struct layer *layer;

	/* When no layer is left, whoever put himself above us so often must be trusted to chain. */
	if (n == LAYERS)
		return;
	layer = &layers[i][n];
	sigaction(signals[i].number, NULL, &layer->beneath);
	if (n && is_ours(&layer->beneath, n - 1))
		return;
	atomic_store(&layer->reset, false);
	action.sa_sigaction = handlers[n];
	mask_interruptions(&action.sa_mask);
	action.sa_flags |= layer->beneath.sa_flags & SA_RESTART; /* for signals that are sent */
	if (layer->beneath.sa_handler == SIG_DFL || layer->beneath.sa_handler == SIG_IGN)
		action.sa_flags |= SA_RESTART;
	depth[i]++;
	sigaction(signals[i].number, &action, NULL);
}

static void signal_uninstall(size_t i)
{
	struct sigaction action;

	while (depth[i]) {
		sigaction(signals[i].number, NULL, &action);
		if (!is_ours(&action, depth[i] - 1))
			return; /* someone is above and may chain to us for as long as he likes */
		depth[i]--;
		action = layers[i][depth[i]].beneath;
		if (atomic_load(&layers[i][depth[i]].reset))
			action = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(signals[i].number, &action, NULL);
	}
}

void posix_fault_install(void)
{
	size_t i;

	pthread_mutex_lock(&lock);
	if (!users++) {
		for (i = 0; i < SIGNALS; i++)
			signal_install(i);
	}
	pthread_mutex_unlock(&lock);
}

void posix_fault_uninstall(void)
{
	size_t i;

	pthread_mutex_lock(&lock);
	if (!--users) {
		for (i = 0; i < SIGNALS; i++)
			signal_uninstall(i);
	}
	pthread_mutex_unlock(&lock);
}

int posix_thread_kick(struct hyp *h, uint32_t id)
{
	int saved ERRNO_KEPT = errno;
	siginfo_t info = {
		.si_signo = POSIX_KICK_SIGNAL,
		.si_code = SI_QUEUE,
		.si_pid = getpid(),
		.si_uid = getuid(),
		.si_value.sival_ptr = (void *)&kick_mark,
	};

	/* Without it nobody took the signal, which would be the program's. */
	if (!h->upcalls.fault)
		return -HYP_ENOSYS;
	if (!syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)id, POSIX_KICK_SIGNAL, &info))
		return 0;
	return errno == ESRCH ? -HYP_ENOENT : errno == EAGAIN ? -HYP_EAGAIN : -HYP_ENOSYS;
}
