// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: how much data the files of an image can have
 *
 * In a damaged or hostile image, blocks may belong to a file many times, or to many files: terabytes to read, out of
 * megabytes. Where no block may be used twice and holes can be told from data, that is known before it is read.
 * XFS and Btrfs share blocks among files, and so does ext4 in images of Android's that are made smaller by it; compressed
 * file systems have more data than bytes, and drivers of simple ones take holes for data: nothing can be said there. That
 * of FAT finds out itself when a chain of clusters has no end.
 */
#include <endian.h>
#include <linux/stat.h>
#include <string.h>

#include "command.h"
#include "tree.h"

/* Of EXT4_FEATURES: files share blocks */
#define EXT4_SHARED_BLOCKS 0x4000U

uint32_t superblock_field(const struct image *image, int64_t offset, size_t size)
{
	long fd = fs_openat(&fs_image, AT_FDCWD, image->node, O_RDONLY, 0);
	uint32_t value = 0;

	if (fd < 0)
		return 0;
	if (fs_pread(&fs_image, (int)fd, &value, size, offset) != (long)size)
		value = 0;
	fs_close(&fs_image, (int)fd);
	return value;
}

static bool shares_blocks(const struct image *image)
{
	return !strncmp(image->type, "ext", 3) && le32toh(superblock_field(image, EXT4_FEATURES, 4)) & EXT4_SHARED_BLOCKS;
}

void image_room(const struct worker *worker, const struct image *image, struct tree_room *room)
{
	static const struct {
		const char *type;
		uint64_t exempt;
	} known[] = {
		{ "ext2", 0 },
		{ "ext3", 0 },
		{ "ext4", 0 },
		{ "f2fs", STATX_ATTR_COMPRESSED },
	};

	*room = (struct tree_room){ 0 };
	if (shares_blocks(image))
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known) && !worker->merged; i++) {
		if (!strcmp(known[i].type, image->type))
			*room = (struct tree_room){ .bytes = image->end - image->start, .exempt = known[i].exempt };
	}
}

uint64_t tree_data_bytes(struct tree_end file, uint64_t size, uint64_t most)
{
	int64_t begin, end = 0;
	uint64_t bytes = 0;

	while (end < (int64_t)size && bytes <= most && tree_next_data(file, end, (int64_t)size, &begin, &end))
		bytes += (uint64_t)(end - begin);
	fs_lseek(file.fs, file.fd, 0, SEEK_SET);
	return bytes;
}

bool tree_data_fits(struct tree_room *room, struct tree_end file, const struct statx *st, bool counted)
{
	uint64_t bytes;

	if (!room->bytes || !S_ISREG(st->stx_mode) || st->stx_attributes & room->exempt)
		return true;
	/* Mostly sizes say that there is room for all, and no file needs a closer look. */
	if (st->stx_size <= room->bytes - (counted ? room->sizes : 0)) {
		room->sizes += counted ? st->stx_size : 0;
		return true;
	}
	bytes = tree_data_bytes(file, st->stx_size, room->bytes);
	if (bytes > room->bytes - (counted ? room->data : 0))
		return false;
	room->data += counted ? bytes : 0;
	return true;
}
