// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "file": locks against a second writer
 *
 * Open file description locks (fcntl F_OFD_SETLK), because of those who are likely at the same image, QEMU and its
 * tools use these, and no one else uses any on image files. QEMU read-locks byte 100 + n for a permission n that it
 * uses and byte 200 + n for one that it denies to others, and tests the opposite byte with a write lock. So:
 *  - a writer of ours write-locks the whole range: it excludes, and is excluded by, everyone;
 *  - a reader of ours read-locks "uses reading" and "denies writing", and tests "uses writing".
 * They belong to the open file, not to the process: other descriptors of the same file that the embedding program
 * closes do not drop them, and a worker that was passed the descriptor keeps them.
 *
 * Who uses a part of the image also locks the bytes of that part, which lie behind QEMU's, and has to agree with those
 * who use another part, though nobody can see through one lock on a byte whether there is another one of a stranger. So
 * the strangers, who use all of it, are told by what all of them hold and we do not, "uses reading":
 *  - who writes to a part read-locks "uses writing", "denies reading" and "denies writing", and tests that there is no
 *    stranger: no lock on any other of QEMU's bytes;
 *  - who reads a part read-locks "denies writing", and tests that no stranger writes or denies reading.
 * Each locks first and tests then: of two that exclude each other, one sees the other at least.
 *
 * Loop devices take no lock on their file, so they are looked up. Block devices are opened with O_EXCL besides
 * (file.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

enum {
	BYTE_USES_READING = 100,
	BYTE_USES_WRITING = 101,
	BYTE_DENIES_READING = 200,
	BYTE_DENIES_WRITING = 201,
};

/* Of QEMU's bytes, those that nobody locks who uses a part */
static const struct file_range strangers[] = { { 100, 100 }, { 102, 199 }, { 202, 299 } };
static const struct file_range everything = { 0, INT64_MAX };

static int set_lock(int fd, short type, off_t start, off_t length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool is_locked(int fd, struct file_range range)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = range.first, .l_len = range.last - range.first + 1
	};

	/* A descriptor without write access can be asked all the same. */
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

static bool byte_is_locked(int fd, off_t byte)
{
	return is_locked(fd, (struct file_range){ byte, byte });
}

void file_unlock(int fd)
{
	set_lock(fd, F_UNLCK, 0, 0);
}

static int busy(struct io_spec *spec, int fd, struct file_range range, bool writer, const char *label)
{
	char who[64];

	/* A sandbox may forbid the look around: so none is taken in vain. */
	if (!spec->error)
		return -HYP_EBUSY;
	file_holder(fd, range, who, sizeof(who));
	return io_fail(spec, -HYP_EBUSY, "%s is in use by %s%s; end that one first, or work on a copy", label, who,
		       writer ? "" : ", which may write to it");
}

static bool read_line(int dir, const char *path, char *line, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, line, size - 1);
	close(fd);
	if (got <= 0)
		return false;
	line[got] = 0;
	line[strcspn(line, "\n")] = 0;
	return true;
}

static bool loop_shows(int block, const char *name, const struct stat *image, bool *read_only)
{
	char path[64], line[1024];
	struct stat st;

	snprintf(path, sizeof(path), "%.32s/loop/backing_file", name);
	if (!read_line(block, path, line, sizeof(line)) || stat(line, &st) || st.st_ino != image->st_ino ||
	    st.st_dev != image->st_dev)
		return false;
	snprintf(path, sizeof(path), "%.32s/ro", name);
	*read_only = read_line(block, path, line, sizeof(line)) && line[0] == '1';
	return true;
}

/* A loop device keeps its file in the host's cache as it likes: nobody may write beside it, nor read beside its writes.
 */
static int check_loops(struct io_spec *spec, int fd, bool writer, const char *label)
{
	DIR *block = opendir("/sys/block");
	struct dirent *entry;
	struct stat image;
	bool read_only;
	int error = 0;

	if (!block)
		return 0;
	if (!fstat(fd, &image)) {
		while (!error && (entry = readdir(block)))
			if (!strncmp(entry->d_name, "loop", 4) &&
			    loop_shows(dirfd(block), entry->d_name, &image, &read_only) && (writer || !read_only))
				error = io_fail(spec, -HYP_EBUSY,
						"%s is in use by the host as /dev/%s; losetup -d /dev/%s first", label,
						entry->d_name, entry->d_name);
	}
	closedir(block);
	return error;
}

