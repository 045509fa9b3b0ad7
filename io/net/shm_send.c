// SPDX-License-Identifier: BSD-2-Clause
/* Backend "shm": sending, and what is held up for members whose rings are full */
#include <time.h>

#include "shm_device.h"

/* Nanoseconds that a receiver may do nothing before what is held up for it is lost */
#define PATIENCE (100 * UINT64_C(1000000))
/* Times that frames are shown to a receiver, which has not looked, until it is woken in any case */
#define UNHEARD_MAX 64U

/**
 * struct tally - what comes of a batch
 * @done:   frames that have ended, in whatever way
 * @frames, @bytes: of those, what was handed over or lost
 */
struct tally {
	struct net_list done;
	uint32_t frames;
	uint64_t bytes;
};

uint64_t shm_nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Return: the member to send to, or SHM_NOBODY in particular */
static unsigned int find(struct shm *shm, uint64_t address, uint64_t live)
{
	uint64_t entry;

	if (!(live & (live - 1)))
		return (unsigned int)__builtin_ctzll(live);
	if (address >> 40 & 1)
		return SHM_NOBODY;
	entry = atomic_load_explicit(shm_entry_of(shm, address), memory_order_relaxed);
	return entry >> 8 == address && live & shm_bit(entry & (SHM_MEMBERS_MAX - 1)) ? entry & (SHM_MEMBERS_MAX - 1)
										      : SHM_NOBODY;
}

/* ---- sending ---- */

/*
 * The bit, then the look; the receiver arms itself and looks for bits: one of the two sees the other. One that has not
 * collected our bit for many times is either busy or was disarmed by somebody else: the bell cannot do harm.
 */
