// SPDX-License-Identifier: BSD-2-Clause
/* What differs between IPv4 and IPv6 for a scripted peer */
#include <string.h>
#include <sys/socket.h>

#include "../tap.h"
#include "frames.h"
#include "script_family.h"

#define FRAGMENT_ID 0x1234
#define ARP 0x0806
#define SOLICITATION 135
#define ADVERTISEMENT 136
#define DISCOVERY 32U /* bytes of either message, with an Ethernet address */

enum { PROTOCOL_ICMP = 1, PROTOCOL_FRAGMENT = 44, PROTOCOL_ICMPV6 = 58 };

uint32_t script_get16(const unsigned char *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

uint32_t script_get32(const unsigned char *at)
{
	return script_get16(at) << 16 | script_get16(at + 2);
}

void script_put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

void script_put32(unsigned char *at, uint32_t value)
{
	script_put16(at, value >> 16);
	script_put16(at + 2, value);
}

void script_control_sum(const struct script_family *family, unsigned char *message, unsigned int size)
{
	uint32_t sum = 0;

	if (family->control == PROTOCOL_ICMPV6)
		sum = family->control + size + frame_sum(0, family->pair, family->pair_size);
	script_put16(message + 2, 0);
	script_put16(message + 2, (uint16_t)~frame_sum(sum, message, size));
}

/* Both addresses, in either order */
static void put_addresses(const struct script_family *family, unsigned char *at, bool back)
{
	const unsigned int half = family->pair_size / 2;

	memcpy(at, family->pair + (back ? half : 0), half);
	memcpy(at + half, family->pair + (back ? 0 : half), half);
}

static bool are_addresses_back(const struct script_family *family, const unsigned char *at)
{
	const unsigned int half = family->pair_size / 2;

	return !memcmp(at, family->pair + half, half) && !memcmp(at + half, family->pair, half);
}

/* ---- IPv4 ---- */

static const unsigned char pair4[8] = { 10, 9, 0, 2, 10, 9, 0, 1 };

static unsigned int put4(unsigned char *at, const struct script_packet *packet, bool back)
{
	const unsigned int options = packet->between ? packet->between->size : 0, header = 20 + options;

	memset(at, 0, 20);
	at[0] = (unsigned char)(0x40 | header / 4);
	at[1] = (unsigned char)packet->ecn;
	script_put16(at + 2, header + packet->size);
	script_put16(at + 4, FRAGMENT_ID);
	script_put16(at + 6, packet->begin / 8 | (packet->more ? 0x2000 : 0));
	at[8] = (unsigned char)packet->hops;
	at[9] = (unsigned char)packet->protocol;
	put_addresses(&script_ipv4, at + 12, back);
	if (options)
		memcpy(at + 20, packet->between->bytes, options);
	script_put16(at + 10, (uint16_t)~frame_sum(0, at, header));
	return header;
}

static unsigned int get4(const unsigned char *at, unsigned int size, struct script_packet *packet)
{
	const unsigned int header = size < 20 ? 0 : (at[0] & 15U) * 4;

	if (header < 20 || at[0] >> 4 != 4 || script_get16(at + 2) > size || script_get16(at + 2) < header ||
	    !are_addresses_back(&script_ipv4, at + 12))
		return 0;
	*packet = (struct script_packet){
		.protocol = at[9],
		.size = script_get16(at + 2) - header,
		.ecn = at[1] & 3,
		.hops = at[8],
		.begin = (script_get16(at + 6) & 0x1fff) * 8,
		.more = at[6] & 0x20,
	};
	return header;
}

static void put_mtu4(unsigned char *message, unsigned int mtu)
{
	script_put16(message + 6, mtu);
}

static unsigned int put_arp(unsigned char *frame, unsigned int operation, const unsigned char own[6],
			    const unsigned char other[6])
{
	unsigned char *arp = frame + SCRIPT_ETHERNET;

	memcpy(frame + 6, own, 6);
	script_put16(frame + 12, ARP);
	memcpy(arp, "\x00\x01\x08\x00\x06\x04", 6);
	script_put16(arp + 6, operation);
	memcpy(arp + 8, own, 6);
	memcpy(arp + 14, pair4, 4);
	memcpy(arp + 18, other, 6);
	memcpy(arp + 24, pair4 + 4, 4);
	return SCRIPT_ETHERNET + 28;
}

static unsigned int ask4(unsigned char *frame, const unsigned char own[6])
{
	static const unsigned char unknown[6];

	return put_arp(frame, 1, own, unknown);
}

static unsigned int answer4(unsigned char *frame, const unsigned char own[6], const unsigned char *in)
{
	return put_arp(frame, 2, own, in + 6);
}

static enum script_meaning classify4(const unsigned char *frame, unsigned int size, unsigned int *control)
{
	const unsigned char *ip = frame + SCRIPT_ETHERNET;
	struct script_packet packet;
	unsigned int header;

	if (size >= SCRIPT_ETHERNET + 28 && script_get16(frame + 12) == ARP && !memcmp(ip + 24, pair4, 4))
		return script_get16(ip + 6) == 1 ? SCRIPT_QUESTION : SCRIPT_ANSWER;
	if (size < SCRIPT_ETHERNET || script_get16(frame + 12) != script_ipv4.type)
		return SCRIPT_STRANGE;
	header = get4(ip, size - SCRIPT_ETHERNET, &packet);
	if (!header || packet.protocol != PROTOCOL_ICMP || packet.size < 8)
		return SCRIPT_STRANGE;
	*control = script_get16(ip + header);
	return SCRIPT_CONTROL;
}

const struct script_family script_ipv4 = {
	.name = "ipv4",
	.number = AF_INET,
	.kernel = "10.9.0.1",
	.peer = "10.9.0.2",
	.prefix = "/24",
	.header = 20,
	.type = 0x0800,
	.control = PROTOCOL_ICMP,
	.pair = pair4,
	.pair_size = sizeof(pair4),
	.complaints = { { 3, 4 }, { 3, 1 }, { 3, 3 }, { 11, 0 } },
	.put = put4,
	.get = get4,
	.put_mtu = put_mtu4,
	.ask = ask4,
	.answer = answer4,
	.classify = classify4,
};

/* ---- IPv6 ---- */

static const unsigned char pair6[32] = { 0xfd, 9, [15] = 2, 0xfd, 9, [31] = 1 };

static unsigned int put6(unsigned char *at, const struct script_packet *packet, bool back)
{
	const bool fragment = packet->begin || packet->more;
	const struct script_between *between = packet->between;
	unsigned char *next = at + 6, *end = at + 40;

	memset(at, 0, 40);
	script_put32(at, 6U << 28 | packet->ecn << 20);
	*next = (unsigned char)packet->protocol;
	at[7] = (unsigned char)packet->hops;
	put_addresses(&script_ipv6, at + 8, back);
	if (fragment) {
		memset(end, 0, 8);
		*end = *next;
		*next = PROTOCOL_FRAGMENT;
		script_put16(end + 2, packet->begin | packet->more);
		script_put32(end + 4, FRAGMENT_ID);
		end += 8;
	} else if (between) {
		memcpy(end, between->bytes, between->size);
		*end = *next;
		*next = between->type;
		end += between->size;
	}
	script_put16(at + 4, (uint32_t)(end - at) - 40 + packet->size);
	return (unsigned int)(end - at);
}

static unsigned int get6(const unsigned char *at, unsigned int size, struct script_packet *packet)
{
	if (size < 40 || at[0] >> 4 != 6 || script_get16(at + 4) + 40 > size ||
	    !are_addresses_back(&script_ipv6, at + 8))
		return 0;
	*packet = (struct script_packet){
		.protocol = at[6],
		.size = script_get16(at + 4),
		.ecn = script_get32(at) >> 20 & 3,
		.hops = at[7],
	};
	return 40;
}

static void put_mtu6(unsigned char *message, unsigned int mtu)
{
	script_put32(message + 4, mtu);
}

/* Neighbour discovery: a question or an answer with this one's Ethernet address. @target: whose address it is about */
static unsigned int put_discovery(unsigned char *frame, unsigned char type, const unsigned char own[6],
				  const unsigned char target[16])
{
	const struct script_packet packet = { .protocol = PROTOCOL_ICMPV6, .size = DISCOVERY, .hops = 255 };
	unsigned char *message = frame + SCRIPT_ETHERNET + put6(frame + SCRIPT_ETHERNET, &packet, false);

	memcpy(frame + 6, own, 6);
	script_put16(frame + 12, script_ipv6.type);
	memset(message, 0, DISCOVERY);
	message[0] = type;
	message[4] = type == ADVERTISEMENT ? 0x60 : 0; /* asked for, and to be believed */
	memcpy(message + 8, target, 16);
	message[24] = type == ADVERTISEMENT ? 2 : 1; /* option: address of the target, of the source */
	message[25] = 1;
	memcpy(message + 26, own, 6);
	script_control_sum(&script_ipv6, message, DISCOVERY);
	return SCRIPT_ETHERNET + 40 + DISCOVERY;
}

static unsigned int ask6(unsigned char *frame, const unsigned char own[6])
{
	return put_discovery(frame, SOLICITATION, own, pair6 + 16);
}

static unsigned int answer6(unsigned char *frame, const unsigned char own[6], const unsigned char *in)
{
	(void)in;
	return put_discovery(frame, ADVERTISEMENT, own, pair6);
}

static enum script_meaning classify6(const unsigned char *frame, unsigned int size, unsigned int *control)
{
	const unsigned char *ip = frame + SCRIPT_ETHERNET, *message = ip + 40;

	if (size < SCRIPT_ETHERNET + 48 || script_get16(frame + 12) != script_ipv6.type || ip[6] != PROTOCOL_ICMPV6)
		return SCRIPT_STRANGE;
	/* Questions go to a group of stations, and may be about others. */
	if (message[0] == SOLICITATION)
		return size >= SCRIPT_ETHERNET + 64 && !memcmp(message + 8, pair6, 16) ? SCRIPT_QUESTION
										       : SCRIPT_STRANGE;
	if (memcmp(ip + 24, pair6, 16) != 0)
		return SCRIPT_STRANGE;
	if (message[0] == ADVERTISEMENT)
		return SCRIPT_ANSWER;
	*control = script_get16(message);
	return SCRIPT_CONTROL;
}

const struct script_family script_ipv6 = {
	.name = "ipv6",
	.number = AF_INET6,
	.kernel = "fd09::1",
	.peer = "fd09::2",
	.prefix = "/64",
	.header = 40,
	.type = 0x86dd,
	.control = PROTOCOL_ICMPV6,
	.pair = pair6,
	.pair_size = sizeof(pair6),
	.complaints = { { 2, 0 }, { 1, 0 }, { 1, 4 }, { 3, 0 } },
	.put = put6,
	.get = get6,
	.put_mtu = put_mtu6,
	.ask = ask6,
	.answer = answer6,
	.classify = classify6,
};

const struct script_family *script_family_of(const char *name)
{
	const struct script_family *const families[] = { &script_ipv4, &script_ipv6 };
	unsigned int i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (name && !strcmp(name, families[i]->name))
			return families[i];
	tap_abort("usage: TEST %s|%s", script_ipv4.name, script_ipv6.name);
}
