// SPDX-License-Identifier: BSD-2-Clause
/*
 * How connections of a kernel's TCP begin: attempts that are lost, answered wrongly or from both sides at once; data in
 * the first segment as a client; accepting when there is data; cookies instead of memory; sizes of segments
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"

#define SIZE 1000U

static struct drill drill;
static unsigned char data[4 * SIZE];

static const struct segment plain = { .mss = SIZE };

static void reset(long fd, uint32_t seq)
{
	drill_send(&drill, RST | ACK, seq, 1, 0);
	node_close(&drill.kernel, fd);
}

/* Until the connection is there, or not. Return: its error */
static int outcome(long fd)
{
	struct pollfd poll = { .fd = (int)fd, .events = POLLOUT };

	rumpus_sys_poll(&poll, 1, 60000);
	return drill_error(&drill, fd);
}

/* ---- attempts ---- */

static void check_lost_attempts(void)
{
	long fd = drill_connect(&drill), listener;

	tap_ok(drill_await(&drill, SYN, 0, 0, 0), "a lost SYN comes again");
	script_send(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 77, .mss = SIZE));
	tap_ok(drill_await(&drill, RST, 77, 0, 0), "an answer to another one: RST");
	script_send(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1, .mss = SIZE));
	tap_ok(drill_await(&drill, ACK, 1, 1, 0), "the right one: ACK");
	tap_is(outcome(fd), 0, "there is a connection");
	script_send(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1, .mss = SIZE));
	tap_ok(drill_await(&drill, ACK, 1, 1, 0), "whose answer was lost, and comes again: ACK again");
	reset(fd, 1);
	drill_set(&drill, "tcp_syn_retries", "1");
	fd = drill_connect(&drill);
	tap_is(outcome(fd), ETIMEDOUT, "nobody answers: the attempt ends");
	node_close(&drill.kernel, fd);
	drill_set(&drill, "tcp_syn_retries", "6");
	listener = drill_listen(&drill);
	drill_ask(&drill, &plain, NULL);
	tap_ok(drill_await(&drill, SYN | ACK, 0, 1, 0), "a lost SYN+ACK comes again");
	drill_ask(&drill, &plain, NULL);
	drill_send(&drill, ACK, 1, 1, 0);
	fd = node_accept(&drill.kernel, listener);
	tap_ok(fd >= 0, "the ACK of either is accepted");
	reset(fd, 1);
	node_close(&drill.kernel, listener);
}

/* Both sides have sent a SYN. */
static void check_simultaneous_open(void)
{
	long fd = drill_connect(&drill);

	script_send(&drill.peer, SEGMENT(.flags = SYN, .mss = SIZE));
	tap_ok(drill_await(&drill, SYN | ACK, 0, 1, 0), "a SYN instead of an answer: SYN+ACK");
	script_send(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1, .mss = SIZE));
	tap_is(outcome(fd), 0, "which completes the connection");
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "for both");
	drill_send(&drill, ACK, 1, 1, 100);
	tap_ok(drill_await(&drill, ACK, 1, 101, 0), "data");
	tap_ok(node_read(&drill.kernel, fd, data, sizeof(data)) == 100 && pattern_is(2, 1, data, 100), "is read");
	reset(fd, 101);
}

/* ---- sizes ---- */

static void check_sizes(void)
{
	const unsigned int most = 1500 - drill.family->header - 20, least = drill.family == &script_ipv6 ? 1220 : 536;
	struct sockaddr_storage to;
	struct segment got;
	socklen_t len;
	long fd = drill_accepted(&drill, &(struct segment){ 0 }, &got);

	tap_is(got.mss, most, "the kernel takes segments of %u bytes", most);
	tap_is(node_write(&drill.kernel, fd, data, 2000), 2000, "a peer that does not say what it takes");
	tap_ok(drill_await(&drill, ACK, 1, 1, least), "gets %u", least);
	drill_send(&drill, RST, 1, 0, 0);
	node_close(&drill.kernel, fd);
	fd = drill_accepted(&drill, &(struct segment){ .mss = 9000 }, NULL);
	tap_is(node_write(&drill.kernel, fd, data, 2000), 2000, "one that takes more than go into a frame");
	tap_ok(drill_await(&drill, ACK, 1, 1, most), "gets %u", most);
	reset(fd, 1);
	fd = node_socket(&drill.kernel, drill.family->number, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tap_is(node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_MAXSEG, 600), 0, "a user that wants small ones");
	script_connection(&drill.peer, 600, 0);
	len = address_of(&to, drill.family->peer, 600);
	node_connect(&drill.kernel, fd, (struct sockaddr *)&to, len);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = SYN), &got) && got.mss == 600, "says so to the peer");
	node_close(&drill.kernel, fd);
}

