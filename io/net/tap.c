// SPDX-License-Identifier: BSD-2-Clause
/* Backend "tap": a tap interface of the host's, with its offloads, and a descriptor for each queue */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fds.h"
#include "host.h"

#define DEVICE "/dev/net/tun"

/* Segmentation of UDP: TUN_F_USO4 and TUN_F_USO6 of headers newer than Debian 12's */
#define OFFLOAD_USO4 0x20
#define OFFLOAD_USO6 0x40

/**
 * struct tap - the device
 * @fds:  its descriptors
 * @name: of the interface
 */
struct tap {
	struct net_fds fds;
	char name[IFNAMSIZ];
};

static ssize_t tap_send(int fd, struct iovec *iov, int count)
{
	return writev(fd, iov, count);
}

static ssize_t tap_receive(int fd, struct iovec *iov, int count)
{
	return readv(fd, iov, count);
}

static const struct net_fds_ops fds_ops = { .send = tap_send, .receive = tap_receive };

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct tap *tap = (const struct tap *)net;

	return snprintf(buf, size, "tap %s, %u queue%s%s", tap->name, net->info.queues, net->info.queues > 1 ? "s" : "",
			net->info.caps ? ", offloads" : "");
}

static void tap_close(struct hyp_net *net)
{
	net_fds_stop((struct net_fds *)net);
	free(net);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "tap",
	.attach = net_fds_attach,
	.detach = net_fds_detach,
	.send = net_fds_send,
	.receive = net_fds_receive,
	.link = net_fds_link,
	.stats = net_stats,
	.describe = describe,
	.close = tap_close,
};

static int explain(struct io_spec *spec, int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return io_fail(
			spec, -error,
			"tap: no permission for %s; have root run \"ip tuntap add %s mode tap user $USER\", or begin "
			"with unshare -rn, or use slirp:",
			spec->rest, spec->rest);
	case EBUSY:
		return io_fail(spec, -HYP_EBUSY, "tap: %s is in use by another program; take another name", spec->rest);
	case EINVAL:
		return io_fail(spec, -HYP_EINVAL,
			       "tap: %s is no tap interface, or was made with other flags; give queues= as it was made",
			       spec->rest);
	default:
		return io_fail(spec, -HYP_EIO, "tap: %s: %s", spec->rest, strerror(error));
	}
}

static int open_node(struct io_spec *spec)
{
	int fd = io_descriptor(open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC));

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return io_fail(spec, -HYP_ENOENT,
			       "tap: " DEVICE " is missing: have root run modprobe tun, or use slirp:");
	return explain(spec, errno);
}

static int bind_queue(int fd, struct tap *tap, unsigned short flags)
{
	struct ifreq request = { .ifr_flags = (short)flags };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", tap->name);
	if (ioctl(fd, TUNSETIFF, &request))
		return errno;
	snprintf(tap->name, sizeof(tap->name), "%s", request.ifr_name);
	return 0;
}

/* One queue of the interface, which is made if it is not there. Whether it has several must be said in any case. */
static int open_queue(struct io_spec *spec, struct tap *tap, bool several)
{
	const unsigned short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int fd = open_node(spec), error;

	if (fd < 0)
		return fd;
	error = bind_queue(fd, tap, flags | (several ? IFF_MULTI_QUEUE : 0));
	if (error == EINVAL && !several)
		error = bind_queue(fd, tap, flags | IFF_MULTI_QUEUE);
	if (!error)
		return fd;
	close(fd);
	return explain(spec, error);
}

static int open_queues(struct io_spec *spec, struct tap *tap, unsigned int queues, int *fd)
{
	unsigned int i;
	int error;

	error = net_host_name(spec, tap->name);
	if (error)
		return error;
	for (i = 0; i < queues; i++) {
		fd[i] = open_queue(spec, tap, queues > 1);
		if (fd[i] < 0)
			break;
	}
	if (i == queues)
		return 0;
	error = fd[i];
	while (i--)
		close(fd[i]);
	return error;
}

