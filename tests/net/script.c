// SPDX-License-Identifier: BSD-2-Clause
/* A TCP peer that does what a script says */
#include <string.h>
#include <time.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "frames.h"
#include "script.h"

#define TCP 6U
#define TCP_HEADER 20U
#define PATIENCE 20000 /* milliseconds */
#define QUIET 200
#define QUOTED 16U /* bytes of a segment in a message about it; 8 are the least that there must be */

enum { OPTION_NOP = 1, OPTION_MSS, OPTION_SCALE, OPTION_SACK_OK, OPTION_SACK, OPTION_STAMP = 8, OPTION_COOKIE = 34 };

static const unsigned char own[6] = { 2, 0, 0, 0, 0, 2 };

void script_open(struct script *script, const char *spec, const struct script_family *family)
{
	memset(script, 0, sizeof(*script));
	script->family = family;
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

/* ---- what is sent ---- */

static void transmit(struct script *script, uint32_t length)
{
	script->out.frame.length = length;
	script->out.frame.header = (struct hyp_net_header){ 0 };
	parcel_cut(&script->out, length, 1, NULL);
	if (station_run(&script->station, 0, &script->out))
		tap_note("a frame was not sent");
}

/* Write the headers before a packet to the kernel. Return: what it carries goes here */
static unsigned char *begin_packet(struct script *script, const struct script_packet *packet)
{
	unsigned char *bytes = script->out.bytes;

	memcpy(bytes, script->kernel, 6);
	memcpy(bytes + 6, own, 6);
	script_put16(bytes + 12, script->family->type);
	return bytes + SCRIPT_ETHERNET + script->family->put(bytes + SCRIPT_ETHERNET, packet, false);
}

/* An option, behind as much as makes its end even with words of four bytes. @size: bytes of @data */
static unsigned char *put_option(unsigned char *at, unsigned char type, const void *data, unsigned int size)
{
	unsigned int i;

	for (i = (2 + size) % 4; i && i < 4; i++)
		*at++ = OPTION_NOP;
	*at++ = type;
	*at++ = (unsigned char)(2 + size);
	if (size)
		memcpy(at, data, size);
	return at + size;
}

static unsigned char *put_sack(unsigned char *at, const struct script *script, const struct segment *segment)
{
	unsigned char blocks[SCRIPT_SACKS * 8];
	unsigned int i;

	for (i = 0; i < SCRIPT_SACKS && segment->sack[i][1]; i++) {
		script_put32(blocks + 8 * i, script->first + segment->sack[i][0]);
		script_put32(blocks + 8 * i + 4, script->first + segment->sack[i][1]);
	}
	return i ? put_option(at, OPTION_SACK, blocks, 8 * i) : at;
}

static unsigned char *put_options(unsigned char *at, const struct script *script, const struct segment *segment)
{
	const unsigned char scale = (unsigned char)segment->scale;
	unsigned char data[8];

	script_put16(data, segment->mss);
	if (segment->mss)
		at = put_option(at, OPTION_MSS, data, 2);
	if (segment->scale_ok)
		at = put_option(at, OPTION_SCALE, &scale, 1);
	if (segment->sack_ok)
		at = put_option(at, OPTION_SACK_OK, NULL, 0);
	script_put32(data, segment->stamp);
	script_put32(data + 4, segment->echo);
	if (segment->stamp || segment->echo)
		at = put_option(at, OPTION_STAMP, data, 8);
	if (segment->cookie_ok)
		at = put_option(at, OPTION_COOKIE, segment->cookie, segment->cookie_size);
	return put_sack(at, script, segment);
}

/* Return: bytes */
static unsigned int put_segment(unsigned char *tcp, const struct script *script, const struct segment *segment)
{
	const struct script_family *family = script->family;
	unsigned char *end;
	uint32_t size;

	memset(tcp, 0, TCP_HEADER);
	end = put_options(tcp + TCP_HEADER, script, segment);
	pattern_fill(2, segment->seq, end, segment->length);
	size = (uint32_t)(end - tcp) + segment->length;
	script_put16(tcp, script->here);
	script_put16(tcp + 2, script->there);
	script_put32(tcp + 4, SCRIPT_FIRST + segment->seq);
	script_put32(tcp + 8, segment->flags & ACK ? script->first + segment->ack : 0);
	tcp[12] = (unsigned char)((end - tcp) / 4 << 4);
	tcp[13] = (unsigned char)(segment->flags | segment->ecn);
	script_put16(tcp + 14, segment->closed ? 0 : segment->window ? segment->window : 65535);
	script_put16(tcp + 18, segment->urgent);
	script_put16(tcp + 16,
		     (uint16_t)~frame_sum(TCP + size + frame_sum(0, family->pair, family->pair_size), tcp, size));
	return size;
}

static struct script_packet packet_of(const struct segment *segment, unsigned int size)
{
	return (struct script_packet){ .protocol = TCP,
				       .size = size,
				       .ecn = segment->ip_ecn,
				       .hops = segment->hops ? segment->hops : 64,
				       .between = segment->between };
}

void script_send_piece(struct script *script, const struct segment *segment, unsigned int begin, unsigned int end)
{
	static unsigned char tcp[STATION_LARGEST];
	unsigned int size = put_segment(tcp, script, segment);
	struct script_packet packet = packet_of(segment, size);
	unsigned char *at;

	packet.begin = begin;
	packet.more = end < size;
	packet.size = (packet.more ? end : size) - begin;
	at = begin_packet(script, &packet);
	memcpy(at, tcp + begin, packet.size);
	transmit(script, (uint32_t)(at - script->out.bytes) + packet.size);
}

void script_send(struct script *script, const struct segment *segment)
{
	script_send_piece(script, segment, 0, UINT32_MAX);
}

void script_complain(struct script *script, enum script_complaint complaint, uint32_t seq, unsigned int mtu)
{
	const struct script_family *family = script->family;
	const struct script_packet about = { .protocol = TCP, .size = 1400, .hops = 64 };
	const struct script_packet packet = { .protocol = family->control,
					      .size = 8 + family->header + QUOTED,
					      .hops = 64 };
	unsigned char *message = begin_packet(script, &packet), *tcp;

	memset(message, 0, packet.size);
	memcpy(message, family->complaints[complaint], 2);
	if (complaint == SCRIPT_TOO_BIG)
		family->put_mtu(message, mtu);
	tcp = message + 8 + family->put(message + 8, &about, true);
	script_put16(tcp, script->there);
	script_put16(tcp + 2, script->here);
	script_put32(tcp + 4, script->first + seq);
	script_control_sum(family, message, packet.size);
	transmit(script, (uint32_t)(message - script->out.bytes) + packet.size);
}

static void send_to(struct script *script, const unsigned char station[6], uint32_t length)
{
	memcpy(script->out.bytes, station, 6);
	transmit(script, length);
}

/* ---- what is received ---- */

static void read_sack(const unsigned char *option, struct segment *segment)
{
	unsigned int i;

	for (i = 0; i < SCRIPT_SACKS && 2 + 8 * (i + 1) <= option[1]; i++) {
		segment->sack[i][0] = script_get32(option + 2 + 8 * i) - SCRIPT_FIRST;
		segment->sack[i][1] = script_get32(option + 6 + 8 * i) - SCRIPT_FIRST;
	}
}

static void read_option(const unsigned char *option, struct segment *segment)
{
	const unsigned int size = option[1] - 2U;

	if (option[0] == OPTION_MSS && size == 2)
		segment->mss = script_get16(option + 2);
	if (option[0] == OPTION_SCALE && size == 1) {
		segment->scale_ok = true;
		segment->scale = option[2];
	}
	segment->sack_ok |= option[0] == OPTION_SACK_OK;
	if (option[0] == OPTION_SACK)
		read_sack(option, segment);
	if (option[0] == OPTION_STAMP && size == 8) {
		segment->stamp = script_get32(option + 2);
		segment->echo = script_get32(option + 6);
	}
	if (option[0] == OPTION_COOKIE && size <= sizeof(segment->cookie)) {
		segment->cookie_ok = true;
		segment->cookie_size = size;
		memcpy(segment->cookie, option + 2, size);
	}
}

static void read_options(const unsigned char *at, const unsigned char *end, struct segment *segment)
{
	while (at < end && *at) {
		if (*at == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || end - at < at[1])
			return;
		read_option(at, segment);
		at += at[1];
	}
}

/* Is the received frame a segment of this connection? */
static bool read_segment(struct script *script, struct segment *segment)
{
	const unsigned char *bytes = script->in.bytes, *tcp;
	struct script_packet packet;
	unsigned int header;

	if (script->in.frame.length < SCRIPT_ETHERNET || script_get16(bytes + 12) != script->family->type)
		return false;
	header = script->family->get(bytes + SCRIPT_ETHERNET, script->in.frame.length - SCRIPT_ETHERNET, &packet);
	tcp = bytes + SCRIPT_ETHERNET + header;
	if (!header || packet.protocol != TCP || packet.begin || packet.more || packet.size < TCP_HEADER ||
	    script_get16(tcp + 2) != script->here || (script->there && script_get16(tcp) != script->there))
		return false;
	memcpy(script->kernel, bytes + 6, 6);
	script->there = (uint16_t)script_get16(tcp);
	header = (unsigned int)(tcp[12] >> 4) * 4;
	if (tcp[13] & SYN)
		script->first = script_get32(tcp + 4);
	*segment = (struct segment){
		.flags = tcp[13] & (FIN | SYN | RST | ACK | URG),
		.ecn = tcp[13] & (ECE | CWR),
		.push = tcp[13] & PSH,
		.ip_ecn = packet.ecn,
		.hops = packet.hops,
		.seq = script_get32(tcp + 4) - script->first,
		.ack = tcp[13] & ACK ? script_get32(tcp + 8) - SCRIPT_FIRST : 0,
		.length = packet.size - header,
		.window = script_get16(tcp + 14),
		.urgent = script_get16(tcp + 18),
	};
	read_options(tcp + TCP_HEADER, tcp + header, segment);
	return true;
}

/* What is no segment of this connection. Return: the meaning of the frame */
static enum script_meaning attend(struct script *script)
{
	const unsigned char *in = script->in.bytes;
	enum script_meaning meaning;
	unsigned char asking[6];

	meaning = script->family->classify(in, script->in.frame.length, &script->control);
	if (meaning != SCRIPT_QUESTION || script->deaf)
		return meaning;
	memcpy(asking, in + 6, 6);
	send_to(script, asking, script->family->answer(script->out.bytes, own, in));
	return meaning;
}

/**
 * struct event - what is waited for
 * @segment: out: a segment of the connection ends it; NULL: it is dropped
 * @meaning: of a frame that ends it
 */
struct event {
	struct segment *segment;
	enum script_meaning meaning;
};

static bool receive(struct script *script, const struct event *event)
{
	struct hyp_net *net = script->station.net;
	struct segment segment;

	parcel_cut(&script->in, 0, 1, NULL);
	script->in.frame.next = NULL;
	while (net->ops->receive(net, 0, &script->in.frame)) {
		if (read_segment(script, &segment)) {
			if (event->segment) {
				*event->segment = segment;
				return true;
			}
		} else if (attend(script) == event->meaning && event->meaning != SCRIPT_STRANGE) {
			return true;
		}
		parcel_cut(&script->in, 0, 1, NULL);
	}
	return false;
}

static bool wait_for(struct script *script, const struct event *event, int milliseconds)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int i;

	for (i = 0; i < milliseconds; i++) {
		if (receive(script, event))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void note(const char *what, const struct segment *segment)
{
	tap_note("%s: flags %u, %u:%u, ack %u", what, segment->flags, segment->seq, segment->seq + segment->length,
		 segment->ack);
}

bool script_await_any(struct script *script, int milliseconds, struct segment *got)
{
	const struct event event = { .segment = got };

	return wait_for(script, &event, milliseconds);
}

bool script_await(struct script *script, const struct segment *wanted, struct segment *got)
{
	struct segment segment;

	while (script_await_any(script, PATIENCE, &segment)) {
		if (segment.flags == wanted->flags && segment.seq == wanted->seq && segment.ack == wanted->ack &&
		    segment.length == wanted->length) {
			if (got)
				*got = segment;
			return true;
		}
		note("passed over", &segment);
	}
	note("waited for", wanted);
	return false;
}

bool script_await_control(struct script *script, unsigned int type, unsigned int code)
{
	const struct event event = { .meaning = SCRIPT_CONTROL };

	while (wait_for(script, &event, PATIENCE)) {
		if (script->control == (type << 8 | code))
			return true;
		tap_note("passed over: ICMP %u, %u", script->control >> 8, script->control & 0xff);
	}
	return false;
}

bool script_ask_neighbour(struct script *script)
{
	static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct event event = { .meaning = SCRIPT_ANSWER };
	int i;

	for (i = 0; i < PATIENCE / QUIET; i++) {
		send_to(script, everybody, script->family->ask(script->out.bytes, own));
		if (wait_for(script, &event, QUIET))
			return true;
	}
	return false;
}

bool script_quiet(struct script *script)
{
	struct segment segment;

	if (!script_await_any(script, QUIET, &segment))
		return true;
	note("not quiet", &segment);
	return false;
}
