// SPDX-License-Identifier: BSD-2-Clause
/* A file system that runs full under several threads: ENOSPC, nothing lost, room again after unlinking */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "pattern.h"

#define WRITERS 3
#define CHUNK (256 << 10)

/*
 * struct writer - one thread and its file
 * @size: bytes that write(2) took
 * @end:  what ended it
 */
struct writer {
	unsigned int number;
	uint64_t size;
	long end;
	unsigned char buf[CHUNK], got[CHUNK];
};

static struct writer writers[WRITERS];

static void path_of(const struct writer *w, char *path, size_t size)
{
	snprintf(path, size, FS_MOUNT "/file-%u", w->number);
}

static void *fill(void *arg)
{
	struct writer *w = arg;
	char path[32];
	int fd;

	path_of(w, path, sizeof(path));
	fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	w->end = fd;
	while (w->end >= 0) {
		pattern_fill(w->number, w->size, w->buf, CHUNK);
		w->end = rumpus_sys_write(fd, w->buf, CHUNK);
		if (w->end > 0)
			w->size += w->end;
	}
	if (fd >= 0)
		rumpus_sys_close(fd);
	return NULL;
}

static void *compare(void *arg)
{
	struct writer *w = arg;
	uint64_t offset = 0;
	char path[32];
	long len;
	int fd;

	path_of(w, path, sizeof(path));
	fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	w->end = fd < 0 ? fd : 0;
	while (!w->end && (len = rumpus_sys_read(fd, w->got, CHUNK)) != 0) {
		if (len < 0) {
			w->end = len;
			break;
		}
		pattern_fill(w->number, offset, w->buf, len);
		if (memcmp(w->got, w->buf, len))
			w->end = -EIO;
		offset += len;
	}
	if (!w->end && offset != w->size)
		w->end = -EIO;
	if (fd >= 0)
		rumpus_sys_close(fd);
	return NULL;
}

static void run_all(void *(*fn)(void *))
{
	pthread_t threads[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++)
		if (pthread_create(&threads[i], NULL, fn, &writers[i]))
			tap_abort("pthread_create");
	for (unsigned int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
}

static void expect_all(long end, const char *what)
{
	for (unsigned int i = 0; i < WRITERS; i++)
		tap_is(writers[i].end, end, "%s, thread %u", what, i);
}

/* Some file systems give room back only with their next transaction. */
static long unlink_first(void)
{
	char path[32];
	long ret;

	path_of(&writers[0], path, sizeof(path));
	ret = rumpus_sys_unlinkat(AT_FDCWD, path, 0);
	rumpus_sys_sync();
	return ret;
}

int main(int argc, char **argv)
{
	uint64_t total = 0, before;
	struct fs fs;

	fs_begin(&fs, argc, argv);
	fs_make(&fs);
	fs_start(&fs, 2);
	for (unsigned int i = 0; i < WRITERS; i++)
		writers[i].number = i;
	run_all(fill);
	expect_all(-ENOSPC, "the writer is told");
	for (unsigned int i = 0; i < WRITERS; i++)
		total += writers[i].size;
	tap_ok(total > 128 << 20, "%llu MiB were taken", (unsigned long long)total >> 20);
	rumpus_sys_sync();
	fs_stop(&fs);
	fs_check(&fs, "full");

	fs_start(&fs, 2);
	run_all(compare);
	expect_all(0, "all that was taken is there");
	tap_is(unlink_first(), 0, "a file is unlinked");
	before = writers[0].size;
	writers[0].size = 0;
	fill(&writers[0]);
	tap_is(writers[0].end, -ENOSPC, "its room is used again");
	tap_ok(writers[0].size > before / 2, "most of it: %llu bytes of %llu", (unsigned long long)writers[0].size,
	       (unsigned long long)before);
	fs_stop(&fs);
	fs_check(&fs, "full again");
	return tap_done();
}
