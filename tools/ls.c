// SPDX-License-Identifier: BSD-2-Clause
/* rumpus ls: list files in images */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "found.h"

#define NAMES_SIZE (32U << 10)
#define DEPTH_MAX 2000U
/* Entries of one directory that the parent keeps to align them; more are shown in groups of this size. */
#define GROUP_MAX 100000U

struct ls_options {
	bool all, directory, human, long_format, one, recursive;
};

/* What travels of an entry beside its name and the target of a symbolic link. */
struct line {
	uint64_t size;
	int64_t mtime;
	uint32_t mode, nlink, uid, gid, rdev_major, rdev_minor;
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc)
		return usage_error(command, "list what?");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* Worker: names of one directory, sorted */

struct names {
	char **list;
	size_t count, room;
};

static int add_name(struct names *names, const char *name)
{
	if (names->count == names->room) {
		size_t room = 2 * names->room + 64;
		char **list = realloc(names->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->count] = strdup(name);
	return names->list[names->count] ? (names->count++, 0) : -ENOMEM;
}

static void free_names(struct names *names)
{
	while (names->count)
		free(names->list[--names->count]);
	free(names->list);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static long read_names(int dir, bool all, struct names *names)
{
	char *buf = malloc(NAMES_SIZE);
	long size = buf ? 1 : -ENOMEM;

	while (size > 0) {
		size = stop_requested() ? -EINTR : fs_getdents64(&fs_image, dir, buf, NAMES_SIZE);
		for (long at = 0; at < size;) {
			const struct fs_dirent *dirent = (const void *)(buf + at);

			at += dirent->size;
			if ((all || *dirent->name != '.') && add_name(names, dirent->name))
				size = -ENOMEM;
		}
	}
	free(buf);
	if (!size && names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
	return size;
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

static int send_entry(struct worker *worker, int dir, const char *name, const char *shown, const struct statx *st)
{
	const struct line line = {
		.size = st->stx_size,
		.mtime = st->stx_mtime.tv_sec,
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.rdev_major = st->stx_rdev_major,
		.rdev_minor = st->stx_rdev_minor,
	};
	char target[4097] = "";
	long length = S_ISLNK(st->stx_mode) ? fs_readlinkat(&fs_image, dir, name, target, sizeof(target) - 1) : 0;
	int error = wire_begin(&worker->wire, WIRE_ENTRY, sizeof(line) + strlen(shown) + sizeof(target) + 16);

	if (error)
		return error;
	target[length > 0 ? length : 0] = 0;
	wire_put(&worker->wire, &line, sizeof(line));
	wire_put_string(&worker->wire, shown);
	wire_put_string(&worker->wire, target);
	return wire_end(&worker->wire, -1);
}

static int list_dir(struct worker *worker, int dir, struct path *path, unsigned int depth);

static bool is_subdir(int dir, const char *name)
{
	struct statx st;

	return strcmp(name, ".") && strcmp(name, "..") && !fs_statx(&fs_image, dir, name, &st) && S_ISDIR(st.stx_mode);
}

static int list_subdirs(struct worker *worker, int dir, const struct names *names, struct path *path,
			unsigned int depth)
{
	int error = 0;

	for (size_t i = 0; i < names->count && !error; i++) {
		long length, fd;

		if (!is_subdir(dir, names->list[i]))
			continue;
		length = path_push(path, names->list[i]);
		if (length < 0)
			return (int)length;
		fd = depth < DEPTH_MAX ? fs_open_dir(&fs_image, dir, names->list[i]) : -ELOOP;
		if (fd < 0)
			report_error(&worker->report, path->text, "%s", report_errno(fd));
		else {
			error = list_dir(worker, (int)fd, path, depth + 1);
			fs_close(&fs_image, (int)fd);
		}
		path_pop(path, length);
	}
	return error;
}

static int list_dir(struct worker *worker, int dir, struct path *path, unsigned int depth)
{
	const struct ls_options *options = worker->command->own;
	struct names names = { 0 };
	long error = read_names(dir, options->all, &names);
	struct statx st;

	if (error && error != -EINTR && error != -ENOMEM && error != -ESHUTDOWN) {
		report_error(&worker->report, path->text, "%s", report_errno(error));
		error = 0;
	}
	if (!error && (options->recursive || worker->command->operand_count > 1))
		error = send_listing(worker, path->text);
	for (size_t i = 0; i < names.count && !error; i++) {
		long found = fs_statx(&fs_image, dir, names.list[i], &st);

		if (found)
			report_error(&worker->report, path->text, "%s: %s", names.list[i], report_errno(found));
		else
			error = send_entry(worker, dir, names.list[i], names.list[i], &st);
	}
	if (!error && options->recursive)
		error = list_subdirs(worker, dir, &names, path, depth);
	free_names(&names);
	return (int)error;
}

static int list_opened(struct worker *worker, const struct operand *operand, int parent, const char *last)
{
	const struct ls_options *options = worker->command->own;
	struct path path = { 0 };
	char label[4200];
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
		return send_entry(worker, parent, last, operand->text, &st);
	/* "IMAGE" alone: what is in it is shown as "IMAGE:/..." */
	snprintf(label, sizeof(label), "%s%s", operand->text, strcmp(operand->text, operand->image->path) ? "" : ":");
	error = path_set(&path, label);
	if (!error)
		error = list_dir(worker, (int)fd, &path, 0);
	path_free(&path);
	fs_close(&fs_image, (int)fd);
	return error;
}

static int work(struct worker *worker)
{
	int error = 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++) {
		const struct operand *operand = &worker->command->operands[i];
		char last[256];
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
	struct line line;
	char *name, *target;
};

struct listing {
	struct shown *entries;
	size_t count, room;
	bool began; /* something was printed */
};

static void size_string(const struct line *line, bool human, char *text, size_t size)
{
	if (S_ISCHR(line->mode) || S_ISBLK(line->mode))
		snprintf(text, size, "%u, %u", line->rdev_major, line->rdev_minor);
	else if (human)
		text_size(line->size, text, size);
	else
		snprintf(text, size, "%llu", (unsigned long long)line->size);
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
		const struct line *line = &listing->entries[i].line;

		size_string(line, human, size, sizeof(size));
		widths.nlink = larger(widths.nlink, digits(line->nlink));
		widths.uid = larger(widths.uid, digits(line->uid));
		widths.gid = larger(widths.gid, digits(line->gid));
		widths.size = larger(widths.size, (int)strlen(size));
	}
	return widths;
}

static void print_long(const struct shown *shown, const struct widths *widths, bool human)
{
	const struct line *line = &shown->line;
	char mode[11], size[40], when[40] = "?";
	time_t mtime = (time_t)line->mtime;
	struct tm tm;

	found_mode(line->mode, mode);
	size_string(line, human, size, sizeof(size));
	if (localtime_r(&mtime, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%s %*u %*u %*u %*s %s %s%s%s\n", mode, widths->nlink, line->nlink, widths->uid, line->uid, widths->gid,
	       line->gid, widths->size, size, when, shown->name, S_ISLNK(line->mode) ? " -> " : "", shown->target);
}

/* Columns of equal width, filled downwards, as many as the terminal has room for. */
static void print_columns(const struct listing *listing)
{
	struct winsize window = { .ws_col = 80 };
	size_t width = 1, columns, rows;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
	for (size_t i = 0; i < listing->count; i++)
		width = (size_t)larger((int)width, (int)strlen(listing->entries[i].name) + 2);
	columns = window.ws_col / width ? window.ws_col / width : 1;
	rows = (listing->count + columns - 1) / columns;
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = row; i < listing->count; i += rows)
			printf("%-*s", i + rows < listing->count ? (int)width : 0, listing->entries[i].name);
		putchar('\n');
	}
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
		print_columns(listing);
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

static int take_entry(struct listing *listing, struct wire_record *record)
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
	wire_get(record, &shown->line, sizeof(shown->line));
	shown->name = fit(wire_get_string(record));
	shown->target = fit(wire_get_string(record));
	if (!shown->name || !shown->target)
		return -ENOMEM;
	listing->count++;
	return 0;
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
	if (record->type == WIRE_ENTRY) {
		error = take_entry(listing, record);
		return !error && listing->count >= GROUP_MAX ? print(session) : error;
	}
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
	struct listing *listing = session->state;

	if (session->finished)
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
	{ 'R', "recursive", NULL, "all directories below, too", option_true, offsetof(struct ls_options, recursive) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus ls disk.img", "its root directory" },
	{ "rumpus ls -l -p 2 disk.img:/etc", "a directory in its second partition" },
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
	.record = record,
	.finish = finish,
};
