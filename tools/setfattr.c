// SPDX-License-Identifier: BSD-2-Clause
/* rumpus setfattr: set and remove extended attributes of files in images */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xattr.h"

/* One attribute that is to be set; @path: NULL: of the operands */
struct setting {
	char *path, *name;
	void *value;
	size_t size;
};

struct setfattr_options {
	bool links;
	const char *name, *value, *remove, *restore;
	/* understood from these */
	struct setting *settings;
	size_t count, room;
};

/* Keeps what it is given. Return: false after a message */
static bool add_setting(const struct command *command, const char *path, char *name, const char *text)
{
	struct setfattr_options *options = command->own;
	struct setting setting = { .path = path ? strdup(path) : NULL,
				   .name = name,
				   .value = malloc(strlen(text) + 1) };
	long size = setting.value && (!path || setting.path) ? xattr_decode(text, setting.value) : -ENOMEM;

	if (size < 0 || size > (long)XATTR_VALUE_MAX) {
		usage_error(command, "%s: the value \"%.40s\" %s", name, text,
			    size < 0 ? "is not understood: after 0x hexadecimal digits follow, after 0s Base64"
				     : "is larger than 64 KiB");
		return false;
	}
	setting.size = (size_t)size;
	if (options->count == options->room) {
		options->room = 2 * options->room + 16;
		options->settings = realloc(options->settings, options->room * sizeof(*options->settings));
		if (!options->settings)
			abort();
	}
	options->settings[options->count++] = setting;
	return true;
}

/* One line of a dump. @path: of the file that it is about, changed by a line that names one. */
static bool take_line(const struct command *command, char *line, char **path)
{
	char *value = strchr(line, '=');

	if (!strncmp(line, "# file: ", 8)) {
		free(*path);
		*path = strdup(line + 8);
		if (!*path)
			abort();
		xattr_unescape(*path);
		return true;
	}
	if (!*line || *line == '#')
		return true;
	if (!*path) {
		usage_error(command, "\"%.40s\": no line \"# file: PATH\" comes before it", line);
		return false;
	}
	if (value)
		*value++ = 0;
	line = strdup(line);
	if (!line)
		abort();
	xattr_unescape(line);
	return add_setting(command, *path, line, value ? value : "");
}

static int read_dump(const struct command *command, const char *name)
{
	FILE *file = !strcmp(name, "-") ? stdin : fopen(name, "re");
	char *line = NULL, *path = NULL;
	size_t room = 0;
	ssize_t length;
	bool good = file, failed;

	while (good && (length = getline(&line, &room, file)) >= 0) {
		if (length && line[length - 1] == '\n')
			line[length - 1] = 0;
		good = take_line(command, line, &path);
	}
	failed = !file || ferror(file);
	if (failed)
		report_error(command->report, name, "cannot be read: %s", report_errno(-errno));
	if (file && file != stdin)
		fclose(file);
	free(line);
	free(path);
	return failed ? EXIT_PROBLEM : good ? EXIT_DONE : EXIT_USAGE;
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct setfattr_options *options = command->own;
	int result = EXIT_DONE;

	if (!!options->name + !!options->remove + !!options->restore != 1)
		return usage_error(command, "give one of -n, -x and --restore");
	if (options->value && !options->name)
		return usage_error(command, "-v needs -n");
	if (!argc || (options->restore && argc > 1))
		return usage_error(command, options->restore ? "give one place to restore to" : "attributes of what?");
	if (options->restore && command->directory)
		return usage_error(command,
				   "--restore reads a file of the host, which the shell cannot; use it outside");
	if (options->restore)
		result = read_dump(command, options->restore);
	else if (options->name &&
		 !add_setting(command, NULL, (char *)options->name, options->value ? options->value : ""))
		result = EXIT_USAGE;
	return result ? result : operands_take_writable(command, argc, argv);
}

