// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a kernel's TCP does with what it gets: windows that fill and open, gaps, doubles, old times, urgent data, how
 * much wakes who reads, and connections that are taken over with their numbers
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"

#define SIZE 1000U

static struct drill drill;
static unsigned char buf[100 * SIZE];

static const struct segment plain = { .mss = SIZE }, with_sack = { .mss = SIZE, .sack_ok = true };

/* Data of the peer's from @seq on, which nobody has to answer yet */
static void give(uint32_t seq, unsigned int size)
{
	drill_send(&drill, ACK, seq, 1, size);
}

static bool is_acknowledged(uint32_t ack)
{
	return drill_await(&drill, ACK, 1, ack, 0);
}

static bool is_readable(long fd)
{
	struct pollfd poll = { .fd = (int)fd, .events = POLLIN };

	return rumpus_sys_poll(&poll, 1, 0) == 1 && poll.revents == POLLIN;
}

static long receive(long fd, size_t size, int flags)
{
	return rumpus_sys_recvfrom((int)fd, buf, size, flags, NULL, NULL);
}

static void end(long fd, uint32_t seq)
{
	drill_send(&drill, RST, seq, 0, 0);
	node_close(&drill.kernel, fd);
}

/* ---- how reading goes ---- */

static long receive_all(struct drill *which, long fd)
{
	rumpus_process_enter(rumpus_process_first(which->kernel.kernel));
	return receive(fd, 2 * SIZE, MSG_WAITALL);
}

static void check_reading(void)
{
	struct drill_deed deed;
	long fd = drill_accepted(&drill, &plain, NULL);

	drill_start(&drill, &deed, receive_all, fd);
	give(1, SIZE);
	tap_ok(is_acknowledged(1001) && drill_under_way(&deed), "who wants all waits for the rest");
	give(1001, SIZE);
	tap_is(drill_finish(&deed), 2 * SIZE, "and gets it");
	tap_ok(pattern_is(2, 1, buf, 2 * SIZE), "in order");
	give(2001, 500);
	tap_ok(is_acknowledged(2501), "data");
	tap_is(receive(fd, 100, MSG_PEEK), 100, "it can be looked at");
	tap_is(receive(fd, 200, MSG_TRUNC), 200, "thrown away");
	tap_ok(receive(fd, 1000, 0) == 300 && pattern_is(2, 2201, buf, 300), "and read");
	end(fd, 2501);
}

static void check_low_water(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_setsockopt(&drill.kernel, fd, SOL_SOCKET, SO_RCVLOWAT, 1500);
	give(1, SIZE);
	tap_ok(is_acknowledged(1001) && !is_readable(fd), "less than who reads wants to be woken for");
	give(1001, SIZE);
	tap_ok(is_acknowledged(2001) && is_readable(fd), "more");
	tap_is(receive(fd, 2 * SIZE, 0), 2 * SIZE, "is read");
	give(2001, 100);
	drill_send(&drill, FIN | ACK, 2101, 1, 0);
	tap_ok(is_acknowledged(2102), "little, and the end");
	tap_ok(is_readable(fd), "wakes as well");
	end(fd, 2102);
}

/* ---- windows ---- */

static void check_window(void)
{
	struct segment got = { 0 };
	uint32_t at = 1, taken = 1;
	long fd = drill_listen(&drill), listener = fd;

	node_setsockopt(&drill.kernel, listener, SOL_SOCKET, SO_RCVBUF, 10000);
	drill_ask(&drill, &plain, &got);
	drill_send(&drill, ACK, 1, 1, 0);
	fd = node_accept(&drill.kernel, listener);
	tap_ok(got.window > 2 * SIZE && got.window <= 20000, "room for 10000 bytes: a window of %u", got.window);
	while (got.window >= SIZE && at < 50 * SIZE) {
		give(at, SIZE);
		at += SIZE;
		if (!script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = at), &got))
			break;
	}
	tap_ok(got.window < SIZE && at < 50 * SIZE, "nobody reads: it closes, at %u with %u", at, got.window);
	taken = at + got.window;
	give(taken, SIZE);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = at), &got),
	       "what is beyond is not taken");
	tap_ok(receive(fd, at - 1, MSG_WAITALL) == (long)at - 1 && pattern_is(2, 1, buf, at - 1), "all is read");
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = at), &got) && got.window >= 2 * SIZE,
	       "the window opens, and the peer is told: %u", got.window);
	end(fd, at);
	node_close(&drill.kernel, listener);
}

