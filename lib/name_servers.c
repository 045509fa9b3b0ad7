// SPDX-License-Identifier: BSD-2-Clause
/* Name servers of a kernel: who told of them, and for how long that counts. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "net_configure.h"

#define LISTED_MAX 8U /* that a list has room for, as rumpus_net_name_servers() promises */

static bool is_same(const struct name_server *a, const struct name_server *b)
{
	return a->origin == b->origin && !strcmp(a->text, b->text) && !strcmp(a->interface, b->interface);
}

void net_add_server(const struct net_plan *plan, enum net_origin origin, int family, const void *bytes)
{
	struct rumpus *kernel = plan->kernel;
	struct name_server server = { .origin = origin };
	bool local = family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)bytes);
	unsigned int i;

	snprintf(server.interface, sizeof(server.interface), "%s", plan->name);
	inet_ntop(family, bytes, server.text, INET6_ADDRSTRLEN);
	if (local)
		snprintf(server.text + strlen(server.text), sizeof(server.text) - strlen(server.text), "%%%s",
			 plan->name);
	if (api_begin())
		return;
	for (i = 0; i < kernel->name_server_count && !is_same(&kernel->name_servers[i], &server); i++)
		;
	if (i == kernel->name_server_count && i < NAME_SERVERS_MAX)
		kernel->name_servers[kernel->name_server_count++] = server;
	api_end();
}

void net_drop_servers(struct rumpus *kernel, const char *name, enum net_origin origin)
{
	unsigned int i, kept = 0;

	if (api_begin())
		return;
	for (i = 0; i < kernel->name_server_count; i++) {
		const struct name_server *server = &kernel->name_servers[i];

		if (strcmp(server->interface, name) != 0 || (origin != NET_FROM_ANYBODY && server->origin != origin))
			kernel->name_servers[kept++] = *server;
	}
	kernel->name_server_count = kept;
	api_end();
}

static bool is_listed(const struct name_server *const *list, unsigned int count, const struct name_server *server)
{
	unsigned int i;

	for (i = 0; i < count && strcmp(list[i]->text, server->text) != 0; i++)
		;
	return i < count;
}

/* With the lock: each address once, what the program says first. Return: how many */
static unsigned int collect(const struct rumpus *kernel, const struct name_server *list[LISTED_MAX])
{
	unsigned int origin, i, count = 0;

	for (origin = NET_FROM_CALLER; origin < NET_FROM_ANYBODY; origin++)
		for (i = 0; i < kernel->name_server_count; i++) {
			const struct name_server *server = &kernel->name_servers[i];

			if (server->origin == origin && count < LISTED_MAX && !is_listed(list, count, server))
				list[count++] = server;
		}
	return count;
}

int rumpus_net_name_servers(struct rumpus *kernel, char *list, size_t size)
{
	const struct name_server *servers[LISTED_MAX];
	unsigned int i, count;
	size_t len = 0;
	int result;

	if (!kernel || !list || !size)
		return -EINVAL;
	result = api_begin();
	if (result)
		return result;
	count = collect(kernel, servers);
	for (i = 0; i < count; i++)
		len += strlen(servers[i]->text) + 1;
	result = len > size ? -ENOSPC : (int)count;
	for (*list = '\0', i = 0; result > 0 && i < count; i++) {
		if (i)
			strcat(list, " ");
		strcat(list, servers[i]->text);
	}
	api_end();
	return result;
}
