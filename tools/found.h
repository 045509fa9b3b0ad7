/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told about a file: on the wire, as text, as JSON.
 *
 * The worker sends facts, the parent makes lines of them: so the worker cannot write anything to a terminal.
 */
#ifndef TOOLS_FOUND_H
#define TOOLS_FOUND_H

#include <stdint.h>
#include <sys/stat.h>

#include "json.h"
#include "visit.h"
#include "wire.h"

/** struct found_time - seconds since 1970; @known is 0 where the file system does not keep it */
struct found_time {
	int64_t seconds;
	uint32_t nanoseconds, known;
};

/** struct found - attributes; @blocks: of 512 bytes; @depth: below the operand; @number: what it is sent for */
struct found {
	uint64_t ino, size, blocks;
	struct found_time access, birth, change, modify;
	uint32_t mode, nlink, uid, gid;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint32_t block_size, depth, number, flags;
};

_Static_assert(sizeof(struct found) == 136, "records of the wire have no padding");

/** enum found_flag - of a struct found */
enum found_flag {
	FOUND_LAST = 1, /* nothing follows in its directory */
};

/* Above the flags: number of the operand that it was found below. */
#define FOUND_OPERAND_SHIFT 8

/**
 * struct found_names - texts that belong to a file; valid as long as the record
 * @path:   as shown
 * @target: of a symbolic link, else ""
 * @user, @group: what the image calls them, "" for what it does not know
 */
struct found_names {
	const char *path, *target, *user, *group;
};

/**
 * struct found_place - a file that is told about
 * @path:      as shown
 * @dir, @name: where it is; of a symbolic link the target is read
 * @accounts:  whose names its owners have; NULL: their numbers will do
 */
struct found_place {
	const char *path;
	int dir;
	const char *name;
	const struct image *accounts;
};

/** found_from() - worker: the attributes of a file below @operand */
struct found found_from(const struct command *command, const struct operand *operand, const struct statx *st);
/** found_put() - worker: send them as WIRE_FOUND. Return: 0, also after a message; negative errno to end the work for
 */
int found_put(struct worker *worker, const struct found *found, const struct found_place *place);
/** found_send() - worker: an examined file of a visit as WIRE_FOUND. @number: for the parent. Return: 0, negative errno
 */
int found_send(struct visit *visit, struct visit_file *file, uint32_t number);
/** found_get() - parent: the reverse */
void found_get(struct wire_record *record, struct found *found, struct found_names *names);

/** found_mode() - "drwxr-xr-x" */
void found_mode(uint32_t mode, char text[11]);
/** found_type() - "regular file", "directory" and so on */
const char *found_type(uint32_t mode);
/** found_letter() - "f", "d" and so on, as find(1) has them */
char found_letter(uint32_t mode);
/** found_time() - "2026-11-22 14:08:00.123456789 +0000" in the time zone of the user; "-" for none. Return: @text */
const char *found_time(const struct found_time *when, char *text, size_t size);
/** found_json() - an object with all of it */
void found_json(struct json *json, const struct found *found, const struct found_names *names);
/** found_json_open() - the same, without its closing bracket, for more members */
void found_json_open(struct json *json, const struct found *found, const struct found_names *names);

/* accounts.c: what the image calls its users, in the worker */
/** accounts_name() - @group: of a group. Return: a name of @image's /etc/passwd or /etc/group, or "" */
const char *accounts_name(const struct image *image, bool group, uint32_t id);
/** accounts_forget() - at the end of a command: the next one of a shell may have another struct image, other files */
void accounts_forget(void);
/** accounts_find() - a decimal number, or a name. Return: 0, -ENOENT */
int accounts_find(const struct image *image, bool group, const char *name, uint32_t *id);

#endif
