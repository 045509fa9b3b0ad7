// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: what is in a directory of either side, by name */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs.h"
#include "report.h"

/* Bytes of names that are read from a directory at a time. */
#define READ_SIZE (32U << 10)

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All names one after the other, each with its zero byte: a million of them are no million allocations. */
struct text {
	char *bytes;
	size_t size, room, count;
};

static int add(struct text *text, const char *name)
{
	size_t length = strlen(name) + 1;

	if (text->size + length > text->room) {
		size_t room = 2 * text->room + READ_SIZE;
		char *bytes = realloc(text->bytes, room);

		if (!bytes)
			return -ENOMEM;
		text->bytes = bytes;
		text->room = room;
	}
	memcpy(text->bytes + text->size, name, length);
	text->size += length;
	text->count++;
	return 0;
}

static long read_all(const struct fs *fs, int dir, struct text *text)
{
	char *buf = malloc(READ_SIZE);
	long size = buf ? 1 : -ENOMEM;

	while (size > 0) {
		size = stop_requested() ? -EINTR : fs_getdents64(fs, dir, buf, READ_SIZE);
		for (long at = 0; at < size;) {
			const struct fs_dirent *dirent = (const void *)(buf + at);

			at += dirent->size;
			if (!strcmp(dirent->name, ".") || !strcmp(dirent->name, ".."))
				continue;
			if (add(text, dirent->name))
				size = -ENOMEM;
		}
	}
	free(buf);
	return size;
}

long fs_names_read(const struct fs *fs, int dir, struct fs_names *names)
{
	struct text text = { 0 };
	long error = read_all(fs, dir, &text);
	const char *at = text.bytes;

	*names = (struct fs_names){ .text = text.bytes };
	names->list = error ? NULL : malloc((text.count + 1) * sizeof(*names->list));
	if (!names->list) {
		fs_names_free(names);
		return error ? error : -ENOMEM;
	}
	for (; names->count < text.count; at += strlen(at) + 1)
		names->list[names->count++] = at;
	qsort(names->list, names->count, sizeof(*names->list), compare);
	return 0;
}

void fs_names_free(struct fs_names *names)
{
	free(names->list);
	free(names->text);
	*names = (struct fs_names){ 0 };
}
