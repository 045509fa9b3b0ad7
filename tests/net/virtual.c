// SPDX-License-Identifier: BSD-2-Clause
/* Interfaces on interfaces, between three kernels: a bridge with VLANs, VXLAN, WireGuard. Their drivers come when asked
 * for */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/wireguard.h>
#include <stdio.h>
#include <string.h>

#include "../tap.h"
#include "capturing.h"
#include "message.h"
#include "node.h"

#define MIB (UINT64_C(1) << 20)
#define KEY 32 /* bytes */

static struct node a, b, bridge;

/* Give an interface that a link made an address, and start it */
static void start(struct node *node, const char *name, const char *settings)
{
	char error[256];

	if (rumpus_net_configure(node->kernel, name, settings, error, sizeof(error)))
		tap_abort("%s: %s", node->name, error);
}

static void check_transfer(const char *what, const char *address)
{
	long time = node_transfer(&a, &b, address, 1001, 8 * MIB);

	tap_ok(time >= 0, "%s: 8 MiB in %ld ms", what, time);
}

/* ---- a bridge between the other two, for all that follows ---- */

static void check_bridge(void)
{
	struct node right;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_boot(&bridge, "bridge", 1);
	node_link(&a, "pcap,file=left.pcapng:pair:left", "10.9.0.1/24");
	node_link(&bridge, "pair:left", "");
	right = bridge;
	node_link(&right, "pair:right", "");
	node_link(&b, "pair:right", "10.9.0.2/24");
	tap_ok(node_silent(&a, "10.9.0.2"), "nothing passes between two interfaces");
	tap_is(link_add(&bridge, "br0", "bridge", NULL), 0, "a bridge");
	tap_is(link_set_master(&bridge, bridge.device, "br0"), 0, "with a port");
	tap_is(link_set_master(&bridge, right.device, "br0"), 0, "and another one");
	start(&bridge, "br0", "10.9.0.254/24");
	tap_is(node_ping(&a, "10.9.0.2", 3, 64), 3, "the two hear each other");
	tap_is(node_ping(&a, "10.9.0.254", 3, 64), 3, "and the bridge");
	check_transfer("bridge", "10.9.0.2");
}

static int add_vlan(struct node *node, const char *name, uint16_t number)
{
	struct message message;

	link_begin(&message, node, name, "vlan", node->device);
	message_put_u16(&message, IFLA_VLAN_ID, number);
	return link_end(&message, node);
}

static void check_vlan(void)
{
	tap_is(add_vlan(&a, "v7", 7), 0, "a VLAN");
	tap_is(add_vlan(&b, "v7", 7), 0, "at the other side, too");
	tap_is(add_vlan(&a, "v7", 7), -EEXIST, "there is one of this number");
	start(&a, "v7", "10.7.0.1/24");
	start(&b, "v7", "10.7.0.2/24");
	tap_is(node_ping(&a, "10.7.0.2", 3, 64), 3, "it carries");
	check_transfer("VLAN", "10.7.0.2");
	tap_ok(capture_has("left.pcapng", "->", "VLAN 7 ", "TCP 10.7.0.1"), "with its number on the wire");
	tap_is(node_put(&bridge, "/sys/class/net/br0/bridge/vlan_filtering", "1"), 0, "the bridge looks at numbers");
	tap_ok(node_silent(&a, "10.7.0.2"), "it does not know this one");
	tap_is(node_ping(&a, "10.9.0.2", 3, 64), 3, "and passes what has none");
}

static int add_vxlan(struct node *node, const char *remote)
{
	struct message message;
	struct in_addr address;

	inet_pton(AF_INET, remote, &address);
	link_begin(&message, node, "vx42", "vxlan", NULL);
	message_put_u32(&message, IFLA_VXLAN_ID, 42);
	message_put(&message, IFLA_VXLAN_GROUP, &address, sizeof(address));
	message_put_u16(&message, IFLA_VXLAN_PORT, htons(4789));
	return link_end(&message, node);
}

static void check_vxlan(void)
{
	tap_is(add_vxlan(&a, "10.9.0.2"), 0, "a VXLAN");
	tap_is(add_vxlan(&b, "10.9.0.1"), 0, "at the other side, too");
	start(&a, "vx42", "10.42.0.1/24 fd42::1/64");
	start(&b, "vx42", "10.42.0.2/24 fd42::2/64");
	tap_is(node_ping(&a, "10.42.0.2", 3, 64), 3, "it carries");
	tap_is(node_ping(&a, "fd42::2", 3, 64), 3, "IPv6 over IPv4");
	check_transfer("VXLAN", "10.42.0.2");
	tap_ok(capture_has("left.pcapng", "->", "UDP 10.9.0.1", "10.9.0.2:4789"), "in UDP on the wire");
	tap_ok(!capture_count("left.pcapng", (const char *const[]){ "TCP 10.42.0.1", NULL }), "and not bare");
	tap_is(link_delete(&a, "vx42"), 0, "deleted");
	tap_is(link_delete(&b, "vx42"), 0, "at the other side, too");
}

