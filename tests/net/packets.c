// SPDX-License-Identifier: BSD-2-Clause
/*
 * What carries the segments of a kernel's TCP: hops, options and extension headers, fragments, neighbours, and messages
 * about packets, both ways
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"
#include "message.h"

#define SIZE 1000U

static struct drill drill;
static unsigned char data[20 * SIZE];

static const struct segment plain = { .mss = SIZE };

static bool is_ipv6(void)
{
	return drill.family == &script_ipv6;
}

/* A setting of the family's own: its name is the same for both, but its folder */
static void set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/%s", drill.family->name, name);
	if (node_put(&drill.kernel, path, value))
		tap_abort("%s cannot be set", path);
}

/* Is a segment of the peer's taken, which @segment says how to send? Its data is the next */
static bool is_taken(long fd, struct segment segment, uint32_t *at)
{
	segment.flags = ACK;
	segment.seq = *at;
	segment.ack = 1;
	segment.length = 100;
	script_send(&drill.peer, &segment);
	if (!drill_await(&drill, ACK, 1, *at + 100, 0))
		return false;
	*at += 100;
	return node_read(&drill.kernel, fd, data, sizeof(data)) == 100 && pattern_is(2, *at - 100, data, 100);
}

/* ---- hops ---- */

static void check_hops(void)
{
	const int level = is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
	struct segment got;
	uint32_t at = 1;
	long fd = drill_accepted(&drill, &plain, &got);

	tap_is(got.hops, 64, "packets may pass 64 routers");
	tap_is(node_setsockopt(&drill.kernel, fd, level, is_ipv6() ? IPV6_UNICAST_HOPS : IP_TTL, 5), 0,
	       "five is asked");
	tap_ok(node_write(&drill.kernel, fd, data, 10) == 10 &&
		       script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = 10), &got),
	       "data");
	tap_is(got.hops, 5, "it may pass five");
	drill_send(&drill, ACK, 1, 11, 0);
	tap_is(node_setsockopt(&drill.kernel, fd, level, is_ipv6() ? 73 /* IPV6_MINHOPCOUNT */ : IP_MINTTL, 60), 0,
	       "what may have passed more than four is not wanted");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 11, .length = 100, .hops = 59));
	tap_ok(script_quiet(&drill.peer), "it is passed over");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = at, .ack = 11, .length = 100, .hops = 60));
	tap_ok(drill_await(&drill, ACK, 11, 101, 0), "another is taken");
	node_close(&drill.kernel, fd);
}

/* ---- between IP and TCP ---- */

/**
 * struct obstacle - what the kernel does not take
 * @type, @code: of the message that it answers with; 0, 0: none
 */
struct obstacle {
	const char *what;
	struct script_between between;
	unsigned int type, code;
};

static const struct script_between welcome4[] = {
	{ .size = 4, .bytes = { 1, 1, 1, 0 } },		    /* no operation, and the end */
	{ .size = 4, .bytes = { 148, 4, 0, 0 } },	    /* router alert */
	{ .size = 8, .bytes = { 7, 7, 4, 0, 0, 0, 0, 0 } }, /* record route */
};

static const struct script_between welcome6[] = {
	{ .type = 60, .size = 8, .bytes = { 0, 0, 1, 4, 0, 0, 0, 0 } },	   /* for the destination: padding */
	{ .type = 0, .size = 8, .bytes = { 0, 0, 5, 2, 0, 0, 1, 0 } },	   /* for all on the way: router alert */
	{ .type = 60, .size = 8, .bytes = { 0, 0, 0x1e, 4, 0, 0, 0, 0 } }, /* unknown, to be skipped */
	{ .type = 43, .size = 8, .bytes = { 0, 0, 0, 0, 0, 0, 0, 0 } },	   /* a route that ends here */
};

static const struct obstacle obstacles4[] = {
	{ "a source route", { .size = 8, .bytes = { 131, 7, 4, 10, 9, 0, 1, 0 } }, 0, 0 },
	{ "an option that is longer than the header", { .size = 4, .bytes = { 7, 40, 4, 0 } }, 12, 0 },
};

