// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "shm": an Ethernet bus in a shared file, between any number of kernels in any number of processes
 *
 * A frame is copied into the ring from its sender to its receiver, and out of it. It goes to the member that its
 * address was seen at, else to all. A full ring holds up whoever sends to it: frames stay with the sender, as far as
 * those for others keep their share of the queue, and only until the receiver has done nothing for a while; then they
 * are lost, and so is what follows until there is room again. What goes to several is lost where there is no room.
 *
 * A device has a thread, which waits for its bell and tells the user of frames, sends what was held up, and looks who
 * is there when somebody comes or goes. Another one waits for the end of the next member, so that each is watched by
 * one.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../thread.h"
#include "shm.h"

/* Nanoseconds that a receiver may do nothing before what is held up for it is lost */
#define PATIENCE (100 * UINT64_C(1000000))
/* Bytes that are shown at once, within a batch: the receiver begins while the sender goes on */
#define PORTION (32U << 10)
/* Frames that are taken from one member before it is another one's turn */
#define TURN 32U
/* Frames and rings that one fetch throws away before it comes back */
#define LOST_MAX 64U
/* Times that frames are shown to a receiver, which has not looked, until it is woken in any case */
#define UNHEARD_MAX 64U
#define TABLE_SIZE 1024U
#define NOBODY SHM_MEMBERS_MAX

/**
 * struct peer_out - towards a member
 * @out:      its ring
 * @held:     frames that found no room
 * @count:    of @held
 * @deadline: they are lost then
 * @unheard:  times that frames were shown and the receiver had not yet taken notice of those before
 * @lossy:    the receiver let them get lost: nothing is held up for it until there is room
 */
struct peer_out {
	struct shm_out out;
	struct net_list held;
	unsigned int count;
	uint64_t deadline;
	uint32_t unheard;
	bool lossy;
};

/**
 * struct shm_queue - a pair of queues
 * @lock:  guards @out, shared by who sends and the thread
 * @out:   one for each member
 * @in:    one for each member; the receiver's, as are @todo and @turn
 * @todo:  members whose rings may have frames, besides those in the mailbox
 * @turn:  member that is looked at first
 * @sleeping: the user was told nothing since a fetch that left room
 */
struct shm_queue {
	pthread_mutex_t lock;
	struct peer_out *out;
	struct shm_in *in;
	uint64_t todo;
	unsigned int turn;
	_Atomic bool sleeping;
};

/**
 * struct shm - a device
 * @device:  towards the user
 * @bus:     where it is a member
 * @queues:  info.queues of them
 * @holding: how many peer_out have frames held up
 * @live:    other members that are attached, a bit for each
 * @table:   addresses and where they were seen: address << 8 | member
 * @thread:  waits for the bell
 * @stop:    it is to end
 * @members: guards the rest
 * @epoch:   of the bus when it was last looked at
 * @watcher: waits for the end of @watched, which is NOBODY when there is none
 */
