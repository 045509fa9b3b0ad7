// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of the network driver: frames out of the pages that they lie in, and into pages that go up the stack
 *
 * Completions: a backend that sends at once completes within send(), on this thread; those are freed there, without an
 * interrupt. The lock of the transmit queue guards everything about sending but the list of completions.
 */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include "../kernel/carry.h"
#include "hyp_net.h"

/* Frames that are fetched at once */
#define ROOMS_SMALL 32
#define ROOMS_LARGE 16
/* Bytes of a frame that is copied into memory of its size, so that its room stays, and sockets hold more of them */
#define COPY_MAX 256
#define MAX_DEPTH 256

static unsigned int depth_of(const struct hyp_net_port *port)
{
	return min_t(unsigned int, port->hyp->info.queue_depth, MAX_DEPTH);
}

static struct netdev_queue *tx_queue(const struct hyp_net_queue *queue)
{
	return netdev_get_tx_queue(queue->port->dev, queue->index);
}

/* ---- upcalls: on any thread ---- */

static void notify(struct hyp_net_queue *queue)
{
	WRITE_ONCE(queue->event, 1);
	rump_raise(queue->cpu, hyp_net_irq);
}

void hyp_net_sent(void *cookie, uint32_t index, struct hyp_net_frame *list)
{
	struct hyp_net_queue *queue = &((struct hyp_net_port *)cookie)->queues[index];

	while (list) {
		struct hyp_net_frame *frame = list, *head = READ_ONCE(queue->done);

		list = frame->next;
		do {
			frame->next = head;
		} while (!try_cmpxchg(&queue->done, &head, frame));
	}
	/* The exchange, then the look; in hyp_net_queue_flush() the store, then the look: one of the two sees the
	 * other. */
	if (!READ_ONCE(queue->sending))
		notify(queue);
}

void hyp_net_ready(void *cookie, uint32_t index)
{
	notify(&((struct hyp_net_port *)cookie)->queues[index]);
}

/* ---- sending ---- */

/* With the queue's lock: free what has been sent */
static void reap(struct hyp_net_queue *queue, int budget)
{
	struct hyp_net_frame *list = xchg(&queue->done, NULL);
	unsigned int frames = 0, bytes = 0, dropped = 0;

	while (list) {
		struct hyp_net_slot *slot = container_of(list, struct hyp_net_slot, frame);

		list = list->next;
		frames++;
		bytes += slot->frame.length;
		dropped += slot->frame.status != 0;
		napi_consume_skb(slot->skb, budget);
		slot->skb = NULL;
		slot->next = queue->free;
		queue->free = slot;
	}
	if (!frames)
		return;
	queue->used -= frames;
	dev_sw_netstats_tx_add(queue->port->dev, frames - dropped, bytes);
	if (dropped)
		DEV_STATS_ADD(queue->port->dev, tx_dropped, dropped);
	netdev_tx_completed_queue(tx_queue(queue), frames, bytes);
	if (netif_tx_queue_stopped(tx_queue(queue)) && queue->used <= depth_of(queue->port) / 2)
		netif_tx_wake_queue(tx_queue(queue));
}

/* The same for the last time, when nobody polls any more */
void hyp_net_queue_reap(struct hyp_net_queue *queue)
{
	__netif_tx_lock_bh(tx_queue(queue));
	reap(queue, 0);
	__netif_tx_unlock_bh(tx_queue(queue));
}

/* With the queue's lock: hand over what there is */
void hyp_net_queue_flush(struct hyp_net_queue *queue)
{
	struct hyp_net *hyp = queue->port->hyp;
	struct hyp_net_frame *batch = queue->batch;

	if (!batch)
		return;
	queue->batch = NULL;
	queue->tail = &queue->batch;
	WRITE_ONCE(queue->sending, true);
	rump_host_begin();
	hyp->ops->send(hyp, queue->index, batch);
	rump_host_end();
	smp_store_mb(queue->sending, false);
	if (READ_ONCE(queue->done))
		reap(queue, 0);
}

static unsigned int gather(const struct sk_buff *skb, struct hyp_iovec *iov)
{
	unsigned int i, n = 0;

	if (skb_headlen(skb))
		iov[n++] = (struct hyp_iovec){ .base = skb->data, .len = skb_headlen(skb) };
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		iov[n++] = (struct hyp_iovec){ .base = skb_frag_address(frag), .len = skb_frag_size(frag) };
	}
	return n;
}

