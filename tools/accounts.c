// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: names of users and groups, as the image has them: the host's have nothing to do with its files */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"

/* Bytes of /etc/passwd or /etc/group that are looked at. */
#define FILE_MAX (4U << 20)

/* One line that matters. */
struct account {
	const char *name;
	uint32_t id;
};

/* Of one image and kind; read at the first question. */
struct accounts {
	const struct image *image;
	char *text;	      /* of the file: names point into it */
	struct account *list; /* sorted by number */
	size_t count, room;
};

static struct accounts known[IMAGES_MAX][2];

/* The whole file with a zero byte at its end, or NULL: an image need not have one. */
static char *read_file(const struct image *image, const char *path)
{
	long fd = worker_open(image, path, O_RDONLY | O_NONBLOCK), got = 1;
	size_t size = 0;
	struct statx st;
	char *text;

	if (fd < 0)
		return NULL;
	text = !fs_statx(&fs_image, (int)fd, "", &st) && S_ISREG(st.stx_mode) && st.stx_size <= FILE_MAX
		       ? malloc(st.stx_size + 1)
		       : NULL;
	while (text && size < st.stx_size && got > 0) {
		got = fs_read(&fs_image, (int)fd, text + size, st.stx_size - size);
		size += got > 0 ? (size_t)got : 0;
	}
	fs_close(&fs_image, (int)fd);
	if (text)
		text[size] = 0;
	return text;
}

static void add(struct accounts *accounts, const char *name, uint32_t id)
{
	if (accounts->count == accounts->room) {
		size_t room = 2 * accounts->room + 64;
		struct account *list = realloc(accounts->list, room * sizeof(*list));

		if (!list)
			return; /* numbers are shown instead */
		accounts->list = list;
		accounts->room = room;
	}
	accounts->list[accounts->count++] = (struct account){ .name = name, .id = id };
}

static bool number(const char *text, uint32_t *id)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value >= UINT32_MAX)
		return false;
	*id = (uint32_t)value;
	return true;
}

/* By number, and of one number as in the file: the first is the one that counts. Names lie there in that order. */
static int compare(const void *a, const void *b)
{
	const struct account *one = a, *other = b;

	if (one->id != other->id)
		return one->id < other->id ? -1 : 1;
	return one->name < other->name ? -1 : 1;
}

static void read_accounts(struct accounts *accounts, const char *path)
{
	char *rest = accounts->text = read_file(accounts->image, path), *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		char *name = strsep(&line, ":");
		const char *id = strsep(&line, ":") ? strsep(&line, ":") : NULL;
		uint32_t value;

		if (*name && strlen(name) < 256 && id && number(id, &value))
			add(accounts, name, value);
	}
	if (accounts->count)
		qsort(accounts->list, accounts->count, sizeof(*accounts->list), compare);
}

static const struct accounts *accounts_of(const struct image *image, bool group)
{
	unsigned int i = 0;

	while (known[i][group].image && known[i][group].image != image)
		i++;
	if (!known[i][group].image) {
		known[i][group].image = image;
		read_accounts(&known[i][group], group ? "/etc/group" : "/etc/passwd");
	}
	return &known[i][group];
}

void accounts_forget(void)
{
	for (unsigned int i = 0; i < IMAGES_MAX; i++) {
		for (unsigned int group = 0; group < 2; group++) {
			free(known[i][group].list);
			free(known[i][group].text);
			known[i][group] = (struct accounts){ 0 };
		}
	}
}

const char *accounts_name(const struct image *image, bool group, uint32_t id)
{
	const struct accounts *accounts = accounts_of(image, group);
	size_t low = 0, high = accounts->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (accounts->list[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < accounts->count && accounts->list[low].id == id ? accounts->list[low].name : "";
}

int accounts_find(const struct image *image, bool group, const char *name, uint32_t *id)
{
	const struct accounts *accounts = accounts_of(image, group);
	const struct account *best = NULL;

	/* A name of digits wins over the number, as with chown(1); of lines with one name, the first counts. */
	for (size_t i = 0; i < accounts->count; i++) {
		const struct account *account = &accounts->list[i];

		if (!strcmp(account->name, name) && (!best || account->name < best->name))
			best = account;
	}
	if (!best)
		return number(name, id) ? 0 : -ENOENT;
	*id = best->id;
	return 0;
}
