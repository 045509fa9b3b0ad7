/* SPDX-License-Identifier: BSD-2-Clause */
/* What backends share whose queues are descriptors that take and give one frame a call: tap, packet */
#ifndef IO_NET_FDS_H
#define IO_NET_FDS_H

#include <sys/uio.h>

#include "net.h"
#include "poller.h"

struct net_fds;

/**
 * struct net_fds_ops - what differs
 * @send:    one frame; as sendmsg(2) with MSG_DONTWAIT
 * @receive: one frame; the same. Return: bytes, or more than there was room for when it was cut
 * @gone:    after ENETDOWN: has the interface gone? NULL: it never does silently
 */
struct net_fds_ops {
	ssize_t (*send)(int fd, struct iovec *iov, int count);
	ssize_t (*receive)(int fd, struct iovec *iov, int count);
	bool (*gone)(const struct net_fds *fds);
};

/**
 * struct net_fds_queue - a descriptor
 * @watch:   it, waited for
 * @lock:    guards @pending
 * @pending: frames that the host does not take now
 */
struct net_fds_queue {
	struct net_watch watch;
	pthread_mutex_t lock;
	struct net_list pending;
};

/**
 * struct net_fds - how such a device begins
 * @device: towards the user
 * @ops:    what differs
 * @poller: waits for all descriptors
 * @header: bytes of an offload header before each frame; 0 without
 * @dead:   the host's side has gone
 * @opened: how many of @queues are
 * @queues: each with its descriptor
 */
struct net_fds {
	struct net_device device;
	const struct net_fds_ops *ops;
	struct net_poller poller;
	size_t header;
	_Atomic bool dead;
	unsigned int opened;
	struct net_fds_queue queues[NET_MAX_QUEUES];
};

/**
 * net_fds_start() - take descriptors over, which do not block, and start the thread
 * @fds: zeroed but @ops, @header and @device.net
 * @fd:  as many as there are queues; they are closed by net_fds_stop(), and on failure
 * Return: 0, -HYP_EAGAIN, -HYP_ENOMEM, -HYP_EINVAL, with a message
 */
int net_fds_start(struct io_spec *spec, struct net_fds *fds, const int *fd);

/** net_fds_stop() - end the thread and close the descriptors */
void net_fds_stop(struct net_fds *fds);

/* These serve struct hyp_net_ops. */
int net_fds_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie);
void net_fds_detach(struct hyp_net *net);
void net_fds_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch);
uint32_t net_fds_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room);
bool net_fds_link(struct hyp_net *net);

#endif
