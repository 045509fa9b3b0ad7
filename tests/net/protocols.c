// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the kernel's stack does over a wire, as a capture and system calls show it: windows and SACK under loss, path
 * MTU discovery behind a router, fragments, multicast with its joins
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../tap.h"
#include "capturing.h"
#include "message.h"
#include "node.h"

#define MIB (UINT64_C(1) << 20)

static struct node a, b, router;

/* Of frames that are segments on the wire, 5 % are lost and as many overtaken; the hash is the pattern's. */
static void check_loss(void)
{
	static const char bad[] =
		"pcap,file=loss.pcapng,snap=128:impair,seed=11,loss=5,reorder=5,hold=300:pair,offload=0:bad";
	long time;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, bad, "10.9.0.1/24");
	node_link(&b, "pair,offload=0:bad", "10.9.0.2/24");
	time = node_transfer(&a, &b, "10.9.0.2", 1001, 8 * MIB);
	tap_ok(time >= 0, "8 MiB arrive right through 5 %% loss and reordering, in %ld ms", time);
	node_halt(&b);
	node_halt(&a);
	tap_ok(capture_has("loss.pcapng", "->", "TCP", "SYN,", "sackOK", "wscale "),
	       "window scaling and SACK are offered");
	tap_ok(capture_has("loss.pcapng", "<-", "TCP", "SYN+ACK", "sackOK", "wscale "), "and taken");
	tap_ok(capture_has("loss.pcapng", "<-", "TCP", ", sack "), "what was lost is told by SACK");
}

/* ---- a router with a narrow side ---- */

static void check_path_mtu_of(const char *address, int level, int discover, int mtu_option, const char *complaint)
{
	char big[1400] = { 0 };
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, address, 2001), size = sizeof(int);
	long fd = node_socket(&a, to.ss_family, SOCK_DGRAM, 0), result;
	const struct timeval patience = { .tv_sec = 30 };
	int mtu = 0;

	node_setsockopt(&a, fd, level, discover, IP_PMTUDISC_DO);
	node_connect(&a, fd, (struct sockaddr *)&to, len);
	tap_is(node_write(&a, fd, big, sizeof(big)), sizeof(big), "%s: a datagram that the first network takes",
	       address);
	node_settimeout(&a, fd, &patience);
	result = node_recv(&a, fd, big, sizeof(big));
	tap_ok(result == -EMSGSIZE, "%s: the router's word arrives at the socket: %s", address, strerror((int)-result));
	node_getsockopt(&a, fd, level, mtu_option, &mtu, &size);
	tap_is(mtu, 1300, "%s: the path's MTU is learnt", address);
	tap_is(node_write(&a, fd, big, sizeof(big)), -EMSGSIZE, "%s: and kept to", address);
	node_close(&a, fd);
	tap_ok(capture_has("mtu.pcapng", "<-", complaint, "mtu 1300"), "%s: %s", address, complaint);
}

static void check_path_mtu(void)
{
	struct node narrow;
	long time;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_boot(&router, "router", 1);
	node_link(&a, "pcap,file=mtu.pcapng:pair:left", "10.1.0.1/24 fd01::1/64");
	node_link(&router, "pair:left", "10.1.0.254/24 fd01::fe/64");
	narrow = router;
	node_link(&narrow, "pair,mtu=1300:right", "10.2.0.254/24 fd02::fe/64");
	node_link(&b, "pair,mtu=1300:right", "10.2.0.2/24 fd02::2/64");
	node_put(&router, "/proc/sys/net/ipv4/ip_forward", "1");
	node_put(&router, "/proc/sys/net/ipv6/conf/all/forwarding", "1");
	rumpus_net_configure(a.kernel, a.device, "via=10.1.0.254 via=fd01::fe", NULL, 0);
	rumpus_net_configure(b.kernel, b.device, "via=10.2.0.254 via=fd02::fe", NULL, 0);
	tap_is(node_ping(&a, "10.2.0.2", 3, 64), 3, "a third kernel routes");
	tap_is(node_ping(&a, "fd02::2", 3, 64), 3, "IPv6, too");
	check_path_mtu_of("10.2.0.2", IPPROTO_IP, IP_MTU_DISCOVER, IP_MTU, "fragmentation needed");
	check_path_mtu_of("fd02::2", IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_MTU, "packet too big");
	time = node_transfer(&a, &b, "10.2.0.2", 1001, 16 * MIB);
	tap_ok(time >= 0, "TCP fits itself into the path, in %ld ms", time);
	time = node_transfer(&b, &a, "fd01::1", 1001, 16 * MIB);
	tap_ok(time >= 0, "the other way, over IPv6, in %ld ms", time);
	tap_is(node_ping(&a, "10.2.0.2", 3, 5000), 3, "fragments pass the router");
	tap_is(node_ping(&a, "fd02::2", 3, 5000), 3, "those of IPv6, too");
	tap_ok(capture_has("mtu.pcapng", "->", "fragment at ", "10.2.0.2"), "as fragments of IPv4");
	tap_ok(capture_has("mtu.pcapng", "->", "fragment at ", "fd02::2"), "and of IPv6");
	node_halt(&b);
	node_halt(&router);
	node_halt(&a);
}

