/* SPDX-License-Identifier: BSD-2-Clause */
/* FUSE connections of the host: mounted and unmounted, by root itself and for others by fusermount3. */
#ifndef TOOLS_CONNECTION_H
#define TOOLS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

/** CONNECTION_TYPE - of file system, as the host shows it */
#define CONNECTION_TYPE "fuse.rumpus"

/**
 * struct connection - a mount of the host's
 * @dir:     absolute path of the mount point
 * @source:  what is mounted, for the host's table
 * @flags:   MS_xxx
 * @private: only the user who mounts may enter
 * @id:      the host's number of this mount; 0: not mounted
 */
struct connection {
	const char *dir, *source;
	unsigned long flags;
	bool private;
	int id;
};

/** connection_dir() - the absolute path of a mount point, also of one whose server has gone. Return: allocated, or NULL
 */
char *connection_dir(const char *path);
/** connection_check() - may something be mounted at @dir? Return: 0; a negative errno after a message */
int connection_check(struct report *report, const char *dir, bool nonempty);
/** connection_make() - mount. Return: descriptor of the device; a negative errno after a message */
int connection_make(struct report *report, struct connection *connection);
/**
 * connection_end() - unmount whatever is at @dir; blocks until the host has written back, but no longer than a minute
 * @lazy: detach it also while it is used
 * @why:  out: one line when it fails, in the words of who refused
 * Return: 0; -EBUSY; another negative errno
 */
int connection_end(const char *dir, bool lazy, char *why, size_t size);

/** struct connection_entry - a line of the host's table; strings are unescaped */
struct connection_entry {
	int id;
	char dir[4096], source[4096], options[1024];
};

/** connection_list() - call @take for each mount of ours, until it returns other than 0, which is returned then */
int connection_list(int (*take)(void *arg, const struct connection_entry *entry), void *arg);
/** connection_find() - the mount of ours that is at @dir. Return: its number, 0: there is none */
int connection_find(const char *dir);

#endif
