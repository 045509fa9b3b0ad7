// SPDX-License-Identifier: BSD-2-Clause
/* rumpus ls: list files in images */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "found.h"
#include "table.h"
#include "tree.h"

#define DEPTH_MAX 2000U
/* Entries of one directory that the parent keeps to align them; more are shown in groups of this size. */
#define GROUP_MAX 100000U

struct ls_options {
	bool all, directory, human, long_format, one, recursive, reverse, json;
	char sort; /* letter of the option; 0: by name */
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc)
		return usage_error(command, "list what?");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* Worker: what is in directories, sorted */

/* What a name is sorted by before itself, the largest first. */
struct key {
	const char *name;
	int64_t first;
	uint32_t second;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key *one = a, *other = b;

	if (one->first != other->first)
		return one->first < other->first ? 1 : -1;
	if (one->second != other->second)
		return one->second < other->second ? 1 : -1;
	return strcmp(one->name, other->name);
}

static struct key make_key(int dir, const char *name, char sort)
{
	struct key key = { .name = name };
	struct statx st;

	/* What cannot be examined is told when it is to be shown. */
	if (fs_statx(&fs_image, dir, name, &st))
		return key;
	key.first = sort == 'S' ? (int64_t)st.stx_size : st.stx_mtime.tv_sec;
	key.second = sort == 'S' ? 0 : st.stx_mtime.tv_nsec;
	return key;
}

static void reverse(struct fs_names *names)
{
	for (size_t i = 0, j = names->count; i + 1 < j; i++) {
		const char *name = names->list[i];

		names->list[i] = names->list[--j];
		names->list[j] = name;
	}
}

/* Names come sorted by themselves. Return: 0, -ENOMEM */
static int sort_names(const struct ls_options *options, int dir, struct fs_names *names)
{
	struct key *keys = options->sort ? malloc((names->count + 1) * sizeof(*keys)) : NULL;

	if (options->sort && !keys)
		return -ENOMEM;
	for (size_t i = 0; i < names->count && keys; i++)
		keys[i] = make_key(dir, names->list[i], options->sort);
	if (keys)
		qsort(keys, names->count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < names->count && keys; i++)
		names->list[i] = keys[i].name;
	free(keys);
	if (options->reverse)
		reverse(names);
	return 0;
}

static bool is_shown(void *arg, const struct fs_dirent *dirent)
{
	const struct ls_options *options = arg;

	return options->all || *dirent->name != '.';
}

static int send_listing(struct worker *worker, const char *path)
{
	const char *title = path_tail(path);
	int error = wire_begin(&worker->wire, WIRE_LISTING, strlen(title) + 8);

	if (error)
		return error;
	wire_put_string(&worker->wire, title);
	return wire_end(&worker->wire, -1);
}

static int send_entry(struct worker *worker, const struct operand *operand, const struct found_place *place,
		      const struct statx *st)
{
	const struct found found = found_from(worker->command, operand, st);

	return found_put(worker, &found, place);
}

/* An entry of a directory: for people by its name, for programs by its path. */
static int send_name(struct worker *worker, const struct operand *operand, int dir, const char *name, struct path *path)
{
	const struct ls_options *options = worker->command->own;
	struct found_place place = { name, dir, name, NULL };
	struct statx st;
	long error = fs_statx(&fs_image, dir, name, &st), length;

	if (error) {
		report_error(&worker->report, path->text, "%s: %s", name, report_errno(error));
		return 0;
	}
	if (!options->json)
		return send_entry(worker, operand, &place, &st);
	length = path_push(path, name);
	if (length < 0)
		return (int)length;
	place.path = path->text;
	place.accounts = operand->image;
	error = send_entry(worker, operand, &place, &st);
	path_pop(path, length);
	return (int)error;
}

/** struct ls_walk - one operand and what is below it; @dirs: those that were listed, to know one that has two paths */
struct ls_walk {
	struct worker *worker;
	const struct operand *operand;
	struct path path;
	struct tree_links *dirs;
};

static int list_dir(struct ls_walk *walk, int dir, unsigned int depth);

static bool is_subdir(int dir, const char *name)
{
	struct statx st;

	return !fs_is_dots(name) && !fs_statx(&fs_image, dir, name, &st) && S_ISDIR(st.stx_mode);
}

static int list_subdirs(struct ls_walk *walk, int dir, const struct fs_names *names, unsigned int depth)
{
	int error = 0;

	for (size_t i = 0; i < names->count && !error; i++) {
		long length, fd;

		if (!is_subdir(dir, names->list[i]))
			continue;
		length = path_push(&walk->path, names->list[i]);
		if (length < 0)
			return (int)length;
		fd = depth < DEPTH_MAX ? fs_open_dir(&fs_image, dir, names->list[i]) : -ELOOP;
		if (fd < 0)
			report_error(&walk->worker->report, walk->path.text, "%s", report_errno(fd));
		else if (tree_dir_again(walk->dirs, &fs_image, (int)fd))
			report_error(&walk->worker->report, walk->path.text, "%s", TREE_DIR_AGAIN);
		else
			error = list_dir(walk, (int)fd, depth + 1);
		if (fd >= 0)
			fs_close(&fs_image, (int)fd);
		path_pop(&walk->path, length);
	}
	return error;
}