struct shm {
	struct net_device device;
	struct shm_bus bus;
	struct shm_queue *queues;
	_Atomic uint32_t holding;
	_Atomic uint64_t live;
	_Atomic uint64_t table[TABLE_SIZE];
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t members;
	uint32_t epoch;
	pthread_t watcher;
	unsigned int watched;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t bit(unsigned int place)
{
	return UINT64_C(1) << place;
}

static struct shm_mailbox *mailbox(const struct shm *shm, unsigned int place, uint32_t queue)
{
	return &shm_bus_member(&shm->bus, place)->mailboxes[queue];
}

/* ---- addresses ---- */

static uint64_t address_at(const unsigned char *bytes)
{
	uint64_t address = 0;
	unsigned int i;

	for (i = 0; i < 6; i++)
		address = address << 8 | bytes[i];
	return address;
}

static _Atomic uint64_t *entry_of(struct shm *shm, uint64_t address)
{
	return &shm->table[(address * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}

static void learn(struct shm *shm, uint64_t address, unsigned int place)
{
	_Atomic uint64_t *entry = entry_of(shm, address);
	uint64_t value = address << 8 | place;

	if (atomic_load_explicit(entry, memory_order_relaxed) != value)
		atomic_store_explicit(entry, value, memory_order_relaxed);
}

/* Return: the member to send to, or NOBODY in particular */
static unsigned int find(struct shm *shm, uint64_t address, uint64_t live)
{
	uint64_t entry;

	if (!(live & (live - 1)))
		return (unsigned int)__builtin_ctzll(live);
	if (address >> 40 & 1)
		return NOBODY;
	entry = atomic_load_explicit(entry_of(shm, address), memory_order_relaxed);
	return entry >> 8 == address && live & bit(entry & (SHM_MEMBERS_MAX - 1)) ? entry & (SHM_MEMBERS_MAX - 1)
										  : NOBODY;
}

/* ---- sending ---- */

/*
 * The bit, then the look; the receiver arms itself and looks for bits: one of the two sees the other. One that has not
 * collected our bit for many times is either busy or was disarmed by somebody else: the bell cannot do harm.
 */
static void ring_at(const struct shm *shm, unsigned int place, uint32_t queue, struct peer_out *peer)
{
	struct shm_mailbox *box = mailbox(shm, place, queue);
	uint64_t mine = bit(shm->bus.place);

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&box->pending, memory_order_relaxed) & mine) {
		peer->unheard++;
	} else {
		atomic_fetch_or(&box->pending, mine);
		peer->unheard = 0;
	}
	if ((atomic_load(&box->armed) && atomic_exchange(&box->armed, 0)) || peer->unheard >= UNHEARD_MAX) {
		peer->unheard = 0;
		shm_bus_bell(&shm->bus, place);
	}
}

static void publish(const struct shm *shm, unsigned int place, uint32_t queue, struct peer_out *peer)
{
	if (!shm_out_unpublished(&peer->out))
		return;
	shm_out_publish(&peer->out);
	ring_at(shm, place, queue, peer);
}

/* Return: there was room */
static bool put(const struct shm *shm, unsigned int place, uint32_t queue, struct peer_out *peer,
		const struct hyp_net_frame *frame)
{
	if (!shm_out_put(&peer->out, frame)) {
		/* Should somebody have written there how far it was read, the receiver writes it again. */
		ring_at(shm, place, queue, peer);
		return false;
	}
	peer->lossy = false;
	if (shm_out_unpublished(&peer->out) >= PORTION)
		publish(shm, place, queue, peer);
	return true;
}

/* What the receiver has not yet taken is shown to it, and it is asked to say when there is room. */
static bool put_or_wait(const struct shm *shm, unsigned int place, uint32_t queue, struct peer_out *peer,
			const struct hyp_net_frame *frame)
{
	if (put(shm, place, queue, peer, frame))
		return true;
	publish(shm, place, queue, peer);
	atomic_store(&peer->out.ring->waiting, 1);
	atomic_thread_fence(memory_order_seq_cst);
	return put(shm, place, queue, peer, frame);
}

/* It was handed over, or lost as networks lose frames. */
static void end(struct shm *shm, struct hyp_net_frame *frame, struct net_list *done)
{
	net_count_sent(&shm->device, frame->length);
	net_list_end(done, frame, 0);
}

static void lose(struct shm *shm)
{
	atomic_fetch_add_explicit(&shm->device.stats.sent_dropped, 1, memory_order_relaxed);
}

static void hold(struct shm *shm, struct peer_out *peer, struct hyp_net_frame *frame)
{
	net_list_add(&peer->held, frame);
	if (peer->count++)
		return;
	peer->deadline = now() + PATIENCE;
	atomic_fetch_add(&shm->holding, 1);
	/* For the thread to see the deadline */
	shm_bus_bell(&shm->bus, shm->bus.place);
}

/* Return: the frame is held up, and not done */
static bool send_to(struct shm *shm, unsigned int place, uint32_t queue, struct hyp_net_frame *frame, uint64_t live)
{
	struct peer_out *peer = &shm->queues[queue].out[place];
	unsigned int share = shm->device.net.info.queue_depth / (unsigned int)__builtin_popcountll(live);

	if (!peer->count &&
	    (peer->lossy ? put(shm, place, queue, peer, frame) : put_or_wait(shm, place, queue, peer, frame)))
		return false;
	if (!peer->lossy && peer->count < share) {
		hold(shm, peer, frame);
		return true;
	}
	lose(shm);
	return false;
}

static void send_to_all(struct shm *shm, uint32_t queue, struct hyp_net_frame *frame, uint64_t live)
{
	for (; live; live &= live - 1) {
		unsigned int place = (unsigned int)__builtin_ctzll(live);

		if (!put(shm, place, queue, &shm->queues[queue].out[place], frame))
			lose(shm);
	}
}

static void send_one(struct shm *shm, uint32_t queue, struct hyp_net_frame *frame, uint64_t live, struct net_list *done)
{
	int error = net_check(&shm->device.net.info, frame);
	unsigned char to[6];
	unsigned int place;

	if (error || !live) {
		net_list_end(done, frame, error ? error : -HYP_ESHUTDOWN);
		return;
	}
	net_gather(frame, to, sizeof(to));
	place = find(shm, address_at(to), live);
	if (place == NOBODY)
		send_to_all(shm, queue, frame, live);
	else if (send_to(shm, place, queue, frame, live))
		return;
	end(shm, frame, done);
}

static void publish_all(struct shm *shm, uint32_t queue, uint64_t live)
{
	for (; live; live &= live - 1) {
		unsigned int place = (unsigned int)__builtin_ctzll(live);

		publish(shm, place, queue, &shm->queues[queue].out[place]);
	}
}

static void tell_of_frames(struct shm *shm, uint32_t queue)
{
	if (atomic_load(&mailbox(shm, shm->bus.place, queue)->pending) &&
	    atomic_exchange(&shm->queues[queue].sleeping, false))
		net_ready(&shm->device, queue);
}

static void shm_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct shm *shm = (struct shm *)net;
	uint64_t live = atomic_load(&shm->live);
	struct net_list done = { 0 };
	struct hyp_net_frame *next;

