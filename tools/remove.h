/* SPDX-License-Identifier: BSD-2-Clause */
/* Removing trees on either side, one component at a time, never through a symbolic link. */
#ifndef TOOLS_REMOVE_H
#define TOOLS_REMOVE_H

#include "fs.h"
#include "report.h"

/**
 * struct removal - how to remove, and where it has come to
 * @recursive: directories, too
 * @force:     nothing is said about what does not exist
 */
struct removal {
	const struct fs *fs;
	struct report *report;
	bool recursive, force;
	/* private */
	struct path path;
	unsigned int depth;
	uint64_t removed, kept; /* entries until now; the latter were reported */
};

/**
 * removal_entry() - remove @name in @dir. @label: what to call it
 * Return: 0, also when that failed and was reported; a negative errno to end the work for
 */
int removal_entry(struct removal *removal, int dir, const char *name, const char *label);

#endif