static void check_scaling(void)
{
	static unsigned char much[200 * SIZE];
	struct segment got;
	long fd = drill_accepted(&drill, SEGMENT(.mss = SIZE, .scale_ok = true, .scale = 14), &got);

	tap_ok(got.scale_ok && got.scale <= 14, "windows are scaled by 2 to the %u", got.scale);
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .window = 1));
	tap_is(node_write(&drill.kernel, fd, much, 20 * SIZE), 20 * SIZE, "a window of 1 is one of 16384");
	tap_ok(drill_await(&drill, ACK, 9 * SIZE + 1, 1, SIZE), "the first window of congestion goes");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 10 * SIZE + 1, .window = 1));
	tap_ok(drill_await(&drill, ACK, 19 * SIZE + 1, 1, SIZE), "and the next");
	reset(fd, 1);
	fd = drill_accepted(&drill, &plain, &got);
	tap_ok(!got.scale_ok, "not when the peer does not know of it");
	reset(fd, 1);
}

/* ---- accepting later ---- */

static void check_deferral(void)
{
	struct pollfd poll = { .events = POLLIN };
	long listener = drill_listen(&drill), fd;

	poll.fd = (int)listener;
	tap_is(node_setsockopt(&drill.kernel, listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30), 0,
	       "who listens wants connections with data");
	drill_ask(&drill, &plain, NULL);
	drill_send(&drill, ACK, 1, 1, 0);
	tap_is(rumpus_sys_poll(&poll, 1, 200), 0, "one without is not to be had");
	drill_send(&drill, ACK, 1, 1, 100);
	tap_ok(drill_await(&drill, ACK, 1, 101, 0), "data");
	fd = node_accept(&drill.kernel, listener);
	tap_is(node_recv_now(&drill.kernel, fd, data, sizeof(data)), 100, "it is, and the data is there");
	reset(fd, 101);
	node_close(&drill.kernel, listener);
}

/* What a SYN says is kept in the number of the answer, nowhere else. */
static void check_cookies(void)
{
	const unsigned int most = drill.family == &script_ipv6 ? 1220 : 1300;
	long listener = drill_listen(&drill), before = drill_counter(&drill, "SyncookiesRecv"), fd;

	drill_set(&drill, "tcp_syncookies", "2");
	drill_ask(&drill, SEGMENT(.mss = 1400), NULL);
	drill_send(&drill, ACK, 1, 5000, 0);
	tap_ok(drill_await(&drill, RST, 5000, 0, 0), "an ACK of a number that was never given: RST");
	drill_send(&drill, ACK, 1, 1, 0);
	fd = node_accept(&drill.kernel, listener);
	tap_ok(fd >= 0 && drill_counted(&drill, "SyncookiesRecv", before), "one that was is a connection");
	tap_is(node_write(&drill.kernel, fd, data, 2000), 2000, "data");
	tap_ok(drill_await(&drill, ACK, 1, 1, most), "in segments of one of a few sizes, which numbers have room for");
	drill_set(&drill, "tcp_syncookies", "1");
	reset(fd, 1);
	node_close(&drill.kernel, listener);
}

/* ---- data in the first segment ---- */

static const struct segment grant = {
	.mss = SIZE, .cookie_ok = true, .cookie_size = 8, .cookie = { 1, 2, 3, 4, 5, 6, 7, 8 }
};

