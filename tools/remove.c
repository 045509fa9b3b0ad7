// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: removing trees on either side */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "remove.h"

#define NAMES_SIZE (32U << 10)
#define DEPTH_MAX 10000U

static int failed(struct removal *removal, long error)
{
	if (error == -EINTR || error == -ESHUTDOWN || error == -EROFS)
		return (int)error;
	removal->kept++;
	if (error != -ENOENT || !removal->force)
		report_error(removal->report, removal->path.text, "cannot remove: %s", report_errno(error));
	return 0;
}

static int remove_entry(struct removal *removal, int dir, const char *name);

static int remove_names(struct removal *removal, int dir, const char *names, long size)
{
	int error = 0;

	for (long at = 0; at < size && !error;) {
		const struct fs_dirent *dirent = (const void *)(names + at);

		at += dirent->size;
		if (!fs_is_dots(dirent->name))
			error = remove_entry(removal, dir, dirent->name);
	}
	return error;
}

static int remove_entries(struct removal *removal, int dir)
{
	struct fs_reading reading = { 0 };
	char *names = malloc(NAMES_SIZE);
	int error = 0;
	long size = 1;

	if (!names)
		return -ENOMEM;
	while (!error && size > 0) {
		size = fs_read_dir(removal->fs, dir, &reading, names, NAMES_SIZE);
		error = size < 0 ? failed(removal, size) : remove_names(removal, dir, names, size);
	}
	free(names);
	return error;
}

/*
 * Removes a directory, which is open as @fd. HFS+ passes over entries, as those before them are removed meanwhile: as
 * long as everything that it shows can be removed, it is read again.
 */
static long remove_opened(struct removal *removal, int fd, int dir, const char *name)
{
	uint64_t removed, kept;
	long result;

	do {
		removed = removal->removed;
		kept = removal->kept;
		result = remove_entries(removal, fd);
		if (result)
			return result;
		result = fs_unlinkat(removal->fs, dir, name, AT_REMOVEDIR);
		fs_lseek(removal->fs, fd, 0, SEEK_SET);
	} while (result == -ENOTEMPTY && removal->removed > removed && removal->kept == kept);
	removal->removed += !result;
	return result ? failed(removal, result) : 0;
}

static int remove_tree(struct removal *removal, int dir, const char *name)
{
	long fd = fs_open_dir(removal->fs, dir, name);
	int error;

	if (fd < 0)
		return failed(removal, fd);
	if (removal->depth >= DEPTH_MAX) {
		report_error(removal->report, removal->path.text, "nested more than %u directories deep", DEPTH_MAX);
		removal->kept++;
		fs_close(removal->fs, (int)fd);
		return 0;
	}
	removal->depth++;
	error = (int)remove_opened(removal, (int)fd, dir, name);
	removal->depth--;
	fs_close(removal->fs, (int)fd);
	return error;
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
	gone = fs_unlinkat(removal->fs, dir, name, 0);
	removal->removed += !gone;
	if (gone == -EISDIR && removal->recursive)
		error = remove_tree(removal, dir, name);
	else if (gone == -EISDIR)
		report_error(removal->report, removal->path.text, "is a directory; use -r to remove it");
	else if (gone)
		error = failed(removal, gone);
	path_pop(&removal->path, length);
	return error;
}

int removal_entry(struct removal *removal, int dir, const char *name, const char *label)
{
	size_t length = strlen(label), end = length;
	int error = path_set(&removal->path, label);

	/* remove_entry() adds the last component again. */
	while (end && label[end - 1] == '/')
		end--;
	while (end && label[end - 1] != '/')
		end--;
	if (!error) {
		path_pop(&removal->path, (long)end);
		error = remove_entry(removal, dir, name);
	}
	path_free(&removal->path);
	return error;
}
