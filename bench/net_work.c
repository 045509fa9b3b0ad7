// SPDX-License-Identifier: BSD-2-Clause
/* What the two ends of a network do for bench/net: streams, round trips, datagrams */
#include <errno.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "net_work.h"

#define CHUNK (64U << 10)
#define SECONDS 1.0
#define TRIPS 10000
#define DATAGRAM 64U
#define BATCH 32U		/* messages of a call, and datagrams of a message that is cut */
#define DATAGRAM_ROOM (8 << 20) /* bytes that the receiving socket may hold: the kernel counts memory, not contents */

double work_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void work_fail(const char *what, long error)
{
	fprintf(stderr, "net: %s: %s\n", what, strerror((int)-error));
	exit(1);
}

long work_checked(long result, const char *what)
{
	if (result < 0)
		work_fail(what, result);
	return result;
}

/* ---- a stream ---- */

static double stream_serve(struct node *node, long listener)
{
	long fd = work_checked(node_accept(node, listener), "accept"), length;
	char *memory = calloc(1, 4 * CHUNK);
	double start = 0, total = 0;

	while ((length = node_read(node, fd, memory, 4 * CHUNK)) > 0) {
		start = start ? start : work_now();
		total += (double)length;
	}
	work_checked(length, "read");
	free(memory);
	return total / (work_now() - start);
}

static void stream_ask(struct node *node, const char *address)
{
	long fd = work_checked(node_connect_to(node, address, WORK_PORT), "connect");
	char *memory = calloc(1, CHUNK);
	double limit = work_now() + SECONDS;

	while (work_now() < limit)
		work_checked(node_write(node, fd, memory, CHUNK), "write");
	node_close(node, fd);
	free(memory);
}

const struct work work_stream = { stream_serve, stream_ask, SOCK_STREAM };

/* ---- two streams at once ---- */

/* One end of the second stream, on a thread of its own */
struct second {
	struct node *node;
	const char *address;
	long listener;
	double speed;
	pthread_t thread;
};

static void *serve_second(void *arg)
{
	struct second *second = arg;

	second->speed = stream_serve(second->node, second->listener);
	rumpus_thread_detach();
	return NULL;
}

static void *ask_second(void *arg)
{
	struct second *second = arg;

	stream_ask(second->node, second->address);
	rumpus_thread_detach();
	return NULL;
}

static void begin_second(struct second *second, void *(*run)(void *arg))
{
	work_checked(-pthread_create(&second->thread, NULL, run, second), "a second thread");
}

static double streams_serve(struct node *node, long listener)
{
	struct second second = { .node = node, .listener = listener };
	double first;

	begin_second(&second, serve_second);
	first = stream_serve(node, listener);
	pthread_join(second.thread, NULL);
	return first + second.speed;
}

static void streams_ask(struct node *node, const char *address)
{
	struct second second = { .node = node, .address = address };

	begin_second(&second, ask_second);
	stream_ask(node, address);
	pthread_join(second.thread, NULL);
}

const struct work work_streams = { streams_serve, streams_ask, SOCK_STREAM };

/* ---- a round trip ---- */

static double trip_serve(struct node *node, long listener)
{
	long fd = work_checked(node_accept(node, listener), "accept");
	double start = work_now();
	char byte;
	int i;

	node_setsockopt(node, fd, IPPROTO_TCP, 1, 1); /* TCP_NODELAY */
	for (i = 0; i < TRIPS; i++) {
		work_checked(node_read(node, fd, &byte, 1), "read");
		work_checked(node_write(node, fd, &byte, 1), "write");
	}
	return (work_now() - start) / TRIPS;
}

static void trip_ask(struct node *node, const char *address)
{
	long fd = work_checked(node_connect_to(node, address, WORK_PORT), "connect");
	char byte = 1;
	int i;

	node_setsockopt(node, fd, IPPROTO_TCP, 1, 1);
	for (i = 0; i < TRIPS; i++) {
		work_checked(node_write(node, fd, &byte, 1), "write");
		work_checked(node_read(node, fd, &byte, 1), "read");
	}
	node_close(node, fd);
}

