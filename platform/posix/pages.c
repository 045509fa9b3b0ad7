// SPDX-License-Identifier: BSD-2-Clause
/* The memory behind mapped addresses: committing it, giving it back, running what was written there */
#include <fcntl.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static bool range_valid(uintptr_t start, size_t size)
{
	return size && size <= UINTPTR_MAX - start && !((start | size) & (posix_page_size() - 1));
}

/* The part of the piece at @start that lies before @end, in @part; false when nothing is mapped with all of @prot. */
static bool part_at(struct posix_memory *m, uintptr_t start, uintptr_t end, uint32_t prot, struct span *part)
{
	struct span *r, *piece = NULL;

	pthread_mutex_lock(&m->lock);
	r = span_at(m->reservations, start);
	if (r)
		piece = span_at(r->pieces, start);
	if (piece)
		*part = *piece;
	pthread_mutex_unlock(&m->lock);
	if (!piece || (part->prot & prot) != prot)
		return false;
	if (posix_is_object(part->offset))
		part->offset += start - part->start;
	part->start = start;
	if (part->end > end)
		part->end = end;
	return true;
}

static bool range_mapped(struct posix_memory *m, uintptr_t start, uintptr_t end, uint32_t prot)
{
	struct span part = { .end = start };

	while (part.end < end) {
		if (!part_at(m, part.end, end, prot, &part))
			return false;
	}
	return true;
}

/*
 * qemu-user takes any advice, and ignores it. Linux refuses what it does not know.
 */
static bool advice_ignored(void)
{
	static atomic_int answer; /* 0: not asked yet */
	int known = atomic_load_explicit(&answer, memory_order_relaxed);

	if (!known) {
		known = madvise(NULL, 0, INT_MAX) ? 1 : 2;
		atomic_store_explicit(&answer, known, memory_order_relaxed);
	}
	return known == 2;
}

/*
 * For hosts without MADV_POPULATE_WRITE: Linux before 5.14, qemu-user. The object's pages are allocated through the
 * file, which tells when there are none; the rest is done by touching them.
 */
static int commit_slowly(struct posix_memory *m, uintptr_t start, uintptr_t end)
{
	struct span part = { .end = start };
	uintptr_t at;

	while (part.end < end && part_at(m, part.end, end, HYP_PROT_WRITE, &part)) {
		while (posix_is_object(part.offset) &&
		       fallocate(m->fd, FALLOC_FL_KEEP_SIZE, part.offset, part.end - part.start)) {
			if (errno != EINTR)
				return -HYP_ENOMEM;
		}
		for (at = part.start; at < part.end; at += posix_page_size())
			__atomic_fetch_or((unsigned char *)at, 0, __ATOMIC_RELAXED);
	}
	return 0;
}

int posix_mem_commit(struct hyp *h, void *addr, size_t size)
{
	uintptr_t start = (uintptr_t)addr;
	int saved ERRNO_KEPT = errno;
	int ret;

	if (!range_valid(start, size) || !range_mapped(&h->memory, start, start + size, HYP_PROT_WRITE))
		return -HYP_EINVAL;
	if (advice_ignored())
		return commit_slowly(&h->memory, start, start + size);
	/* Without the lock: this may take long, and who unmaps meanwhile breaks the contract anyway. */
	do
		ret = madvise(addr, size, MADV_POPULATE_WRITE);
	while (ret && errno == EINTR);
	if (ret && (errno == EINVAL || errno == ENOSYS))
		return commit_slowly(&h->memory, start, start + size);
	return ret ? -HYP_ENOMEM : 0;
}

/*
 * The object's pages are punched out of the file rather than dropped by MADV_REMOVE, which wants a writable mapping.
 */
static int part_release(const struct posix_memory *m, const struct span *part)
{
	size_t size = part->end - part->start;
	int ret;

	if (!posix_is_object(part->offset))
		return madvise((void *)part->start, size, MADV_DONTNEED) ? -HYP_ENOMEM : 0;
	do
		ret = fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, part->offset, size);
	while (ret && errno == EINTR);
	return ret ? -HYP_ENOMEM : 0;
}

int posix_mem_release(struct hyp *h, void *addr, size_t size)
{
	uintptr_t start = (uintptr_t)addr;
	struct span part = { .end = start };
	int saved ERRNO_KEPT = errno;
	int ret = 0;

	if (!range_valid(start, size) || !range_mapped(&h->memory, start, start + size, HYP_PROT_NONE))
		return -HYP_EINVAL;
	while (!ret && part.end < start + size && part_at(&h->memory, part.end, start + size, HYP_PROT_NONE, &part))
		ret = part_release(&h->memory, &part);
	return ret;
}

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

/* Registering stops all threads for a moment, so it waits until someone needs it. */
static int cores_sync(void)
{
	if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE))
		return 0;
	if (errno == EPERM && !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) &&
	    !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE))
		return 0;
	return -HYP_ENOSYS;
}

int posix_mem_sync_code(struct hyp *h, void *addr, size_t size)
{
	struct posix_memory *m = &h->memory;
	uintptr_t start = (uintptr_t)addr;
	int saved ERRNO_KEPT = errno;
	struct span *r;

	if (size > UINTPTR_MAX - start)
		return -HYP_EINVAL;
	/* Anywhere in a reservation: an I/O family may have mapped a file there. */
	pthread_mutex_lock(&m->lock);
	r = posix_layout_reservation(m, start, start + size);
	pthread_mutex_unlock(&m->lock);
	if (!r)
		return -HYP_EINVAL;
	__builtin___clear_cache((char *)addr, (char *)addr + size);
	return cores_sync();
}
