// SPDX-License-Identifier: BSD-2-Clause
/* Interfaces of a kernel: up and down, addresses, routes, by messages to its rtnetlink. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "internal.h"

/**
 * struct request - a message with room for its attributes
 * @header: length so far, type, flags
 * @body:   the message's own, one of these
 * @attributes: the rest
 */
struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	} body;
	char attributes[160];
};

/** struct prefix - an address with the bits that count */
struct prefix {
	int family;
	unsigned int bits;
	unsigned char bytes[16];
	size_t size;
};

/* A system call of the kernel's first process */
static long call(struct rumpus *kernel, long number, long a, long b, long c, long d, long e)
{
	const long args[6] = { a, b, c, d, e };

	return gate_call(&kernel->first, number, args);
}

static void begin(struct request *request, uint16_t type, uint16_t flags, size_t body)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
}

static void add(struct request *request, uint16_t type, const void *data, size_t size)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
}

static long receive_answer(struct rumpus *kernel, int fd)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	long len = call(kernel, SYS_recvfrom, fd, (long)&answer, sizeof(answer), 0, 0);

	if (len < 0)
		return len;
	if (len < (long)(sizeof(answer.header) + sizeof(answer.error.error)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

/* Send a message and wait for what the kernel says to it */
static int transact(struct rumpus *kernel, const struct request *request)
{
	long fd = call(kernel, SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0, 0), result;

	if (fd < 0)
		return (int)fd;
	result = call(kernel, SYS_sendto, fd, (long)request, request->header.nlmsg_len, 0, 0);
	if (result >= 0)
		result = receive_answer(kernel, (int)fd);
	call(kernel, SYS_close, fd, 0, 0, 0, 0);
	return (int)result;
}

static int interface_index(struct rumpus *kernel, const char *name)
{
	struct ifreq request = { 0 };
	long fd, result;

	if (!*name || strlen(name) >= sizeof(request.ifr_name))
		return -ENODEV;
	strcpy(request.ifr_name, name);
	fd = call(kernel, SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return (int)fd;
	result = call(kernel, SYS_ioctl, fd, SIOCGIFINDEX, (long)&request, 0, 0);
	call(kernel, SYS_close, fd, 0, 0, 0, 0);
	return result < 0 ? (int)result : request.ifr_ifindex;
}

/* "10.0.2.15/24", "fd00::2/64"; without a slash all bits count */
static int parse_prefix(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits;
	char address[64], *end;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	prefix->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	prefix->size = prefix->family == AF_INET6 ? 16 : 4;
	prefix->bits = (unsigned int)prefix->size * 8;
	if (inet_pton(prefix->family, address, prefix->bytes) != 1)
		return -EINVAL;
	if (!slash)
		return 0;
	bits = strtoul(slash + 1, &end, 10);
	if (end == slash + 1 || *end || slash[1] == '-' || bits > prefix->bits)
		return -EINVAL;
	prefix->bits = (unsigned int)bits;
	return 0;
}

static int set_up(struct rumpus *kernel, const char *name, unsigned int flags)
{
	struct request request;
	int index;

	if (!kernel || !name)
		return -EINVAL;
	index = interface_index(kernel, name);
	if (index < 0)
		return index;
	begin(&request, RTM_NEWLINK, 0, sizeof(request.body.link));
	request.body.link.ifi_index = index;
	request.body.link.ifi_change = IFF_UP;
	request.body.link.ifi_flags = flags;
	return transact(kernel, &request);
}

int rumpus_net_up(struct rumpus *kernel, const char *name)
{
	return set_up(kernel, name, IFF_UP);
}

int rumpus_net_down(struct rumpus *kernel, const char *name)
{
	return set_up(kernel, name, 0);
}

int rumpus_net_address(struct rumpus *kernel, const char *name, const char *address)
{
	struct request request;
	struct prefix prefix;
	int index, error;

	if (!kernel || !name || !address)
		return -EINVAL;
	error = parse_prefix(address, &prefix);
	if (error)
		return error;
	index = interface_index(kernel, name);
	if (index < 0)
		return index;
	begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(request.body.address));
	request.body.address.ifa_family = (uint8_t)prefix.family;
	request.body.address.ifa_prefixlen = (uint8_t)prefix.bits;
	request.body.address.ifa_index = (uint32_t)index;
	/* The network is known to have no other station of this address: no second of asking around. */
	request.body.address.ifa_flags = prefix.family == AF_INET6 ? IFA_F_NODAD : 0;
	add(&request, IFA_LOCAL, prefix.bytes, prefix.size);
	add(&request, IFA_ADDRESS, prefix.bytes, prefix.size);
	return transact(kernel, &request);
}

/* "default" is everything of the family of the gateway. */
static int parse_destination(const char *text, const char *gateway, struct prefix *destination, struct prefix *via)
{
	int error = gateway ? parse_prefix(gateway, via) : 0;

	if (error || (gateway && via->bits != via->size * 8))
		return -EINVAL;
	if (strcmp(text, "default") != 0)
		error = parse_prefix(text, destination);
	else
		destination->family = gateway ? via->family : AF_INET;
	return error || (gateway && via->family != destination->family) ? -EINVAL : 0;
}

int rumpus_net_route(struct rumpus *kernel, const char *destination, const char *gateway, const char *name)
{
	struct prefix to = { 0 }, via = { 0 };
	struct request request;
	int index = 0, error;

	if (!kernel || !destination || (!gateway && !name))
		return -EINVAL;
	error = parse_destination(destination, gateway, &to, &via);
	if (error)
		return error;
	if (name)
		index = interface_index(kernel, name);
	if (index < 0)
		return index;
	begin(&request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(request.body.route));
	request.body.route = (struct rtmsg){
		.rtm_family = (uint8_t)to.family,
		.rtm_dst_len = (uint8_t)to.bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	if (to.bits)
		add(&request, RTA_DST, to.bytes, to.size);
	if (gateway)
		add(&request, RTA_GATEWAY, via.bytes, via.size);
	if (name)
		add(&request, RTA_OIF, &index, sizeof(index));
	return transact(kernel, &request);
}
