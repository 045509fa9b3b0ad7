// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a kernel's TCP sends and when: small writes that wait for each other or not, slow start, windows that are
 * closed, questions to a peer that is silent, urgent data, and what programs can learn of what is under way
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "drilling.h"

#define SIZE 1000U
#define MANY 40U

static struct drill drill;
static unsigned char data[MANY * SIZE];

static const struct segment plain = { .mss = SIZE };

static void acknowledge(uint32_t ack)
{
	drill_send(&drill, ACK, 1, ack, 0);
}

/* @size: bytes of a segment from @seq on */
static bool sent(uint32_t seq, unsigned int size)
{
	return drill_await(&drill, ACK, seq, 1, size);
}

static long write_more(long fd, size_t size, int flags)
{
	return rumpus_sys_sendto((int)fd, data, size, flags, NULL, 0);
}

static void set(long fd, int option, int value)
{
	if (node_setsockopt(&drill.kernel, fd, IPPROTO_TCP, option, value))
		tap_abort("option %d of TCP", option);
}

/* ---- small writes ---- */

static void check_small_writes(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	write_more(fd, 10, 0);
	write_more(fd, SIZE + 20, 0);
	tap_ok(sent(1, 10), "the first small write goes");
	tap_ok(sent(11, SIZE) && script_quiet(&drill.peer), "whole segments go, the rest waits for the peer");
	set(fd, TCP_NODELAY, 1);
	tap_ok(sent(11 + SIZE, 20), "until nothing is to wait");
	write_more(fd, 30, 0);
	tap_ok(sent(31 + SIZE, 30), "then each goes at once");
	acknowledge(61 + SIZE);
	write_more(fd, 40, MSG_MORE);
	write_more(fd, 50, MSG_MORE);
	write_more(fd, 60, 0);
	tap_ok(sent(61 + SIZE, 150), "what is followed by more goes with that");
	acknowledge(211 + SIZE);
	write_more(fd, 70, MSG_MORE);
	tap_ok(sent(211 + SIZE, 70), "or alone, when it does not come for a while");
	node_close(&drill.kernel, fd);
}

static void check_cork(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	set(fd, TCP_CORK, 1);
	write_more(fd, SIZE + 100, 0);
	tap_ok(sent(1, SIZE), "corked: what fills segments goes");
	acknowledge(1 + SIZE);
	set(fd, TCP_NODELAY, 1);
	tap_ok(sent(1 + SIZE, 100), "the rest when it is pushed, or after a while");
	acknowledge(101 + SIZE);
	write_more(fd, 200, 0);
	set(fd, TCP_CORK, 0);
	tap_ok(sent(101 + SIZE, 200), "or uncorked");
	node_close(&drill.kernel, fd);
}

/* The end of a record is the end of a segment. */
static void check_records(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	set(fd, TCP_CORK, 1);
	write_more(fd, 100, MSG_EOR);
	write_more(fd, 200, 0);
	write_more(fd, 300, MSG_EOR);
	write_more(fd, 400, 0);
	set(fd, TCP_CORK, 0);
	tap_ok(sent(1, 100), "a record");
	tap_ok(sent(101, 500), "two writes of one record");
	acknowledge(601);
	tap_ok(sent(601, 400), "and what follows");
	node_close(&drill.kernel, fd);
}

/* ---- how much ---- */

/* The @count segments from @from on come, and no more are under way than @window. */
static bool goes_on(long fd, unsigned int from, unsigned int count, unsigned int window)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	unsigned int i, come = 0;

	for (i = from; i < from + count; i++)
		come += sent(1 + i * SIZE, SIZE);
	node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	tap_note("window of %u, %u under way", info.tcpi_snd_cwnd, info.tcpi_unacked);
	return come == count && info.tcpi_snd_cwnd == window && info.tcpi_unacked == window;
}

static void check_slow_start(void)
{
	long fd;

	drill_set(&drill, "tcp_early_retrans", "0"); /* no probes: the peer takes its time */
	fd = drill_accepted(&drill, &plain, NULL);
	node_write(&drill.kernel, fd, data, sizeof(data));
	tap_ok(goes_on(fd, 0, 10, 10), "the first window has ten segments");
	acknowledge(1 + 2 * SIZE);
	tap_ok(goes_on(fd, 10, 4, 12), "two are acknowledged: four more");
	acknowledge(1 + 6 * SIZE);
	tap_ok(goes_on(fd, 14, 8, 16), "four more: eight"); /* from 16 on, times of answers count as well */
	node_close(&drill.kernel, fd);
	drill_set(&drill, "tcp_early_retrans", "3");
}

