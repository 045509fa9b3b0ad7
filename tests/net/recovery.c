// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's TCP against a scripted peer on a bad network: what it sends again and when, by its own counters; marks
 * of congestion, times, data in the first segment, routers with a small MTU
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "drilling.h"
#include "message.h"

#define SIZE 1000U /* of a segment */

static struct drill drill;
static unsigned char data[20 * SIZE];

static const struct segment plain = { .mss = SIZE }, with_sack = { .mss = SIZE, .sack_ok = true };

/* ---- the peer ---- */

static void acknowledge(uint32_t ack)
{
	drill_send(&drill, ACK, 1, ack, 0);
}

static bool sent(uint32_t seq)
{
	return drill_await(&drill, ACK, seq, 1, SIZE);
}

/* Write so many segments. Return: the first of them have come, all that one window allows */
static bool begin(long fd, unsigned int segments, unsigned int expected)
{
	unsigned int i, come = 0;

	if (node_write(&drill.kernel, fd, data, segments * SIZE) != (long)(segments * SIZE))
		return false;
	for (i = 0; i < expected; i++)
		come += sent(1 + i * SIZE);
	return come == expected;
}

/* ---- losses ---- */

/* Three acknowledgements of the same are the sign, when there is no SACK. */
static void check_fast_retransmit(void)
{
	long fd = drill_accepted(&drill, &plain, NULL), before = drill_counter(&drill, "TCPRenoRecovery");
	unsigned int i;

	tap_ok(begin(fd, 6, 6), "six segments, the first is lost");
	for (i = 0; i < 5; i++)
		acknowledge(1);
	tap_ok(sent(1), "acknowledgements of the same: it comes again");
	tap_ok(drill_counted(&drill, "TCPRenoRecovery", before), "as a fast retransmission");
	acknowledge(1 + 6 * SIZE);
	tap_ok(script_quiet(&drill.peer), "the others do not");
	node_close(&drill.kernel, fd);
}

/* The peer has a segment behind the first one for the @count-th time. */
static void tell_gap(bool sack, unsigned int count)
{
	struct segment segment = { .flags = ACK, .seq = 1, .ack = 1 };

	if (sack) {
		segment.sack[0][0] = 1 + SIZE;
		segment.sack[0][1] = 1 + (1 + count) * SIZE;
	}
	script_send(&drill.peer, &segment);
}

/*
 * Limited transmit (RFC 3042): the first two signs of a loss let new segments go. The third one is the loss, by the
 * old rule, which counts; by RACK time does, and a quarter of a round trip after the first sign it is over.
 */
static void check_limited_transmit(bool sack)
{
	const struct segment *options = sack ? &with_sack : &plain;
	long fd;

	drill_set(&drill, "tcp_early_retrans", "0"); /* no probes */
	drill_set(&drill, "tcp_recovery", "0");
	fd = drill_accepted(&drill, options, NULL);
	tap_ok(begin(fd, 15, 10), "the first window, the first of it is lost");
	tell_gap(sack, 1);
	tap_ok(sent(1 + 10 * SIZE), "one sign: a new one goes");
	tell_gap(sack, 2);
	tap_ok(sent(1 + 11 * SIZE) && script_quiet(&drill.peer), "two signs: one more, and no other");
	tell_gap(sack, 3);
	tap_ok(sent(1), "three: it is lost");
	acknowledge(1 + 12 * SIZE);
	tap_ok(sent(1 + 12 * SIZE), "it comes again, and the rest behind it");
	node_close(&drill.kernel, fd);
	fd = drill_accepted(&drill, options, NULL);
	tap_ok(begin(fd, 12, 10), "the first window again");
	tell_gap(sack, 1);
	tell_gap(sack, 2);
	tap_ok(sent(1 + 10 * SIZE) && sent(1 + 11 * SIZE), "two signs");
	acknowledge(1 + 12 * SIZE);
	tap_ok(script_quiet(&drill.peer), "it was overtaken, and does not come again");
	node_close(&drill.kernel, fd);
	drill_set(&drill, "tcp_recovery", "1");
	drill_set(&drill, "tcp_early_retrans", "3");
}

static void check_early_recovery(void)
{
	long fd = drill_accepted(&drill, &with_sack, NULL);

	tap_ok(begin(fd, 15, 10), "the first window, the first of it is lost");
	tell_gap(true, 1);
	tap_ok(sent(1 + 10 * SIZE) && sent(1), "one sign: a new one goes, and soon the lost one");
	acknowledge(1 + 11 * SIZE);
	tap_ok(sent(1 + 11 * SIZE), "the rest behind it");
	node_close(&drill.kernel, fd);
}

