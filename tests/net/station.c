// SPDX-License-Identifier: BSD-2-Clause
/* Using a network device from a test */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "station.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define PATIENCE 30  /* seconds */
#define NUMBER_AT 14 /* byte of a frame where its number is */

static void sent(void *cookie, uint32_t queue, struct hyp_net_frame *done)
{
	struct station *station = cookie;
	struct hyp_net_frame *next;

	pthread_mutex_lock(&station->lock);
	for (; done; done = next) {
		struct parcel *parcel = (struct parcel *)done;

		next = done->next;
		station->strays += !parcel->busy;
		parcel->busy = false;
		station->under_way--;
	}
	pthread_cond_broadcast(&station->changed);
	pthread_mutex_unlock(&station->lock);
}

static void ready(void *cookie, uint32_t queue)
{
	struct station *station = cookie;

	pthread_mutex_lock(&station->lock);
	station->ready[queue]++;
	pthread_cond_broadcast(&station->changed);
	pthread_mutex_unlock(&station->lock);
}

static void link_changed(void *cookie)
{
	struct station *station = cookie;

	pthread_mutex_lock(&station->lock);
	station->links++;
	pthread_cond_broadcast(&station->changed);
	pthread_mutex_unlock(&station->lock);
}

void station_attach(struct station *station, struct hyp_net *net)
{
	static const struct hyp_net_upcalls upcalls = { .sent = sent, .ready = ready, .link = link_changed };
	pthread_condattr_t attr;

	memset(station, 0, sizeof(*station));
	station->net = net;
	pthread_mutex_init(&station->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&station->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (net->ops->attach(net, &upcalls, station))
		tap_abort("a fresh device cannot be attached to");
}

void station_open(struct station *station, const char *spec, uint32_t flags)
{
	struct hyp_net *net;
	char error[512];

	if (hyp_net_open(spec, flags, &net, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
	station_attach(station, net);
}

void station_close(struct station *station)
{
	station->net->ops->detach(station->net);
	station->net->ops->close(station->net);
	pthread_cond_destroy(&station->changed);
	pthread_mutex_destroy(&station->lock);
}

void station_send(struct station *station, uint32_t queue, struct parcel *parcel)
{
	pthread_mutex_lock(&station->lock);
	parcel->busy = true;
	station->under_way++;
	pthread_mutex_unlock(&station->lock);
	parcel->frame.next = NULL;
	parcel->frame.status = 1;
	station->net->ops->send(station->net, queue, &parcel->frame);
}

static struct timespec deadline_in(unsigned int seconds)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += seconds;
	return deadline;
}

bool station_wait(struct station *station, unsigned int left)
{
	bool progress = true;

	pthread_mutex_lock(&station->lock);
	while (station->under_way > left && progress) {
		struct timespec deadline = deadline_in(PATIENCE);

		progress = pthread_cond_timedwait(&station->changed, &station->lock, &deadline) != ETIMEDOUT;
	}
	pthread_mutex_unlock(&station->lock);
	return progress;
}

bool station_wait_link(struct station *station, bool up)
{
	struct timespec deadline = deadline_in(PATIENCE);
	unsigned int links;
	bool waiting = true;

	for (;;) {
		pthread_mutex_lock(&station->lock);
		links = station->links;
		pthread_mutex_unlock(&station->lock);
		if (station->net->ops->link(station->net) == up)
			return true;
		if (!waiting)
			return false;
		pthread_mutex_lock(&station->lock);
		while (station->links == links && waiting)
			waiting = pthread_cond_timedwait(&station->changed, &station->lock, &deadline) != ETIMEDOUT;
		pthread_mutex_unlock(&station->lock);
	}
}

int station_run(struct station *station, uint32_t queue, struct parcel *parcel)
{
	station_send(station, queue, parcel);
	if (!station_wait(station, 0))
		tap_abort("a frame of %u bytes never completes", parcel->frame.length);
	return parcel->frame.status;
}

static bool is_ours(const struct parcel *parcel)
{
	unsigned char head[14];
	size_t done = 0, part;
	unsigned int i;

	if (parcel->frame.length < 18)
		return false;
	for (i = 0; i < parcel->frame.iovcnt && done < sizeof(head); i++, done += part) {
		part = parcel->iov[i].len < sizeof(head) - done ? parcel->iov[i].len : sizeof(head) - done;
		memcpy(head + done, parcel->iov[i].base, part);
	}
	/* IP to and from an address of documentation is ours, too: the tests of offloads */
	return (head[12] == STATION_TYPE >> 8 && head[13] == (STATION_TYPE & 255)) ||
	       (head[12] == 0x08 && head[13] == 0x00 && parcel->bytes[26] == 192 && parcel->bytes[28] == 2);
}

bool station_receive(struct station *station, uint32_t queue, struct parcel *room, unsigned int seconds)
{
	struct timespec deadline = deadline_in(seconds);
	bool waiting = true;
	unsigned int before;

	for (;;) {
		pthread_mutex_lock(&station->lock);
		before = station->ready[queue];
		pthread_mutex_unlock(&station->lock);
		room->frame.next = NULL;
		while (station->net->ops->receive(station->net, queue, &room->frame))
			if (is_ours(room))
				return true;
		if (!waiting)
			return false;
		pthread_mutex_lock(&station->lock);
		while (station->ready[queue] == before && waiting)
			waiting = pthread_cond_timedwait(&station->changed, &station->lock, &deadline) != ETIMEDOUT;
		pthread_mutex_unlock(&station->lock);
	}
}

unsigned int station_drain(struct station *station, uint32_t queue)
{
	struct parcel room;
	unsigned int ours = 0;

	parcel_make(&room);
	while (station->net->ops->receive(station->net, queue, &room.frame))
		ours += is_ours(&room);
	parcel_free(&room);
	return ours;
}

void parcel_make(struct parcel *parcel)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->bytes = calloc(1, STATION_LARGEST);
	if (!parcel->bytes)
		tap_abort("no memory");
	parcel_cut(parcel, 0, 1, NULL);
}

void parcel_free(struct parcel *parcel)
{
	free(parcel->bytes);
}

void parcel_cut(struct parcel *parcel, uint32_t length, unsigned int pieces, uint64_t *seed)
{
	uint32_t left = length ? length : STATION_LARGEST, part;
	unsigned char *at = parcel->bytes;
	unsigned int i;

	for (i = 0; i < pieces && left; i++, at += part, left -= part) {
		part = i + 1 == pieces ? left : 1 + (uint32_t)pattern_random(seed, 2 * left / pieces + 1);
		part = part < left ? part : left;
		parcel->iov[i] = (struct hyp_iovec){ .base = at, .len = part };
	}
	parcel->frame.iov = parcel->iov;
	parcel->frame.iovcnt = i;
}

void parcel_fill(struct parcel *parcel, uint32_t length, uint32_t number)
{
	static const unsigned char head[NUMBER_AT] = {
		255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, STATION_TYPE >> 8, STATION_TYPE & 255
	};

	memcpy(parcel->bytes, head, sizeof(head));
	pattern_fill(number, 0, parcel->bytes + NUMBER_AT, length - NUMBER_AT);
	if (length >= NUMBER_AT + sizeof(number))
		memcpy(parcel->bytes + NUMBER_AT, &number, sizeof(number));
	parcel->frame.length = length;
	parcel->frame.header = (struct hyp_net_header){ 0 };
	parcel_cut(parcel, length, 1, NULL);
}

uint32_t parcel_number(const struct parcel *parcel)
{
	uint32_t number;

	memcpy(&number, parcel->bytes + NUMBER_AT, sizeof(number));
	return number;
}

bool parcel_is(const struct parcel *parcel, uint32_t length, uint32_t number)
{
	uint32_t at, got = parcel->frame.length;

	if (got != length && !(length < 60 && got <= 60 && got > length))
		return false;
	if (parcel_number(parcel) != number)
		return false;
	if (!pattern_is(number, sizeof(number), parcel->bytes + NUMBER_AT + sizeof(number),
			length - NUMBER_AT - sizeof(number)))
		return false;
	for (at = length; at < got; at++)
		if (parcel->bytes[at])
			return false;
	return true;
}
