// SPDX-License-Identifier: BSD-2-Clause
/* Backend "shm": receiving, in turn from all members */
#include "shm_device.h"

/* Frames that are taken from one member before it is another one's turn */
#define TURN 32U
/* Frames and rings that one fetch throws away before it comes back */
#define LOST_MAX 64U

static void learn(struct shm *shm, uint64_t address, unsigned int place)
{
	_Atomic uint64_t *entry = shm_entry_of(shm, address);
	uint64_t value = address << 8 | place;

	if (atomic_load_explicit(entry, memory_order_relaxed) != value)
		atomic_store_explicit(entry, value, memory_order_relaxed);
}

bool shm_tell(struct shm *shm, uint32_t queue)
{
	if (!atomic_load(&shm_mailbox_of(shm, shm->bus.place, queue)->pending) ||
	    !atomic_exchange(&shm->queues[queue].sleeping, false))
		return false;
	net_ready(&shm->device, queue);
	return true;
}

static void learn_from(struct shm *shm, const struct hyp_net_frame *frame, unsigned int place)
{
	unsigned char head[12];

	net_gather(frame, head, sizeof(head));
	learn(shm, shm_address_at(head + 6), place);
}

static void count_lost(struct shm *shm, enum shm_take result)
{
	atomic_fetch_add(result == SHM_GARBAGE ? &shm->device.stats.received_bad : &shm->device.stats.received_dropped,
			 1);
}

/**
 * struct fetch - one call of receive()
 * @room:   that is left
 * @filled, @bytes: how many frames were fetched, and of how many bytes
 * @lost:   how many rings' contents or frames were lost: members must not keep us here by sending garbage
 */
struct fetch {
	struct hyp_net_frame *room;
	uint32_t filled;
	uint64_t bytes;
	uint32_t lost;
};

static void count_taken(struct shm *shm, struct fetch *fetch, unsigned int place, enum shm_take result)
{
	if (result == SHM_TAKEN) {
		learn_from(shm, fetch->room, place);
		fetch->bytes += fetch->room->length;
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
		if (in->tail - in->published >= SHM_PORTION)
			shm_in_publish(in);
	}
	shm_in_publish(in);
	if (result == SHM_EMPTY || result == SHM_GARBAGE)
		queue->todo &= ~shm_bit(place);
}

/* The next member that may have frames, in turn; there is one */
static unsigned int next_turn(struct shm_queue *queue)
{
	uint64_t later = queue->todo & ~(shm_bit(queue->turn) - 1);
	unsigned int place = (unsigned int)__builtin_ctzll(later ? later : queue->todo);

	queue->turn = (place + 1) % SHM_MEMBERS_MAX;
	return place;
}

static void collect(struct shm *shm, uint32_t index)
{
	struct shm_mailbox *box = shm_mailbox_of(shm, shm->bus.place, index);
	unsigned int members = shm->bus.geometry.members;
	uint64_t known = members == SHM_MEMBERS_MAX ? UINT64_MAX : shm_bit(members) - 1;

	if (atomic_load_explicit(&box->pending, memory_order_relaxed))
		shm->queues[index].todo |= atomic_exchange(&box->pending, 0) & known & ~shm_bit(shm->bus.place);
}

/* Be woken by the next frame, or soon after it. Return: there is one already, and nobody was told */
bool shm_sleep(struct shm *shm, uint32_t index)
{
	struct shm_mailbox *box = shm_mailbox_of(shm, shm->bus.place, index);

	atomic_store(&shm->queues[index].sleeping, true);
	if (!atomic_load(&shm->queues[index].polled))
		atomic_store(&box->armed, 1);
	return atomic_load(&box->pending) && atomic_exchange(&shm->queues[index].sleeping, false);
}

static bool wants_more(const struct fetch *fetch)
{
	return fetch->room && fetch->lost < LOST_MAX;
}

uint32_t shm_receive(struct hyp_net *net, uint32_t index, struct hyp_net_frame *room)
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
	} while (wants_more(&fetch) && shm_sleep(shm, index));
	if (fetch.filled)
		net_count_received(&shm->device, fetch.filled, fetch.bytes);
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

void shm_drop(struct shm *shm, uint32_t index)
{
	struct shm_queue *queue = &shm->queues[index];
	unsigned int i;

	atomic_store(&shm_mailbox_of(shm, shm->bus.place, index)->pending, 0);
	queue->todo = 0;
	for (i = 0; i < shm->bus.geometry.members; i++)
		if (i != shm->bus.place)
			drop_from(shm, &queue->in[i]);
}
