/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures of network devices: reading what the wrapper "pcap" wrote, and saying in a line what a frame is. */
#ifndef TOOLS_CAPTURE_H
#define TOOLS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum capture_kind - what a frame is about, for counting */
enum capture_kind {
	CAPTURE_ARP,
	CAPTURE_DHCP,
	CAPTURE_TCP,
	CAPTURE_UDP,
	CAPTURE_ICMP,
	CAPTURE_ICMPV6,
	CAPTURE_IGMP,
	CAPTURE_OTHER,
	CAPTURE_KINDS,
};

/**
 * struct capture_frame - one frame of a capture
 * @time:   nanoseconds since 1970
 * @sent:   by the kernel; else it was received
 * @bytes, @captured: what is kept of it
 * @length: that it had
 */
struct capture_frame {
	uint64_t time;
	bool sent;
	const unsigned char *bytes;
	size_t captured, length;
};

/**
 * capture_next() - the next frame
 * @bytes, @size: the whole file
 * @at: where to look; 0 first; moved behind the frame
 * Return: 1; 0 at the end, also when the rest is no whole block; -EINVAL: the file is no capture
 */
int capture_next(const unsigned char *bytes, size_t size, size_t *at, struct capture_frame *frame);

/**
 * frame_describe() - one line: addresses, protocol, what it says
 * @text: out; "TCP 10.0.2.15:1025 > 10.0.2.2:80 SYN, 0 bytes, mss 1460, sackOK, wscale 7"
 *
 * Frames are whatever a network brought: nothing behind @captured is looked at.
 */
enum capture_kind frame_describe(const struct capture_frame *frame, char *text, size_t size);

/** capture_kind_name() - "TCP" and the like */
const char *capture_kind_name(enum capture_kind kind);

#endif
