// SPDX-License-Identifier: BSD-2-Clause
/* A TCP peer that does what a script says */
#include <string.h>
#include <time.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "frames.h"
#include "script.h"

#define IP_AT 14U
#define TCP_AT 34U
#define FIRST 1000U    /* of this side's sequence numbers */
#define PATIENCE 20000 /* milliseconds */
#define QUIET 200

static const unsigned char own[6] = { 2, 0, 0, 0, 0, 2 }, addresses[8] = { 10, 9, 0, 2, 10, 9, 0, 1 };

static uint32_t get16(const unsigned char *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const unsigned char *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

void script_open(struct script *script, const char *spec)
{
	memset(script, 0, sizeof(*script));
	memcpy(script->kernel, "\x02\x00\x00\x00\x00\x01", sizeof(script->kernel));
	station_open(&script->station, spec, HYP_NET_OPEN_PLAIN);
	parcel_make(&script->out);
	parcel_make(&script->in);
}

void script_close(struct script *script)
{
	station_close(&script->station);
	parcel_free(&script->out);
	parcel_free(&script->in);
}

void script_connection(struct script *script, uint16_t here, uint16_t there)
{
	script->here = here;
	script->there = there;
	script->first = 0;
}

static void transmit(struct script *script, uint32_t length)
{
	script->out.frame.length = length;
	script->out.frame.header = (struct hyp_net_header){ 0 };
	parcel_cut(&script->out, length, 1, NULL);
	if (station_run(&script->station, 0, &script->out))
		tap_note("a frame was not sent");
}

static unsigned char *put_options(unsigned char *at, const struct segment *segment)
{
	if (segment->mss) {
		memcpy(at, "\x02\x04", 2);
		put16(at + 2, segment->mss);
		at += 4;
	}
	if (segment->sack_ok) {
		memcpy(at, "\x01\x01\x04\x02", 4);
		at += 4;
	}
	if (segment->stamp || segment->echo) {
		memcpy(at, "\x01\x01\x08\x0a", 4);
		put32(at + 4, segment->stamp);
		put32(at + 8, segment->echo);
		at += 12;
	}
	if (segment->cookie_ok) {
		memcpy(at, "\x01\x01\x22", 3);
		at[3] = (unsigned char)(2 + segment->cookie_size);
		memcpy(at + 4, segment->cookie, segment->cookie_size);
		at += 4 + segment->cookie_size;
	}
	return at;
}

static unsigned char *put_sack(unsigned char *at, const struct script *script, const struct segment *segment)
{
	if (!segment->sack[1])
		return at;
	memcpy(at, "\x01\x01\x05\x0a", 4);
	put32(at + 4, script->first + segment->sack[0]);
	put32(at + 8, script->first + segment->sack[1]);
	return at + 12;
}

static void put_ip(unsigned char *ip, uint32_t size, unsigned char protocol, unsigned int ecn)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = (unsigned char)ecn;
	put16(ip + 2, size + 20);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, (uint16_t)~frame_sum(0, ip, 20));
}

static void put_ethernet(struct script *script)
{
	memcpy(script->out.bytes, script->kernel, 6);
	memcpy(script->out.bytes + 6, own, 6);
	put16(script->out.bytes + 12, 0x0800);
}

/* ICMP: a message with the beginning of the segment that was too large */
void script_too_big(struct script *script, uint32_t seq, unsigned int mtu)
{
	unsigned char *icmp = script->out.bytes + TCP_AT, *ip = icmp + 8, *tcp = ip + 20;

	put_ethernet(script);
	put_ip(script->out.bytes + IP_AT, 36, 1, 0);
	memset(icmp, 0, 36);
	memcpy(icmp, "\x03\x04", 2);
	put16(icmp + 6, mtu);
	put_ip(ip, 1480, 6, 0);
	memcpy(ip + 12, addresses + 4, 4);
	memcpy(ip + 16, addresses, 4);
	put16(tcp, script->there);
	put16(tcp + 2, script->here);
	put32(tcp + 4, script->first + seq);
	put16(icmp + 2, (uint16_t)~frame_sum(0, icmp, 36));
	transmit(script, TCP_AT + 36);
}

void script_send(struct script *script, const struct segment *segment)
{
	unsigned char *bytes = script->out.bytes, *ip = bytes + IP_AT, *tcp = bytes + TCP_AT, *end;
	uint32_t size;

	put_ethernet(script);
	memset(tcp, 0, 20);
	end = put_sack(put_options(tcp + 20, segment), script, segment);
	pattern_fill(2, segment->seq, end, segment->length);
	size = (uint32_t)(end - tcp) + segment->length;
	put_ip(ip, size, 6, segment->ip_ecn);
	put16(tcp, script->here);
	put16(tcp + 2, script->there);
	put32(tcp + 4, FIRST + segment->seq);
	put32(tcp + 8, segment->flags & ACK ? script->first + segment->ack : 0);
	tcp[12] = (unsigned char)((end - tcp) / 4 << 4);
	tcp[13] = (unsigned char)(segment->flags | segment->ecn);
	put16(tcp + 14, segment->closed ? 0 : segment->window ? segment->window : 65535);
	put16(tcp + 16, (uint16_t)~frame_sum(6 + size + frame_sum(0, addresses, sizeof(addresses)), tcp, size));
	transmit(script, TCP_AT + size);
}