/* ---- WireGuard ---- */

static void guard_begin(struct message *message, struct node *node, uint8_t command, uint16_t flags)
{
	const struct genlmsghdr body = { .cmd = command, .version = WG_GENL_VERSION };

	message_begin(message, family_of(node, WG_GENL_NAME), flags, &body, sizeof(body));
	message_put_text(message, WGDEVICE_A_IFNAME, "wg0");
}

/* A private key of one byte's choice; the kernel tells the public one. */
static void guard_create(struct node *node, unsigned char seed, unsigned char public[KEY])
{
	unsigned char private[KEY];
	struct message message;
	const void *key;
	size_t size = 0;

	memset(private, seed, sizeof(private));
	if (link_add(node, "wg0", "wireguard", NULL))
		tap_abort("%s: no WireGuard", node->name);
	guard_begin(&message, node, WG_CMD_SET_DEVICE, 0);
	message_put(&message, WGDEVICE_A_PRIVATE_KEY, private, KEY);
	message_put_u16(&message, WGDEVICE_A_LISTEN_PORT, 51820);
	if (message_send(node, NETLINK_GENERIC, &message))
		tap_abort("%s: no private key", node->name);
	guard_begin(&message, node, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	if (message_ask(node, NETLINK_GENERIC, &message))
		tap_abort("%s: nothing is told of the interface", node->name);
	key = message_find(&message, sizeof(struct genlmsghdr), WGDEVICE_A_PUBLIC_KEY, &size);
	if (!key || size != KEY)
		tap_abort("%s: no public key", node->name);
	memcpy(public, key, KEY);
}

/* The only peer, which may have any address inside */
static int guard_set_peer(struct node *node, const unsigned char public[KEY], const char *endpoint)
{
	static const unsigned char any[4];
	struct sockaddr_storage address;
	socklen_t len = address_of(&address, endpoint, 51820);
	size_t peers, peer, allowed, range;
	struct message message;

	guard_begin(&message, node, WG_CMD_SET_DEVICE, 0);
	message_put_u32(&message, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
	peers = message_open(&message, WGDEVICE_A_PEERS);
	peer = message_open(&message, 0);
	message_put(&message, WGPEER_A_PUBLIC_KEY, public, KEY);
	message_put(&message, WGPEER_A_ENDPOINT, &address, len);
	allowed = message_open(&message, WGPEER_A_ALLOWEDIPS);
	range = message_open(&message, 0);
	message_put_u16(&message, WGALLOWEDIP_A_FAMILY, AF_INET);
	message_put(&message, WGALLOWEDIP_A_IPADDR, any, sizeof(any));
	message_put_u8(&message, WGALLOWEDIP_A_CIDR_MASK, 0);
	message_close(&message, range);
	message_close(&message, allowed);
	message_close(&message, peer);
	message_close(&message, peers);
	return message_send(node, NETLINK_GENERIC, &message);
}

static void check_wireguard(void)
{
	unsigned char key_a[KEY], key_b[KEY], wrong[KEY];

	guard_create(&a, 'a', key_a);
	guard_create(&b, 'b', key_b);
	tap_ok(memcmp(key_a, key_b, KEY) != 0, "WireGuard at both sides, with keys of their own");
	tap_is(guard_set_peer(&a, key_b, "10.9.0.2"), 0, "one knows the other");
	tap_is(guard_set_peer(&b, key_a, "10.9.0.1"), 0, "and is known");
	start(&a, "wg0", "10.50.0.1/24");
	start(&b, "wg0", "10.50.0.2/24");
	tap_is(node_ping(&a, "10.50.0.2", 3, 64), 3, "it carries");
	check_transfer("WireGuard", "10.50.0.2");
	tap_ok(capture_has("left.pcapng", "->", "UDP 10.9.0.1:51820 > 10.9.0.2:51820"), "in UDP on the wire");
	tap_ok(!capture_count("left.pcapng", (const char *const[]){ "10.50.0.", NULL }),
	       "and nothing of it in the clear");
	memcpy(wrong, key_b, KEY);
	wrong[5] ^= 0x10;
	tap_is(guard_set_peer(&a, wrong, "10.9.0.2"), 0, "a wrong key of the other");
	tap_ok(node_silent(&a, "10.50.0.2"), "lets nothing pass");
	tap_ok(node_silent(&b, "10.50.0.1"), "in neither direction");
	tap_is(guard_set_peer(&a, key_b, "10.9.0.2"), 0, "the right one");
	tap_is(node_ping(&a, "10.50.0.2", 3, 64), 3, "does");
}

int main(int argc, char **argv)
{
	check_bridge();
	check_vlan();
	check_vxlan();
	check_wireguard();
	node_halt(&b);
	node_halt(&bridge);
	node_halt(&a);
	return tap_done();
}
