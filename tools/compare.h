/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparing trees: a sink that compares what a walk finds with what is on another side */
#ifndef TOOLS_COMPARE_H
#define TOOLS_COMPARE_H

#include "tree.h"

struct compare_level;

/**
 * struct compare - the second of two trees, which the walk of the first is held against
 * @fs, @report: where it is, and where trouble is told
 * @base:    open directory or file; the caller's
 * @label:   what to call it in messages
 * @modes, @owners, @times, @xattrs, @links: what beside contents counts; times: of change, not of access
 * @differ:  called for each difference, in the order of names. @path: below the tops, "" for them. @what: "only" (then
 *           @first or @second is NULL), "type", "contents", "mode", "owner", "time", "target", "device", "links", or
 *           "xattr" and a key; @first, @second: as text, "" where there is nothing to tell
 *           Return: 0, or a negative errno that ends the walk
 * @wanted, @wanted_arg: as those of the walk
 *
 * The walk must be sorted, and have attributes of directories when it enters them.
 */
struct compare {
	struct tree_sink sink;
	const struct fs *fs;
	struct report *report;
	int base;
	const char *label;
	bool modes, owners, times, xattrs, links;
	int (*differ)(struct compare *compare, const char *path, const char *what, const char *first, const char *second);
	bool (*wanted)(void *arg, const char *path);
	void *wanted_arg;
	/* private */
	struct path path;
	struct compare_level *levels;
	unsigned int depth, room, skip;
	struct tree_links *known; /* files of the second tree that have several names */
	uint32_t *partners;	  /* for each of them, the number that the first tree has for it */
	size_t partners_room;
	unsigned char *bytes[2], *attributes;
};

/** compare_init() - Return: 0, -ENOMEM */
int compare_init(struct compare *compare);
void compare_fini(struct compare *compare);

/* compare_meta.c: Return: as @differ */
/** compare_meta() - all that is known of a file but its contents. @fd: of the second, or -1: @name in @dir */
int compare_meta(struct compare *compare, const struct tree_entry *first, const struct statx *second, int fd, int dir,
		 const char *name);
/** compare_tell() - report one difference of the current file */
int compare_tell(struct compare *compare, const char *what, const char *first, const char *second);

#endif