	pthread_mutex_lock(&shm->queues[queue].lock);
	for (; batch; batch = next) {
		next = batch->next;
		send_one(shm, queue, batch, live, &done);
	}
	publish_all(shm, queue, live);
	pthread_mutex_unlock(&shm->queues[queue].lock);
	net_sent(&shm->device, queue, done.head);
	/* Should somebody have disarmed us and not rung */
	tell_of_frames(shm, queue);
}

/* ---- what is held up ---- */

/* With the queue's lock. Return: nanoseconds until this is to be tried again at the latest */
static uint64_t retry(struct shm *shm, unsigned int place, uint32_t queue, struct net_list *done)
{
	struct peer_out *peer = &shm->queues[queue].out[place];
	bool gone = !(atomic_load(&shm->live) & bit(place)), late;
	uint64_t time = now();

	while (peer->held.head && !gone && put_or_wait(shm, place, queue, peer, peer->held.head)) {
		end(shm, net_list_take(&peer->held), done);
		peer->count--;
		peer->deadline = time + PATIENCE;
	}
	publish(shm, place, queue, peer);
	late = time >= peer->deadline;
	if (peer->count && !gone && !late)
		return peer->deadline - time;
	if (peer->count) {
		peer->lossy = late;
		peer->unheard = UNHEARD_MAX;
		ring_at(shm, place, queue, peer);
	}
	for (; peer->count; peer->count--) {
		end(shm, net_list_take(&peer->held), done);
		lose(shm);
	}
	atomic_fetch_sub(&shm->holding, 1);
	return UINT64_MAX;
}

