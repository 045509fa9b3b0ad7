// SPDX-License-Identifier: BSD-2-Clause
/*
 * How connections of a kernel's TCP end: the states between the first FIN and the last, from either side or both at
 * once; a RST in each of them; closing that waits; what is answered when it fits no state
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"

static struct drill drill;
static unsigned char data[4000];

static const struct segment plain = { .mss = 1000 };

/* ---- states ---- */

/* A connection in that state, whose socket is still open. Both sides have sent nothing but their FIN, if any. */
static long reach(int state)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) {
		drill_send(&drill, FIN | ACK, 1, 1, 0);
		tap_ok(drill_await(&drill, ACK, 1, 2, 0), "the peer's FIN");
	}
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) {
		rumpus_sys_shutdown((int)fd, SHUT_WR);
		tap_ok(drill_await(&drill, FIN | ACK, 1, state == TCP_LAST_ACK ? 2 : 1, 0), "the kernel's FIN");
	}
	if (state == TCP_FIN_WAIT2)
		drill_send(&drill, ACK, 1, 2, 0);
	if (state == TCP_CLOSING) {
		drill_send(&drill, FIN | ACK, 1, 1, 0);
		tap_ok(drill_await(&drill, ACK, 2, 2, 0), "the peer's FIN, which knows nothing of the kernel's");
	}
	tap_is(drill_state(&drill, fd), state, "state %d", state);
	return fd;
}

/* What the two sides have sent by then */
static uint32_t peer_seq(int state)
{
	return state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING ? 2 : 1;
}

static void check_reset(int state, int expected)
{
	long fd = reach(state);

	drill_send(&drill, RST, peer_seq(state), 0, 0);
	tap_ok(script_quiet(&drill.peer), "RST in state %d is not answered", state);
	tap_is(drill_state(&drill, fd), TCP_CLOSE, "and ends the connection");
	tap_is(drill_error(&drill, fd), expected, "with this error");
	node_close(&drill.kernel, fd);
	drill_send(&drill, ACK, peer_seq(state), 1, 0);
	tap_ok(drill_await(&drill, RST, 1, 0, 0), "nobody is there any more");
}

/* A RST that hits the window but not its beginning may be forged: who has sent it is asked. A SYN likewise */
static void check_challenge(int state)
{
	const uint32_t own = state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT ? 1 : 2, seq = peer_seq(state);
	long fd = reach(state), before = drill_counter(&drill, "TCPChallengeACK");

	drill_send(&drill, RST, seq + 10, 0, 0);
	tap_ok(drill_await(&drill, ACK, own, seq, 0), "a doubtful RST in state %d is asked about", state);
	script_send(&drill.peer, SEGMENT(.flags = SYN, .seq = seq, .mss = 1000));
	tap_ok(drill_await(&drill, ACK, own, seq, 0), "so is a SYN");
	tap_ok(drill_counted(&drill, "TCPChallengeACK", before), "as challenges");
	tap_is(drill_state(&drill, fd), state, "nothing else comes of it");
	drill_send(&drill, RST, seq, 0, 0);
	node_close(&drill.kernel, fd);
}

/* The ACK that an attempt lacks, at @seq: it is a connection, which has done its part then, as the listener has. */
static void check_acceptance(long listener, uint32_t seq, const char *what)
{
	long fd;

	drill_send(&drill, ACK, seq, 1, 0);
	fd = node_accept(&drill.kernel, listener);
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "%s", what);
	drill_send(&drill, RST, seq, 0, 0);
	node_close(&drill.kernel, fd);
	node_close(&drill.kernel, listener);
}