/* @range: of who is in the way, here and below */
static int take_whole(int fd, bool writer, struct file_range *range)
{
	if (writer)
		return set_lock(fd, F_WRLCK, 0, 0);
	if (set_lock(fd, F_RDLCK, BYTE_USES_READING, 1) || set_lock(fd, F_RDLCK, BYTE_DENIES_WRITING, 1))
		return -1;
	if (!byte_is_locked(fd, BYTE_USES_WRITING))
		return 0;
	*range = (struct file_range){ BYTE_USES_WRITING, BYTE_USES_WRITING };
	errno = EAGAIN;
	return -1;
}

/* Somebody who uses all of the image; NULL: nobody */
static const struct file_range *find_stranger(int fd)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		if (is_locked(fd, strangers[i]))
			return &strangers[i];
	}
	return NULL;
}

/* What all have who use a part of the image */
static int take_part(int fd, bool writer, struct file_range *range)
{
	const struct file_range *stranger;

	if (set_lock(fd, F_RDLCK, BYTE_DENIES_WRITING, 1) ||
	    (writer && (set_lock(fd, F_RDLCK, BYTE_USES_WRITING, 1) || set_lock(fd, F_RDLCK, BYTE_DENIES_READING, 1))))
		return -1;
	stranger = find_stranger(fd);
	if (!stranger ||
	    (!writer && !byte_is_locked(fd, BYTE_USES_WRITING) && !byte_is_locked(fd, BYTE_DENIES_READING)))
		return 0;
	*range = *stranger;
	errno = EAGAIN;
	return -1;
}

/* A file system has no locks, or the host none of this kind: it does not know them, or a filter of system calls refuses. */
static int no_locks(struct io_spec *spec, const char *label)
{
	int error = errno;

	if (error == EPERM || error == EINVAL)
		return io_fail(spec, -HYP_EACCES,
			       "%s cannot be locked: this host refuses locks of open files (fcntl F_OFD_SETLK): %s; permit "
			       "them where this runs",
			       label, strerror(error));
	return io_fail(spec, blk_error(error), "%s cannot be locked: %s; copy it to another file system", label,
		       strerror(error));
}

/* Why a lock was not to be had */
static int refuse(struct io_spec *spec, int fd, struct file_range range, bool writer, const char *label)
{
	if (errno == EAGAIN || errno == EACCES)
		return busy(spec, fd, range, writer, label);
	return no_locks(spec, label);
}

int file_lock(struct io_spec *spec, int fd, bool is_device, struct file_use use, const char *label)
{
	struct file_range range = everything;
	int error = 0;

	if (use.part ? take_part(fd, use.writer, &range) : take_whole(fd, use.writer, &range))
		error = refuse(spec, fd, range, use.writer, label);
	else if (!is_device)
		error = check_loops(spec, fd, use.writer, label);
	/* The descriptor may be a copy of the caller's, which lives on. */
	if (error)
		file_unlock(fd);
	return error;
}

/* The bytes to lock for a part: the host caches pages, of which two users at once would undo each other's writing. */
static struct file_range pages_of(uint64_t offset, uint64_t size)
{
	const uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	struct file_range range = { (off_t)(offset & ~mask), (off_t)((offset + size - 1) | mask) };

	/* Not among those that mean something else. */
	return range.first <= strangers[2].last ? everything : range;
}

static int take_range(int fd, bool writer, struct file_range *range)
{
	if (!range->first)
		return take_whole(fd, writer, range);
	return set_lock(fd, writer ? F_WRLCK : F_RDLCK, range->first, range->last - range->first + 1);
}

int file_claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	struct file *file = (struct file *)disk;
	struct io_spec spec = { .error = error, .error_size = error_size };
	const bool writer = !(disk->info.caps & HYP_BLK_CAP_READ_ONLY);
	int result = blk_check_claim(&disk->info, offset, size, error, error_size);
	struct file_range range;

	if (result)
		return result;
	range = size < disk->info.size ? pages_of(offset, size) : everything;
	if (!file->no_lock && take_range(file->fd, writer, &range))
		return refuse(&spec, file->fd, range, writer, file->label);
	file->claimed_start = offset;
	file->claimed_end = offset + size;
	return 0;
}
