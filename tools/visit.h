/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Visiting all files below a place in an image, in the worker.
 *
 * A file's attributes are asked for only when a subcommand wants them: names and kinds come with the directory, and a
 * million calls do not.
 */
#ifndef TOOLS_VISIT_H
#define TOOLS_VISIT_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "command.h"

struct tree_links;

/** VISIT_DEPTH_MAX - directories within each other; each costs a descriptor */
#define VISIT_DEPTH_MAX 4000U

/**
 * struct visit_file - a file that is visited
 * @dir, @name: where it is; @name is "." or "" for @dir itself
 * @type:     DT_DIR and so on, never DT_UNKNOWN
 * @examined: @st is there
 * @last:     sorted visits: nothing follows in its directory
 * @depth:    0 for the operand itself
 */
struct visit_file {
	int dir;
	const char *name;
	unsigned char type;
	bool examined, last;
	unsigned int depth;
	struct statx st;
};

/** enum visit_answer - what is to be done with a directory; for other files either will do */
enum visit_answer {
	VISIT_ENTER,
	VISIT_SKIP,
};

/**
 * struct visit - one visit, or several one after the other
 * @worker:  whose
 * @enter:   called for every file; a directory before what is in it. Return: enum visit_answer, or a negative errno,
 *           which ends the visit
 * @leave:   called for a directory that was not skipped, after what is in it; may be NULL
 * @wanted:  sorted visits: false leaves a name out; may be NULL
 * @follow:  an operand that is a symbolic link stands for what it leads to
 * @sorted:  by name, as bytes
 * @arg:     the caller's
 * @path:    of the file, as it is shown: it begins with the operand as given
 * @operand: which
 * @label:   how much of @path stands for it
 * @inside:  private: for visit_image_path()
 * @dev_major, @dev_minor: private: the file system of the operand
 * @dirs:    private: of this operand, to know one that has two paths
 */
struct visit {
	struct worker *worker;
	int (*enter)(struct visit *visit, struct visit_file *file);
	int (*leave)(struct visit *visit, struct visit_file *file);
	bool (*wanted)(const struct visit *visit, const char *name, unsigned char type, unsigned int depth);
	bool follow, sorted;
	void *arg;
	struct path path;
	const struct operand *operand;
	size_t label;
	struct path inside;
	uint32_t dev_major, dev_minor;
	struct tree_links *dirs;
};

/** visit_operand() - an operand and, where it is a directory, all below. Return: 0; negative errno to end the work for
 */
int visit_operand(struct visit *visit, const struct operand *operand);
/** visit_operands() - those of the command from number @first on; frees what the visit holds */
int visit_operands(struct visit *visit, unsigned int first);
/** visit_end() - free what a visit holds after visit_operand() */
void visit_end(struct visit *visit);
/** visit_examine() - fill in @file->st. Return: 0; 1 when that failed and was reported; negative errno, as above */
int visit_examine(struct visit *visit, struct visit_file *file);
/** visit_crosses() - does another file system than the operand's, or a subvolume, begin at this file, which was examined? */
bool visit_crosses(const struct visit *visit, const struct visit_file *file);
/** visit_failed() - report a failure with the current file. Return: 0; @error when there is no sense in going on */
int visit_failed(struct visit *visit, const char *what, long error);
/** visit_image_path() - the current file's path in the image, which begins with a slash; until the next call */
const char *visit_image_path(struct visit *visit);

#endif
