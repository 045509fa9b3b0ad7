// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: a sink that holds a walk against another tree */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "found.h"

/* Bytes of each file that are compared at a time. */
#define PIECE (256U << 10)

/**
 * struct compare_level - one directory of the second tree, which the walk is in
 * @names: what is in it; those before @next have had their partner or were told to have none
 * @path:  for path_pop(), when it is left
 */
struct compare_level {
	int fd;
	struct fs_names names;
	size_t next;
	long path;
};

static int trouble(struct compare *compare, const char *what, long error)
{
	char *file;

	if (error == -EINTR && stop_requested())
		return -EINTR;
	if (asprintf(&file, "%s/%s", compare->label, compare->path.text) < 0)
		return -ENOMEM;
	report_error(compare->report, *compare->path.text ? file : compare->label, "%s: %s", what, report_errno(error));
	free(file);
	return error == -ESHUTDOWN ? -ESHUTDOWN : 0;
}

static struct compare_level *top(struct compare *compare)
{
	return compare->depth ? &compare->levels[compare->depth - 1] : NULL;
}

static bool wanted(struct compare *compare)
{
	const char *path = compare->path.text;

	return !compare->wanted || compare->wanted(compare->wanted_arg, path + strspn(path, "/"));
}

/* A name in the current directory that only the second tree has. */
static int tell_second(struct compare *compare, const char *name)
{
	long length = path_push(&compare->path, name);
	int error;

	if (length < 0)
		return (int)length;
	error = wanted(compare) ? compare_tell(compare, "only", NULL, "") : 0;
	path_pop(&compare->path, length);
	return error;
}

/* All names of the second directory before @name have no partner. @name NULL: all that are left. @there: has it @name?
 */
static int catch_up(struct compare *compare, const char *name, bool *there)
{
	struct compare_level *level = top(compare);
	int error = 0;

	*there = false;
	for (; level->next < level->names.count && !error; level->next++) {
		int order = name ? strcmp(level->names.list[level->next], name) : -1;

		if (order > 0)
			break;
		*there |= !order;
		if (order)
			error = tell_second(compare, level->names.list[level->next]);
	}
	return error;
}

/* Remembers which file of the first tree goes with one of the second. */
static int set_partner(struct compare *compare, uint32_t second, uint32_t first)
{
	if (second >= compare->partners_room) {
		size_t room = 2 * (size_t)second + 64;
		uint32_t *partners = realloc(compare->partners, room * sizeof(*partners));

		if (!partners)
			return -ENOMEM;
		compare->partners = partners;
		compare->partners_room = room;
	}
	compare->partners[second] = first;
	return 0;
}

/* Names of one file on one side are names of one file on the other. */
static int compare_links(struct compare *compare, const struct tree_entry *first, const struct statx *st)
{
	struct tree_meta meta;
	bool fresh = true, linked = first->kind == TREE_LINK;
	uint32_t number = 0;

	tree_meta_from(&meta, st);
	if (st->stx_nlink > 1)
		number = tree_links_number(compare->known, &meta, &fresh);
	if (number && fresh) {
		int error = set_partner(compare, number, first->link);

		if (error)
			return error;
	}
	if (!compare->links || (fresh && !linked) || (!fresh && linked && compare->partners[number] == first->link))
		return 0;
	return compare_tell(compare, "links", linked ? "same as an earlier file" : "a file of its own",
			    fresh ? "a file of its own" : "same as an earlier file");
}

/*
 * Where at or after @at something other than a hole is on one side at least, or may be: a search does not go on when the
 * other side has something. Return: false when nothing is left
 */
static bool next_data(const struct tree_end ends[2], int64_t size, int64_t *at)
{
	int64_t begin[2], end;
	bool there[2];

	for (int i = 0; i < 2; i++)
		there[i] = tree_next_data(ends[i], *at, size, &begin[i], &end) != TREE_NONE;
	if (!there[0] && !there[1])
		return false;
	*at = !there[1] || (there[0] && begin[0] < begin[1]) ? begin[0] : begin[1];
	return true;
}

