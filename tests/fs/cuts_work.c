// SPDX-License-Identifier: BSD-2-Clause
/* The workload of tests/fs/cuts.c, and what must be left of it */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "cuts.h"
#include "fs.h"
#include "pattern.h"

#define FILES 32
#define ROUNDS 3

static struct cuts_file files[FILES];
static unsigned int used;
static uint64_t seed;

void cuts_forget(void)
{
	used = 0;
	seed = 0;
}

/* The file of this name; a new one does not exist yet. */
static struct cuts_file *file_of(const char *name)
{
	for (unsigned int i = 0; i < used; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	if (used == FILES)
		tap_abort("more than %d files", FILES);
	memset(&files[used], 0, sizeof(files[used]));
	snprintf(files[used].name, sizeof(files[used].name), "%s", name);
	return &files[used++];
}

static void path_of(const struct cuts_file *file, char *path, size_t size)
{
	snprintf(path, size, FS_MOUNT "/%s", file->name);
}

static long open_file(const struct cuts_file *file, int flags)
{
	char path[64];

	path_of(file, path, sizeof(path));
	return rumpus_sys_openat(AT_FDCWD, path, flags, 0644);
}

static long sync_path(const char *path)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0), error;

	if (fd < 0)
		return fd;
	error = rumpus_sys_fsync((unsigned int)fd);
	rumpus_sys_close((unsigned int)fd);
	return error;
}

/* Contents are durable; the name only if it has been before. */
static long sync_file(struct cuts_file *file)
{
	char path[64];
	long error;

	path_of(file, path, sizeof(path));
	error = sync_path(path);
	if (error)
		return error;
	file->durable.size = file->now.size;
	memcpy(file->durable.data, file->now.data, file->now.size);
	return 0;
}

/* All names are durable, and with them contents that have moved to another name. */
static long sync_names(void)
{
	long error = sync_path(FS_MOUNT);

	if (error)
		return error;
	for (unsigned int i = 0; i < used; i++) {
		struct cuts_file *file = &files[i];

		if (file->whole)
			file->durable = file->now;
		file->durable.exists = file->now.exists;
		file->whole = false;
		file->moved = NULL;
	}
	return 0;
}

/* Writes @size new bytes from @offset on. */
static long write_file(struct cuts_file *file, int flags, size_t offset, size_t size)
{
	long fd, done;

	file->now.exists = true;
	pattern_fill(++seed, 0, file->now.data + offset, size);
	if (file->now.size < offset + size)
		file->now.size = offset + size;
	fd = open_file(file, flags | O_WRONLY);
	if (fd < 0)
		return fd;
	done = rumpus_sys_pwrite64((unsigned int)fd, (char *)file->now.data + offset, size, (long)offset);
	rumpus_sys_close((unsigned int)fd);
	if (done < 0)
		return done;
	return (size_t)done == size ? 0 : -EIO;
}

static long cut_file(struct cuts_file *file, size_t size)
{
	char path[64];

	file->now.size = size;
	path_of(file, path, sizeof(path));
	return rumpus_sys_truncate(path, (long)size);
}

static long remove_file(struct cuts_file *file)
{
	char path[64];

	file->now.exists = false;
	path_of(file, path, sizeof(path));
	return rumpus_sys_unlink(path);
}

/* @from has been synced. */
static long rename_file(struct cuts_file *from, struct cuts_file *to)
{
	char old[64], new[64];

	to->now = from->durable;
	to->now.exists = true;
	to->whole = true;
	from->now.exists = false;
	from->moved = to;
	path_of(from, old, sizeof(old));
	path_of(to, new, sizeof(new));
	return rumpus_sys_rename(old, new);
}

static struct cuts_file *numbered(const char *name, unsigned int round)
{
	char text[32];

	snprintf(text, sizeof(text), "%s-%u", name, round);
	return file_of(text);
}

/* A file that grows, is overwritten and cut, each time synced. */
static long grow(unsigned int round)
{
	struct cuts_file *file = numbered("grown", round);
	long error = write_file(file, O_CREAT | O_EXCL, 0, 20000);

	error = error ? error : sync_file(file);
	error = error ? error : sync_names();
	error = error ? error : write_file(file, 0, 20000, 9000);
	error = error ? error : sync_file(file);
	error = error ? error : write_file(file, 0, 5000, 7000);
	error = error ? error : sync_file(file);
	error = error ? error : cut_file(file, 13000);
	return error ? error : sync_file(file);
}

