// SPDX-License-Identifier: BSD-2-Clause
/* The groups of the suite, and what they share */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

const struct suite_group suite_groups[] = {
	{ "early", 1, test_early, early_locks },
	{ "mutex", 1, test_mutex, NULL },
	{ "mutex-smp", 2, test_mutex, NULL },
	{ "mutex-load", 2, test_mutex_load, NULL },
	{ "mutex-load-1", 1, test_mutex_load, NULL },
	{ "condvar", 1, test_condvar, NULL },
	{ "condvar-smp", 2, test_condvar, NULL },
	{ "condvar-load", 2, test_condvar_load, NULL },
	{ "condvar-load-1", 1, test_condvar_load, NULL },
	{ "order", 1, test_order, NULL },
	{ "scheduler", 2, test_scheduler, NULL },
	{ "scheduler-1", 1, test_scheduler, NULL },
	{ "rwlock", 1, test_rwlock, NULL },
	{ "rwlock-load", 2, test_rwlock_load, NULL },
	{ "clock", 1, test_clock, NULL },
	{ "ticker", 2, test_ticker, NULL },
	{ "thread", 1, test_thread, NULL },
	{ "lwp", 2, test_lwp, NULL },
	{ "memory", 2, test_memory, NULL },
	{ "file", 1, test_file, NULL },
	{ "bio", 1, test_bio, NULL },
	{ "bio-load", 2, test_bio_load, NULL },
	{ "sync", 1, test_sync, NULL },
	{ "init", 0, test_init, NULL },
	{ "host", 1, test_host, NULL },
	{ "component", 1, test_component, NULL },
	{ "server", 1, test_server, NULL },
	{ "server-smp", 2, test_server, NULL },
	{ "load", 2, test_load, NULL },
	{ "load-1", 1, test_load, NULL },
	{ NULL, 0, NULL, NULL },
};

bool suite_run(const char *name)
{
	const struct suite_group *group = suite_groups;

	while (group->name && strcmp(group->name, name))
		group++;
	if (!group->name)
		return false;
	if (group->cpus)
		kernel_boot(group->cpus, group->early);
	group->run();
	rules_kept();
	return true;
}

uint64_t suite_seed(void)
{
	const char *seed = getenv("RU_SEED");

	return seed ? strtoull(seed, NULL, 0) : 1;
}

int suite_rounds(int n)
{
	static _Atomic int factor; /* asked for often, by many threads */
	const char *more;

	if (!factor) {
		more = getenv("RU_LONG");
		factor = more && atoi(more) > 0 ? atoi(more) : 1;
	}
	return n * factor;
}

bool suite_ours(void)
{
	return !getenv("RU_OTHER");
}

void suite_better(bool pass, const char *name)
{
	if (suite_ours())
		tap_ok(pass, "%s", name);
	else if (!pass)
		tap_note("falls behind: %s", name);
}

void suite_directory(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/ru-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		tap_abort("%s: %s", path, strerror(errno));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
	return remove(path);
}

void suite_remove(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int suite_fork(void (*fn)(void *arg), void *arg, char *out, size_t size)
{
	int pipes[2], status = -1;
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		tap_abort("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(60);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		fn(arg);
		_exit(99);
	}
	close(pipes[1]);
	while (out && got < size - 1 && (n = read(pipes[0], out + got, size - 1 - got)) > 0)
		got += n;
	if (out)
		out[got] = '\0';
	close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tap_abort("fork: %s", strerror(errno));
	return status;
}