/* ---- multicast ---- */

static bool delivered(const char *group, uint16_t port, long receiver, long sender)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, group, port);
	unsigned char out[500], in[600];

	pattern_fill(port, 0, out, sizeof(out));
	if (node_sendto(&a, sender, out, sizeof(out), (struct sockaddr *)&to, len) != (long)sizeof(out))
		return false;
	return node_recv(&b, receiver, in, sizeof(in)) == (long)sizeof(out) && pattern_is(port, 0, in, sizeof(out));
}

static void check_groups(const char *any, const char *group, uint16_t port, int level, int interface_option, int join,
			 int leave, const void *membership, socklen_t size, const void *interface,
			 socklen_t interface_size)
{
	const struct timeval patience = { .tv_sec = 10 }, moment = { .tv_usec = 200 * 1000 };
	struct sockaddr_storage here;
	socklen_t len = address_of(&here, any, port);
	long receiver = node_socket(&b, here.ss_family, SOCK_DGRAM, 0);
	long sender = node_socket(&a, here.ss_family, SOCK_DGRAM, 0);

	node_bind(&b, receiver, (struct sockaddr *)&here, len);
	node_settimeout(&b, receiver, &moment);
	rumpus_process_enter(rumpus_process_first(a.kernel));
	rumpus_sys_setsockopt((int)sender, level, interface_option, (void *)interface, interface_size);
	tap_ok(!delivered(group, port, receiver, sender), "%s: not without having joined", group);
	rumpus_process_enter(rumpus_process_first(b.kernel));
	tap_is(rumpus_sys_setsockopt((int)receiver, level, join, (void *)membership, size), 0, "%s: joined", group);
	node_settimeout(&b, receiver, &patience);
	tap_ok(delivered(group, port, receiver, sender), "%s: delivered", group);
	rumpus_process_enter(rumpus_process_first(b.kernel));
	tap_is(rumpus_sys_setsockopt((int)receiver, level, leave, (void *)membership, size), 0, "%s: left", group);
	node_settimeout(&b, receiver, &moment);
	tap_ok(!delivered(group, port, receiver, sender), "%s: no longer", group);
	node_close(&b, receiver);
	node_close(&a, sender);
}

static void check_multicast(void)
{
	struct ip_mreqn four = { 0 }, from = { 0 };
	struct ipv6_mreq six = { 0 };
	struct sockaddr_storage group;
	int index;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "pcap,file=groups.pcapng:pair:ab", "10.9.0.1/24 fd09::1/64");
	node_link(&b, "pair:ab", "10.9.0.2/24 fd09::2/64");
	address_of(&group, "239.1.2.3", 0);
	four.imr_multiaddr = ((struct sockaddr_in *)&group)->sin_addr;
	four.imr_ifindex = node_index(&b, b.device);
	index = node_index(&a, a.device);
	from.imr_ifindex = index;
	check_groups("0.0.0.0", "239.1.2.3", 3001, IPPROTO_IP, IP_MULTICAST_IF, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP,
		     &four, sizeof(four), &from, sizeof(from));
	address_of(&group, "ff15::123", 0);
	six.ipv6mr_multiaddr = ((struct sockaddr_in6 *)&group)->sin6_addr;
	six.ipv6mr_interface = (unsigned int)node_index(&b, b.device);
	check_groups("::", "ff15::123", 3002, IPPROTO_IPV6, IPV6_MULTICAST_IF, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP, &six,
		     sizeof(six), &index, sizeof(index));
	tap_ok(capture_has("groups.pcapng", "<-", "IGMP 10.9.0.2", "report 239.1.2.3"), "the join is told by IGMP");
	tap_ok(capture_has("groups.pcapng", "<-", "ICMPv6", "listener report"), "and by MLD");
	node_halt(&b);
	node_halt(&a);
}

int main(int argc, char **argv)
{
	check_loss();
	check_path_mtu();
	check_multicast();
	return tap_done();
}