/* Send with the first segment what it takes. @port: of the peer. Return: the socket. @first: out: the SYN */
static long send_first(size_t size, struct segment *first)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill.family->peer, 443);
	long fd = node_socket(&drill.kernel, drill.family->number, SOCK_STREAM | SOCK_NONBLOCK, 0), result;

	script_connection(&drill.peer, 443, 0);
	result = rumpus_sys_sendto((int)fd, data, size, MSG_FASTOPEN, (struct sockaddr *)&to, len);
	if (!script_await_any(&drill.peer, 20000, first))
		tap_abort("there is no SYN");
	tap_ok(first->flags == SYN && first->cookie_ok, "SYN, with fast open");
	tap_is(result, first->cookie_size ? (long)first->length : -EINPROGRESS, "what the call says");
	return fd;
}

/* @taken: bytes of the SYN's data that the peer acknowledges. @options: of its answer */
static void answer(uint32_t taken, const struct segment *options)
{
	struct segment segment = *options;

	segment.flags = SYN | ACK;
	segment.ack = 1 + taken;
	script_send(&drill.peer, &segment);
}

static void check_fast_open_cookie(void)
{
	struct segment first;
	long fd = send_first(500, &first);

	tap_ok(!first.cookie_size && !first.length, "the first time it asks for a cookie, without data");
	answer(0, &grant);
	tap_ok(drill_await(&drill, ACK, 1, 1, 0), "it gets one");
	tap_is(node_write(&drill.kernel, fd, data, 500), 500, "the connection is one like others");
	tap_ok(drill_await(&drill, ACK, 1, 1, 500), "data");
	reset(fd, 1);
}

static void check_fast_open_data(void)
{
	struct segment first;
	long fd = send_first(500, &first), before = drill_counter(&drill, "TCPFastOpenActive");

	tap_ok(first.cookie_size == grant.cookie_size && !memcmp(first.cookie, grant.cookie, grant.cookie_size),
	       "then it has the cookie");
	tap_is(first.length, 500, "and the data");
	answer(500, &plain);
	tap_ok(drill_await(&drill, ACK, 501, 1, 0), "the peer has taken it");
	tap_ok(drill_counted(&drill, "TCPFastOpenActive", before), "which is counted");
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "there is a connection");
	reset(fd, 1);
}

/* The peer does not know the cookie, and takes the SYN without its data, perhaps with a cookie that will do. */
static void check_fast_open_refused(const struct segment *options, const char *what)
{
	struct segment first;
	long fd = send_first(500, &first);

	tap_is(first.length, 500, "%s: data in the SYN", what);
	answer(0, options);
	tap_ok(drill_await(&drill, ACK, 1, 1, 500), "not taken: it comes again");
	drill_send(&drill, ACK, 1, 501, 0);
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "there is a connection");
	reset(fd, 1);
}

static void check_fast_open_lost(void)
{
	struct segment first;
	long fd = send_first(500, &first);

	tap_is(first.length, 500, "a SYN with data is lost");
	tap_ok(drill_await(&drill, SYN, 0, 0, 0), "it comes again without");
	answer(0, &grant);
	tap_ok(drill_await(&drill, ACK, 1, 1, 500), "then the data");
	reset(fd, 1);
}

/* Of more than a segment takes, the call takes one. The answer has data, too. */
static void check_fast_open_much(void)
{
	struct segment first, segment = { .flags = SYN | ACK, .mss = SIZE, .length = 300 };
	long fd = send_first(sizeof(data), &first);

	tap_ok(first.length > 0 && first.length <= SIZE, "of much data the SYN has as much as the peer takes: %u",
	       first.length);
	segment.ack = 1 + first.length;
	script_send(&drill.peer, &segment);
	tap_ok(drill_await(&drill, ACK, 1 + first.length, 301, 0),
	       "the peer has taken it, and sends data with its answer");
	tap_is(node_write(&drill.kernel, fd, data, SIZE), SIZE, "the rest");
	tap_ok(drill_await(&drill, ACK, 1 + first.length, 301, SIZE), "follows");
	tap_ok(node_read(&drill.kernel, fd, data, sizeof(data)) == 300 && pattern_is(2, 0, data, 300), "which is read");
	reset(fd, 301);
}

