/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuring interfaces: what the settings say, and the two ways to ask the network for them. */
#ifndef LIB_NET_CONFIGURE_H
#define LIB_NET_CONFIGURE_H

#include <stdarg.h>

#include "internal.h"
#include "netlink.h"

#define NET_ADDRESSES_MAX 8U
#define NET_SECONDS 10U /* that networks are waited for, unless told otherwise */

/**
 * struct net_plan - an interface and what it is to get
 * @kernel, @name, @index: the interface
 * @error, @error_size:    the caller's, for one line; may be NULL
 * @addresses, @gateways, @servers: given ones; gateways one a family
 * @mtu:     bytes; 0: as it is
 * @seconds: that dhcp and auto wait at most
 * @dhcp, @automatic: ask the network
 */
struct net_plan {
	struct rumpus *kernel;
	const char *name;
	int index;
	char *error;
	size_t error_size;
	struct net_prefix addresses[NET_ADDRESSES_MAX];
	struct net_prefix gateways[2];
	struct net_prefix servers[NET_ADDRESSES_MAX];
	unsigned int address_count, gateway_count, server_count;
	unsigned int mtu, seconds;
	bool dhcp, automatic;
};

/** net_fail() - say what is wrong, with the interface's name before it. Return: @result */
int net_fail(const struct net_plan *plan, int result, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** net_add_server() - note a name server of the kernel's down, each once; more than there is room for are not */
void net_add_server(const struct net_plan *plan, enum net_origin origin, int family, const void *bytes);

/** net_has_link() - does the interface have one now? */
bool net_has_link(const struct net_plan *plan);

/** net_milliseconds() - of the host's monotonic clock */
long net_milliseconds(void);

/** net_wait() - let the next receive at a socket of the kernel's return -EAGAIN after so many milliseconds, at least 1
 */
int net_wait(const struct net_plan *plan, int fd, long milliseconds);

/** dhcp_configure() - address, route and name servers by DHCP; the interface is up. Return: 0 or as reported */
int dhcp_configure(const struct net_plan *plan);

/**
 * net_automatic_begin() - listen to what IPv6 autoconfiguration does; before the interface goes up
 * Return: a socket of the kernel's, or as reported
 */
int net_automatic_begin(const struct net_plan *plan);
/** net_automatic_end() - wait for an address; @fd stays open. Return: 0 or as reported */
int net_automatic_end(const struct net_plan *plan, int fd);

#endif
