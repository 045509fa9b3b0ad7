// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a kernel's TCP tells programs: how much there is to read, when data was sent and had arrived, what a connection
 * is like, what calls make no sense; and data that comes from a file or a pipe
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
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

static void end(long fd, uint32_t seq)
{
	drill_send(&drill, RST, seq, 0, 0);
	node_close(&drill.kernel, fd);
}

static void set(long fd, int level, int option, int value)
{
	if (node_setsockopt(&drill.kernel, fd, level, option, value))
		tap_abort("option %d of level %d", option, level);
}

/**
 * struct words - a message with what the kernel has to say about it
 * @header: for recvmsg(2)
 */
struct words {
	struct msghdr header;
	struct iovec iov;
	union {
		struct cmsghdr first;
		unsigned char bytes[512];
	} control;
};

static long receive(long fd, struct words *words, size_t size, int flags)
{
	memset(words, 0, sizeof(*words));
	words->iov = (struct iovec){ .iov_base = data, .iov_len = size };
	words->header = (struct msghdr){ .msg_iov = &words->iov,
					 .msg_iovlen = 1,
					 .msg_control = &words->control,
					 .msg_controllen = sizeof(words->control) };
	return rumpus_sys_recvmsg((int)fd, &words->header, flags);
}

static const void *word(struct words *words, int level, int type)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(&words->header);

	for (; control; control = CMSG_NXTHDR(&words->header, control))
		if (control->cmsg_level == level && control->cmsg_type == type)
			return CMSG_DATA(control);
	return NULL;
}

/* ---- what is left to read ---- */

static long rest_after(long fd, size_t size)
{
	struct words words;
	const int *rest;

	if (receive(fd, &words, size, 0) != (long)size)
		return -1;
	rest = word(&words, IPPROTO_TCP, TCP_CM_INQ);
	return rest ? *rest : -1;
}

static void check_rest(void)
{
	long fd = drill_accepted(&drill, &plain, NULL);

	set(fd, IPPROTO_TCP, TCP_INQ, 1);
	drill_send(&drill, ACK, 1, 1, SIZE);
	drill_send(&drill, ACK, 1 + SIZE, 1, SIZE);
	tap_ok(drill_await(&drill, ACK, 1, 1 + 2 * SIZE, 0), "two segments");
	tap_is(rest_after(fd, 500), 1500, "500 are read: so much is left");
	tap_is(rest_after(fd, 1500), 0, "then nothing");
	drill_send(&drill, FIN | ACK, 1 + 2 * SIZE, 1, 0);
	tap_ok(drill_await(&drill, ACK, 1, 2 + 2 * SIZE, 0), "the end");
	tap_is(rest_after(fd, 0), 1, "is told as one more");
	end(fd, 2 + 2 * SIZE);
}

/* ---- when ---- */

/* The word on the next event of a byte. Return: its kind, or -1; @at: out: which byte */
static int next_event(long fd, uint32_t *at)
{
	struct pollfd poll = { .fd = (int)fd };
	const struct sock_extended_err *event;
	struct words words;

	if (rumpus_sys_poll(&poll, 1, 20000) != 1 || receive(fd, &words, sizeof(data), MSG_ERRQUEUE) < 0 ||
	    !word(&words, SOL_SOCKET, SCM_TIMESTAMPING))
		return -1;
	event = drill.family == &script_ipv6 ? word(&words, IPPROTO_IPV6, IPV6_RECVERR)
					     : word(&words, IPPROTO_IP, IP_RECVERR);
	if (!event || event->ee_origin != SO_EE_ORIGIN_TIMESTAMPING)
		return -1;
	*at = event->ee_data;
	return (int)event->ee_info;
}

static void check_times(void)
{
	const int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK |
			   SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	static const int order[] = { SCM_TSTAMP_SCHED, SCM_TSTAMP_SND };
	long fd = drill_accepted(&drill, &plain, NULL);
	uint32_t at = 0;
	unsigned int i;

	set(fd, SOL_SOCKET, SO_TIMESTAMPING, wanted);
	tap_is(node_write(&drill.kernel, fd, data, 500), 500, "data, whose times are asked for");
	tap_ok(drill_await(&drill, ACK, 1, 1, 500), "is sent");
	for (i = 0; i < sizeof(order) / sizeof(*order); i++)
		tap_ok(next_event(fd, &at) == order[i] && at == 499, "event %d of its last byte", order[i]);
	drill_send(&drill, ACK, 1, 501, 0);
	tap_ok(next_event(fd, &at) == SCM_TSTAMP_ACK && at == 499, "and when it had arrived");
	end(fd, 1);
}

/* ---- what it is like ---- */

static void check_information(void)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	const struct segment options = { .mss = SIZE, .sack_ok = true, .scale_ok = true, .scale = 5, .stamp = 7 };
	struct segment got;
	long fd = drill_accepted(&drill, &options, &got);

	tap_is(node_getsockopt(&drill.kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0, "what is it like?");
	tap_is(info.tcpi_state, TCP_ESTABLISHED, "established");
	tap_is(info.tcpi_options & 7, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE, "with all options");
	tap_ok(info.tcpi_snd_wscale == 5 && info.tcpi_rcv_wscale == got.scale, "and their values");
	tap_is(info.tcpi_snd_mss, SIZE - 12, "segments have room for times");
	tap_is(info.tcpi_snd_cwnd, 10, "the first window");
	tap_is(info.tcpi_unacked + info.tcpi_sacked + info.tcpi_lost + info.tcpi_retrans, 0, "nothing is under way");
	end(fd, 1);
}

