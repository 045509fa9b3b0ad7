/* SPDX-License-Identifier: BSD-2-Clause */
/* What backends and wrappers of the family net share: attaching a user, upcalls, checking and copying frames, options
 */
#ifndef IO_NET_NET_H
#define IO_NET_NET_H

#include <stdatomic.h>
#include <stdint.h>

#include <rumpus/hyp_net.h>

#include "../spec.h"

/** NET_QUEUE_DEPTH - what backends without a limit of their own promise */
#define NET_QUEUE_DEPTH 256U
/** NET_MAX_QUEUES - most queues of a device */
#define NET_MAX_QUEUES 16U
/** NET_MAX_IOV - pieces of one frame, with one to spare for a header that a backend puts before it */
#define NET_MAX_IOV 63U
/** NET_MAX_MTU - of backends without a limit of their own: the largest IP packet within NET_MAX_FRAME */
#define NET_MAX_MTU 65520U
/** NET_MAX_FRAME - bytes of the largest frame */
#define NET_MAX_FRAME 65568U
/** NET_CAPS - all offloads */
#define NET_CAPS (HYP_NET_CAP_CSUM | HYP_NET_CAP_TSO4 | HYP_NET_CAP_TSO6 | HYP_NET_CAP_ECN | HYP_NET_CAP_USO)

/**
 * struct net_device - how every device of ours begins
 * @net:      the contract's part
 * @upcalls:  the user's; valid while @attached
 * @cookie:   their first argument
 * @attached: there is a user
 * @running:  upcalls that run now, or are about to see that there is no user
 * @stats:    counters, as struct hyp_net_stats has them
 */
struct net_device {
	struct hyp_net net;
	const struct hyp_net_upcalls *upcalls;
	void *cookie;
	_Atomic bool attached;
	_Atomic uint32_t running;
	struct {
		_Atomic uint64_t sent_frames, sent_bytes, sent_dropped;
		_Atomic uint64_t received_frames, received_bytes, received_dropped, received_bad;
	} stats;
};

/** net_attach(), net_detach(), net_stats() - serve struct hyp_net_ops for any device that begins with net_device */
int net_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie);
void net_detach(struct hyp_net *net);
void net_stats(struct hyp_net *net, struct hyp_net_stats *stats);

/** net_sent() - hand a list of ended frames to the user, who is attached; nothing when it is empty */
void net_sent(struct net_device *device, uint32_t queue, struct hyp_net_frame *done);
/** net_ready() - tell the user, if there is one, that there are frames in @queue */
void net_ready(struct net_device *device, uint32_t queue);
/** net_link_changed() - tell the user, if there is one */
void net_link_changed(struct net_device *device);

/** net_count_sent(), net_count_received() - @frames that have @bytes together */
void net_count_sent(struct net_device *device, uint32_t frames, uint64_t bytes);
void net_count_received(struct net_device *device, uint32_t frames, uint64_t bytes);

/**
 * struct net_list - a queue of frames linked by @next
 * @head: first or NULL
 * @tail: last; of no meaning while @head is NULL
 */
struct net_list {
	struct hyp_net_frame *head;
	struct hyp_net_frame *tail;
};

static inline void net_list_add(struct net_list *list, struct hyp_net_frame *frame)
{
	frame->next = NULL;
	if (list->head)
		list->tail->next = frame;
	else
		list->head = frame;
	list->tail = frame;
}

static inline struct hyp_net_frame *net_list_take(struct net_list *list)
{
	struct hyp_net_frame *frame = list->head;

	if (frame)
		list->head = frame->next;
	return frame;
}

/** net_list_end() - add an ended frame with its status to a list of completions */
static inline void net_list_end(struct net_list *done, struct hyp_net_frame *frame, int status)
{
	frame->status = status;
	net_list_add(done, frame);
}

/** net_end_all() - end every frame of a list, which is empty then, with one status */
void net_end_all(struct net_list *done, struct net_list *list, int status);

/**
 * net_check() - is a frame to be sent within the rules of a device?
 * Return: 0; -HYP_EINVAL for its form; -HYP_EOPNOTSUPP without the capability
 */
int net_check(const struct hyp_net_info *info, const struct hyp_net_frame *frame);

/** net_room() - bytes of a frame's memory */
size_t net_room(const struct hyp_net_frame *frame);
/** net_has_room() - are there so many? */
bool net_has_room(const struct hyp_net_frame *frame, size_t size);

/** net_gather() - copy a frame's bytes, at most @size, to @memory. Return: how many */
size_t net_gather(const struct hyp_net_frame *frame, void *memory, size_t size);

/** net_scatter() - copy @size bytes, which are not more than net_room(), into a frame's memory */
void net_scatter(const struct hyp_net_frame *frame, const void *memory, size_t size);

/** net_copy() - copy @from's bytes into @to's memory, which has room */
void net_copy(const struct hyp_net_frame *to, const struct hyp_net_frame *from);

/**
 * net_fill() - put a frame of plain bytes into room that a user lent, with a header or NULL for none
 * Return: true; false when it does not fit, or is no frame: it is counted and the room stays as it was
 */
bool net_fill(struct net_device *device, struct hyp_net_frame *room, const struct hyp_net_header *header,
	      const void *memory, size_t size);

/**
 * struct net_backend - what a backend or wrapper offers to hyp_net_open()
 * @about: how specifications name it
 * @open:  makes the device
 */
struct net_backend {
	struct io_backend about;
	int (*open)(struct io_spec *spec, struct hyp_net **net);
};

/** NET_KEYS - options that net_info_read() takes, for lists of keys */
#define NET_KEYS "mac", "mtu"
/** NET_KEYS_OFFLOAD - the same, for backends that have offloads */
#define NET_KEYS_OFFLOAD NET_KEYS, "offload"

/**
 * net_info_read() - fill in what a device can do, as the options wish
 * @info:  @max_mtu, @caps and @max_frame are set by the backend and perhaps lowered here; the rest is filled in, where
 *         it is 0
 * @salt:  text that the address is made from, unless mac= gives it; NULL: it is random
 * Return: 0, -HYP_EINVAL with a message
 */
int net_info_read(struct io_spec *spec, const char *salt, struct hyp_net_info *info);

/** net_option_fd() - "fd=N": a duplicate of descriptor N. Return: it, -HYP_ENOENT without the option, or a failure */
int net_option_fd(struct io_spec *spec);

/**
 * struct net_wrapper - how every wrapper begins
 * @device: towards the user
 * @lower:  what it stands on
 */
struct net_wrapper {
	struct net_device device;
	struct hyp_net *lower;
};

/**
 * net_wrapper_open() - open what a wrapper stands on
 * @size:    of the wrapper's own struct, which begins with struct net_wrapper; zeroed
 * @ops:     the wrapper's
 * @wrapper: out: @device.net.info is the lower device's
 */
int net_wrapper_open(struct io_spec *spec, size_t size, const struct hyp_net_ops *ops, struct net_wrapper **wrapper);

/** net_wrapper_close() - close the lower device and free the wrapper */
void net_wrapper_close(struct hyp_net *net);

/** net_wrapper_link() - as the lower device's */
bool net_wrapper_link(struct hyp_net *net);

#endif