static uint64_t retry_queue(struct shm *shm, uint32_t queue)
{
	uint64_t soonest = UINT64_MAX, wait;
	struct net_list done = { 0 };
	unsigned int i;

	pthread_mutex_lock(&shm->queues[queue].lock);
	for (i = 0; i < shm->bus.geometry.members; i++) {
		if (!shm->queues[queue].out[i].count)
			continue;
		wait = retry(shm, i, queue, &done);
		soonest = wait < soonest ? wait : soonest;
	}
	/* Within the lock: who detaches takes it before the upcalls end. */
	net_sent(&shm->device, queue, done.head);
	pthread_mutex_unlock(&shm->queues[queue].lock);
	return soonest;
}

static void withdraw(struct shm *shm, uint32_t queue)
{
	struct net_list done = { 0 };
	unsigned int i;

	pthread_mutex_lock(&shm->queues[queue].lock);
	for (i = 0; i < shm->bus.geometry.members; i++) {
		struct peer_out *peer = &shm->queues[queue].out[i];

		if (!peer->count)
			continue;
		net_end_all(&done, &peer->held, -HYP_ESHUTDOWN);
		peer->count = 0;
		atomic_fetch_sub(&shm->holding, 1);
	}
	pthread_mutex_unlock(&shm->queues[queue].lock);
	net_sent(&shm->device, queue, done.head);
}

/* ---- receiving ---- */

static void learn_from(struct shm *shm, const struct hyp_net_frame *frame, unsigned int place)
{
	unsigned char head[12];

	net_gather(frame, head, sizeof(head));
	learn(shm, address_at(head + 6), place);
}

static void count_lost(struct shm *shm, enum shm_take result)
{
	atomic_fetch_add(result == SHM_GARBAGE ? &shm->device.stats.received_bad : &shm->device.stats.received_dropped,
			 1);
}

/**
 * struct fetch - one call of receive()
 * @room:   that is left
 * @filled: how many frames were fetched
 * @lost:   how many rings' contents or frames were lost: members must not keep us here by sending garbage
 */
struct fetch {
	struct hyp_net_frame *room;
	uint32_t filled;
	uint32_t lost;
};

static void count_taken(struct shm *shm, struct fetch *fetch, unsigned int place, enum shm_take result)
{
	if (result == SHM_TAKEN) {
		learn_from(shm, fetch->room, place);
		net_count_received(&shm->device, fetch->room->length);
		fetch->room = fetch->room->next;
		fetch->filled++;
	} else if (result != SHM_EMPTY) {
		count_lost(shm, result);
		fetch->lost++;
	}
}

/* Take from one member, at most its turn; it is no longer in @todo when there is no more */
static void take_turn(struct shm *shm, struct shm_queue *queue, unsigned int place, struct fetch *fetch)
{
	struct shm_in *in = &queue->in[place];
	enum shm_take result = SHM_TAKEN;
	unsigned int i;

	for (i = 0; i < TURN && fetch->room && result != SHM_EMPTY && result != SHM_GARBAGE; i++) {
		result = shm_in_take(in, shm->device.net.info.max_frame, fetch->room);
		count_taken(shm, fetch, place, result);
		if (in->tail - in->published >= PORTION)
			shm_in_publish(in);
	}
	shm_in_publish(in);
	if (result == SHM_EMPTY || result == SHM_GARBAGE)
		queue->todo &= ~bit(place);
}

/* The next member that may have frames, in turn; there is one */
static unsigned int next_turn(struct shm_queue *queue)
{
	uint64_t later = queue->todo & ~(bit(queue->turn) - 1);
	unsigned int place = (unsigned int)__builtin_ctzll(later ? later : queue->todo);

	queue->turn = (place + 1) % SHM_MEMBERS_MAX;
	return place;
}

static void collect(struct shm *shm, uint32_t index)
{
	struct shm_mailbox *box = mailbox(shm, shm->bus.place, index);
	unsigned int members = shm->bus.geometry.members;
	uint64_t known = members == SHM_MEMBERS_MAX ? UINT64_MAX : bit(members) - 1;

	if (atomic_load_explicit(&box->pending, memory_order_relaxed))
		shm->queues[index].todo |= atomic_exchange(&box->pending, 0) & known & ~bit(shm->bus.place);
}

