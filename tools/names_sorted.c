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

/* Types and names one after the other, each with its zero byte: a million of them are no million allocations. */
struct text {
	char *bytes;
	size_t size, room, count;
};

static int add(struct text *text, const struct fs_dirent *dirent)
{
	size_t length = strlen(dirent->name) + 1;

	if (text->size + length + 1 > text->room) {
		size_t room = 2 * text->room + READ_SIZE;
		char *bytes = realloc(text->bytes, room);

		if (!bytes)
			return -ENOMEM;
		text->bytes = bytes;
		text->room = room;
	}
	text->bytes[text->size++] = (char)dirent->type;
	memcpy(text->bytes + text->size, dirent->name, length);
	text->size += length;
	text->count++;
	return 0;
}

static long read_all(const struct fs *fs, int dir, fs_name_wanted *wanted, void *arg, struct text *text)
{
	struct fs_reading reading = { 0 };
	char *buf = malloc(READ_SIZE);
	long size = buf ? 1 : -ENOMEM;

	while (size > 0) {
		size = stop_requested() ? -EINTR : fs_read_dir(fs, dir, &reading, buf, READ_SIZE);
		for (long at = 0; at < size;) {
			const struct fs_dirent *dirent = (const void *)(buf + at);

			at += dirent->size;
			if (wanted ? !wanted(arg, dirent) : fs_is_dots(dirent->name))
				continue;
			if (add(text, dirent))
				size = -ENOMEM;
		}
	}
	free(buf);
	return size;
}

long fs_names_read(const struct fs *fs, int dir, fs_name_wanted *wanted, void *arg, struct fs_names *names)
{
	struct text text = { 0 };
	long error = read_all(fs, dir, wanted, arg, &text);
	const char *at = text.bytes;

	*names = (struct fs_names){ .text = text.bytes };
	names->list = malloc((text.count + 1) * sizeof(*names->list));
	if (!names->list) {
		fs_names_free(names);
		return error ? error : -ENOMEM;
	}
	for (; names->count < text.count; at += strlen(at) + 1)
		names->list[names->count++] = ++at;
	qsort(names->list, names->count, sizeof(*names->list), compare);
	return error;
}

void fs_names_free(struct fs_names *names)
{
	free(names->list);
	free(names->text);
	*names = (struct fs_names){ 0 };
}
