// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "pair": two devices of one process back to back
 *
 * What is sent stays the sender's memory until the other side fetches it, copied once, from the pages of one user to
 * those of the other. A side that fetches nothing makes the other one stop when its queue is full.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net.h"

/**
 * struct wire - one queue in one direction
 * @lock:    guards the rest
 * @frames:  sent and not yet fetched
 * @copying: frames that were taken off, whose memory is still read; the sender waits for 0 before it detaches
 * @open:    the receiving side has a user
 * @armed:   the receiver found too little: it is told of the next frame
 */
struct wire {
	pthread_mutex_t lock;
	struct net_list frames;
	unsigned int copying;
	bool open;
	bool armed;
};

/**
 * struct side - a device
 * @device: towards the user
 * @pair:   that it is half of
 * @peer:   the other half
 * @in:     what comes to this side, a wire for each queue
 * @opened: somebody has it
 */
struct side {
	struct net_device device;
	struct pair *pair;
	struct side *peer;
	struct wire in[NET_MAX_QUEUES];
	bool opened;
};

/**
 * struct pair - two sides; lives as long as one of them
 * @sides: the two
 * @link:  in the list of pairs
 * @name:  for specifications
 */
struct pair {
	struct side sides[2];
	LIST_ENTRY(pair) link;
	char name[64];
};

static pthread_mutex_t pairs_lock = PTHREAD_MUTEX_INITIALIZER; /* guards pairs, and who has opened sides */
static LIST_HEAD(, pair) pairs = LIST_HEAD_INITIALIZER(pairs);

static bool side_link(struct hyp_net *net)
{
	struct side *side = (struct side *)net;

	return atomic_load(&side->device.attached) && atomic_load(&side->peer->device.attached);
}

static void set_open(struct side *side, bool open)
{
	unsigned int i;

	for (i = 0; i < side->device.net.info.queues; i++) {
		pthread_mutex_lock(&side->in[i].lock);
		side->in[i].open = open;
		side->in[i].armed = open;
		pthread_mutex_unlock(&side->in[i].lock);
	}
}

static int attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct side *side = (struct side *)net;
	int error = net_attach(net, upcalls, cookie);

	if (error)
		return error;
	set_open(side, true);
	net_link_changed(&side->peer->device);
	return 0;
}

/* Nobody will fetch what came here: to the sender it is as good as sent. */
static void drop_incoming(struct side *side)
{
	unsigned int i;

	for (i = 0; i < side->device.net.info.queues; i++) {
		struct net_list done = { 0 };
		struct hyp_net_frame *frame;
		struct wire *wire = &side->in[i];

		pthread_mutex_lock(&wire->lock);
		for (frame = wire->frames.head; frame; frame = frame->next) {
			net_count_sent(&side->peer->device, 1, frame->length);
			atomic_fetch_add(&side->device.stats.received_dropped, 1);
		}
		net_end_all(&done, &wire->frames, 0);
		/* The sender does not go away before its upcall. */
		wire->copying += !!done.head;
		pthread_mutex_unlock(&wire->lock);
		if (!done.head)
			continue;
		net_sent(&side->peer->device, i, done.head);
		pthread_mutex_lock(&wire->lock);
		wire->copying--;
		pthread_mutex_unlock(&wire->lock);
	}
}

static void withdraw(struct side *side)
{
	unsigned int i;

	for (i = 0; i < side->device.net.info.queues; i++) {
		struct net_list done = { 0 };
		struct wire *wire = &side->peer->in[i];

		pthread_mutex_lock(&wire->lock);
		net_end_all(&done, &wire->frames, -HYP_ESHUTDOWN);
		while (wire->copying) {
			pthread_mutex_unlock(&wire->lock);
			sched_yield();
			pthread_mutex_lock(&wire->lock);
		}
		pthread_mutex_unlock(&wire->lock);
		net_sent(&side->device, i, done.head);
	}
}

