/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An Ethernet bus in a shared file: its layout, and who is on it
 *
 * Everything in the file may be written by any member at any time, by intent or not. So each side of a ring keeps its
 * own index and looks at the other's once, and what does not fit is thrown away; nothing that is read here is believed,
 * and nothing is locked there. What nobody can fake is told by the host: who is a member holds a lock on a byte of the
 * file (of the open file description), which the host takes back when it dies.
 */
#ifndef IO_NET_SHM_H
#define IO_NET_SHM_H

#include "net.h"

/** SHM_LINE - bytes of a cache line, and what records are rounded up to */
#define SHM_LINE 64U
/** SHM_PAGE - what parts of the file are rounded up to */
#define SHM_PAGE 4096U
/** SHM_MEMBERS_MAX - a word has a bit for each */
#define SHM_MEMBERS_MAX 64U
/** SHM_RING_MIN, SHM_RING_MAX - bytes of a ring's data: room for the largest frame, and half of what an index counts */
#define SHM_RING_MIN (128U << 10)
#define SHM_RING_MAX (64U << 20)

/**
 * struct shm_geometry - what all members of a bus have in common; in the file's first bytes
 * @magic:   SHM_MAGIC
 * @members: places
 * @queues:  of each member
 * @ring:    bytes of each ring's data, a power of two
 * @caps:    enum hyp_net_caps
 */
struct shm_geometry {
	uint64_t magic;
	uint32_t members;
	uint32_t queues;
	uint32_t ring;
	uint32_t caps;
};

/** SHM_MAGIC - says what the file is, and in which version */
#define SHM_MAGIC UINT64_C(0x3173756273706d72)

/**
 * struct shm_header - the file's first page
 * @geometry: as it was made
 * @epoch:    changes whenever somebody comes or goes
 */
struct shm_header {
	struct shm_geometry geometry;
	_Alignas(SHM_LINE) _Atomic uint32_t epoch;
};

/**
 * struct shm_mailbox - what waits for one queue of a member
 * @pending: a bit for each member that has put frames in its ring to here
 * @armed:   this queue sleeps: who sets a bit clears this and rings the bell
 */
struct shm_mailbox {
	_Alignas(SHM_LINE) _Atomic uint64_t pending;
	_Atomic uint32_t armed;
};

/**
 * struct shm_member - a place on the bus
 * @attached: its device has a user
 * @bell:     its thread waits for this to change
 * @mailboxes: one for each queue
 */
struct shm_member {
	_Atomic uint32_t attached;
	_Alignas(SHM_LINE) _Atomic uint32_t bell;
	struct shm_mailbox mailboxes[NET_MAX_QUEUES];
};

/**
 * struct shm_ring - frames from one member to another, of one queue; bytes are counted from the beginning, modulo 2^32
 * @head:    the sender has put frames up to here
 * @tail:    the receiver has taken them up to here
 * @waiting: the sender has more than there is room for: its bell is to be rung when half of the ring is free
 * @data:    records
 */
struct shm_ring {
	_Alignas(SHM_LINE) _Atomic uint32_t head;
	_Alignas(SHM_LINE) _Atomic uint32_t tail;
	_Atomic uint32_t waiting;
	_Alignas(SHM_PAGE) unsigned char data[];
};

_Static_assert(sizeof(struct shm_header) <= SHM_PAGE && sizeof(struct shm_member) <= SHM_PAGE, "a page for each");
_Static_assert(sizeof(struct shm_ring) == SHM_PAGE, "data begins on a page");

/**
 * struct shm_bus - a member's way to the bus
 * @fd:       the file, opened for this member alone
 * @place:    this member's
 * @named:    it has a name in the file system, rather than being a descriptor that was handed over
 * @geometry: checked
 * @map, @size: the whole file
 */
struct shm_bus {
	int fd;
	unsigned int place;
	bool named;
	struct shm_geometry geometry;
	unsigned char *map;
	size_t size;
};

/**
 * shm_bus_join() - open the file, make a bus of an empty one, and take a place
 * @wanted: @caps, and what the options say; 0 where they say nothing
 * Return: 0, or a negative enum hyp_error with a message
 */
