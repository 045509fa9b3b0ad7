// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: numbers for files with several names, found by device and inode; directories must not have several */
#include <stdlib.h>
#include <unistd.h>

#include "tree.h"

struct slot {
	uint64_t dev, ino;
	uint32_t number; /* 0: free */
};

/* Open addressing; never more than half full. */
struct tree_links {
	struct slot *slots;
	uint32_t size; /* a power of two */
	uint32_t used;
};

struct tree_links *tree_links_new(void)
{
	return calloc(1, sizeof(struct tree_links));
}

void tree_links_free(struct tree_links *links)
{
	if (links)
		free(links->slots);
	free(links);
}

static struct slot *find(const struct tree_links *links, uint64_t dev, uint64_t ino)
{
	uint64_t hash = (ino ^ dev << 32) * 0x9e3779b97f4a7c15U;
	uint32_t i = (uint32_t)(hash >> 32) & (links->size - 1);

	while (links->slots[i].number && (links->slots[i].dev != dev || links->slots[i].ino != ino))
		i = (i + 1) & (links->size - 1);
	return &links->slots[i];
}

static bool grow(struct tree_links *links)
{
	struct tree_links bigger = { .size = links->size ? 2 * links->size : 256, .used = links->used };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; i < links->size; i++) {
		if (links->slots[i].number)
			*find(&bigger, links->slots[i].dev, links->slots[i].ino) = links->slots[i];
	}
	free(links->slots);
	*links = bigger;
	return true;
}

static uint64_t device(const struct tree_meta *meta)
{
	return (uint64_t)meta->dev_major << 32 | meta->dev_minor;
}

bool tree_links_knows(const struct tree_links *links, const struct tree_meta *meta)
{
	return links->size && find(links, device(meta), meta->ino)->number;
}

uint32_t tree_links_number(struct tree_links *links, const struct tree_meta *meta, bool *first)
{
	uint64_t dev = device(meta);
	struct slot *slot;

	if (2 * (links->used + 1) > links->size && !grow(links))
		return 0;
	slot = find(links, dev, meta->ino);
	*first = !slot->number;
	if (!slot->number)
		*slot = (struct slot){ .dev = dev, .ino = meta->ino, .number = ++links->used };
	return slot->number;
}

static bool has_entries(const struct fs *fs, int fd)
{
	struct fs_reading reading = { 0 };
	char names[4096];
	bool found = false;
	long size;

	while (!found && (size = fs_read_dir(fs, fd, &reading, names, sizeof(names))) > 0) {
		for (long at = 0; at < size && !found;) {
			const struct fs_dirent *dirent = (const void *)(names + at);

			at += dirent->size;
			found = !fs_is_dots(dirent->name);
		}
	}
	fs_lseek(fs, fd, 0, SEEK_SET);
	return found;
}

/* What Btrfs shows for a subvolume in a snapshot of another has always the same number, and nothing in it. */
bool tree_dir_again(struct tree_links *dirs, const struct fs *fs, int fd)
{
	struct tree_meta meta;
	bool first = true;
	struct statx st;

	if (!fs->image || fs_statx(fs, fd, "", &st))
		return false;
	tree_meta_from(&meta, &st);
	tree_links_number(dirs, &meta, &first);
	return !first && has_entries(fs, fd);
}