static void detach(struct hyp_net *net)
{
	struct side *side = (struct side *)net;
	int saved = errno;

	set_open(side, false);
	drop_incoming(side);
	withdraw(side);
	net_detach(net);
	net_link_changed(&side->peer->device);
	errno = saved;
}

/* Split a batch in what can travel and what cannot */
static void sort_batch(struct side *side, struct hyp_net_frame *batch, struct net_list *good, struct net_list *done)
{
	struct hyp_net_frame *next;

	for (; batch; batch = next) {
		int error = net_check(&side->device.net.info, batch);

		next = batch->next;
		if (error)
			net_list_end(done, batch, error);
		else
			net_list_add(good, batch);
	}
}

static void side_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct side *side = (struct side *)net;
	struct wire *wire = &side->peer->in[queue];
	struct net_list good = { 0 }, done = { 0 };
	struct hyp_net_frame *frame;
	bool tell = false;

	sort_batch(side, batch, &good, &done);
	pthread_mutex_lock(&wire->lock);
	if (!wire->open) {
		net_end_all(&done, &good, -HYP_ESHUTDOWN);
	} else if (good.head) {
		while ((frame = net_list_take(&good)))
			net_list_add(&wire->frames, frame);
		tell = wire->armed;
		wire->armed = false;
	}
	pthread_mutex_unlock(&wire->lock);
	net_sent(&side->device, queue, done.head);
	if (tell)
		net_ready(&side->peer->device, queue);
}

/* Take as many frames off the wire as there is room for */
static void take(struct wire *wire, const struct hyp_net_frame *room, struct net_list *taken)
{
	struct hyp_net_frame *frame = NULL;

	pthread_mutex_lock(&wire->lock);
	for (; room && (frame = net_list_take(&wire->frames)); room = room->next)
		net_list_add(taken, frame);
	if (room)
		wire->armed = wire->open;
	wire->copying += !!taken->head;
	pthread_mutex_unlock(&wire->lock);
}

/* Copy what was taken off the wire. Return: how much room was filled; what does not fit is dropped */
static uint32_t copy_taken(struct side *side, const struct net_list *taken, struct hyp_net_frame *room)
{
	struct hyp_net_frame *frame;
	uint32_t filled = 0;

	for (frame = taken->head; frame; frame = frame->next) {
		frame->status = 0;
		net_count_sent(&side->peer->device, 1, frame->length);
		if (!net_has_room(room, frame->length)) {
			atomic_fetch_add(&side->device.stats.received_dropped, 1);
			continue;
		}
		net_copy(room, frame);
		room->length = frame->length;
		room->header = frame->header;
		net_count_received(&side->device, 1, room->length);
		room = room->next;
		filled++;
	}
	return filled;
}

static uint32_t side_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room)
{
	struct side *side = (struct side *)net;
	struct wire *wire = &side->in[queue];
	uint32_t filled = 0, more;

	while (room) {
		struct net_list taken = { 0 };

		take(wire, room, &taken);
		if (!taken.head)
			break;
		more = copy_taken(side, &taken, room);
		filled += more;
		while (more--)
			room = room->next;
		net_sent(&side->peer->device, queue, taken.head);
		pthread_mutex_lock(&wire->lock);
		wire->copying--;
		pthread_mutex_unlock(&wire->lock);
	}
	return filled;
}

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct side *side = (const struct side *)net;

	return snprintf(buf, size, "one end of pair %s", side->pair->name);
}

static void pair_free(struct pair *pair)
{
	unsigned int i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < NET_MAX_QUEUES; j++)
			pthread_mutex_destroy(&pair->sides[i].in[j].lock);
	free(pair);
}

