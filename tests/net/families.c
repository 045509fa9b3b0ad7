// SPDX-License-Identifier: BSD-2-Clause
/* Kinds of sockets beside TCP and UDP: MPTCP with two subflows, vsock within a kernel, Unix */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#include "../tap.h"
#include "capturing.h"
#include "message.h"
#include "node.h"

#define MIB (UINT64_C(1) << 20)
#define PATIENCE 30 /* seconds */

static struct node a, b;

/* ---- MPTCP ---- */

static void set_limits(struct node *node)
{
	const struct genlmsghdr body = { .cmd = MPTCP_PM_CMD_SET_LIMITS, .version = MPTCP_PM_VER };
	struct message message;

	message_begin(&message, family_of(node, MPTCP_PM_NAME), 0, &body, sizeof(body));
	message_put_u32(&message, MPTCP_PM_ATTR_RCV_ADD_ADDRS, 2);
	message_put_u32(&message, MPTCP_PM_ATTR_SUBFLOWS, 2);
	tap_is(message_send(node, NETLINK_GENERIC, &message), 0, "MPTCP: two subflows are allowed");
}

/* An address of this side that the other one is told of */
static void tell_address(struct node *node, const char *text)
{
	const struct genlmsghdr body = { .cmd = MPTCP_PM_CMD_ADD_ADDR, .version = MPTCP_PM_VER };
	struct sockaddr_storage address;
	struct message message;
	size_t nested;

	address_of(&address, text, 0);
	message_begin(&message, family_of(node, MPTCP_PM_NAME), 0, &body, sizeof(body));
	nested = message_open(&message, MPTCP_PM_ATTR_ADDR);
	message_put_u16(&message, MPTCP_PM_ADDR_ATTR_FAMILY, AF_INET);
	message_put_u8(&message, MPTCP_PM_ADDR_ATTR_ID, 8);
	message_put(&message, MPTCP_PM_ADDR_ATTR_ADDR4, &((struct sockaddr_in *)&address)->sin_addr, 4);
	message_put_u32(&message, MPTCP_PM_ADDR_ATTR_FLAGS, MPTCP_PM_ADDR_FLAG_SIGNAL);
	message_close(&message, nested);
	tap_is(message_send(node, NETLINK_GENERIC, &message), 0, "MPTCP: %s is told", text);
}

static unsigned int subflows(struct node *node, long fd)
{
	struct mptcp_info info = { 0 };
	socklen_t size = sizeof(info);

	return node_getsockopt(node, fd, SOL_MPTCP, MPTCP_INFO, &info, &size) ? 0 : info.mptcpi_subflows;
}

static long socket_at(struct node *node, const char *address, uint16_t port,
		      int (*use)(struct node *, long, const struct sockaddr *, socklen_t))
{
	struct sockaddr_storage at;
	socklen_t len = address_of(&at, address, port);
	long fd = node_socket(node, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		tap_abort("%s: no MPTCP: %s", node->name, strerror((int)-fd));
	if (use(node, fd, (struct sockaddr *)&at, len))
		tap_abort("%s: MPTCP at %s", node->name, address);
	return fd;
}

static int listen_at(struct node *node, long fd, const struct sockaddr *address, socklen_t len)
{
	return node_bind(node, fd, address, len) || node_listen(node, fd, 4);
}

static int connect_to(struct node *node, long fd, const struct sockaddr *address, socklen_t len)
{
	return (int)node_connect(node, fd, address, len);
}

static void check_mptcp(void)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	struct node second_a, second_b;
	struct receiver receiver;
	long fd;
	int i;

	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "pair:first", "10.9.0.1/24");
	node_link(&b, "pair:first", "10.9.0.2/24");
	second_a = a;
	second_b = b;
	node_link(&second_a, "pcap,file=second.pcapng,snap=128:pair:second", "10.8.0.1/24");
	node_link(&second_b, "pair:second", "10.8.0.2/24");
	set_limits(&a);
	set_limits(&b);
	tell_address(&b, "10.8.0.2");
	receiver_serve(&receiver, &b, socket_at(&b, "0.0.0.0", 1001, listen_at), 16 * MIB);
	fd = socket_at(&a, "10.9.0.2", 1001, connect_to);
	tap_is(node_send_pattern(&a, fd, 4 * MIB), 0, "MPTCP: data by the first way");
	for (i = 0; i < PATIENCE * 100 && !subflows(&a, fd); i++)
		nanosleep(&pause, NULL);
	tap_is(subflows(&a, fd), 1, "MPTCP: a subflow more");
	tap_is(node_send_pattern_from(&a, fd, 4 * MIB, 16 * MIB), 0, "MPTCP: data by both");
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "MPTCP: what arrives is right");
	tap_ok(capture_has("second.pcapng", "->", "TCP 10.8.0.1", "SYN,", "mptcp 1"), "the second way was joined");
	tap_ok(capture_has("second.pcapng", "->", "TCP 10.8.0.1", "mptcp 2"), "and carried data");
	node_halt(&b);
	node_halt(&a);
}

/* ---- within a kernel ---- */

static void check_stream(const char *what, int family, const void *address, socklen_t len)
{
	long listener = node_socket(&a, family, SOCK_STREAM, 0), fd = node_socket(&a, family, SOCK_STREAM, 0);
	struct receiver receiver;

	if (!tap_ok(listener >= 0 && fd >= 0, "%s: sockets", what))
		return;
	tap_is(node_bind(&a, listener, address, len), 0, "%s: bind", what);
	tap_is(node_listen(&a, listener, 4), 0, "%s: listen", what);
	receiver_serve(&receiver, &a, listener, 8 * MIB);
	tap_is(node_connect(&a, fd, address, len), 0, "%s: connect", what);
	tap_is(node_send_pattern(&a, fd, 8 * MIB), 0, "%s: data", what);
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "%s: what arrives is right", what);
}

static void check_local(void)
{
	const struct sockaddr_vm vsock = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 1001 };
	const struct sockaddr_vm nobody = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 1002 };
	const struct sockaddr_vm other = { .svm_family = AF_VSOCK, .svm_cid = 3, .svm_port = 1002 };
	struct sockaddr_un file = { .sun_family = AF_UNIX, .sun_path = "/socket" };
	long fd;

	node_boot(&a, "a", 1);
	check_stream("Unix", AF_UNIX, &file, sizeof(file));
	check_stream("vsock", AF_VSOCK, &vsock, sizeof(vsock));
	fd = node_socket(&a, AF_VSOCK, SOCK_STREAM, 0);
	tap_is(node_connect(&a, fd, (const struct sockaddr *)&nobody, sizeof(nobody)), -ECONNRESET,
	       "vsock: nobody listens");
	tap_is(node_connect(&a, fd, (const struct sockaddr *)&other, sizeof(other)), -ENODEV,
	       "vsock: there is no other machine");
	node_close(&a, fd);
	tap_is(node_socket(&a, AF_APPLETALK, SOCK_DGRAM, 0), -EAFNOSUPPORT, "a family that there is not");
	node_halt(&a);
}

int main(int argc, char **argv)
{
	check_mptcp();
	check_local();
	return tap_done();
}