const struct work work_trip = { trip_serve, trip_ask, SOCK_STREAM };

/* ---- datagrams ---- */

/** struct batch - messages of one call, each of one datagram or of several in a row */
struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec iov[BATCH];
	char bytes[BATCH][BATCH * DATAGRAM];
};

/* @size: bytes of a message */
static struct batch *make_batch(size_t size)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		batch->iov[i] = (struct iovec){ .iov_base = batch->bytes[i], .iov_len = size };
		batch->messages[i].msg_hdr.msg_iov = &batch->iov[i];
		batch->messages[i].msg_hdr.msg_iovlen = 1;
	}
	return batch;
}

/* Add up the datagrams of @got messages. Return: one of a single byte was among them: the last */
static bool count_datagrams(const struct batch *batch, long got, double *total)
{
	bool end = false;
	long i;

	for (i = 0; i < got; i++) {
		end |= batch->messages[i].msg_len == 1;
		*total += batch->messages[i].msg_len / DATAGRAM;
		if (batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC)
			work_fail("a message is larger than expected", -EMSGSIZE);
	}
	return end;
}

static double receive_datagrams(struct node *node, long fd, size_t size)
{
	struct batch *batch = make_batch(size);
	double start = 0, total = 0;
	bool end;

	node_setsockopt(node, fd, SOL_SOCKET, SO_RCVBUFFORCE, DATAGRAM_ROOM);
	do {
		long got = rumpus_sys_recvmmsg((int)fd, batch->messages, BATCH, MSG_WAITFORONE, NULL);

		work_checked(got, "recvmmsg");
		start = start ? start : work_now();
		end = count_datagrams(batch, got, &total);
	} while (!end);
	free(batch);
	/* What the socket held when the sender had ended is no faster. */
	return total / (work_now() - start > SECONDS ? work_now() - start : SECONDS);
}

static void send_datagrams(struct node *node, long fd, size_t size)
{
	struct batch *batch = make_batch(size);
	double limit = work_now() + SECONDS;
	int i;

	while (work_now() < limit)
		work_checked(rumpus_sys_sendmmsg((int)fd, batch->messages, BATCH, 0), "sendmmsg");
	for (i = 0; i < 50; i++) {
		node_write(node, fd, "", 1);
		usleep(2000);
	}
	node_close(node, fd);
	free(batch);
}

static long connect_datagrams(struct node *node, const char *address)
{
	long fd = work_checked(node_socket(node, AF_INET, SOCK_DGRAM, 0), "socket");
	struct sockaddr_storage to;
	socklen_t size = address_of(&to, address, WORK_PORT);

	work_checked(node_connect(node, fd, (struct sockaddr *)&to, size), "connect");
	return fd;
}

static double datagrams_serve(struct node *node, long fd)
{
	return receive_datagrams(node, fd, DATAGRAM);
}

static void datagrams_ask(struct node *node, const char *address)
{
	send_datagrams(node, connect_datagrams(node, address), DATAGRAM);
}

const struct work work_datagrams = { datagrams_serve, datagrams_ask, SOCK_DGRAM };

/* The kernel cuts each message in datagrams, as late as it can, and joins what it has received. */
static double segments_serve(struct node *node, long fd)
{
	work_checked(node_setsockopt(node, fd, SOL_UDP, UDP_GRO, 1), "UDP_GRO");
	return receive_datagrams(node, fd, BATCH * DATAGRAM);
}

static void segments_ask(struct node *node, const char *address)
{
	long fd = connect_datagrams(node, address);

	work_checked(node_setsockopt(node, fd, SOL_UDP, UDP_SEGMENT, DATAGRAM), "UDP_SEGMENT");
	send_datagrams(node, fd, BATCH * DATAGRAM);
}

const struct work work_segments = { segments_serve, segments_ask, SOCK_DGRAM };