static struct tcp_info information(long fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info;
}

/* A loss makes the window smaller, by as much as CUBIC says; once for all that is lost of it. */
static void check_reduction(void)
{
	long fd = drill_accepted(&drill, &with_sack, NULL);
	struct tcp_info info;

	tap_ok(begin(fd, 20, 10), "the first window, two of it are lost");
	script_send(&drill.peer,
		    SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .sack = { { 1 + 2 * SIZE, 1 + 10 * SIZE } }));
	tap_ok(sent(1) && sent(1 + SIZE), "both come again");
	info = information(fd);
	tap_is(info.tcpi_ca_state, 3, "which is recovery");
	tap_is(info.tcpi_snd_ssthresh, 7, "to seven of ten");
	tap_is(info.tcpi_total_retrans, 2, "with two segments again");
	acknowledge(1 + 10 * SIZE);
	tap_ok(sent(1 + 16 * SIZE), "the next window");
	info = information(fd);
	tap_is(info.tcpi_ca_state, 0, "all is well");
	tap_ok(info.tcpi_unacked <= 8 && info.tcpi_snd_cwnd <= 8, "with at most eight under way: %u",
	       info.tcpi_unacked);
	node_close(&drill.kernel, fd);
}

/* Nobody answers: the last one is sent again soon, then the first, at ever longer intervals. */
static void check_timeouts(void)
{
	long probes = drill_counter(&drill, "TCPLossProbes"), timeouts = drill_counter(&drill, "TCPTimeouts");
	long fd = drill_accepted(&drill, &with_sack, NULL);
	const unsigned int first = information(fd).tcpi_rto;
	struct tcp_info info;
	unsigned int i;

	tap_ok(begin(fd, 2, 2), "two segments, nobody answers");
	tap_ok(sent(1 + SIZE), "a probe: the last one again");
	tap_ok(drill_counted(&drill, "TCPLossProbes", probes), "which is counted as one");
	for (i = 0; i < 3; i++)
		tap_ok(sent(1), "the first one again");
	tap_ok(drill_counted(&drill, "TCPTimeouts", timeouts), "since the time was over");
	info = information(fd);
	tap_ok(info.tcpi_backoff >= 2 && info.tcpi_rto >= 4 * first, "%u ms until the next time, %u at first",
	       info.tcpi_rto / 1000, first / 1000);
	acknowledge(1 + 2 * SIZE);
	tap_ok(script_quiet(&drill.peer), "an answer ends it");
	node_close(&drill.kernel, fd);
}

/* What was sent again had arrived the first time: the peer says so, and the window is as it was. */
static void check_spurious(void)
{
	long fd = drill_accepted(&drill, &with_sack, NULL), told = drill_counter(&drill, "TCPDSACKRecv");

	tap_ok(begin(fd, 4, 4), "four segments");
	tap_ok(sent(1 + 3 * SIZE) && sent(1), "no answer for a while: sent again");
	acknowledge(1 + 4 * SIZE);
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1 + 4 * SIZE, .sack = { { 1, 1 + SIZE } }));
	tap_ok(script_quiet(&drill.peer), "late answers");
	tap_ok(drill_counted(&drill, "TCPDSACKRecv", told), "that it was there twice is understood");
	node_close(&drill.kernel, fd);
}

/* ---- a router with a small MTU ---- */

static void check_path_mtu(void)
{
	const unsigned int most = 1500 - drill.family->header - 20, less = most - 200;
	long fd = drill_accepted(&drill, SEGMENT(.mss = 9000), NULL);

	tap_is(node_write(&drill.kernel, fd, data, most), most, "as much as goes into a frame");
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = most), NULL),
	       "is a segment, too large for a router on the way");
	script_complain(&drill.peer, SCRIPT_TOO_BIG, 100000, 1300);
	tap_ok(script_quiet(&drill.peer), "a word about what was never sent is passed over");
	script_complain(&drill.peer, SCRIPT_TOO_BIG, 1, 1300);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = less), NULL),
	       "it comes again, shorter");
	acknowledge(1 + less);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1 + less, .ack = 1, .length = 200), NULL),
	       "with the rest behind it");
	acknowledge(1 + most);
	node_close(&drill.kernel, fd);
}

/* ---- marks of congestion ---- */

