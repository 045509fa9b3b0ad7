// SPDX-License-Identifier: BSD-2-Clause
/*
 * Do the tests see a library that is wrong? Each case is the library with one deliberate mistake, and the group of the
 * suite that must flag it. The same groups must pass without the mistake.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mistakes.h"

enum { WORKERS = 4, MOST = 256 };

struct hypercalls sound;
struct rumpuser_hyperup up;
__thread enum twist twist;

bool every(uint32_t n)
{
	static atomic_uint calls;

	return atomic_fetch_add(&calls, 1) % n == n - 1;
}

static void twisted_unschedule(int nlocks, int *countp, void *interlock)
{
	if (twist != KEEPS)
		up.hyp_backend_unschedule(nlocks, countp, twist == NO_INTERLOCK ? NULL : interlock);
}

static void twisted_schedule(int nlocks, void *interlock)
{
	if (twist != KEEPS)
		up.hyp_backend_schedule(twist == WRONG_COOKIE ? nlocks + 1 : nlocks,
					twist == NO_INTERLOCK ? NULL : interlock);
}

int init_twisted(int version, const struct rumpuser_hyperup *upcalls)
{
	struct rumpuser_hyperup table = *upcalls;

	up = *upcalls;
	table.hyp_backend_unschedule = twisted_unschedule;
	table.hyp_backend_schedule = twisted_schedule;
	return sound.init(version, &table);
}

/* Both tables are arrays of pointers. */
static void overlay(struct hypercalls *table, const struct hypercalls *with)
{
	void *to[sizeof(struct hypercalls) / sizeof(void *)], *from[sizeof(struct hypercalls) / sizeof(void *)];
	size_t i;

	memcpy(to, table, sizeof(to));
	memcpy(from, with, sizeof(from));
	for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		if (from[i])
			to[i] = from[i];
	}
	memcpy(table, to, sizeof(to));
}

static void run(const struct mistake *m)
{
	ru.init = init_twisted;
	overlay(&ru, &m->with);
	if (m->name)
		patience = SECOND;
	if (!suite_run(m->group))
		_Exit(0); /* no such group: nothing is flagged */
	_Exit(tap_done());
}

/* Reads what the suite says until it ends or says that something is wrong: which is told when nothing should be. */
static bool complains(int fd, const struct mistake *m)
{
	FILE *file = fdopen(fd, "r");
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "not ok", 6) || !strncmp(line, "Bail out!", 9);
	if (found && !m->name) {
		printf("# %s: %s", m->group, line);
		fflush(stdout);
	}
	fclose(file);
	return found;
}

/* Does the suite flag the mistake? There is no need to hear it out. */
static bool flagged(const struct mistake *m)
{
	int pipes[2], status;
	bool found;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		tap_abort("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		setpgid(0, 0); /* with what it forks */
		alarm(120);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		run(m);
	}
	close(pipes[1]);
	if (pid > 0)
		setpgid(pid, pid);
	found = complains(pipes[0], m);
	if (pid > 0 && found)
		kill(-pid, SIGKILL);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tap_abort("fork: %s", strerror(errno));
	if (!found && status != 0 && !m->name) {
		printf("# %s: ended with status %#x\n", m->group, status);
		fflush(stdout);
	}
	return found || status != 0;
}

static struct mistake cases[MOST];
static size_t case_count;

static void add(const struct mistake *m)
{
	if (case_count == MOST)
		tap_abort("more than %d cases", MOST);
	cases[case_count++] = *m;
}

static bool known(const char *group)
{
	size_t i;

	for (i = 0; i < case_count; i++) {
		if (!cases[i].name && !strcmp(cases[i].group, group))
			return true;
	}
	return false;
}

/* Every group that is to see a mistake also runs without one. */
static void add_all(const struct mistake *table)
{
	struct mistake none = { .name = NULL };

	for (; table->name; table++) {
		none.group = table->group;
		if (!known(none.group))
			add(&none);
		add(table);
	}
}

/* Most of them wait for something that does not come: several at one time. */
static void work(int number, bool *result)
{
	size_t i;

	for (i = number; i < case_count; i += WORKERS)
		result[i] = flagged(&cases[i]);
	_Exit(0);
}

static bool *judge(void)
{
	bool *result = mmap(NULL, MOST * sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status;

	if (result == MAP_FAILED)
		tap_abort("no memory");
	for (i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (!pid)
			work(i, result);
		if (pid < 0)
			tap_abort("fork: %s", strerror(errno));
	}
	for (i = 0; i < WORKERS; i++) {
		if (wait(&status) < 0 || status != 0)
			tap_abort("a worker ended with status %#x", status);
	}
	return result;
}

/* One for all, as those that are killed cannot remove theirs. */
static char directory[256];

static void use_directory(void)
{
	suite_directory(directory, sizeof(directory));
	setenv("TMPDIR", directory, 1);
}

int main(int argc, char **argv)
{
	const bool *result;
	size_t i;

	sound = ru;
	add_all(lock_mistakes);
	add_all(io_mistakes);
	add_all(host_mistakes);
	for (i = 0; i < case_count && argc > 1; i++) { /* one of them, to look at it */
		if (cases[i].name && strstr(cases[i].name, argv[1]))
			run(&cases[i]);
	}
	use_directory();
	result = judge();
	suite_remove(directory);
	for (i = 0; i < case_count; i++) {
		if (cases[i].name)
			tap_ok(result[i], "%s: %s", cases[i].group, cases[i].name);
		else
			tap_ok(!result[i], "%s: no false alarm", cases[i].group);
	}
	return tap_done();
}
