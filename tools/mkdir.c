// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mkdir: make directories in images */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

struct mkdir_options {
	bool parents, mode_given;
	mode_t mode;
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc)
		return usage_error(command, "make which directory?");
	return operands_take_writable(command, argc, argv);
}

static bool is_dir(const struct image *image, const char *path)
{
	long fd = worker_open(image, path, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		fs_close(&fs_image, (int)fd);
	return fd >= 0;
}

static long make_one(const struct image *image, const char *path, mode_t mode)
{
	char last[FS_NAME_SIZE];
	long dir = worker_open_parent(image, path, last), error, fd;

	if (dir < 0)
		return dir;
	error = strcmp(last, ".") ? fs_mkdirat(&fs_image, (int)dir, last, mode) : -EEXIST;
	if (!error) {
		/* The umask of a kernel's first process, and an inherited ACL, would take bits away. */
		fd = fs_open_dir(&fs_image, (int)dir, last);
		error = fd < 0 ? fd : fs_fchmod(&fs_image, (int)fd, mode);
		if (fd >= 0)
			fs_close(&fs_image, (int)fd);
	}
	fs_close(&fs_image, (int)dir);
	return error;
}

/* With -p: everything on the way, too, as far as it is missing. */
static long make_parents(const struct image *image, const char *path, mode_t mode)
{
	char *copy = strdup(path);
	long error = 0;

	if (!copy)
		return -ENOMEM;
	for (char *slash = copy; (slash = strchr(slash, '/')) && !error; slash++) {
		/* The last component is not a parent, also when slashes follow it. */
		if (slash == copy || !slash[strspn(slash, "/")])
			continue;
		*slash = 0;
		error = make_one(image, copy, mode);
		if (error == -EEXIST)
			error = 0;
		*slash = '/';
	}
	free(copy);
	return error;
}

static int work(struct worker *worker)
{
	const struct command *command = worker->command;
	const struct mkdir_options *options = command->own;
	mode_t usual = 0777 & ~worker->umask;

	for (unsigned int i = 0; i < command->operand_count; i++) {
		const struct operand *operand = &command->operands[i];
		long error = options->parents ? make_parents(operand->image, operand->path, usual | 0300) : 0;

		if (!error)
			error = make_one(operand->image, operand->path, options->mode_given ? options->mode : usual);
		if (error == -EEXIST && options->parents && is_dir(operand->image, operand->path))
			error = 0;
		if (error == -EINTR || error == -ESHUTDOWN)
			return (int)error;
		if (error == -ENOENT)
			report_error(&worker->report, operand->text,
				     "a directory on the way is missing; use -p to make it");
		else if (error)
			report_error(&worker->report, operand->text, "cannot make the directory: %s",
				     report_errno(error));
	}
	return 0;
}

static int take_mode(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	struct mkdir_options *own = target;
	char *end;
	unsigned long mode = strtoul(argument, &end, 8);

	if (*argument < '0' || *argument > '7' || *end || mode > 07777)
		return usage_error(command, "-m %s: give the mode in octal, as 755", argument);
	own->mode = (mode_t)mode;
	own->mode_given = true;
	return EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 'p', "parents", NULL, "also make the directories on the way; be content with one that exists", option_true,
	  offsetof(struct mkdir_options, parents) },
	{ 'm', "mode", "MODE", "octal mode of the new directory", take_mode, 0 },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus mkdir -p disk.img:/srv/www/htdocs", "with all directories on the way" },
	{ "rumpus mkdir -m 700 disk.img:/root/.ssh", "for root alone" },
	{ 0 },
};

const struct subcommand subcommand_mkdir = {
	.name = "mkdir",
	.arguments = "IMAGE:/DIRECTORY...",
	.summary = "make directories",
	.options = options,
	.options_size = sizeof(struct mkdir_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
