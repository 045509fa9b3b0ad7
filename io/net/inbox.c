// SPDX-License-Identifier: BSD-2-Clause
/* Copies of frames that wait for a user to fetch them */
#include <stdlib.h>

#include "inbox.h"

/* Frames; beyond that the user is too slow, and networks lose them */
#define LIMIT 2048U

void net_inbox_init(struct net_inbox *inbox)
{
	pthread_mutex_init(&inbox->lock, NULL);
	STAILQ_INIT(&inbox->frames);
	inbox->count = 0;
	inbox->open = false;
	inbox->armed = false;
}

void net_inbox_destroy(struct net_inbox *inbox)
{
	pthread_mutex_destroy(&inbox->lock);
}

void net_inbox_open(struct net_inbox *inbox)
{
	pthread_mutex_lock(&inbox->lock);
	inbox->open = true;
	inbox->armed = true;
	pthread_mutex_unlock(&inbox->lock);
}

/* With the lock */
static struct net_inbox_frame *take(struct net_inbox *inbox)
{
	struct net_inbox_frame *frame = STAILQ_FIRST(&inbox->frames);

	if (frame) {
		STAILQ_REMOVE_HEAD(&inbox->frames, link);
		inbox->count--;
	}
	return frame;
}

void net_inbox_close(struct net_inbox *inbox, struct net_device *device)
{
	struct net_inbox_frame *frame;

	pthread_mutex_lock(&inbox->lock);
	inbox->open = false;
	inbox->armed = false;
	while ((frame = take(inbox))) {
		free(frame);
		atomic_fetch_add(&device->stats.received_dropped, 1);
	}
	pthread_mutex_unlock(&inbox->lock);
}

struct net_inbox_frame *net_inbox_new(uint32_t length)
{
	struct net_inbox_frame *frame = malloc(sizeof(*frame) + length);

	if (!frame)
		return NULL;
	frame->header = (struct hyp_net_header){ 0 };
	frame->length = length;
	return frame;
}

void net_inbox_put(struct net_inbox *inbox, struct net_device *device, uint32_t queue, struct net_inbox_frame *frame)
{
	bool tell = false, taken;

	pthread_mutex_lock(&inbox->lock);
	taken = inbox->open && inbox->count < LIMIT;
	if (taken) {
		STAILQ_INSERT_TAIL(&inbox->frames, frame, link);
		inbox->count++;
		tell = inbox->armed;
		inbox->armed = false;
	}
	pthread_mutex_unlock(&inbox->lock);
	if (!taken) {
		free(frame);
		atomic_fetch_add(&device->stats.received_dropped, 1);
	}
	if (tell)
		net_ready(device, queue);
}

uint32_t net_inbox_receive(struct net_inbox *inbox, struct net_device *device, struct hyp_net_frame *room)
{
	struct net_inbox_frame *frame;
	uint32_t filled = 0;

	while (room) {
		pthread_mutex_lock(&inbox->lock);
		frame = take(inbox);
		if (!frame)
			inbox->armed = inbox->open;
		pthread_mutex_unlock(&inbox->lock);
		if (!frame)
			break;
		if (net_fill(device, room, &frame->header, frame->bytes, frame->length)) {
			room = room->next;
			filled++;
		}
		free(frame);
	}
	return filled;
}
