// SPDX-License-Identifier: BSD-2-Clause
/* rumpus rm: remove files and trees in images */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define NAMES_SIZE (32U << 10)
#define DEPTH_MAX 10000U

struct rm_options {
	bool recursive, force;
};

static const struct rm_options *options_of(const struct command *command)
{
	return command->own;
}

/* State of one removal; nothing in it is kept afterwards. */
struct removal {
	struct worker *worker;
	struct path path;
	unsigned int depth;
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc && options_of(command)->force)
		return EXIT_DONE;
	if (!argc)
		return usage_error(command, "remove what?");
	return operands_take_writable(command, argc, argv);
}

static int failed(struct removal *removal, long error)
{
	if (error == -EINTR || error == -ESHUTDOWN || error == -EROFS)
		return (int)error;
	if (error != -ENOENT || !options_of(removal->worker->command)->force)
		report_error(&removal->worker->report, removal->path.text, "cannot remove: %s", report_errno(error));
	return 0;
}

static int remove_entry(struct removal *removal, int dir, const char *name);

static int remove_names(struct removal *removal, int dir, const char *names, long size)
{
	int error = 0;

	for (long at = 0; at < size && !error;) {
		const struct fs_dirent *dirent = (const void *)(names + at);

		at += dirent->size;
		if (!strcmp(dirent->name, ".") || !strcmp(dirent->name, ".."))
			continue;
		error = remove_entry(removal, dir, dirent->name);
	}
	return error;
}

static int remove_entries(struct removal *removal, int dir)
{
	char *names = malloc(NAMES_SIZE);
	int error = 0;
	long size = 1;

	if (!names)
		return -ENOMEM;
	while (!error && size > 0) {
		size = fs_getdents64(&fs_image, dir, names, NAMES_SIZE);
		error = size < 0 ? failed(removal, size) : remove_names(removal, dir, names, size);
	}
	free(names);
	return error;
}

static int remove_tree(struct removal *removal, int dir, const char *name)
{
	long fd = fs_open_dir(&fs_image, dir, name), gone;
	int error;

	if (fd < 0)
		return failed(removal, fd);
	if (removal->depth >= DEPTH_MAX) {
		report_error(&removal->worker->report, removal->path.text, "nested more than %u directories deep",
			     DEPTH_MAX);
		fs_close(&fs_image, (int)fd);
		return 0;
	}
	removal->depth++;
	error = remove_entries(removal, (int)fd);
	removal->depth--;
	fs_close(&fs_image, (int)fd);
	if (error)
		return error;
	gone = fs_unlinkat(&fs_image, dir, name, AT_REMOVEDIR);
	return gone ? failed(removal, gone) : 0;
}

static int remove_entry(struct removal *removal, int dir, const char *name)
{
	long length, gone;
	int error = 0;

	if (stop_requested())
		return -EINTR;
	length = path_push(&removal->path, name);
	if (length < 0)
		return (int)length;
	gone = fs_unlinkat(&fs_image, dir, name, 0);
	if (gone == -EISDIR && options_of(removal->worker->command)->recursive)
		error = remove_tree(removal, dir, name);
	else if (gone == -EISDIR)
		report_error(&removal->worker->report, removal->path.text, "is a directory; use -r to remove it");
	else if (gone)
		error = failed(removal, gone);
	path_pop(&removal->path, length);
	return error;
}

static int remove_operand(struct removal *removal, const struct operand *operand)
{
	char last[256], *slash, *label = strdup(operand->text);
	long dir;
	int error;

	if (!label)
		return -ENOMEM;
	dir = worker_open_parent(operand->image, operand->path, last);
	/* remove_entry() adds the last component again. */
	slash = dir < 0 ? NULL : strrchr(label, '/');
	if (slash)
		slash[1] = 0;
	error = path_set(&removal->path, label);
	free(label);
	if (error)
		return error;
	if (dir < 0)
		return failed(removal, dir);
	if (strcmp(last, "."))
		error = remove_entry(removal, (int)dir, last);
	else
		report_error(&removal->worker->report, operand->text, "is not removed; name what is in it");
	fs_close(&fs_image, (int)dir);
	return error;
}

static int work(struct worker *worker)
{
	struct removal removal = { .worker = worker };
	int error = 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++)
		error = remove_operand(&removal, &worker->command->operands[i]);
	path_free(&removal.path);
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
