// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wrapper "pcap": writes every frame that passes to a file that tcpdump and tshark read
 *
 * The format is pcapng, little-endian, since it tells which way a frame went: a section, one interface, and a packet
 * block for each frame. The user's upcalls are the lower device's: only the frames are looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define SECTION 0x0a0d0d0aU
#define INTERFACE 1U
#define PACKET 6U
#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define LINK_ETHERNET 1U
#define OPTION_END 0U
#define OPTION_TIME_RESOLUTION 9U
#define OPTION_FLAGS 2U
#define FLAG_RECEIVED 1U
#define FLAG_SENT 2U

/* What the file begins with */
struct preamble {
	uint32_t type, size, magic;
	uint16_t major, minor;
	uint64_t length;
	uint32_t size_again;
	uint32_t interface_type, interface_size;
	uint16_t link, reserved;
	uint32_t snap;
	uint16_t option, option_size;
	uint8_t resolution, padding[3];
	uint32_t option_end, interface_size_again;
} __attribute__((packed));

/* Before and behind the bytes of a frame */
struct head {
	uint32_t type, size, interface, time_high, time_low, captured, length;
};

struct tail {
	uint16_t option, option_size;
	uint32_t flags;
	uint32_t option_end, size_again;
};

_Static_assert(sizeof(struct preamble) == 28 + 32, "as the format has it");
_Static_assert(sizeof(struct head) == 28 && sizeof(struct tail) == 16, "as the format has it");

/**
 * struct pcap - the device
 * @base:  the wrapper
 * @name:  of the file, for messages
 * @fd:    the file
 * @snap:  most bytes of a frame that are kept
 * @lock:  keeps blocks whole, guards @error
 * @error: errno of the write that failed: nothing is written after it
 */
struct pcap {
	struct net_wrapper base;
	char name[128];
	int fd;
	uint32_t snap;
	pthread_mutex_t lock;
	int error;
};

/* With the lock. A block is whole, or the last one in the file: an unfinished one is cut off again. */
static void put(struct pcap *pcap, const struct iovec *iov, int count, size_t size)
{
	off_t before = pcap->error ? 0 : lseek(pcap->fd, 0, SEEK_CUR);
	ssize_t len;

	if (pcap->error)
		return;
	len = writev(pcap->fd, iov, count);
	if (len == (ssize_t)size)
		return;
	pcap->error = len < 0 ? errno : ENOSPC;
	if (before >= 0 && !ftruncate(pcap->fd, before))
		lseek(pcap->fd, before, SEEK_SET);
}

/* The pieces that hold the first @size bytes. Return: how many */
static int slice(const struct hyp_net_frame *frame, size_t size, struct iovec *iov)
{
	uint32_t i;
	int n = 0;

	for (i = 0; i < frame->iovcnt && i < NET_MAX_IOV && size; i++) {
		size_t part = frame->iov[i].len < size ? frame->iov[i].len : size;

		iov[n++] = (struct iovec){ .iov_base = frame->iov[i].base, .iov_len = part };
		size -= part;
	}
	return n;
}

static void capture(struct pcap *pcap, const struct hyp_net_frame *frame, uint32_t flags)
{
	static char zeroes[4];
	uint32_t captured = frame->length < pcap->snap ? frame->length : pcap->snap, padding = -captured & 3;
	uint32_t size = (uint32_t)(sizeof(struct head) + sizeof(struct tail)) + captured + padding;
	struct head head = { .type = PACKET, .size = size, .captured = captured, .length = frame->length };
	struct tail tail = { .option = OPTION_FLAGS, .option_size = 4, .flags = flags, .size_again = size };
	struct iovec iov[NET_MAX_IOV + 3];
	struct timespec now;
	uint64_t ns;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	head.time_high = (uint32_t)(ns >> 32);
	head.time_low = (uint32_t)ns;
	iov[0] = (struct iovec){ .iov_base = &head, .iov_len = sizeof(head) };
	n = 1 + slice(frame, captured, iov + 1);
	iov[n++] = (struct iovec){ .iov_base = zeroes, .iov_len = padding };
	iov[n++] = (struct iovec){ .iov_base = &tail, .iov_len = sizeof(tail) };
	pthread_mutex_lock(&pcap->lock);
	put(pcap, iov, n, size);
	pthread_mutex_unlock(&pcap->lock);
}

static int attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct hyp_net *lower = ((struct net_wrapper *)net)->lower;

	return lower->ops->attach(lower, upcalls, cookie);
}

static void detach(struct hyp_net *net)
{
	struct hyp_net *lower = ((struct net_wrapper *)net)->lower;

	lower->ops->detach(lower);
}

