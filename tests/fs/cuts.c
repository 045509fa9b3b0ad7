// SPDX-License-Identifier: BSD-2-Clause
/*
 * The power goes at one write after the other, and each block that was not flushed has reached the disk or not: the
 * next kernel replays the journal, what had been synced is there, and the file system's own checker finds nothing.
 *
 * usage: cuts TYPE[-all[-PART/PARTS]]. Without "-all" some of the writes are tried, and one seed for each. With a part,
 * from the write of that number on one of so many.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tap.h"
#include "cuts.h"
#include "fs.h"

#define EMPTY "empty.img"
#define CUTS 24		 /* of all that the workload makes possible */
#define WRITES_MAX 65536 /* a workload that is not done by then fails for another reason than the cut */

/* Percentages of blocks that survive though they were not flushed */
static const unsigned int survive[] = { 50, 0, 90 };
#define SURVIVE_COUNT (sizeof(survive) / sizeof(*survive))

/** struct part - which writes are tried: @all, or every so many; from @number on each @count-th of all */
struct part {
	bool all;
	unsigned int number, count;
};

/* Only what is no hole, as images are large and sparse. */
static void copy_image(const char *from, const char *to)
{
	static char buffer[1 << 20];
	int in = open(from, O_RDONLY), out = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
	off_t size = lseek(in, 0, SEEK_END), at = 0;

	if (in < 0 || out < 0 || size < 0 || ftruncate(out, size))
		tap_abort("%s: %s", to, strerror(errno));
	while ((at = lseek(in, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(in, at, SEEK_HOLE);

		while (at < end) {
			size_t step = end - at < (off_t)sizeof(buffer) ? (size_t)(end - at) : sizeof(buffer);
			ssize_t got = pread(in, buffer, step, at);

			if (got <= 0 || pwrite(out, buffer, (size_t)got, at) != got)
				tap_abort("%s: %s", to, strerror(errno));
			at += got;
		}
	}
	close(in);
	close(out);
}

/* Runs the workload up to the write number @cut. Return: whether the power was gone before its end */
static bool work(struct fs *fs, unsigned int cut, unsigned int percent)
{
	char wrap[64];
	long error;

	copy_image(EMPTY, fs_image());
	cuts_forget();
	snprintf(wrap, sizeof(wrap), "fault,cut=%u,seed=%u,survive=%u:", cut, cut, percent);
	fs_boot(fs, 1, wrap);
	error = fs_mount(fs, 0);
	if (!error)
		error = cuts_work();
	if (!error)
		error = fs_unmount(fs);
	/* Not every error of the last writes reaches who unmounts: that they failed is seen by trying once more. */
	if (!error)
		error = fs_mount(fs, 0);
	fs_halt(fs);
	return error;
}

static void verify(struct fs *fs, unsigned int cut, unsigned int percent)
{
	unsigned int wrong;
	char name[64];

	snprintf(name, sizeof(name), "write %u, %u %% survive", cut, percent);
	fs_boot(fs, 1, "");
	if (!tap_is(fs_mount(fs, 0), 0, "%s: mounts again", name)) {
		fs_halt(fs);
		return;
	}
	wrong = cuts_wrong(tap_note);
	tap_is(wrong, 0, "%s: what was synced is there (%u files)", name, cuts_synced());
	tap_is(fs_unmount(fs), 0, "%s: unmounts", name);
	fs_halt(fs);
	fs_check(fs, name);
}

/* Return: the last write that the workload makes, about */
static unsigned int count_writes(struct fs *fs)
{
	unsigned int low = 1, high = 1;

	while (work(fs, high, 100)) {
		high *= 2;
		if (high > WRITES_MAX)
			tap_abort("%s: the workload fails, though no write does before number %u", fs->name, high / 2);
	}
	for (low = high / 2; high - low > 4;) {
		unsigned int middle = (low + high) / 2;

		if (work(fs, middle, 100))
			low = middle;
		else
			high = middle;
	}
	return high;
}

static bool has_component(struct fs *fs)
{
	int error;

	copy_image(EMPTY, fs_image());
	fs_boot(fs, 1, "");
	error = fs_mount(fs, 0);
	fs_halt(fs);
	return error != -ENODEV;
}

/* Tries each kind of survival at each write, or one after the other at some. */
static void try_cuts(struct fs *fs, unsigned int writes, const struct part *part)
{
	unsigned int step = part->all ? part->count : (writes + CUTS - 1) / CUTS, tried = 0;

	for (unsigned int cut = part->number; cut <= writes; cut += step, tried++) {
		for (unsigned int i = 0; i < (part->all ? SURVIVE_COUNT : 1); i++) {
			unsigned int percent = survive[(i + tried) % SURVIVE_COUNT];

			if (work(fs, cut, percent))
				verify(fs, cut, percent);
		}
	}
}

/* Takes from the end of the argument what is not the type. */
static struct part take_part(int argc, char **argv)
{
	struct part part = { .number = 1, .count = 1 };
	char *all = argc == 2 ? strstr(argv[1], "-all") : NULL;

	if (!all)
		return part;
	part.all = true;
	if (all[4] &&
	    (sscanf(all, "-all-%u/%u", &part.number, &part.count) != 2 || !part.number || part.number > part.count))
		tap_abort("%s: no part as in TYPE-all-1/4", argv[1]);
	*all = 0;
	return part;
}

int main(int argc, char **argv)
{
	struct part part = take_part(argc, argv);
	unsigned int writes;
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	if (rename(fs_image(), EMPTY))
		tap_abort("%s: %s", EMPTY, strerror(errno));
	if (!has_component(&fs)) {
		tap_skip(1, "this kernel image has no %s, and no component for it", fs.type);
		return tap_done();
	}
	writes = count_writes(&fs);
	tap_ok(writes > 20, "%s: the workload is %u writes", fs.name, writes);
	try_cuts(&fs, writes, &part);
	return tap_done();
}
