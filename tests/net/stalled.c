// SPDX-License-Identifier: BSD-2-Clause
/*
 * A peer that is there and takes nothing: senders are told to wait, nothing hangs; the interface can be taken away
 * then, and the kernel halted; when the peer goes on, so does everything else
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "node.h"
#include "station.h"
#include "../tap.h"

#define DATAGRAM 1000
#define MOST 100000 /* datagrams that no device holds */
#define PATIENCE 60 /* seconds */

static struct node a;

/* Datagrams to everybody, so that nobody has to be asked for an address */
static long open_socket(void)
{
	struct sockaddr_storage to;
	socklen_t size = address_of(&to, "10.9.0.255", 9);
	long fd = node_socket(&a, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	node_setsockopt(&a, fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (node_connect(&a, fd, (struct sockaddr *)&to, size))
		tap_abort("no socket");
	return fd;
}

/* Return: how many it took until the socket was full; MOST: it never is */
static int fill(long fd)
{
	static const char data[DATAGRAM];
	int i;

	for (i = 0; i < MOST && node_write(&a, fd, data, sizeof(data)) == DATAGRAM; i++)
		;
	return i;
}

static bool fills(long fd)
{
	int count = fill(fd);

	tap_note("%d datagrams were taken", count);
	return count < MOST && node_write(&a, fd, "", 1) == -EAGAIN;
}

static void pause_for(long milliseconds)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000 * 1000 };

	nanosleep(&time, NULL);
}

/* A member of the pair that is attached and fetches nothing */
static void check_pair(void)
{
	struct station peer;
	long fd;
	int i;

	node_link(&a, "pair:stalled", "10.9.0.1/24");
	station_open(&peer, "pair:stalled", 0);
	tap_ok(node_wait_carrier(&a, true), "pair: the peer is there");
	fd = open_socket();
	tap_ok(fills(fd), "pair: it takes nothing: senders wait");
	for (i = 0; i < PATIENCE * 100 && node_write(&a, fd, "", 1) != 1; i++) {
		station_drain(&peer, 0);
		pause_for(10);
	}
	tap_ok(i < PATIENCE * 100, "pair: it goes on, and so do they");
	tap_ok(fills(fd), "pair: it stops again");
	tap_is(rumpus_net_remove(a.kernel, a.device), 0, "pair: the interface is taken away from under the senders");
	tap_is(node_write(&a, fd, "", 1), -ENETUNREACH, "pair: who are told");
	node_close(&a, fd);
	station_close(&peer);
}

static int accept_at(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		tap_abort("nobody connects");
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		tap_abort("%s: %s", path, strerror(errno));
	return fd;
}

/* A program at the other end of a stream that reads nothing */
static void check_stream(void)
{
	int listener = listen_at("stalled.sock"), peer, i;
	static char buf[1 << 16];
	long fd;

	node_link(&a, "stream:unix:stalled.sock", "10.9.0.1/24");
	peer = accept_at(listener);
	tap_ok(node_wait_carrier(&a, true), "stream: the peer is there");
	fd = open_socket();
	tap_ok(fills(fd), "stream: it reads nothing: senders wait");
	for (i = 0; i < PATIENCE * 100 && node_write(&a, fd, "", 1) != 1; i++) {
		while (recv(peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		pause_for(10);
	}
	tap_ok(i < PATIENCE * 100, "stream: it reads, and they go on");
	tap_ok(fills(fd), "stream: it stops again");
	tap_is(rumpus_net_down(a.kernel, a.device), 0, "stream: the interface goes down");
	tap_is(rumpus_net_up(a.kernel, a.device), 0, "stream: and up");
	fill(fd);
	tap_is(rumpus_halt(a.kernel), 0, "stream: the kernel is halted with all that it still has to send");
	close(peer);
	close(listener);
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	check_pair();
	check_stream();
	return tap_done();
}
