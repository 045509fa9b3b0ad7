/* SPDX-License-Identifier: BSD-2-Clause */
/* Files whose contents must survive a power cut: what they may be, and a workload that changes them. */
#ifndef TESTS_FS_CUTS_H
#define TESTS_FS_CUTS_H

#include <stdbool.h>
#include <stddef.h>

/** CUTS_SIZE_MAX - bytes of a file at most */
#define CUTS_SIZE_MAX (64 << 10)

/**
 * struct cuts_state - a file at some time
 * @exists: its name
 * @size:   of its contents
 */
struct cuts_state {
	bool exists;
	size_t size;
	unsigned char data[CUTS_SIZE_MAX];
};

/**
 * struct cuts_file - one file, by name
 * @name:    path below the mount
 * @durable: what has been synced: contents by fsync() of the file, the name by that of its directory
 * @now:     what the calls since then make of it, if they come to take effect
 * @whole:   its contents are one or the other, as for the target of a rename; else each byte is
 * @moved:   the file that it has been renamed to, since its directory was synced: one of the two is there
 */
struct cuts_file {
	char name[32];
	struct cuts_state durable, now;
	bool whole;
	struct cuts_file *moved;
};

/**
 * cuts_work() - change files in the mounted file system until it is done, or a call fails
 *
 * Creates, appends, overwrites, cuts, renames and unlinks, with fsync() of files and of directories.
 * Return: 0, or the first error, a negative errno
 */
long cuts_work(void);

/**
 * cuts_wrong() - compare what is in the mounted file system with what cuts_work() came to
 * @say: called with a text for each file that is not as it must be
 * Return: how many are not
 */
unsigned int cuts_wrong(void (*say)(const char *text, ...));

/** cuts_forget() - as before the first cuts_work() */
void cuts_forget(void);

/** cuts_synced() - Return: how many files have durable names */
unsigned int cuts_synced(void);

#endif
