// SPDX-License-Identifier: BSD-2-Clause
/*
 * Read a file-system image with the kernel's own driver, inside this program and without privileges.
 *
 *	cc -o embed embed.c $(pkg-config --cflags --libs rumpus)
 *	./embed disk.img ext4 /etc/motd
 *
 * lists the root directory of the image and prints one of its files. doc/embedding.md tells more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define MOUNT_POINT "/mnt"

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "embed: %s: %s\n", what, strerror((int)-result));
	return -1;
}

/* The kernel's console. Only of interest when something goes wrong, but then very much so. */
static void log_line(void *arg, const char *text, size_t len)
{
	if (arg)
		fwrite(text, 1, len, stderr);
}

static int list_directory(const char *path)
{
	char buf[4096] __attribute__((aligned(8)));
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	long len;

	if (fd < 0)
		return complain(path, fd);
	while ((len = rumpus_sys_getdents64((int)fd, buf, sizeof(buf))) > 0) {
		/* The structures of the kernel are those of the C library: both are Linux's. */
		for (long at = 0; at < len;) {
			const struct dirent *entry = (const struct dirent *)&buf[at];

			printf("%s\n", entry->d_name);
			at += entry->d_reclen;
		}
	}
	rumpus_sys_close((int)fd);
	return len < 0 ? complain(path, len) : 0;
}

static int print_file(const char *path)
{
	char buf[65536];
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	long len;

	if (fd < 0)
		return complain(path, fd);
	while ((len = rumpus_sys_read((int)fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)len, stdout); /* the host's: only rumpus_sys_* goes to the kernel */
	rumpus_sys_close((int)fd);
	return len < 0 ? complain(path, len) : 0;
}

/* A kernel runs, with the disk attached as @node. */
static int show(const char *node, const char *type, const char *file)
{
	char path[4096];
	long result = rumpus_sys_mkdirat(AT_FDCWD, MOUNT_POINT, 0700); /* in the kernel's own root, which is memory */
	int status;

	if (result < 0)
		return complain(MOUNT_POINT, result);
	result = rumpus_sys_mount(node, MOUNT_POINT, type, MS_RDONLY, NULL);
	if (result < 0)
		return complain("mount", result);
	status = list_directory(MOUNT_POINT);
	snprintf(path, sizeof(path), MOUNT_POINT "/%s", file);
	if (status == 0)
		status = print_file(path);
	/* What is not unmounted has not been written: halting is like switching a machine off. */
	result = rumpus_sys_umount2(MOUNT_POINT, 0);
	return result < 0 ? complain("unmount", result) : status;
}

int main(int argc, char **argv)
{
	struct rumpus_config config = {
		.size = sizeof(config), /* all else may stay zero */
		.cpus = 1,
		.log = log_line,
		.arg = argc > 4 ? argv[4] : NULL,
	};
	struct rumpus *kernel;
	char node[32], error[256], spec[4096];
	int status = -1, result;

	if (argc < 4) {
		fprintf(stderr, "usage: embed IMAGE TYPE FILE [verbose]\n");
		return 2;
	}
	/* This thread is a thread of the kernel's first process from here on; others become so at their first call. */
	result = rumpus_boot(&config, &kernel);
	if (result < 0) {
		complain("boot", result);
		return 1;
	}
	/* Read-only, and with writes kept in memory: replaying a journal does not change the image. */
	snprintf(spec, sizeof(spec), "cow:file:%s", argv[1]);
	result = rumpus_disk_add(kernel, spec, 1, node, error, sizeof(error));
	if (result < 0)
		fprintf(stderr, "embed: %s\n", error);
	else
		status = show(node, argv[2], argv[3]);
	rumpus_halt(kernel);
	return status < 0 ? 1 : 0;
}