/* Be woken by the next frame. Return: there is one already, and nobody was told */
static bool sleep_or_go_on(struct shm *shm, uint32_t index)
{
	struct shm_mailbox *box = mailbox(shm, shm->bus.place, index);

	atomic_store(&shm->queues[index].sleeping, true);
	atomic_store(&box->armed, 1);
	return atomic_load(&box->pending) && atomic_exchange(&shm->queues[index].sleeping, false);
}

static bool wants_more(const struct fetch *fetch)
{
	return fetch->room && fetch->lost < LOST_MAX;
}

static uint32_t shm_receive(struct hyp_net *net, uint32_t index, struct hyp_net_frame *room)
{
	struct shm *shm = (struct shm *)net;
	struct shm_queue *queue = &shm->queues[index];
	struct fetch fetch = { .room = room };

	do {
		collect(shm, index);
		while (wants_more(&fetch) && queue->todo) {
			take_turn(shm, queue, next_turn(queue), &fetch);
			collect(shm, index);
		}
	} while (wants_more(&fetch) && sleep_or_go_on(shm, index));
	if (fetch.room && !wants_more(&fetch))
		net_ready(&shm->device, index);
	return fetch.filled;
}

/* Not more than a ring holds: its sender may go on */
static void drop_from(struct shm *shm, struct shm_in *in)
{
	uint32_t left = shm->bus.geometry.ring / SHM_LINE;
	enum shm_take result = SHM_TAKEN;

	for (; left && result == SHM_TAKEN; left--) {
		result = shm_in_take(in, shm->device.net.info.max_frame, NULL);
		if (result != SHM_EMPTY)
			count_lost(shm, result);
	}
	shm_in_publish(in);
}

static void drop_incoming(struct shm *shm, uint32_t index)
{
	struct shm_queue *queue = &shm->queues[index];
	unsigned int i;

	atomic_store(&mailbox(shm, shm->bus.place, index)->pending, 0);
	queue->todo = 0;
	for (i = 0; i < shm->bus.geometry.members; i++)
		if (i != shm->bus.place)
			drop_from(shm, &queue->in[i]);
}

/* ---- who is there ---- */

static void *watch_main(void *arg)
{
	struct shm *shm = arg;

	shm_bus_await_end(&shm->bus, shm->watched);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	shm_bus_announce(&shm->bus);
	return NULL;
}

static void watch_nobody(struct shm *shm)
{
	if (shm->watched == NOBODY)
		return;
	pthread_cancel(shm->watcher);
	pthread_join(shm->watcher, NULL);
	shm_bus_forget(&shm->bus, shm->watched);
	shm->watched = NOBODY;
}

/* Watch the next one, so that of all members each is watched by another one, and none by many. */
static void watch(struct shm *shm, uint64_t live)
{
	uint64_t later = live & ~(bit(shm->bus.place) - 1);

	watch_nobody(shm);
	if (!live)
		return;
	shm->watched = (unsigned int)__builtin_ctzll(later ? later : live);
	if (io_thread_create(&shm->watcher, "rumpus-shm-end", watch_main, shm))
		shm->watched = NOBODY;
}

/* With the lock of members */
static void look(struct shm *shm)
{
	uint64_t before = atomic_load(&shm->live), live;

	shm->epoch = atomic_load(&shm_bus_header(&shm->bus)->epoch);
	live = shm_bus_present(&shm->bus);
	atomic_store(&shm->live, live);
	watch(shm, live);
	if (!before != !live)
		net_link_changed(&shm->device);
}

static void look_again(struct shm *shm)
{
	_Atomic uint32_t *attached = &shm_bus_member(&shm->bus, shm->bus.place)->attached;

	pthread_mutex_lock(&shm->members);
	if (atomic_load(&shm->device.attached) && atomic_load(&shm_bus_header(&shm->bus)->epoch) != shm->epoch) {
		look(shm);
		/* Should somebody have written there that we are not */
		if (!atomic_exchange(attached, 1))
			shm_bus_announce(&shm->bus);
	}
	pthread_mutex_unlock(&shm->members);
}

