// SPDX-License-Identifier: BSD-2-Clause
/* Block devices of a kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/* With the lock. The kernel is pending all the while, so that it and its list are there when the device is known. */
static int add(struct rumpus *kernel, struct rumpus_thread *thread, struct hyp_blk *blk, char node[32], bool *taken)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int error;

	if (!disk)
		return -ENOMEM;
	error = kernel_call_begin(kernel);
	if (!error) {
		__atomic_store_n(&host_self.inside, thread, __ATOMIC_RELEASE);
		error = kernel->image.ops->disk_add(thread->image, blk, node);
		__atomic_store_n(&host_self.inside, &host_thread_busy, __ATOMIC_RELEASE);
		kernel_call_end(kernel);
		/* A kernel that ended meanwhile may have begun to use it. */
		*taken = !error || error == -ESHUTDOWN;
	}
	if (!*taken) {
		free(disk);
		return error;
	}
	disk->blk = blk;
	SLIST_INSERT_HEAD(&kernel->disks, disk, in_kernel);
	return error;
}

/* @taken: out: the disk is the kernel's now */
static int attach(struct rumpus *kernel, struct hyp_blk *disk, char name[32], bool *taken)
{
	struct rumpus_thread *thread;
	char node[32] = "";
	char path[sizeof("/dev/") + sizeof(node)];
	int error;

	*taken = false;
	if (!kernel || !disk || !name)
		return -EINVAL;
	error = api_begin();
	if (error)
		return error;
	error = thread_use(&kernel->first, &thread);
	if (!error)
		error = add(kernel, thread, disk, node, taken);
	api_end();
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

int rumpus_disk_add(struct rumpus *kernel, const char *spec, int read_only, char name[32], char *error,
		    size_t error_size)
{
	struct hyp_blk *disk;
	bool taken;
	int result;

	if (!kernel || !spec || !name)
		return -EINVAL;
	result = hyp_blk_open(spec, read_only ? HYP_BLK_OPEN_READ_ONLY : 0, &disk, error, error_size);
	if (result)
		return result;
	result = attach(kernel, disk, name, &taken);
	if (result) {
		if (!taken)
			disk->ops->close(disk);
		if (error)
			snprintf(error, error_size, "%s: the kernel does not take this disk (error %d)", spec, -result);
	}
	return result;
}

void disks_close(struct rumpus *kernel)
{
	struct disk *disk;

	while ((disk = SLIST_FIRST(&kernel->disks))) {
		SLIST_REMOVE_HEAD(&kernel->disks, in_kernel);
		disk->blk->ops->close(disk->blk);
		free(disk);
	}
}
