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
 * Loop devices take no lock on their file, so they are looked up. Block devices are opened with O_EXCL besides
 * (file.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

enum {
	BYTE_USES_READING = 100,
	BYTE_USES_WRITING = 101,
	BYTE_DENIES_WRITING = 201,
};

static int set_lock(int fd, short type, off_t start, off_t length)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool byte_is_locked(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	/* A descriptor without write access can be asked all the same. */
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

void file_unlock(int fd)
{
	set_lock(fd, F_UNLCK, 0, 0);
}

/* Does /proc/PID/fdinfo/FD tell of a lock? */
static bool holds_lock(int proc, const char *pid, const char *fd)
{
	char path[64], line[256];
	bool found = false;
	FILE *stream;
	int info;

	snprintf(path, sizeof(path), "%.16s/fdinfo/%.16s", pid, fd);
	info = openat(proc, path, O_RDONLY | O_CLOEXEC);
	stream = info < 0 ? NULL : fdopen(info, "r");
	if (!stream) {
		if (info >= 0)
			close(info);
		return false;
	}
	while (!found && fgets(line, sizeof(line), stream))
		found = !strncmp(line, "lock:", 5);
	fclose(stream);
	return found;
}

static bool process_holds(int proc, const char *pid, const struct stat *image)
{
	struct dirent *entry;
	bool found = false;
	char path[64];
	struct stat st;
	DIR *fds;
	int fd;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds = fd < 0 ? NULL : fdopendir(fd);
	if (!fds) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(fds)))
		found = !fstatat(fd, entry->d_name, &st, 0) && st.st_ino == image->st_ino &&
			st.st_dev == image->st_dev && holds_lock(proc, pid, entry->d_name);
	closedir(fds);
	return found;
}

/* The host does not say who holds such a lock, but shows descriptors of processes that we may look at. 0: not found */
static long find_holder(int fd)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct stat image;
	long pid = 0;

	if (!proc)
		return 0;
	if (!fstat(fd, &image)) {
		while (!pid && (entry = readdir(proc))) {
			long candidate = strtol(entry->d_name, NULL, 10);

			if (candidate > 0 && process_holds(dirfd(proc), entry->d_name, &image))
				pid = candidate;
		}
	}
	closedir(proc);
	return pid;
}

static int busy(struct io_spec *spec, int fd, bool writer, const char *label)
{
	long pid = find_holder(fd);
	char who[48] = "another process";

	if (pid == getpid())
		snprintf(who, sizeof(who), "this process");
	else if (pid)
		snprintf(who, sizeof(who), "process %ld", pid);
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

static int take_lock(int fd, bool writer)
{
	if (writer)
		return set_lock(fd, F_WRLCK, 0, 0);
	if (set_lock(fd, F_RDLCK, BYTE_USES_READING, 1) || set_lock(fd, F_RDLCK, BYTE_DENIES_WRITING, 1))
		return -1;
	if (!byte_is_locked(fd, BYTE_USES_WRITING))
		return 0;
	errno = EAGAIN;
	return -1;
}

int file_lock(struct io_spec *spec, int fd, bool is_device, bool writer, const char *label)
{
	int error = 0;

	if (take_lock(fd, writer)) {
		if (errno == EAGAIN || errno == EACCES)
			error = busy(spec, fd, writer, label);
		else
			error = io_fail(spec, blk_error(errno),
					"%s cannot be locked: %s; copy it to another file system", label,
					strerror(errno));
	} else if (!is_device) {
		error = check_loops(spec, fd, writer, label);
	}
	/* The descriptor may be a copy of the caller's, which lives on. */
	if (error)
		file_unlock(fd);
	return error;
}
