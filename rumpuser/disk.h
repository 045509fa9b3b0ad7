/* SPDX-License-Identifier: BSD-2-Clause */
/* Block devices under the descriptors that rumpuser_open() gives out, and their requests */
#ifndef RUMPUSER_DISK_H
#define RUMPUSER_DISK_H

#include <rumpus/hyp_blk.h>

#include "internal.h"

/** RU_DISK_FD - the first descriptor that is a block device; those of the host's are below */
#define RU_DISK_FD 0x40000000

/**
 * struct ru_bio - a request
 * @req:   the family's
 * @iov:   its one piece
 * @next:  in a list of free or ended ones
 * @disk:  where it goes
 * @fn:    from rumpuser_bio(), with @arg; NULL: a thread waits for @ended
 * @op:    of rumpuser_bio(), for those that take a detour
 * @flush: when it has ended, a flush is to follow
 * @ended: 1: it has
 */
struct ru_bio {
	struct hyp_blk_req req;
	struct hyp_iovec iov;
	struct ru_bio *next;
	struct ru_disk *disk;
	rump_biodone_fn fn;
	void *arg;
	int op;
	bool flush;
	_Atomic uint32_t ended;
};

/** RU_DISK_BIOS - most transfers under way on one disk */
#define RU_DISK_BIOS 128

/**
 * struct ru_disk - an open device, perhaps under several descriptors
 * @next:  in the list of all; this, @refs and @id under the lock of the table
 * @spec:  as given to hyp_blk_open()
 * @named: the kernel gave the specification itself: stays open until the process ends, so that one in memory can be
 *         closed and opened again as any other
 * @id:    of the host file, where it is not @named
 * @refs:  descriptors
 * @blk:   the device
 * @bios:  all requests; @count of them
 * @lock:  guards @free, @queue and @queue_end
 * @free:  list of those not in use
 * @queue: transfers that none was free for, oldest first; their memory is their own; only while @free is empty
 * @queue_end: where the next one is linked
 * @waiting: threads that wait for one, as there is no memory
 * @turn:  changes when there is one again
 * @update: held over steps of transfer.c
 */
struct ru_disk {
	struct ru_disk *next;
	char *spec;
	bool named;
	struct ru_file_id id;
	unsigned int refs;
	struct hyp_blk *blk;
	struct ru_bio *bios;
	unsigned int count;
	struct ru_lock lock;
	struct ru_bio *free;
	struct ru_bio *queue;
	struct ru_bio **queue_end;
	_Atomic uint32_t waiting;
	_Atomic uint32_t turn;
	struct ru_lock update;
};

/**
 * struct ru_disk_file - what a descriptor stands for
 * @disk:     the device
 * @writable: opened for writing
 * @position: of the stream; bytes
 */
struct ru_disk_file {
	struct ru_disk *disk;
	bool writable;
	uint64_t position;
};

/** ru_disk_open() - as rumpuser_open() with RUMPUSER_OPEN_BIO; no virtual CPU is held */
int ru_disk_open(const char *path, int flags, int *fd);

/** ru_disk_close() - no virtual CPU is held */
int ru_disk_close(int fd);

/** ru_disk_file() - what a descriptor stands for, or NULL */
struct ru_disk_file *ru_disk_file(int fd);

/** ru_disk_is_spec() - does a path name a device by specification? */
bool ru_disk_is_spec(const char *path);

/** ru_disk_size() - of the device that such a path names. Return: 0, or a NetBSD errno with a message */
int ru_disk_size(const char *path, uint64_t *size);

/* bio.c */

/** ru_bio_start() - make what transfers need, once. Return: 0 or a NetBSD errno */
int ru_bio_start(void);

/** ru_disk_setup(), ru_disk_teardown() - attach to a new device, and detach. Return: 0 or a NetBSD errno */
int ru_disk_setup(struct ru_disk *disk);
void ru_disk_teardown(struct ru_disk *disk);

/* transfer.c */

/** ru_bio_fill() - make @bio a request to read or write; @op of rumpuser_bio() */
void ru_bio_fill(struct ru_bio *bio, struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset);

/** ru_bio_make_flush() - make it a flush; what was transferred stays in its @iov */
void ru_bio_make_flush(struct ru_bio *bio);

/** ru_bio_fits() - can the device take this as one request? */
bool ru_bio_fits(const struct hyp_blk_info *info, const void *data, size_t size, uint64_t offset);

/** ru_bounce_make() - memory for ru_disk_steps(), from rumpuser_malloc(); NULL without memory */
void *ru_bounce_make(void);

/**
 * ru_disk_steps() - as ru_disk_transfer()
 * @bounce: from ru_bounce_make(); not used where one request after the other fits
 */
int ru_disk_steps(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset, void *bounce);

/**
 * ru_disk_transfer() - read or write any bytes within the device, and wait; no virtual CPU is held
 * @op: of rumpuser_bio()
 * Return: 0 or a NetBSD errno; then any part may be done
 */
int ru_disk_transfer(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset);

/** ru_disk_flush() - and wait; no virtual CPU is held. Return: 0 or a NetBSD errno */
int ru_disk_flush(struct ru_disk *disk);

#endif
