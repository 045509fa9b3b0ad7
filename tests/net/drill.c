// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's TCP against a scripted peer: what system calls return, and what goes over the wire for it. Cases are
 * those that tests of TCP stacks have in common: opening, closing, resets, reordering, loss, windows, small writes,
 * limits.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"

static struct drill drill;

static const struct segment plain = { .mss = 1000 }, with_sack = { .mss = 1000, .sack_ok = true };

static void check_open_and_close(void)
{
	unsigned char buf[2000];
	long fd = drill_connected(&drill, &plain);

	tap_is(drill_error(&drill, fd), 0, "client: no error");
	tap_is(node_write(&drill.kernel, fd, buf, 1000), 1000, "client: write");
	tap_ok(drill_await(&drill, ACK, 1, 1, 1000), "client: data");
	drill_send(&drill, ACK, 1, 1001, 500);
	tap_ok(drill_await(&drill, ACK, 1001, 501, 0), "client: data is acknowledged");
	tap_ok(node_read(&drill.kernel, fd, buf, sizeof(buf)) == 500 && pattern_is(2, 1, buf, 500), "client: and read");
	tap_is(node_read(&drill.kernel, fd, buf, sizeof(buf)), -EAGAIN, "client: there is no more");
	drill_send(&drill, FIN | ACK, 501, 1001, 0);
	tap_ok(drill_await(&drill, ACK, 1001, 502, 0), "client: the end is acknowledged");
	tap_is(node_read(&drill.kernel, fd, buf, sizeof(buf)), 0, "client: and read");
	tap_is(node_write(&drill.kernel, fd, buf, 10), 10, "client: its own half is open");
	tap_ok(drill_await(&drill, ACK, 1001, 502, 10), "client: data");
	drill_send(&drill, ACK, 502, 1011, 0);
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 1011, 502, 0), "client: until it is closed");
	drill_send(&drill, ACK, 502, 1012, 0);
	tap_ok(script_quiet(&drill.peer), "client: nothing more");
}

static void check_shutdown(void)
{
	unsigned char buf[2000];
	long fd = drill_accepted(&drill, &plain, NULL);

	rumpus_process_enter(rumpus_process_first(drill.kernel.kernel));
	tap_is(rumpus_sys_shutdown((int)fd, SHUT_WR), 0, "server: shutdown");
	tap_ok(drill_await(&drill, FIN | ACK, 1, 1, 0), "server: the end is sent");
	tap_is(node_sendto(&drill.kernel, fd, buf, 10, NULL, 0), -EPIPE, "server: nothing can be written");
	drill_send(&drill, ACK, 1, 2, 700);
	tap_ok(drill_await(&drill, ACK, 2, 701, 0), "server: data still arrives");
	tap_ok(node_read(&drill.kernel, fd, buf, sizeof(buf)) == 700 && pattern_is(2, 1, buf, 700),
	       "server: and is read");
	drill_send(&drill, FIN | ACK, 701, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 702, 0), "server: both ends have ended");
	node_close(&drill.kernel, fd);
	/* Its other end is remembered: the end again is acknowledged again. */
	drill_send(&drill, FIN | ACK, 701, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 702, 0), "server: a late end is acknowledged");
}

static void check_refusals(void)
{
	long fd;

	script_connection(&drill.peer, 31000, 31001);
	script_send(&drill.peer, SEGMENT(.flags = SYN, .mss = 1000));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = RST | ACK, .ack = 1), NULL), "nobody listens: RST");
	fd = drill_connect(&drill);
	script_send(&drill.peer, SEGMENT(.flags = RST | ACK, .ack = 1));
	tap_ok(script_quiet(&drill.peer), "a refusal ends the attempt");
	tap_is(drill_error(&drill, fd), ECONNREFUSED, "and is told");
	node_close(&drill.kernel, fd);
	fd = drill_connect(&drill);
	node_close(&drill.kernel, fd);
	script_send(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1, .mss = 1000));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = RST, .seq = 1), NULL), "closed before the answer: RST to it");
}

static void check_resets(void)
{
	const struct {
		int on, seconds;
	} linger = { 1, 0 };
	unsigned char buf[2000];
	long fd = drill_accepted(&drill, &plain, NULL);

	script_send(&drill.peer, SEGMENT(.flags = RST, .seq = 100000));
	tap_ok(script_quiet(&drill.peer), "a reset outside of the window is passed over");
	script_send(&drill.peer, SEGMENT(.flags = RST, .seq = 50));
	tap_ok(drill_await(&drill, ACK, 1, 1, 0), "one inside is asked about");
	tap_is(drill_error(&drill, fd), 0, "and ends nothing");
	script_send(&drill.peer, SEGMENT(.flags = 0, .seq = 1, .length = 100));
	tap_ok(script_quiet(&drill.peer), "a segment without flags is passed over");
	script_send(&drill.peer, SEGMENT(.flags = RST, .seq = 1));
	tap_is(node_read(&drill.kernel, fd, buf, sizeof(buf)), -ECONNRESET, "a right one ends the connection");
	tap_is(node_read(&drill.kernel, fd, buf, sizeof(buf)), 0, "once");
	node_close(&drill.kernel, fd);
	fd = drill_accepted(&drill, &plain, NULL);
	drill_send(&drill, ACK, 1, 1, 300);
	tap_ok(drill_await(&drill, ACK, 1, 301, 0), "data that nobody reads");
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, RST | ACK, 1, 301, 0), "makes closing a reset");
	fd = drill_accepted(&drill, &plain, NULL);
	rumpus_process_enter(rumpus_process_first(drill.kernel.kernel));
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_LINGER, (void *)&linger, sizeof(linger));
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, RST | ACK, 1, 1, 0), "so does lingering for no time");
}

