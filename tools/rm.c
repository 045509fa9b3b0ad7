// SPDX-License-Identifier: BSD-2-Clause
/* rumpus rm: remove files and trees in images */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "remove.h"

struct rm_options {
	bool recursive, force;
};

static const struct rm_options *options_of(const struct command *command)
{
	return command->own;
}

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc && options_of(command)->force)
		return EXIT_DONE;
	if (!argc)
		return usage_error(command, "remove what?");
	return operands_take_writable(command, argc, argv);
}

static int remove_operand(struct removal *removal, const struct operand *operand)
{
	char last[FS_NAME_SIZE];
	long dir = worker_open_parent(operand->image, operand->path, last);
	int error = 0;

	if (dir < 0) {
		if (dir == -EINTR || dir == -ESHUTDOWN)
			return (int)dir;
		if (dir != -ENOENT || !removal->force)
			report_error(removal->report, operand->text, "cannot remove: %s", report_errno(dir));
		return 0;
	}
	if (strcmp(last, "."))
		error = removal_entry(removal, (int)dir, last, operand->text);
	else
		report_error(removal->report, operand->text, "is not removed; name what is in it");
	fs_close(&fs_image, (int)dir);
	return error;
}

static int work(struct worker *worker)
{
	const struct rm_options *options = options_of(worker->command);
	struct removal removal = {
		.fs = &fs_image,
		.report = &worker->report,
		.recursive = options->recursive,
		.force = options->force,
	};
	int error = 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++)
		error = remove_operand(&removal, &worker->command->operands[i]);
	return error;
}

static const struct option_rule options[] = {
	{ 'r', "recursive", NULL, "remove directories with all that is in them", option_true,
	  offsetof(struct rm_options, recursive) },
	{ 'R', NULL, NULL, NULL, option_true, offsetof(struct rm_options, recursive) },
	{ 'f', "force", NULL, "be content with what does not exist", option_true, offsetof(struct rm_options, force) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus rm disk.img:/etc/machine-id", "one file" },
	{ "rumpus rm -r disk.img:/var/cache/apt", "a directory" },
	{ 0 },
};

const struct subcommand subcommand_rm = {
	.name = "rm",
	.arguments = "IMAGE:/FILE...",
	.summary = "remove files, with -r directories",
	.options = options,
	.options_size = sizeof(struct rm_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
