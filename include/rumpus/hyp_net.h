/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O hypercalls for network devices.
 *
 * The form is that of hyp_blk.h: a device is opened on the host side by a specification, handed to a kernel, which
 * attach()es to it, sends in batches and hears of their completion by upcall. One thing differs, because frames arrive
 * unasked: the kernel fetches them when it has time for them, into memory that it never leaves with the device. An
 * upcall says that there are some, once, and again only after a fetch that came back with less than it had room for:
 * so a busy kernel is never interrupted, and an idle one at once.
 *
 * A frame is an Ethernet frame without its checksum. Offloads are described by a header in the form of virtio's
 * network device, in the host's byte order.
 *
 * A device begins with struct hyp_net; what follows is the backend's own.
 */
#ifndef RUMPUS_HYP_NET_H
#define RUMPUS_HYP_NET_H

#include <rumpus/hyp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HYP_NET_VERSION 1U

/** HYP_NET_HEADER_MIN - bytes of the shortest frame: two addresses and a type */
#define HYP_NET_HEADER_MIN 14U
/** HYP_NET_HEADER_MAX - bytes of a frame that are not counted in the MTU: the same with a VLAN tag */
#define HYP_NET_HEADER_MAX 18U

/** enum hyp_net_header_flags - in struct hyp_net_header */
enum hyp_net_header_flags {
	HYP_NET_NEEDS_CSUM = 1, /* the checksum at csum_start + csum_offset is to be completed from csum_start on */
	HYP_NET_CSUM_VALID = 2, /* received: the checksum was verified, or the frame never left this host */
};

/** enum hyp_net_gso - in struct hyp_net_header: how the frame is to be cut in segments, or was put together */
enum hyp_net_gso {
	HYP_NET_GSO_NONE = 0,
	HYP_NET_GSO_TCPV4 = 1,
	HYP_NET_GSO_TCPV6 = 4,
	HYP_NET_GSO_UDP = 5, /* datagrams of gso_size bytes, each with its own UDP header on the wire */
	HYP_NET_GSO_ECN = 0x80, /* or-ed with TCP: the first segment has the CWR flag */
};

/**
 * struct hyp_net_header - offloads of a frame
 * @flags:         enum hyp_net_header_flags, or-ed
 * @gso_type:      enum hyp_net_gso
 * @header_length: bytes of all headers; a hint
 * @gso_size:      payload bytes of each segment but the last
 * @csum_start:    byte of the frame where summing begins
 * @csum_offset:   bytes from there to the checksum
 * @reserved:      0
 */
struct hyp_net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t header_length;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t reserved;
};

/**
 * struct hyp_net_frame - one frame, or room for one
 * @next:   the caller links a batch, the backend links the completions; NULL ends the list
 * @iov:    memory, in order
 * @iovcnt: pieces
 * @length: bytes; to be sent: the sum of @iov; received: set by the backend
 * @header: offloads; received: set by the backend, not yet judged by anyone: peers may put anything there
 * @status: set by the backend for what was sent: 0, or a negative enum hyp_error
 * @backend: the backend's own while the frame is with it
 *
 * A frame to be sent, the pieces and their bytes belong to the backend from send() to its completion. Room for frames
 * is lent for the time of the call of receive() alone.
 */
struct hyp_net_frame {
	struct hyp_net_frame *next;
	const struct hyp_iovec *iov;
	uint32_t iovcnt;
	uint32_t length;
	struct hyp_net_header header;
	int32_t status;
	uint64_t backend[2];
};

/** enum hyp_net_caps - in struct hyp_net_info; each holds in both directions: a user must take what it may send */
enum hyp_net_caps {
	HYP_NET_CAP_CSUM = 1, /* HYP_NET_NEEDS_CSUM */
	HYP_NET_CAP_TSO4 = 2, /* HYP_NET_GSO_TCPV4, needs HYP_NET_CAP_CSUM as all of them do */
	HYP_NET_CAP_TSO6 = 4, /* HYP_NET_GSO_TCPV6 */
	HYP_NET_CAP_ECN = 8, /* HYP_NET_GSO_ECN */
	HYP_NET_CAP_USO = 16, /* HYP_NET_GSO_UDP */
};

/**
 * struct hyp_net_info - capabilities of a device; constant while it is open
 * @mac:         address that the user should have on this network
 * @queues:      pairs of a queue to send and one to receive
 * @caps:        enum hyp_net_caps, or-ed
 * @mtu:         bytes of a frame's payload that the network wants
 * @max_mtu:     most that it may be changed to
 * @max_frame:   bytes of the largest frame, sent or received, that is to be segmented; at least those of @max_mtu
 * @queue_depth: frames to be sent that may be with the backend at one time, in each queue
 * @max_iov:     pieces of a frame
 * @speed:       megabits a second; 0: unknown
 */
struct hyp_net_info {
	uint8_t mac[6];
	uint16_t queues;
	uint32_t caps;
	uint32_t mtu;
	uint32_t max_mtu;
	uint32_t max_frame;
	uint32_t queue_depth;
	uint32_t max_iov;
	uint32_t speed;
};

/**
 * struct hyp_net_stats - what happened since the device was opened
 * @sent_frames, @sent_bytes: handed to the network
 * @sent_dropped: completed without an error, and lost: nobody was there to take them
 * @received_frames, @received_bytes: handed to the user
 * @received_dropped: lost for want of room or of a user
 * @received_bad: refused: too short, too long, malformed
 */