static void *bell_main(void *arg)
{
	struct shm *shm = arg;
	const _Atomic uint32_t *bell = &shm_bus_member(&shm->bus, shm->bus.place)->bell;
	uint64_t wait, soonest;
	uint32_t seen, i;

	for (;;) {
		seen = atomic_load(bell);
		if (atomic_load(&shm->stop))
			return NULL;
		look_again(shm);
		soonest = UINT64_MAX;
		for (i = 0; i < shm->device.net.info.queues; i++) {
			tell_of_frames(shm, i);
			wait = atomic_load(&shm->holding) ? retry_queue(shm, i) : UINT64_MAX;
			soonest = wait < soonest ? wait : soonest;
		}
		shm_bus_sleep(&shm->bus, seen, soonest);
	}
}

/* ---- the device ---- */

static int shm_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct shm *shm = (struct shm *)net;
	uint32_t i;
	int error;

	if (atomic_load(&shm->device.attached))
		return -HYP_EBUSY;
	for (i = 0; i < net->info.queues; i++)
		drop_incoming(shm, i);
	error = net_attach(net, upcalls, cookie);
	if (error)
		return error;
	pthread_mutex_lock(&shm->members);
	atomic_store(&shm_bus_member(&shm->bus, shm->bus.place)->attached, 1);
	shm_bus_announce(&shm->bus);
	look(shm);
	pthread_mutex_unlock(&shm->members);
	for (i = 0; i < net->info.queues; i++)
		if (sleep_or_go_on(shm, i))
			net_ready(&shm->device, i);
	return 0;
}

static void shm_detach(struct hyp_net *net)
{
	struct shm *shm = (struct shm *)net;
	uint32_t i;

	pthread_mutex_lock(&shm->members);
	atomic_store(&shm_bus_member(&shm->bus, shm->bus.place)->attached, 0);
	watch_nobody(shm);
	shm_bus_announce(&shm->bus);
	atomic_store(&shm->live, 0);
	for (i = 0; i < net->info.queues; i++) {
		withdraw(shm, i);
		atomic_store(&mailbox(shm, shm->bus.place, i)->armed, 0);
		drop_incoming(shm, i);
	}
	net_detach(net);
	pthread_mutex_unlock(&shm->members);
}

static bool shm_link(struct hyp_net *net)
{
	return atomic_load(&((struct shm *)net)->live);
}

static int shm_describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct shm *shm = (const struct shm *)net;

	return snprintf(buf, size, "member %u of at most %u of a bus in shared memory, with %d others", shm->bus.place,
			shm->bus.geometry.members, __builtin_popcountll(atomic_load(&shm->live)));
}

static void free_queues(struct shm *shm)
{
	unsigned int i;

	for (i = 0; shm->queues && i < shm->bus.geometry.queues; i++) {
		pthread_mutex_destroy(&shm->queues[i].lock);
		free(shm->queues[i].out);
		free(shm->queues[i].in);
	}
	free(shm->queues);
}

static void shm_close(struct hyp_net *net)
{
	struct shm *shm = (struct shm *)net;

	atomic_store(&shm->stop, true);
	shm_bus_bell(&shm->bus, shm->bus.place);
	pthread_join(shm->thread, NULL);
	free_queues(shm);
	shm_bus_leave(&shm->bus);
	pthread_mutex_destroy(&shm->members);
	free(shm);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "shm",
	.attach = shm_attach,
	.detach = shm_detach,
	.send = shm_send,
	.receive = shm_receive,
	.link = shm_link,
	.stats = net_stats,
	.describe = shm_describe,
	.close = shm_close,
};

/* ---- opening ---- */