int shm_bus_join(struct io_spec *spec, const struct shm_geometry *wanted, struct shm_bus *bus);

/** shm_bus_leave() - the reverse; the last one empties a file that has a name */
void shm_bus_leave(struct shm_bus *bus);

/** shm_bus_header(), shm_bus_member(), shm_bus_ring() - where things are */
struct shm_header *shm_bus_header(const struct shm_bus *bus);
struct shm_member *shm_bus_member(const struct shm_bus *bus, unsigned int place);
struct shm_ring *shm_bus_ring(const struct shm_bus *bus, unsigned int from, unsigned int to, unsigned int queue);

/** shm_bus_present() - which other members are attached, and alive: a bit for each */
uint64_t shm_bus_present(const struct shm_bus *bus);

/** shm_bus_bell() - wake a member's thread */
void shm_bus_bell(const struct shm_bus *bus, unsigned int place);

/** shm_bus_sleep() - until the own bell is no longer @seen, at most @nanoseconds; UINT64_MAX: for ever */
void shm_bus_sleep(const struct shm_bus *bus, uint32_t seen, uint64_t nanoseconds);

/** shm_bus_announce() - have every member look who is there */
void shm_bus_announce(const struct shm_bus *bus);

/** shm_bus_await_end() - block until a member has left or died; the one place where a thread may be cancelled */
void shm_bus_await_end(const struct shm_bus *bus, unsigned int place);
/** shm_bus_forget() - after such a thread was cancelled */
void shm_bus_forget(const struct shm_bus *bus, unsigned int place);

/** shm_bus_back() - have the host find memory for a part of a ring's data now: later it could only send SIGBUS */
bool shm_bus_back(const struct shm_bus *bus, const struct shm_ring *ring, uint32_t offset, uint32_t length);

/**
 * struct shm_out - the sender's side of a ring
 * @bus, @ring: where
 * @head:      written up to here
 * @published: and shown up to here
 * @tail:      the receiver's, when it was last looked at
 * @backed:    bytes of the ring's data that have memory
 */
struct shm_out {
	const struct shm_bus *bus;
	struct shm_ring *ring;
	uint32_t head;
	uint32_t published;
	uint32_t tail;
	uint32_t backed;
};

/** shm_out_init() - go on where the ring's last sender has ended */
void shm_out_init(struct shm_out *out, const struct shm_bus *bus, struct shm_ring *ring);

/** shm_out_put() - write a frame behind the others. Return: there was room for it */
bool shm_out_put(struct shm_out *out, const struct hyp_net_frame *frame);

/** shm_out_unpublished() - bytes that were put and are not shown */
static inline uint32_t shm_out_unpublished(const struct shm_out *out)
{
	return out->head - out->published;
}

/** shm_out_publish() - show what was put */
void shm_out_publish(struct shm_out *out);

/**
 * struct shm_in - the receiver's side of a ring
 * @bus, @ring: where
 * @from:      place of the sender
 * @tail:      read up to here
 * @published: and shown up to here
 * @head:      the sender's, when it was last looked at; never more than a ring's size behind @tail
 */
struct shm_in {
	const struct shm_bus *bus;
	struct shm_ring *ring;
	unsigned int from;
	uint32_t tail;
	uint32_t published;
	uint32_t head;
};

/** enum shm_take - what became of a look into a ring */
enum shm_take {
	SHM_EMPTY,    /* nothing there */
	SHM_TAKEN,    /* a frame was copied */
	SHM_TOO_LONG, /* one did not fit into the room, and is lost */
	SHM_GARBAGE,  /* something that is no frame: everything there was thrown away */
};

/** shm_in_init() - begin behind what is there */
void shm_in_init(struct shm_in *in, const struct shm_bus *bus, struct shm_ring *ring, unsigned int from);

/**
 * shm_in_take() - take the next frame
 * @max_frame: bytes of the largest one
 * @room:      gets it: @length, @header, memory; NULL: it is thrown away, and counts as taken
 */
enum shm_take shm_in_take(struct shm_in *in, uint32_t max_frame, struct hyp_net_frame *room);

/** shm_in_publish() - show how far it was read, and ring the sender's bell when it waits for that */
void shm_in_publish(struct shm_in *in);

#endif