/* The kernel asks for the address of 10.9.0.2 */
static void answer_arp(struct script *script)
{
	unsigned char *out = script->out.bytes;
	const unsigned char *in = script->in.bytes;

	if (get16(in + 20) != 1 || memcmp(in + 38, addresses, 4) != 0)
		return;
	memcpy(out, in + 6, 6);
	memcpy(out + 6, own, 6);
	memcpy(out + 12, in + 12, 8);
	put16(out + 20, 2);
	memcpy(out + 22, own, 6);
	memcpy(out + 28, addresses, 4);
	memcpy(out + 32, in + 22, 10);
	transmit(script, 42);
}

static void read_options(const struct script *script, const unsigned char *at, const unsigned char *end,
			 struct segment *segment)
{
	while (at < end && *at) {
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || end - at < at[1])
			return;
		if (at[0] == 2)
			segment->mss = get16(at + 2);
		segment->sack_ok |= at[0] == 4;
		if (at[0] == 5 && at[1] >= 10) {
			segment->sack[0] = get32(at + 2) - FIRST;
			segment->sack[1] = get32(at + 6) - FIRST;
		}
		if (at[0] == 8 && at[1] == 10) {
			segment->stamp = get32(at + 2);
			segment->echo = get32(at + 6);
		}
		if (at[0] == 34 && at[1] <= 2 + sizeof(segment->cookie)) {
			segment->cookie_ok = true;
			segment->cookie_size = at[1] - 2U;
			memcpy(segment->cookie, at + 2, segment->cookie_size);
		}
		at += at[1];
	}
}

/* Is the received frame a segment of this connection? */
static bool read_segment(struct script *script, struct segment *segment)
{
	const unsigned char *ip = script->in.bytes + IP_AT, *tcp = script->in.bytes + TCP_AT;
	unsigned int header;

	if (script->in.frame.length < TCP_AT + 20 || get16(script->in.bytes + 12) != 0x0800 || ip[0] != 0x45 ||
	    ip[9] != 6 || get16(tcp + 2) != script->here || (script->there && get16(tcp) != script->there))
		return false;
	memcpy(script->kernel, script->in.bytes + 6, 6);
	script->there = (uint16_t)get16(tcp);
	header = (unsigned int)(tcp[12] >> 4) * 4;
	if (tcp[13] & SYN)
		script->first = get32(tcp + 4);
	*segment = (struct segment){
		.flags = tcp[13] & (FIN | SYN | RST | ACK),
		.ecn = tcp[13] & (ECE | CWR),
		.ip_ecn = ip[1] & 3,
		.seq = get32(tcp + 4) - script->first,
		.ack = tcp[13] & ACK ? get32(tcp + 8) - FIRST : 0,
		.length = get16(ip + 2) - 20 - header,
		.window = get16(tcp + 14),
	};
	read_options(script, tcp + 20, tcp + header, segment);
	return true;
}

static bool receive(struct script *script, struct segment *segment)
{
	struct hyp_net *net = script->station.net;

	parcel_cut(&script->in, 0, 1, NULL);
	script->in.frame.next = NULL;
	while (net->ops->receive(net, 0, &script->in.frame)) {
		if (script->in.frame.length >= 42 && get16(script->in.bytes + 12) == 0x0806)
			answer_arp(script);
		else if (read_segment(script, segment))
			return true;
		parcel_cut(&script->in, 0, 1, NULL);
	}
	return false;
}

static bool wait_for(struct script *script, struct segment *segment, int milliseconds)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int i;

	for (i = 0; i < milliseconds; i++) {
		if (receive(script, segment))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool script_await(struct script *script, const struct segment *wanted, struct segment *got)
{
	struct segment segment;

	while (wait_for(script, &segment, PATIENCE)) {
		if (segment.flags == wanted->flags && segment.seq == wanted->seq && segment.ack == wanted->ack &&
		    segment.length == wanted->length) {
			if (got)
				*got = segment;
			return true;
		}
		tap_note("passed over: flags %u, %u:%u, ack %u", segment.flags, segment.seq,
			 segment.seq + segment.length, segment.ack);
	}
	tap_note("waited for: flags %u, %u:%u, ack %u", wanted->flags, wanted->seq, wanted->seq + wanted->length,
		 wanted->ack);
	return false;
}

bool script_quiet(struct script *script)
{
	struct segment segment;

	if (!wait_for(script, &segment, QUIET))
		return true;
	tap_note("not quiet: flags %u, %u:%u, ack %u", segment.flags, segment.seq, segment.seq + segment.length,
		 segment.ack);
	return false;
}
