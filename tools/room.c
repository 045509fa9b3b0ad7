// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: how much data the files of an image can have
 *
 * In a damaged or hostile image, blocks may belong to a file many times, or to many files: terabytes to read, out of
 * megabytes. Where no block may be used twice and holes can be told from data, that is known before it is read.
 * XFS and Btrfs share blocks among files, and so does ext4 in images of Android's that are made smaller by it; compressed
 * file systems have more data than bytes: nothing can be said there. The driver of FAT finds out itself when a chain of
 * clusters has no end.
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
		{ "ext2", 0 }, { "ext3", 0 },  { "ext4", 0 }, { "f2fs", STATX_ATTR_COMPRESSED },
		{ "jfs", 0 },  { "minix", 0 }, { "ufs", 0 },
	};

	*room = (struct tree_room){ 0 };
	if (worker->merged || worker->point_count || shares_blocks(image))
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!strcmp(known[i].type, image->type))
			*room = (struct tree_room){ .bytes = image->end - image->start, .exempt = known[i].exempt };
	}
}

/* Of a file, without its holes; more than there is room for is not counted to its end. */
static uint64_t data_bytes(struct tree_room *room, struct tree_end file, int64_t size)
{
	int64_t at = 0, begin, end;
	uint64_t bytes = 0;

	while (at < size && bytes <= room->bytes && !stop_requested()) {
		enum tree_found found = tree_next_data(file, at, size, &begin, &end);

		if (found == TREE_NONE)
			break;
		room->zeroes += found == TREE_ZEROES ? (uint64_t)(end - at) : 0;
		if (found == TREE_ZEROES && room->zeroes > TREE_ZEROES_MOST)
			break;
		bytes += (uint64_t)(end - begin);
		at = end;
	}
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
	bytes = data_bytes(room, file, (int64_t)st->stx_size);
	if (bytes > room->bytes - (counted ? room->data : 0))
		return false;
	room->data += counted ? bytes : 0;
	return true;
}
