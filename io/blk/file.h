/* SPDX-License-Identifier: BSD-2-Clause */
/* Backend "file", inner interfaces: the device (file.c), requests that may block (file_run.c), locks (file_lock.c,
 * file_holder.c) */
#ifndef IO_BLK_FILE_H
#define IO_BLK_FILE_H

#include "pool.h"
#include "ring.h"

/* Lanes of the pool */
enum {
	FILE_LANE_WRITES, /* buffered writes: one thread, as the host lets one at a time write to a file anyway */
	FILE_LANE_OTHER,  /* what waits for the medium, FUA writes among it: nobody queues behind these */
};

/**
 * struct file - the device
 * @device:     towards the user
 * @fd:         the image; ours
 * @direct:     opened with O_DIRECT
 * @is_device:  a block device rather than a file
 * @locked:     we hold a lock on @fd and give it up when we close
 * @no_lock:    none is to be taken
 * @claimed_start, @claimed_end: bytes that may change; constant when requests that change something come
 * @no_nowait:  the host's file system does not know RWF_NOWAIT
 * @no_zero_range: nor FALLOC_FL_ZERO_RANGE
 * @no_punch:   nor FALLOC_FL_PUNCH_HOLE
 * @pool:       threads for what may block
 * @ring:       NULL with engine=threads
 * @reads:      reads that the ring or a thread has
 * @ring_done:  requests that the ring has ended; its thread's
 * @written:    changes that have completed without FUA, since the device was opened, plus 1
 * @flushed:    @written at the beginning of the last flush that has succeeded
 * @flush_failed: a flush has failed; what was lost is unknown, and the host would not tell again
 * @kick_bytes, @kick_start, @kick_end: written since the host was last told to begin; the writing lane's
 * @tail:       bytes of the file beyond the last whole block
 * @label:      path or descriptor, for messages
 */
struct file {
	struct blk_device device;
	int fd;
	bool direct;
	bool is_device;
	bool locked;
	bool no_lock;
	uint64_t claimed_start, claimed_end;
	_Atomic bool no_nowait;
	_Atomic bool no_zero_range;
	_Atomic bool no_punch;
	struct blk_pool *pool;
	struct blk_ring *ring;
	_Atomic uint32_t reads;
	struct blk_list ring_done;
	_Atomic uint64_t written;
	_Atomic uint64_t flushed;
	_Atomic bool flush_failed;
	uint64_t kick_bytes, kick_start, kick_end;
	uint64_t tail;
	char *label;
};

/* What struct hyp_blk_req keeps for us in @backend */
enum {
	FILE_DONE,   /* bytes of a read or write that are through */
	FILE_COVERS, /* @written when a flush was submitted */
};

/** file_read_ended() - a read that was not served at once is about to complete */
static inline void file_read_ended(struct file *file)
{
	atomic_fetch_sub_explicit(&file->reads, 1, memory_order_relaxed);
}

/** file_run() - execute and complete one request; may block; @owner is the struct file */
void file_run(void *owner, struct hyp_blk_req *req);

/** file_flushed() - have all changes that a flush covers reached stable storage already? */
bool file_flushed(const struct file *file, const struct hyp_blk_req *flush);

/** file_can_punch() - can storage of the open file be given back? Changes nothing. */
bool file_can_punch(int fd, uint64_t size);

/** file_can_sync_writes() - does the host know writes that end on stable storage? Changes nothing. */
bool file_can_sync_writes(int fd);

/**
 * struct file_use - of the image, by who opens it
 * @writer: may change it
 * @part:   uses a part of it, which file_claim() tells; else all
 */
struct file_use {
	bool writer, part;
};

/**
 * file_lock() - take the lock that @use asks for
 * Return: 0, or -HYP_EBUSY with a message
 */
int file_lock(struct io_spec *spec, int fd, bool is_device, struct file_use use, const char *label);

/** file_claim() - serves struct hyp_blk_ops */
int file_claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size);

/** file_unlock() - give it up, also when a forked child still has the descriptor */
void file_unlock(int fd);

/** struct file_range - bytes of an image, the last one included */
struct file_range {
	off_t first, last;
};

/** file_holder() - who has a lock on some of these bytes, in words; "another process" when we may not know */
void file_holder(int fd, struct file_range range, char *text, size_t size);

#endif
