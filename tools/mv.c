// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mv: rename files in images, and move them into, out of and between images */
#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>

#include "cp.h"
#include "remove.h"
#include "tree.h"

/**
 * struct mv_options - its own
 * @copy:   first: for cp's half
 * @force:  is how it is anyway
 * @rename: everything is in one image
 */
struct mv_options {
	struct cp_options copy;
	bool force, keep, rename;
};

static const struct mv_options *options_of(const struct command *command)
{
	return command->own;
}

static const struct operand *target_of(const struct command *command)
{
	return &command->operands[command->operand_count - 1];
}

/* In one file system, as far as names tell. */
static bool is_rename(const struct command *command, const struct operand *operand)
{
	const struct operand *target = target_of(command);

	return operand->image && operand->image == target->image &&
	       at_point(command, operand->path) == at_point(command, target->path);
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct mv_options *options = command->own;
	int result;

	options->copy = (struct cp_options){ .recursive = true, .preserve = true };
	result = cp_prepare(command, argc, argv);
	if (result)
		return result;
	options->rename = true;
	for (unsigned int i = 0; i < command->operand_count; i++) {
		const struct operand *operand = &command->operands[i];

		options->rename &= is_rename(command, operand);
		if (operand->image)
			operand->image->writable = true;
		/* A copy would be merged with the target, and nothing be left to remove by its name. */
		if (i + 1 < command->operand_count && !strcmp(cp_last_name(operand->path), "."))
			return usage_error(command, "\"%s\" has no last component; name what is in it", operand->text);
	}
	if (options->keep && !options->rename)
		return usage_error(command, "-n is only for what stays in its image");
	return EXIT_DONE;
}

/* Worker: within one image */

static bool same_file(const struct statx *one, const struct statx *other)
{
	return one->stx_ino == other->stx_ino && one->stx_dev_major == other->stx_dev_major &&
	       one->stx_dev_minor == other->stx_dev_minor;
}

static long rename_entry(const struct mv_options *options, int from, const char *old, int to, const char *name)
{
	struct statx source, target;
	long error = fs_statx(&fs_image, from, old, &source);

	if (error)
		return error;
	error = fs_statx(&fs_image, to, name, &target);
	if (!error && options->keep)
		return 0;
	/* Also under two names, of which rename(2) would leave both. */
	if (!error && same_file(&source, &target))
		return -EEXIST;
	return fs_rename(&fs_image, from, old, to, name, options->keep ? RENAME_NOREPLACE : 0);
}

static const char *why(long error)
{
	switch (-error) {
	case EEXIST:
		return "source and target are the same file";
	case EINVAL:
		return "a directory cannot be moved into itself";
	case EXDEV:
		return "it and the target are in different images; copy it (cp -a), then remove it";
	case EISDIR:
		return "the target is a directory, the source is not";
	case ENOTDIR:
		return "the source is a directory, the target is not";
	case ENOTEMPTY:
		return "the target is a directory that is not empty";
	}
	return NULL;
}

/* @name: NULL: its own */
static int rename_operand(struct worker *worker, const struct operand *source, int to, const char *name)
{
	char last[FS_NAME_SIZE];
	long from = worker_open_parent(source->image, source->path, last), error = from;

	if (from >= 0) {
		error = rename_entry(options_of(worker->command), (int)from, last, to, name ? name : last);
		fs_close(&fs_image, (int)from);
	}
	if (error && why(error))
		report_error(&worker->report, source->text, "%s", why(error));
	else if (error)
		return worker_failed(worker, source->text, "cannot move", error);
	return 0;
}

static int rename_all(struct worker *worker)
{
	const struct command *command = worker->command;
	const struct operand *target = target_of(command);
	char last[FS_NAME_SIZE];
	long dir = worker_open(target->image, target->path, O_PATH | O_DIRECTORY);
	bool into = dir >= 0;
	int error = 0;

	if (!into && command->operand_count > 2) {
		report_error(&worker->report, target->text, "is no directory, which it must be for several sources");
		return 0;
	}
	if (!into)
		dir = worker_open_parent(target->image, target->path, last);
	if (dir < 0)
		return worker_failed(worker, target->text,
				     dir == -ENAMETOOLONG ? "cannot be made"
							  : "the directory that it should be in cannot be opened",
				     dir);
	for (unsigned int i = 0; i + 1 < command->operand_count && !error; i++)
		error = rename_operand(worker, &command->operands[i], (int)dir, into ? NULL : last);
	fs_close(&fs_image, (int)dir);
	return error;
}

/* Worker: across */