/* Return: 1 equal, 0 not, -ECANCELED after trouble with one of them, another negative errno to end the walk */
static int same_bytes(struct compare *compare, const struct tree_end ends[2], int64_t size)
{
	int64_t at = 0;

	while (at < size && next_data(ends, size, &at)) {
		size_t piece = size - at < PIECE ? (size_t)(size - at) : PIECE;

		if (stop_requested())
			return -EINTR;
		for (int i = 0; i < 2; i++) {
			long n = fs_read_all(ends[i].fs, ends[i].fd, compare->bytes[i], piece, at);
			int error = n < 0 ? trouble(compare, "cannot read", n) : 0;

			if (n < 0)
				return error ? error : -ECANCELED;
			/* It became shorter since its size was asked for. */
			if ((size_t)n < piece)
				return 0;
		}
		if (memcmp(compare->bytes[0], compare->bytes[1], piece))
			return 0;
		at += (int64_t)piece;
		progress_bytes(piece);
	}
	return 1;
}

/* @from: the first file; fd -1: its contents came with the entry */
static int compare_contents(struct compare *compare, const struct tree_entry *first, struct tree_end from, int fd,
			    int64_t size)
{
	const struct tree_end ends[2] = { from, { compare->fs, fd } };
	int64_t expected = from.fd < 0 ? (int64_t)first->data_size : (int64_t)first->meta.size;
	int same = expected == size;
	long n;

	if (same && from.fd >= 0)
		same = same_bytes(compare, ends, size);
	else if (same) {
		n = fs_read_all(ends[1].fs, ends[1].fd, compare->bytes[1], first->data_size, 0);
		if (n < 0)
			return trouble(compare, "cannot read", n);
		same = n == size && !memcmp(first->data, compare->bytes[1], (size_t)n);
	}
	if (same < 0)
		return same == -ECANCELED ? 0 : same;
	return same ? 0 : compare_tell(compare, "contents", "", "");
}

static int compare_regular(struct compare *compare, const struct tree_entry *first, struct tree_end from, int fd,
			   const struct statx *st)
{
	int error = compare_contents(compare, first, from, fd, (int64_t)st->stx_size);

	return error ? error : compare_meta(compare, first, st, fd, -1, NULL);
}

static int compare_target(struct compare *compare, const struct tree_entry *first, int dir, const char *name)
{
	char target[4097];
	long length = fs_readlinkat(compare->fs, dir, name, target, sizeof(target) - 1);

	if (length < 0)
		return trouble(compare, "cannot read the symbolic link", length);
	target[length] = 0;
	return strcmp(first->target, target) ? compare_tell(compare, "target", first->target, target) : 0;
}

static int push_level(struct compare *compare, int fd)
{
	struct compare_level *level;
	long listed;

	if (compare->depth == compare->room) {
		unsigned int room = 2 * compare->room + 16;

		level = realloc(compare->levels, room * sizeof(*level));
		if (!level)
			return -ENOMEM;
		compare->levels = level;
		compare->room = room;
	}
	level = &compare->levels[compare->depth];
	*level = (struct compare_level){ .fd = fd };
	listed = fs_names_read(compare->fs, fd, NULL, NULL, &level->names);
	if (listed) {
		fs_names_free(&level->names);
		return (int)listed;
	}
	compare->depth++;
	return 0;
}

/* @fd: the second directory, which is taken over unless it is the top */
static int enter(struct compare *compare, const struct tree_entry *first, int fd, const struct statx *st)
{
	int error = compare_meta(compare, first, st, fd, -1, NULL), pushed;

	pushed = error ? 0 : push_level(compare, fd);
	if (!error && !pushed)
		return 0;
	if (fd != compare->base)
		fs_close(compare->fs, fd);
	compare->skip = 1;
	return error ? error : trouble(compare, "cannot list", pushed);
}

static int leave(struct compare *compare)
{
	struct compare_level *level = top(compare);
	bool there;
	int error;

	if (!level)
		return -EPROTO;
	error = catch_up(compare, NULL, &there);
	path_pop(&compare->path, level->path);
	fs_names_free(&level->names);
	if (level->fd != compare->base)
		fs_close(compare->fs, level->fd);
	compare->depth--;
	return error;
}

static long open_second(struct compare *compare, int dir, const char *name, mode_t mode)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (S_ISDIR(mode) ? O_DIRECTORY : 0);

	return fs_openat(compare->fs, dir, name, flags, 0);
}

