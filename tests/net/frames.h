/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames with real headers, for the tests of offloads: checksums that are still to be made, segments still to be cut */
#ifndef TESTS_NET_FRAMES_H
#define TESTS_NET_FRAMES_H

#include "station.h"

/** FRAME_HEADERS - bytes of the headers of Ethernet, IPv4 and TCP without options */
#define FRAME_HEADERS 54U

/**
 * frame_tcp() - a segment of TCP over IPv4 between addresses of documentation, its checksum left to be completed
 * @length:   bytes of the frame
 * @gso_size: payload of each segment that it is to be cut in; 0: it is one
 */
void frame_tcp(struct parcel *parcel, uint32_t length, uint32_t number, uint16_t gso_size);

/** frame_tcp_is() - is it that one, with its checksum either completed or still asked for? */
bool frame_tcp_is(const struct parcel *parcel, uint32_t length, uint32_t number, uint16_t gso_size);

/** frame_sum() - the Internet checksum of bytes, not complemented */
uint16_t frame_sum(uint32_t sum, const unsigned char *bytes, size_t size);

#endif
