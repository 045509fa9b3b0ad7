// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings of a bus in shared memory, one for each sender, receiver and queue
 *
 * A sender that dies while it writes has shown nothing; a receiver that dies leaves a ring that fills up. Neither holds
 * anything that the other one needs. Each has its own index for itself and takes the other's for a hint, that is
 * checked.
 */
#include <string.h>

#include "shm.h"

/* Memory is asked for in such parts */
#define BACKING (64U << 10)

/**
 * struct record - what is before each frame
 * @length: bytes of the frame
 * @header: its offloads
 */
struct record {
	_Atomic uint32_t length;
	struct hyp_net_header header;
};

static uint32_t ring_size(const struct shm_bus *bus)
{
	return bus->geometry.ring;
}

static uint32_t record_size(uint32_t length)
{
	return ((uint32_t)sizeof(struct record) + length + SHM_LINE - 1) & ~(SHM_LINE - 1);
}

/* Lines are never split by the end of the data, so neither are records' beginnings. */
static struct record *record_at(const struct shm_bus *bus, struct shm_ring *ring, uint32_t at)
{
	return (struct record *)(ring->data + (at & (ring_size(bus) - 1)));
}

/* Could @head and @tail be those of one ring? */
static bool is_sound(const struct shm_bus *bus, uint32_t head, uint32_t tail)
{
	return head - tail <= ring_size(bus) && !((head - tail) % SHM_LINE);
}

static uint32_t up_to_end(const struct shm_bus *bus, uint32_t at, size_t length)
{
	uint32_t left = ring_size(bus) - (at & (ring_size(bus) - 1));

	return length < left ? (uint32_t)length : left;
}

/* ---- sending ---- */

void shm_out_init(struct shm_out *out, const struct shm_bus *bus, struct shm_ring *ring)
{
	out->bus = bus;
	out->ring = ring;
	out->head = atomic_load(&ring->head) & ~(SHM_LINE - 1);
	out->published = out->head;
	out->tail = out->head - ring_size(bus); /* full, until one looks */
	out->backed = 0;
}

static bool has_room(struct shm_out *out, uint32_t need)
{
	if (ring_size(out->bus) - (out->head - out->tail) >= need)
		return true;
	out->tail = atomic_load_explicit(&out->ring->tail, memory_order_acquire);
	if (!is_sound(out->bus, out->head, out->tail)) {
		out->tail = out->head - ring_size(out->bus);
		/* The receiver finds that it is not there, and goes on from here. */
		atomic_store(&out->ring->head, out->published);
	}
	return ring_size(out->bus) - (out->head - out->tail) >= need;
}

/* On its first round through the data, a sender asks for memory before it writes. */
static bool has_memory(struct shm_out *out, uint32_t need)
{
	uint32_t end = (out->head & (ring_size(out->bus) - 1)) + need, part;

	while (out->backed < end && out->backed < ring_size(out->bus)) {
		part = ring_size(out->bus) - out->backed;
		part = part < BACKING ? part : BACKING;
		if (!shm_bus_back(out->bus, out->ring, out->backed, part))
			return false;
		out->backed += part;
	}
	return true;
}

static void write_bytes(struct shm_out *out, uint32_t at, const void *bytes, size_t length)
{
	uint32_t part = up_to_end(out->bus, at, length);

	memcpy(out->ring->data + (at & (ring_size(out->bus) - 1)), bytes, part);
	if (part < length)
		memcpy(out->ring->data, (const char *)bytes + part, length - part);
}

bool shm_out_put(struct shm_out *out, const struct hyp_net_frame *frame)
{
	uint32_t need = record_size(frame->length), at = out->head + (uint32_t)sizeof(struct record), i;
	struct record *record = record_at(out->bus, out->ring, out->head);

	if (!has_room(out, need) || !has_memory(out, need))
		return false;
	atomic_store_explicit(&record->length, frame->length, memory_order_relaxed);
	record->header = frame->header;
	for (i = 0; i < frame->iovcnt; i++) {
		write_bytes(out, at, frame->iov[i].base, frame->iov[i].len);
		at += (uint32_t)frame->iov[i].len;
	}
	out->head += need;
	return true;
}

void shm_out_publish(struct shm_out *out)
{
	atomic_store_explicit(&out->ring->head, out->head, memory_order_release);
	out->published = out->head;
}

/* ---- receiving ---- */

void shm_in_init(struct shm_in *in, const struct shm_bus *bus, struct shm_ring *ring, unsigned int from)
{
	in->bus = bus;
	in->ring = ring;
	in->from = from;
	in->head = atomic_load(&ring->head) & ~(SHM_LINE - 1);
	in->tail = in->head;
	in->published = in->head;
	atomic_store(&ring->tail, in->tail);
}

static enum shm_take give_up(struct shm_in *in)
{
	in->head &= ~(SHM_LINE - 1);
	in->tail = in->head;
	return SHM_GARBAGE;
}

static void read_bytes(const struct shm_in *in, uint32_t at, void *bytes, size_t length)
{
	uint32_t part = up_to_end(in->bus, at, length);

	memcpy(bytes, in->ring->data + (at & (ring_size(in->bus) - 1)), part);
	if (part < length)
		memcpy((char *)bytes + part, in->ring->data, length - part);
}

static enum shm_take copy_frame(const struct shm_in *in, const struct record *record, uint32_t length,
				struct hyp_net_frame *room)
{
	uint32_t at = in->tail + (uint32_t)sizeof(*record), left = length, part, i;

	if (!room)
		return SHM_TAKEN;
	if (!net_has_room(room, length))
		return SHM_TOO_LONG;
	room->length = length;
	room->header = record->header;
	for (i = 0; left; i++, at += part, left -= part) {
		part = room->iov[i].len < left ? (uint32_t)room->iov[i].len : left;
		read_bytes(in, at, room->iov[i].base, part);
	}
	return SHM_TAKEN;
}

enum shm_take shm_in_take(struct shm_in *in, uint32_t max_frame, struct hyp_net_frame *room)
{
	const struct record *record = record_at(in->bus, in->ring, in->tail);
	enum shm_take result;
	uint32_t length;

	if (in->head == in->tail)
		in->head = atomic_load_explicit(&in->ring->head, memory_order_acquire);
	if (in->head == in->tail)
		return SHM_EMPTY;
	if (!is_sound(in->bus, in->head, in->tail))
		return give_up(in);
	/* Once: the sender may change it at any time. */
	length = atomic_load_explicit(&((struct record *)record)->length, memory_order_relaxed);
	if (length < HYP_NET_HEADER_MIN || length > max_frame || record_size(length) > in->head - in->tail)
		return give_up(in);
	result = copy_frame(in, record, length, room);
	in->tail += record_size(length);
	return result;
}

void shm_in_publish(struct shm_in *in)
{
	struct shm_ring *ring = in->ring;

	/* Somebody may have written there what is not so. */
	if (in->published == in->tail && atomic_load_explicit(&ring->tail, memory_order_relaxed) == in->tail)
		return;
	/* The store, then the look; the sender asks to be woken, then looks at the tail: one of the two sees the other.
	 */
	atomic_store(&ring->tail, in->tail);
	in->published = in->tail;
	if (atomic_load(&ring->waiting) && in->head - in->tail <= ring_size(in->bus) / 2 &&
	    atomic_exchange(&ring->waiting, 0))
		shm_bus_bell(in->bus, in->from);
}
