// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs of pages, from chunks of address space.
 *
 * A chunk is aligned to its size, so that an address leads to the chunk's head, which knows about each page. Free pages
 * are kept in blocks of 2^n pages, buddies joined as they meet. Memory is committed from the beginning of a chunk on,
 * in steps that grow with what is in use: first touch is paid once for many pages, and a small kernel stays small.
 */
#include <string.h>

#include "pages.h"

#define MAGIC UINT64_C(0x6e75726b6e756863)
#define ORDERS 11 /* blocks of 1 to 1024 pages */
#define ORDER_MAX (ORDERS - 1)

/*
 * Chunks are mapped piece by piece, too small for huge pages of the host's. Those would make first touch dearer, not
 * cheaper: a kernel's page cache touches each page once, and hosts that are guests themselves have their small pages
 * at hand and must ask for large ones.
 */
#define PIECE ((size_t)1 << 20)

/* Committed at once: at least this, at most that, and an eighth of what is there between */
#define STEP_MIN ((size_t)64 << 10)
#define STEP_MAX ((size_t)256 << 10)

/**
 * struct chunk - the head of a chunk, in its first page
 * @magic:     MAGIC
 * @size:      bytes reserved
 * @mapped:    bytes from the beginning that are mapped; multiple of PIECE, for chunks but those of ru_large_get()
 * @committed: bytes from the beginning that are committed; multiple of a page
 * @used:      pages that are handed out
 * @next, @previous: all chunks but those of ru_large_get()
 * @class:     of each page; 0: free or not committed yet
 * @order:     of a free block, at its first page, plus 1; 0: not the beginning of a free block
 */
struct chunk {
	uint64_t magic;
	size_t size;
	size_t mapped;
	size_t committed;
	size_t used;
	struct chunk *next;
	struct chunk *previous;
	uint8_t class[RU_CHUNK_PAGES];
	uint8_t order[RU_CHUNK_PAGES];
};

_Static_assert(sizeof(struct chunk) <= RU_PAGE, "has one page");

/* A free block, in the block itself */
struct block {
	struct block *next;
	struct block *previous;
};

static struct {
	struct ru_lock lock;
	struct chunk *chunks;
	size_t committed; /* bytes, in all chunks */
	struct block *free[ORDERS];
} heap;

static struct chunk *chunk_of(const void *address)
{
	return (struct chunk *)((uintptr_t)address & ~(RU_CHUNK - 1));
}

static size_t page_in(const struct chunk *chunk, const void *address)
{
	return ((uintptr_t)address - (uintptr_t)chunk) >> RU_PAGE_SHIFT;
}

static void *page_at(struct chunk *chunk, size_t page)
{
	return (char *)chunk + (page << RU_PAGE_SHIFT);
}

static void block_add(struct chunk *chunk, size_t page, unsigned int order)
{
	struct block *block = page_at(chunk, page);

	block->previous = NULL;
	block->next = heap.free[order];
	if (block->next)
		block->next->previous = block;
	heap.free[order] = block;
	chunk->order[page] = (uint8_t)(order + 1);
}

static void block_remove(struct chunk *chunk, size_t page, unsigned int order)
{
	struct block *block = page_at(chunk, page);

	if (block->previous)
		block->previous->next = block->next;
	else
		heap.free[order] = block->next;
	if (block->next)
		block->next->previous = block->previous;
	chunk->order[page] = 0;
}

/* Frees a block, with its buddy when that is free, too. */
static void block_free(struct chunk *chunk, size_t page, unsigned int order)
{
	size_t buddy;

	for (; order < ORDER_MAX; order++) {
		buddy = page ^ ((size_t)1 << order);
		if (buddy >= RU_CHUNK_PAGES || chunk->order[buddy] != order + 1)
			break;
		block_remove(chunk, buddy, order);
		page &= ~((size_t)1 << order);
	}
	block_add(chunk, page, order);
}

