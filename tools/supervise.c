// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: signals on their way to the worker, and what is said when it ends otherwise than it should */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

/* Seconds after a request to stop when the user is told that it takes long. */
#define PATIENCE 5
/* Seconds after which a worker that has not even begun to unmount, or does not end when it is done, is ended. */
#define GIVE_UP 15

/* Nanoseconds within which a second signal is an echo of the first: timeout(1) signals its child, then its group. */
#define ECHO 500000000U

static volatile sig_atomic_t worker_pid, asked_by;
static volatile uint64_t first_at; /* when the first signal came; the handler's, which does not interrupt itself */
static uint64_t asked_at;	   /* nanoseconds; 0: the parent has not noticed yet */
static bool gave_up;
static volatile sig_atomic_t told, patient;

void supervise_ask(int signal)
{
	first_at = clock_now();
	asked_by = signal;
	stop_request();
	if (worker_pid)
		syscall(SYS_tgkill, worker_pid, worker_pid, SIGUSR1);
}

void supervise_forget(void)
{
	asked_by = told = 0;
	asked_at = 0;
	stop_forget();
}

void supervise_patiently(void)
{
	patient = 1;
}

/*
 * The first signal asks: the worker's call is interrupted, the image unmounted. The second ends it at once; the journal
 * protects the image. Sent from here, as the parent may be in a write that blocks for ever.
 */
static void handle(int signal)
{
	int saved = errno;

	if (!asked_by) {
		supervise_ask(signal);
	} else if (patient && !told) {
		asked_by = signal; /* impatience with one line of a shell is none with the shell */
	} else if (clock_now() - first_at > ECHO) {
		asked_by = signal;
		if (worker_pid)
			kill(worker_pid, SIGKILL);
	}
	errno = saved;
}

int supervise_start(pid_t worker)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = handle }, before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&action.sa_mask, signals[i]);
	worker_pid = worker;
	gave_up = false;
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* What was ignored from the start stays so: nohup(1), background jobs. */
		if (sigaction(signals[i], NULL, &before))
			return -errno;
		if (before.sa_handler != SIG_IGN && sigaction(signals[i], &action, NULL))
			return -errno;
	}
	return 0;
}

int supervise_signal(void)
{
	return asked_by;
}

void supervise_kill(void)
{
	if (worker_pid)
		kill(worker_pid, SIGKILL);
}

/* Copies that the worker cannot change any more; it has ended, but its bytes are as it liked. */
static void explain_kernel(struct session *session)
{
	char text[sizeof(session->shared->reason)], line[256];

	if (atomic_load(&session->shared->ended)) {
		memcpy(text, session->shared->reason, sizeof(text));
		text[sizeof(text) - 1] = 0;
		report_error(session->report, session_subject(session), "the kernel in the worker ended: %s", text);
	}
	if (*kernel_last_words(session->shared, 0, line, sizeof(line)))
		report_error(session->report, session_subject(session), "last message of its kernel: %s", line);
}

void supervise_hung(struct session *session, unsigned int seconds)
{
	gave_up = true;
	report_error(
		session->report, session_subject(session),
		"the kernel in the worker has done nothing for %u seconds, while requests wait for it; it was ended",
		seconds);
	explain_kernel(session);
	supervise_kill();
}

void supervise_nudge(struct session *session)
{
	uint64_t waited;

	if (!asked_by)
		return;
	if (!asked_at)
		asked_at = clock_now();
	/* It may have been about to enter the call that it is in now. */
	if (!atomic_load(&session->shared->stopping))
		syscall(SYS_tgkill, worker_pid, worker_pid, SIGUSR1);
	waited = (clock_now() - asked_at) / 1000000000U;
	if (!told && waited >= PATIENCE) {
		told = 1;
		progress_bar_pause();
		fputs(patient ? "rumpus: the command has not ended yet; interrupt again to end the shell at once\n"
			      : "rumpus: still writing back and unmounting; interrupt again to end at once\n",
		      stderr);
		progress_bar_resume();
	}
	if (!gave_up && waited >= GIVE_UP && !atomic_load(&session->shared->stopping)) {
		gave_up = true;
		report_error(session->report, session_subject(session), "the worker is stuck, and was killed");
		explain_kernel(session);
		supervise_kill();
	}
}

static void handle_tick(int signal)
{
}

/* Has waitpid() return with EINTR now and then. */
static void start_ticks(void)
{
	const struct itimerval look = { .it_interval.tv_usec = 250000, .it_value.tv_usec = 250000 };
	struct sigaction action = { .sa_handler = handle_tick };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigaction(SIGALRM, &action, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &look, NULL);
}

int supervise_wait(struct session *session)
{
	const struct itimerval none = { 0 };
	uint64_t start = clock_now();
	int status = 0;
	pid_t pid = worker_pid;

	start_ticks();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		supervise_nudge(session);
		/* It has nothing left to do but to end; one that does not is not waited for. */
		if (clock_now() - start > GIVE_UP * 1000000000ULL)
			supervise_kill();
	}
	setitimer(ITIMER_REAL, &none, NULL);
	worker_pid = 0;
	return status;
}

static void explain_image(struct session *session)
{
	for (unsigned int i = 0; i < session->command->image_count; i++) {
		const struct image *image = &session->command->images[i];

		if (image->writable)
			report_error(session->report, image->path,
				     "was not unmounted; its journal is replayed when it is used next");
	}
}

/* What ended the worker, or 0. A fault that was sent to it it tells as a shell would. */
static int signal_of(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) > 128 ? WEXITSTATUS(status) - 128 : 0;
}

void supervise_explain(struct session *session, int status)
{
	int signal = signal_of(status);

	if (signal == SIGKILL && (asked_by || gave_up)) {
		explain_image(session);
		return;
	}
	if (signal == SIGSYS)
		report_error(
			session->report, session_subject(session),
			"the worker made a system call that its sandbox forbids, and was killed; the image may be hostile");
	else if (signal)
		report_error(session->report, session_subject(session), "the worker was killed by signal %d (%s)", signal,
			     strsignal(signal));
	else if (!atomic_load(&session->shared->ended))
		report_error(session->report, session_subject(session), "the worker ended early, with status %d",
			     WEXITSTATUS(status));
	explain_kernel(session);
	explain_image(session);
}
