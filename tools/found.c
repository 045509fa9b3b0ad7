// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: what is told about a file */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "found.h"

/* Of a path on the wire; deeper trees cannot be shown. */
#define PATH_SENT_MAX (128U << 10)

static struct found_time time_from(const struct statx_timestamp *when, bool known)
{
	return (struct found_time){ .seconds = when->tv_sec, .nanoseconds = when->tv_nsec, .known = known };
}

struct found found_from(const struct command *command, const struct operand *operand, const struct statx *st)
{
	uint32_t number = (uint32_t)(operand - command->operands);

	return (struct found){
		.ino = st->stx_ino,
		.size = st->stx_size,
		.blocks = st->stx_blocks,
		.access = time_from(&st->stx_atime, true),
		.birth = time_from(&st->stx_btime, st->stx_mask & STATX_BTIME),
		.change = time_from(&st->stx_ctime, true),
		.modify = time_from(&st->stx_mtime, true),
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.rdev_major = st->stx_rdev_major,
		.rdev_minor = st->stx_rdev_minor,
		.dev_major = st->stx_dev_major,
		.dev_minor = st->stx_dev_minor,
		.block_size = st->stx_blksize,
		.flags = number << FOUND_OPERAND_SHIFT,
	};
}

int found_put(struct worker *worker, const struct found *found, const struct found_place *place)
{
	struct wire *wire = &worker->wire;
	const char *user = place->accounts ? accounts_name(place->accounts, false, found->uid) : "";
	const char *group = place->accounts ? accounts_name(place->accounts, true, found->gid) : "";
	size_t length = strlen(place->path);
	char target[4097] = "";
	int error;

	if (length > PATH_SENT_MAX)
		return worker_failed(worker, path_tail(place->path), "cannot be shown", -ENAMETOOLONG);
	if (S_ISLNK(found->mode)) {
		long size = fs_readlinkat(&fs_image, place->dir, place->name, target, sizeof(target) - 1);

		if (size < 0)
			return worker_failed(worker, path_tail(place->path), "cannot read the symbolic link", size);
		target[size] = 0;
	}
	error = wire_begin(wire, WIRE_FOUND,
			   sizeof(*found) + length + sizeof(target) + strlen(user) + strlen(group) + 32);
	if (error)
		return error;
	wire_put(wire, found, sizeof(*found));
	wire_put_string(wire, place->path);
	wire_put_string(wire, target);
	wire_put_string(wire, user);
	wire_put_string(wire, group);
	return wire_end(wire, -1);
}

int found_send(struct visit *visit, struct visit_file *file, uint32_t number)
{
	struct found found = found_from(visit->worker->command, visit->operand, &file->st);
	const struct found_place place = { visit->path.text, file->dir, file->name, visit->operand->image };

	found.depth = file->depth;
	found.number = number;
	found.flags |= file->last ? FOUND_LAST : 0;
	return found_put(visit->worker, &found, &place);
}

void found_get(struct wire_record *record, struct found *found, struct found_names *names)
{
	wire_get(record, found, sizeof(*found));
	names->path = wire_get_string(record);
	names->target = wire_get_string(record);
	names->user = wire_get_string(record);
	names->group = wire_get_string(record);
}

void found_mode(uint32_t mode, char text[11])
{
	static const char types[] = "?pc?d?b?-?l?s???", bits[] = "rwxrwxrwx";

	text[0] = types[mode >> 12 & 15];
	for (int i = 0; i < 9; i++)
		text[i + 1] = mode & (0400U >> i) ? bits[i] : '-';
	if (mode & S_ISUID)
		text[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		text[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		text[9] = mode & S_IXOTH ? 't' : 'T';
	text[10] = 0;
}

const char *found_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "regular file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "symbolic link";
	case S_IFCHR:
		return "character special file";
	case S_IFBLK:
		return "block special file";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	}
	return "weird file";
}

char found_letter(uint32_t mode)
{
	static const char letters[] = "?pc?d?b?f?l?s???";

	return letters[mode >> 12 & 15];
}

const char *found_time(const struct found_time *when, char *text, size_t size)
{
	time_t seconds = (time_t)when->seconds;
	char zone[16] = "", moment[64];
	struct tm tm;

	/* A year that no struct tm has room for is shown as its seconds. */
	if (!when->known)
		snprintf(text, size, "-");
	else if (!localtime_r(&seconds, &tm))
		snprintf(text, size, "@%lld.%09u", (long long)when->seconds, when->nanoseconds % 1000000000U);
	else {
		strftime(moment, sizeof(moment), "%Y-%m-%d %H:%M:%S", &tm);
		strftime(zone, sizeof(zone), "%z", &tm);
		snprintf(text, size, "%s.%09u %s", moment, when->nanoseconds % 1000000000U, zone);
	}
	return text;
}

static void json_time(struct json *json, const char *name, const struct found_time *when)
{
	time_t seconds = (time_t)when->seconds;
	char moment[64], text[96];
	struct tm tm;

	if (!when->known || !gmtime_r(&seconds, &tm))
		return;
	strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%09uZ", moment, when->nanoseconds % 1000000000U);
	json_string(json, name, text);
}

void found_json_open(struct json *json, const struct found *found, const struct found_names *names)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%04o", found->mode & 07777);
	json_open(json, NULL, '{');
	json_string(json, "path", names->path);
	json_string(json, "type", found_type(found->mode));
	if (S_ISLNK(found->mode))
		json_string(json, "target", names->target);
	json_string(json, "mode", mode);
	json_unsigned(json, "links", found->nlink);
	json_unsigned(json, "uid", found->uid);
	json_unsigned(json, "gid", found->gid);
	if (*names->user)
		json_string(json, "user", names->user);
	if (*names->group)
		json_string(json, "group", names->group);
	json_unsigned(json, "size", found->size);
	json_unsigned(json, "allocated", found->blocks * 512);
	json_unsigned(json, "inode", found->ino);
	if (S_ISCHR(found->mode) || S_ISBLK(found->mode)) {
		json_unsigned(json, "major", found->rdev_major);
		json_unsigned(json, "minor", found->rdev_minor);
	}
	json_time(json, "accessed", &found->access);
	json_time(json, "modified", &found->modify);
	json_time(json, "changed", &found->change);
	json_time(json, "born", &found->birth);
}

void found_json(struct json *json, const struct found *found, const struct found_names *names)
{
	found_json_open(json, found, names);
	json_close(json, '}');
}
