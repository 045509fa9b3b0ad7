// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's stack over two devices back to back: TCP, UDP, ICMP over IPv4 and IPv6, the link, the end of a peer */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "node.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define MIB (UINT64_C(1) << 20)

static struct node a, b;

static void check_tcp(uint64_t bytes)
{
	long there = node_transfer(&a, &b, "10.9.0.2", 1001, bytes), back;

	tap_ok(there >= 0, "TCP, %llu MiB in %ld ms", (unsigned long long)(bytes / MIB), there);
	back = node_transfer(&b, &a, "10.9.0.1", 1002, bytes);
	tap_ok(back >= 0, "TCP, the other way, in %ld ms", back);
	there = node_transfer(&a, &b, "fd09::2", 1003, bytes);
	tap_ok(there >= 0, "TCP over IPv6, in %ld ms", there);
}

static void check_udp(void)
{
	static const size_t sizes[] = { 1, 100, 1472, 1473, 9000, 40000, 65000 };
	struct timeval patience = { .tv_sec = 10 };
	unsigned char out[65536], in[65536];
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, "10.9.0.2", 2001);
	long server = node_socket(&b, AF_INET, SOCK_DGRAM, 0), client = node_socket(&a, AF_INET, SOCK_DGRAM, 0);
	unsigned int i, wrong = 0;

	node_settimeout(&b, server, &patience);
	tap_is(node_bind(&b, server, (struct sockaddr *)&to, len), 0, "UDP: a socket");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pattern_fill(i, 0, out, sizes[i]);
		wrong += node_sendto(&a, client, out, sizes[i], (struct sockaddr *)&to, len) != (long)sizes[i];
		wrong += node_recv(&b, server, in, sizeof(in)) != (long)sizes[i] || !pattern_is(i, 0, in, sizes[i]);
	}
	tap_is(wrong, 0, "UDP: datagrams of many sizes, larger ones in fragments");
	node_close(&a, client);
	node_close(&b, server);
}

static void check_ping(void)
{
	tap_is(node_ping(&a, "10.9.0.2", 10, 64), 10, "ICMP: all of 10 come back");
	tap_is(node_ping(&b, "10.9.0.1", 3, 20000), 3, "ICMP: in fragments");
	tap_is(node_ping(&a, "fd09::2", 10, 64), 10, "ICMPv6");
}

static void check_link(void)
{
	tap_ok(node_wait_carrier(&a, true), "a carrier");
	tap_is(rumpus_net_down(b.kernel, b.device), 0, "one side goes down");
	tap_ok(node_wait_carrier(&a, false), "the other one sees it");
	tap_is(rumpus_net_up(b.kernel, b.device), 0, "it comes up");
	tap_ok(node_wait_carrier(&a, true), "and is seen");
	tap_is(node_ping(&a, "10.9.0.2", 3, 64), 3, "and heard");
}

static void check_errors(void)
{
	char name[32], error[256];

	tap_is(rumpus_net_address(a.kernel, a.device, "10.9.0.1/24"), -EEXIST, "an address that is there");
	tap_is(rumpus_net_address(a.kernel, "net77", "10.9.0.9/24"), -ENODEV, "no such interface");
	tap_is(rumpus_net_address(a.kernel, a.device, "10.9.0/24"), -EINVAL, "no address");
	tap_is(rumpus_net_address(a.kernel, a.device, "10.9.0.1/33"), -EINVAL, "too many bits");
	tap_is(rumpus_net_route(a.kernel, "default", "10.77.0.1", NULL), -ENETUNREACH, "a gateway nowhere");
	tap_is(rumpus_net_route(a.kernel, "10.5.0.0/16", "fd00::1", NULL), -EINVAL, "a gateway of another family");
	tap_is(rumpus_net_route(a.kernel, "10.5.0.0/16", "10.9.0.2", NULL), 0, "a route");
	tap_is(rumpus_net_route(a.kernel, "10.5.0.0/16", "10.9.0.2", NULL), -EEXIST, "it is there");
	tap_is(rumpus_net_route(a.kernel, "fd05::/32", "fd09::2", a.device), 0, "a route of IPv6");
	tap_is(rumpus_net_up(a.kernel, "net77"), -ENODEV, "no such interface to start");
	tap_is(rumpus_net_remove(a.kernel, "net77"), -ENOENT, "none to remove");
	tap_ok(rumpus_net_add(a.kernel, "pair:ab", name, error, sizeof(error)) == -EBUSY && strstr(error, "both ends"),
	       "a specification that cannot be opened: %s", error);
}

/* What sockets may take is a share of what the kernel may grow to, not of what it has when it boots. */
static void check_limits(void)
{
	char text[80] = "";
	int least, usual, most = 0, read;
	long fd;

	rumpus_process_enter(rumpus_process_first(a.kernel));
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0755);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	fd = rumpus_sys_openat(AT_FDCWD, "/proc/sys/net/ipv4/tcp_rmem", O_RDONLY, 0);
	rumpus_sys_read((int)fd, text, sizeof(text) - 1);
	rumpus_sys_close((int)fd);
	read = sscanf(text, "%d %d %d", &least, &usual, &most);
	tap_ok(read == 3 && most >= 3 << 20, "a window of %d bytes", most);
}

static void check_remove(void)
{
	char name[32], error[256];

	tap_is(rumpus_net_remove(b.kernel, b.device), 0, "an interface that is up is removed");
	tap_ok(node_wait_carrier(&a, false), "its peer sees it");
	tap_is(rumpus_net_add(b.kernel, "pair,queues=2:ab", name, error, sizeof(error)), 0, "the end is free again");
	tap_is(rumpus_net_address(b.kernel, name, "10.9.0.2/24"), 0, "an address");
	tap_is(rumpus_net_up(b.kernel, name), 0, "up");
	tap_is(node_ping(&a, "10.9.0.2", 3, 64), 3, "it is heard");
}

/* The peer's kernel is gone in the middle of a connection: time goes by, nothing hangs */
static void check_dead_peer(void)
{
	long listener = node_listen_at(&b, "10.9.0.2", 3001), fd = node_connect_to(&a, "10.9.0.2", 3001);
	static char data[1 << 20];

	tap_ok(listener >= 0 && fd >= 0, "a connection");
	node_setsockopt(&a, fd, SOL_SOCKET, SO_SNDBUF, 65536);
	tap_ok(node_write(&a, fd, data, 1000) == 1000, "that carries data");
	node_halt(&b);
	tap_ok(node_wait_carrier(&a, false), "the peer's kernel ends: no link");
	tap_is(node_write(&a, fd, data, 1000), 1000, "writes go on into the buffer");
	node_close(&a, fd);
	node_halt(&a);
	tap_ok(true, "and the kernel ends with unsent data");
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 2);
	node_boot(&b, "b", 2);
	node_link(&a, "pair,queues=2:ab", "10.9.0.1/24 fd09::1/64");
	node_link(&b, "pair,queues=2:ab", "10.9.0.2/24 fd09::2/64");
	check_ping();
	check_tcp(64 * MIB);
	check_udp();
	check_link();
	check_errors();
	check_limits();
	check_remove();
	check_dead_peer();
	return tap_done();
}