static const struct obstacle obstacles6[] = {
	{ "an unknown option", { .type = 60, .size = 8, .bytes = { 0, 0, 0x9e, 4, 0, 0, 0, 0 } }, 4, 2 },
	{ "an unknown header", { .type = 253, .size = 8 }, 4, 1 },
	{ "a source route", { .type = 43, .size = 24, .bytes = { 0, 2, 0, 1 } }, 4, 0 },
	{ "an option to be dropped for", { .type = 60, .size = 8, .bytes = { 0, 0, 0x5e, 4, 0, 0, 0, 0 } }, 0, 0 },
};

static void check_obstacle(const struct obstacle *obstacle)
{
	script_send(&drill.peer,
		    SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = 50, .between = &obstacle->between));
	if (obstacle->type)
		tap_ok(script_await_control(&drill.peer, obstacle->type, obstacle->code), "%s: complained about",
		       obstacle->what);
	tap_ok(script_quiet(&drill.peer), "%s: not taken", obstacle->what);
}

static void check_between(void)
{
	const struct script_between *welcome = is_ipv6() ? welcome6 : welcome4;
	const unsigned int count =
		is_ipv6() ? sizeof(welcome6) / sizeof(*welcome6) : sizeof(welcome4) / sizeof(*welcome4);
	unsigned int i;
	uint32_t at = 1;
	long fd = drill_accepted(&drill, &plain, NULL);

	set(is_ipv6() ? "icmp/ratelimit" : "icmp_ratelimit", "0");
	if (is_ipv6())
		for (i = 0; i < sizeof(obstacles6) / sizeof(*obstacles6); i++)
			check_obstacle(&obstacles6[i]);
	else
		for (i = 0; i < sizeof(obstacles4) / sizeof(*obstacles4); i++)
			check_obstacle(&obstacles4[i]);
	for (i = 0; i < count; i++)
		tap_ok(is_taken(fd, (struct segment){ .between = &welcome[i] }, &at), "what may be there, %u: taken",
		       i);
	node_close(&drill.kernel, fd);
}

/* ---- fragments ---- */

static void check_fragments(void)
{
	const struct segment large = { .flags = ACK, .seq = 1, .ack = 1, .length = 1000 },
			     second = { .flags = ACK, .seq = 1001, .ack = 1, .length = 1000 };
	long fd = drill_accepted(&drill, &plain, NULL);

	script_send_piece(&drill.peer, &large, 0, 504);
	script_send_piece(&drill.peer, &large, 504, 2000);
	tap_ok(drill_await(&drill, ACK, 1, 1001, 0), "a segment in two pieces");
	script_send_piece(&drill.peer, &second, 504, 2000);
	tap_ok(script_quiet(&drill.peer), "the second piece first");
	script_send_piece(&drill.peer, &second, 0, 504);
	tap_ok(drill_await(&drill, ACK, 1, 2001, 0), "then the first: both are taken");
	tap_ok(node_read(&drill.kernel, fd, data, sizeof(data)) == 2000 && pattern_is(2, 1, data, 2000), "and read");
	node_close(&drill.kernel, fd);
}

/* Pieces that overlap could hide what they carry from a filter: none of them is taken. */
static void check_overlap(void)
{
	const struct segment large = { .flags = ACK, .seq = 1, .ack = 1, .length = 1000 };
	long fd = drill_accepted(&drill, &plain, NULL);

	script_send_piece(&drill.peer, &large, 0, 504);
	script_send_piece(&drill.peer, &large, 496, 2000);
	tap_ok(script_quiet(&drill.peer), "pieces that overlap are not taken");
	set(is_ipv6() ? "ip6frag_time" : "ipfrag_time", "1");
	script_send_piece(&drill.peer, &large, 0, 504);
	tap_ok(script_await_control(&drill.peer, is_ipv6() ? 3 : 11, 1),
	       "the other half does not come: the time is over");
	script_send_piece(&drill.peer, &large, 504, 2000);
	tap_ok(script_quiet(&drill.peer), "then it is too late");
	node_close(&drill.kernel, fd);
}