/* What a window has grown to says nothing of the network after a while. */
static void check_idleness(void)
{
	struct tcp_info info = { 0 };
	struct timespec pause = { 0 };
	socklen_t size = sizeof(info);
	long fd;

	drill_patience(&drill, "1000000");
	fd = drill_accepted(&drill, &plain, NULL);
	node_write(&drill.kernel, fd, data, 30 * SIZE);
	tap_ok(goes_on(fd, 0, 10, 10), "the first window");
	acknowledge(1 + 10 * SIZE);
	tap_ok(goes_on(fd, 10, 20, 20), "the second is twice as large");
	acknowledge(1 + 30 * SIZE);
	node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	pause.tv_sec = 1 + 3 * info.tcpi_rto / 1000000; /* halved in each */
	nanosleep(&pause, NULL);
	node_write(&drill.kernel, fd, data, 30 * SIZE);
	tap_ok(goes_on(fd, 30, 10, 10), "after %ld s without data it is the first again", (long)pause.tv_sec);
	node_close(&drill.kernel, fd);
	drill_patience(&drill, "2000000");
}

/* ---- windows ---- */

static void check_closed_window(void)
{
	struct segment closed = { .flags = ACK, .seq = 1, .ack = 1 + SIZE, .closed = true };
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	long fd = drill_accepted(&drill, &plain, NULL);
	int i;

	node_write(&drill.kernel, fd, data, 2 * SIZE);
	tap_ok(sent(1, SIZE) && sent(1 + SIZE, SIZE), "two segments");
	closed.ack = 1 + 2 * SIZE;
	script_send(&drill.peer, &closed);
	node_write(&drill.kernel, fd, data, 3 * SIZE);
	for (i = 0; i < 3; i++) {
		tap_ok(sent(2 * SIZE, 0), "a closed window: it is asked for");
		script_send(&drill.peer, &closed);
	}
	node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	tap_ok(info.tcpi_backoff >= 2, "at intervals that grow: %u times", info.tcpi_backoff);
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1 + 2 * SIZE, .window = SIZE));
	tap_ok(sent(1 + 2 * SIZE, SIZE), "it opens by one segment: that goes");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1 + 3 * SIZE, .window = 300));
	tap_ok(sent(1 + 3 * SIZE, 300), "by less than one: after a while, as much as there is");
	acknowledge(301 + 3 * SIZE);
	tap_ok(sent(301 + 3 * SIZE, SIZE) && sent(301 + 4 * SIZE, 700), "by much: all the rest");
	node_close(&drill.kernel, fd);
}

static void check_user_timeout(void)
{
	struct segment closed = { .flags = ACK, .seq = 1, .ack = 1, .closed = true };
	struct segment got;
	long fd = drill_accepted(&drill, &plain, NULL);
	unsigned int i;

	set(fd, TCP_USER_TIMEOUT, 500);
	script_send(&drill.peer, &closed);
	node_write(&drill.kernel, fd, data, SIZE);
	for (i = 0; i < 1000 && drill_state(&drill, fd) == TCP_ESTABLISHED; i++)
		if (script_await_any(&drill.peer, 100, &got) && got.flags == ACK)
			script_send(&drill.peer, &closed);
	tap_ok(i >= 2 && i < 1000, "a window that stays closed longer than the user's patience");
	tap_is(drill_error(&drill, fd), ETIMEDOUT, "ends the connection, for all its answers");
	node_close(&drill.kernel, fd);
}

/* ---- a silent peer ---- */

