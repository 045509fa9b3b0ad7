// SPDX-License-Identifier: BSD-2-Clause
/* Interfaces of a kernel: up and down, addresses, routes. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"
#include "netlink.h"

static int set_up(struct rumpus *kernel, const char *name, unsigned int flags)
{
	struct netlink_request request;
	int index;

	if (!kernel || !name)
		return -EINVAL;
	index = net_interface_index(kernel, name);
	if (index < 0)
		return index;
	netlink_begin(&request, RTM_NEWLINK, 0, sizeof(request.body.link));
	request.body.link.ifi_index = index;
	request.body.link.ifi_change = IFF_UP;
	request.body.link.ifi_flags = flags;
	return netlink_transact(kernel, &request);
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
	struct net_prefix prefix;
	int index, error;

	if (!kernel || !name || !address)
		return -EINVAL;
	error = net_prefix_parse(address, &prefix);
	if (error)
		return error;
	index = net_interface_index(kernel, name);
	return index < 0 ? index : net_set_address(kernel, index, &prefix, NLM_F_EXCL, UINT32_MAX);
}

/* "default" is everything of the family of the gateway. */
static int parse_destination(const char *text, const char *gateway, struct net_prefix *destination,
			     struct net_prefix *via)
{
	int error = gateway ? net_prefix_parse(gateway, via) : 0;

	if (error || (gateway && !net_prefix_is_station(via)))
		return -EINVAL;
	if (strcmp(text, "default") != 0)
		error = net_prefix_parse(text, destination);
	else
		destination->family = gateway ? via->family : AF_INET;
	return error || (gateway && via->family != destination->family) ? -EINVAL : 0;
}

int rumpus_net_route(struct rumpus *kernel, const char *destination, const char *gateway, const char *name)
{
	struct net_prefix to = { 0 }, via = { 0 };
	int index = 0, error;

	if (!kernel || !destination || (!gateway && !name))
		return -EINVAL;
	error = parse_destination(destination, gateway, &to, &via);
	if (error)
		return error;
	if (name)
		index = net_interface_index(kernel, name);
	return index < 0 ? index : net_set_route(kernel, &to, gateway ? &via : NULL, index, NLM_F_EXCL, RTPROT_STATIC);
}