static bool prepare(struct hyp_net_slot *slot, struct sk_buff *skb)
{
	struct virtio_net_hdr header;

	if (virtio_net_hdr_from_skb(skb, &header, true, false, 0))
		return false;
	slot->skb = skb;
	slot->frame = (struct hyp_net_frame){
		.iov = slot->iov,
		.iovcnt = gather(skb, slot->iov),
		.length = skb->len,
	};
	memcpy(&slot->frame.header, &header, sizeof(header));
	return true;
}

netdev_tx_t hyp_net_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct hyp_net_port *port = netdev_priv(dev);
	struct hyp_net_queue *queue = &port->queues[skb_get_queue_mapping(skb)];
	struct hyp_net_slot *slot = queue->free;
	bool more = netdev_xmit_more();

	if (unlikely(!slot)) {
		netif_tx_stop_queue(tx_queue(queue));
		hyp_net_queue_flush(queue);
		return NETDEV_TX_BUSY;
	}
	if (unlikely(!prepare(slot, skb))) {
		dev_kfree_skb_any(skb);
		DEV_STATS_INC(dev, tx_errors);
		if (!more)
			hyp_net_queue_flush(queue);
		return NETDEV_TX_OK;
	}
	queue->free = slot->next;
	*queue->tail = &slot->frame;
	queue->tail = &slot->frame.next;
	if (++queue->used == depth_of(port)) {
		netif_tx_stop_queue(tx_queue(queue));
		more = false;
	}
	skb_tx_timestamp(skb);
	if (__netdev_tx_sent_queue(tx_queue(queue), skb->len, more))
		hyp_net_queue_flush(queue);
	return NETDEV_TX_OK;
}

/* ---- receiving ---- */

static bool room_fill(struct hyp_net_room *room, unsigned int nr_pages)
{
	unsigned int i;

	if (!room->head)
		room->head = netdev_alloc_frag(HYP_NET_HEAD_SIZE);
	if (!room->head)
		return false;
	room->iov[0] = (struct hyp_iovec){ .base = room->head + HYP_NET_HEAD_OFFSET, .len = HYP_NET_HEAD_ROOM };
	for (i = 0; i < nr_pages; i++) {
		if (!room->pages[i])
			room->pages[i] = dev_alloc_page();
		if (!room->pages[i])
			return false;
		room->iov[i + 1] = (struct hyp_iovec){ .base = page_address(room->pages[i]), .len = PAGE_SIZE };
	}
	room->frame.iov = room->iov;
	room->frame.iovcnt = nr_pages + 1;
	room->ready = true;
	return true;
}

static struct sk_buff *room_copy(struct hyp_net_queue *queue, const struct hyp_net_room *room)
{
	struct sk_buff *skb = napi_alloc_skb(&queue->napi, room->frame.length);

	if (skb)
		skb_put_data(skb, room->head + HYP_NET_HEAD_OFFSET, room->frame.length);
	return skb;
}

/* Make an skb of a room's memory, as much of it as the frame takes */
static struct sk_buff *room_take(struct hyp_net_room *room)
{
	unsigned int left = room->frame.length, part = min_t(unsigned int, left, HYP_NET_HEAD_ROOM), i;
	struct sk_buff *skb = napi_build_skb(room->head, HYP_NET_HEAD_SIZE);

	if (!skb)
		return NULL;
	room->head = NULL;
	room->ready = false;
	skb_reserve(skb, HYP_NET_HEAD_OFFSET);
	skb_put(skb, part);
	left -= part;
	for (i = 0; left; i++, left -= part) {
		part = min_t(unsigned int, left, PAGE_SIZE);
		skb_add_rx_frag(skb, i, room->pages[i], 0, part, PAGE_SIZE);
		room->pages[i] = NULL;
	}
	return skb;
}

