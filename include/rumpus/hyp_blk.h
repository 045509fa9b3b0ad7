/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O hypercalls for block devices.
 *
 * All I/O families have this form: a device is opened on the host side, by a specification or by a descriptor, and
 * then handed to a kernel, which attach()es to it, submits requests in batches and hears of their completion by upcall.
 * Errors, units and out-parameters are as in hyp.h. A backend is one file that defines one constant ops table; a
 * wrapper is a backend that stands on another device.
 *
 * A device begins with struct hyp_blk; what follows is the backend's own.
 */
#ifndef RUMPUS_HYP_BLK_H
#define RUMPUS_HYP_BLK_H

#include <rumpus/hyp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HYP_BLK_VERSION 1U

/** enum hyp_blk_op - what a request asks for */
enum hyp_blk_op {
	HYP_BLK_READ,
	HYP_BLK_WRITE,
	HYP_BLK_FLUSH, /* all writes completed before this was submitted reach stable storage */
	HYP_BLK_DISCARD, /* the contents are of no more use; what reads return later is anything */
	HYP_BLK_WRITE_ZEROES, /* reads return zeroes from now on; storage may be given back */
};

/** enum hyp_blk_flags - in struct hyp_blk_req */
enum hyp_blk_flags {
	HYP_BLK_FUA = 1, /* HYP_BLK_WRITE, HYP_BLK_WRITE_ZEROES: on stable storage before it completes */
	HYP_BLK_NO_UNMAP = 2, /* HYP_BLK_WRITE_ZEROES: keep the storage allocated */
};

/**
 * struct hyp_blk_req - one request
 * @next:   the caller links a batch, the backend links the completions; NULL ends the list
 * @offset: first byte; a multiple of the logical block
 * @length: bytes, a multiple of the logical block, the sum of @iov for reads and writes; 0 for a flush
 * @iov:    memory, in order; neither it nor the pieces it names change until completion; NULL without data
 * @iovcnt: pieces
 * @op:     enum hyp_blk_op
 * @flags:  enum hyp_blk_flags, or-ed
 * @status: set by the backend: 0, or a negative enum hyp_error; then the medium may hold any part of a write
 * @backend: the backend's own while the request is with it
 *
 * Belongs to the backend from submit() until its completion; a wrapper may change any field meanwhile, and only @next,
 * @status and @backend differ afterwards.
 */
struct hyp_blk_req {
	struct hyp_blk_req *next;
	uint64_t offset;
	uint64_t length;
	const struct hyp_iovec *iov;
	uint32_t iovcnt;
	uint16_t op;
	uint16_t flags;
	int32_t status;
	uint32_t reserved;
	uint64_t backend[4];
};

/** enum hyp_blk_caps - in struct hyp_blk_info */
enum hyp_blk_caps {
	HYP_BLK_CAP_READ_ONLY = 1, /* everything but reads and flushes fails with -HYP_EROFS */
	HYP_BLK_CAP_FLUSH = 2, /* there is a volatile cache: completed writes may be lost without a flush; without this
				  one, flushes do nothing and succeed */
	HYP_BLK_CAP_FUA = 4, /* HYP_BLK_FUA is served */
	HYP_BLK_CAP_DISCARD = 8, /* HYP_BLK_DISCARD is served */
	HYP_BLK_CAP_WRITE_ZEROES = 16, /* HYP_BLK_WRITE_ZEROES is served */
	HYP_BLK_CAP_ROTATIONAL = 32, /* far accesses cost more than near ones */
};

/**
 * struct hyp_blk_info - capabilities of a device; constant while it is open
 * @size:           bytes; a multiple of @logical_block
 * @caps:           enum hyp_blk_caps, or-ed
 * @logical_block:  smallest unit of a request; a power of two of at least 512
 * @physical_block: unit that is written without reading and is not torn by a power cut; at least @logical_block
 * @optimal_io:     preferred unit of large requests; 0: none
 * @queue_depth:    requests that may be with the backend at one time
 * @max_iov:        pieces in one request
 * @max_length:     bytes in one read or write
 * @discard_granularity: unit that a discard gives back; smaller ones do nothing; 0 without discard
 * @max_discard:    bytes in one discard or write-zeroes
 * @mem_align:      alignment that every hyp_iovec base and length must have; 1: any
 */
struct hyp_blk_info {
	uint64_t size;
	uint32_t caps;
	uint32_t logical_block;
	uint32_t physical_block;
	uint32_t optimal_io;
	uint32_t queue_depth;
	uint32_t max_iov;
	uint64_t max_length;
	uint64_t max_discard;
	uint32_t discard_granularity;
	uint32_t mem_align;
};

struct hyp_blk;

/**
 * typedef hyp_blk_complete_fn - upcall: requests have ended
 * @cookie: from attach()
 * @done:   list, linked by @next in order of completion; the kernel's again
 *
 * Comes on any thread, also on the submitting one before submit() returns. It may only store and wake, and must not
 * submit.
 */