/* Only the parent knows whether all that came out of an image has been written. */
static int ask_parent(struct worker *worker, bool *complete)
{
	struct wire_record record;
	int error = wire_begin(&worker->wire, WIRE_MOVED, 8);

	if (!error)
		error = wire_end(&worker->wire, -1);
	if (!error)
		error = wire_flush(&worker->wire);
	if (error)
		return error;
	error = wire_next(&worker->wire, &record);
	if (error <= 0)
		return error ? error : -EPIPE;
	if (record.type != WIRE_MOVED)
		return -EPROTO;
	*complete = wire_get_u32(&record);
	return 0;
}

/* The copy is on its way to the disk before the original goes. */
static int secure_target(struct worker *worker, bool *complete)
{
	const struct operand *target = target_of(worker->command);
	long error;

	if (!target->image)
		return ask_parent(worker, complete);
	error = fs_image.call(SYS_syncfs, target->image->root, 0, 0, 0, 0, 0);
	return error ? worker_failed(worker, target->text, "cannot be written to the disk", error) : 0;
}

static int remove_source(struct removal *removal, const struct operand *source)
{
	char last[FS_NAME_SIZE];
	long dir = worker_open_parent(source->image, source->path, last);
	int error;

	if (dir < 0)
		return (int)dir;
	error = removal_entry(removal, (int)dir, last, source->text);
	fs_close(&fs_image, (int)dir);
	return error;
}

static int move_all(struct worker *worker)
{
	const struct command *command = worker->command;
	struct removal removal = { .fs = &fs_image, .report = &worker->report, .recursive = true };
	bool complete = true;
	int error = cp_work(worker);

	if (!error)
		error = secure_target(worker, &complete);
	complete &= !(worker->report.outcome & OUTCOME_FAILED);
	for (unsigned int i = 0; i + 1 < command->operand_count && !error && complete; i++) {
		if (command->operands[i].image)
			error = remove_source(&removal, &command->operands[i]);
	}
	return error;
}

static int work(struct worker *worker)
{
	return options_of(worker->command)->rename ? rename_all(worker) : move_all(worker);
}

/* Parent */

static int drive(struct session *session)
{
	return options_of(session->command)->rename ? 0 : cp_drive(session);
}

static int record(struct session *session, struct wire_record *record)
{
	int error;

	if (record->type != WIRE_MOVED)
		return options_of(session->command)->rename ? -EPROTO : cp_record(session, record);
	error = wire_begin(&session->wire, WIRE_MOVED, 8);
	if (error)
		return error;
	wire_put_u32(&session->wire, !(session->report->outcome & OUTCOME_FAILED));
	error = wire_end(&session->wire, -1);
	return error ? error : wire_flush(&session->wire);
}

/* What went into an image is there, and that is unmounted: the originals go. */
static void remove_host_sources(struct session *session)
{
	const struct command *command = session->command;
	struct removal removal = { .fs = &fs_host, .report = session->report, .recursive = true };
	int error = 0;

	for (unsigned int i = 0; i + 1 < command->operand_count && !error; i++) {
		const struct operand *source = &command->operands[i];
		char *parent;
		long dir;

		if (source->image)
			continue;
		parent = cp_dir_name(source->path);
		dir = fs_openat(&fs_host, session->cwd, parent, O_PATH | O_DIRECTORY, 0);
		free(parent);
		error = dir < 0 ? (int)dir
				: removal_entry(&removal, (int)dir, cp_last_name(source->path), source->text);
		if (dir >= 0)
			fs_close(&fs_host, (int)dir);
		if (error)
			report_error(session->report, source->text, "cannot remove: %s", report_errno(error));
	}
}

static void finish(struct session *session)
{
	bool complete = session->finished && !(session->report->outcome & ~(unsigned int)OUTCOME_LOSSY);

	if (options_of(session->command)->rename)
		return;
	cp_finish(session);
	if (complete)
		remove_host_sources(session);
	else
		report_detail(session->report, NULL, "what was not moved in full stays where it was");
}

static const struct option_rule options[] = {
	{ 'f', "force", NULL, "replace what is there: the default", option_true, offsetof(struct mv_options, force) },
	{ 'n', "no-clobber", NULL, "leave what is there; only within one image", option_true,
	  offsetof(struct mv_options, keep) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus mv disk.img:/etc/motd disk.img:/etc/motd.old", "another name" },
	{ "rumpus mv disk.img:/var/log/old disk.img:/srv", "into another directory" },
	{ "rumpus mv disk.img:/core .", "out of the image" },
	{ 0 },
};

const struct subcommand subcommand_mv = {
	.name = "mv",
	.arguments = "SOURCE... TARGET",
	.summary = "rename files, move them into, out of or between images",
	.help = "Within an image files are renamed. Elsewhere they are copied as by \"cp -a\", and removed when all of them\n"
		"have been written.",
	.options = options,
	.options_size = sizeof(struct mv_options),
	.examples = examples,
	.progress = true,
	.prepare = prepare,
	.work = work,
	.record = record,
	.drive = drive,
	.finish = finish,
};