static void check_keepalive(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_write(&drill.kernel, fd, data, 10);
	tap_ok(sent(1, 10), "data");
	acknowledge(11);
	set(fd, TCP_KEEPIDLE, 1);
	set(fd, TCP_KEEPINTVL, 1);
	set(fd, TCP_KEEPCNT, 2);
	node_setsockopt(&drill.kernel, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	tap_ok(sent(10, 0), "silence for a second: is the peer there?");
	acknowledge(11);
	tap_ok(sent(10, 0), "it is, and is asked again");
	tap_ok(sent(10, 0), "no answer: once more");
	tap_ok(drill_await(&drill, RST | ACK, 11, 1, 0), "then RST");
	tap_is(drill_error(&drill, fd), ETIMEDOUT, "and the connection is gone");
	node_close(&drill.kernel, fd);
}

/* The user's patience counts, not how often it was asked. */
static void check_keepalive_and_user_timeout(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);
	unsigned int asked = 0;
	struct segment got;

	set(fd, TCP_KEEPIDLE, 1);
	set(fd, TCP_KEEPINTVL, 1);
	set(fd, TCP_KEEPCNT, 50);
	set(fd, TCP_USER_TIMEOUT, 2000);
	node_setsockopt(&drill.kernel, fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	while (script_await_any(&drill.peer, 20000, &got) && got.flags == ACK)
		asked++;
	tap_ok(got.flags == (RST | ACK) && asked && asked < 50, "asked %u times of 50: the user's patience is over",
	       asked);
	tap_is(drill_error(&drill, fd), ETIMEDOUT, "and the connection is gone");
	node_close(&drill.kernel, fd);
}

/* ---- urgent data ---- */

static void check_urgent_data(void)
{
	struct segment got;
	long fd = drill_accepted(&drill, &plain, NULL);

	write_more(fd, 100, MSG_OOB);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK | URG, .seq = 1, .ack = 1, .length = 100), &got),
	       "urgent data");
	tap_is(got.urgent, 100, "which ends with the last byte");
	acknowledge(101);
	write_more(fd, 10, 0);
	tap_ok(sent(101, 10), "what follows is not urgent");
	acknowledge(111);
	node_close(&drill.kernel, fd);
}

/* ---- what is under way ---- */

static long ask_for(long fd, unsigned int request)
{
	int value = -1;

	rumpus_sys_ioctl((int)fd, request, (unsigned long)&value);
	return value;
}

static bool is_writable(long fd)
{
	struct pollfd poll = { .fd = (int)fd, .events = POLLOUT };

	return rumpus_sys_poll(&poll, 1, 0) == 1 && poll.revents == POLLOUT;
}

static void check_queue(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	node_setsockopt(&drill.kernel, fd, SOL_SOCKET, SO_SNDBUF, 100 * SIZE);
	set(fd, TCP_NOTSENT_LOWAT, 5 * SIZE);
	tap_ok(is_writable(fd), "nothing waits: there is room");
	node_write(&drill.kernel, fd, data, 12 * SIZE);
	tap_ok(sent(1, SIZE) && sent(1 + 9 * SIZE, SIZE), "ten segments of twelve go");
	tap_is(ask_for(fd, SIOCOUTQ), 12 * SIZE, "twelve are not acknowledged");
	tap_is(ask_for(fd, SIOCOUTQNSD), 2 * SIZE, "and two not sent");
	tap_ok(is_writable(fd), "which is less than half of what may wait");
	tap_is(write_more(fd, 2 * SIZE, MSG_DONTWAIT), 2 * SIZE, "two more");
	tap_ok(!is_writable(fd), "are more");
	acknowledge(1 + 2 * SIZE);
	tap_ok(sent(1 + 12 * SIZE, SIZE) && sent(1 + 13 * SIZE, SIZE), "two are acknowledged: the rest goes");
	tap_ok(is_writable(fd) && !ask_for(fd, SIOCOUTQNSD), "there is room again");
	tap_is(ask_for(fd, SIOCOUTQ), 12 * SIZE, "twelve are not acknowledged");
	acknowledge(1 + 14 * SIZE);
	drill_send(&drill, ACK, 1, 1 + 14 * SIZE, 300);
	tap_ok(drill_await(&drill, ACK, 1 + 14 * SIZE, 301, 0), "data of the peer's");
	tap_is(ask_for(fd, SIOCOUTQ), 0, "nothing is under way");
	tap_is(ask_for(fd, SIOCINQ), 300, "300 bytes can be read");
	node_close(&drill.kernel, fd);
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	drill_plain(&drill);
	drill_patience(&drill, "2000000");
	check_small_writes();
	check_cork();
	check_records();
	check_slow_start();
	check_idleness();
	check_urgent_data();
	check_queue();
	check_keepalive();
	check_keepalive_and_user_timeout();
	drill_patience(&drill, "200000");
	check_closed_window();
	check_user_timeout();
	drill_end(&drill);
	return tap_done();
}
