// SPDX-License-Identifier: BSD-2-Clause
/* rumpus diff: two trees, of images or one of them on the host, compared with everything that is known of files */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "compare.h"
#include "found.h"
#include "tar.h"

struct diff_options {
	bool json, no_modes, no_owners, no_times, no_xattrs, no_links, contents;
	struct pattern_list exclude;
};

static const struct diff_options *options_of(const struct command *command)
{
	return command->own;
}

/* The walk is of the host where there is one: only the parent can walk it. Else of the first. */
static unsigned int walked(const struct command *command)
{
	return command->operands[1].image ? 0 : 1;
}

static bool is_wanted(void *arg, const char *path)
{
	return !pattern_excludes(arg, path);
}

static void set_up_walk(const struct command *command, struct tree_walk *walk)
{
	struct diff_options *options = command->own;

	walk->preserve = walk->sorted = walk->enter_xattrs = true;
	walk->wanted = options->exclude.count ? is_wanted : NULL;
	walk->wanted_arg = &options->exclude;
}

static int prepare(struct command *command, int argc, char **argv)
{
	int result;

	if (argc != 2)
		return usage_error(command, "diff takes two: images, or an image and a file or directory");
	/* A file of the host is one to compare with when the other is in an image; else it is an image itself. */
	result = operands_take(command, argc, argv, OPERAND_ANY);
	if (!result && !command->image_count) {
		command->operand_count = 0;
		result = operands_take(command, argc, argv, OPERAND_TREE);
	}
	if (!result && !command->operands[0].image && !command->operands[1].image)
		return usage_error(command, "neither \"%s\" nor \"%s\" is an image", argv[0], argv[1]);
	return result;
}

/* The parent's half. */

static int walk_host(struct session *session, struct tree_walk *walk, const struct operand *operand)
{
	const int follow = O_NOCTTY | O_NONBLOCK;
	long fd = fs_openat(&fs_host, session->cwd, operand->path, O_PATH | O_DIRECTORY, 0);
	int error;

	if (fd == -ENOTDIR) {
		fd = fs_openat(&fs_host, session->cwd, operand->path, O_RDONLY | follow, 0);
		if (fd >= 0)
			return tree_walk_file(walk, 0, (int)fd, operand->text);
	}
	if (fd < 0) {
		report_error(session->report, operand->text, "cannot open: %s", report_errno(fd));
		return 0;
	}
	error = tree_walk(walk, 0, (int)fd, ".", operand->text);
	fs_close(&fs_host, (int)fd);
	return error;
}

static int drive(struct session *session)
{
	const struct command *command = session->command;
	const struct operand *operand = &command->operands[walked(command)];
	struct tree_wire_sink sink;
	struct tree_walk walk = { .fs = &fs_host, .sink = &sink.sink, .report = session->report };
	int error;

	if (operand->image)
		return 0;
	set_up_walk(command, &walk);
	tree_wire_sink_init(&sink, &session->wire, true);
	error = tree_walk_init(&walk);
	if (!error)
		error = walk_host(session, &walk, operand);
	tree_walk_fini(&walk);
	return error ? error : tree_put_done(&session->wire);
}

/* A difference as it travels: what is on which side is already in the order of the command line. */
struct difference {
	uint32_t only; /* 1 or 2: only there */
	const char *path, *what, *first, *second;
};

static void put_place(const char *label, const char *path)
{
	size_t length = strlen(label);

	text_put(label);
	if (*path && (!length || label[length - 1] != '/'))
		text_put("/");
	text_put(path);
}

static void print_only(const char *label, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);

	if (!dir)
		abort();
	fputs("Only in ", stdout);
	put_place(label, dir);
	fputs(": ", stdout);
	text_put(slash ? slash + 1 : path);
	fputs("\n", stdout);
	free(dir);
}

