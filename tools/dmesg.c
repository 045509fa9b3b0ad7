// SPDX-License-Identifier: BSD-2-Clause
/* rumpus dmesg: what the kernel says when it mounts an image */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

/* Of syslog(2); the C library has no names for them. */
enum { READ_ALL = 3, SIZE_BUFFER = 10 };

struct dmesg_options {
	bool json;
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (argc != 1)
		return usage_error(command, "dmesg takes one image");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static long send_line(struct worker *worker, const char *line)
{
	long error = wire_begin(&worker->wire, WIRE_FACT, strlen(line) + 8);

	if (error)
		return error;
	wire_put_string(&worker->wire, line);
	return wire_end(&worker->wire, -1);
}

static long send_log(struct worker *worker)
{
	long size = rumpus_sys_syslog(SIZE_BUFFER, NULL, 0), error = 0;
	char *log = size > 0 ? malloc((size_t)size + 1) : NULL, *rest = log, *line;

	if (!log)
		return size < 0 ? size : -ENOMEM;
	size = rumpus_sys_syslog(READ_ALL, log, (int)size);
	log[size < 0 ? 0 : size] = 0;
	while (!error && (line = strsep(&rest, "\n"))) {
		if (*line)
			error = send_line(worker, line);
	}
	free(log);
	return size < 0 ? size : error;
}

/* Mounts by itself: the log is wanted most when that fails. */
static int work(struct worker *worker)
{
	int mounted = image_mount(worker, &worker->command->images[0], 0);
	long error = mounted == -EINTR ? -EINTR : send_log(worker);

	return (int)error;
}

/* "<6>[    0.012345] text", or without the time. Return: the text, or all of it where it is something else */
static const char *parse(const char *line, int *level, double *seconds)
{
	int length = 0;

	*level = *seconds = -1;
	if (sscanf(line, "<%d>%n", level, &length) == 1 && length)
		line += length;
	length = 0;
	if (sscanf(line, "[%lf] %n", seconds, &length) == 1 && length)
		line += length;
	else
		*seconds = -1;
	return line;
}

static void print_json(const char *line)
{
	struct json *json = json_list_next();
	double seconds;
	int level;
	const char *text = parse(line, &level, &seconds);

	json_open(json, NULL, '{');
	if (level >= 0)
		json_unsigned(json, "level", (uint64_t)level & 7);
	if (seconds >= 0)
		json_unsigned(json, "microseconds", (uint64_t)(seconds * 1e6 + 0.5));
	json_string(json, "text", text);
	json_close(json, '}');
}

static void print_text(const char *line)
{
	char text[2048];

	/* Without the level */
	if (*line == '<' && strchr(line, '>'))
		line = strchr(line, '>') + 1;
	snprintf(text, sizeof(text), "%s", line);
	for (char *tab = text; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	puts(text_clean(text));
}

/* One line a record, in the parent: labels and names are quoted in the log, so it is cleaned. */
static int record(struct session *session, struct wire_record *record)
{
	const struct dmesg_options *options = session->command->own;
	const char *line;

	if (record->type != WIRE_FACT)
		return -EPROTO;
	line = wire_get_string(record);
	if (record->bad)
		return -EPROTO;
	if (options->json)
		print_json(line);
	else
		print_text(line);
	return ferror(stdout) ? -errno : 0;
}

static void finish(struct session *session)
{
	const struct dmesg_options *options = session->command->own;

	if (options->json && session->finished)
		json_list_end();
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "as JSON, an array with an object for each line", option_true,
	  offsetof(struct dmesg_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus dmesg broken.img | tail", "why does it not mount?" },
	{ "rumpus dmesg --json disk.img | jq '.[] | select(.level < 5)'", "warnings and worse" },
	{ 0 },
};

const struct subcommand subcommand_dmesg = {
	.name = "dmesg",
	.arguments = "IMAGE",
	.summary = "mount the image and show the kernel's messages",
	.options = options,
	.options_size = sizeof(struct dmesg_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.unmounted = true,
	.record = record,
	.finish = finish,
};