/* Before the connection is there: the attempt is forgotten, and nobody hears of it. */
static void check_reset_of_attempt(void)
{
	long listener = drill_listen(&drill);

	drill_ask(&drill, &plain, NULL);
	drill_send(&drill, RST, 1, 0, 0);
	drill_send(&drill, ACK, 1, 1, 0);
	tap_ok(drill_await(&drill, RST, 1, 0, 0), "RST before the ACK: that is one of nothing");
	drill_ask(&drill, &plain, NULL);
	drill_send(&drill, ACK, 1, 500, 0);
	tap_ok(drill_await(&drill, RST, 500, 0, 0), "an ACK of what was not sent: RST");
	check_acceptance(listener, 1, "the right one is accepted all the same");
}

/* ---- after both FINs ---- */

/* The kernel has closed, and waits for what may still be under way. Where it is in the numbers: 2 */
static void close_first(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 1, 1, 0), "closed: FIN");
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "the last ACK");
}

static void check_time_wait(void)
{
	close_first();
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "the peer's FIN again: the ACK again");
	drill_send(&drill, RST, 100, 0, 0);
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "a RST that is out of place changes nothing");
	drill_send(&drill, RST, 2, 0, 0);
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, RST, 2, 0, 0), "a right one ends the wait");
	drill_set(&drill, "tcp_rfc1337", "1");
	close_first();
	drill_send(&drill, RST, 2, 0, 0);
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "but not by RFC 1337");
	drill_set(&drill, "tcp_rfc1337", "0");
}

/* The same two ports begin anew with a higher number. */
static void check_reopening(void)
{
	long listener;

	close_first();
	listener = node_listen_at(&drill.kernel, drill.family->kernel, drill.port);
	script_send(&drill.peer, SEGMENT(.flags = SYN, .seq = 100000, .mss = 1000));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 100001), NULL),
	       "a new connection of old ports");
	check_acceptance(listener, 100001, "is accepted");
}

static void check_simultaneous_close(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 1, 1, 0), "closed: FIN");
	drill_send(&drill, FIN | ACK, 1, 1, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "so has the peer, at once");
	drill_send(&drill, ACK, 2, 2, 0);
	tap_ok(script_quiet(&drill.peer), "both ends are known");
	drill_send(&drill, FIN | ACK, 1, 2, 0);
	tap_ok(drill_await(&drill, ACK, 2, 2, 0), "late ones are acknowledged");
}

/* ---- one half ---- */

static void check_half_close(void)
{
	long fd = reach(TCP_CLOSE_WAIT);

	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), 0, "the peer has ended");
	tap_is(node_write(&drill.kernel, fd, data, 3000), 3000, "the kernel goes on");
	tap_ok(drill_await(&drill, ACK, 1, 2, 1000) && drill_await(&drill, ACK, 1001, 2, 1000) &&
		       drill_await(&drill, ACK, 2001, 2, 1000),
	       "for as long as it likes");
	drill_send(&drill, ACK, 2, 3001, 0);
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 3001, 2, 0), "and ends, too");
	drill_send(&drill, ACK, 2, 3002, 0);
	drill_send(&drill, ACK, 2, 3002, 0);
	tap_ok(drill_await(&drill, RST, 3002, 0, 0), "then nothing is left of it");
}

/* Nobody can read what comes after close(): the peer is told. */
static void check_data_after_close(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 1, 1, 0), "closed: FIN");
	drill_send(&drill, ACK, 1, 2, 0);
	drill_send(&drill, ACK, 1, 2, 500);
	tap_ok(drill_await(&drill, RST, 2, 0, 0), "data after it: RST");
	fd = drill_accepted(&drill, &plain, NULL);
	rumpus_sys_shutdown((int)fd, SHUT_RD);
	drill_send(&drill, ACK, 1, 1, 500);
	tap_ok(drill_await(&drill, ACK, 1, 501, 0), "data after shutdown for reading is acknowledged");
	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), 500, "and read");
	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), 0, "then there is no waiting");
	drill_send(&drill, RST, 501, 0, 0);
	node_close(&drill.kernel, fd);
}

