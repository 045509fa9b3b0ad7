// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the line on a terminal that shows how far a command is */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "progress.h"

/* Nanoseconds until the line appears, and between two of it. */
#define FIRST 1000000000U
#define NEXT 200000000U

/* Columns of the bar itself, and those without which nothing is shown. */
#define BAR 20U
#define LEAST_COLUMNS 40U

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP; /* guards what follows, and the line */
static pthread_cond_t wake;
static bool running, shown;

static const struct progress *shared;
static uint64_t started;
static pthread_t thread;

static unsigned int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

/* "[=======>            ]  37 %  " of what there is, or nothing where that is not known. */
static size_t put_bar(char *line, size_t size, uint64_t bytes, uint64_t total)
{
	char bar[BAR + 1];
	unsigned int done;

	if (!total)
		return 0;
	/* The total is an estimate: all is done only when the line is gone. */
	bytes = bytes < total ? bytes : total - total / 100;
	done = (unsigned int)((double)bytes / (double)total * BAR);
	for (unsigned int i = 0; i < BAR; i++)
		bar[i] = i < done ? '=' : i == done ? '>' : ' ';
	bar[BAR] = 0;
	return (size_t)snprintf(line, size, "[%s] %3.0f %%  ", bar, (double)bytes / (double)total * 100);
}

/* The end of @name that fits, from the beginning of a character on. */
static const char *shorten(const char *name, unsigned int room, const char **dots)
{
	size_t length = strlen(name);

	*dots = "";
	if (length <= room)
		return name;
	*dots = room > 3 ? "..." : "";
	name += length - (room > 3 ? room - 3 : room);
	while ((*name & 0xc0) == 0x80)
		name++;
	return name;
}

static void draw(void)
{
	uint64_t bytes = atomic_load(&shared->bytes), files = atomic_load(&shared->files);
	double seconds = (double)(clock_now() - started) / 1e9;
	char line[256], name[PROGRESS_NAME], size[32], rate[32];
	unsigned int width = columns();
	const char *dots, *end;
	size_t used;

	if (width < LEAST_COLUMNS)
		return;
	used = width >= 80 ? put_bar(line, sizeof(line), bytes, atomic_load(&shared->total)) : 0;
	used += (size_t)snprintf(line + used, sizeof(line) - used, "%s  %s/s  %llu files  ",
				 text_size(bytes, size, sizeof(size)),
				 text_size((uint64_t)((double)bytes / seconds), rate, sizeof(rate)),
				 (unsigned long long)files);
	memcpy(name, shared->name, sizeof(name));
	name[sizeof(name) - 1] = 0;
	/* The last column stays free: some terminals begin a new line there. */
	end = used < width - 1 ? shorten(text_clean(name), width - 1 - (unsigned int)used, &dots) : "";
	fprintf(stderr, "\r\033[K%.*s%s%s", (int)(width - 1), line, *end ? dots : "", end);
	fflush(stderr);
	shown = true;
}

static void clear_locked(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	shown = false;
}

static void wait_until(uint64_t when)
{
	const struct timespec time = { .tv_sec = (time_t)(when / 1000000000U), .tv_nsec = (long)(when % 1000000000U) };
	int error = 0;

	while (running && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&wake, &lock, &time);
}

static void *show(void *arg)
{
	pthread_mutex_lock(&lock);
	wait_until(started + FIRST);
	while (running) {
		draw();
		wait_until(clock_now() + NEXT);
	}
	clear_locked();
	pthread_mutex_unlock(&lock);
	return NULL;
}

void progress_bar_start(const struct progress *progress)
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	if (!isatty(STDERR_FILENO))
		return;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&wake, &attributes);
	pthread_condattr_destroy(&attributes);
	shared = progress;
	started = clock_now();
	running = true;
	/* Signals are for the thread that does the work. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&thread, NULL, show, NULL))
		running = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_bar_pause(void)
{
	pthread_mutex_lock(&lock);
	clear_locked();
}

void progress_bar_resume(void)
{
	pthread_mutex_unlock(&lock);
}

void progress_bar_stop(void)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = running;
	running = false;
	if (was)
		pthread_cond_signal(&wake);
	pthread_mutex_unlock(&lock);
	if (was)
		pthread_join(thread, NULL);
}