static int make_queues(struct shm *shm)
{
	unsigned int members = shm->bus.geometry.members, self = shm->bus.place, i, j;

	shm->queues = calloc(shm->bus.geometry.queues, sizeof(*shm->queues));
	for (i = 0; shm->queues && i < shm->bus.geometry.queues; i++) {
		struct shm_queue *queue = &shm->queues[i];

		pthread_mutex_init(&queue->lock, NULL);
		queue->out = calloc(members, sizeof(*queue->out));
		queue->in = calloc(members, sizeof(*queue->in));
		for (j = 0; queue->out && queue->in && j < members; j++) {
			if (j == self)
				continue;
			shm_out_init(&queue->out[j].out, &shm->bus, shm_bus_ring(&shm->bus, self, j, i));
			shm_in_init(&queue->in[j], &shm->bus, shm_bus_ring(&shm->bus, j, self, i), j);
		}
		if (!queue->out || !queue->in)
			return -HYP_ENOMEM;
	}
	return shm->queues ? 0 : -HYP_ENOMEM;
}

static int read_options(struct io_spec *spec, struct hyp_net_info *info, struct shm_geometry *wanted)
{
	uint64_t members = 0, queues = 0, ring = 0;
	int error;

	*info = (struct hyp_net_info){ .caps = NET_CAPS };
	error = net_info_read(spec, NULL, info);
	if (!error)
		error = io_option_number(spec, "members", 2, SHM_MEMBERS_MAX, &members);
	if (!error)
		error = io_option_number(spec, "queues", 1, NET_MAX_QUEUES, &queues);
	if (!error)
		error = io_option_size(spec, "ring", &ring);
	if (error)
		return error;
	if (ring && (ring < SHM_RING_MIN || ring > SHM_RING_MAX || ring & (ring - 1)))
		return io_fail(spec, -HYP_EINVAL, "shm: ring=%s: give a power of two from 128k to 64M",
			       io_option(spec, "ring"));
	*wanted = (struct shm_geometry){
		.members = (uint32_t)members,
		.queues = (uint32_t)queues,
		.ring = (uint32_t)ring,
		.caps = info->caps,
	};
	return 0;
}

/* What the bus has counts: others are there already. */
static void adopt(struct hyp_net_info *info, const struct shm_geometry *geometry)
{
	info->queues = (uint16_t)geometry->queues;
	info->caps = geometry->caps;
	info->max_frame = info->caps ? NET_MAX_FRAME : info->max_mtu + HYP_NET_HEADER_MAX;
}

static int start(struct io_spec *spec, struct shm *shm)
{
	if (make_queues(shm))
		return io_fail(spec, -HYP_ENOMEM, "shm: no memory");
	adopt(&shm->device.net.info, &shm->bus.geometry);
	shm->watched = NOBODY;
	if (io_thread_create(&shm->thread, "rumpus-shm", bell_main, shm))
		return io_fail(spec, -HYP_EAGAIN, "shm: the host gives no more threads; raise ulimit -u");
	return 0;
}

static int shm_open_bus(struct io_spec *spec, struct hyp_net **net)
{
	struct shm *shm = calloc(1, sizeof(*shm));
	struct shm_geometry wanted;
	int error;

	if (!shm)
		return io_fail(spec, -HYP_ENOMEM, "shm: no memory");
	shm->device.net.ops = &ops;
	pthread_mutex_init(&shm->members, NULL);
	error = read_options(spec, &shm->device.net.info, &wanted);
	if (!error)
		error = shm_bus_join(spec, &wanted, &shm->bus);
	if (error)
		goto free_shm;
	error = start(spec, shm);
	if (error)
		goto leave;
	*net = &shm->device.net;
	return 0;

leave:
	free_queues(shm);
	shm_bus_leave(&shm->bus);
free_shm:
	pthread_mutex_destroy(&shm->members);
	free(shm);
	return error;
}

static const char *const keys[] = { NET_KEYS_OFFLOAD, "members", "queues", "ring", "mode", "fd", NULL };

extern const struct net_backend net_backend_shm;
const struct net_backend net_backend_shm = {
	.about = { .name = "shm", .keys = keys, .help = "shm:/dev/shm/NAME or shm,fd=NUMBER:" },
	.open = shm_open_bus,
};
