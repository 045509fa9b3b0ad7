/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP peer that does what a script says, segment by segment: it has no stack, only a device. The kernel at the other
 * end is at 02-00-00-00-00-01, with the addresses of one family; sequence numbers count from each side's first one.
 */
#ifndef TESTS_NET_SCRIPT_H
#define TESTS_NET_SCRIPT_H

#include "script_family.h"
#include "station.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

#define SCRIPT_SACKS 3U
#define SCRIPT_FIRST 1000U /* of the peer's sequence numbers */

/**
 * struct segment - what goes either way
 * @flags:   SYN and the like; received ones without PSH, ECE and CWR
 * @ecn:     ECE and CWR
 * @push:    received: PSH
 * @ip_ecn:  the two bits of the IP header: 2 for "I understand marks", 3 for a mark
 * @hops:    of the IP header: how many routers it may still pass; sent: 0 means 64
 * @seq, @ack: relative
 * @length:  bytes of payload
 * @window:  sent: 0 means 65535, unless @closed
 * @closed:  sent: a window of 0
 * @urgent:  with URG: where the urgent data ends, from @seq on
 * @mss:     option; 0: none
 * @scale_ok, @scale: option of window scaling
 * @sack_ok: option
 * @sack:    option: begin and end of blocks, of which the first that is 0, 0 ends the list
 * @stamp, @echo: option; 0, 0: none
 * @cookie_ok: option of fast open, with the first @cookie_size bytes of @cookie; none of them asks for one
 * @between: sent: what comes between IP header and segment; NULL: nothing
 */
struct segment {
	unsigned int flags, ecn, ip_ecn, hops;
	bool push;
	uint32_t seq, ack;
	unsigned int length, window;
	bool closed;
	unsigned int urgent;
	unsigned int mss;
	bool scale_ok;
	unsigned int scale;
	bool sack_ok;
	uint32_t sack[SCRIPT_SACKS][2];
	uint32_t stamp, echo;
	bool cookie_ok;
	unsigned int cookie_size;
	unsigned char cookie[16];
	const struct script_between *between;
};

/**
 * struct script - the peer, in one connection
 * @family: of addresses
 * @kernel: Ethernet address
 * @here, @there: ports: of the peer, of the kernel
 * @first:  the kernel's first sequence number, once known
 * @deaf:   nobody is told this one's Ethernet address
 * @control: the last ICMP message of the kernel's: its type and code; 0: none
 */
struct script {
	struct station station;
	struct parcel out, in;
	const struct script_family *family;
	unsigned char kernel[6];
	uint16_t here, there;
	uint32_t first;
	bool deaf;
	unsigned int control;
};

/** script_open() - the peer at a device; ends the test when that fails */
void script_open(struct script *script, const char *spec, const struct script_family *family);
/** script_close() - and away */
void script_close(struct script *script);

/** script_connection() - forget the connection before; @there: the kernel's port, 0: as it comes */
void script_connection(struct script *script, uint16_t here, uint16_t there);

/** script_send() - one segment; its payload is of pattern 2, by its sequence number */
void script_send(struct script *script, const struct segment *segment);

/** script_send_piece() - a fragment of one: its bytes from @begin to @end, headers of TCP included; multiples of 8 */
void script_send_piece(struct script *script, const struct segment *segment, unsigned int begin, unsigned int end);

/**
 * script_complain() - tell the kernel, as a router on the way or the peer, about its segment at @seq
 * @mtu: for SCRIPT_TOO_BIG
 */
void script_complain(struct script *script, enum script_complaint complaint, uint32_t seq, unsigned int mtu);

/**
 * script_await() - wait until the kernel sends a segment with these flags, number, acknowledgement and length
 * @wanted: other fields do not count
 * @got:    out: the segment; may be NULL
 * Return: false after 20 seconds, with the last ones noted down
 *
 * What comes before is passed over: kernels send again what nobody answers for a while, as on a busy host.
 */
bool script_await(struct script *script, const struct segment *wanted, struct segment *got);

/** script_await_any() - wait for the next segment, whatever it is. Return: did one come in so many milliseconds? */
bool script_await_any(struct script *script, int milliseconds, struct segment *got);

/** script_await_control() - wait for an ICMP message. Return: false after 20 seconds */
bool script_await_control(struct script *script, unsigned int type, unsigned int code);

/** script_ask_neighbour() - ask for the kernel's Ethernet address, for 20 seconds. Return: was it told? */
bool script_ask_neighbour(struct script *script);

/** script_quiet() - does the kernel send nothing of this connection for 200 ms? */
bool script_quiet(struct script *script);

#endif
