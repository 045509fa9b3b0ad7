/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrapper "fault", inner interfaces: the device (fault.c) and its volatile cache (fault_cache.c) */
#ifndef IO_BLK_FAULT_H
#define IO_BLK_FAULT_H

#include <semaphore.h>

#include "blk.h"

/**
 * struct fault_lower - synchronous access to the device below, by one thread
 * @disk:  the device
 * @req:   the request under way
 * @ended: posted by the wrapper's upcall when @req has ended
 */
struct fault_lower {
	struct hyp_blk *disk;
	struct hyp_blk_req req;
	sem_t ended;
};

/** fault_lower_run() - execute a copy of @req below and wait. Return: its status */
int fault_lower_run(struct fault_lower *lower, const struct hyp_blk_req *req);

/** fault_lower_flush() - flush what is below, if it has something to flush */
int fault_lower_flush(struct fault_lower *lower);

/**
 * fault_lower_persist() - write to stable storage below
 *
 * With FUA where it is served, else with a flush.
 */
int fault_lower_persist(struct fault_lower *lower, const struct hyp_blk_req *req);

struct fault_cache;

/**
 * fault_cache_create() - make an empty cache
 * @unit:  bytes that survive a power cut as a whole, or not at all
 * @block: bytes of the smallest write; @unit is at most 64 times as large
 */
struct fault_cache *fault_cache_create(uint32_t unit, uint32_t block);

void fault_cache_destroy(struct fault_cache *cache);

/**
 * fault_cache_write() - take in a part of a write or write-zeroes
 * @skip:   bytes of the request before that part
 * @length: bytes of it
 * Return: 0, -HYP_ENOMEM
 */
int fault_cache_write(struct fault_cache *cache, const struct hyp_blk_req *req, uint64_t skip, uint64_t length);

/** fault_cache_forget() - drop what is cached of a range, because something newer is below */
void fault_cache_forget(struct fault_cache *cache, uint64_t offset, uint64_t length);

/** fault_cache_read() - put what is cached over the memory of a read that was served from below */
void fault_cache_read(const struct fault_cache *cache, const struct hyp_blk_req *req);

/**
 * fault_cache_drain() - write units below and empty the cache
 * @keep: decides which units are written; NULL: all
 * Return: 0, or the last error of a write
 */
int fault_cache_drain(struct fault_cache *cache, struct fault_lower *lower, bool (*keep)(void *arg, uint64_t unit),
		      void *arg);

#endif