/* What peers write into headers is checked by virtio_net_hdr_to_skb(). */
static void deliver(struct hyp_net_queue *queue, struct hyp_net_room *room)
{
	struct net_device *dev = queue->port->dev;
	struct virtio_net_hdr header;
	struct sk_buff *skb;

	if (room->frame.length < ETH_HLEN || room->frame.length > HYP_NET_HEAD_ROOM + queue->nr_pages * PAGE_SIZE) {
		DEV_STATS_INC(dev, rx_length_errors);
		return;
	}
	skb = room->frame.length <= COPY_MAX ? room_copy(queue, room) : room_take(room);
	if (!skb) {
		DEV_STATS_INC(dev, rx_dropped);
		return;
	}
	memcpy(&header, &room->frame.header, sizeof(header));
	if (header.flags & VIRTIO_NET_HDR_F_DATA_VALID)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (virtio_net_hdr_to_skb(skb, &header, true)) {
		DEV_STATS_INC(dev, rx_frame_errors);
		dev_kfree_skb_any(skb);
		return;
	}
	dev_sw_netstats_rx_add(dev, skb->len);
	skb_record_rx_queue(skb, queue->index);
	skb->protocol = eth_type_trans(skb, dev);
	napi_gro_receive(&queue->napi, skb);
}

/* Rooms for up to @wanted frames, linked; without memory perhaps for none */
static unsigned int link_rooms(struct hyp_net_queue *queue, unsigned int wanted)
{
	unsigned int i;

	for (i = 0; i < wanted && (queue->rooms[i].ready || room_fill(&queue->rooms[i], queue->nr_pages)); i++) {
		queue->rooms[i].frame.next = NULL;
		if (i)
			queue->rooms[i - 1].frame.next = &queue->rooms[i].frame;
	}
	return i;
}

/* Return: how many frames were fetched; *@drained: the backend will say when there are more */
static unsigned int fetch(struct hyp_net_queue *queue, unsigned int wanted, bool *drained)
{
	struct hyp_net *hyp = queue->port->hyp;
	unsigned int room = link_rooms(queue, min(wanted, queue->nr_rooms)), got, i;

	*drained = false;
	if (!room)
		return 0;
	rump_host_begin();
	got = hyp->ops->receive(hyp, queue->index, &queue->rooms[0].frame);
	rump_host_end();
	got = min(got, room);
	for (i = 0; i < got; i++)
		deliver(queue, &queue->rooms[i]);
	*drained = got < room;
	return got;
}

int hyp_net_poll(struct napi_struct *napi, int budget)
{
	struct hyp_net_queue *queue = container_of(napi, struct hyp_net_queue, napi);
	unsigned int done = 0, got;
	bool drained = false;

	if (READ_ONCE(queue->done)) {
		__netif_tx_lock(tx_queue(queue), smp_processor_id());
		reap(queue, budget);
		__netif_tx_unlock(tx_queue(queue));
	}
	while (done < budget && !drained) {
		got = fetch(queue, budget - done, &drained);
		/* Without memory, try again with the next round. */
		if (!got && !drained)
			return budget;
		done += got;
	}
	if (drained)
		napi_complete_done(napi, done);
	return drained ? min_t(int, done, budget - 1) : budget;
}

/* ---- memory ---- */

void hyp_net_queue_free(struct hyp_net_queue *queue)
{
	unsigned int i, j;

	for (i = 0; queue->rooms && i < queue->nr_rooms; i++) {
		if (queue->rooms[i].head)
			skb_free_frag(queue->rooms[i].head);
		for (j = 0; j < queue->nr_pages; j++)
			if (queue->rooms[i].pages[j])
				__free_page(queue->rooms[i].pages[j]);
	}
	kvfree(queue->rooms);
	kvfree(queue->slots);
	queue->rooms = NULL;
	queue->slots = NULL;
}

int hyp_net_queue_alloc(struct hyp_net_queue *queue)
{
	const struct hyp_net_info *info = &queue->port->hyp->info;
	unsigned int depth = depth_of(queue->port), i;

	queue->nr_pages =
		info->max_frame > HYP_NET_HEAD_ROOM ? DIV_ROUND_UP(info->max_frame - HYP_NET_HEAD_ROOM, PAGE_SIZE) : 0;
	queue->nr_rooms = queue->nr_pages ? ROOMS_LARGE : ROOMS_SMALL;
	queue->rooms = kvcalloc(queue->nr_rooms, sizeof(*queue->rooms), GFP_KERNEL);
	queue->slots = kvcalloc(depth, sizeof(*queue->slots), GFP_KERNEL);
	if (!queue->rooms || !queue->slots)
		return -ENOMEM;
	queue->free = NULL;
	for (i = 0; i < depth; i++) {
		queue->slots[i].next = queue->free;
		queue->free = &queue->slots[i];
	}
	queue->used = 0;
	queue->done = NULL;
	queue->sending = false;
	queue->batch = NULL;
	queue->tail = &queue->batch;
	netdev_tx_reset_queue(tx_queue(queue));
	return 0;
}