/* As diff -rq has it, and lines of the same kind for what that does not look at. */
static void print_text(const struct command *command, const struct difference *difference)
{
	const char *first = command->operands[0].text, *second = command->operands[1].text;
	bool type = !strcmp(difference->what, "type");

	if (difference->only) {
		print_only(difference->only == 1 ? first : second, difference->path);
		return;
	}
	fputs(type ? "File " : "Files ", stdout);
	put_place(first, difference->path);
	fputs(type ? " is a " : " and ", stdout);
	if (type) {
		text_put(difference->first);
		fputs(" while file ", stdout);
	}
	put_place(second, difference->path);
	fputs(type ? " is a " : " differ", stdout);
	if (type)
		text_put(difference->second);
	if (!type && strcmp(difference->what, "contents")) {
		fputs(" in ", stdout);
		text_put(difference->what);
		fputs(": ", stdout);
		text_put(difference->first);
		fputs(", ", stdout);
		text_put(difference->second);
	}
	fputs("\n", stdout);
}

static void print_json(const struct difference *difference)
{
	struct json *json = json_list_next();

	json_open(json, NULL, '{');
	json_string(json, "path", difference->path);
	json_string(json, "what", difference->only ? "only" : difference->what);
	if (difference->only)
		json_unsigned(json, "in", difference->only);
	else if (strcmp(difference->what, "contents")) {
		json_string(json, "first", difference->first);
		json_string(json, "second", difference->second);
	}
	json_close(json, '}');
}

static int record(struct session *session, struct wire_record *record)
{
	struct difference difference = { 0 };

	if (record->type != WIRE_DIFFERENCE)
		return -EPROTO;
	difference.only = wire_get_u32(record);
	difference.path = wire_get_string(record);
	difference.what = wire_get_string(record);
	difference.first = wire_get_string(record);
	difference.second = wire_get_string(record);
	if (record->bad || difference.only > 2)
		return -EPROTO;
	session->report->outcome |= OUTCOME_DIFFERS;
	if (options_of(session->command)->json)
		print_json(&difference);
	else
		print_text(session->command, &difference);
	return ferror(stdout) ? -EIO : 0;
}

static void finish(struct session *session)
{
	if (options_of(session->command)->json)
		json_list_end();
}

/* The worker's half. */

/**
 * struct diff - the comparison, and where it goes
 * @swapped: the walk is of the second operand
 */
struct diff {
	struct compare compare;
	struct worker *worker;
	bool swapped;
};

static int differ(struct compare *compare, const char *path, const char *what, const char *first, const char *second)
{
	const struct diff *diff = (const struct diff *)compare;
	struct wire *wire = &diff->worker->wire;
	const char *a = diff->swapped ? second : first, *b = diff->swapped ? first : second;
	uint32_t only = strcmp(what, "only") ? 0 : a ? 1 : 2;
	int error;

	path = path_tail(path);
	a = a ? a : "";
	b = b ? b : "";
	error = wire_begin(wire, WIRE_DIFFERENCE, strlen(path) + strlen(what) + strlen(a) + strlen(b) + 48);
	if (error)
		return error;
	wire_put_u32(wire, only);
	wire_put_string(wire, path);
	wire_put_string(wire, what);
	wire_put_string(wire, a);
	wire_put_string(wire, b);
	return wire_end(wire, -1);
}

/* An entry from the parent, whose large files come as descriptors. */
static int take_from_parent(void *arg, const struct tree_entry *entry)
{
	struct tree_sink *sink = arg;

	if (entry->kind != TREE_STREAM)
		return sink->take(sink, entry);
	return sink->stream(sink, entry, (struct tree_end){ &fs_host, entry->fd }, entry->name);
}