/* ---- gaps and doubles ---- */

static bool blocks_are(const struct segment *got, const uint32_t blocks[SCRIPT_SACKS][2])
{
	return !memcmp(got->sack, blocks, sizeof(got->sack));
}

static void check_gaps(void)
{
	static const uint32_t one[SCRIPT_SACKS][2] = { { 1001, 2001 } },
			      two[SCRIPT_SACKS][2] = { { 3001, 4001 }, { 1001, 2001 } },
			      three[SCRIPT_SACKS][2] = { { 5001, 6001 }, { 3001, 4001 }, { 1001, 2001 } },
			      joined[SCRIPT_SACKS][2] = { { 1001, 4001 }, { 5001, 6001 } },
			      doubled[SCRIPT_SACKS][2] = { { 3001, 4001 }, { 1001, 4001 }, { 5001, 6001 } };
	const uint32_t(*const expected[])[2] = { one, two, three, joined, doubled };
	static const uint32_t order[] = { 1001, 3001, 5001, 2001, 3001 };
	struct segment got;
	long fd = drill_accepted(&drill, &with_sack, NULL);
	unsigned int i;

	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		give(order[i], SIZE);
		tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1), &got) &&
			       blocks_are(&got, expected[i]),
		       "out of order, %u: told by SACK, the newest first", order[i]);
	}
	give(1, SIZE);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 4001), &got) && got.sack[0][0] == 5001,
	       "the first gap is filled");
	give(4001, SIZE);
	tap_ok(is_acknowledged(6001), "and the last");
	tap_ok(receive(fd, 6 * SIZE, MSG_WAITALL) == 6 * SIZE && pattern_is(2, 1, buf, 6 * SIZE), "all is in order");
	end(fd, 6001);
}

/* What the peer sends again before the third part of a handshake has the same meaning after it. */
static void check_early_data(void)
{
	long listener = drill_listen(&drill), fd;

	drill_ask(&drill, &plain, NULL);
	give(1, SIZE);
	give(1001, SIZE);
	fd = node_accept(&drill.kernel, listener);
	tap_ok(receive(fd, 2 * SIZE, MSG_WAITALL) == 2 * SIZE && pattern_is(2, 1, buf, 2 * SIZE),
	       "data in place of the ACK, and before anybody accepts");
	end(fd, 2001);
	node_close(&drill.kernel, listener);
}

/* ---- old times ---- */

static void check_times(void)
{
	const struct segment options = { .mss = SIZE, .stamp = 0x7fffff00 };
	struct segment got;
	long fd = drill_accepted(&drill, &options, &got);
	uint32_t echo = got.stamp;

	script_send(&drill.peer,
		    SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = 100, .stamp = 0x80000010, .echo = echo));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 101), &got) && got.echo == 0x80000010,
	       "times go on past the half of their numbers");
	script_send(&drill.peer, SEGMENT(.flags = RST, .seq = 101, .stamp = 1, .echo = echo));
	tap_is(receive(fd, 100, 0), 100, "data");
	tap_is(receive(fd, 100, MSG_DONTWAIT), -ECONNRESET, "a RST may be of any time");
	node_close(&drill.kernel, fd);
}

/* ---- urgent data ---- */

static long is_at_mark(long fd)
{
	int value = -1;

	rumpus_sys_ioctl((int)fd, SIOCATMARK, (unsigned long)&value);
	return value;
}

