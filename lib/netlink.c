// SPDX-License-Identifier: BSD-2-Clause
/* Messages to the rtnetlink of a kernel */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "internal.h"
#include "netlink.h"

long netlink_call(struct rumpus *kernel, long number, long a, long b, long c, long d, long e)
{
	const long args[6] = { a, b, c, d, e };

	return gate_call(&kernel->first, number, args);
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, size_t body)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
}

void netlink_add(struct netlink_request *request, uint16_t type, const void *data, size_t size)
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
	long len = netlink_call(kernel, SYS_recvfrom, fd, (long)&answer, sizeof(answer), 0, 0);

	if (len < 0)
		return len;
	if (len < (long)(sizeof(answer.header) + sizeof(answer.error.error)) || answer.header.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.error.error;
}

int netlink_transact(struct rumpus *kernel, const struct netlink_request *request)
{
	long fd = netlink_call(kernel, SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0, 0), result;

	if (fd < 0)
		return (int)fd;
	result = netlink_call(kernel, SYS_sendto, fd, (long)request, request->header.nlmsg_len, 0, 0);
	if (result >= 0)
		result = receive_answer(kernel, (int)fd);
	netlink_call(kernel, SYS_close, fd, 0, 0, 0, 0);
	return (int)result;
}

int net_interface(struct rumpus *kernel, const char *name, unsigned long what, struct ifreq *request)
{
	long fd, result;

	if (!*name || strlen(name) >= sizeof(request->ifr_name))
		return -ENODEV;
	strcpy(request->ifr_name, name);
	fd = netlink_call(kernel, SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0);
	if (fd == -ENOSYS)
		return -EOPNOTSUPP;
	if (fd < 0)
		return (int)fd;
	result = netlink_call(kernel, SYS_ioctl, fd, (long)what, (long)request, 0, 0);
	netlink_call(kernel, SYS_close, fd, 0, 0, 0, 0);
	return (int)result;
}

int net_interface_index(struct rumpus *kernel, const char *name)
{
	struct ifreq request = { 0 };
	int error = net_interface(kernel, name, SIOCGIFINDEX, &request);

	return error < 0 ? error : request.ifr_ifindex;
}

int net_prefix_parse(const char *text, struct net_prefix *prefix)
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
	if (end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' || bits > prefix->bits)
		return -EINVAL;
	prefix->bits = (unsigned int)bits;
	return 0;
}

bool net_prefix_is_station(const struct net_prefix *prefix)
{
	return prefix->bits == prefix->size * 8;
}

static void begin_address(struct netlink_request *request, uint16_t type, uint16_t flags, int index,
			  const struct net_prefix *prefix)
{
	netlink_begin(request, type, flags, sizeof(request->body.address));
	request->body.address.ifa_family = (uint8_t)prefix->family;
	request->body.address.ifa_prefixlen = (uint8_t)prefix->bits;
	request->body.address.ifa_index = (uint32_t)index;
	netlink_add(request, IFA_LOCAL, prefix->bytes, prefix->size);
	netlink_add(request, IFA_ADDRESS, prefix->bytes, prefix->size);
}

int net_set_address(struct rumpus *kernel, int index, const struct net_prefix *prefix, uint16_t flags, uint32_t seconds)
{
	const struct ifa_cacheinfo life = { .ifa_prefered = seconds, .ifa_valid = seconds };
	struct netlink_request request;

	begin_address(&request, RTM_NEWADDR, NLM_F_CREATE | flags, index, prefix);
	/* The network is known to have no other station of this address: no second of asking around. */
	request.body.address.ifa_flags = prefix->family == AF_INET6 ? IFA_F_NODAD : 0;
	netlink_add(&request, IFA_CACHEINFO, &life, sizeof(life));
	return netlink_transact(kernel, &request);
}

int net_drop_address(struct rumpus *kernel, int index, const struct net_prefix *prefix)
{
	struct netlink_request request;

	begin_address(&request, RTM_DELADDR, 0, index, prefix);
	return netlink_transact(kernel, &request);
}

static void begin_route(struct netlink_request *request, uint16_t type, uint16_t flags, const struct net_prefix *to,
			const struct net_prefix *via, int index, uint8_t protocol)
{
	netlink_begin(request, type, flags, sizeof(request->body.route));
	request->body.route = (struct rtmsg){
		.rtm_family = (uint8_t)to->family,
		.rtm_dst_len = (uint8_t)to->bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = protocol,
		.rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	if (to->bits)
		netlink_add(request, RTA_DST, to->bytes, to->size);
	if (via)
		netlink_add(request, RTA_GATEWAY, via->bytes, via->size);
	if (index)
		netlink_add(request, RTA_OIF, &index, sizeof(index));
}

int net_set_route(struct rumpus *kernel, const struct net_prefix *to, const struct net_prefix *via, int index,
		  uint16_t flags, uint8_t protocol)
{
	struct netlink_request request;

	begin_route(&request, RTM_NEWROUTE, NLM_F_CREATE | flags, to, via, index, protocol);
	return netlink_transact(kernel, &request);
}

int net_drop_route(struct rumpus *kernel, const struct net_prefix *to, const struct net_prefix *via, int index,
		   uint8_t protocol)
{
	struct netlink_request request;

	begin_route(&request, RTM_DELROUTE, 0, to, via, index, protocol);
	return netlink_transact(kernel, &request);
}