/* Frees any pages, as the largest aligned blocks. */
static void range_free(struct chunk *chunk, size_t page, size_t end)
{
	unsigned int order;

	while (page < end) {
		order = 0;
		while (order < ORDER_MAX && !(page & ((size_t)1 << order)) && page + ((size_t)2 << order) <= end)
			order++;
		block_free(chunk, page, order);
		page += (size_t)1 << order;
	}
}

static struct chunk *chunk_make(void)
{
	struct hyp_map map = { .size = PIECE, .offset = HYP_MEM_ANONYMOUS, .prot = HYP_PROT_READ | HYP_PROT_WRITE };
	struct chunk *chunk;

	if (ru_ops->mem_reserve(ru_hyp, RU_CHUNK, RU_CHUNK, NULL, &map.addr))
		return NULL;
	if (ru_ops->mem_map(ru_hyp, &map, 1) || ru_ops->mem_commit(ru_hyp, map.addr, RU_PAGE)) {
		ru_ops->mem_unreserve(ru_hyp, map.addr, RU_CHUNK);
		return NULL;
	}
	chunk = map.addr; /* reads as zeroes */
	chunk->magic = MAGIC;
	chunk->size = RU_CHUNK;
	chunk->mapped = PIECE;
	chunk->committed = RU_PAGE;
	return chunk;
}

static bool chunk_map(struct chunk *chunk, size_t end)
{
	struct hyp_map map = { .size = PIECE, .offset = HYP_MEM_ANONYMOUS, .prot = HYP_PROT_READ | HYP_PROT_WRITE };

	for (; chunk->mapped < end; chunk->mapped += PIECE) {
		map.addr = (char *)chunk + chunk->mapped;
		if (ru_ops->mem_map(ru_hyp, &map, 1))
			return false;
	}
	return true;
}

/* Commits more of a chunk: at least @pages that begin at a multiple of @align. */
static bool chunk_grow(struct chunk *chunk, size_t pages, size_t align)
{
	size_t first = chunk->committed >> RU_PAGE_SHIFT;
	size_t start = (first + align - 1) & ~(align - 1);
	size_t step = heap.committed / 8;
	size_t end = (start + pages) << RU_PAGE_SHIFT;

	if (end > chunk->size)
		return false;
	step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step & ~(STEP_MIN - 1);
	if (end - chunk->committed < step)
		end = chunk->committed + step;
	/* To where steps begin, so that blocks come out whole. */
	end = (end + STEP_MIN - 1) & ~(STEP_MIN - 1);
	if (end > chunk->size)
		end = chunk->size;
	if (!chunk_map(chunk, end) ||
	    ru_ops->mem_commit(ru_hyp, (char *)chunk + chunk->committed, end - chunk->committed))
		return false;
	heap.committed += end - chunk->committed;
	chunk->committed = end;
	range_free(chunk, first, end >> RU_PAGE_SHIFT);
	return true;
}

static bool heap_grow(size_t pages, size_t align)
{
	struct chunk *chunk = heap.chunks;

	if (chunk && chunk->committed < chunk->size && chunk_grow(chunk, pages, align))
		return true;
	chunk = chunk_make();
	if (!chunk)
		return false;
	chunk->next = heap.chunks;
	if (chunk->next)
		chunk->next->previous = chunk;
	heap.chunks = chunk;
	heap.committed += RU_PAGE;
	return chunk_grow(chunk, pages, align);
}

static unsigned int order_of(size_t pages)
{
	unsigned int order = 0;

	while ((size_t)1 << order < pages)
		order++;
	return order;
}

/* A block of @order that is free, or NULL. */
static struct block *find(unsigned int order)
{
	for (; order < ORDERS; order++) {
		if (heap.free[order])
			return heap.free[order];
	}
	return NULL;
}