static void ring_at(const struct shm *shm, unsigned int place, uint32_t queue, struct shm_peer *peer)
{
	struct shm_mailbox *box = shm_mailbox_of(shm, place, queue);
	uint64_t mine = shm_bit(shm->bus.place);

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

static void publish(const struct shm *shm, unsigned int place, uint32_t queue, struct shm_peer *peer)
{
	if (!shm_out_unpublished(&peer->out))
		return;
	shm_out_publish(&peer->out);
	ring_at(shm, place, queue, peer);
}

/* Return: there was room */
static bool put(const struct shm *shm, unsigned int place, uint32_t queue, struct shm_peer *peer,
		const struct hyp_net_frame *frame)
{
	if (!shm_out_put(&peer->out, frame)) {
		/* Should somebody have written there how far it was read, the receiver writes it again. */
		ring_at(shm, place, queue, peer);
		return false;
	}
	peer->lossy = false;
	if (shm_out_unpublished(&peer->out) >= SHM_PORTION)
		publish(shm, place, queue, peer);
	return true;
}

/* What the receiver has not yet taken is shown to it, and it is asked to say when there is room. */
static bool put_or_wait(const struct shm *shm, unsigned int place, uint32_t queue, struct shm_peer *peer,
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
static void end(struct tally *tally, struct hyp_net_frame *frame)
{
	tally->frames++;
	tally->bytes += frame->length;
	net_list_end(&tally->done, frame, 0);
}

static void tell(struct shm *shm, uint32_t queue, const struct tally *tally)
{
	if (tally->frames)
		net_count_sent(&shm->device, tally->frames, tally->bytes);
	net_sent(&shm->device, queue, tally->done.head);
}

static void lose(struct shm *shm)
{
	atomic_fetch_add_explicit(&shm->device.stats.sent_dropped, 1, memory_order_relaxed);
}

static void hold(struct shm *shm, struct shm_peer *peer, struct hyp_net_frame *frame)
{
	net_list_add(&peer->held, frame);
	if (peer->count++)
		return;
	peer->deadline = shm_nanoseconds() + PATIENCE;
	atomic_fetch_add(&shm->holding, 1);
	/* For the thread to see the deadline */
	shm_bus_bell(&shm->bus, shm->bus.place);
}

/* Return: the frame is held up, and not done */
static bool send_to(struct shm *shm, unsigned int place, uint32_t queue, struct hyp_net_frame *frame, uint64_t live)
{
	struct shm_peer *peer = &shm->queues[queue].out[place];
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

static void send_one(struct shm *shm, uint32_t queue, struct hyp_net_frame *frame, uint64_t live, struct tally *tally)
{
	int error = net_check(&shm->device.net.info, frame);
	unsigned char to[6];
	unsigned int place;

	if (error || !live) {
		net_list_end(&tally->done, frame, error ? error : -HYP_ESHUTDOWN);
		return;
	}
	net_gather(frame, to, sizeof(to));
	place = find(shm, shm_address_at(to), live);
	if (place == SHM_NOBODY)
		send_to_all(shm, queue, frame, live);
	else if (send_to(shm, place, queue, frame, live))
		return;
	end(tally, frame);
}

static void publish_all(struct shm *shm, uint32_t queue, uint64_t live)
{
	for (; live; live &= live - 1) {
		unsigned int place = (unsigned int)__builtin_ctzll(live);

		publish(shm, place, queue, &shm->queues[queue].out[place]);
	}
}

void shm_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct shm *shm = (struct shm *)net;
	uint64_t live = atomic_load(&shm->live);
	struct tally tally = { 0 };
	struct hyp_net_frame *next;

	if (!atomic_load_explicit(&shm->queues[queue].sent, memory_order_relaxed))
		atomic_store_explicit(&shm->queues[queue].sent, true, memory_order_relaxed);
	pthread_mutex_lock(&shm->queues[queue].lock);
	for (; batch; batch = next) {
		next = batch->next;
		send_one(shm, queue, batch, live, &tally);
	}
	publish_all(shm, queue, live);
	pthread_mutex_unlock(&shm->queues[queue].lock);
	tell(shm, queue, &tally);
	/* Should somebody have disarmed us and not rung */
	shm_tell(shm, queue);
}

/* ---- what is held up ---- */

/* With the queue's lock. Return: nanoseconds until this is to be tried again at the latest */
static uint64_t retry(struct shm *shm, unsigned int place, uint32_t queue, struct tally *tally)
{
	struct shm_peer *peer = &shm->queues[queue].out[place];
	bool gone = !(atomic_load(&shm->live) & shm_bit(place)), late;
	uint64_t time = shm_nanoseconds();

	while (peer->held.head && !gone && put_or_wait(shm, place, queue, peer, peer->held.head)) {
		end(tally, net_list_take(&peer->held));
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
		end(tally, net_list_take(&peer->held));
		lose(shm);
	}
	atomic_fetch_sub(&shm->holding, 1);
	return UINT64_MAX;
}

uint64_t shm_retry(struct shm *shm, uint32_t queue)
{
	uint64_t soonest = UINT64_MAX, wait;
	struct tally tally = { 0 };
	unsigned int i;

	pthread_mutex_lock(&shm->queues[queue].lock);
	for (i = 0; i < shm->bus.geometry.members; i++) {
		if (!shm->queues[queue].out[i].count)
			continue;
		wait = retry(shm, i, queue, &tally);
		soonest = wait < soonest ? wait : soonest;
	}
	/* Within the lock: who detaches takes it before the upcalls end. */
	tell(shm, queue, &tally);
	pthread_mutex_unlock(&shm->queues[queue].lock);
	return soonest;
}

void shm_withdraw(struct shm *shm, uint32_t queue)
{
	struct net_list done = { 0 };
	unsigned int i;

	pthread_mutex_lock(&shm->queues[queue].lock);
	for (i = 0; i < shm->bus.geometry.members; i++) {
		struct shm_peer *peer = &shm->queues[queue].out[i];

		if (!peer->count)
			continue;
		net_end_all(&done, &peer->held, -HYP_ESHUTDOWN);
		peer->count = 0;
		atomic_fetch_sub(&shm->holding, 1);
	}
	pthread_mutex_unlock(&shm->queues[queue].lock);
	net_sent(&shm->device, queue, done.head);
}
