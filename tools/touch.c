// SPDX-License-Identifier: BSD-2-Clause
/* rumpus touch: times of files in images, and empty files */
#include <errno.h>
#include <time.h>

#include "quantity.h"
#include "reference.h"
#include "visit.h"

struct touch_options {
	const char *date, *stamp, *reference_text;
	bool access, modify, existing, links;
	/* understood from these */
	struct reference reference;
	struct timespec times[2]; /* access, modification */
};

static int read_times(const struct command *command)
{
	struct touch_options *options = command->own;
	struct timespec now, then;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!options->date && !options->stamp)
		now.tv_nsec = UTIME_NOW;
	then = now;
	if (options->date && quantity_moment(options->date, &now, &then))
		return usage_error(command, "date \"%s\" is not understood; write it as 2026-11-22 14:08:00",
				   options->date);
	if (options->stamp && quantity_stamp(options->stamp, &now, &then))
		return usage_error(command, "time \"%s\" is not understood; write it as [[CC]YY]MMDDhhmm[.ss]; %s",
				   options->stamp, "for a file-system type, put -t before the subcommand");
	options->times[0] = options->times[1] = then;
	return EXIT_DONE;
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct touch_options *options = command->own;
	int result;

	if (!argc)
		return usage_error(command, "touch what?");
	if (!!options->date + !!options->stamp + !!options->reference_text > 1)
		return usage_error(command, "of -d, -r and -t only one can be given");
	result = read_times(command);
	if (!result)
		result = operands_take_writable(command, argc, argv);
	if (!result && options->reference_text)
		result = reference_take(command, options->reference_text, &options->reference);
	return result;
}

static long touch(struct worker *worker, const struct operand *operand)
{
	const struct touch_options *options = worker->command->own;
	char last[FS_NAME_SIZE] = "";
	long error, fd = options->links ? worker_open_parent(operand->image, operand->path, last)
					: worker_open(operand->image, operand->path, O_PATH);

	if (fd == -ENOENT && options->existing)
		return 0;
	if (fd == -ENOENT && !options->links)
		fd = worker_create(operand->image, operand->path, O_WRONLY | O_NONBLOCK, 0666 & ~worker->umask);
	if (fd < 0)
		return fd;
	error = fs_utimens(&fs_image, (int)fd, last, options->times);
	fs_close(&fs_image, (int)fd);
	return error == -ENOENT && options->existing ? 0 : error;
}

static void take_reference(struct touch_options *options)
{
	const struct statx *st = &options->reference.st;

	options->times[0] = (struct timespec){ st->stx_atime.tv_sec, st->stx_atime.tv_nsec };
	options->times[1] = (struct timespec){ st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec };
}

static int work(struct worker *worker)
{
	struct touch_options *options = worker->command->own;
	int result = options->reference_text ? reference_read(worker, &options->reference) : 0;

	if (!result && options->reference_text)
		take_reference(options);
	if (options->access && !options->modify)
		options->times[1].tv_nsec = UTIME_OMIT;
	if (options->modify && !options->access)
		options->times[0].tv_nsec = UTIME_OMIT;
	for (unsigned int i = 0; i < worker->command->operand_count && !result; i++) {
		const struct operand *operand = &worker->command->operands[i];
		long error = touch(worker, operand);

		if (error)
			result = worker_failed(worker, operand->text,
					       error == -ENOENT ? "a directory on the way is missing" : "cannot touch",
					       error);
	}
	return result;
}

static const struct option_rule options[] = {
	{ 'a', NULL, NULL, "only the time of access", option_true, offsetof(struct touch_options, access) },
	{ 'c', "no-create", NULL, "make no files", option_true, offsetof(struct touch_options, existing) },
	{ 'd', "date", "DATE", "that time, as \"2026-11-22 14:08\" or \"3 days ago\", instead of now", option_text,
	  offsetof(struct touch_options, date) },
	{ 'h', "no-dereference", NULL, "symbolic links themselves; implies -c", option_true,
	  offsetof(struct touch_options, links) },
	{ 'm', NULL, NULL, "only the time of modification", option_true, offsetof(struct touch_options, modify) },
	{ 'r', "reference", "FILE", "the times of that file, in an image or on the host", option_text,
	  offsetof(struct touch_options, reference_text) },
	{ 't', NULL, "STAMP", "the time [[CC]YY]MMDDhhmm[.ss]", option_text, offsetof(struct touch_options, stamp) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus touch disk.img:/etc/.updated", "now; made when it is missing" },
	{ "rumpus touch -d '2026-01-01 00:00Z' disk.img:/etc/motd", "a given time" },
	{ "rumpus touch -r Makefile disk.img:/src/Makefile", "that of a file of the host" },
	{ 0 },
};

const struct subcommand subcommand_touch = {
	.name = "touch",
	.arguments = "IMAGE:/FILE...",
	.summary = "set times, make empty files",
	.help = "DATE is a date (2026-11-22), a time of day (14:08:00.5), a zone (Z, +0200), seconds since 1970 (@1795000000),\n"
		"or moments from now (yesterday, next month, 3 days ago); several of these together.",
	.options = options,
	.options_size = sizeof(struct touch_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
