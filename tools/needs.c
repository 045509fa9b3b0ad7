// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: which components an image needs
 *
 * Code can be mapped until the worker is sealed, an image be looked at only afterwards. So a process of its own looks,
 * while the worker boots its kernel: it is confined and sealed in the same way, has no kernel and no component, and
 * tells the types of file systems, one word each. They choose among the components that are installed, and nothing else
 * depends on them: the worker looks again by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "../sandbox/sandbox.h"
#include "command.h"

/* Distinct types in all images of a command; there are not many more drivers. */
#define NEEDS_MAX 32U

/* What travels: words, the unused ones empty. */
struct needs {
	char types[NEEDS_MAX][PROBE_TEXT];
};

/* ---- the process that looks ---- */

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int confine(const struct command *command, int out)
{
	int keep[IMAGES_MAX + 1], error;
	struct sandbox_config sandbox = { .keep = keep };
	unsigned int layers = 0;

	keep[sandbox.keep_count++] = out;
	for (unsigned int i = 0; i < command->image_count; i++)
		keep[sandbox.keep_count++] =
			command->images[i].look >= 0 ? command->images[i].look : command->images[i].fd;
	qsort(keep, sandbox.keep_count, sizeof(*keep), compare);
	error = sandbox_confine(&sandbox, &layers);
	return error ? error : sandbox_seal(&sandbox, &layers);
}

/* Notes down a type of file system, once. */
static void note(struct needs *needs, const struct image *image, uint64_t offset, uint64_t size)
{
	struct probe probe;
	unsigned int i = 0;

	if (probe_place(image, offset, size, &probe))
		return;
	while (i < NEEDS_MAX && *needs->types[i] && strcmp(needs->types[i], probe.type))
		i++;
	if (i < NEEDS_MAX)
		memcpy(needs->types[i], probe.type, sizeof(probe.type));
}

static void look_at(const struct command *command, const struct image *image, struct needs *needs)
{
	struct probe_table table;
	uint64_t offset, size;

	if (!image_find(command, image, &offset, &size))
		note(needs, image, offset, size);
	/* What mounts by itself may do so with one partition after the other. */
	if (!command->sub->unmounted || image_partition(command, image) || probe_partitions(image, &table))
		return;
	for (unsigned int i = 0; i < table.count; i++)
		note(needs, image, table.partitions[i].offset, table.partitions[i].size);
}

static int look(const struct command *command, int out)
{
	struct needs needs = { 0 };
	int error = confine(command, out);

	for (unsigned int i = 0; i < command->image_count && !error; i++)
		look_at(command, &command->images[i], &needs);
	if (!error && write(out, &needs, sizeof(needs)) != sizeof(needs))
		error = -EIO;
	return error ? EXIT_PROBLEM : EXIT_DONE;
}

void needs_open(const struct command *command, int ends[2])
{
	if ((command->options.type && !command->layer_count && !command->point_count) || pipe2(ends, O_CLOEXEC))
		ends[0] = ends[1] = -1;
}

static pid_t looker; /* the process that was forked last; 0: it has been waited for */

void needs_probe(const struct command *command, int out)
{
	unsigned int layers;

	/* Without it nothing is found out, which the worker sees by the end of the pipe. */
	looker = sandbox_fork(&layers);
	if (!looker)
		_exit(look(command, out));
	close(out);
}

void needs_reap(void)
{
	if (looker > 0 && waitpid(looker, NULL, WNOHANG) == looker)
		looker = 0;
}

/* ---- the worker ---- */

/* Whatever it says: a word as names of file systems are, or none. */
static bool is_word(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length && length < size && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static void load(struct worker *worker, const char *prefix, const char *name)
{
	char component[2 * PROBE_TEXT], error[512];
	int result;

	snprintf(component, sizeof(component), "%s%.*s", prefix, PROBE_TEXT - 1, name);
	result = rumpus_component_load(worker->kernel, component, NULL, error, sizeof(error));
	if (result && result != -ENOENT)
		report_error(&worker->report, NULL, "%s", error);
	else if (!result)
		report_detail(&worker->report, NULL, "component %s is there", component);
}

/* Tables of characters that mount options name: "iocharset=koi8-r", "codepage=866" */
static void load_tables(struct worker *worker, const char *options)
{
	static const struct {
		const char *option, *prefix;
	} known[] = {
		{ "iocharset=", "nls_" }, { "nls=", "nls_" }, { "codepage=cp", "nls_cp" }, { "codepage=", "nls_cp" }
	};
	char name[PROBE_TEXT];

	while (options && *options) {
		size_t length = strcspn(options, ",");

		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
			size_t skip = strlen(known[i].option);

			if (length <= skip || strncmp(options, known[i].option, skip))
				continue;
			snprintf(name, sizeof(name), "%.*s", (int)(length - skip), options + skip);
			load(worker, known[i].prefix, name);
			break;
		}
		options += length + (options[length] == ',');
	}
}

static void load_found(struct worker *worker, int needs)
{
	struct needs found;
	size_t done = 0;
	ssize_t got;

	while (done < sizeof(found) && (got = read(needs, (char *)&found + done, sizeof(found) - done)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		done += got > 0 ? (size_t)got : 0;
	}
	for (unsigned int i = 0; done == sizeof(found) && i < NEEDS_MAX; i++)
		if (is_word(found.types[i], sizeof(found.types[i])))
			load(worker, "fs-", driver_of(found.types[i]));
}

void needs_load(struct worker *worker, int needs)
{
	const struct options *options = &worker->command->options;

	if (options->type)
		load(worker, "fs-", driver_of(options->type));
	if (worker->command->layer_count)
		load(worker, "fs-", "overlay");
	if (needs >= 0) {
		load_found(worker, needs);
		close(needs);
	}
	load_tables(worker, options->mount_options);
}
