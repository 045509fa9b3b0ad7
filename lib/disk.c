// SPDX-License-Identifier: BSD-2-Clause
/* Block devices of a kernel. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static int disk_add(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp, char name[32])
{
	return ops->disk_add(thread, hyp, name);
}

static int disk_remove(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp)
{
	return ops->disk_remove(thread, hyp);
}

static void disk_close(void *hyp)
{
	struct hyp_blk *disk = hyp;

	disk->ops->close(disk);
}

static const struct device_class disk_class = { .add = disk_add, .remove = disk_remove, .close = disk_close };

/* @taken: out: the disk is the kernel's now */
static int attach(struct rumpus *kernel, struct hyp_blk *disk, char name[32], bool *taken)
{
	char node[32] = "";
	char path[sizeof("/dev/") + sizeof(node)];
	int error;

	*taken = false;
	if (!kernel || !disk || !name)
		return -EINVAL;
	error = device_attach(kernel, &disk_class, disk, node, taken);
	if (error)
		return error;
	snprintf(path, sizeof(path), "/dev/%.31s", node);
	snprintf(name, 32, "%.31s", path);
	return 0;
}

int rumpus_disk_attach(struct rumpus *kernel, struct hyp_blk *disk, char name[32])
{
	bool taken;

	return attach(kernel, disk, name, &taken);
}

/* Of what is wrong with an open disk, a kernel says no more than a number. It may be gone by now. */
static void explain(const char *spec, const struct hyp_blk_info *info, int result, char *error, size_t error_size)
{
	if (result == -ESHUTDOWN)
		snprintf(error, error_size, "%s: the kernel has ended", spec);
	else if (result == -EINVAL)
		snprintf(error, error_size, "%s: the kernel takes no disk of %" PRIu64 " bytes in blocks of %u; blocks may "
			 "have as many bytes as its memory pages", spec, info->size, info->logical_block);
	else
		snprintf(error, error_size, "%s: the kernel does not take this disk: %s", spec, strerror(-result));
}

int rumpus_disk_add(struct rumpus *kernel, const char *spec, int read_only, char name[32], char *error,
		    size_t error_size)
{
	struct hyp_blk_info info;
	struct hyp_blk *disk;
	bool taken;
	int result;

	if (!kernel || !spec || !name)
		return -EINVAL;
	result = hyp_blk_open(spec, read_only ? HYP_BLK_OPEN_READ_ONLY : 0, &disk, error, error_size);
	if (result)
		return result;
	info = disk->info; /* a disk that the kernel has taken may be closed at any time */
	result = attach(kernel, disk, name, &taken);
	if (result) {
		if (!taken)
			disk->ops->close(disk);
		if (error)
			explain(spec, &info, result, error, error_size);
	}
	return result;
}