/* ---- what makes no sense ---- */

static void check_nonsense(void)
{
	const int level = IPPROTO_TCP;
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill.family->kernel, 99);
	struct node *node = &drill.kernel;
	long fd = node_socket(node, drill.family->number, SOCK_STREAM, 0), listener = drill_listen(&drill);

	tap_is(rumpus_sys_listen((int)fd, 1), 0, "listening at any port");
	tap_is(node_connect(node, fd, (struct sockaddr *)&to, len), -EISCONN, "connecting a socket that listens");
	tap_is(rumpus_sys_recvfrom((int)fd, data, 1, 0, NULL, NULL), -ENOTCONN, "reading from it");
	tap_is(rumpus_sys_sendto((int)fd, data, 1, MSG_NOSIGNAL, NULL, 0), -EPIPE, "writing to it");
	node_close(node, fd);
	fd = node_socket(node, drill.family->number, SOCK_STREAM, 0);
	tap_is(node_accept(node, fd), -EINVAL, "accepting from one that does not");
	tap_is(rumpus_sys_shutdown((int)fd, SHUT_WR), -ENOTCONN, "ending what has not begun");
	tap_is(node_connect(node, fd, (struct sockaddr *)&to, 4), -EINVAL, "half an address");
	tap_is(node_connect(node, fd, (struct sockaddr *)&to, len), -ECONNREFUSED, "a port where nobody listens");
	to.ss_family = AF_UNIX;
	tap_is(node_bind(node, fd, (struct sockaddr *)&to, len), -EAFNOSUPPORT, "an address of another family");
	tap_is(node_setsockopt(node, fd, level, TCP_MAXSEG, 10), -EINVAL, "segments of ten bytes");
	tap_is(node_setsockopt(node, fd, level, TCP_KEEPIDLE, 0), -EINVAL, "no time to be idle");
	tap_is(node_setsockopt(node, fd, level, TCP_KEEPCNT, 128), -EINVAL, "too many questions");
	tap_is(node_setsockopt(node, fd, level, TCP_USER_TIMEOUT, -1), -EINVAL, "less than no patience");
	tap_is(node_setsockopt(node, fd, level, 9999, 1), -ENOPROTOOPT, "an option that there is not");
	tap_is(rumpus_sys_setsockopt((int)fd, level, TCP_NODELAY, data, 1), -EINVAL, "half an option");
	tap_is(rumpus_sys_setsockopt((int)fd, level, TCP_NODELAY, (void *)8, 4), -EFAULT, "one that is nowhere");
	node_close(node, fd);
	node_close(node, listener);
}

/* ---- from elsewhere ---- */

static void check_file(void)
{
	long fd, file = rumpus_sys_openat(AT_FDCWD, "/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int ends[2];

	pattern_fill(1, 0, data, sizeof(data));
	tap_is(rumpus_sys_write((int)file, data, 3 * SIZE), 3 * SIZE, "a file");
	fd = drill_accepted(&drill, &plain, NULL);
	rumpus_sys_lseek((int)file, 0, SEEK_SET);
	tap_is(rumpus_sys_sendfile((int)fd, (int)file, NULL, 3 * SIZE), 3 * SIZE, "is sent");
	tap_ok(drill_await(&drill, ACK, 1, 1, SIZE) && drill_await(&drill, ACK, 1 + SIZE, 1, SIZE) &&
		       drill_await(&drill, ACK, 1 + 2 * SIZE, 1, SIZE),
	       "in segments");
	drill_send(&drill, ACK, 1, 1 + 3 * SIZE, 700);
	tap_ok(drill_await(&drill, ACK, 1 + 3 * SIZE, 701, 0), "data of the peer's");
	tap_is(rumpus_sys_pipe2(ends, 0), 0, "a pipe");
	tap_is(rumpus_sys_splice((int)fd, NULL, ends[1], NULL, SIZE, 0), 700, "takes it");
	tap_ok(rumpus_sys_read(ends[0], data, SIZE) == 700 && pattern_is(2, 1, data, 700), "as it was");
	tap_is(rumpus_sys_write(ends[1], data, 400), 400, "some of it");
	tap_is(rumpus_sys_splice(ends[0], NULL, (int)fd, NULL, 400, 0), 400, "goes back");
	tap_ok(drill_await(&drill, ACK, 1 + 3 * SIZE, 701, 400), "in a segment");
	rumpus_sys_close(ends[0]);
	rumpus_sys_close(ends[1]);
	rumpus_sys_close((int)file);
	end(fd, 701);
}

int main(int argc, char **argv)
{
	drill_begin(&drill, argv[1]);
	drill_patience(&drill, "2000000");
	check_rest();
	check_times();
	check_information();
	check_nonsense();
	check_file();
	drill_end(&drill);
	return tap_done();
}
