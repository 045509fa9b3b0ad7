// SPDX-License-Identifier: BSD-2-Clause
/* rumpus dmesg: what the kernel says when it mounts an image */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

/* Of syslog(2); the C library has no names for them. */
enum { READ_ALL = 3, SIZE_BUFFER = 10 };

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
		/* Without the level: "<6>" */
		if (*line == '<' && strchr(line, '>'))
			line = strchr(line, '>') + 1;
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

/* One line a record, in the parent: labels and names are quoted in the log, so it is cleaned. */
static int record(struct session *session, struct wire_record *record)
{
	char line[2048];
	const char *text;

	if (record->type != WIRE_FACT)
		return -EPROTO;
	text = wire_get_string(record);
	snprintf(line, sizeof(line), "%s", text);
	for (char *tab = line; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	puts(text_clean(line));
	return ferror(stdout) ? -errno : 0;
}

static const struct option_example examples[] = {
	{ "rumpus dmesg broken.img | tail", "why does it not mount?" },
	{ 0 },
};

const struct subcommand subcommand_dmesg = {
	.name = "dmesg",
	.arguments = "IMAGE",
	.summary = "mount the image and show the kernel's messages",
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.unmounted = true,
	.record = record,
};
