// SPDX-License-Identifier: BSD-2-Clause
/* Takes the counters of a kernel with gcov out of it: one file for each object file, in debugfs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "coverage.h"

#define INSIDE "/coverage-of-this-run"
#define PATH_SIZE 4096

static int write_all(int host, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(host, buf, len);

		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_file(const char *from, const char *to)
{
	char buf[65536];
	int host, error = 0;
	long fd, len;

	fd = rumpus_sys_openat(AT_FDCWD, from, O_RDONLY, 0);
	if (fd < 0)
		return (int)fd;
	host = open(to, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (host < 0)
		error = -errno;
	while (!error && (len = rumpus_sys_read((int)fd, buf, sizeof(buf))) != 0)
		error = len < 0 ? (int)len : write_all(host, buf, (size_t)len);
	if (host >= 0)
		close(host);
	rumpus_sys_close((int)fd);
	return error;
}

static int copy_folder(const char *from, const char *to);

static int copy_entry(const char *from, const char *to, const struct dirent64 *entry)
{
	char inside[PATH_SIZE], outside[PATH_SIZE];
	const char *end = strrchr(entry->d_name, '.');

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (snprintf(inside, sizeof(inside), "%s/%s", from, entry->d_name) >= (int)sizeof(inside) ||
	    snprintf(outside, sizeof(outside), "%s/%s", to, entry->d_name) >= (int)sizeof(outside))
		return -ENAMETOOLONG;
	if (entry->d_type == DT_DIR)
		return copy_folder(inside, outside);
	return end && strcmp(end, ".gcda") == 0 ? copy_file(inside, outside) : 0;
}

static int copy_folder(const char *from, const char *to)
{
	char buf[8192] __attribute__((aligned(8)));
	int error = 0;
	long fd, len;

	if (mkdir(to, 0755) && errno != EEXIST)
		return -errno;
	fd = rumpus_sys_openat(AT_FDCWD, from, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return (int)fd;
	while (!error && (len = rumpus_sys_getdents64((int)fd, buf, sizeof(buf))) != 0) {
		if (len < 0)
			error = (int)len;
		for (long at = 0; !error && at < len;) {
			const struct dirent64 *entry = (const struct dirent64 *)&buf[at];

			error = copy_entry(from, to, entry);
			at += entry->d_reclen;
		}
	}
	rumpus_sys_close((int)fd);
	return error;
}

int coverage_save(void)
{
	const char *folder = getenv("RUMPUS_COVERAGE");
	static unsigned int runs;
	char to[PATH_SIZE];
	long error;

	if (!folder || !*folder)
		return 0;
	if (mkdir(folder, 0755) && errno != EEXIST)
		return -errno;
	if (snprintf(to, sizeof(to), "%s/run-%d-%u", folder, (int)getpid(), ++runs) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	rumpus_sys_mkdirat(AT_FDCWD, INSIDE, 0700);
	error = rumpus_sys_mount("debugfs", INSIDE, "debugfs", 0, NULL);
	if (error < 0)
		return (int)error;
	return copy_folder(INSIDE "/gcov", to);
}