/* A directory, or a file that can be read; -1 after a message */
static int open_side(struct worker *worker, const struct operand *operand, bool *directory)
{
	long fd = worker_open(operand->image, operand->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);

	*directory = fd >= 0;
	if (fd == -ENOTDIR)
		fd = worker_open(operand->image, operand->path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		report_error(&worker->report, operand->text, "cannot open: %s", report_errno(fd));
	return fd < 0 ? -1 : (int)fd;
}

static int compare_images(struct worker *worker, struct compare *compare, const struct operand *first)
{
	struct tree_walk walk = { .fs = &fs_image, .sink = &compare->sink, .report = &worker->report };
	bool directory;
	int fd = open_side(worker, first, &directory), error;

	if (fd < 0)
		return -ECANCELED;
	set_up_walk(worker->command, &walk);
	image_room(worker, first->image, &walk.room);
	error = tree_walk_init(&walk);
	if (!error && !directory)
		error = tree_walk_file(&walk, 0, fd, first->text); /* closes it */
	else {
		if (!error)
			error = tree_walk(&walk, 0, fd, ".", first->text);
		fs_close(&fs_image, fd);
	}
	tree_walk_fini(&walk);
	return error;
}

static void set_up(struct diff *diff, struct worker *worker, const struct operand *second)
{
	struct diff_options *options = worker->command->own;
	bool all = !options->contents;

	*diff = (struct diff){
		.worker = worker,
		.swapped = walked(worker->command) == 1,
		.compare = { .fs = &fs_image,
			     .report = &worker->report,
			     .label = second->text,
			     .modes = all && !options->no_modes,
			     .owners = all && !options->no_owners,
			     .times = all && !options->no_times,
			     .xattrs = all && !options->no_xattrs,
			     .links = all && !options->no_links,
			     .differ = differ,
			     .wanted = options->exclude.count ? is_wanted : NULL,
			     .wanted_arg = &options->exclude },
	};
}

static int work(struct worker *worker)
{
	const struct operand *operands = worker->command->operands, *first = &operands[walked(worker->command)];
	const struct operand *second = first == operands ? operands + 1 : operands;
	struct diff diff;
	bool directory;
	int error;

	set_up(&diff, worker, second);
	diff.compare.base = open_side(worker, second, &directory);
	if (diff.compare.base < 0)
		return -ECANCELED;
	error = compare_init(&diff.compare);
	if (!error) {
		error = first->image ? compare_images(worker, &diff.compare, first)
				     : tree_receive(&worker->wire, take_from_parent, &diff.compare.sink);
		compare_fini(&diff.compare);
	}
	fs_close(&fs_image, diff.compare.base);
	return error;
}

static const struct option_rule options[] = {
	{ 0, "contents", NULL, "compare kinds and contents only", option_true, offsetof(struct diff_options, contents) },
	{ 0, "no-times", NULL, "leave out times", option_true, offsetof(struct diff_options, no_times) },
	{ 0, "no-owners", NULL, "leave out owners", option_true, offsetof(struct diff_options, no_owners) },
	{ 0, "no-modes", NULL, "leave out modes", option_true, offsetof(struct diff_options, no_modes) },
	{ 0, "no-xattrs", NULL, "leave out extended attributes and ACLs", option_true,
	  offsetof(struct diff_options, no_xattrs) },
	{ 0, "no-links", NULL, "leave out which files are one by hard links", option_true,
	  offsetof(struct diff_options, no_links) },
	{ 0, "exclude", "PATTERN", "leave out what matches, with all below it; may be repeated", tar_exclude_option,
	  offsetof(struct diff_options, exclude) },
	{ 0, "json", NULL, "as JSON, an array with an object for each difference", option_true,
	  offsetof(struct diff_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus diff old.img new.img", "two images" },
	{ "rumpus diff --no-owners photos disk.img:/photos", "a copy and what it was made of" },
	{ "rumpus diff --exclude lost+found --no-times a.img b.img", "the same but for when and that" },
	{ 0 },
};

const struct subcommand subcommand_diff = {
	.name = "diff",
	.arguments = "FIRST SECOND",
	.summary = "compare two trees: contents and metadata",
	.help = "Each is an image, IMAGE:/PATH, or a directory of the host; not both of the host. Beside IMAGE:/PATH, a name\n"
		"without a colon is a file or directory of the host.\n"
		"Access times do not count. Exit: 0 the same, 1 different, 2 trouble.",
	.options = options,
	.options_size = sizeof(struct diff_options),
	.examples = examples,
	.trouble = 2,
	.progress = true,
	.prepare = prepare,
	.work = work,
	.record = record,
	.drive = drive,
	.finish = finish,
};
