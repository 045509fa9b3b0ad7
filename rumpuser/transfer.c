// SPDX-License-Identifier: BSD-2-Clause
/*
 * Requests to a device, and transfers in steps that the calling thread waits for.
 *
 * One step at a time, under @update of the disk: a part of a block is read, changed and written without another step
 * between, and no more than the one request that ru_disk_setup() leaves for steps is with the backend.
 */
#include <string.h>

#include "disk.h"

/* Bytes of memory for detours: alignment that any device is content with, and a reasonable piece */
#define BOUNCE_SIZE ((size_t)64 << 10)

void ru_bio_fill(struct ru_bio *bio, struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	bio->req = (struct hyp_blk_req){
		.offset = offset,
		.length = size,
		.iov = &bio->iov,
		.iovcnt = 1,
		.op = op & RUMPUSER_BIO_WRITE ? HYP_BLK_WRITE : HYP_BLK_READ,
	};
	bio->iov = (struct hyp_iovec){ .base = data, .len = size };
	bio->disk = disk;
	bio->op = op;
	/*
	 * Not FUA, which is about this write alone: a kernel sends data first, waits for them, and then writes what
	 * leads to them with BIO_SYNC. It flushes nothing besides, so this is the moment that its fsync(2) relies on.
	 */
	bio->flush = op & RUMPUSER_BIO_WRITE && op & RUMPUSER_BIO_SYNC && disk->blk->info.caps & HYP_BLK_CAP_FLUSH;
}

void ru_bio_make_flush(struct ru_bio *bio)
{
	bio->req = (struct hyp_blk_req){ .op = HYP_BLK_FLUSH };
	bio->flush = false;
}

bool ru_bio_fits(const struct hyp_blk_info *info, const void *data, size_t size, uint64_t offset)
{
	return !((offset | size) & (info->logical_block - 1)) && !(((uintptr_t)data | size) & (info->mem_align - 1)) &&
	       size <= info->max_length;
}

/* One step that fits, and wait. */
static int step(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	struct ru_bio bio = { .disk = disk };

	if (op)
		ru_bio_fill(&bio, disk, op, data, size, offset);
	else
		ru_bio_make_flush(&bio);
	for (;;) {
		atomic_store(&bio.ended, 0);
		disk->blk->ops->submit(disk->blk, &bio.req);
		while (!atomic_load_explicit(&bio.ended, memory_order_acquire))
			ru_wait(&bio.ended, 0, HYP_FOREVER);
		if (bio.req.status || !bio.flush)
			return ru_error(bio.req.status);
		ru_bio_make_flush(&bio);
	}
}

/* Some bytes by way of memory and blocks that the device likes. Return: 0 and how many in *@done, or an errno */
static int step_bounced(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset, void *bounce,
			size_t *done)
{
	uint64_t block = disk->blk->info.logical_block;
	uint64_t start = offset & ~(block - 1);
	size_t skip = offset - start;
	size_t length = (skip + size + block - 1) & ~(block - 1);
	int error;

	if (length > BOUNCE_SIZE)
		length = BOUNCE_SIZE;
	*done = length - skip < size ? length - skip : size;
	/* What is written in part is read first; all of it, for simplicity: this is the rare way. */
	error = step(disk, RUMPUSER_BIO_READ, bounce, length, start);
	if (error)
		return error;
	if (op & RUMPUSER_BIO_READ) {
		memcpy(data, (char *)bounce + skip, *done);
		return 0;
	}
	memcpy((char *)bounce + skip, data, *done);
	return step(disk, op, bounce, length, start);
}

static int all_steps(struct ru_disk *disk, int op, char *data, size_t size, uint64_t offset, void *bounce)
{
	const struct hyp_blk_info *info = &disk->blk->info;
	size_t part;
	int error = 0;

	for (; size && !error; data += part, offset += part, size -= part) {
		part = size < info->max_length ? size : info->max_length;
		if (ru_bio_fits(info, data, part, offset))
			error = step(disk, op, data, part, offset);
		else
			error = step_bounced(disk, op, data, size, offset, bounce, &part);
	}
	return error;
}

int ru_disk_steps(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset, void *bounce)
{
	int error;

	ru_lock_take(&disk->update);
	error = all_steps(disk, op, data, size, offset, bounce);
	ru_lock_release(&disk->update);
	return error;
}

void *ru_bounce_make(void)
{
	void *memory = NULL;

	return rumpuser_malloc(BOUNCE_SIZE, BOUNCE_SIZE, &memory) ? NULL : memory;
}

int ru_disk_transfer(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	void *bounce = NULL;
	int error;

	if (!ru_bio_fits(&disk->blk->info, data, size, offset)) {
		bounce = ru_bounce_make();
		if (!bounce)
			return RU_ENOMEM;
	}
	error = ru_disk_steps(disk, op, data, size, offset, bounce);
	rumpuser_free(bounce, BOUNCE_SIZE);
	return error;
}

int ru_disk_flush(struct ru_disk *disk)
{
	int error;

	ru_lock_take(&disk->update);
	error = step(disk, 0, NULL, 0, 0);
	ru_lock_release(&disk->update);
	return error;
}
