// SPDX-License-Identifier: BSD-2-Clause
/* Signals: NetBSD's numbers and the host's */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "internal.h"

/* SIGEMT (7) and SIGINFO (29) are NetBSD's alone. */
static const struct {
	int netbsd;
	int host;
} table[] = {
	{ 0, 0 }, /* asks whether there is such a process */
	{ 1, SIGHUP },	   { 2, SIGINT },   { 3, SIGQUIT },   { 4, SIGILL },   { 5, SIGTRAP },	{ 6, SIGABRT },
	{ 8, SIGFPE },	   { 9, SIGKILL },  { 10, SIGBUS },   { 11, SIGSEGV }, { 12, SIGSYS },	{ 13, SIGPIPE },
	{ 14, SIGALRM },   { 15, SIGTERM }, { 16, SIGURG },   { 17, SIGSTOP }, { 18, SIGTSTP }, { 19, SIGCONT },
	{ 20, SIGCHLD },   { 21, SIGTTIN }, { 22, SIGTTOU },  { 23, SIGIO },   { 24, SIGXCPU }, { 25, SIGXFSZ },
	{ 26, SIGVTALRM }, { 27, SIGPROF }, { 28, SIGWINCH }, { 30, SIGUSR1 }, { 31, SIGUSR2 }, { 32, SIGPWR },
};

#define ENTRIES (sizeof(table) / sizeof(table[0]))

int ru_host_signal(int netbsd_signal)
{
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		if (table[i].netbsd == netbsd_signal)
			return table[i].host;
	}
	return -1;
}

int ru_netbsd_signal(int host_signal)
{
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		if (table[i].host == host_signal)
			return table[i].netbsd;
	}
	return -1;
}

int rumpuser_kill(int64_t pid, int sig)
{
	int host = ru_host_signal(sig);
	pid_t target = pid == RUMPUSER_PID_SELF ? getpid() : (pid_t)pid;
	int saved = errno;
	int error = 0;

	/* Negative ones are groups, or everybody; a kernel that means one process must not get there. */
	if (host < 0 || target <= 0 || (pid != RUMPUSER_PID_SELF && target != pid))
		return RU_EINVAL;
	if (kill(target, host))
		error = ru_host_errno(errno);
	errno = saved;
	return error;
}
