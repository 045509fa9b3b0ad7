// SPDX-License-Identifier: BSD-2-Clause
/* hyp_net_open(): the table of network backends, and the options that they share */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "net.h"
#include <net_backends.h> /* made by io/build.mk of its list of backends: net_backends[], ends with NULL */

static const struct io_backend *backend_at(unsigned int index)
{
	return net_backends[index] ? &net_backends[index]->about : NULL;
}

static int open_backend(struct io_spec *spec, void *net)
{
	/* First member of what backend_at() found */
	return ((const struct net_backend *)spec->backend)->open(spec, net);
}

int hyp_net_open(const char *text, uint32_t flags, struct hyp_net **net, char *error, size_t error_size)
{
	static const struct io_family family = {
		.device = "network",
		.example = "tap:%s for an interface of the host's, or slirp: for none",
		.backend = backend_at,
	};
	struct io_spec spec = { .flags = flags, .error = error, .error_size = error_size };

	if (flags & ~(uint32_t)HYP_NET_OPEN_PLAIN)
		return io_fail(&spec, -HYP_EINVAL, "unknown flags 0x%x for opening %s", flags, text);
	return io_spec_open(&family, text, &spec, open_backend, net);
}

/* A local address of one station: not a maker's, not a group's */
static void make_mac(const char *salt, uint8_t mac[6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (salt) {
		for (; *salt; salt++)
			hash = (hash ^ (uint8_t)*salt) * UINT64_C(0x100000001b3);
		hash ^= hash >> 32;
		memcpy(mac, &hash, 6);
	} else if (getentropy(mac, 6)) {
		memset(mac, 0x52, 6);
	}
	mac[0] = (uint8_t)((mac[0] & ~1u) | 2u);
}

static int read_mac(struct io_spec *spec, const char *salt, uint8_t mac[6])
{
	const char *text = io_option(spec, "mac");
	unsigned int b[6], i;
	char end;

	if (!text) {
		make_mac(salt, mac);
		return 0;
	}
	if (sscanf(text, "%2x-%2x-%2x-%2x-%2x-%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 || b[0] & 1)
		return io_fail(spec, -HYP_EINVAL,
			       "%s: mac=%s: give six bytes of one station, as in mac=52-54-00-12-34-56", spec->name,
			       text);
	for (i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (!*value)
		*value = otherwise;
}

int net_info_read(struct io_spec *spec, const char *salt, struct hyp_net_info *info)
{
	uint64_t mtu = info->mtu ? info->mtu : 1500;
	bool offload = true;
	int error = read_mac(spec, salt, info->mac);

	set_default(&info->max_mtu, NET_MAX_MTU);
	set_default(&info->queue_depth, NET_QUEUE_DEPTH);
	set_default(&info->max_iov, NET_MAX_IOV);
	if (!info->queues)
		info->queues = 1;
	if (!error)
		error = io_option_number(spec, "mtu", 68, info->max_mtu, &mtu);
	if (!error)
		error = io_option_bool(spec, "offload", &offload);
	if (error)
		return error;
	info->mtu = (uint32_t)mtu;
	if (!offload || spec->flags & HYP_NET_OPEN_PLAIN)
		info->caps = 0;
	info->max_frame = info->caps ? NET_MAX_FRAME : info->max_mtu + HYP_NET_HEADER_MAX;
	return 0;
}

int net_option_fd(struct io_spec *spec)
{
	uint64_t number = 0;
	int error, fd;

	if (!io_option(spec, "fd"))
		return -HYP_ENOENT;
	error = io_option_number(spec, "fd", 0, INT_MAX, &number);
	if (error)
		return error;
	fd = fcntl((int)number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return io_fail(spec, -HYP_EBADF, "%s: fd=%d: %s; give the number of an open descriptor", spec->name,
			       (int)number, strerror(errno));
	return fd;
}
