// SPDX-License-Identifier: BSD-2-Clause
/* A device of the backend "shm", for the parts that it is made of: shm.c, shm_send.c and shm_receive.c */
#ifndef IO_NET_SHM_DEVICE_H
#define IO_NET_SHM_DEVICE_H

#include <pthread.h>

#include "shm.h"

/** SHM_ADDRESSES - that a device remembers at most */
#define SHM_ADDRESSES 1024U
/** SHM_NOBODY - instead of a member's place */
#define SHM_NOBODY SHM_MEMBERS_MAX
/** SHM_PORTION - bytes that are shown at once, within a batch: the receiver begins while the sender goes on */
#define SHM_PORTION (32U << 10)

/**
 * struct shm_peer - towards a member
 * @out:      its ring
 * @held:     frames that found no room
 * @count:    of @held
 * @deadline: they are lost then
 * @unheard:  times that frames were shown and the receiver had not yet taken notice of those before
 * @lossy:    the receiver let them get lost: nothing is held up for it until there is room
 */
struct shm_peer {
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
 * @sent:   the user has sent something since it was told last
 * @polled: senders do not ring: the thread, which alone writes this, looks by itself
 * @told, @rapid, @idle: the thread's own: when it told the user last (nanoseconds), how often in a row that was soon
 *          after the time before, and how often it looked in vain
 */
struct shm_queue {
	pthread_mutex_t lock;
	struct shm_peer *out;
	struct shm_in *in;
	uint64_t todo;
	unsigned int turn;
	_Atomic bool sleeping;
	_Atomic bool sent;
	_Atomic bool polled;
	uint64_t told;
	unsigned int rapid, idle;
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
 * @watcher: waits for the end of @watched, which is SHM_NOBODY when there is none
 */
struct shm {
	struct net_device device;
	struct shm_bus bus;
	struct shm_queue *queues;
	_Atomic uint32_t holding;
	_Atomic uint64_t live;
	_Atomic uint64_t table[SHM_ADDRESSES];
	pthread_t thread;
	_Atomic bool stop;
	pthread_mutex_t members;
	uint32_t epoch;
	pthread_t watcher;
	unsigned int watched;
};

static inline uint64_t shm_bit(unsigned int place)
{
	return UINT64_C(1) << place;
}

static inline struct shm_mailbox *shm_mailbox_of(const struct shm *shm, unsigned int place, uint32_t queue)
{
	return &shm_bus_member(&shm->bus, place)->mailboxes[queue];
}

/* A MAC address as a number */
static inline uint64_t shm_address_at(const unsigned char *bytes)
{
	uint64_t address = 0;
	unsigned int i;

	for (i = 0; i < 6; i++)
		address = address << 8 | bytes[i];
	return address;
}

/* Where an address is remembered; two may have the same place */
static inline _Atomic uint64_t *shm_entry_of(struct shm *shm, uint64_t address)
{
	return &shm->table[(address * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}

/** shm_nanoseconds() - of the host's monotonic clock */
uint64_t shm_nanoseconds(void);

/**
 * shm_send() - hyp_net_ops.send
 * @net:   the device
 * @queue: of it
 * @batch: frames; those that find no room are held up
 */
void shm_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch);

/**
 * shm_retry() - send what is held up, as far as there is room now
 * @shm:   the device
 * @queue: of it
 *
 * Return: nanoseconds until this is to be called again at the latest; UINT64_MAX when nothing is held up
 */
uint64_t shm_retry(struct shm *shm, uint32_t queue);

/**
 * shm_withdraw() - give back what is held up, unsent
 * @shm:   the device
 * @queue: of it
 */
void shm_withdraw(struct shm *shm, uint32_t queue);

/**
 * shm_receive() - hyp_net_ops.receive
 * @net:   the device
 * @queue: of it
 * @room:  frames to fill
 *
 * Return: how many were filled
 */
uint32_t shm_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room);

/**
 * shm_sleep() - be woken by the next frame
 * @shm:   the device
 * @queue: of it
 *
 * Return: there is a frame already, and nobody was told
 */
bool shm_sleep(struct shm *shm, uint32_t queue);

/**
 * shm_tell() - tell the user of frames, when there are some and it sleeps
 * @shm:   the device
 * @queue: of it
 *
 * Return: it was told
 */
bool shm_tell(struct shm *shm, uint32_t queue);

/**
 * shm_drop() - throw away what has come in
 * @shm:   the device
 * @queue: of it
 */
void shm_drop(struct shm *shm, uint32_t queue);
#endif