static void side_close(struct hyp_net *net)
{
	struct side *side = (struct side *)net;
	struct pair *pair = side->pair;
	bool last;

	pthread_mutex_lock(&pairs_lock);
	side->opened = false;
	last = !side->peer->opened;
	if (last)
		LIST_REMOVE(pair, link);
	pthread_mutex_unlock(&pairs_lock);
	if (last)
		pair_free(pair);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "pair",
	.attach = attach,
	.detach = detach,
	.send = side_send,
	.receive = side_receive,
	.link = side_link,
	.stats = net_stats,
	.describe = describe,
	.close = side_close,
};

static struct pair *pair_find(const char *name)
{
	struct pair *pair;

	LIST_FOREACH(pair, &pairs, link)
	if (!strcmp(pair->name, name))
		return pair;
	return NULL;
}

static struct pair *pair_make(const char *name)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	unsigned int i, j;

	if (!pair)
		return NULL;
	snprintf(pair->name, sizeof(pair->name), "%s", name);
	for (i = 0; i < 2; i++) {
		pair->sides[i].pair = pair;
		pair->sides[i].peer = &pair->sides[!i];
		pair->sides[i].device.net.ops = &ops;
		for (j = 0; j < NET_MAX_QUEUES; j++)
			pthread_mutex_init(&pair->sides[i].in[j].lock, NULL);
	}
	LIST_INSERT_HEAD(&pairs, pair, link);
	return pair;
}

static int read_info(struct io_spec *spec, unsigned int which, struct hyp_net_info *info)
{
	uint64_t queues = 1;
	char salt[80];
	int error = io_option_number(spec, "queues", 1, NET_MAX_QUEUES, &queues);

	if (error)
		return error;
	*info = (struct hyp_net_info){ .queues = (uint16_t)queues, .caps = NET_CAPS };
	snprintf(salt, sizeof(salt), "pair %s %u", spec->rest, which);
	return net_info_read(spec, salt, info);
}

/* With the lock: give the free side of a pair out, which is as the other one */
static int take_side(struct io_spec *spec, struct pair *pair, struct hyp_net **net)
{
	unsigned int which = pair->sides[0].opened;
	struct side *side = &pair->sides[which];
	const struct hyp_net_info *other = &side->peer->device.net.info;
	struct hyp_net_info info;
	int error;

	if (side->opened)
		return io_fail(spec, -HYP_EBUSY, "pair: both ends of %s are in use; take another name", pair->name);
	error = read_info(spec, which, &info);
	if (error)
		return error;
	if (side->peer->opened && (other->queues != info.queues || other->caps != info.caps))
		return io_fail(spec, -HYP_EINVAL,
			       "pair: the other end of %s has %u queues and offload=%d; give the same here", pair->name,
			       other->queues, !!other->caps);
	side->device.net.info = info;
	memset(&side->device.stats, 0, sizeof(side->device.stats));
	side->opened = true;
	*net = &side->device.net;
	return 0;
}

static int pair_open(struct io_spec *spec, struct hyp_net **net)
{
	struct pair *pair;
	int error;

	if (!*spec->rest || strlen(spec->rest) >= sizeof(pair->name))
		return io_fail(spec, -HYP_EINVAL,
			       "pair: \"%s\" is no name; give one of 1 to %zu characters, as in pair:left", spec->rest,
			       sizeof(pair->name) - 1);
	pthread_mutex_lock(&pairs_lock);
	pair = pair_find(spec->rest);
	if (!pair)
		pair = pair_make(spec->rest);
	error = pair ? take_side(spec, pair, net) : io_fail(spec, -HYP_ENOMEM, "pair: no memory");
	if (pair && !pair->sides[0].opened && !pair->sides[1].opened) {
		LIST_REMOVE(pair, link);
		pair_free(pair);
	}
	pthread_mutex_unlock(&pairs_lock);
	return error;
}

static const char *const keys[] = { NET_KEYS_OFFLOAD, "queues", NULL };

extern const struct net_backend net_backend_pair;
const struct net_backend net_backend_pair = {
	.about = { .name = "pair", .keys = keys, .help = "pair,queues=N:NAME" },
	.open = pair_open,
};
