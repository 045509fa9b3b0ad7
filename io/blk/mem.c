// SPDX-License-Identifier: BSD-2-Clause
/* Backend "mem": a sparse disk of anonymous memory; every request completes inside submit() */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blk.h"

/**
 * struct mem - the device
 * @device: towards the user
 * @bytes:  the contents
 * @page:   of the host
 */
struct mem {
	struct blk_device device;
	char *bytes;
	uint64_t page;
};

/* Zero a range and give whole pages of it back to the host */
static void zero(struct mem *mem, uint64_t offset, uint64_t length, bool keep)
{
	uint64_t first = (offset + mem->page - 1) & ~(mem->page - 1);
	uint64_t last = (offset + length) & ~(mem->page - 1);

	if (keep || first >= last || madvise(mem->bytes + first, last - first, MADV_DONTNEED)) {
		memset(mem->bytes + offset, 0, length);
		return;
	}
	memset(mem->bytes + offset, 0, first - offset);
	memset(mem->bytes + last, 0, offset + length - last);
}

static int execute(struct mem *mem, struct hyp_blk_req *req)
{
	int error = blk_check(&mem->device.disk.info, req);

	if (error)
		return error;
	switch (req->op) {
	case HYP_BLK_READ:
		blk_copy_iov(req, 0, mem->bytes + req->offset, req->length, BLK_COPY_TO_IOV);
		break;
	case HYP_BLK_WRITE:
		blk_copy_iov(req, 0, mem->bytes + req->offset, req->length, BLK_COPY_FROM_IOV);
		break;
	case HYP_BLK_DISCARD:
	case HYP_BLK_WRITE_ZEROES:
		zero(mem, req->offset, req->length, req->flags & HYP_BLK_NO_UNMAP);
		break;
	}
	return 0;
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct mem *mem = (struct mem *)disk;
	int saved = errno;
	struct hyp_blk_req *req;

	for (req = batch; req; req = req->next)
		req->status = execute(mem, req);
	errno = saved;
	blk_complete(&mem->device, batch);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	return snprintf(buf, size, "memory of %" PRIu64 " bytes", disk->info.size);
}

static void mem_close(struct hyp_blk *disk)
{
	struct mem *mem = (struct mem *)disk;

	munmap(mem->bytes, disk->info.size);
	free(mem);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "mem",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.describe = describe,
	.close = mem_close,
};

int blk_open_memory(uint64_t size, uint32_t logical_block, struct hyp_blk **disk)
{
	struct mem *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return -HYP_ENOMEM;
	mem->page = (uint64_t)sysconf(_SC_PAGESIZE);
	mem->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->bytes == MAP_FAILED) {
		free(mem);
		return -HYP_ENOMEM;
	}
	/* A forked child has no business with the disk, and the parent should not pay for sharing pages with it. */
	madvise(mem->bytes, size, MADV_DONTFORK);
	mem->device.disk = (struct hyp_blk){
		.ops = &ops,
		.info = {
			.size = size,
			.caps = HYP_BLK_CAP_DISCARD | HYP_BLK_CAP_WRITE_ZEROES,
			.logical_block = logical_block,
			.physical_block = logical_block > 4096 ? logical_block : 4096,
			.queue_depth = BLK_QUEUE_DEPTH,
			.max_iov = BLK_MAX_IOV,
			.max_length = BLK_MAX_LENGTH,
			.max_discard = BLK_MAX_DISCARD,
			.discard_granularity = (uint32_t)mem->page,
			.mem_align = 1,
		},
	};
	*disk = &mem->device.disk;
	return 0;
}

static int mem_open(struct io_spec *spec, struct hyp_blk **disk)
{
	uint64_t size = 0;
	uint32_t block = 512;
	int error = io_option_size(spec, "size", &size);

	if (!error)
		error = blk_option_block(spec, &block);
	if (error)
		return error;
	if (!size || size % block || size > INT64_MAX)
		return io_fail(spec, -HYP_EINVAL,
			       "mem: size=%" PRIu64 ": give a multiple of %u, as in mem,size=64M:", size, block);
	error = io_no_rest(spec);
	if (error)
		return error;
	error = blk_open_memory(size, block, disk);
	if (error)
		return io_fail(spec, error,
			       "mem: the host has no %" PRIu64 " bytes of address space; give a smaller size", size);
	if (spec->flags & HYP_BLK_OPEN_READ_ONLY) {
		(*disk)->info.caps = HYP_BLK_CAP_READ_ONLY;
		(*disk)->info.discard_granularity = 0;
		(*disk)->info.max_discard = 0;
	}
	return 0;
}

static const char *const keys[] = { "size", "block", NULL };

extern const struct blk_backend blk_backend_mem;
const struct blk_backend blk_backend_mem = {
	.about = { .name = "mem", .keys = keys, .help = "mem,size=BYTES:" },
	.open = mem_open,
};
