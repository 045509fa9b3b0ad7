// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: features of file systems that a kernel does not know: it says their bits, mkfs knows them by names */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"

/**
 * struct set - features that come as one number
 * @type:  of the file system
 * @words: in the kernel's message, before the number
 * @readable: they only keep from writing
 * @names: as mkfs has them, by bit; NULL: not known here, or in every kernel
 */
struct set {
	const char *type, *words;
	bool readable;
	const char *names[32];
};

static const struct set sets[] = {
	{ "xfs",
	  "unknown incompatible features (",
	  false,
	  { [5] = "nrext64", [6] = "exchange", [7] = "parent", [8] = "metadir", [9] = "zoned", [10] = "zone gaps" } },
	{ "xfs",
	  "unknown read-only compatible features (",
	  true,
	  { [0] = "finobt", [1] = "rmapbt", [2] = "reflink", [3] = "inobtcount" } },
	{ "btrfs",
	  "unknown incompat features (",
	  false,
	  { [10] = "metadata-uuid",
	    [11] = "raid1c34",
	    [12] = "zoned",
	    [13] = "extent-tree-v2",
	    [14] = "raid-stripe-tree",
	    [16] = "squota",
	    [17] = "remap-tree" } },
	{ "btrfs", "unknown compat_ro features (", true, { [2] = "verity", [3] = "block-group-tree" } },
	{ "ext4",
	  "ouldn't mount because of unsupported optional features (",
	  false,
	  { [0] = "compression",
	    [3] = "journal_dev",
	    [10] = "ea_inode",
	    [12] = "dirdata",
	    [13] = "metadata_csum_seed",
	    [14] = "large_dir",
	    [15] = "inline_data",
	    [16] = "encrypt",
	    [17] = "casefold" } },
	{ "ext4",
	  "ouldn't mount RDWR because of unsupported optional features (",
	  true,
	  { [7] = "snapshot",
	    [9] = "bigalloc",
	    [11] = "replica",
	    [13] = "project",
	    [15] = "verity",
	    [16] = "orphan_file" } },
	{ "erofs",
	  "unidentified incompatible feature ",
	  false,
	  { [4] = "ztailpacking",
	    [5] = "fragments",
	    [6] = "xattr-prefix",
	    [7] = "48bit",
	    [8] = "metadata compression" } },
};

/* "metadir, zoned, bit 12". Return: how many */
static unsigned int list(const struct set *set, unsigned long long bits, char *text, size_t size)
{
	unsigned int count = 0;
	size_t used = 0;

	*text = 0;
	for (unsigned int bit = 0; bit < 64 && used < size; bit++) {
		const char *name = bit < sizeof(set->names) / sizeof(*set->names) ? set->names[bit] : NULL;

		if (!(bits >> bit & 1))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", count++ ? ", " : "", name ? name : "");
		if (!name && used < size)
			used += (size_t)snprintf(text + used, size - used, "one without a name (bit %u)", bit);
	}
	return count;
}

unsigned int explain_features(const char *type, const char *line, char *text, size_t size, bool *readable)
{
	for (const struct set *set = sets; set < sets + sizeof(sets) / sizeof(*sets); set++) {
		const char *at = strcmp(set->type, type) ? NULL : strstr(line, set->words);

		if (!at)
			continue;
		*readable = set->readable;
		return list(set, strtoull(at + strlen(set->words), NULL, 16), text, size);
	}
	return 0;
}
