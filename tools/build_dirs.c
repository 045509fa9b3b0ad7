// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: building a tree: directories, from when they are entered to when they are left */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

/**
 * struct tree_level - one directory that is open for entries
 * @created: it was not there before
 * @again:   it was left before, with its metadata: @times are to be set again when it is left once more
 * @hash:    build_hash() of its name, in that of the directory above
 * @path:    for path_pop()
 */
struct tree_level {
	int fd;
	uint64_t hash;
	bool created, again;
	struct timespec times[2];
	long path;
	char name[FS_NAME_SIZE];
};

int build_dir(const struct tree_build *build)
{
	return build->depth ? build->levels[build->depth - 1].fd : build->base;
}

uint64_t build_dir_hash(const struct tree_build *build)
{
	return build->depth ? build->levels[build->depth - 1].hash : 0;
}

static struct tree_level *new_level(struct tree_build *build)
{
	if (build->depth == build->levels_room) {
		unsigned int room = 2 * build->levels_room + 16;
		struct tree_level *levels = realloc(build->levels, room * sizeof(*levels));

		if (!levels)
			return NULL;
		build->levels = levels;
		build->levels_room = room;
	}
	return &build->levels[build->depth];
}

static void note_own(struct tree_build *build, int fd)
{
	struct statx st;

	if (!build->own.ino && !fs_statx(build->fs, fd, "", &st))
		tree_meta_from(&build->own, &st);
}

/* A symbolic link in place of a directory leads to one, with the base as root. Return: descriptor, or negative errno */
static long follow_link(struct tree_build *build, const char *name)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long length = path_push(&build->path, name), fd;

	if (length < 0)
		return length;
	fd = fs_openat2(build->fs, build->base, build_path(build), &how);
	path_pop(&build->path, length);
	return fd;
}

/* Makes or finds a directory. Return: descriptor */
static long make_dir(struct tree_build *build, const char *name, bool *created)
{
	long error, fd;

	*created = false;
	if (!strcmp(name, "."))
		return fs_open_dir(build->fs, build_dir(build), name);
	error = fs_mkdirat(build->fs, build_dir(build), name, 0700);
	if (error && error != -EEXIST)
		return error;
	*created = !error;
	if (error)
		error = build_find_alike(build, name);
	/* One that was there counts as made, too: nothing else may be put into it. */
	if (!error)
		error = build_note_made(build, name);
	if (!error && !*created && *build->alike)
		error = build_note_made(build, build->alike);
	if (error)
		return error;
	fd = fs_open_dir(build->fs, build_dir(build), name);
	if (fd == -ENOTDIR && build->follow)
		fd = follow_link(build, name);
	if (fd >= 0 && *created)
		note_own(build, (int)fd);
	return fd;
}

/* Entries of archives need not be in the order of the tree: was this directory finished before? */
static void look_again(struct tree_build *build, struct tree_level *level)
{
	struct tree_meta meta;
	struct statx st;

	level->again = false;
	if (!build->follow || level->created || fs_statx(build->fs, level->fd, "", &st))
		return;
	tree_meta_from(&meta, &st);
	if (!tree_links_knows(build->finished, &meta))
		return;
	level->again = true;
	level->times[0] = (struct timespec){ .tv_sec = meta.atime, .tv_nsec = meta.atime_ns };
	level->times[1] = (struct timespec){ .tv_sec = meta.mtime, .tv_nsec = meta.mtime_ns };
}

static void note_finished(struct tree_build *build, const struct tree_level *level)
{
	struct tree_meta meta;
	struct statx st;
	bool first;

	if (!build->follow || fs_statx(build->fs, level->fd, "", &st))
		return;
	tree_meta_from(&meta, &st);
	tree_links_number(build->finished, &meta, &first);
}

int build_enter(struct tree_build *build, const char *name)
{
	struct tree_level *level = new_level(build);
	bool created;
	long fd;

	if (!level)
		return -ENOMEM;
	if (build->depth >= TREE_DEPTH_MAX)
		return -EPROTO;
	fd = make_dir(build, name, &created);
	if (fd < 0) {
		build->skip = 1;
		return build_failed(build, name,
			      fd == -ENOTDIR ? "the source is a directory, the target is not" : "cannot make directory",
			      fd);
	}
	level->fd = (int)fd;
	level->created = created;
	level->hash = strcmp(name, ".") ? build_hash(build_dir_hash(build), name) : build_dir_hash(build);
	look_again(build, level);
	strcpy(level->name, strlen(name) < sizeof(level->name) ? name : "?");
	level->path = path_push(&build->path, name);
	if (level->path < 0) {
		fs_close(build->fs, (int)fd);
		return -ENOMEM;
	}
	build->depth++;
	return 0;
}

int build_leave(struct tree_build *build, const struct tree_entry *entry)
{
	struct tree_level *level = &build->levels[build->depth - 1];

	path_pop(&build->path, level->path);
	build->depth--;
	if (entry->implied && level->again)
		fs_utimens(build->fs, level->fd, NULL, level->times);
	else if (build->preserve && !entry->implied) {
		build_apply(build, level->fd, level->name, entry);
		note_finished(build, level);
	} else if (level->created)
		fs_fchmod(build->fs, level->fd, entry->meta.mode & 0777 & ~build->umask);
	fs_close(build->fs, level->fd);
	return 0;
}

void build_dirs_fini(struct tree_build *build)
{
	while (build->depth)
		fs_close(build->fs, build->levels[--build->depth].fd);
	free(build->levels);
	tree_links_free(build->finished);
}