static void check_marks(void)
{
	const struct segment first = { .mss = SIZE, .ecn = ECE | CWR };
	struct segment got;
	long fd;

	drill_set(&drill, "tcp_ecn", "1");
	fd = drill_accepted(&drill, &first, &got);
	tap_is(got.ecn, ECE, "the kernel understands marks");
	tap_ok(node_write(&drill.kernel, fd, data, SIZE) == SIZE &&
		       script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = SIZE), &got),
	       "data");
	tap_is(got.ip_ecn, 2, "that routers may mark");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .ecn = ECE, .seq = 1, .ack = 1 + SIZE));
	tap_ok(node_write(&drill.kernel, fd, data, SIZE) == SIZE &&
		       script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1 + SIZE, .ack = 1, .length = SIZE),
				    &got),
	       "they did, and the peer says so: more data");
	tap_is(got.ecn, CWR, "with the word that it goes slower");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1 + 2 * SIZE, .length = 100, .ip_ecn = 3));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1 + 2 * SIZE, .ack = 101), &got) &&
		       got.ecn == ECE,
	       "marked data of the peer's is answered so");
	drill_set(&drill, "tcp_ecn", "2");
	node_close(&drill.kernel, fd);
}

/* ---- times ---- */

static void check_stamps(void)
{
	const struct segment first = { .mss = SIZE, .stamp = 1000 };
	unsigned char buf[2000];
	struct segment got;
	long fd = drill_accepted(&drill, &first, &got), before = drill_counter(&drill, "PAWSEstab");
	uint32_t echo = got.stamp;

	tap_is(got.echo, 1000, "the time of the peer's comes back");
	script_send(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1, .length = 100, .stamp = 1010, .echo = echo));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 101), &got) && got.echo == 1010,
	       "and the next one");
	script_send(&drill.peer,
		    SEGMENT(.flags = ACK, .seq = 101, .ack = 1, .length = 100, .stamp = 900, .echo = echo));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 101), NULL),
	       "one of an earlier time is not taken");
	tap_ok(drill_counted(&drill, "PAWSEstab", before), "since it is an old duplicate");
	tap_ok(node_read(&drill.kernel, fd, buf, sizeof(buf)) == 100 && pattern_is(2, 1, buf, 100),
	       "what was taken is read");
	node_close(&drill.kernel, fd);
}

/* ---- data in the first segment ---- */

/* Ask for a cookie. Return: the kernel's answer */
static struct segment ask_for_cookie(void)
{
	struct segment got = { 0 };

	script_connection(&drill.peer, ++drill.port, 7000);
	script_send(&drill.peer, SEGMENT(.flags = SYN, .mss = SIZE, .cookie_ok = true));
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1), &got), "a cookie is asked for");
	script_send(&drill.peer, SEGMENT(.flags = RST, .seq = 1));
	return got;
}

static void check_fast_open(void)
{
	unsigned char buf[2000];
	struct segment got, first = { .flags = SYN, .mss = SIZE, .cookie_ok = true, .length = 100 };
	long listener = node_listen_at(&drill.kernel, drill.family->kernel, 7000), fd;

	drill_set(&drill, "tcp_fastopen", "3");
	node_setsockopt(&drill.kernel, listener, IPPROTO_TCP, TCP_FASTOPEN, 5);
	got = ask_for_cookie();
	tap_ok(got.cookie_size >= 4, "a cookie of %u bytes", got.cookie_size);
	first.cookie_size = got.cookie_size;
	memcpy(first.cookie, got.cookie, got.cookie_size);
	script_connection(&drill.peer, ++drill.port, 7000);
	script_send(&drill.peer, &first);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 101), NULL),
	       "data with the cookie in the first segment");
	fd = node_accept(&drill.kernel, listener);
	tap_is(node_read(&drill.kernel, fd, buf, sizeof(buf)), 100, "is read before the connection is there");
	node_close(&drill.kernel, fd);
	first.cookie[0] ^= 1;
	script_connection(&drill.peer, ++drill.port, 7000);
	script_send(&drill.peer, &first);
	tap_ok(script_await(&drill.peer, SEGMENT(.flags = SYN | ACK, .ack = 1), NULL), "with another cookie it is not");
	node_close(&drill.kernel, listener);
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	drill_plain(&drill);
	/* On a busy host this peer is slow. */
	drill_patience(&drill, "2000000");
	check_fast_retransmit();
	check_limited_transmit(true);
	check_limited_transmit(false);
	check_early_recovery();
	check_reduction();
	drill_patience(&drill, "200000");
	check_timeouts();
	check_spurious();
	drill_patience(&drill, "2000000");
	check_marks();
	check_stamps();
	check_fast_open();
	check_path_mtu(); /* which the kernel remembers */
	drill_end(&drill);
	return tap_done();
}