static void check_reordering(void)
{
	unsigned char buf[4000];
	struct segment got;
	long fd = drill_accepted(&drill, &with_sack, NULL);

	drill_send(&drill, ACK, 1001, 1, 1000);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1), &got) && got.sack[0][0] == 1001 &&
		       got.sack[0][1] == 2001,
	       "what came too early is told by SACK");
	tap_is(node_recv_now(&drill.kernel, fd, buf, sizeof(buf)), -EAGAIN, "and not to be read yet");
	drill_send(&drill, ACK, 1, 1, 1000);
	tap_ok(drill_await(&drill, ACK, 1, 2001, 0), "the gap is filled");
	tap_ok(node_read(&drill.kernel, fd, buf, sizeof(buf)) == 2000 && pattern_is(2, 1, buf, 2000),
	       "all is read in order");
	drill_send(&drill, ACK, 1, 1, 1000);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 2001), &got) && got.sack[0][0] == 1 &&
		       got.sack[0][1] == 1001,
	       "what came twice is told as well");
	drill_send(&drill, ACK, 1501, 1, 1000);
	tap_ok(drill_await(&drill, ACK, 1, 2501, 0), "an overlap is cut");
	tap_ok(node_read(&drill.kernel, fd, buf, sizeof(buf)) == 500 && pattern_is(2, 2001, buf, 500), "and read once");
	node_close(&drill.kernel, fd);
}

/* Segments after a lost one are selectively acknowledged: it is sent again before any time-out of a second's order. */
static void check_recovery(void)
{
	static unsigned char data[4000];
	uint32_t at;
	long fd = drill_accepted(&drill, &with_sack, NULL);

	tap_is(node_write(&drill.kernel, fd, data, sizeof(data)), sizeof(data), "four segments");
	for (at = 1; at < 4000; at += 1000)
		tap_ok(drill_await(&drill, ACK, at, 1, 1000), "segment at %u", at);
	for (at = 2001; at <= 4001; at += 1000)
		script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .sack = { { 1001, at } }));
	tap_ok(drill_await(&drill, ACK, 1, 1, 1000), "the lost one comes again");
	drill_send(&drill, ACK, 1, 4001, 0);
	tap_ok(script_quiet(&drill.peer), "the others do not");
	node_close(&drill.kernel, fd);
}

static void check_windows(void)
{
	static unsigned char data[3000];
	struct segment got;
	long fd = drill_accepted(&drill, &(struct segment){ .mss = 500 }, NULL);

	tap_is(node_write(&drill.kernel, fd, data, 1000), 1000, "a peer of small segments");
	tap_ok(drill_await(&drill, ACK, 1, 1, 500) && drill_await(&drill, ACK, 501, 1, 500), "gets no larger ones");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1001, .closed = true));
	tap_is(node_write(&drill.kernel, fd, data, 400), 400, "more is written while its window is closed");
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1000, .ack = 1), &got),
	       "it is asked whether it is open again");
	drill_send(&drill, ACK, 1, 1001, 0);
	tap_ok(drill_await(&drill, ACK, 1001, 1, 400), "it is: the rest");
	drill_send(&drill, ACK, 1, 1401, 0);
	node_close(&drill.kernel, fd);
}

static void check_small_writes(void)
{
	static unsigned char data[100];
	long fd = drill_accepted(&drill, &plain, NULL);

	node_write(&drill.kernel, fd, data, 10);
	node_write(&drill.kernel, fd, data, 20);
	tap_ok(drill_await(&drill, ACK, 1, 1, 10), "the first small write goes");
	drill_send(&drill, ACK, 1, 11, 0);
	tap_ok(drill_await(&drill, ACK, 11, 1, 20), "the second one after its ACK");
	drill_send(&drill, ACK, 1, 31, 0);
	node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_CORK, 1);
	node_write(&drill.kernel, fd, data, 30);
	node_write(&drill.kernel, fd, data, 40);
	node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_CORK, 0);
	tap_ok(drill_await(&drill, ACK, 31, 1, 70), "corked ones go together");
	drill_send(&drill, ACK, 1, 101, 0);
	node_close(&drill.kernel, fd);
}

static void check_user_timeout(void)
{
	static unsigned char data[100];
	long fd = drill_accepted(&drill, &plain, NULL);

	node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	node_write(&drill.kernel, fd, data, sizeof(data));
	tap_ok(drill_await(&drill, ACK, 1, 1, 100), "data");
	tap_ok(drill_await(&drill, ACK, 1, 1, 100), "and again, for no answer");
	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), -ETIMEDOUT, "the user's patience ends");
	node_close(&drill.kernel, fd);
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	check_open_and_close();
	check_shutdown();
	check_refusals();
	check_resets();
	check_reordering();
	check_recovery();
	check_windows();
	check_small_writes();
	check_user_timeout();
	drill_end(&drill);
	return tap_done();
}
