// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: where the data of a file is
 *
 * Drivers that know the holes of a file tell by lseek(2). Those of simpler file systems, and of compressed ones, leave
 * it to the kernel, which says that all is data. When such a file has fewer blocks than its size needs, or none can
 * tell, it is read to find what is not zero.
 */
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tree.h"

/* Bytes that are read at a time, and after which a search that finds only zeroes tells so. */
#define PIECE (256U << 10)
#define SEARCH (1L << 20)
/* Blocks of file systems, in bytes, as far as a search goes by them. */
#define BLOCK_LEAST 512U
#define BLOCK_MOST (64U << 10)

/** enum telling - what a driver tells of holes */
enum telling {
	TELLS_HOLES,
	TELLS_BLOCKS,  /* of a whole file */
	TELLS_NOTHING, /* takes the number of blocks from the size */
};

/* Of one in an image. A layer over it passes on what it says; to search in vain there does no harm. */
static enum telling driver_tells(long type)
{
	static const struct {
		long type;
		enum telling tells;
	} known[] = {
		{ EXT4_SUPER_MAGIC, TELLS_HOLES },     { XFS_SUPER_MAGIC, TELLS_HOLES },
		{ BTRFS_SUPER_MAGIC, TELLS_HOLES },    { F2FS_SUPER_MAGIC, TELLS_HOLES },
		{ MINIX_SUPER_MAGIC, TELLS_NOTHING },  { MINIX_SUPER_MAGIC2, TELLS_NOTHING },
		{ MINIX2_SUPER_MAGIC, TELLS_NOTHING }, { MINIX2_SUPER_MAGIC2, TELLS_NOTHING },
		{ MINIX3_SUPER_MAGIC, TELLS_NOTHING },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (type == known[i].type)
			return known[i].tells;
	}
	return TELLS_BLOCKS;
}

/*
 * Is it worth searching? A damaged file may claim blocks, too, but has not more than there are.
 * @block: out: its blocks, in bytes
 */
static bool may_have_holes(struct tree_end file, int64_t size, size_t *block)
{
	enum telling tells;
	struct statfs fs;
	struct statx st;

	if (!file.fs->image || file.fs->call(SYS_fstatfs, file.fd, (long)&fs, 0, 0, 0, 0))
		return false;
	tells = driver_tells(fs.f_type);
	if (tells == TELLS_HOLES || fs_statx(file.fs, file.fd, "", &st))
		return false;
	for (*block = BLOCK_LEAST; *block < st.stx_blksize && *block < BLOCK_MOST;)
		*block *= 2;
	return tells == TELLS_NOTHING || st.stx_blocks < (uint64_t)size / 512 ||
	       (fs.f_bsize > 0 && fs.f_blocks < (uint64_t)size / (uint64_t)fs.f_bsize);
}

static bool is_zero(const char *bytes, size_t size)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, size - 1);
}

/* From @at on, the first block in @bytes that is zero or is not, as asked for. Return: where; @size: there is none */
static size_t find_block(const char *bytes, size_t size, size_t at, size_t block, bool zero)
{
	while (at < size && is_zero(bytes + at, size - at < block ? size - at : block) != zero)
		at += block;
	return at < size ? at : size;
}

static enum tree_found search(struct tree_end file, int64_t at, int64_t size, size_t block, int64_t *begin,
			      int64_t *end)
{
	static char bytes[PIECE];
	int64_t limit = size - at < SEARCH ? size : at + SEARCH;

	while (at < limit) {
		size_t piece = limit - at < PIECE ? (size_t)(limit - at) : PIECE, first;
		long n = fs_read_all(file.fs, file.fd, bytes, piece, at);

		/* Whoever reads what is told to be data gets to know about errors, ends and requests to stop. */
		first = n < (long)piece ? 0 : find_block(bytes, piece, 0, block, false);
		if (first < piece) {
			*begin = at + (int64_t)first;
			*end = at + (int64_t)(n < (long)piece ? piece : find_block(bytes, piece, first, block, true));
			return TREE_DATA;
		}
		at += (int64_t)piece;
	}
	*begin = *end = limit;
	return TREE_ZEROES;
}

/*
 * F2FS says that there is no more data, too, when an address cannot be. Its map of extents is honest.
 * Return: is there something, to be read or to fail at?
 */
static bool is_wrong_end(struct tree_end file, int64_t at, int64_t size)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extents[1];
	} asked = {
		.map = { .fm_start = (uint64_t)at, .fm_length = (uint64_t)(size - at), .fm_extent_count = 1 },
	};
	struct statfs fs;

	if (!file.fs->image || file.fs->call(SYS_fstatfs, file.fd, (long)&fs, 0, 0, 0, 0) ||
	    fs.f_type != F2FS_SUPER_MAGIC)
		return false;
	return file.fs->call(SYS_ioctl, file.fd, FS_IOC_FIEMAP, (long)&asked, 0, 0, 0) < 0;
}

enum tree_found tree_next_data(struct tree_end from, int64_t at, int64_t size, int64_t *begin, int64_t *end)
{
	long data = fs_lseek(from.fs, from.fd, at, SEEK_DATA), hole;
	size_t block;

	if (data == -ENXIO && !is_wrong_end(from, at, size))
		return TREE_NONE;
	/* A file system that cannot tell has only data. */
	*begin = data < 0 ? at : data;
	hole = data < 0 ? size : fs_lseek(from.fs, from.fd, *begin, SEEK_HOLE);
	*end = hole < 0 || hole > size ? size : hole;
	if (*begin >= size)
		return TREE_NONE;
	if (*begin > at || *end < size || !may_have_holes(from, size, &block))
		return TREE_DATA;
	return search(from, at, size, block, begin, end);
}

/* A position beyond the largest file is the one that every file system refuses; what is there need not be read. */
bool tree_size_possible(struct tree_end file, uint64_t size)
{
	bool possible = fs_lseek(file.fs, file.fd, (int64_t)size, SEEK_SET) != -EINVAL;

	fs_lseek(file.fs, file.fd, 0, SEEK_SET);
	return possible;
}