/* ---- neighbours ---- */

static void check_neighbours(void)
{
	char name[64], other[64];
	struct sockaddr_storage to;
	socklen_t len;
	long fd = node_socket(&drill.kernel, drill.family->number, SOCK_STREAM, 0);

	tap_ok(script_ask_neighbour(&drill.peer), "the kernel tells its Ethernet address");
	snprintf(name, sizeof(name), "neigh/%s/retrans_time_ms", drill.kernel.device);
	set(name, "100");
	snprintf(other, sizeof(other), "%.*s3", (int)strlen(drill.family->peer) - 1, drill.family->peer);
	len = address_of(&to, other, 80);
	tap_is(node_connect(&drill.kernel, fd, (struct sockaddr *)&to, len), -EHOSTUNREACH,
	       "%s does not tell its: there is no way to it", other);
	node_close(&drill.kernel, fd);
}

/* ---- messages about the kernel's packets ---- */

static void check_failure(enum script_complaint complaint, int expected, const char *what)
{
	long fd = drill_connect(&drill);

	script_complain(&drill.peer, complaint, 100, 0);
	tap_ok(script_quiet(&drill.peer), "%s, about what was not sent", what);
	tap_is(drill_error(&drill, fd), 0, "does nothing");
	script_complain(&drill.peer, complaint, 0, 0);
	tap_ok(script_quiet(&drill.peer), "%s, about the SYN", what);
	tap_is(drill_error(&drill, fd), expected, "ends the attempt");
	node_close(&drill.kernel, fd);
}

/* A connection survives what a router says: the way may be there again in a moment. */
static void check_survival(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	tap_is(node_write(&drill.kernel, fd, data, SIZE), SIZE, "data");
	tap_ok(drill_await(&drill, ACK, 1, 1, SIZE), "which does not arrive");
	script_complain(&drill.peer, SCRIPT_NO_ROUTE, 1, 0);
	script_complain(&drill.peer, SCRIPT_TOO_FAR, 1, 0);
	script_complain(&drill.peer, SCRIPT_NO_PORT, 1, 0);
	tap_ok(drill_await(&drill, ACK, 1, 1, SIZE), "comes again whatever routers say");
	tap_is(node_recv_now(&drill.kernel, fd, data, sizeof(data)), -EAGAIN, "which is no error of the connection's");
	tap_is(drill_error(&drill, fd), ECONNREFUSED, "but who asks hears of it");
	drill_send(&drill, ACK, 1, 1 + SIZE, 0);
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "the connection is there");
	node_close(&drill.kernel, fd);
}

/* Below what IPv6 promises no path is; IPv4 has a least of its own, by a setting. */
static void check_least_mtu(void)
{
	const unsigned int least = is_ipv6() ? 1280 : 552, most = least - drill.family->header - 20;
	long fd = drill_accepted(&drill, SEGMENT(.mss = 9000), NULL);

	tap_is(node_write(&drill.kernel, fd, data, SIZE + 400), SIZE + 400, "a large segment");
	tap_ok(drill_await(&drill, ACK, 1, 1, SIZE + 400), "is sent");
	script_complain(&drill.peer, SCRIPT_TOO_BIG, 1, least);
	tap_ok(drill_await(&drill, ACK, 1, 1, most), "a router takes %u bytes: %u of them", least, most);
	script_complain(&drill.peer, SCRIPT_TOO_BIG, 1, 300);
	tap_ok(drill_await(&drill, ACK, 1, 1, most), "less than that nobody believes");
	node_close(&drill.kernel, fd);
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	check_hops();
	check_between();
	check_fragments();
	check_overlap();
	check_neighbours();
	check_failure(SCRIPT_NO_ROUTE, is_ipv6() ? ENETUNREACH : EHOSTUNREACH, "no route");
	check_failure(SCRIPT_NO_PORT, ECONNREFUSED, "no port");
	check_failure(SCRIPT_TOO_FAR, EHOSTUNREACH, "too many hops");
	check_survival();
	check_least_mtu(); /* which the kernel remembers */
	drill_end(&drill);
	return tap_done();
}
