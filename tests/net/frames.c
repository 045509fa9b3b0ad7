// SPDX-License-Identifier: BSD-2-Clause
/* Frames with real headers, for the tests of offloads */
#include <string.h>

#include "frames.h"
#include "../fs/pattern.h"

#define IP_AT 14U
#define TCP_AT 34U
#define TCP_SUM 16U /* in its header */

uint16_t frame_sum(uint32_t sum, const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (size & 1)
		sum += (uint32_t)bytes[size - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

/* Of addresses, protocol and length, which the checksum covers besides the segment */
static uint16_t pseudo_sum(const unsigned char *bytes, uint32_t length)
{
	return frame_sum(6 + length - TCP_AT, bytes + 26, 8);
}

void frame_tcp(struct parcel *parcel, uint32_t length, uint32_t number, uint16_t gso_size)
{
	static const unsigned char ip[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2 };
	static const unsigned char tcp[20] = { 0x30, 0x39, 0,	 80,   0,    0, 0, 1, 0, 0,
					       0,    0,	   0x50, 0x10, 0x20, 0, 0, 0, 0, 0 };
	unsigned char *bytes = parcel->bytes;

	parcel_fill(parcel, length, number);
	memcpy(bytes, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00", IP_AT);
	memcpy(bytes + IP_AT, ip, sizeof(ip));
	put16(bytes + IP_AT + 2, length - IP_AT);
	put16(bytes + IP_AT + 10, (uint16_t)~frame_sum(0, bytes + IP_AT, sizeof(ip)));
	memcpy(bytes + TCP_AT, tcp, sizeof(tcp));
	put16(bytes + TCP_AT + TCP_SUM, pseudo_sum(bytes, length));
	pattern_fill(number, 0, bytes + FRAME_HEADERS, length - FRAME_HEADERS);
	parcel->frame.header = (struct hyp_net_header){
		.flags = HYP_NET_NEEDS_CSUM,
		.csum_start = TCP_AT,
		.csum_offset = TCP_SUM,
	};
	if (gso_size) {
		parcel->frame.header.gso_type = HYP_NET_GSO_TCPV4;
		parcel->frame.header.gso_size = gso_size;
		parcel->frame.header.header_length = FRAME_HEADERS;
	}
}

static bool checksum_is_right(const struct parcel *parcel)
{
	const struct hyp_net_header *header = &parcel->frame.header;
	uint32_t length = parcel->frame.length;
	const unsigned char *bytes = parcel->bytes;

	if (header->flags & HYP_NET_NEEDS_CSUM)
		return header->csum_start == TCP_AT && header->csum_offset == TCP_SUM &&
		       (bytes[TCP_AT + TCP_SUM] << 8 | bytes[TCP_AT + TCP_SUM + 1]) == pseudo_sum(bytes, length);
	return frame_sum(pseudo_sum(bytes, length), bytes + TCP_AT, length - TCP_AT) == 0xffff;
}

bool frame_tcp_is(const struct parcel *parcel, uint32_t length, uint32_t number, uint16_t gso_size)
{
	const struct hyp_net_header *header = &parcel->frame.header;

	return parcel->frame.length == length &&
	       pattern_is(number, 0, parcel->bytes + FRAME_HEADERS, length - FRAME_HEADERS) &&
	       checksum_is_right(parcel) &&
	       (header->gso_type & ~HYP_NET_GSO_ECN) == (gso_size ? HYP_NET_GSO_TCPV4 : 0) &&
	       header->gso_size == gso_size;
}
