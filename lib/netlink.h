/* SPDX-License-Identifier: BSD-2-Clause */
/* Talking to the network of a kernel from outside: system calls of its first process, and messages to its rtnetlink. */
#ifndef LIB_NETLINK_H
#define LIB_NETLINK_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ifreq;
struct rumpus;

/**
 * struct netlink_request - a message with room for its attributes
 * @header: length so far, type, flags
 * @body:   the message's own, one of these
 * @attributes: the rest
 */
struct netlink_request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	} body;
	char attributes[160];
};

/**
 * struct net_prefix - an address with the bits that count
 * @family: AF_INET, AF_INET6
 * @bits:   of its network
 * @bytes, @size: the address; 4 or 16 bytes
 */
struct net_prefix {
	int family;
	unsigned int bits;
	unsigned char bytes[16];
	size_t size;
};

/** netlink_call() - a system call of the kernel's first process, with its result */
long netlink_call(struct rumpus *kernel, long number, long a, long b, long c, long d, long e);

/** netlink_begin() - an empty message, which wants an answer; @body: bytes of the message's own */
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, size_t body);
/** netlink_add() - an attribute more; there is room for what this library sends */
void netlink_add(struct netlink_request *request, uint16_t type, const void *data, size_t size);
/** netlink_transact() - send a message and wait for what the kernel says to it. Return: 0 or a negative errno */
int netlink_transact(struct rumpus *kernel, const struct netlink_request *request);

/**
 * net_interface() - an ioctl(2) about an interface
 * @what:    SIOCxIFxxx
 * @request: its name is filled in
 * Return: 0, -ENODEV, -EOPNOTSUPP: the kernel has no network; what the ioctl says
 */
int net_interface(struct rumpus *kernel, const char *name, unsigned long what, struct ifreq *request);
/** net_interface_index() - Return: above 0, or as net_interface() */
int net_interface_index(struct rumpus *kernel, const char *name);

/** net_prefix_parse() - "10.0.2.15/24", "fd00::2/64"; without a slash all bits count. Return: 0, -EINVAL */
int net_prefix_parse(const char *text, struct net_prefix *prefix);
/** net_prefix_is_station() - do all bits count, as of a gateway? */
bool net_prefix_is_station(const struct net_prefix *prefix);

/**
 * net_set_address() - give an interface an address
 * @flags:   NLM_F_EXCL: it must be new; NLM_F_REPLACE
 * @seconds: that it may be used; UINT32_MAX: for ever
 */
int net_set_address(struct rumpus *kernel, int index, const struct net_prefix *prefix, uint16_t flags,
		    uint32_t seconds);

/** net_drop_address() - take it away. Return: 0, -EADDRNOTAVAIL when it is not there */
int net_drop_address(struct rumpus *kernel, int index, const struct net_prefix *prefix);

/**
 * net_set_route() - add a route
 * @to:    of no size: everything of the family
 * @via:   NULL: on the interface's own network
 * @index: of the interface, 0: that of the gateway
 * @flags: NLM_F_EXCL, NLM_F_REPLACE
 * @protocol: RTPROT_STATIC, RTPROT_DHCP
 */
int net_set_route(struct rumpus *kernel, const struct net_prefix *to, const struct net_prefix *via, int index,
		  uint16_t flags, uint8_t protocol);

/** net_drop_route() - take one away that net_set_route() added with the same. Return: 0, -ESRCH when it is not there */
int net_drop_route(struct rumpus *kernel, const struct net_prefix *to, const struct net_prefix *via, int index,
		   uint8_t protocol);

#endif