static bool has_headings(const struct command *command)
{
	const struct ls_options *options = command->own;

	return options->recursive || command->operand_count > 1 || command->turn_count;
}

static int list_dir(struct ls_walk *walk, int dir, unsigned int depth)
{
	struct worker *worker = walk->worker;
	struct ls_options *options = worker->command->own;
	struct fs_names names;
	long error = fs_names_read(&fs_image, dir, is_shown, options, &names);

	if (error && error != -EINTR && error != -ENOMEM && error != -ESHUTDOWN) {
		report_error(&worker->report, walk->path.text, "%s", report_errno(error));
		error = 0;
	}
	if (!error)
		error = sort_names(options, dir, &names);
	if (!error && !options->json && has_headings(worker->command))
		error = send_listing(worker, walk->path.text);
	for (size_t i = 0; i < names.count && !error; i++)
		error = send_name(worker, walk->operand, dir, names.list[i], &walk->path);
	if (!error && options->recursive)
		error = list_subdirs(walk, dir, &names, depth);
	fs_names_free(&names);
	return (int)error;
}

static int list_opened(struct worker *worker, const struct operand *operand, int parent, const char *last)
{
	const struct ls_options *options = worker->command->own;
	struct found_place place = { operand->text, parent, last, options->json ? operand->image : NULL };
	struct ls_walk walk = { .worker = worker, .operand = operand };
	char *label;
	struct statx st;
	long found = fs_statx(&fs_image, parent, last, &st), fd = -ENOENT;
	int error;

	if (found) {
		report_error(&worker->report, operand->text, "%s", report_errno(found));
		return 0;
	}
	/* As ls(1): a link that is named is followed to a directory, unless it is to be described itself. */
	if (!options->directory && !(S_ISLNK(st.stx_mode) && options->long_format))
		fd = worker_open(operand->image, operand->path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return send_entry(worker, operand, &place, &st);
	label = operand_label(worker->command, operand);
	error = label ? path_set(&walk.path, label) : -ENOMEM;
	free(label);
	walk.dirs = tree_links_new();
	if (!walk.dirs)
		error = -ENOMEM;
	if (!error)
		error = list_dir(&walk, (int)fd, 0);
	tree_links_free(walk.dirs);
	path_free(&walk.path);
	fs_close(&fs_image, (int)fd);
	return error;
}

static int work(struct worker *worker)
{
	int error = 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++) {
		const struct operand *operand = &worker->command->operands[i];
		char last[FS_NAME_SIZE];
		long parent = worker_open_parent(operand->image, operand->path, last);

		if (parent < 0) {
			report_error(&worker->report, operand->text, "%s", report_errno(parent));
			continue;
		}
		error = list_opened(worker, operand, (int)parent, last);
		fs_close(&fs_image, (int)parent);
	}
	return error;
}

/* Parent: lines */

struct shown {
	struct found found;
	char *name, *target;
};

struct listing {
	struct shown *entries;
	size_t count, room;
	bool began; /* something was printed */
};

static void size_string(const struct found *found, bool human, char *text, size_t size)
{
	if (S_ISCHR(found->mode) || S_ISBLK(found->mode))
		snprintf(text, size, "%u, %u", found->rdev_major, found->rdev_minor);
	else if (human)
		text_size_short(found->size, text, size);
	else
		snprintf(text, size, "%llu", (unsigned long long)found->size);
}

struct widths {
	int nlink, uid, gid, size;
};

