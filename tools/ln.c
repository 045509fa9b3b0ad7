// SPDX-License-Identifier: BSD-2-Clause
/* rumpus ln: links in images */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"
#include "visit.h"

struct ln_options {
	bool symbolic, force, no_follow;
	/* understood: -s: what the links contain; operands then hold only the place */
	char **targets;
	unsigned int target_count;
};

static const struct operand *place_of(const struct command *command)
{
	return &command->operands[command->operand_count - 1];
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct ln_options *options = command->own;
	int result;

	if (argc < 2)
		return usage_error(command, "ln takes at least a target and a link");
	options->targets = argv;
	options->target_count = (unsigned int)argc - 1;
	if (options->symbolic)
		return operands_take_writable(command, 1, argv + argc - 1);
	result = operands_take_writable(command, argc, argv);
	if (!result && command->image_count > 1)
		return usage_error(command, "a link cannot lead from one image into another; use cp, or -s");
	return result;
}

/* Last component of @text; "" when it has none. Caller frees. */
static char *last_of(const char *text)
{
	size_t length = strlen(text), start;

	while (length && text[length - 1] == '/')
		length--;
	for (start = length; start && text[start - 1] != '/'; start--)
		continue;
	return strndup(text + start, length - start);
}

static long link_one(struct worker *worker, unsigned int number, int dir, const char *name)
{
	const struct ln_options *options = worker->command->own;
	const struct operand *target = &worker->command->operands[number];
	char last[FS_NAME_SIZE];
	long from, error;

	if (options->symbolic)
		return fs_symlinkat(&fs_image, options->targets[number], dir, name);
	from = worker_open_parent(target->image, target->path, last);
	if (from < 0)
		return from;
	error = fs_linkat(&fs_image, (int)from, last, dir, name);
	fs_close(&fs_image, (int)from);
	return error;
}

/* -f: what has the name goes, but for directories. The new link is there first, so that a failure loses nothing. */
static long replace(struct worker *worker, unsigned int number, int dir, const char *name)
{
	static const char temporary[] = ".rumpus-ln-temporary";
	struct statx st;
	long error = fs_statx(&fs_image, dir, name, &st);

	if (!error && S_ISDIR(st.stx_mode))
		return -EISDIR;
	fs_unlinkat(&fs_image, dir, temporary, 0);
	if (!error)
		error = link_one(worker, number, dir, temporary);
	if (error)
		return error;
	error = fs_rename(&fs_image, dir, temporary, dir, name, 0);
	/* It stays when both were names of one file. */
	fs_unlinkat(&fs_image, dir, temporary, 0);
	return error;
}

/* What a driver refuses for good. */
static const char *explain_refusal(const struct worker *worker, unsigned int number)
{
	const struct ln_options *options = worker->command->own;
	const struct operand *target = &worker->command->operands[number];
	long fd;

	if (options->symbolic)
		return "cannot be linked to: this file system has no symbolic links";
	fd = worker_open(target->image, target->path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return "cannot be linked to: this file system has no hard links, or none to such a file";
	fs_close(&fs_image, (int)fd);
	return "cannot be linked to: it is a directory; use -s";
}

static int make_link(struct worker *worker, unsigned int number, int dir, const char *name)
{
	const struct ln_options *options = worker->command->own;
	const char *text = options->targets[number];
	long error;

	if (!fs_name_is_entry(name)) {
		report_error(&worker->report, text, "has no last component to name the link by; name it in full");
		return 0;
	}
	error = link_one(worker, number, dir, name);
	if (error == -EEXIST && options->force)
		error = replace(worker, number, dir, name);
	if (error == -EEXIST)
		report_error(&worker->report, place_of(worker->command)->text,
			     "\"%s\" exists there already; use -f to replace it", name);
	else if (error == -EPERM)
		report_error(&worker->report, text, "%s", explain_refusal(worker, number));
	else if (error)
		return worker_failed(worker, text, "cannot make the link", error);
	return 0;
}

/* Into the directory that the last operand is. */
static int link_into(struct worker *worker, int dir)
{
	const struct ln_options *options = worker->command->own;
	int error = 0;

	for (unsigned int i = 0; i < options->target_count && !error; i++) {
		char *name = last_of(options->symbolic ? options->targets[i] : worker->command->operands[i].path);

		error = name ? make_link(worker, i, dir, name) : -ENOMEM;
		free(name);
	}
	return error;
}

static int work(struct worker *worker)
{
	const struct ln_options *options = worker->command->own;
	const struct operand *place = place_of(worker->command);
	char last[FS_NAME_SIZE];
	long dir = worker_open(place->image, place->path, O_PATH | O_DIRECTORY | (options->no_follow ? O_NOFOLLOW : 0));
	int error;

	if (dir >= 0) {
		error = link_into(worker, (int)dir);
	} else if (options->target_count > 1) {
		report_error(&worker->report, place->text, "is no directory, which it must be for several targets");
		return 0;
	} else {
		dir = worker_open_parent(place->image, place->path, last);
		if (dir < 0)
			return worker_failed(worker, place->text, "the directory that it should be in cannot be opened",
					     dir);
		error = make_link(worker, 0, (int)dir, last);
	}
	fs_close(&fs_image, (int)dir);
	return error;
}

static const struct option_rule options[] = {
	{ 's', "symbolic", NULL, "symbolic links, which contain TARGET as it is written", option_true,
	  offsetof(struct ln_options, symbolic) },
	{ 'f', "force", NULL, "replace files that have the name of a link", option_true,
	  offsetof(struct ln_options, force) },
	{ 'n', "no-dereference", NULL, "LINK that is a symbolic link to a directory is a name, not that directory",
	  option_true, offsetof(struct ln_options, no_follow) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus ln disk.img:/bin/busybox disk.img:/bin/ls", "a second name for a file" },
	{ "rumpus ln -s ../usr/lib disk.img:/lib", "a symbolic link" },
	{ "rumpus ln -sfn /opt/app-2 disk.img:/opt/app", "lead one elsewhere" },
	{ 0 },
};

const struct subcommand subcommand_ln = {
	.name = "ln",
	.arguments = "TARGET... IMAGE:/LINK",
	.summary = "make links, with -s symbolic ones",
	.help = "When LINK is a directory, links are made in it, named as their targets. Without -s a target is IMAGE:/FILE,\n"
		"in the same image.",
	.options = options,
	.options_size = sizeof(struct ln_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
