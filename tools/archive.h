/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Archives, by libarchive: what tar and untar share.
 *
 * All of it runs in the worker, after it was sealed: an archive is as hostile as an image. The parent opens the file and
 * hands its descriptor over.
 */
#ifndef TOOLS_ARCHIVE_H
#define TOOLS_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "command.h"
#include "tree.h"

/** ARCHIVE_BLOCK - bytes that are read and written at a time: system calls do not count, small files lie in one piece */
#define ARCHIVE_BLOCK (512U << 10)

/* archive_io.c */
/**
 * struct archive_file - the host's end of an archive; the worker's
 * @fd:    as handed over; -1: records of WIRE_DATA to the parent
 * @error: negative errno that reading or writing it ended with
 * @block: ARCHIVE_BLOCK bytes, for reading
 */
struct archive_file {
	struct worker *worker;
	int fd;
	int error;
	void *block;
};

/** archive_file_send() - parent: hand a descriptor over, which is closed here; -1: none. Return: 0, negative errno */
int archive_file_send(struct session *session, int fd);
/** archive_file_receive() - worker: what archive_file_send() sent. Return: 0, negative errno */
int archive_file_receive(struct worker *worker, struct archive_file *file);
/** archive_file_close() - @error and everything else remain readable */
void archive_file_close(struct archive_file *file);
/** archive_file_read(), archive_file_write() - open @archive over @file. Return: as libarchive, ARCHIVE_OK for success */
int archive_file_read(struct archive *archive, struct archive_file *file);
int archive_file_write(struct archive *archive, struct archive_file *file);

/* archive_meta.c */
/** archive_put_meta() - what a walk found out about a file into an entry that is about to be written */
void archive_put_meta(struct archive_entry *to, const struct tree_entry *from, struct report *report,
		      const char *label);

/**
 * struct archive_xattrs - extended attributes as struct tree_entry wants them; begins as zeroes
 */
struct archive_xattrs {
	unsigned char *bytes;
	size_t size, room;
};

/**
 * archive_get_meta() - owner, mode, times and attributes of an entry that was read
 * @xattrs: memory for attributes and ACLs; emptied first. @to points to it.
 * Owners by number: names that the archive has for them are not looked at.
 */
void archive_get_meta(struct tree_entry *to, struct archive_entry *from, struct archive_xattrs *xattrs,
		      struct report *report);

/* archive_acl.c */
/** archive_put_acl() - from the value of an attribute as the kernel has it. Return: false when it is not of that form */
bool archive_put_acl(struct archive_entry *to, int type, const void *value, size_t size);
/**
 * archive_get_acl() - the reverse, into memory to be freed
 * @type: ARCHIVE_ENTRY_ACL_TYPE_ACCESS or _DEFAULT
 * Return: 1; 0 when there is none; -ENOENT when it has names without numbers; -ENOMEM
 */
int archive_get_acl(struct archive_entry *from, int type, void **value, size_t *size);

/* archive_charset.c */
/** archive_charset_begin() - from now on @archive is read or written; NULL: none is */
void archive_charset_begin(struct archive *archive, bool written);
/** archive_charset_warns() - is what libarchive warned of nothing but bytes of a name that were kept as they are? */
bool archive_charset_warns(struct archive *archive);

#endif
