// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPv6 autoconfiguration: the kernel does it by itself; this waits until it has, and notes the name servers down that
 * routers advertise, which kernels leave to their owners.
 */
#include <errno.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "internal.h"
#include "net_configure.h"

#define OPTION_NAME_SERVERS 25 /* of router advertisements */
#define ROUTER_ADVERTISEMENT 134

int net_automatic_begin(const struct net_plan *plan)
{
	const struct sockaddr_nl here = { .nl_family = AF_NETLINK,
					  .nl_groups = RTMGRP_IPV6_IFADDR | 1U << (RTNLGRP_ND_USEROPT - 1) };
	long fd = netlink_call(plan->kernel, SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, 0, 0);
	long error = fd < 0 ? fd : netlink_call(plan->kernel, SYS_bind, fd, (long)&here, sizeof(here), 0, 0);

	if (!error || fd < 0)
		return error < 0
			       ? net_fail(plan, (int)error, "no socket to hear of addresses: %s", strerror((int)-error))
			       : (int)fd;
	netlink_call(plan->kernel, SYS_close, fd, 0, 0, 0, 0);
	return net_fail(plan, (int)error, "the kernel does not tell of addresses: %s", strerror((int)-error));
}

/* What is there already comes in the same form as what changes. */
static long ask(const struct net_plan *plan, int fd)
{
	struct netlink_request request;

	netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, sizeof(request.body.address));
	request.header.nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	request.body.address.ifa_family = AF_INET6;
	return netlink_call(plan->kernel, SYS_sendto, fd, (long)&request, request.header.nlmsg_len, 0, 0);
}

/* Return: 1: an address that can be used; 0: not this one; -EADDRINUSE: another station has it */
static int judge_address(const struct net_plan *plan, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *address = NLMSG_DATA(message);
	int len = (int)IFA_PAYLOAD(message);
	const struct rtattr *attribute;
	uint32_t flags = address->ifa_flags;

	if ((int)address->ifa_index != plan->index || address->ifa_family != AF_INET6 ||
	    address->ifa_scope >= RT_SCOPE_LINK)
		return 0;
	for (attribute = IFA_RTA(address); RTA_OK(attribute, len); attribute = RTA_NEXT(attribute, len))
		if (attribute->rta_type == IFA_FLAGS)
			memcpy(&flags, RTA_DATA(attribute), sizeof(flags));
	if (flags & IFA_F_DADFAILED)
		return -EADDRINUSE;
	return message->nlmsg_type == RTM_NEWADDR && !(flags & (IFA_F_TENTATIVE | IFA_F_PERMANENT));
}

/* Options of a router's advertisement, as they were on the wire: type, length in units of 8 bytes, ... */
static void take_options(const struct net_plan *plan, const struct nlmsghdr *message)
{
	const struct nduseroptmsg *header = NLMSG_DATA(message);
	const unsigned char *at = (const unsigned char *)(header + 1), *end;
	size_t size;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*header)) || header->nduseropt_ifindex != plan->index ||
	    header->nduseropt_icmp_type != ROUTER_ADVERTISEMENT ||
	    message->nlmsg_len - NLMSG_LENGTH(sizeof(*header)) < header->nduseropt_opts_len)
		return;
	for (end = at + header->nduseropt_opts_len; end - at >= 8; at += size) {
		size = at[1] * 8U;
		if (!size || (size_t)(end - at) < size)
			return;
		for (size_t i = 8; at[0] == OPTION_NAME_SERVERS && i + 16 <= size; i += 16)
			net_add_server(plan, NET_FROM_ROUTER, AF_INET6, at + i);
	}
}

/* Return: as judge_address() */
static int take_messages(const struct net_plan *plan, const struct nlmsghdr *message, unsigned int len)
{
	int result = 0;

	for (; NLMSG_OK(message, len) && !result; message = NLMSG_NEXT(message, len)) {
		/* An address that another station turns out to have is gone by the time we hear of it. */
		if (message->nlmsg_type == RTM_NEWADDR || message->nlmsg_type == RTM_DELADDR)
			result = judge_address(plan, message);
		else if (message->nlmsg_type == RTM_NEWNDUSEROPT)
			take_options(plan, message);
	}
	return result;
}

int net_automatic_end(const struct net_plan *plan, int fd)
{
	const long deadline = net_milliseconds() + plan->seconds * 1000L;
	/* Aligned as messages are */
	uint32_t buf[4096];
	long len = ask(plan, fd);
	int result = 0;

	while (len >= 0 && !result) {
		long left = deadline - net_milliseconds();

		len = left <= 0 ? -EAGAIN : net_wait(plan, fd, left);
		if (!len)
			len = netlink_call(plan->kernel, SYS_recvfrom, fd, (long)buf, sizeof(buf), 0, 0);
		if (len == -ENOBUFS) /* some are lost: ask for all */
			len = ask(plan, fd);
		else if (len > 0)
			result = take_messages(plan, (const struct nlmsghdr *)buf, (unsigned int)len);
	}
	if (result == -EADDRINUSE)
		return net_fail(plan, result,
				"auto: another station of this network has the same IPv6 address; give this "
				"one another hardware address");
	if (len == -EAGAIN)
		return net_fail(plan, -ETIMEDOUT,
				net_has_link(plan)
					? "auto: no IPv6 router has advertised a network in %u s; is there one?"
					: "auto: there is no link after %u s: nothing is at the other end",
				plan->seconds);
	return len < 0 ? net_fail(plan, (int)len, "auto: %s", strerror((int)-len)) : 0;
}
