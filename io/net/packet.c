// SPDX-License-Identifier: BSD-2-Clause
/* Backend "packet": the wire of an interface of the host's, by a packet socket */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fds.h"
#include "host.h"

/* Before the host's ring is full */
#define BUFFER (4 << 20)
/* Header of this interface: without the two bytes at the end */
#define HEADER 10

/**
 * struct packet - the device
 * @fds:  its socket
 * @name: of the interface
 */
struct packet {
	struct net_fds fds;
	char name[IFNAMSIZ];
};

static ssize_t packet_send(int fd, struct iovec *iov, int count)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t packet_receive(int fd, struct iovec *iov, int count)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = (size_t)count };

	/* MSG_TRUNC: the length that the frame had, also when it was cut */
	return recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC);
}

static bool packet_gone(const struct net_fds *fds)
{
	return !net_host_exists(((const struct packet *)fds)->name);
}

static const struct net_fds_ops fds_ops = { .send = packet_send, .receive = packet_receive, .gone = packet_gone };

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	return snprintf(buf, size, "packets of %s%s", ((const struct packet *)net)->name,
			net->info.caps ? ", offloads" : "");
}

static void packet_close(struct hyp_net *net)
{
	net_fds_stop((struct net_fds *)net);
	free(net);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "packet",
	.attach = net_fds_attach,
	.detach = net_fds_detach,
	.send = net_fds_send,
	.receive = net_fds_receive,
	.link = net_fds_link,
	.stats = net_stats,
	.describe = describe,
	.close = packet_close,
};

static int set(int fd, int name, int value)
{
	return setsockopt(fd, SOL_PACKET, name, &value, sizeof(value));
}

/* Not only frames for the interface's own address: the user has another one. */
static int listen_to_all(int fd, unsigned int index)
{
	struct packet_mreq request = { .mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC };

	return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request));
}

static int bind_to(int fd, unsigned int index)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)index,
	};

	return bind(fd, (const struct sockaddr *)&address, sizeof(address));
}

/* Interfaces of other kinds, as tun ones, have no Ethernet frames. */
static bool is_ethernet(int fd)
{
	struct sockaddr_ll address;
	socklen_t size = sizeof(address);

	return !getsockname(fd, (struct sockaddr *)&address, &size) &&
	       (address.sll_hatype == ARPHRD_ETHER || address.sll_hatype == ARPHRD_LOOPBACK);
}

static int open_socket(struct io_spec *spec, bool offload)
{
	unsigned int index = if_nametoindex(spec->rest);
	int fd, size = BUFFER, error;

	if (!index)
		return io_fail(spec, -HYP_ENODEV, "packet: no interface %s; \"ip link\" lists those that there are",
			       spec->rest);
	fd = io_descriptor(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0)
		return io_fail(
			spec, errno == EPERM ? -HYP_EPERM : -HYP_EACCES,
			"packet: no permission for %s: %s; run as root, with CAP_NET_RAW, or begin with unshare -rn",
			spec->rest, strerror(errno));
	/* Large buffers and silence about what we send ourselves are welcome, not needed. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	set(fd, PACKET_IGNORE_OUTGOING, 1);
	if (!(offload && set(fd, PACKET_VNET_HDR, 1)) && !bind_to(fd, index) && !listen_to_all(fd, index)) {
		if (is_ethernet(fd))
			return fd;
		close(fd);
		return io_fail(spec, -HYP_EINVAL,
			       "packet: %s has no Ethernet frames; take one that ip(8) shows as link/ether",
			       spec->rest);
	}
	error = errno;
	close(fd);
	return io_fail(spec, -HYP_EIO, "packet: %s: %s", spec->rest, strerror(error));
}

static int packet_open(struct io_spec *spec, struct hyp_net **net)
{
	struct packet *packet = calloc(1, sizeof(*packet));
	struct hyp_net_info *info;
	int fd, error;

	if (!packet)
		return io_fail(spec, -HYP_ENOMEM, "packet: no memory");
	info = &packet->fds.device.net.info;
	error = net_host_name(spec, packet->name);
	if (error)
		goto free_packet;
	info->mtu = net_host_mtu(packet->name);
	info->caps = NET_CAPS & ~HYP_NET_CAP_USO;
	error = net_info_read(spec, NULL, info);
	if (error)
		goto free_packet;
	fd = open_socket(spec, info->caps);
	if (fd < 0) {
		error = fd;
		goto free_packet;
	}
	packet->fds.header = info->caps ? HEADER : 0;
	packet->fds.ops = &fds_ops;
	packet->fds.device.net.ops = &ops;
	error = net_fds_start(spec, &packet->fds, &fd);
	if (error)
		goto free_packet;
	*net = &packet->fds.device.net;
	return 0;

free_packet:
	free(packet);
	return error;
}

static const char *const keys[] = { NET_KEYS_OFFLOAD, NULL };

extern const struct net_backend net_backend_packet;
const struct net_backend net_backend_packet = {
	.about = { .name = "packet", .keys = keys, .help = "packet:INTERFACE" },
	.open = packet_open,
};
