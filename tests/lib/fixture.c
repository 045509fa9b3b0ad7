// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of librumpus share. */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

char fixture_log[4096];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void append(void *arg, const char *text, size_t len)
{
	size_t used;

	pthread_mutex_lock(&log_lock);
	used = strlen(fixture_log);
	snprintf(fixture_log + used, sizeof(fixture_log) - used, "%.*s", (int)len, text);
	pthread_mutex_unlock(&log_lock);
}

struct rumpus_config fixture_config(const char *command_line)
{
	struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = 2,
		.memory = 64 << 20,
		.image = FAKE_IMAGE,
		.command_line = command_line,
		.log = append,
	};

	fixture_log[0] = '\0';
	return config;
}

struct rumpus *fixture_boot(const char *command_line)
{
	struct rumpus_config config = fixture_config(command_line);
	struct rumpus *kernel;
	int error = rumpus_boot(&config, &kernel);

	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	return kernel;
}

long fixture_call(enum fake_call number, long argument)
{
	return rumpus_syscall(number, argument, 0, 0, 0, 0, 0);
}

pthread_t fixture_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	if (pthread_create(&thread, &attr, run, arg) != 0)
		tap_abort("no more threads");
	pthread_attr_destroy(&attr);
	return thread;
}

void fixture_sleep(unsigned int milliseconds)
{
	const struct timespec pause = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

long fixture_wakeups(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	long total = 0;

	if (!dir)
		tap_abort("/proc/self/task cannot be read");
	while ((entry = readdir(dir))) {
		char path[300], line[128];
		long n;
		FILE *file;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				total += n;
		if (file)
			fclose(file);
	}
	closedir(dir);
	return total;
}

bool fixture_await(enum fake_call number, long value)
{
	for (int i = 0; i < 10000; i++) {
		if (fixture_call(number, 0) == value)
			return true;
		fixture_sleep(1);
	}
	return false;
}

static long count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	long lines = 0;
	int c;

	if (!file)
		tap_abort("%s cannot be opened", path);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static long count_entries(const char *path)
{
	DIR *dir = opendir(path);
	long entries = 0;

	if (!dir)
		tap_abort("%s cannot be opened", path);
	while (readdir(dir))
		entries++;
	closedir(dir);
	return entries;
}

/* The host still lists a thread for a moment that has been joined. */
static long count_threads(void)
{
	long now = count_entries("/proc/self/task"), before;

	do {
		before = now;
		fixture_sleep(20);
		now = count_entries("/proc/self/task");
	} while (now < before);
	return now;
}

struct usage fixture_usage(void)
{
	const long threads = count_threads(); /* first: what they held goes with them */

	return (struct usage){
		.maps = count_lines("/proc/self/maps"),
		.descriptors = count_entries("/proc/self/fd"),
		.threads = threads,
		.heap = (long)mallinfo2().uordblks,
	};
}
