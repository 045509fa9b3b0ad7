// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many threads create, write, read, rename, truncate, sync and unlink files; each knows what its files must hold.
 *
 * Every thread keeps a copy of its files in memory and compares whole files with it. Half of the names are in a
 * directory that all threads share, so that they meet in one directory's locks. Afterwards the image is unmounted,
 * checked by the host's tool, mounted by a fresh kernel and compared once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "fs.h"
#include "pattern.h"

#define THREADS 6
#define FILES 24 /* of each thread */
#define FILE_MAX (128 << 10)
#define WRITE_MAX (32 << 10)
#define STEPS 1500

/*
 * struct file - what one file must be
 * @exists: it is there
 * @shared: in the shared directory, else in the thread's own
 * @name:   number in its name, new at each creation and rename
 * @size, @data: contents
 */
struct file {
	bool exists;
	bool shared;
	unsigned int name;
	size_t size;
	unsigned char *data;
};

struct worker {
	unsigned int number;
	uint64_t random;
	unsigned int names;
	unsigned int errors;
	char what[160]; /* of the first error */
	struct file files[FILES];
	unsigned char buf[FILE_MAX + 1];
};

static struct worker workers[THREADS];

static void path_of(const struct worker *w, const struct file *f, char *path, size_t size)
{
	if (f->shared)
		snprintf(path, size, FS_MOUNT "/shared/%u-%u", w->number, f->name);
	else
		snprintf(path, size, FS_MOUNT "/own-%u/%u", w->number, f->name);
}

static void error(struct worker *w, const char *operation, const char *path, long ret)
{
	if (!w->errors++)
		snprintf(w->what, sizeof(w->what), "%s %s: %ld", operation, path, ret);
}

static int open_file(struct worker *w, const struct file *f, int flags)
{
	char path[64];
	int fd;

	path_of(w, f, path, sizeof(path));
	fd = rumpus_sys_openat(AT_FDCWD, path, flags, 0644);
	if (fd < 0)
		error(w, "open", path, fd);
	return fd;
}

static void create(struct worker *w, struct file *f)
{
	int fd;

	f->shared = pattern_random(&w->random, 2);
	f->name = w->names++;
	f->size = 0;
	fd = open_file(w, f, O_CREAT | O_EXCL | O_WRONLY);
	if (fd < 0)
		return;
	f->exists = true;
	rumpus_sys_close(fd);
}

static void write_some(struct worker *w, struct file *f)
{
	const size_t offset = pattern_random(&w->random, FILE_MAX - WRITE_MAX);
	const size_t len = 1 + pattern_random(&w->random, WRITE_MAX);
	const int fd = open_file(w, f, O_WRONLY);
	long ret;

	if (fd < 0)
		return;
	if (offset > f->size)
		memset(f->data + f->size, 0, offset - f->size);
	pattern_fill(w->random++, offset, f->data + offset, len);
	ret = rumpus_sys_pwrite64(fd, (const char *)f->data + offset, len, offset);
	if (ret != (long)len)
		error(w, "pwrite", "", ret);
	if (offset + len > f->size)
		f->size = offset + len;
	if (!pattern_random(&w->random, 8)) {
		ret = rumpus_sys_fsync(fd);
		if (ret)
			error(w, "fsync", "", ret);
	}
	rumpus_sys_close(fd);
}

static void truncate_file(struct worker *w, struct file *f)
{
	const size_t size = pattern_random(&w->random, FILE_MAX);
	const int fd = open_file(w, f, O_WRONLY);
	long ret;

	if (fd < 0)
		return;
	ret = rumpus_sys_ftruncate(fd, size);
	if (ret)
		error(w, "ftruncate", "", ret);
	if (size > f->size)
		memset(f->data + f->size, 0, size - f->size);
	f->size = size;
	rumpus_sys_close(fd);
}

