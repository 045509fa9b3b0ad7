// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makes subvolumes in an image of Btrfs, which neither its mkfs nor a mount by FUSE can.
 *
 * usage: subvolume IMAGE PATH ...
 */
#include <fcntl.h>
#include <libgen.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define MOUNT_POINT "/mnt"

static long make(const char *path)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	char parent[256], name[256];
	long fd, result;

	snprintf(parent, sizeof(parent), MOUNT_POINT "/%s", path);
	snprintf(name, sizeof(name), "%s", parent);
	snprintf(args.name, sizeof(args.name), "%s", basename(name));
	fd = rumpus_sys_openat(AT_FDCWD, dirname(parent), O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	result = rumpus_sys_ioctl((int)fd, BTRFS_IOC_SUBVOL_CREATE, (unsigned long)&args);
	rumpus_sys_close((int)fd);
	return result;
}

/* Return: 0, or the first error, a negative errno */
static long make_all(const char *node, char **paths)
{
	long result = rumpus_sys_mkdirat(AT_FDCWD, MOUNT_POINT, 0700), unmounted;

	if (!result)
		result = rumpus_sys_mount(node, MOUNT_POINT, "btrfs", 0, NULL);
	if (result)
		return result;
	while (!result && *paths)
		result = make(*paths++);
	unmounted = rumpus_sys_umount2(MOUNT_POINT, 0);
	return result ? result : unmounted;
}

int main(int argc, char **argv)
{
	struct rumpus_config config = { .size = sizeof(config), .cpus = 1 };
	char node[32], error[256] = "", spec[4096];
	struct rumpus *kernel;
	long result;

	if (argc < 3) {
		fprintf(stderr, "usage: subvolume IMAGE PATH ...\n");
		return 2;
	}
	result = rumpus_boot(&config, &kernel);
	if (result < 0) {
		fprintf(stderr, "subvolume: boot: %s\n", strerror((int)-result));
		return 1;
	}
	snprintf(spec, sizeof(spec), "file:%s", argv[1]);
	result = rumpus_disk_add(kernel, spec, 0, node, error, sizeof(error));
	if (result >= 0)
		result = make_all(node, argv + 2);
	rumpus_halt(kernel);
	if (result < 0)
		fprintf(stderr, "subvolume: %s %s\n", strerror((int)-result), error);
	return result < 0;
}
