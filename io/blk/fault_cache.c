// SPDX-License-Identifier: BSD-2-Clause
/* Wrapper "fault": a volatile write cache in memory, whose contents a power cut loses in part */
#include <stdlib.h>
#include <string.h>

#include "fault.h"

#define BUCKETS 4096U

/**
 * struct entry - what is cached of a unit
 * @next:  in the bucket
 * @unit:  offset on the disk / size of a unit
 * @valid: a bit for each block that is cached
 * @bytes: the unit, aligned to its size
 */
struct entry {
	struct entry *next;
	uint64_t unit;
	uint64_t valid;
	char *bytes;
};

/**
 * struct fault_cache - the cache; used by one thread
 * @unit, @block: as fault_cache_create()
 * @buckets: entries by unit
 */
struct fault_cache {
	uint32_t unit;
	uint32_t block;
	struct entry *buckets[BUCKETS];
};

struct fault_cache *fault_cache_create(uint32_t unit, uint32_t block)
{
	struct fault_cache *cache = calloc(1, sizeof(*cache));

	if (cache) {
		cache->unit = unit;
		cache->block = block;
	}
	return cache;
}

static void empty(struct fault_cache *cache)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		while (cache->buckets[i]) {
			struct entry *entry = cache->buckets[i];

			cache->buckets[i] = entry->next;
			free(entry->bytes);
			free(entry);
		}
	}
}

void fault_cache_destroy(struct fault_cache *cache)
{
	empty(cache);
	free(cache);
}

static struct entry *find(const struct fault_cache *cache, uint64_t unit)
{
	struct entry *entry = cache->buckets[unit % BUCKETS];

	while (entry && entry->unit != unit)
		entry = entry->next;
	return entry;
}

static struct entry *find_or_make(struct fault_cache *cache, uint64_t unit)
{
	struct entry *entry = find(cache, unit);

	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->bytes = aligned_alloc(cache->unit, cache->unit);
	if (!entry->bytes) {
		free(entry);
		return NULL;
	}
	entry->unit = unit;
	entry->next = cache->buckets[unit % BUCKETS];
	cache->buckets[unit % BUCKETS] = entry;
	return entry;
}

/* Bytes from @offset to the end of its unit, at most @length */
static uint64_t within_unit(const struct fault_cache *cache, uint64_t offset, uint64_t length)
{
	uint64_t left = cache->unit - offset % cache->unit;

	return left < length ? left : length;
}

static uint64_t valid_mask(const struct fault_cache *cache, uint64_t offset, uint64_t length)
{
	uint64_t count = length / cache->block, bits = count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;

	return bits << (offset % cache->unit / cache->block);
}

int fault_cache_write(struct fault_cache *cache, const struct hyp_blk_req *req, uint64_t skip, uint64_t length)
{
	while (length) {
		uint64_t offset = req->offset + skip, part = within_unit(cache, offset, length);
		struct entry *entry = find_or_make(cache, offset / cache->unit);

		if (!entry)
			return -HYP_ENOMEM;
		if (req->op == HYP_BLK_WRITE)
			blk_copy_iov(req, skip, entry->bytes + offset % cache->unit, part, BLK_COPY_FROM_IOV);
		else
			memset(entry->bytes + offset % cache->unit, 0, part);
		entry->valid |= valid_mask(cache, offset, part);
		skip += part;
		length -= part;
	}
	return 0;
}

void fault_cache_forget(struct fault_cache *cache, uint64_t offset, uint64_t length)
{
	uint64_t part;

	for (; length; offset += part, length -= part) {
		struct entry *entry = find(cache, offset / cache->unit);

		part = within_unit(cache, offset, length);
		if (entry)
			entry->valid &= ~valid_mask(cache, offset, part);
	}
}

void fault_cache_read(const struct fault_cache *cache, const struct hyp_blk_req *req)
{
	uint64_t done;

	for (done = 0; done < req->length; done += cache->block) {
		uint64_t offset = req->offset + done;
		struct entry *entry = find(cache, offset / cache->unit);

		if (entry && entry->valid & valid_mask(cache, offset, cache->block))
			blk_copy_iov(req, done, entry->bytes + offset % cache->unit, cache->block, BLK_COPY_TO_IOV);
	}
}

/* Write the valid blocks of a unit, run by run */
static int write_entry(const struct fault_cache *cache, struct entry *entry, struct fault_lower *lower)
{
	uint32_t blocks = cache->unit / cache->block, first, end;
	int error, result = 0;

	for (first = 0; first < blocks; first = end) {
		struct hyp_iovec iov;
		struct hyp_blk_req req = { .op = HYP_BLK_WRITE, .iov = &iov, .iovcnt = 1 };

		end = first + 1;
		if (!(entry->valid >> first & 1))
			continue;
		while (end < blocks && entry->valid >> end & 1)
			end++;
		iov.base = entry->bytes + (size_t)first * cache->block;
		iov.len = (size_t)(end - first) * cache->block;
		req.offset = entry->unit * cache->unit + (uint64_t)first * cache->block;
		req.length = iov.len;
		error = fault_lower_run(lower, &req);
		result = error ? error : result;
	}
	return result;
}

int fault_cache_drain(struct fault_cache *cache, struct fault_lower *lower, bool (*keep)(void *arg, uint64_t unit),
		      void *arg)
{
	struct entry *entry;
	unsigned int i;
	int error, result = 0;

	for (i = 0; i < BUCKETS; i++) {
		for (entry = cache->buckets[i]; entry; entry = entry->next) {
			if (keep && !keep(arg, entry->unit))
				continue;
			error = write_entry(cache, entry, lower);
			result = error ? error : result;
		}
	}
	empty(cache);
	return result;
}
