// SPDX-License-Identifier: BSD-2-Clause
/* Files backend "mem": one file whose bytes are in memory, such as an embedded kernel image */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rumpus/hyp_file.h>

#include "file.h"

/**
 * struct mem_file - the file
 * @file: the contract's part
 * @base: its bytes; the caller's of hyp_file_open_mem()
 * @size: how many
 */
struct mem_file {
	struct hyp_file file;
	const char *base;
	size_t size;
};

int file_map_check(const void *addr, size_t size, uint64_t offset, uint64_t file_size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), whole = (file_size + page - 1) & ~(page - 1);

	if (((uintptr_t)addr | offset) & (page - 1) || !size || offset > whole)
		return -HYP_EINVAL;
	return size > whole - offset ? -HYP_EINVAL : 0;
}

static int mem_open(struct hyp_file *dir, const char *name, struct hyp_file **file)
{
	return -HYP_ENOTDIR;
}

static int info(struct hyp_file *file, struct hyp_file_info *out)
{
	*out = (struct hyp_file_info){ .size = ((struct mem_file *)file)->size, .type = HYP_FILE_REGULAR };
	return 0;
}

static long mem_read(struct hyp_file *file, void *buf, size_t size, uint64_t offset)
{
	const struct mem_file *mem = (const struct mem_file *)file;

	if (offset >= mem->size)
		return 0;
	if (size > mem->size - offset)
		size = mem->size - offset;
	memcpy(buf, mem->base + offset, size);
	return (long)size;
}

static int mem_map(struct hyp_file *file, void *addr, size_t size, uint64_t offset, uint32_t prot)
{
	const struct mem_file *mem = (const struct mem_file *)file;
	int saved = errno, host_prot = 0;
	size_t left;

	if (file_map_check(addr, size, offset, mem->size))
		return -HYP_EINVAL;
	left = offset < mem->size ? mem->size - offset : 0;
	if (mmap(addr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		goto fail;
	memcpy(addr, mem->base + offset, left < size ? left : size);
	if (prot & HYP_PROT_READ)
		host_prot |= PROT_READ;
	if (prot & HYP_PROT_WRITE)
		host_prot |= PROT_WRITE;
	if (prot & HYP_PROT_EXEC)
		host_prot |= PROT_EXEC;
	if (!mprotect(addr, size, host_prot))
		return 0;
fail:
	errno = saved;
	return -HYP_ENOMEM;
}

static int list(struct hyp_file *dir, bool (*each)(void *arg, const char *name, uint32_t type), void *arg)
{
	return -HYP_ENOTDIR;
}

static void mem_close(struct hyp_file *file)
{
	free(file);
}

static const struct hyp_file_ops ops = {
	.version = HYP_FILE_VERSION,
	.size = sizeof(ops),
	.name = "mem",
	.open = mem_open,
	.info = info,
	.read = mem_read,
	.map = mem_map,
	.list = list,
	.close = mem_close,
};

int hyp_file_open_mem(const void *base, size_t size, struct hyp_file **file)
{
	struct mem_file *mem = malloc(sizeof(*mem));

	if (!mem)
		return -HYP_ENOMEM;
	*mem = (struct mem_file){ .file.ops = &ops, .base = base, .size = size };
	*file = &mem->file;
	return 0;
}