static const char *why(long error)
{
	switch (-error) {
	case ENODATA:
		return "no such attribute";
	case EOPNOTSUPP:
		return "attributes of this name are not for this kind of file, or not for this file system";
	case EPERM:
		return "not for this kind of file: user.* is for files and directories alone";
	case ENOSPC:
		return "there is no room for it beside the others of the file";
	}
	return report_errno(error);
}

static int apply(struct visit *visit, const struct xattr_place *place, const char *name, const struct setting *setting)
{
	const char *file = *place->name ? place->name : ".";
	long error = setting ? fs_xattr_set(&fs_image, place->fd, place->dir, file, name, setting->value, setting->size)
			     : fs_xattr_remove(&fs_image, place->fd, place->dir, file, name);

	if (!error)
		return 0;
	if (error == -EINTR || error == -ESHUTDOWN || error == -EROFS)
		return (int)error;
	report_error(&visit->worker->report, visit->path.text, "%s: %s", name, why(error));
	return 0;
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct setfattr_options *options = visit->worker->command->own;
	const struct setting *setting = visit->arg;
	struct xattr_place place;
	int error = xattr_place(visit, file, options->links, &place);

	if (error)
		return error < 0 ? error : VISIT_SKIP;
	error = apply(visit, &place, setting ? setting->name : options->remove, setting);
	xattr_leave(&place);
	return error ? error : VISIT_SKIP;
}

/* A path of a dump, below the one operand. */
static int restore_one(struct visit *visit, const struct operand *below, struct setting *setting)
{
	struct operand operand = { .image = below->image };
	char *path = NULL, *text = NULL;
	int error = -ENOMEM;

	if (asprintf(&path, "%s/%s", below->path, setting->path) >= 0 &&
	    asprintf(&text, "%s:%s", below->image->path, path + (path[0] == '/' && path[1] == '/')) >= 0) {
		operand.path = path;
		operand.text = text;
		visit->arg = setting;
		error = visit_operand(visit, &operand);
	}
	free(path);
	free(text);
	return error;
}

static int work(struct worker *worker)
{
	const struct setfattr_options *options = worker->command->own;
	struct visit visit = { .worker = worker, .enter = enter, .arg = options->name ? options->settings : NULL };
	int error = 0;

	if (!options->restore)
		return visit_operands(&visit, 0);
	for (size_t i = 0; i < options->count && !error; i++)
		error = restore_one(&visit, &worker->command->operands[0], &options->settings[i]);
	visit_end(&visit);
	return error;
}

static const struct option_rule options[] = {
	{ 'n', "name", "NAME", "the attribute, as user.comment", option_text, offsetof(struct setfattr_options, name) },
	{ 'v', "value", "VALUE", "its new value; without it, an empty one", option_text,
	  offsetof(struct setfattr_options, value) },
	{ 'x', "remove", "NAME", "remove it", option_text, offsetof(struct setfattr_options, remove) },
	{ 'h', "no-dereference", NULL, "of symbolic links themselves", option_true,
	  offsetof(struct setfattr_options, links) },
	{ 0, "restore", "FILE", "what \"getfattr -d\" wrote, from a host file; - for standard input", option_text,
	  offsetof(struct setfattr_options, restore) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus setfattr -n user.origin -v scan disk.img:/photo", "text" },
	{ "rumpus setfattr -x security.capability disk.img:/bin/ping", "one less" },
	{ "rumpus setfattr --restore=attributes disk.img", "all of a dump" },
	{ 0 },
};

const struct subcommand subcommand_setfattr = {
	.name = "setfattr",
	.arguments = "IMAGE:/FILE...",
	.summary = "set and remove extended attributes",
	.help = "VALUE is text, with \\\\ and \\NNN as escapes, with or without quotes around it; after 0x hexadecimal digits,\n"
		"after 0s Base64. Paths of a dump are taken to be below IMAGE[:/DIRECTORY].",
	.options = options,
	.options_size = sizeof(struct setfattr_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
