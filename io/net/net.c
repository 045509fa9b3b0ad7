// SPDX-License-Identifier: BSD-2-Clause
/* Helpers of every network device: its user, the rules for frames, memory of frames */
#include <sched.h>
#include <string.h>

#include "net.h"

int net_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct net_device *device = (struct net_device *)net;

	if (atomic_load(&device->attached))
		return -HYP_EBUSY;
	device->upcalls = upcalls;
	device->cookie = cookie;
	atomic_store(&device->attached, true);
	return 0;
}

void net_detach(struct hyp_net *net)
{
	struct net_device *device = (struct net_device *)net;

	/* Who counted itself in @running before this store may still see a user: it is waited for. */
	atomic_store(&device->attached, false);
	while (atomic_load(&device->running))
		sched_yield();
}

/* Return: there is a user, and it stays until upcall_end(), which follows in any case */
static bool upcall_begin(struct net_device *device)
{
	atomic_fetch_add(&device->running, 1);
	return atomic_load(&device->attached);
}

/* From here on detach() may return and the device may go: nothing of it is touched any more. */
static void upcall_end(struct net_device *device)
{
	atomic_fetch_sub(&device->running, 1);
}

void net_sent(struct net_device *device, uint32_t queue, struct hyp_net_frame *done)
{
	if (!done)
		return;
	if (upcall_begin(device))
		device->upcalls->sent(device->cookie, queue, done);
	upcall_end(device);
}

void net_ready(struct net_device *device, uint32_t queue)
{
	if (upcall_begin(device))
		device->upcalls->ready(device->cookie, queue);
	upcall_end(device);
}

void net_link_changed(struct net_device *device)
{
	if (upcall_begin(device))
		device->upcalls->link(device->cookie);
	upcall_end(device);
}

/* Counters order nothing. */
static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void net_count_sent(struct net_device *device, uint32_t frames, uint64_t bytes)
{
	add(&device->stats.sent_frames, frames);
	add(&device->stats.sent_bytes, bytes);
}

void net_count_received(struct net_device *device, uint32_t frames, uint64_t bytes)
{
	add(&device->stats.received_frames, frames);
	add(&device->stats.received_bytes, bytes);
}

void net_stats(struct hyp_net *net, struct hyp_net_stats *stats)
{
	struct net_device *device = (struct net_device *)net;

	*stats = (struct hyp_net_stats){
		.sent_frames = get(&device->stats.sent_frames),
		.sent_bytes = get(&device->stats.sent_bytes),
		.sent_dropped = get(&device->stats.sent_dropped),
		.received_frames = get(&device->stats.received_frames),
		.received_bytes = get(&device->stats.received_bytes),
		.received_dropped = get(&device->stats.received_dropped),
		.received_bad = get(&device->stats.received_bad),
	};
}

void net_end_all(struct net_list *done, struct net_list *list, int status)
{
	struct hyp_net_frame *frame;

	while ((frame = net_list_take(list)))
		net_list_end(done, frame, status);
}

static uint32_t caps_of_gso(uint8_t type)
{
	uint32_t ecn = type & HYP_NET_GSO_ECN ? HYP_NET_CAP_ECN : 0;

	switch (type & ~HYP_NET_GSO_ECN) {
	case HYP_NET_GSO_TCPV4:
		return HYP_NET_CAP_TSO4 | ecn;
	case HYP_NET_GSO_TCPV6:
		return HYP_NET_CAP_TSO6 | ecn;
	case HYP_NET_GSO_UDP:
		return ecn ? UINT32_MAX : HYP_NET_CAP_USO;
	default:
		return UINT32_MAX;
	}
}

static int check_header(const struct hyp_net_info *info, const struct hyp_net_frame *frame)
{
	const struct hyp_net_header *header = &frame->header;
	uint32_t caps;

	if (header->flags & ~HYP_NET_NEEDS_CSUM)
		return -HYP_EINVAL;
	if (header->flags && (uint32_t)header->csum_start + header->csum_offset + 2 > frame->length)
		return -HYP_EINVAL;
	if (header->flags && !(info->caps & HYP_NET_CAP_CSUM))
		return -HYP_EOPNOTSUPP;
	if (header->gso_type == HYP_NET_GSO_NONE)
		return frame->length > info->max_mtu + HYP_NET_HEADER_MAX ? -HYP_EINVAL : 0;
	caps = caps_of_gso(header->gso_type);
	if (caps == UINT32_MAX || !header->flags || !header->gso_size || frame->length > info->max_frame)
		return -HYP_EINVAL;
	return (info->caps & caps) == caps ? 0 : -HYP_EOPNOTSUPP;
}

int net_check(const struct hyp_net_info *info, const struct hyp_net_frame *frame)
{
	uint64_t sum = 0;
	uint32_t i;

	if (frame->length < HYP_NET_HEADER_MIN || !frame->iov || !frame->iovcnt || frame->iovcnt > info->max_iov)
		return -HYP_EINVAL;
	for (i = 0; i < frame->iovcnt; i++)
		if (__builtin_add_overflow(sum, frame->iov[i].len, &sum))
			return -HYP_EINVAL;
	return sum == frame->length ? check_header(info, frame) : -HYP_EINVAL;
}

size_t net_room(const struct hyp_net_frame *frame)
{
	size_t sum = 0;
	uint32_t i;

	for (i = 0; i < frame->iovcnt; i++)
		sum += frame->iov[i].len;
	return sum;
}

bool net_has_room(const struct hyp_net_frame *frame, size_t size)
{
	size_t sum = 0;
	uint32_t i;

	for (i = 0; i < frame->iovcnt && sum < size; i++)
		sum += frame->iov[i].len;
	return sum >= size;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t net_gather(const struct hyp_net_frame *frame, void *memory, size_t size)
{
	size_t done = 0, part;
	uint32_t i;

	for (i = 0; i < frame->iovcnt && done < size; i++, done += part) {
		part = least(frame->iov[i].len, size - done);
		memcpy((char *)memory + done, frame->iov[i].base, part);
	}
	return done;
}

void net_scatter(const struct hyp_net_frame *frame, const void *memory, size_t size)
{
	size_t done = 0, part;
	uint32_t i;

	for (i = 0; i < frame->iovcnt && done < size; i++, done += part) {
		part = least(frame->iov[i].len, size - done);
		memcpy(frame->iov[i].base, (const char *)memory + done, part);
	}
}

void net_copy(const struct hyp_net_frame *to, const struct hyp_net_frame *from)
{
	size_t into = 0, outof = 0; /* bytes of the present pieces that are done */
	uint32_t i = 0, j = 0;

	while (i < to->iovcnt && j < from->iovcnt) {
		size_t part = least(to->iov[i].len - into, from->iov[j].len - outof);

		memcpy((char *)to->iov[i].base + into, (const char *)from->iov[j].base + outof, part);
		into += part;
		outof += part;
		if (into == to->iov[i].len) {
			into = 0;
			i++;
		}
		if (outof == from->iov[j].len) {
			outof = 0;
			j++;
		}
	}
}

bool net_fill(struct net_device *device, struct hyp_net_frame *room, const struct hyp_net_header *header,
	      const void *memory, size_t size)
{
	if (size < HYP_NET_HEADER_MIN || size > device->net.info.max_frame) {
		add(&device->stats.received_bad, 1);
		return false;
	}
	if (!net_has_room(room, size)) {
		add(&device->stats.received_dropped, 1);
		return false;
	}
	net_scatter(room, memory, size);
	room->length = (uint32_t)size;
	room->header = header ? *header : (struct hyp_net_header){ 0 };
	net_count_received(device, 1, room->length);
	return true;
}