static void compare(struct worker *w, struct file *f)
{
	const int fd = open_file(w, f, O_RDONLY);
	size_t done = 0;
	long ret = 0;

	if (fd < 0)
		return;
	do {
		ret = rumpus_sys_pread64(fd, (char *)w->buf + done, sizeof(w->buf) - done, done);
		if (ret > 0)
			done += ret;
	} while (ret > 0 && done < sizeof(w->buf));
	if (ret < 0)
		error(w, "pread", "", ret);
	else if (done != f->size)
		error(w, "size", "", (long)done - (long)f->size);
	else if (memcmp(w->buf, f->data, f->size))
		error(w, "contents", "", f->name);
	rumpus_sys_close(fd);
}

static void rename_file(struct worker *w, struct file *f)
{
	struct file to = *f;
	char old[64], new[64];
	long ret;

	to.shared = pattern_random(&w->random, 2);
	to.name = w->names++;
	path_of(w, f, old, sizeof(old));
	path_of(w, &to, new, sizeof(new));
	ret = rumpus_sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
	if (ret)
		error(w, "rename", new, ret);
	*f = to;
}

static void unlink_file(struct worker *w, struct file *f)
{
	char path[64];
	long ret;

	path_of(w, f, path, sizeof(path));
	ret = rumpus_sys_unlinkat(AT_FDCWD, path, 0);
	if (ret)
		error(w, "unlink", path, ret);
	ret = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	if (ret != -ENOENT)
		error(w, "open of what was unlinked", path, ret);
	f->exists = false;
}

static void step(struct worker *w)
{
	struct file *f = &w->files[pattern_random(&w->random, FILES)];

	if (!f->exists) {
		create(w, f);
		return;
	}
	switch (pattern_random(&w->random, 16)) {
	case 0:
		unlink_file(w, f);
		break;
	case 1 ... 2:
		rename_file(w, f);
		break;
	case 3 ... 4:
		truncate_file(w, f);
		break;
	case 5 ... 8:
		compare(w, f);
		break;
	default:
		write_some(w, f);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < STEPS && !w->errors; i++)
		step(w);
	return NULL;
}

static void *compare_all(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < FILES; i++)
		if (w->files[i].exists)
			compare(w, &w->files[i]);
	return NULL;
}

/* Runs one function on all workers at once and reports their errors as one check. */
static void run_all(void *(*fn)(void *), const char *what, unsigned int cpus)
{
	pthread_t threads[THREADS];
	unsigned int errors = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, fn, &workers[i]))
			tap_abort("pthread_create");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		if (workers[i].errors)
			tap_note("thread %d: %s", i, workers[i].what);
		errors += workers[i].errors;
		workers[i].errors = 0;
	}
	tap_is(errors, 0, "%s, %u virtual CPUs", what, cpus);
}

static void reset(unsigned int round)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];

		w->number = i;
		w->random = pattern_mix(round * THREADS + i);
		w->names = 0;
		for (int k = 0; k < FILES; k++) {
			w->files[k].exists = false;
			if (!w->files[k].data && !(w->files[k].data = malloc(FILE_MAX + WRITE_MAX)))
				tap_abort("out of memory");
		}
	}
}

static void make_directories(void)
{
	char path[64];

	rumpus_sys_mkdirat(AT_FDCWD, FS_MOUNT "/shared", 0755);
	for (int i = 0; i < THREADS; i++) {
		snprintf(path, sizeof(path), FS_MOUNT "/own-%d", i);
		rumpus_sys_mkdirat(AT_FDCWD, path, 0755);
	}
}

static void round_of(struct fs *fs, unsigned int cpus)
{
	reset(cpus);
	fs_make(fs);
	fs_start(fs, cpus);
	make_directories();
	run_all(work, "threads at work", cpus);
	run_all(compare_all, "files compared", cpus);
	fs_stop(fs);
	fs_check(fs, "after the stress");
	fs_start(fs, cpus);
	run_all(compare_all, "files compared by a fresh kernel", cpus);
	fs_stop(fs);
}

int main(int argc, char **argv)
{
	struct fs fs;

	fs_begin(&fs, argc, argv);
	round_of(&fs, 1);
	round_of(&fs, 2);
	round_of(&fs, 4);
	return tap_done();
}
