/* SPDX-License-Identifier: BSD-2-Clause */
/* What tar and untar share beside the archive itself: which files are meant */
#ifndef TOOLS_TAR_H
#define TOOLS_TAR_H

#include "archive.h"

/**
 * struct pattern_list - words of the command line; begins as zeroes
 * @used: for each: did it ever match?
 */
struct pattern_list {
	const char **words;
	bool *used;
	unsigned int count;
};

/** pattern_add() - one more; the word stays the caller's */
void pattern_add(struct pattern_list *list, const char *word);
/** pattern_excludes() - does a pattern match @path or its end after a slash, or a directory that leads there? */
bool pattern_excludes(struct pattern_list *list, const char *path);
/** pattern_includes() - is @path one of the words, matched by one, or below such a directory? True for an empty list */
bool pattern_includes(struct pattern_list *list, const char *path);

/** tar_exclude_option() - store function of --exclude: adds to the struct pattern_list */
int tar_exclude_option(const struct command *command, const struct option_rule *rule, void *target,
		       const char *argument);

/**
 * struct tar_sink - writes entries of a walk to an archive
 * @archive: open
 * @report:  for what cannot be archived
 * @name:    path of the source in the archive
 */
struct tar_sink {
	struct tree_sink sink;
	struct archive *archive;
	struct report *report;
	/* private */
	struct archive_entry *entry;
	struct path path;
	struct tree_names linked;
	unsigned int depth;
	void *buffer;
};

/** tar_sink_init() - Return: 0, -ENOMEM */
int tar_sink_init(struct tar_sink *sink, struct archive *archive, struct report *report);
/** tar_sink_start() - another source, called @name in the archive. Return: 0, -ENOMEM */
int tar_sink_start(struct tar_sink *sink, const char *name);
void tar_sink_fini(struct tar_sink *sink);

#endif
