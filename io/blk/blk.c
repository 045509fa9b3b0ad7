// SPDX-License-Identifier: BSD-2-Clause
/* Helpers of every block device: its user, the rules for requests, memory of requests */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "blk.h"

int blk_attach(struct hyp_blk *disk, hyp_blk_complete_fn *complete, void *cookie)
{
	struct blk_device *device = (struct blk_device *)disk;
	bool free_before = false;

	if (!atomic_compare_exchange_strong(&device->attached, &free_before, true))
		return -HYP_EBUSY;
	device->complete = complete;
	device->cookie = cookie;
	return 0;
}

void blk_detach(struct hyp_blk *disk)
{
	struct blk_device *device = (struct blk_device *)disk;

	/* The last upcall may still be on its way out; it is short, as it may only store and wake. */
	while (atomic_load(&device->running))
		sched_yield();
	atomic_store(&device->attached, false);
}

void blk_complete(struct blk_device *device, struct hyp_blk_req *done)
{
	if (!done)
		return;
	atomic_fetch_add(&device->running, 1);
	device->complete(device->cookie, done);
	/* From here on detach() may return and the device may go: nothing of it is touched any more. */
	atomic_fetch_sub(&device->running, 1);
}

static int check_memory(const struct hyp_blk_info *info, const struct hyp_blk_req *req)
{
	uint64_t sum = 0, bits = 0;
	uint32_t i;

	if (!req->iov || req->iovcnt > info->max_iov || req->length > info->max_length)
		return -HYP_EINVAL;
	for (i = 0; i < req->iovcnt; i++) {
		if (__builtin_add_overflow(sum, req->iov[i].len, &sum))
			return -HYP_EINVAL;
		bits |= (uintptr_t)req->iov[i].base | req->iov[i].len;
	}
	return sum == req->length && !(bits & (info->mem_align - 1)) ? 0 : -HYP_EINVAL;
}

static int check_range(const struct hyp_blk_info *info, const struct hyp_blk_req *req)
{
	if (!req->length || (req->offset | req->length) & (info->logical_block - 1))
		return -HYP_EINVAL;
	return req->offset > info->size || req->length > info->size - req->offset ? -HYP_EIO : 0;
}

/* What an operation needs: its capability, and the flags that make sense with it */
static const struct {
	uint32_t cap;
	uint16_t flags;
	bool data, changes;
} operations[] = {
	[HYP_BLK_READ] = { .data = true },
	[HYP_BLK_WRITE] = { .data = true, .changes = true, .flags = HYP_BLK_FUA },
	[HYP_BLK_FLUSH] = { 0 },
	[HYP_BLK_DISCARD] = { .cap = HYP_BLK_CAP_DISCARD, .changes = true },
	[HYP_BLK_WRITE_ZEROES] = { .cap = HYP_BLK_CAP_WRITE_ZEROES,
				   .changes = true,
				   .flags = HYP_BLK_FUA | HYP_BLK_NO_UNMAP },
};

int blk_check(const struct hyp_blk_info *info, const struct hyp_blk_req *req)
{
	int error;

	if (req->op >= sizeof(operations) / sizeof(operations[0]) || req->flags & ~operations[req->op].flags)
		return -HYP_EINVAL;
	if (req->op == HYP_BLK_FLUSH)
		return req->length ? -HYP_EINVAL : 0;
	if (operations[req->op].changes && info->caps & HYP_BLK_CAP_READ_ONLY)
		return -HYP_EROFS;
	if ((info->caps & operations[req->op].cap) != operations[req->op].cap ||
	    (req->flags & HYP_BLK_FUA && !(info->caps & HYP_BLK_CAP_FUA)))
		return -HYP_EOPNOTSUPP;
	error = operations[req->op].data ? check_memory(info, req)
					 : (req->length > info->max_discard ? -HYP_EINVAL : 0);
	return error ? error : check_range(info, req);
}

int blk_check_claim(const struct hyp_blk_info *info, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	struct io_spec spec = { .error = error, .error_size = error_size };

	if (size && offset <= info->size && size <= info->size - offset)
		return 0;
	return io_fail(&spec, -HYP_EINVAL,
		       "%" PRIu64 " bytes at %" PRIu64 " are no part of the device, which has %" PRIu64, size, offset,
		       info->size);
}

int blk_option_block(struct io_spec *spec, uint32_t *block)
{
	uint64_t value = *block;
	int error = io_option_size(spec, "block", &value);

	if (error)
		return error;
	if (value < 512 || value > 65536 || value & (value - 1))
		return io_fail(spec, -HYP_EINVAL, "%s: block=%" PRIu64 ": give a power of two from 512 to 64k",
			       spec->name, value);
	*block = (uint32_t)value;
	return 0;
}

int blk_error(int host_errno)
{
	switch (host_errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* RLIMIT_FSIZE, or the largest file of the host's file system */
		return -HYP_ENOSPC;
	case ENOMEM:
		return -HYP_ENOMEM;
	case EFAULT:
		return -HYP_EFAULT;
	case EOPNOTSUPP:
		return -HYP_EOPNOTSUPP;
	default:
		return -HYP_EIO;
	}
}

uint32_t blk_slice_iov(const struct hyp_blk_req *req, uint64_t skip, uint64_t length, struct hyp_iovec *out,
		       uint32_t room)
{
	uint32_t i, filled = 0;

	for (i = 0; i < req->iovcnt && length && filled < room; i++) {
		uint64_t len = req->iov[i].len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = len - skip < length ? len - skip : length;
		out[filled].base = (char *)req->iov[i].base + skip;
		out[filled++].len = len;
		length -= len;
		skip = 0;
	}
	return filled;
}

void blk_copy_iov(const struct hyp_blk_req *req, uint64_t skip, void *memory, uint64_t length, enum blk_copy direction)
{
	char *at = memory;
	uint32_t i;

	for (i = 0; i < req->iovcnt && length; i++) {
		uint64_t len = req->iov[i].len;
		char *piece = (char *)req->iov[i].base + skip;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = len - skip < length ? len - skip : length;
		if (direction == BLK_COPY_TO_IOV)
			memcpy(piece, at, len);
		else
			memcpy(at, piece, len);
		at += len;
		length -= len;
		skip = 0;
	}
}
