/* SPDX-License-Identifier: BSD-2-Clause */
/* What differs between IPv4 and IPv6 for a scripted peer: headers, neighbours, messages of routers */
#ifndef TESTS_NET_SCRIPT_FAMILY_H
#define TESTS_NET_SCRIPT_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#define SCRIPT_ETHERNET 14U /* bytes of its header */

/** enum script_complaint - of a router on the way, or of the peer */
enum script_complaint { SCRIPT_TOO_BIG, SCRIPT_NO_ROUTE, SCRIPT_NO_PORT, SCRIPT_TOO_FAR, SCRIPT_COMPLAINTS };

/**
 * struct script_between - bytes between the header of IP and what it carries: options of IPv4, an extension header of
 * IPv6
 * @type: of the extension header
 * @size: a multiple of 4; of 8 in an extension header, whose first byte is filled in
 */
struct script_between {
	unsigned char type;
	unsigned int size;
	unsigned char bytes[40];
};

/**
 * struct script_packet - a packet of IP
 * @protocol: of what it carries
 * @size:     bytes of that
 * @ecn, @hops: as struct segment
 * @begin, @more: a fragment: where it begins, and does another one follow? 0, false: the whole
 * @between:  NULL: nothing
 */
struct script_packet {
	unsigned int protocol, size, ecn, hops, begin;
	bool more;
	const struct script_between *between;
};

/** enum script_meaning - of a received frame that is no segment */
enum script_meaning { SCRIPT_STRANGE, SCRIPT_QUESTION, SCRIPT_ANSWER, SCRIPT_CONTROL };

/**
 * struct script_family - addresses of one kind, and how packets of theirs look
 * @name:    for users
 * @number:  AF_INET, AF_INET6
 * @kernel, @peer, @prefix: addresses, and the bits of their network
 * @header:  bytes of the header without anything between
 * @type:    of Ethernet frames
 * @control: number of ICMP among protocols
 * @pair:    addresses as in headers from the peer to the kernel
 * @pair_size: bytes of them
 * @complaints: type and code of each
 */
struct script_family {
	const char *name;
	int number;
	const char *kernel, *peer, *prefix;
	unsigned int header;
	uint16_t type;
	unsigned int control;
	const unsigned char *pair;
	unsigned int pair_size;
	unsigned char complaints[SCRIPT_COMPLAINTS][2];

	/** put() - write headers. @back: from the kernel to the peer. Return: their bytes */
	unsigned int (*put)(unsigned char *at, const struct script_packet *packet, bool back);
	/** get() - read a packet's headers. Return: their bytes; 0: it is none from the kernel to the peer */
	unsigned int (*get)(const unsigned char *at, unsigned int size, struct script_packet *packet);
	/** put_mtu() - into a message that a packet is too big */
	void (*put_mtu)(unsigned char *message, unsigned int mtu);
	/**
	 * ask(), answer() - write a whole frame but its destination: a question for the kernel's Ethernet address; the
	 * answer to the kernel's question @in. Return: its bytes
	 */
	unsigned int (*ask)(unsigned char *frame, const unsigned char own[6]);
	unsigned int (*answer)(unsigned char *frame, const unsigned char own[6], const unsigned char *in);
	/** classify() - what is this frame, of @size bytes? @control: out: type and code of an ICMP message */
	enum script_meaning (*classify)(const unsigned char *frame, unsigned int size, unsigned int *control);
};

extern const struct script_family script_ipv4, script_ipv6;

/** script_family_of() - by its name; ends the test without it */
const struct script_family *script_family_of(const char *name);

/** script_control_sum() - complete the checksum of an ICMP message from the peer. @size: bytes of it */
void script_control_sum(const struct script_family *family, unsigned char *message, unsigned int size);

/* Numbers as on the wire */
uint32_t script_get16(const unsigned char *at);
uint32_t script_get32(const unsigned char *at);
void script_put16(unsigned char *at, uint32_t value);
void script_put32(unsigned char *at, uint32_t value);

#endif
