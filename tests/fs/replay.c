// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel ends without unmounting, in the midst of work, and in some rounds the power of its disk fails with it: the
 * next one replays the journal, and what had been synced is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "pattern.h"

#define WRITERS 3
#define SIZE (100 << 10)
#define RUN_US 400000 /* and longer, until something has been synced */
#define LOOK_US 10000

/*
 * struct writer - one thread
 * @synced: files 0 to @synced - 1 were synced, directory and all
 * @end:    what its last call returned
 */
struct writer {
	unsigned int number;
	unsigned int round;
	atomic_uint synced;
	atomic_long end;
	unsigned char buf[SIZE];
};

static struct writer writers[WRITERS];

/* What stands in front of the image in each round: with "cut", a write cache that is lost but for a random part. */
static const char *const rounds[] = {
	"",
	"",
	"fault,cut=close,seed=1,survive=50:",
	"fault,cut=close,seed=2,survive=0:",
	"fault,cut=close,seed=3,survive=90:",
};

#define ROUNDS (sizeof(rounds) / sizeof(rounds[0]))

static uint64_t seed_of(const struct writer *w, unsigned int file)
{
	return (w->round * WRITERS + w->number) * 1000003ULL + file;
}

static void path_of(const struct writer *w, unsigned int file, char *path, size_t size)
{
	snprintf(path, size, FS_MOUNT "/%u-%u-%u", w->round, w->number, file);
}

/* Writes one file and syncs it, with its name. Returns 0 or the error that ended it. */
static long write_file(struct writer *w, unsigned int file)
{
	char path[64];
	long ret;
	int fd;

	path_of(w, file, path, sizeof(path));
	fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	if (fd < 0)
		return fd;
	pattern_fill(seed_of(w, file), 0, w->buf, SIZE);
	ret = rumpus_sys_write(fd, (char *)w->buf, SIZE);
	if (ret == SIZE)
		ret = rumpus_sys_fsync(fd);
	rumpus_sys_close(fd);
	return ret;
}

static void *write_files(void *arg)
{
	struct writer *w = arg;

	for (;;) {
		w->end = write_file(w, w->synced);
		if (w->end)
			return NULL;
		w->synced++;
	}
}

static unsigned int synced_files(void)
{
	unsigned int files = 0;

	for (unsigned int i = 0; i < WRITERS; i++)
		files += writers[i].synced;
	return files;
}

static bool one_failed(void)
{
	for (unsigned int i = 0; i < WRITERS; i++)
		if (writers[i].end)
			return true;
	return false;
}

/* Lets the writers run for a while and ends the kernel beneath them. */
static void cut(struct fs *fs, unsigned int round)
{
	pthread_t threads[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i].number = i;
		writers[i].round = round;
		writers[i].synced = 0;
		writers[i].end = 0;
		if (pthread_create(&threads[i], NULL, write_files, &writers[i]))
			tap_abort("pthread_create");
	}
	usleep(RUN_US);
	while (synced_files() <= WRITERS && !one_failed())
		usleep(LOOK_US);
	fs_halt(fs);
	for (unsigned int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		tap_is(writers[i].end, -ESHUTDOWN, "round %u: writer %u is told that the kernel has ended", round, i);
	}
}

static bool file_is_right(struct writer *w, unsigned int file)
{
	static unsigned char got[SIZE + 1];
	char path[64];
	long len;
	int fd;

	path_of(w, file, path, sizeof(path));
	fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return false;
	len = rumpus_sys_read(fd, (char *)got, sizeof(got));
	rumpus_sys_close(fd);
	pattern_fill(seed_of(w, file), 0, w->buf, SIZE);
	return len == SIZE && !memcmp(got, w->buf, SIZE);
}

static void compare_synced(unsigned int round)
{
	unsigned int wrong = 0, files = synced_files();

	for (unsigned int i = 0; i < WRITERS; i++)
		for (unsigned int k = 0; k < writers[i].synced; k++)
			wrong += !file_is_right(&writers[i], k);
	tap_ok(files > WRITERS, "round %u: %u files were synced before the end", round, files);
	tap_is(wrong, 0, "round %u: all of them are there", round);
}

int main(int argc, char **argv)
{
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		fs_boot(&fs, 2, rounds[round]);
		tap_is(fs_mount(&fs, 0), 0, "round %u: %s mounts", round, fs.type);
		cut(&fs, round);
		fs_start(&fs, 2);
		compare_synced(round);
		fs_stop(&fs);
		fs_check(&fs, "after the replay");
	}
	return tap_done();
}