/* Takes @pages from the beginning of a free block, and frees what is behind them. */
static void *take(struct block *block, size_t pages, uint8_t class)
{
	struct chunk *chunk = chunk_of(block);
	size_t page = page_in(chunk, block);
	unsigned int order = chunk->order[page] - 1U;

	block_remove(chunk, page, order);
	chunk->class[page] = class;
	memset(&chunk->class[page + 1], RU_CLASS_MORE, pages - 1);
	chunk->used += pages;
	range_free(chunk, page + pages, page + ((size_t)1 << order));
	return block;
}

void *ru_pages_get(size_t pages, size_t align, uint8_t class)
{
	unsigned int order = order_of(pages > align ? pages : align);
	void *run = NULL;
	struct block *block;

	ru_lock_take(&heap.lock);
	block = find(order);
	if (!block && heap_grow((size_t)1 << order, (size_t)1 << order))
		block = find(order);
	if (block)
		run = take(block, pages, class);
	ru_lock_release(&heap.lock);
	return run;
}

/* All of a chunk is free, and so is another one: the host gets it back. */
static void chunk_drop(struct chunk *chunk)
{
	size_t page, end = chunk->committed >> RU_PAGE_SHIFT;

	for (page = 1; page < end; page++) {
		if (chunk->order[page])
			block_remove(chunk, page, chunk->order[page] - 1U);
	}
	if (chunk->previous)
		chunk->previous->next = chunk->next;
	else
		heap.chunks = chunk->next;
	if (chunk->next)
		chunk->next->previous = chunk->previous;
	heap.committed -= chunk->committed;
	ru_ops->mem_unreserve(ru_hyp, chunk, chunk->size);
}

size_t ru_pages_count(const void *run)
{
	const struct chunk *chunk = chunk_of(run);
	size_t page = page_in(chunk, run);
	size_t end = page + 1;

	while (end < RU_CHUNK_PAGES && chunk->class[end] == RU_CLASS_MORE)
		end++;
	return end - page;
}

void ru_pages_put(void *run)
{
	struct chunk *chunk = chunk_of(run);
	size_t page = page_in(chunk, run);
	size_t pages = ru_pages_count(run); /* without the lock: the run is the caller's, and so is its end */

	ru_lock_take(&heap.lock);
	memset(&chunk->class[page], 0, pages);
	chunk->used -= pages;
	range_free(chunk, page, page + pages);
	/* The newest chunk is where the heap grows. */
	if (!chunk->used && chunk != heap.chunks)
		chunk_drop(chunk);
	ru_lock_release(&heap.lock);
}

uint8_t ru_pages_class(const void *address)
{
	const struct chunk *chunk = chunk_of(address);

	if (chunk->magic != MAGIC)
		return 0;
	return chunk->class[page_in(chunk, address)];
}

void *ru_large_get(size_t size, size_t align, uint8_t class)
{
	size_t offset = align > RU_PAGE ? align : RU_PAGE;
	struct hyp_map map = { .offset = HYP_MEM_ANONYMOUS, .prot = HYP_PROT_READ | HYP_PROT_WRITE };
	struct chunk *chunk;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (offset + size + RU_PAGE - 1) & ~(RU_PAGE - 1);
	if (ru_ops->mem_reserve(ru_hyp, size, RU_CHUNK, NULL, &map.addr))
		return NULL;
	map.size = size;
	if (ru_ops->mem_map(ru_hyp, &map, 1) || ru_ops->mem_commit(ru_hyp, map.addr, RU_PAGE) ||
	    ru_ops->mem_commit(ru_hyp, (char *)map.addr + offset, size - offset)) {
		ru_ops->mem_unreserve(ru_hyp, map.addr, size);
		return NULL;
	}
	chunk = map.addr;
	chunk->magic = MAGIC;
	chunk->size = size;
	chunk->class[page_in(chunk, (char *)chunk + offset)] = class;
	return (char *)chunk + offset;
}

void ru_large_put(void *memory)
{
	struct chunk *chunk = chunk_of(memory);

	ru_ops->mem_unreserve(ru_hyp, chunk, chunk->size);
}