/* A descriptor that the program has opened. Return: it has offload headers; negative: it will not do */
static int inspect(struct io_spec *spec, struct tap *tap, int fd)
{
	struct ifreq request = { 0 };
	unsigned short flags;

	if (ioctl(fd, TUNGETIFF, &request))
		return io_fail(spec, -HYP_EINVAL, "tap: fd=%s is no tap interface", io_option(spec, "fd"));
	flags = (unsigned short)request.ifr_flags;
	if (!(flags & IFF_TAP) || !(flags & IFF_NO_PI))
		return io_fail(spec, -HYP_EINVAL, "tap: fd=%s: open it with IFF_TAP | IFF_NO_PI",
			       io_option(spec, "fd"));
	snprintf(tap->name, sizeof(tap->name), "%s", request.ifr_name);
	return fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) ? -HYP_EIO : !!(flags & IFF_VNET_HDR);
}

/* What the host takes and gives. Without the header nothing can be left to it. */
static uint32_t negotiate(const int *fd, unsigned int queues, uint32_t wanted)
{
	static const struct {
		uint32_t caps;
		unsigned int flags;
	} offers[] = {
		{ NET_CAPS, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | OFFLOAD_USO4 | OFFLOAD_USO6 },
		{ NET_CAPS & ~HYP_NET_CAP_USO, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN },
		{ HYP_NET_CAP_CSUM, TUN_F_CSUM },
		{ 0, 0 },
	};
	int size = sizeof(struct hyp_net_header);
	unsigned int i, j;

	for (j = 0; j < queues; j++)
		ioctl(fd[j], TUNSETVNETHDRSZ, &size);
	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		bool taken = !(offers[i].caps & ~wanted);

		for (j = 0; j < queues && taken; j++)
			taken = !ioctl(fd[j], TUNSETOFFLOAD, offers[i].flags);
		if (taken)
			return offers[i].caps;
	}
	return 0;
}

static int open_descriptors(struct io_spec *spec, struct tap *tap, unsigned int queues, int *fd)
{
	int error;

	fd[0] = net_option_fd(spec);
	if (fd[0] == -HYP_ENOENT)
		return open_queues(spec, tap, queues, fd);
	if (fd[0] < 0)
		return fd[0];
	error = queues > 1 ? io_fail(spec, -HYP_EINVAL, "tap: fd= has one queue; leave queues= out")
			   : inspect(spec, tap, fd[0]);
	if (error < 0) {
		close(fd[0]);
		return error;
	}
	tap->fds.header = error ? sizeof(struct hyp_net_header) : 0;
	return 0;
}

static int tap_open(struct io_spec *spec, struct hyp_net **net)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	struct hyp_net_info *info;
	uint64_t queues = 1;
	int fd[NET_MAX_QUEUES], error;
	unsigned int i;

	if (!tap)
		return io_fail(spec, -HYP_ENOMEM, "tap: no memory");
	info = &tap->fds.device.net.info;
	tap->fds.header = sizeof(struct hyp_net_header);
	tap->fds.ops = &fds_ops;
	tap->fds.device.net.ops = &ops;
	error = io_option_number(spec, "queues", 1, NET_MAX_QUEUES, &queues);
	if (!error)
		error = open_descriptors(spec, tap, (unsigned int)queues, fd);
	if (error)
		goto free_tap;
	info->queues = (uint16_t)queues;
	info->mtu = net_host_mtu(tap->name);
	info->caps = tap->fds.header ? NET_CAPS : 0;
	error = net_info_read(spec, NULL, info);
	if (error)
		goto close_queues;
	if (tap->fds.header) {
		info->caps = negotiate(fd, info->queues, info->caps);
		info->max_frame = info->caps ? NET_MAX_FRAME : info->max_mtu + HYP_NET_HEADER_MAX;
	}
	error = net_fds_start(spec, &tap->fds, fd);
	if (error)
		goto free_tap;
	*net = &tap->fds.device.net;
	return 0;

close_queues:
	for (i = 0; i < queues; i++)
		close(fd[i]);
free_tap:
	free(tap);
	return error;
}

static const char *const keys[] = { NET_KEYS_OFFLOAD, "queues", "fd", NULL };

extern const struct net_backend net_backend_tap;
const struct net_backend net_backend_tap = {
	.about = { .name = "tap", .keys = keys, .help = "tap:NAME or tap,fd=NUMBER:" },
	.open = tap_open,
};
