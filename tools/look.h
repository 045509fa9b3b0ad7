/* SPDX-License-Identifier: BSD-2-Clause */
/* What a path in an image is, what is in it, and which partitions there are: for completion, patterns and "cd"; silent about what is not there. */
#ifndef TOOLS_LOOK_H
#define TOOLS_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** LOOK_WORD - its name as a subcommand, with "-d" for what is in a directory and "-l" to follow no symbolic link */
#define LOOK_WORD "_look"

/** LOOK_PARTS_WORD - the subcommand that looks for partitions of an image: their numbers, and their names */
#define LOOK_PARTS_WORD "_parts"

/**
 * struct look_name - one name
 * @note: of a partition: what it is, in a few words; else NULL
 * @mode: as st_mode, of the type alone; a symbolic link to a directory is one
 */
struct look_name {
	char *text, *note;
	uint32_t mode;
};

/**
 * struct look - what there is; begins as zeroes
 * @found: the path exists
 * @mode:  of it, as st_mode
 * @names: in it, without "." and "..", when they were asked for
 */
struct look {
	bool found;
	uint32_t mode;
	struct look_name *names;
	size_t count, room;
};

/** struct look_options - of the subcommand; @look: the parent's, where the answer goes */
struct look_options {
	bool names, link;
	struct look *look;
};

void look_free(struct look *look);

#endif
