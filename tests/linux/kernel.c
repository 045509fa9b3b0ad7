// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel that does as it is told, for tests that look at it from outside or read what it says.
 *
 * usage: kernel ACTION[=ARGUMENT]...
 *
 *	boot=COMMANDLINE   its console goes to standard output; may be repeated: actions are for the last one booted
 *	halt               the last one
 *	mkdir=PATH, mount=TYPE:PATH, write=PATH:TEXT, cat=PATH
 *	work=SECONDS       make and remove files
 *	sleep=SECONDS      inside the kernel
 *	pause=MILLISECONDS outside
 *	component=NAME     load it
 *	wait               say "waiting", sleep until standard input ends
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../coverage.h"

#define MAX_KERNELS 8

static struct rumpus *kernels[MAX_KERNELS];
static unsigned int count;

static void check(const char *what, long result)
{
	if (result >= 0)
		return;
	fflush(stdout);
	fprintf(stderr, "kernel: %s: %s\n", what, strerror((int)-result));
	exit(1);
}

static void console(void *arg, const char *text, size_t len)
{
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}

/* Sanitizers, selftests and debuggers take their time. */
#define NO_HURRY "rump.lockup_ms=0 "

static void boot(char *argument)
{
	char command_line[4096];
	struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = 2,
		.command_line = command_line,
		.log = console,
	};

	if (count == MAX_KERNELS)
		check("boot", -E2BIG);
	if (snprintf(command_line, sizeof(command_line), NO_HURRY "%s", argument) >= (int)sizeof(command_line))
		check("boot", -E2BIG);
	check("boot", rumpus_boot(&config, &kernels[count]));
	count++;
}

static void halt(char *argument)
{
	if (!count)
		check("halt", -ESRCH);
	check("coverage", coverage_save());
	check("halt", rumpus_halt(kernels[--count]));
	if (count)
		rumpus_process_enter(rumpus_process_first(kernels[count - 1]));
}

/* Cut @argument at its first colon. Return: what follows. */
static char *second(char *argument)
{
	char *colon = strchr(argument, ':');

	if (!colon)
		check(argument, -EINVAL);
	*colon = '\0';
	return colon + 1;
}

static void make_directory(char *argument)
{
	check(argument, rumpus_sys_mkdirat(AT_FDCWD, argument, 0755));
}

static void mount_type(char *argument)
{
	char *path = second(argument);

	check(path, rumpus_sys_mount(argument, path, argument, 0, NULL));
}

static void write_text(char *argument)
{
	char *text = second(argument);
	long fd = rumpus_sys_openat(AT_FDCWD, argument, O_WRONLY, 0);

	check(argument, fd);
	check(argument, rumpus_sys_write((int)fd, text, strlen(text)));
	rumpus_sys_close((int)fd);
}

static void cat(char *argument)
{
	long fd = rumpus_sys_openat(AT_FDCWD, argument, O_RDONLY, 0);
	char buf[4096];
	long len;

	check(argument, fd);
	while ((len = rumpus_sys_read((int)fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)len, stdout);
	check(argument, len);
	rumpus_sys_close((int)fd);
}

static void work(char *argument)
{
	time_t end = time(NULL) + atoi(argument);
	static char buf[65536];

	while (time(NULL) < end) {
		long fd = rumpus_sys_openat(AT_FDCWD, "/work", O_CREAT | O_TRUNC | O_RDWR, 0600);

		check("/work", fd);
		for (int i = 0; i < 64; i++)
			check("/work", rumpus_sys_write((int)fd, buf, sizeof(buf)));
		rumpus_sys_close((int)fd);
		check("/work", rumpus_sys_unlinkat(AT_FDCWD, "/work", 0));
	}
}

static void sleep_inside(char *argument)
{
	struct timespec time = { .tv_sec = atoi(argument) };

	check("sleep", rumpus_sys_nanosleep(&time, NULL));
}

static void pause_outside(char *argument)
{
	usleep((unsigned int)atoi(argument) * 1000);
}

static void load_component(char *argument)
{
	char error[256] = "";
	int result = count ? rumpus_component_load(kernels[count - 1], argument, NULL, error, sizeof(error)) : -ESRCH;

	if (result)
		fprintf(stderr, "kernel: %s\n", error);
	check(argument, result);
}

/* Any process of this user may look: a debugger need not be the parent. */
static void wait_outside(char *argument)
{
	char buf[64];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	puts("waiting");
	fflush(stdout);
	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
}

static const struct {
	const char *name;
	void (*run)(char *argument);
} actions[] = {
	{ "boot", boot },
	{ "halt", halt },
	{ "mkdir", make_directory },
	{ "mount", mount_type },
	{ "write", write_text },
	{ "cat", cat },
	{ "work", work },
	{ "sleep", sleep_inside },
	{ "pause", pause_outside },
	{ "component", load_component },
	{ "wait", wait_outside },
};

static void act(char *word)
{
	char *argument = strchr(word, '=');

	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(word, actions[i].name) == 0) {
			actions[i].run(argument ? argument : word + strlen(word));
			return;
		}
	}
	check(word, -EINVAL);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		act(argv[i]);
	while (count)
		halt(NULL);
	return 0;
}
