/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of frames that wait for a user to fetch them, for backends that cannot make their network wait */
#ifndef IO_NET_INBOX_H
#define IO_NET_INBOX_H

#include <pthread.h>
#include <sys/queue.h>

#include "net.h"

/**
 * struct net_inbox_frame - a copy
 * @link:   in the inbox
 * @header: offloads
 * @length: bytes
 * @bytes:  the frame
 */
struct net_inbox_frame {
	STAILQ_ENTRY(net_inbox_frame) link;
	struct hyp_net_header header;
	uint32_t length;
	unsigned char bytes[];
};

/**
 * struct net_inbox - one receiving queue
 * @lock:   guards the rest
 * @frames: in order of arrival
 * @count:  of @frames
 * @open:   there is a user; else everything is dropped
 * @armed:  a fetch left room: the next frame is announced
 */
struct net_inbox {
	pthread_mutex_t lock;
	STAILQ_HEAD(, net_inbox_frame) frames;
	unsigned int count;
	bool open;
	bool armed;
};

/** net_inbox_init(), net_inbox_destroy() - empty ones */
void net_inbox_init(struct net_inbox *inbox);
void net_inbox_destroy(struct net_inbox *inbox);

/** net_inbox_open() - a user has attached */
void net_inbox_open(struct net_inbox *inbox);
/** net_inbox_close() - it detaches: what is there is dropped */
void net_inbox_close(struct net_inbox *inbox, struct net_device *device);

/** net_inbox_new() - a frame with room for @length bytes; NULL without memory; free(3) or net_inbox_put() it */
struct net_inbox_frame *net_inbox_new(uint32_t length);

/** net_inbox_put() - add a frame, which is the inbox's then, and announce it; dropped and counted when it is full */
void net_inbox_put(struct net_inbox *inbox, struct net_device *device, uint32_t queue, struct net_inbox_frame *frame);

/** net_inbox_receive() - as hyp_net_ops.receive() */
uint32_t net_inbox_receive(struct net_inbox *inbox, struct net_device *device, struct hyp_net_frame *room);

#endif