static int digits(uint32_t number)
{
	return snprintf(NULL, 0, "%u", number);
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static struct widths measure(const struct listing *listing, bool human)
{
	struct widths widths = { 1, 1, 1, 1 };
	char size[40];

	for (size_t i = 0; i < listing->count; i++) {
		const struct found *found = &listing->entries[i].found;

		size_string(found, human, size, sizeof(size));
		widths.nlink = larger(widths.nlink, digits(found->nlink));
		widths.uid = larger(widths.uid, digits(found->uid));
		widths.gid = larger(widths.gid, digits(found->gid));
		widths.size = larger(widths.size, (int)strlen(size));
	}
	return widths;
}

static void print_long(const struct shown *shown, const struct widths *widths, bool human)
{
	const struct found *found = &shown->found;
	char mode[11], size[40], when[40] = "?";
	time_t mtime = (time_t)found->modify.seconds;
	struct tm tm;

	found_mode(found->mode, mode);
	size_string(found, human, size, sizeof(size));
	if (localtime_r(&mtime, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%s %*u %*u %*u %*s %s %s%s%s\n", mode, widths->nlink, found->nlink, widths->uid, found->uid,
	       widths->gid, found->gid, widths->size, size, when, shown->name, S_ISLNK(found->mode) ? " -> " : "",
	       shown->target);
}

static const char *shown_name(const void *list, size_t i)
{
	return ((const struct shown *)list)[i].name;
}

static int print(struct session *session)
{
	const struct ls_options *options = session->command->own;
	struct listing *listing = session->state;
	struct widths widths;

	if (!listing || !listing->count)
		return 0;
	widths = measure(listing, options->human);
	if (!options->long_format && !options->one && isatty(STDOUT_FILENO))
		columns_print(stdout, shown_name, listing->entries, listing->count);
	else
		for (size_t i = 0; i < listing->count; i++) {
			if (options->long_format)
				print_long(&listing->entries[i], &widths, options->human);
			else
				puts(listing->entries[i].name);
		}
	while (listing->count) {
		free(listing->entries[--listing->count].name);
		free(listing->entries[listing->count].target);
	}
	listing->began = true;
	return ferror(stdout) ? -EIO : 0;
}

/* What goes to a terminal must not control it; what goes to a program must stay as it is. */
static char *fit(const char *text)
{
	char *copy = strdup(text);

	return copy && isatty(STDOUT_FILENO) ? text_clean(copy) : copy;
}

static int take_entry(struct listing *listing, const struct found *found, const struct found_names *names)
{
	struct shown *shown;

	if (listing->count == listing->room) {
		size_t room = 2 * listing->room + 64;
		struct shown *entries = realloc(listing->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		listing->entries = entries;
		listing->room = room;
	}
	shown = &listing->entries[listing->count];
	*shown = (struct shown){ *found, fit(names->path), fit(names->target) };
	if (!shown->name || !shown->target)
		return -ENOMEM;
	listing->count++;
	return 0;
}

static int take_found(struct session *session, struct wire_record *record)
{
	const struct ls_options *options = session->command->own;
	struct listing *listing = session->state;
	struct found_names names;
	struct found found;
	int error;

	found_get(record, &found, &names);
	if (record->bad)
		return -EPROTO;
	if (options->json) {
		found_json(json_list_next(), &found, &names);
		return ferror(stdout) ? -EIO : 0;
	}
	error = take_entry(listing, &found, &names);
	return !error && listing->count >= GROUP_MAX ? print(session) : error;
}

static int record(struct session *session, struct wire_record *record)
{
	struct listing *listing = session->state;
	char *title;
	int error;

	if (!listing)
		listing = session->state = calloc(1, sizeof(*listing));
	if (!listing)
		return -ENOMEM;
	if (record->type == WIRE_FOUND)
		return take_found(session, record);
	if (record->type != WIRE_LISTING)
		return -EPROTO;
	error = print(session);
	title = fit(wire_get_string(record));
	if (!title)
		return -ENOMEM;
	printf("%s%s:\n", listing->began ? "\n" : "", title);
	listing->began = true;
	free(title);
	return error;
}

static void finish(struct session *session)
{
	const struct ls_options *options = session->command->own;
	struct listing *listing = session->state;

	if (session->finished && options->json)
		json_list_end();
	else if (session->finished)
		print(session);
	if (listing)
		free(listing->entries);
	free(listing);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ '1', NULL, NULL, "one name a line", option_true, offsetof(struct ls_options, one) },
	{ 'a', "all", NULL, "also names that begin with a dot", option_true, offsetof(struct ls_options, all) },
	{ 'd', "directory", NULL, "directories themselves, not what is in them", option_true,
	  offsetof(struct ls_options, directory) },
	{ 'h', "human-readable", NULL, "sizes for people", option_true, offsetof(struct ls_options, human) },
	{ 'l', "long", NULL, "type and mode, links, owner and group by number, size, time of change, name", option_true,
	  offsetof(struct ls_options, long_format) },
	{ 'n', NULL, NULL, NULL, option_true, offsetof(struct ls_options, long_format) },
	{ 'r', "reverse", NULL, "the other way round", option_true, offsetof(struct ls_options, reverse) },
	{ 'S', NULL, NULL, "by size, the largest first, instead of by name", option_letter, offsetof(struct ls_options, sort) },
	{ 't', NULL, NULL, "by time of change, the newest first", option_letter, offsetof(struct ls_options, sort) },
	{ 'R', "recursive", NULL, "all directories below, too", option_true, offsetof(struct ls_options, recursive) },
	{ 0, "json", NULL, "as JSON, with all that is known", option_true, offsetof(struct ls_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus ls disk.img", "its root directory" },
	{ "rumpus ls -l -p 2 disk.img:/etc", "a directory in its second partition" },
	{ "rumpus ls --json disk.img:/etc | jq -r '.[].path'", "for programs" },
	{ 0 },
};

const struct subcommand subcommand_ls = {
	.name = "ls",
	.arguments = "IMAGE[:/PATH]...",
	.summary = "list files",
	.options = options,
	.options_size = sizeof(struct ls_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.record = record,
	.finish = finish,
};
