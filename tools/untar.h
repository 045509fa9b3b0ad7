/* SPDX-License-Identifier: BSD-2-Clause */
/* untar: from paths in the order of an archive to a tree that is built */
#ifndef TOOLS_UNTAR_H
#define TOOLS_UNTAR_H

#include "tar.h"

struct place_saved;

/**
 * struct place - where in the target the entries go
 * @build: with @follow, initialised
 *
 * A directory's metadata is kept until an entry elsewhere shows that nothing more comes into it.
 */
struct place {
	struct tree_build *build;
	/* private */
	char *dir; /* the directory that is open, without slashes at its ends; "" for the target itself */
	size_t room;
	unsigned int depth;
	struct place_saved **saved; /* for each level, what it gets when it is left; NULL: nothing is known */
	unsigned int saved_room;
	struct place_saved *top; /* the same of the target itself */
};

/**
 * place_clean() - a path of an archive as one that stays below the target: no slashes at its ends, no "." in it
 * @strip: leading components to leave out
 * @clean: out: memory of at least strlen(path) + 1 bytes; empty: the target itself, or nothing was left
 * Return: 0; -EINVAL for "..", which could lead out; -ENAMETOOLONG; -ENOENT when it has not even @strip components
 */
int place_clean(const char *path, unsigned int strip, char *clean);
/**
 * place_enter() - make the directory @path the current one, leaving and making others on the way
 * Return: 0 or a negative errno that ends it all; other failures are reported, and what comes into it is skipped
 */
int place_enter(struct place *place, const char *path, size_t length);
/** place_directory() - an entry for the directory @path, which becomes the current one. Return: as place_enter() */
int place_directory(struct place *place, const char *path, const struct tree_entry *entry);
/** place_fini() - leave all directories and free everything. Return: as place_enter() */
int place_fini(struct place *place);

#endif
