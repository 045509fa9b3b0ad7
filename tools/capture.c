// SPDX-License-Identifier: BSD-2-Clause
/* Reading pcapng as the wrapper "pcap" writes it: one section of this host's byte order, one interface, nanoseconds. */
#include <errno.h>
#include <string.h>

#include "capture.h"

#define SECTION 0x0a0d0d0aU
#define PACKET 6U
#define OPTION_FLAGS 2U
#define FLAG_SENT 2U
#define DIRECTION 3U

struct block {
	uint32_t type, size;
};

struct packet {
	uint32_t interface, time_high, time_low, captured, length;
};

/* Options behind a packet: type and size of two bytes each, filled up to four. Return: the flags, 0 without */
static uint32_t flags_of(const unsigned char *at, size_t left)
{
	uint16_t option[2];
	uint32_t flags;

	for (; left >= sizeof(option) + sizeof(flags); at += 4 + option[1], left -= 4U + option[1]) {
		memcpy(option, at, sizeof(option));
		memcpy(&flags, at + 4, sizeof(flags));
		if (option[0] == OPTION_FLAGS && option[1] == sizeof(flags))
			return flags;
		option[1] = (uint16_t)((option[1] + 3) & ~3);
		if (!option[0] || left - 4 < option[1])
			break;
	}
	return 0;
}

/* @size: of the block, without the two words around its contents. Return: is it a whole packet? */
static bool read_packet(const unsigned char *at, size_t size, struct capture_frame *frame)
{
	struct packet packet;
	size_t padded;

	if (size < sizeof(packet))
		return false;
	memcpy(&packet, at, sizeof(packet));
	padded = ((size_t)packet.captured + 3) & ~(size_t)3;
	if (size - sizeof(packet) < padded)
		return false;
	*frame = (struct capture_frame){
		.time = (uint64_t)packet.time_high << 32 | packet.time_low,
		.bytes = at + sizeof(packet),
		.captured = packet.captured,
		.length = packet.length,
	};
	frame->sent = (flags_of(frame->bytes + padded, size - sizeof(packet) - padded) & DIRECTION) == FLAG_SENT;
	return true;
}

int capture_next(const unsigned char *bytes, size_t size, size_t *at, struct capture_frame *frame)
{
	struct block block;

	while (size - *at >= sizeof(block) + 4) {
		const unsigned char *contents = bytes + *at + sizeof(block);

		memcpy(&block, bytes + *at, sizeof(block));
		if (!*at && block.type != SECTION)
			return -EINVAL;
		if (block.size < sizeof(block) + 4 || block.size % 4 || size - *at < block.size)
			return 0;
		*at += block.size;
		if (block.type == PACKET && read_packet(contents, block.size - sizeof(block) - 4, frame))
			return 1;
	}
	return *at || !size ? 0 : -EINVAL;
}
