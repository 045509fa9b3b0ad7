/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of struct tree_build share: build.c, build_dirs.c */
#ifndef TOOLS_BUILD_H
#define TOOLS_BUILD_H

#include "tree.h"

/** build_dir() - the directory that is current */
int build_dir(const struct tree_build *build);
/** build_dir_hash() - build_hash() of it, and of the directories above */
uint64_t build_dir_hash(const struct tree_build *build);
/** build_path() - the current path, seen from the base */
const char *build_path(const struct tree_build *build);
/** build_failed() - report a failure with the entry @name. Return: 0, or @error when going on makes no sense */
int build_failed(struct tree_build *build, const char *name, const char *what, long error);
/** build_apply() - metadata of an entry in the current directory. @fd: of the file, or -1 */
void build_apply(struct tree_build *build, int fd, const char *name, const struct tree_entry *entry);

/** build_enter() - TREE_ENTER: make or find the directory @name, which is current from now on. Return: as take() */
int build_enter(struct tree_build *build, const char *name);
/** build_leave() - TREE_LEAVE of the current directory */
int build_leave(struct tree_build *build, const struct tree_entry *entry);
/** build_dirs_fini() - close and free */
void build_dirs_fini(struct tree_build *build);

/* build_alike.c */
/** build_hash() - of a name in a directory, which is known by its own; never 0 */
uint64_t build_hash(uint64_t dir, const char *name);
/** build_note_made() - @name is now in the current directory, and was not before. Return: 0; -ENOMEM */
int build_note_made(struct tree_build *build, const char *name);
/**
 * build_find_alike() - @name is taken: by something that was made here under another name?
 * Return: 0: no, and @build->alike is the other name of what was there before, or ""; -ENOTUNIQ: yes, by @build->alike;
 * another negative errno
 */
long build_find_alike(struct tree_build *build, const char *name);
void build_alike_fini(struct tree_build *build);

#endif