/* Both have it, and it is of the same kind. @name: "" for the top */
static int compare_pair(struct compare *compare, const struct tree_entry *first, struct tree_end from, int dir,
			const char *name, const struct statx *st)
{
	mode_t mode = st->stx_mode;
	int error = 0;
	long fd;

	if (first->kind == TREE_ENTER || S_ISREG(mode)) {
		fd = *name ? open_second(compare, dir, name, mode) : compare->base;
		if (fd < 0) {
			compare->skip = first->kind == TREE_ENTER;
			return trouble(compare, "cannot open", fd);
		}
		if (first->kind == TREE_ENTER)
			return enter(compare, first, (int)fd, st);
		error = compare_regular(compare, first, from, (int)fd, st);
		if (fd != compare->base)
			fs_close(compare->fs, (int)fd);
		return error;
	}
	if (S_ISLNK(mode))
		error = compare_target(compare, first, dir, name);
	return error ? error : compare_meta(compare, first, st, -1, dir, name);
}

static int compare_known(struct compare *compare, const struct tree_entry *first, struct tree_end from, int dir,
			 const char *name)
{
	struct statx st;
	long examined = fs_statx(compare->fs, dir, name, &st);
	int error;

	if (examined || (st.stx_mode & S_IFMT) != (first->meta.mode & S_IFMT)) {
		compare->skip = first->kind == TREE_ENTER;
		return examined ? trouble(compare, "cannot examine", examined)
				: compare_tell(compare, "type", found_type(first->meta.mode), found_type(st.stx_mode));
	}
	if (!S_ISDIR(st.stx_mode)) {
		error = compare_links(compare, first, &st);
		if (error || first->kind == TREE_LINK)
			return error;
	}
	return compare_pair(compare, first, from, dir, name, &st);
}

/* @from: of a stream; fd -1 else */
static int compare_entry(struct compare *compare, const struct tree_entry *first, struct tree_end from)
{
	unsigned int depth = compare->depth;
	bool there = true;
	long length = 0;
	int error = 0;

	if (depth)
		error = catch_up(compare, first->name, &there);
	if (!error && depth)
		length = path_push(&compare->path, first->name);
	if (error || length < 0)
		return error ? error : (int)length;
	if (!there) {
		compare->skip = first->kind == TREE_ENTER;
		error = compare_tell(compare, "only", "", NULL);
	} else if (depth)
		error = compare_known(compare, first, from, top(compare)->fd, first->name);
	else /* the tops go together, whatever they are called */
		error = compare_known(compare, first, from, compare->base, "");
	if (compare->depth > depth)
		top(compare)->path = length;
	else
		path_pop(&compare->path, length);
	return error;
}

static int take(struct tree_sink *sink, const struct tree_entry *first)
{
	struct compare *compare = (struct compare *)sink;

	if (compare->skip) {
		if (first->kind == TREE_ENTER)
			compare->skip++;
		else if (first->kind == TREE_LEAVE)
			compare->skip--;
		return 0;
	}
	if (first->kind == TREE_LEAVE)
		return leave(compare);
	return compare_entry(compare, first, (struct tree_end){ .fd = -1 });
}

static int stream(struct tree_sink *sink, const struct tree_entry *first, struct tree_end from, const char *label)
{
	struct compare *compare = (struct compare *)sink;

	return compare->skip ? 0 : compare_entry(compare, first, from);
}

int compare_init(struct compare *compare)
{
	compare->sink = (struct tree_sink){ .take = take, .stream = stream };
	compare->known = tree_links_new();
	compare->bytes[0] = malloc(PIECE);
	compare->bytes[1] = malloc(PIECE);
	compare->attributes = malloc(WIRE_INLINE_MAX);
	if (compare->known && compare->bytes[0] && compare->bytes[1] && compare->attributes &&
	    !path_set(&compare->path, ""))
		return 0;
	compare_fini(compare);
	return -ENOMEM;
}

void compare_fini(struct compare *compare)
{
	while (compare->depth) {
		struct compare_level *level = &compare->levels[--compare->depth];

		fs_names_free(&level->names);
		if (level->fd != compare->base)
			fs_close(compare->fs, level->fd);
	}
	free(compare->levels);
	tree_links_free(compare->known);
	free(compare->partners);
	free(compare->bytes[0]);
	free(compare->bytes[1]);
	free(compare->attributes);
	path_free(&compare->path);
}
