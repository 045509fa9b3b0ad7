// SPDX-License-Identifier: BSD-2-Clause
/* Traffic between nodes: TCP with contents that are compared, and echo requests */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frames.h"
#include "node.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define CHUNK (256U << 10)

static void *receive(void *arg)
{
	struct receiver *receiver = arg;
	unsigned char *buf = malloc(CHUNK), *expected = malloc(CHUNK);
	long fd = node_accept(receiver->node, receiver->listener), len = -1;
	uint64_t at = 0;

	receiver->wrong = -1;
	while (fd >= 0 && receiver->wrong < 0) {
		len = node_read(receiver->node, fd, buf, CHUNK);
		if (len <= 0)
			break;
		pattern_fill(1, at, expected, (size_t)len);
		if (memcmp(buf, expected, (size_t)len))
			receiver->wrong = (int64_t)at;
		at += (uint64_t)len;
	}
	if (len || at != receiver->bytes) {
		tap_note("%s: connection %ld, read %ld at %llu of %llu", receiver->node->name, fd, len,
			 (unsigned long long)at, (unsigned long long)receiver->bytes);
		receiver->wrong = (int64_t)at;
	}
	if (fd >= 0)
		node_close(receiver->node, fd);
	free(buf);
	free(expected);
	rumpus_thread_detach();
	return NULL;
}

void receiver_start(struct receiver *receiver, struct node *to, const char *address, uint16_t port, uint64_t bytes)
{
	receiver_serve(receiver, to, node_listen_at(to, strchr(address, ':') ? "::" : "0.0.0.0", port), bytes);
}

void receiver_serve(struct receiver *receiver, struct node *to, long listener, uint64_t bytes)
{
	*receiver = (struct receiver){ .node = to, .listener = listener, .bytes = bytes };
	if (pthread_create(&receiver->thread, NULL, receive, receiver))
		tap_abort("no thread");
}

bool receiver_end(struct receiver *receiver)
{
	pthread_join(receiver->thread, NULL);
	node_close(receiver->node, receiver->listener);
	return receiver->wrong < 0;
}

long node_send_pattern(struct node *node, long fd, uint64_t bytes)
{
	return node_send_pattern_from(node, fd, 0, bytes);
}

long node_send_pattern_from(struct node *node, long fd, uint64_t at, uint64_t end)
{
	unsigned char *buf = malloc(CHUNK);
	long len = 0;

	while (at < end && len >= 0) {
		size_t part = end - at < CHUNK ? end - at : CHUNK, done;

		pattern_fill(1, at, buf, part);
		for (done = 0; done < part && len >= 0; done += (size_t)len)
			len = node_write(node, fd, buf + done, part - done);
		at += part;
	}
	free(buf);
	return len < 0 ? len : 0;
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

long node_transfer(struct node *from, struct node *to, const char *address, uint16_t port, uint64_t bytes)
{
	long start = milliseconds(), fd, error;
	struct receiver receiver;
	bool right;

	receiver_start(&receiver, to, address, port, bytes);
	fd = node_connect_to(from, address, port);
	if (fd < 0)
		tap_abort("%s: connect to %s port %u: %s", from->name, address, port, strerror((int)-fd));
	error = node_send_pattern(from, fd, bytes);
	if (error)
		tap_note("%s: write: %s", from->name, strerror((int)-error));
	node_close(from, fd);
	right = receiver_end(&receiver);
	return error || !right ? -1 : milliseconds() - start;
}

static bool is_reply(const unsigned char *buf, long len, bool v6, uint16_t id, uint16_t sequence)
{
	/* Raw sockets of IPv4 show the header, those of IPv6 do not. */
	const struct icmphdr *icmp = (const void *)(buf + (v6 ? 0 : 20));

	return len >= (v6 ? 8 : 28) && icmp->type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) &&
	       icmp->un.echo.id == id && icmp->un.echo.sequence == sequence;
}

static unsigned int ping(struct node *node, const char *text, unsigned int count, size_t size,
			 const struct timeval *patience)
{
	struct sockaddr_storage address;
	socklen_t len = address_of(&address, text, 0);
	bool v6 = address.ss_family == AF_INET6;
	long fd = node_socket(node, address.ss_family, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP), got;
	unsigned char out[65536], in[65536];
	struct icmphdr *icmp = (void *)out;
	unsigned int i, back = 0;

	if (fd < 0)
		tap_abort("%s: raw socket: %s", node->name, strerror((int)-fd));
	node_settimeout(node, fd, patience);
	for (i = 0; i < count; i++) {
		pattern_fill(i, 0, out, size);
		*icmp = (struct icmphdr){ .type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .un.echo = { 7, (uint16_t)i } };
		icmp->checksum = htons((uint16_t)~frame_sum(0, out, size));
		if (node_sendto(node, fd, out, size, (struct sockaddr *)&address, len) < 0)
			continue;
		do {
			got = node_recv(node, fd, in, sizeof(in));
		} while (got >= 0 && !is_reply(in, got, v6, 7, (uint16_t)i));
		back += got >= 0 && got == (long)size + (v6 ? 0 : 20) && pattern_is(i, 8, in + (v6 ? 8 : 28), size - 8);
	}
	node_close(node, fd);
	return back;
}

unsigned int node_ping(struct node *node, const char *address, unsigned int count, size_t size)
{
	return ping(node, address, count, size, &(struct timeval){ .tv_sec = 5 });
}

bool node_silent(struct node *node, const char *address)
{
	return ping(node, address, 1, 64, &(struct timeval){ .tv_usec = 300 * 1000 }) == 0;
}
