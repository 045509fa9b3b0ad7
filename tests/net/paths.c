// SPDX-License-Identifier: BSD-2-Clause
/*
 * The kernel's stack over one backend, named by the argument: to other kernels (impair, stream, shm), to the host
 * without rights (slirp), to the host by an interface in a namespace (tap)
 */
#include <errno.h>
#include <string.h>

#include "node.h"
#include "space.h"
#include "../tap.h"

#define MIB (UINT64_C(1) << 20)

static struct node a, b;

static void check_transfer(struct node *from, struct node *to, const char *address, uint16_t port, uint64_t bytes)
{
	long time = node_transfer(from, to, address, port, bytes);

	tap_ok(time >= 0, "TCP, %s to %s at %s: %llu MiB in %ld ms", from->name, to->name, address,
	       (unsigned long long)(bytes / MIB), time);
}

/* Kernels at both ends of a bad network: what arrives is right all the same. */
static void impair(void)
{
	static const char bad[] = "impair,seed=5,loss=5,reorder=1,dup=1,hold=500:pair,offload=0:bad";

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, bad, "10.9.0.1/24 fd09::1/64");
	node_link(&b, "pair,offload=0:bad", "10.9.0.2/24 fd09::2/64");
	check_transfer(&a, &b, "10.9.0.2", 1001, 16 * MIB);
	check_transfer(&b, &a, "10.9.0.1", 1002, 16 * MIB);
	check_transfer(&a, &b, "fd09::2", 1003, 4 * MIB);
	node_halt(&b);
	node_halt(&a);
}

static void stream(void)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "stream,listen=1:unix:socket", "10.9.0.1/24");
	tap_ok(node_wait_carrier(&a, false), "no carrier before the other side is there");
	node_link(&b, "stream:unix:socket", "10.9.0.2/24");
	tap_ok(node_wait_carrier(&a, true), "a carrier");
	tap_is(node_ping(&a, "10.9.0.2", 5, 64), 5, "ICMP");
	check_transfer(&a, &b, "10.9.0.2", 1001, 64 * MIB);
	check_transfer(&b, &a, "10.9.0.1", 1002, 16 * MIB);
	node_halt(&b);
	tap_ok(node_wait_carrier(&a, false), "the other side goes: no carrier");
	node_halt(&a);
}

/* Three kernels on a bus, one of which leaves */
static void shm(void)
{
	struct node c;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_boot(&c, "c", 1);
	node_link(&a, "shm:bus", "10.9.0.1/24 fd09::1/64");
	tap_ok(node_wait_carrier(&a, false), "no carrier before another member is there");
	node_link(&b, "shm:bus", "10.9.0.2/24 fd09::2/64");
	tap_ok(node_wait_carrier(&a, true), "a carrier");
	node_link(&c, "shm,mtu=1000:bus", "10.9.0.3/24");
	tap_is(node_ping(&a, "10.9.0.2", 5, 64) + node_ping(&b, "10.9.0.3", 5, 64), 10, "ICMP");
	tap_is(node_ping(&a, "fd09::2", 5, 64), 5, "ICMPv6");
	check_transfer(&a, &b, "10.9.0.2", 1001, 64 * MIB);
	check_transfer(&b, &c, "10.9.0.3", 1002, 64 * MIB);
	check_transfer(&c, &a, "10.9.0.1", 1003, 64 * MIB);
	node_halt(&b);
	check_transfer(&c, &a, "10.9.0.1", 1004, 16 * MIB);
	node_halt(&c);
	tap_ok(node_wait_carrier(&a, false), "the others have gone: no carrier");
	node_halt(&a);
}

/* The host's port leads to another one inside: so it is no node_transfer(). */
static void check_forward(void)
{
	long listener = node_listen_at(&a, "0.0.0.0", 1002), out = node_connect_to(&node_host, "127.0.0.1", 45231), in;
	char text[16] = "";

	tap_ok(out >= 0, "a port of the host's that leads inside");
	in = node_accept(&a, listener);
	tap_ok(node_write(&node_host, out, "hello", 5) == 5 && node_read(&a, in, text, 5) == 5 &&
		       !strcmp(text, "hello"),
	       "what is sent there arrives");
	tap_ok(node_write(&a, in, "world", 5) == 5 && node_read(&node_host, out, text, 5) == 5 &&
		       !strcmp(text, "world"),
	       "and is answered");
	node_close(&a, in);
	tap_is(node_read(&node_host, out, text, 5), 0, "the end arrives");
	node_close(&node_host, out);
	node_close(&a, listener);
}

static void slirp(void)
{
	node_boot(&a, "kernel", 1);
	node_link(&a, "slirp:tcp:127.0.0.1:45231-:1002", "10.0.2.15/24");
	tap_is(rumpus_net_route(a.kernel, "default", "10.0.2.2", NULL), 0, "a default route");
	tap_is(node_ping(&a, "10.0.2.2", 5, 64), 5, "ICMP to the gateway");
	check_transfer(&a, &node_host, "10.0.2.2", 45230, 64 * MIB);
	check_forward();
	tap_is(node_connect_to(&a, "10.0.2.2", 45239), -ECONNREFUSED, "nobody listens there");
	node_halt(&a);
}

static void tap(void)
{
	const char *obstacle = space_enter();

	if (obstacle) {
		tap_skip(1, "%s", obstacle);
		return;
	}
	node_boot(&a, "kernel", 2);
	node_link(&a, "tap,queues=2:rumpus0", "10.9.0.1/24");
	space_up("rumpus0", "10.9.0.2");
	space_up("lo", NULL);
	tap_is(node_ping(&a, "10.9.0.2", 5, 64), 5, "ICMP to the host");
	check_transfer(&a, &node_host, "10.9.0.2", 1001, 64 * MIB);
	check_transfer(&node_host, &a, "10.9.0.1", 1002, 64 * MIB);
	space_delete("rumpus0");
	tap_ok(node_wait_carrier(&a, false), "the interface is deleted: no carrier");
	node_halt(&a);
}

static void packet(void)
{
	const char *obstacle = space_enter();

	if (obstacle) {
		tap_skip(1, "%s", obstacle);
		return;
	}
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "tap:rumpus0", "10.9.0.1/24");
	space_up("rumpus0", NULL);
	node_link(&b, "packet:rumpus0", "10.9.0.2/24");
	tap_is(node_ping(&a, "10.9.0.2", 5, 64), 5, "ICMP");
	check_transfer(&a, &b, "10.9.0.2", 1001, 16 * MIB);
	check_transfer(&b, &a, "10.9.0.1", 1002, 16 * MIB);
	node_halt(&a);
	tap_ok(node_wait_carrier(&b, false), "the interface has gone with its kernel: no carrier");
	node_halt(&b);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} paths[] = {
		{ "impair", impair }, { "stream", stream }, { "shm", shm },
		{ "slirp", slirp },   { "tap", tap },	    { "packet", packet },
	};
	unsigned int i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (argc > 1 && !strcmp(argv[1], paths[i].name)) {
			paths[i].run();
			return tap_done();
		}
	tap_abort("usage: paths impair|stream|shm|slirp|tap|packet");
}
