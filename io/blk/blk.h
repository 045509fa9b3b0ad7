/* SPDX-License-Identifier: BSD-2-Clause */
/* What backends and wrappers of the family blk share: attaching a user, checking requests, parsing options */
#ifndef IO_BLK_BLK_H
#define IO_BLK_BLK_H

#include <stdatomic.h>
#include <stdint.h>

#include <rumpus/hyp_blk.h>

#include "../spec.h"

/** BLK_QUEUE_DEPTH - what backends without a limit of their own promise */
#define BLK_QUEUE_DEPTH 256U
/** BLK_MAX_IOV - pieces in one request; the host's IOV_MAX */
#define BLK_MAX_IOV 1024U
/** BLK_MAX_LENGTH - bytes in one read or write */
#define BLK_MAX_LENGTH (UINT64_C(16) << 20)
/** BLK_MAX_DISCARD - bytes in one discard or write-zeroes; bounds how long a fallback writes zeroes */
#define BLK_MAX_DISCARD (UINT64_C(1) << 30)

/**
 * struct blk_device - how every device of ours begins
 * @disk:     the contract's part
 * @complete: the user's upcall; valid while @attached
 * @cookie:   its first argument
 * @attached: there is a user
 * @running:  upcalls that run now; detach waits for none
 */
struct blk_device {
	struct hyp_blk disk;
	hyp_blk_complete_fn *complete;
	void *cookie;
	_Atomic bool attached;
	_Atomic uint32_t running;
};

/** blk_attach(), blk_detach() - serve struct hyp_blk_ops for any device that begins with struct blk_device */
int blk_attach(struct hyp_blk *disk, hyp_blk_complete_fn *complete, void *cookie);
void blk_detach(struct hyp_blk *disk);

/** blk_complete() - hand a list of ended requests to the user; nothing when the list is empty */
void blk_complete(struct blk_device *device, struct hyp_blk_req *done);

/**
 * struct blk_list - a queue of requests linked by @next
 * @head: first or NULL
 * @tail: last; of no meaning while @head is NULL
 */
struct blk_list {
	struct hyp_blk_req *head;
	struct hyp_blk_req *tail;
};

static inline void blk_list_add(struct blk_list *list, struct hyp_blk_req *req)
{
	req->next = NULL;
	if (list->head)
		list->tail->next = req;
	else
		list->head = req;
	list->tail = req;
}

static inline struct hyp_blk_req *blk_list_take(struct blk_list *list)
{
	struct hyp_blk_req *req = list->head;

	if (req)
		list->head = req->next;
	return req;
}

/** blk_list_end() - add an ended request with its status to a list of completions */
static inline void blk_list_end(struct blk_list *done, struct hyp_blk_req *req, int status)
{
	req->status = status;
	blk_list_add(done, req);
}

/**
 * blk_check() - is a request within the rules of a device?
 * Return: 0; -HYP_EINVAL for its form; -HYP_EIO beyond the end; -HYP_EROFS; -HYP_EOPNOTSUPP without the capability
 */
int blk_check(const struct hyp_blk_info *info, const struct hyp_blk_req *req);

/**
 * blk_option_block() - the option "block", a logical block in bytes
 * @block: out; stays as it was when not given
 * Return: 0; -HYP_EINVAL after a message
 */
int blk_option_block(struct io_spec *spec, uint32_t *block);

/** blk_check_claim() - are these bytes of the device? Return: 0; -HYP_EINVAL after a message */
int blk_check_claim(const struct hyp_blk_info *info, uint64_t offset, uint64_t size, char *error, size_t error_size);

/** blk_error() - the negative enum hyp_error that a host errno of an I/O call becomes */
int blk_error(int host_errno);

/** enum blk_copy - direction of blk_copy_iov() */
enum blk_copy {
	BLK_COPY_TO_IOV,
	BLK_COPY_FROM_IOV,
};

/** blk_copy_iov() - copy @length bytes between @memory and the pieces of a request, from byte @skip of the request on
 */
void blk_copy_iov(const struct hyp_blk_req *req, uint64_t skip, void *memory, uint64_t length, enum blk_copy direction);

/**
 * blk_slice_iov() - the pieces that show a part of a request's memory
 * @out:  the pieces
 * @room: most pieces that fit there; @req->iovcnt is enough for any part
 * Return: how many were filled
 */
uint32_t blk_slice_iov(const struct hyp_blk_req *req, uint64_t skip, uint64_t length, struct hyp_iovec *out,
		       uint32_t room);

/**
 * struct blk_backend - what a backend or wrapper offers to hyp_blk_open()
 * @about: how specifications name it
 * @open:  makes the device
 */
struct blk_backend {
	struct io_backend about;
	int (*open)(struct io_spec *spec, struct hyp_blk **disk);
};

/**
 * struct blk_wrapper - how every wrapper begins
 * @device: towards the user
 * @lower:  what it stands on; attached to from blk_wrapper_open() to blk_wrapper_close()
 */
struct blk_wrapper {
	struct blk_device device;
	struct hyp_blk *lower;
};

/**
 * blk_wrapper_open() - open what a wrapper stands on and attach to it
 * @spec:     the wrapper's; its rest is opened
 * @flags:    for the lower device
 * @size:     of the wrapper's own struct, which begins with struct blk_wrapper; zeroed
 * @ops:      the wrapper's
 * @complete: upcall from the lower device; its cookie is the wrapper
 * @wrapper:  out: @device.disk.info is the lower device's
 */
int blk_wrapper_open(struct io_spec *spec, uint32_t flags, size_t size, const struct hyp_blk_ops *ops,
		     hyp_blk_complete_fn *complete, struct blk_wrapper **wrapper);

/** blk_wrapper_close() - detach from, and close, the lower device and free the wrapper */
void blk_wrapper_close(struct hyp_blk *disk);

/** blk_wrapper_poll() - polls the lower device */
uint32_t blk_wrapper_poll(struct hyp_blk *disk);

/** blk_wrapper_claim() - claims the same bytes of the lower device */
int blk_wrapper_claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size);

/** blk_claim() - claim() of any device */
static inline int blk_claim(struct hyp_blk *disk, uint64_t offset, uint64_t size, char *error, size_t error_size)
{
	return disk->ops->claim ? disk->ops->claim(disk, offset, size, error, error_size) : 0;
}

/** blk_forward() - submit a list to a device unless it is empty */
static inline void blk_forward(struct hyp_blk *disk, const struct blk_list *list)
{
	if (list->head)
		disk->ops->submit(disk, list->head);
}

/** blk_open_memory() - make a device of zeroed anonymous memory by code; as "mem,size=@size:" */
int blk_open_memory(uint64_t size, uint32_t logical_block, struct hyp_blk **disk);

#endif