static void check_urgent_data(void)
{
	struct pollfd poll = { .events = POLLPRI };
	long fd = drill_accepted(&drill, &plain, NULL);

	poll.fd = (int)fd;
	script_send(&drill.peer, SEGMENT(.flags = ACK | URG, .seq = 1, .ack = 1, .length = 10, .urgent = 5));
	tap_ok(is_acknowledged(11), "ten bytes, the fifth is urgent");
	tap_ok(rumpus_sys_poll(&poll, 1, 0) == 1 && poll.revents == POLLPRI, "which can be waited for");
	tap_ok(receive(fd, 1, MSG_OOB) == 1 && *buf == pattern_byte(2, 5), "and is read first");
	tap_is(is_at_mark(fd), 0, "the others");
	tap_ok(receive(fd, 100, 0) == 4 && pattern_is(2, 1, buf, 4), "end before it");
	tap_is(is_at_mark(fd), 1, "there it was");
	tap_ok(receive(fd, 100, 0) == 5 && pattern_is(2, 6, buf, 5), "and go on behind it");
	tap_is(receive(fd, 1, MSG_OOB | MSG_DONTWAIT), -EINVAL, "there is no more");
	node_setsockopt(&drill.kernel, fd, SOL_SOCKET, SO_OOBINLINE, 1);
	script_send(&drill.peer, SEGMENT(.flags = ACK | URG, .seq = 11, .ack = 1, .length = 10, .urgent = 1));
	tap_ok(is_acknowledged(21), "the same, with the first");
	tap_ok(receive(fd, 100, 0) == 10 && pattern_is(2, 11, buf, 10), "in line");
	end(fd, 21);
}

/* ---- acknowledgements ---- */

static void check_acknowledgements(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);
	unsigned int at = 1, all = 40 * SIZE;

	for (; at < all; at += SIZE) {
		give(at, SIZE);
		if (!is_acknowledged(at + SIZE))
			break;
		receive(fd, SIZE, MSG_WAITALL);
	}
	tap_ok(at > all, "each segment of many is acknowledged, soon or late");
	node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_QUICKACK, 0);
	drill_send(&drill, ACK, at, 1, 10);
	node_write(&drill.kernel, fd, buf, 20);
	tap_ok(drill_await(&drill, ACK, 1, at + 10, 20), "data carries the acknowledgement of data");
	end(fd, at + 10);
}

/* ---- taking over ---- */

static void set(long fd, int option, int value)
{
	long error = node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, option, value);

	tap_is(error, 0, "repair: option %d", option);
}

/* A connection that some other kernel had, with its numbers, goes on here: nothing is sent for it. */
static void check_repair(void)
{
	enum { NO_QUEUE, RECEIVE_QUEUE, SEND_QUEUE, FIRST = 5000 };
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill.family->peer, 90), size;
	long fd = node_socket(&drill.kernel, drill.family->number, SOCK_STREAM, 0);
	uint32_t number = 0;

	script_connection(&drill.peer, 90, 0);
	set(fd, TCP_REPAIR, 1);
	set(fd, TCP_REPAIR_QUEUE, SEND_QUEUE);
	set(fd, TCP_QUEUE_SEQ, FIRST);
	set(fd, TCP_REPAIR_QUEUE, RECEIVE_QUEUE);
	set(fd, TCP_QUEUE_SEQ, SCRIPT_FIRST + 1);
	tap_is(node_connect(&drill.kernel, fd, (struct sockaddr *)&to, len), 0, "connected");
	size = sizeof(number);
	tap_ok(!node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &number, &size) &&
		       number == SCRIPT_FIRST + 1,
	       "it has its numbers");
	set(fd, TCP_REPAIR_QUEUE, NO_QUEUE);
	tap_ok(script_quiet(&drill.peer), "nobody was asked");
	drill.peer.first = FIRST - 1;
	set(fd, TCP_REPAIR, 0);
	tap_ok(drill_await(&drill, ACK, 0, 1, 0), "until it is on its own: what is the peer's window?");
	drill_send(&drill, ACK, 1, 1, 0);
	node_write(&drill.kernel, fd, buf, 100);
	tap_ok(drill_await(&drill, ACK, 1, 1, 100), "data goes on with its number");
	drill_send(&drill, ACK, 1, 101, 200);
	tap_ok(drill_await(&drill, ACK, 101, 201, 0), "and is taken with its own");
	tap_ok(receive(fd, 500, 0) == 200 && pattern_is(2, 1, buf, 200), "and read");
	set(fd, TCP_REPAIR, 1);
	node_close(&drill.kernel, fd);
	tap_ok(script_quiet(&drill.peer), "it is given away as silently");
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	drill_set(&drill, "tcp_invalid_ratelimit", "0"); /* each is answered, however soon after the other */
	drill_patience(&drill, "2000000");
	check_reading();
	check_low_water();
	check_window();
	check_gaps();
	check_early_data();
	check_times();
	check_urgent_data();
	check_acknowledgements();
	check_repair();
	drill_end(&drill);
	return tap_done();
}
