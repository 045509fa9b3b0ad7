// SPDX-License-Identifier: BSD-2-Clause
/* rumpus untar: from the paths of an archive to directories that are entered and left */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "untar.h"

/* The metadata of a directory, to be applied when it is left: what comes into it would change its times. */
struct place_saved {
	struct tree_meta meta;
	size_t xattrs_size;
	unsigned char xattrs[];
};

int place_clean(const char *path, unsigned int strip, char *clean)
{
	char *to = clean;

	*clean = 0;
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && !strncmp(path, "..", 2))
			return -EINVAL;
		if (length > FS_NAME_MAX)
			return -ENAMETOOLONG;
		if (length && !(length == 1 && *path == '.')) {
			if (strip)
				strip--;
			else {
				if (to != clean)
					*to++ = '/';
				memcpy(to, path, length);
				to += length;
				*to = 0;
			}
		}
		path += length;
		path += *path == '/';
	}
	return strip ? -ENOENT : 0;
}

static int leave(struct place *place)
{
	struct tree_entry entry = { .kind = TREE_LEAVE, .fd = -1, .implied = true, .meta.mode = S_IFDIR | 0777 };
	struct place_saved *saved = place->saved[--place->depth];
	char *slash = strrchr(place->dir, '/');
	int error;

	if (saved) {
		entry.implied = false;
		entry.meta = saved->meta;
		entry.xattrs = saved->xattrs;
		entry.xattrs_size = saved->xattrs_size;
	}
	*(slash ? slash : place->dir) = 0;
	error = place->build->sink.take(&place->build->sink, &entry);
	free(saved);
	return error;
}

static int grow(struct place *place, size_t length)
{
	if (length + 1 > place->room) {
		char *dir = realloc(place->dir, 2 * length + 256);

		if (!dir)
			return -ENOMEM;
		if (!place->room)
			*dir = 0;
		place->dir = dir;
		place->room = 2 * length + 256;
	}
	if (place->depth == place->saved_room) {
		unsigned int room = 2 * place->saved_room + 16;
		struct place_saved **saved = realloc(place->saved, room * sizeof(*saved));

		if (!saved)
			return -ENOMEM;
		place->saved = saved;
		place->saved_room = room;
	}
	return 0;
}

/* One level down. @length: of @path up to the end of the new directory's name */
static int descend(struct place *place, const char *path, size_t length)
{
	struct tree_entry entry = { .kind = TREE_ENTER, .fd = -1, .meta.mode = S_IFDIR };
	char name[FS_NAME_SIZE];
	size_t start = strlen(place->dir);
	int error;

	start += start != 0;
	memcpy(name, path + start, length - start);
	name[length - start] = 0;
	entry.name = name;
	error = place->build->sink.take(&place->build->sink, &entry);
	if (error)
		return error;
	memcpy(place->dir, path, length);
	place->dir[length] = 0;
	place->saved[place->depth++] = NULL;
	return 0;
}

/* Is the current directory @path, or one on the way there? */
static bool leads_to(const struct place *place, const char *path, size_t length)
{
	size_t own = strlen(place->dir);

	return !own || (own <= length && !memcmp(place->dir, path, own) && (own == length || path[own] == '/'));
}

int place_enter(struct place *place, const char *path, size_t length)
{
	int error = grow(place, length);

	while (!error && !leads_to(place, path, length))
		error = leave(place);
	while (!error && strlen(place->dir) < length) {
		size_t from = strlen(place->dir) + (*place->dir != 0);
		const char *slash = memchr(path + from, '/', length - from);

		error = grow(place, length);
		if (!error && place->depth >= TREE_DEPTH_MAX)
			error = -ELOOP;
		if (!error)
			error = descend(place, path, slash ? (size_t)(slash - path) : length);
	}
	return error;
}

static int save(struct place_saved **slot, const struct tree_entry *entry)
{
	struct place_saved *saved = malloc(sizeof(*saved) + entry->xattrs_size);

	if (!saved)
		return -ENOMEM;
	saved->meta = entry->meta;
	saved->xattrs_size = entry->xattrs_size;
	if (entry->xattrs_size)
		memcpy(saved->xattrs, entry->xattrs, entry->xattrs_size);
	free(*slot);
	*slot = saved;
	return 0;
}

int place_directory(struct place *place, const char *path, const struct tree_entry *entry)
{
	int error = place_enter(place, path, strlen(path));

	if (error)
		return error;
	return save(place->depth ? &place->saved[place->depth - 1] : &place->top, entry);
}

/* The target itself gets what the archive has for "./". */
static void finish_top(struct place *place)
{
	struct tree_build *build = place->build;
	struct tree_entry entry = { .fd = -1 };

	if (!place->top)
		return;
	entry.meta = place->top->meta;
	entry.xattrs = place->top->xattrs;
	entry.xattrs_size = place->top->xattrs_size;
	tree_meta_apply(build->fs, build->base, -1, "", &entry, build->report, build->label);
}

int place_fini(struct place *place)
{
	int error = 0;

	while (place->depth) {
		int left = leave(place);

		error = error ? error : left;
	}
	finish_top(place);
	free(place->top);
	free(place->saved);
	free(place->dir);
	return error;
}