/* A peer that never ends its half is given up after the time that the socket says. */
static void check_patience(void)
{
	struct segment got = { 0 };
	long fd = drill_accepted(&drill, &plain, NULL);
	int i;

	node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_LINGER2, 1);
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, FIN | ACK, 1, 1, 0), "closed: FIN");
	drill_send(&drill, ACK, 1, 2, 0);
	/* While it waits, it passes that over. */
	for (i = 0; i < 500 && !got.flags; i++) {
		drill_send(&drill, ACK, 1, 2, 0);
		script_await_any(&drill.peer, 100, &got);
	}
	tap_ok(i > 2 && got.flags == RST, "the peer does not: it is forgotten after a while");
}

static void check_lost_fin(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_write(&drill.kernel, fd, data, 500);
	node_close(&drill.kernel, fd);
	tap_ok(drill_await(&drill, ACK, 1, 1, 500), "data");
	tap_ok(drill_await(&drill, FIN | ACK, 501, 1, 0), "and FIN");
	drill_send(&drill, ACK, 1, 501, 0);
	tap_ok(drill_await(&drill, FIN | ACK, 501, 1, 0), "FIN is not acknowledged: it comes again");
	drill_send(&drill, FIN | ACK, 101, 502, 0);
	tap_ok(drill_await(&drill, RST, 502, 0, 0),
	       "the peer's FIN comes before its data, which nobody would read: RST");
}

/* ---- closing that waits ---- */

static void set_linger(long fd, int seconds)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static long close_it(struct drill *which, long fd)
{
	return node_close(&which->kernel, fd);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void check_linger(void)
{
	struct drill_deed deed;
	long fd = drill_accepted(&drill, &plain, NULL), begun;

	node_write(&drill.kernel, fd, data, 1000);
	set_linger(fd, 1000);
	drill_start(&drill, &deed, close_it, fd);
	tap_ok(drill_await(&drill, ACK, 1, 1, 1000) && drill_await(&drill, FIN | ACK, 1001, 1, 0),
	       "closing: data, FIN");
	tap_ok(drill_under_way(&deed), "it waits");
	drill_send(&drill, ACK, 1, 1001, 0);
	tap_ok(drill_under_way(&deed), "also when the data has arrived");
	drill_send(&drill, ACK, 1, 1002, 0);
	tap_is(drill_finish(&deed), 0, "until the FIN has");
	fd = drill_accepted(&drill, &plain, NULL);
	node_write(&drill.kernel, fd, data, 1000);
	set_linger(fd, 1);
	begun = milliseconds();
	tap_is(node_close(&drill.kernel, fd), 0, "nobody answers: closing ends when the time is over");
	tap_ok(milliseconds() - begun >= 1000, "after a second, and not before");
	tap_ok(drill_await(&drill, ACK, 1, 1, 1000) && drill_await(&drill, FIN | ACK, 1001, 1, 0), "data and FIN");
	tap_ok(drill_await(&drill, ACK, 1, 1, 1000), "come again after that");
	drill_send(&drill, ACK, 1, 1002, 0);
	tap_ok(script_quiet(&drill.peer), "until they have arrived");
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	drill_set(&drill, "tcp_invalid_ratelimit", "0"); /* each is answered, however soon after the other */
	check_reset_of_attempt();
	check_reset(TCP_ESTABLISHED, ECONNRESET);
	check_reset(TCP_FIN_WAIT1, ECONNRESET);
	check_reset(TCP_FIN_WAIT2, ECONNRESET);
	check_reset(TCP_CLOSE_WAIT, EPIPE);
	check_reset(TCP_CLOSING, ECONNRESET);
	check_reset(TCP_LAST_ACK, ECONNRESET);
	check_challenge(TCP_ESTABLISHED);
	check_challenge(TCP_CLOSE_WAIT);
	check_challenge(TCP_FIN_WAIT2);
	check_time_wait();
	check_reopening();
	check_simultaneous_close();
	check_half_close();
	check_data_after_close();
	check_lost_fin();
	check_patience();
	check_linger();
	drill_end(&drill);
	return tap_done();
}