struct hyp_net_stats {
	uint64_t sent_frames;
	uint64_t sent_bytes;
	uint64_t sent_dropped;
	uint64_t received_frames;
	uint64_t received_bytes;
	uint64_t received_dropped;
	uint64_t received_bad;
};

struct hyp_net;

/**
 * struct hyp_net_upcalls - what a user of a device offers
 *
 * They come on any thread, several at once, also inside a call of the user's before it returns. They may only store and
 * wake, and must not call the device.
 *
 * @sent:  frames have ended, linked by @next in the order of completion; they are the user's again
 * @ready: there are frames to receive; comes once after attach(), and after each receive() that left room
 * @link:  what link() returns may have changed
 */
struct hyp_net_upcalls {
	void (*sent)(void *cookie, uint32_t queue, struct hyp_net_frame *done);
	void (*ready)(void *cookie, uint32_t queue);
	void (*link)(void *cookie);
};

/**
 * struct hyp_net_ops - a backend
 * @version: HYP_NET_VERSION of the backend
 * @size:    sizeof(struct hyp_net_ops) of the backend
 * @name:    "pair", "tap", ...; for messages
 */
struct hyp_net_ops {
	uint32_t version;
	uint32_t size;
	const char *name;

	/**
	 * attach() - bind a user to the device; frames are taken from the network from now on
	 * @upcalls: valid until detach()
	 * @cookie:  first argument of every upcall
	 * Return: 0, -HYP_EBUSY when there is a user
	 */
	int (*attach)(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie);
	/**
	 * detach() - unbind the user; blocks until no upcall runs any more
	 *
	 * What is still to be sent comes back by @upcalls.sent first, with -HYP_ESHUTDOWN; frames that nobody fetched are
	 * dropped, and so is what arrives from now on. No other call of this device is under way.
	 */
	void (*detach)(struct hyp_net *net);
	/**
	 * send() - hand over a batch
	 * @queue: less than info.queues
	 * @batch: frames linked by @next, at most info.queue_depth with those still under way in this queue
	 *
	 * Never blocks on the network. Every frame completes exactly once: 0 when it was sent, or lost as networks lose
	 * frames; -HYP_EINVAL when it breaks the rules of struct hyp_net_info; -HYP_EOPNOTSUPP when it needs a
	 * capability that is not there; -HYP_ESHUTDOWN when the link is down. A network that takes nothing for a while
	 * keeps frames under way: the user stops when info.queue_depth of them are.
	 * Context: any thread; one at a time for each queue, beside receive().
	 */
	void (*send)(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch);
	/**
	 * receive() - fetch frames that have arrived
	 * @queue: less than info.queues
	 * @room:  list of at least one; filled from the first on: @length, @header and memory. What does not fit into
	 *         the memory of one is dropped; with info.max_frame bytes in each, everything fits
	 *
	 * Never blocks. With fewer than there was room for, an upcall will say when there are more.
	 * Context: any thread; one at a time for each queue, beside send().
	 * Return: how many were filled
	 */
	uint32_t (*receive)(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room);
	/** link() - is there a network at the other end? */
	bool (*link)(struct hyp_net *net);
	/** stats() - counters, each by itself consistent */
	void (*stats)(struct hyp_net *net, struct hyp_net_stats *stats);
	/**
	 * describe() - one line about what is behind the device ("tap tap0, 2 queues")
	 * Return: length as snprintf(3)
	 */
	int (*describe)(const struct hyp_net *net, char *buf, size_t size);
	/** close() - free the device and those it stands on; no user is attached; blocks */
	void (*close)(struct hyp_net *net);
};

/**
 * struct hyp_net - an open device
 * @ops:  its backend
 * @info: what it can do
 */
struct hyp_net {
	const struct hyp_net_ops *ops;
	struct hyp_net_info info;
};

/** enum hyp_net_open_flags - for hyp_net_open() */
enum hyp_net_open_flags {
	HYP_NET_OPEN_PLAIN = 1, /* no offloads, in neither direction: for users that do not know the header */
};

/**
 * hyp_net_open() - open a device by its specification
 * @spec:  NAME[,KEY=VALUE...]:REST, where REST is what the backend opens or, for a wrapper, another specification:
 *         "tap:tap0", "tap,fd=5:", "slirp:", "pair:left", "pcap,file=x.pcap:slirp:"; see doc/net.md
 * @flags: enum hyp_net_open_flags, or-ed
 * @net:   out: the device; caller closes it with net->ops->close()
 * @error: buffer of @error_size bytes for one line that names what is wrong and the remedy, on failure; may be NULL
 *
 * Blocks. Host side: a kernel never calls it.
 * Return: 0; -HYP_EINVAL for a specification that is not understood; -HYP_ENOENT, -HYP_EACCES, -HYP_EPERM, -HYP_ENODEV
 * as the host says; -HYP_EBUSY when it is in use.
 */
int hyp_net_open(const char *spec, uint32_t flags, struct hyp_net **net, char *error, size_t error_size);

HYP_ASSERT(sizeof(struct hyp_net_header) == 12, "same layout as struct virtio_net_hdr_v1 of a little-endian host");
HYP_ASSERT(sizeof(struct hyp_net_frame) == 2 * sizeof(void *) + 24 + 16, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_net_info) == 36, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_net_stats) == 56, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_net_upcalls) == 3 * sizeof(void *), "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_net_ops) == 8 + 9 * sizeof(void *), "crosses a boundary");

#ifdef __cplusplus
}
#endif

#endif