static void device_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct pcap *pcap = (struct pcap *)net;
	struct hyp_net *lower = pcap->base.lower;
	const struct hyp_net_frame *frame;
	int saved = errno;

	for (frame = batch; frame; frame = frame->next)
		if (!net_check(&net->info, frame))
			capture(pcap, frame, FLAG_SENT);
	errno = saved;
	lower->ops->send(lower, queue, batch);
}

static uint32_t device_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room)
{
	struct pcap *pcap = (struct pcap *)net;
	struct hyp_net *lower = pcap->base.lower;
	uint32_t filled = lower->ops->receive(lower, queue, room), i;
	int saved = errno;

	for (i = 0; i < filled; i++, room = room->next)
		capture(pcap, room, FLAG_RECEIVED);
	errno = saved;
	return filled;
}

static void stats(struct hyp_net *net, struct hyp_net_stats *counters)
{
	struct hyp_net *lower = ((struct net_wrapper *)net)->lower;

	lower->ops->stats(lower, counters);
}

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct pcap *pcap = (const struct pcap *)net;
	char below[512];

	pcap->base.lower->ops->describe(pcap->base.lower, below, sizeof(below));
	return snprintf(buf, size, "captured in %s%s%s on %s", pcap->name, pcap->error ? ", which ended: " : "",
			pcap->error ? strerror(pcap->error) : "", below);
}

static void pcap_close(struct hyp_net *net)
{
	struct pcap *pcap = (struct pcap *)net;

	if (pcap->fd >= 0)
		close(pcap->fd);
	pthread_mutex_destroy(&pcap->lock);
	net_wrapper_close(net);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "pcap",
	.attach = attach,
	.detach = detach,
	.send = device_send,
	.receive = device_receive,
	.link = net_wrapper_link,
	.stats = stats,
	.describe = describe,
	.close = pcap_close,
};

static int open_file(struct io_spec *spec, struct pcap *pcap)
{
	const char *path = io_option(spec, "file");

	pcap->fd = net_option_fd(spec);
	if (pcap->fd != -HYP_ENOENT) {
		snprintf(pcap->name, sizeof(pcap->name), "descriptor %s", io_option(spec, "fd"));
		return pcap->fd < 0 ? pcap->fd : 0;
	}
	if (!path)
		return io_fail(spec, -HYP_EINVAL, "pcap: names no file; write pcap,file=x.pcapng:%s", spec->rest);
	snprintf(pcap->name, sizeof(pcap->name), "%s", path);
	pcap->fd = io_descriptor(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	if (pcap->fd >= 0)
		return 0;
	return io_fail(spec, errno == ENOENT ? -HYP_ENOENT : -HYP_EACCES, "pcap: %s: %s", path, strerror(errno));
}

static int begin_file(struct io_spec *spec, struct pcap *pcap)
{
	const struct preamble preamble = {
		.type = SECTION,
		.size = 28,
		.magic = BYTE_ORDER_MAGIC,
		.major = 1,
		.length = UINT64_MAX,
		.size_again = 28,
		.interface_type = INTERFACE,
		.interface_size = 32,
		.link = LINK_ETHERNET,
		.snap = pcap->snap,
		.option = OPTION_TIME_RESOLUTION,
		.option_size = 1,
		.resolution = 9, /* nanoseconds */
		.option_end = OPTION_END,
		.interface_size_again = 32,
	};

	if (write(pcap->fd, &preamble, sizeof(preamble)) == (ssize_t)sizeof(preamble))
		return 0;
	return io_fail(spec, -HYP_EIO, "pcap: %s: %s", pcap->name, strerror(errno));
}

static int pcap_open(struct io_spec *spec, struct hyp_net **net)
{
	struct net_wrapper *wrapper;
	struct pcap *pcap;
	uint64_t snap = NET_MAX_FRAME;
	int error = net_wrapper_open(spec, sizeof(*pcap), &ops, &wrapper);

	if (error)
		return error;
	pcap = (struct pcap *)wrapper;
	pcap->fd = -1;
	pthread_mutex_init(&pcap->lock, NULL);
	error = io_option_number(spec, "snap", HYP_NET_HEADER_MIN, NET_MAX_FRAME, &snap);
	pcap->snap = (uint32_t)snap;
	if (!error)
		error = open_file(spec, pcap);
	if (!error)
		error = begin_file(spec, pcap);
	if (error) {
		pcap_close(&wrapper->device.net);
		return error;
	}
	*net = &wrapper->device.net;
	return 0;
}

static const char *const keys[] = { "file", "fd", "snap", NULL };

extern const struct net_backend net_backend_pcap;
const struct net_backend net_backend_pcap = {
	.about = { .name = "pcap", .keys = keys, .help = "pcap,file=PATH:SPEC" },
	.open = pcap_open,
};
