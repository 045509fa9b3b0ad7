// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": who holds a lock on an image */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../process.h"
#include "file.h"

/* "lock:  1: OFDLCK ADVISORY WRITE -1 fe:00:1234 0 EOF" */
static bool tells_lock(const char *line, struct file_range range)
{
	intmax_t first, last = INTMAX_MAX;

	return sscanf(line, "lock: %*s %*s %*s %*s %*s %*s %jd %jd", &first, &last) >= 1 && first <= range.last &&
	       last >= range.first;
}

/* Does /proc/PID/fdinfo/FD tell of a lock? */
static bool holds_lock(int proc, const char *pid, const char *fd, struct file_range range)
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
		found = tells_lock(line, range);
	fclose(stream);
	return found;
}

static bool process_holds(int proc, const char *pid, const struct stat *image, struct file_range range)
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
			st.st_dev == image->st_dev && holds_lock(proc, pid, entry->d_name, range);
	closedir(fds);
	return found;
}

/* The host does not say who holds such a lock, but shows descriptors of processes that we may look at. 0: not found */
static long find_holder(int fd, struct file_range range)
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

			if (candidate > 0 && process_holds(dirfd(proc), entry->d_name, &image, range))
				pid = candidate;
		}
	}
	closedir(proc);
	return pid;
}

void file_holder(int fd, struct file_range range, char *text, size_t size)
{
	long pid = find_holder(fd, range);
	char name[48];

	if (pid == getpid())
		snprintf(text, size, "this process");
	else if (pid)
		snprintf(text, size, "process %s", io_process_name((pid_t)pid, name, sizeof(name)));
	else
		snprintf(text, size, "another process");
}
