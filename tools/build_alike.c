// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: building a tree: names that the target takes for one and the same
 *
 * FAT, exFAT, NTFS, HFS and HFS+ do not tell "Makefile" from "makefile", nor do directories of ext4 and F2FS that fold
 * case; what else they hold equal is in tables of their own. The second of two such files would take the place of the
 * first, and of what was copied one file would be missing without a word. So it is remembered what was made. Where
 * a name is taken, and nothing of that very spelling was made or is in the directory, the number of the inode tells
 * which other name has it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "build.h"

/* Different in each process, so that nobody can choose names whose hashes collide. */
static uint64_t start_value(void)
{
	static uint64_t value;

	if (!value)
		memcpy(&value, (const void *)getauxval(AT_RANDOM), sizeof(value)); /* 16 bytes from the kernel */
	return value;
}

/* FNV-1a */
uint64_t build_hash(uint64_t dir, const char *name)
{
	uint64_t hash = start_value() ^ dir;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 0x100000001b3U;
	hash ^= hash >> 32;
	return hash ? hash : 1; /* 0: a free slot */
}

static uint64_t *find(const struct build_made *made, uint64_t hash)
{
	size_t i = hash & (made->size - 1);

	while (made->slots[i] && made->slots[i] != hash)
		i = (i + 1) & (made->size - 1);
	return &made->slots[i];
}

static bool is_made(const struct build_made *made, uint64_t hash)
{
	return made->size && *find(made, hash);
}

static bool grow(struct build_made *made)
{
	struct build_made bigger = { .size = made->size ? 2 * made->size : 256, .used = made->used };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < made->size; i++) {
		if (made->slots[i])
			*find(&bigger, made->slots[i]) = made->slots[i];
	}
	free(made->slots);
	*made = bigger;
	return true;
}

int build_note_made(struct tree_build *build, const char *name)
{
	const uint64_t hash = build_hash(build_dir_hash(build), name);
	struct build_made *made = &build->made;
	uint64_t *slot;

	/* At most two thirds full */
	if (3 * (made->used + 1) > 2 * made->size && !grow(made))
		return -ENOMEM;
	slot = find(made, hash);
	made->used += !*slot;
	*slot = hash;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static long read_names(struct tree_build *build, fs_name_wanted *wanted, void *arg, struct fs_names *names)
{
	long dir = fs_open_dir(build->fs, build_dir(build), "."), error;

	*names = (struct fs_names){ 0 };
	if (dir < 0)
		return dir;
	error = fs_names_read(build->fs, (int)dir, wanted, arg, names);
	fs_close(build->fs, (int)dir);
	return error;
}

/* Is this very spelling in the directory? It is read once, and again after something there was replaced. */
static long is_there(struct tree_build *build, const char *name)
{
	const uint64_t dir = build_dir_hash(build);
	long error;

	if (!build->listed.list || build->listed_dir != dir) {
		fs_names_free(&build->listed);
		error = read_names(build, NULL, NULL, &build->listed);
		if (error) {
			fs_names_free(&build->listed);
			return error;
		}
		build->listed_dir = dir;
	}
	return bsearch(&name, build->listed.list, build->listed.count, sizeof(name), compare) != NULL;
}

static bool has_number(void *arg, const struct fs_dirent *dirent)
{
	return dirent->ino == *(const uint64_t *)arg && !fs_is_dots(dirent->name);
}

/* The names of what is found under @name. It is held open: FAT and exFAT give numbers for as long as they know the inode. */
static long read_spellings(struct tree_build *build, const char *name, struct fs_names *names)
{
	long fd = fs_openat(build->fs, build_dir(build), name, O_PATH | O_NOFOLLOW, 0), error;
	struct statx st;
	uint64_t number;

	*names = (struct fs_names){ 0 };
	if (fd < 0)
		return fd;
	error = fs_statx(build->fs, (int)fd, "", &st);
	number = st.stx_ino;
	if (!error)
		error = read_names(build, has_number, &number, names);
	fs_close(build->fs, (int)fd);
	return error;
}

long build_find_alike(struct tree_build *build, const char *name)
{
	struct fs_names spellings;
	long result;

	*build->alike = 0;
	if (is_made(&build->made, build_hash(build_dir_hash(build), name)))
		return 0;
	result = is_there(build, name);
	if (result)
		return result < 0 ? result : 0;
	result = read_spellings(build, name, &spellings);
	for (size_t i = 0; i < spellings.count && !result; i++) {
		if (is_made(&build->made, build_hash(build_dir_hash(build), spellings.list[i])))
			result = -ENOTUNIQ;
		snprintf(build->alike, sizeof(build->alike), "%s", spellings.list[i]);
	}
	fs_names_free(&spellings);
	fs_names_free(&build->listed); /* what has another spelling is replaced */
	return result;
}

void build_alike_fini(struct tree_build *build)
{
	free(build->made.slots);
	fs_names_free(&build->listed);
}
