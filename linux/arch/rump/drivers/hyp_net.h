/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the network driver share */
#ifndef _RUMP_HYP_NET_H
#define _RUMP_HYP_NET_H

#include <linux/netdevice.h>
#include <rumpus/hyp_net.h>

/* A frame of a usual size lies in the first piece, which becomes the head of an skb; the rest in pages. */
#define HYP_NET_HEAD_SIZE 2048
#define HYP_NET_HEAD_OFFSET (NET_SKB_PAD + NET_IP_ALIGN)
#define HYP_NET_HEAD_ROOM (SKB_WITH_OVERHEAD(HYP_NET_HEAD_SIZE) - HYP_NET_HEAD_OFFSET)
#define HYP_NET_MAX_PAGES MAX_SKB_FRAGS
#define HYP_NET_SEND_IOV (MAX_SKB_FRAGS + 1)

/**
 * struct hyp_net_slot - a frame on its way out
 * @frame: for the backend; first
 * @skb:   what it is made of
 * @next:  free slots
 * @iov:   the skb's pieces
 */
struct hyp_net_slot {
	struct hyp_net_frame frame;
	struct sk_buff *skb;
	struct hyp_net_slot *next;
	struct hyp_iovec iov[HYP_NET_SEND_IOV];
};

/**
 * struct hyp_net_room - memory for a frame to come
 * @frame: for the backend
 * @head:  HYP_NET_HEAD_SIZE bytes
 * @pages: more
 * @ready: nothing is missing; @iov and @frame say so
 * @iov:   the pieces
 */
struct hyp_net_room {
	struct hyp_net_frame frame;
	void *head;
	struct page *pages[HYP_NET_MAX_PAGES];
	bool ready;
	struct hyp_iovec iov[HYP_NET_MAX_PAGES + 1];
};

/**
 * struct hyp_net_queue - a pair of queues
 * @port:    that it belongs to
 * @napi:    frees what was sent, fetches what came
 * @cpu:     where that happens
 * @index:   of this queue
 * @event:   an upcall came
 * @done:    completed frames, newest first, linked by hyp_net_frame.next
 * @sending: who is in send() frees what completes meanwhile
 * @slots, @free: all, and those that are not under way
 * @used:    slots that are
 * @batch, @tail: frames not yet handed over
 * @rooms:   for frames to come
 * @nr_rooms, @nr_pages: how many there are, and pages in each
 */
struct hyp_net_queue {
	struct hyp_net_port *port;
	struct napi_struct napi;
	struct rump_cpu *cpu;
	unsigned int index;
	u32 event;
	struct hyp_net_frame *done;
	bool sending;
	struct hyp_net_slot *slots;
	struct hyp_net_slot *free;
	unsigned int used;
	struct hyp_net_frame *batch;
	struct hyp_net_frame **tail;
	struct hyp_net_room *rooms;
	unsigned int nr_rooms;
	unsigned int nr_pages;
};

/**
 * struct hyp_net_port - an interface, behind its struct net_device
 * @hyp:      host half
 * @dev:      the stack's half
 * @nr_queues: of @queues
 * @index:    in the name
 * @attached: it is up
 * @removing: it is on its way out; under ports_lock
 * @link_event: an upcall about the link came
 * @link:     in the list of ports
 */
struct hyp_net_port {
	struct hyp_net *hyp;
	struct net_device *dev;
	unsigned int nr_queues;
	int index;
	bool attached;
	bool removing;
	u32 link_event;
	struct list_head link;
	struct hyp_net_queue queues[];
};

/* hyp_net.c */
extern int hyp_net_irq;

/* hyp_net_queue.c */
int hyp_net_queue_alloc(struct hyp_net_queue *queue);
void hyp_net_queue_free(struct hyp_net_queue *queue);
void hyp_net_queue_flush(struct hyp_net_queue *queue);
void hyp_net_queue_reap(struct hyp_net_queue *queue);
netdev_tx_t hyp_net_xmit(struct sk_buff *skb, struct net_device *dev);
int hyp_net_poll(struct napi_struct *napi, int budget);
void hyp_net_sent(void *cookie, uint32_t index, struct hyp_net_frame *list);
void hyp_net_ready(void *cookie, uint32_t index);

/* hyp_net_ethtool.c */
extern const struct ethtool_ops hyp_net_ethtool_ops;

#endif
