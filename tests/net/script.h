/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TCP peer that does what a script says, segment by segment: it has no stack, only a device. The kernel at the other
 * end is 10.9.0.1 at 02-00-00-00-00-01, this is 10.9.0.2; sequence numbers count from each side's first one.
 */
#ifndef TESTS_NET_SCRIPT_H
#define TESTS_NET_SCRIPT_H

#include "station.h"

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, ECE = 64, CWR = 128 };

/**
 * struct segment - what goes either way
 * @flags:   SYN and the like; received ones without PSH, ECE and CWR
 * @ecn:     ECE and CWR
 * @ip_ecn:  the two bits of the IP header: 2 for "I understand marks", 3 for a mark
 * @seq, @ack: relative
 * @length:  bytes of payload
 * @window:  sent: 0 means 65535, unless @closed
 * @closed:  sent: a window of 0
 * @mss:     option; 0: none
 * @sack_ok: option
 * @sack:    option: begin and end of one block; 0, 0: none
 * @stamp, @echo: option; 0, 0: none
 * @cookie_ok: option of fast open, with the first @cookie_size bytes of @cookie; none of them asks for one
 */
struct segment {
	unsigned int flags, ecn, ip_ecn;
	uint32_t seq, ack;
	unsigned int length, window;
	bool closed;
	unsigned int mss;
	bool sack_ok;
	uint32_t sack[2];
	uint32_t stamp, echo;
	bool cookie_ok;
	unsigned int cookie_size;
	unsigned char cookie[16];
};

/**
 * struct script - the peer, in one connection
 * @here, @there: ports: of the peer, of the kernel
 * @first:  the kernel's first sequence number, once known
 */
struct script {
	struct station station;
	struct parcel out, in;
	unsigned char kernel[6];
	uint16_t here, there;
	uint32_t first;
};

/** script_open() - the peer at a device; ends the test when that fails */
void script_open(struct script *script, const char *spec);
/** script_close() - and away */
void script_close(struct script *script);

/** script_connection() - forget the connection before; @there: the kernel's port, 0: as it comes */
void script_connection(struct script *script, uint16_t here, uint16_t there);

/** script_send() - one segment; its payload is of pattern 2, by its sequence number */
void script_send(struct script *script, const struct segment *segment);

/** script_too_big() - tell the kernel, as a router on the way, that its segment at @seq is larger than @mtu */
void script_too_big(struct script *script, uint32_t seq, unsigned int mtu);

/**
 * script_await() - wait until the kernel sends a segment with these flags, number, acknowledgement and length
 * @wanted: other fields do not count
 * @got:    out: the segment; may be NULL
 * Return: false after 20 seconds, with the last ones noted down
 *
 * What comes before is passed over: kernels send again what nobody answers for a while, as on a busy host.
 */
bool script_await(struct script *script, const struct segment *wanted, struct segment *got);

/** script_quiet() - does the kernel send nothing of this connection for 200 ms? */
bool script_quiet(struct script *script);

#endif