static void check_fast_open_connect(void)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill.family->peer, 443);
	long fd = node_socket(&drill.kernel, drill.family->number, SOCK_STREAM | SOCK_NONBLOCK, 0);

	script_connection(&drill.peer, 443, 0);
	tap_is(node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0, "connecting with the data");
	tap_is(node_connect(&drill.kernel, fd, (struct sockaddr *)&to, len), 0, "connect has nothing to wait for");
	tap_ok(script_quiet(&drill.peer), "and sends nothing");
	tap_is(node_write(&drill.kernel, fd, data, 200), 200, "until there is data");
	tap_ok(drill_await(&drill, SYN, 0, 0, 200), "which goes in the SYN");
	answer(200, &plain);
	tap_ok(drill_await(&drill, ACK, 201, 1, 0), "and is taken");
	reset(fd, 1);
}

/* ---- the same from the peer ---- */

/* A SYN with 100 bytes, without a cookie. @taken: how many the kernel's answer acknowledges */
static void ask_with_data(uint32_t taken)
{
	script_connection(&drill.peer, (uint16_t)(drill.port + 20000), drill.port);
	script_send(&drill.peer, SEGMENT(.flags = SYN, .mss = SIZE, .length = 100));
	tap_ok(drill_await(&drill, SYN | ACK, 0, 1 + taken, 0), "SYN with 100 bytes: %u are taken", taken);
}

/* Who listens next, with fast open or without. Return: the socket */
static long listen_for_data(bool fast_open)
{
	long listener = drill_listen(&drill);

	if (fast_open)
		tap_is(node_setsockopt(&drill.kernel, listener, IPPROTO_TCP, TCP_FASTOPEN, 5), 0, "fast open");
	return listener;
}

static void check_fast_open_served(void)
{
	long listener = listen_for_data(false), fd;

	drill_set(&drill, "tcp_fastopen", "515"); /* both sides, and no cookie is needed */
	ask_with_data(0);
	node_close(&drill.kernel, listener);
	listener = listen_for_data(true);
	ask_with_data(100);
	fd = node_accept(&drill.kernel, listener);
	tap_ok(node_read(&drill.kernel, fd, data, sizeof(data)) == 100 && pattern_is(2, 0, data, 100),
	       "accepted and read before the connection is there");
	tap_is(node_write(&drill.kernel, fd, data, 200), 200, "answered");
	tap_ok(drill_await(&drill, ACK, 1, 101, 200), "and sent");
	tap_is(drill_state(&drill, fd), TCP_SYN_RECV, "it still is not there");
	drill_send(&drill, ACK, 101, 201, 0);
	drill_send(&drill, ACK, 101, 201, 50);
	tap_ok(drill_await(&drill, ACK, 201, 151, 0), "more data, and the ACK of all");
	tap_is(drill_state(&drill, fd), TCP_ESTABLISHED, "now it is");
	reset(fd, 151);
	node_close(&drill.kernel, listener);
	listener = listen_for_data(true);
	ask_with_data(100);
	drill_send(&drill, RST | ACK, 101, 1, 0);
	fd = node_accept(&drill.kernel, listener);
	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), 100,
	       "one that is gone before it is accepted has its data");
	tap_is(node_read(&drill.kernel, fd, data, sizeof(data)), -ECONNRESET, "then its end");
	node_close(&drill.kernel, fd);
	node_close(&drill.kernel, listener);
}

int main(int argc, char **argv)
{
	struct segment other = grant;

	drill_begin(&drill, argv[1]);
	check_lost_attempts();
	check_simultaneous_open();
	check_sizes();
	check_scaling();
	check_deferral();
	check_cookies();
	check_fast_open_cookie();
	check_fast_open_data();
	check_fast_open_much();
	check_fast_open_connect();
	other.cookie[0] = 9;
	check_fast_open_refused(&other, "the cookie is too old");
	check_fast_open_lost();
	check_fast_open_refused(&plain, "the peer has no fast open any more");
	check_fast_open_served();
	drill_end(&drill);
	return tap_done();
}