/* As programs replace a file: a new one is written, synced, and renamed over the old one. */
static long replace(unsigned int round)
{
	struct cuts_file *fresh = numbered("fresh", round), *target = file_of("replaced");
	long error = write_file(fresh, O_CREAT | O_EXCL, 0, 6000 + 3000 * round);

	error = error ? error : sync_file(fresh);
	error = error ? error : rename_file(fresh, target);
	return error ? error : sync_names();
}

/* Files that are never synced, or go before they are, among others that stay. */
static long come_and_go(unsigned int round)
{
	struct cuts_file *gone = numbered("gone", round), *loose = numbered("loose", round),
			 *moved = numbered("moved", round);
	long error = write_file(gone, O_CREAT | O_EXCL, 0, 10000);

	error = error ? error : write_file(loose, O_CREAT | O_EXCL, 0, 30000);
	error = error ? error : sync_file(gone);
	error = error ? error : sync_names();
	error = error ? error : rename_file(gone, moved);
	error = error ? error : sync_names();
	error = error ? error : remove_file(moved);
	error = error ? error : sync_names();
	return error ? error : write_file(loose, 0, 10000, 10000);
}

long cuts_work(void)
{
	long error = 0;

	for (unsigned int round = 0; round < ROUNDS && !error; round++) {
		error = grow(round);
		error = error ? error : replace(round);
		error = error ? error : come_and_go(round);
	}
	return error;
}

unsigned int cuts_synced(void)
{
	unsigned int synced = 0;

	for (unsigned int i = 0; i < used; i++)
		synced += files[i].durable.exists;
	return synced;
}

static void read_state(const struct cuts_file *file, struct cuts_state *found)
{
	static unsigned char buffer[CUTS_SIZE_MAX + 1];
	long fd = open_file(file, O_RDONLY), size;

	found->exists = fd != -ENOENT;
	found->size = 0;
	if (fd < 0)
		return;
	size = rumpus_sys_read((unsigned int)fd, (char *)buffer, sizeof(buffer));
	rumpus_sys_close((unsigned int)fd);
	if (size < 0 || size > CUTS_SIZE_MAX)
		size = 0;
	found->size = (size_t)size;
	memcpy(found->data, buffer, found->size);
}

static bool same(const struct cuts_state *a, const struct cuts_state *b)
{
	return a->exists == b->exists && (!a->exists || (a->size == b->size && !memcmp(a->data, b->data, a->size)));
}

/*
 * Each byte is the old one or the new one, or zero when it is to be cut off: the end of a block is cleared before the
 * size changes. What has been appended may be anything until it is synced.
 */
static bool is_between(const struct cuts_file *file, const struct cuts_state *found)
{
	const struct cuts_state *old = &file->durable, *new = &file->now;
	size_t low = old->size < new->size ? old->size : new->size,
	       high = old->size < new->size ? new->size : old->size;

	if (found->size < low || found->size > high)
		return false;
	for (size_t i = 0; i < found->size && i < old->size; i++)
		if (found->data[i] != old->data[i] && found->data[i] != (i < new->size ? new->data[i] : 0))
			return false;
	return true;
}

static bool is_right(const struct cuts_file *file, const struct cuts_state *found)
{
	if (file->whole)
		return same(found, &file->durable) || same(found, &file->now);
	if (!found->exists)
		return !file->durable.exists || !file->now.exists;
	if (!file->durable.exists && !file->now.exists && !file->moved)
		return false;
	return is_between(file, found);
}

unsigned int cuts_wrong(void (*say)(const char *text, ...))
{
	static struct cuts_state found, moved;
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < used; i++) {
		const struct cuts_file *file = &files[i];

		read_state(file, &found);
		if (file->moved)
			read_state(file->moved, &moved);
		if (is_right(file, &found) &&
		    (!file->moved || !file->durable.exists || found.exists != same(&moved, &file->moved->now)))
			continue;
		wrong++;
		say("%s: %s, %zu bytes; synced: %s, %zu bytes; since then: %s, %zu bytes", file->name,
		    found.exists ? "there" : "gone", found.size, file->durable.exists ? "there" : "gone",
		    file->durable.size, file->now.exists ? "there" : "gone", file->now.size);
	}
	return wrong;
}