typedef void hyp_blk_complete_fn(void *cookie, struct hyp_blk_req *done);

/**
 * struct hyp_blk_ops - a backend
 * @version: HYP_BLK_VERSION of the backend
 * @size:    sizeof(struct hyp_blk_ops) of the backend
 * @name:    "file", "mem", ...; for messages
 */
struct hyp_blk_ops {
	uint32_t version;
	uint32_t size;
	const char *name;

	/**
	 * attach() - bind a user to the device before the first submit()
	 * @complete: called for every request; at most one user at a time
	 * Return: 0, -HYP_EBUSY when there is a user
	 */
	int (*attach)(struct hyp_blk *disk, hyp_blk_complete_fn *complete, void *cookie);
	/** detach() - unbind the user; every request has completed; blocks until no upcall runs any more */
	void (*detach)(struct hyp_blk *disk);
	/**
	 * submit() - hand over a batch
	 * @batch: requests linked by @next, at most info.queue_depth with those still under way
	 *
	 * Never blocks on the medium. Every request completes exactly once, in any order; those that break the rules
	 * of struct hyp_blk_info complete with -HYP_EINVAL, those beyond the end with -HYP_EIO, and those that need a
	 * capability that is not there (FUA included) with -HYP_EOPNOTSUPP.
	 * Context: any thread, several at once.
	 */
	void (*submit)(struct hyp_blk *disk, struct hyp_blk_req *batch);
	/**
	 * poll() - complete what is ready, on the calling thread
	 * Return: how many requests. NULL where nothing waits for the caller: completions come by themselves.
	 */
	uint32_t (*poll)(struct hyp_blk *disk);
	/**
	 * describe() - one line about what is behind the device and how it is reached ("file x.img, io_uring")
	 * Return: length as snprintf(3)
	 */
	int (*describe)(const struct hyp_blk *disk, char *buf, size_t size);
	/** close() - free the device and those it stands on; no user is attached; blocks */
	void (*close)(struct hyp_blk *disk);
	/**
	 * claim() - of a device opened with HYP_BLK_OPEN_PART: lock the bytes that will be used, instead of none
	 * @offset, @size: bytes; within the device; all of it is as without the flag
	 * @error: buffer of @error_size bytes for one line that names who has them, on failure; NULL: none, nor is looked for that
	 *
	 * Locks may reach beyond @offset and @size, to the next multiple of the host's page. Once, and before requests
	 * that change anything, which fail with -HYP_EROFS if they would reach what was not claimed of what is behind.
	 * Host side: a kernel never calls it. Blocks. NULL where nobody else can be at what is behind.
	 * Return: 0; -HYP_EINVAL; -HYP_EBUSY when another user holds a lock, and may be tried again
	 */
	int (*claim)(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size);
};

/**
 * struct hyp_blk - an open device
 * @ops:  its backend
 * @info: what it can do
 */
struct hyp_blk {
	const struct hyp_blk_ops *ops;
	struct hyp_blk_info info;
};

/** enum hyp_blk_open_flags - for hyp_blk_open() */
enum hyp_blk_open_flags {
	HYP_BLK_OPEN_READ_ONLY = 1, /* open what is behind for reading alone */
	HYP_BLK_OPEN_NO_LOCK = 2, /* take no lock against other writers */
	HYP_BLK_OPEN_PART = 4, /* lock out only who uses the whole, until claim() says which part is used */
};

/**
 * hyp_blk_open() - open a device by its specification
 * @spec:  NAME[,KEY=VALUE...]:REST, where REST is what the backend opens or, for a wrapper, another specification:
 *         "file:disk.img", "file,engine=threads:disk.img", "file,fd=5:", "mem,size=64M:",
 *         "window,offset=1M,size=8M:file:disk.img", "ro:...", "cow:...", "fault,seed=7,...:..."; see doc/blk.md
 * @flags: enum hyp_blk_open_flags, or-ed
 * @disk:  out: the device; caller closes it with disk->ops->close()
 * @error: buffer of @error_size bytes for one line that names what is wrong and the remedy, on failure; may be NULL
 *
 * Blocks. Host side: a kernel never calls it.
 * Return: 0; -HYP_EINVAL for a specification that is not understood; -HYP_ENOENT, -HYP_EACCES, -HYP_EISDIR as open(2);
 * -HYP_EBUSY when another writer holds the lock. A window locks what it shows.
 */
int hyp_blk_open(const char *spec, uint32_t flags, struct hyp_blk **disk, char *error, size_t error_size);

HYP_ASSERT(sizeof(struct hyp_blk_req) == 3 * 8 + sizeof(void *) + 16 + 32, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_blk_info) == 56, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_blk_ops) == 8 + 8 * sizeof(void *), "crosses a boundary");

#ifdef __cplusplus
}
#endif

#endif
