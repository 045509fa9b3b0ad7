// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: the worker's half, which does one line after the other */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "shell.h"

/* Words of the line that is coming; with room for a NULL after them. */
struct words {
	char **list;
	int count;
};

static int add_word(struct words *words, const char *text)
{
	char **list = realloc(words->list, ((size_t)words->count + 2) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	words->list = list;
	list[words->count] = strdup(text);
	if (!list[words->count])
		return -ENOMEM;
	list[++words->count] = NULL;
	return 0;
}

static void free_words(struct words *words)
{
	while (words->count)
		free(words->list[--words->count]);
	free(words->list);
	words->list = NULL;
}

static int send_done(struct worker *worker)
{
	int error = wire_begin(&worker->wire, WIRE_DONE, 8);

	if (error)
		return error;
	wire_put_u32(&worker->wire, worker->report.outcome);
	return wire_end(&worker->wire, -1);
}

/* To the last byte: a signal that was meant for the line interrupts this as well. */
static int flush(struct worker *worker)
{
	int error;

	do
		error = wire_flush(&worker->wire);
	while (error == -EINTR);
	return error;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What a line that was interrupted has left open would keep the image from being unmounted. */
static void close_rest(const struct worker *worker)
{
	int keep[IMAGES_MAX + POINTS_MAX], count = 0;
	unsigned int next = (unsigned int)worker->command->images[0].root + 1;

	for (unsigned int i = 1; i < worker->mounted; i++)
		keep[count++] = worker->command->images[i].root;
	for (unsigned int i = 0; i < worker->point_count; i++)
		keep[count++] = worker->points[i];
	qsort(keep, (size_t)count, sizeof(*keep), compare);
	rumpus_sys_chdir("/");
	for (int i = 0; i < count; i++) {
		const unsigned int kept = (unsigned int)keep[i];

		if (kept > next)
			rumpus_sys_close_range(next, kept - 1, 0);
		next = kept >= next ? kept + 1 : next;
	}
	rumpus_sys_close_range(next, ~0U, 0);
}

/* Return: 0; -EPROTO for words that the parent cannot have understood */
static int do_line(struct worker *worker, const char *directory, struct words *words)
{
	struct command *shell = worker->command;
	struct command line = {
		.report = &worker->report,
		.options = shell->options,
		.directory = directory,
		.images = { shell->images[0] },
		.image_count = 1,
	};
	size_t size = ((size_t)words->count + 1) * sizeof(*words->list);
	char **argv = words->count ? malloc(size) : NULL;
	int error = -EPROTO;

	/* Parsing changes the order of words, which are to be freed afterwards. */
	if (argv)
		memcpy(argv, words->list, size);
	if (argv && !command_parse(&line, words->count, argv) && line.sub->work && line.sub != shell->sub) {
		line.images[0].writable = shell->images[0].writable;
		worker->command = &line;
		worker_work(worker);
		worker->command = shell;
		close_rest(worker);
		error = 0;
	}
	if (stop_requested())
		worker->report.outcome |= OUTCOME_STOPPED;
	command_free(&line);
	free(argv);
	return error;
}

static int take_line(struct worker *worker, struct wire_record *record, struct words *words)
{
	/* The record's text is gone as soon as the line itself receives something. */
	char *directory = strdup(wire_get_string(record));
	int error = directory && !record->bad ? 0 : -EPROTO;

	/* Whatever was asked before was about another line. */
	stop_forget();
	worker->report.outcome = 0;
	if (!error)
		error = do_line(worker, directory, words);
	free(directory);
	free_words(words);
	if (!error)
		error = send_done(worker);
	return error ? error : flush(worker);
}

int shell_work(struct worker *worker)
{
	struct words words = { 0 };
	int error = send_done(worker);

	if (!error)
		error = flush(worker);
	while (!error) {
		struct wire_record record;
		int got = wire_next(&worker->wire, &record);

		if (got == -EINTR)
			continue;
		if (got <= 0 || record.type == WIRE_LEAVE) {
			error = got > 0 ? 0 : got ? got : -EPIPE;
			break;
		}
		if (record.type == WIRE_WORD)
			error = add_word(&words, wire_get_string(&record));
		else if (record.type == WIRE_LINE)
			error = take_line(worker, &record, &words);
		/* The rest is of a line that ended before the parent had sent all of it. */
		if (record.fd >= 0)
			close(record.fd);
	}
	free_words(&words);
	stop_forget();
	worker->report.outcome = 0;
	return error;
}
