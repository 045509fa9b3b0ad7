// SPDX-License-Identifier: BSD-2-Clause
/* One call that makes an interface usable: its settings, as words. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "internal.h"
#include "net_configure.h"

#define SETTINGS_MAX 1024U

int net_fail(const struct net_plan *plan, int result, const char *format, ...)
{
	va_list args;
	int len;

	if (!plan->error || !plan->error_size)
		return result;
	len = snprintf(plan->error, plan->error_size, "%s: ", plan->name);
	if (len < 0 || (size_t)len >= plan->error_size)
		return result;
	va_start(args, format);
	vsnprintf(plan->error + len, plan->error_size - (size_t)len, format, args);
	va_end(args);
	return result;
}

long net_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int net_wait(const struct net_plan *plan, int fd, long milliseconds)
{
	const long least = milliseconds > 0 ? milliseconds : 1;
	const struct timeval patience = { .tv_sec = least / 1000, .tv_usec = least % 1000 * 1000 };

	return (int)netlink_call(plan->kernel, SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&patience,
				 sizeof(patience));
}

bool net_has_link(const struct net_plan *plan)
{
	struct ifreq request = { 0 };

	return !net_interface(plan->kernel, plan->name, SIOCGIFFLAGS, &request) && (request.ifr_flags & IFF_RUNNING);
}

/* ---- what the settings say ---- */

static int take_prefix(const struct net_plan *plan, const char *word, const char *text, struct net_prefix *list,
		       unsigned int *count, unsigned int room)
{
	if (net_prefix_parse(text, &list[*count < room ? *count : 0]))
		return net_fail(plan, -EINVAL,
				"\"%s\" is neither a setting nor an address, as 10.0.2.15/24 or fd00::2/64", word);
	if (*count == room)
		return net_fail(plan, -EINVAL, "\"%s\": there are more of this kind than %u", word, room);
	++*count;
	return 0;
}

static int take_station(const struct net_plan *plan, const char *word, const char *text, struct net_prefix *list,
			unsigned int *count, unsigned int room)
{
	int error = take_prefix(plan, word, text, list, count, room);

	if (!error && !net_prefix_is_station(&list[*count - 1]))
		return net_fail(plan, -EINVAL, "\"%s\": one address is meant, without a slash", word);
	return error;
}

static int take_number(const struct net_plan *plan, const char *word, const char *text, unsigned int least,
		       unsigned int most, unsigned int *number)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (end == text || *end || *text == '-' || *text == '+' || value < least || value > most)
		return net_fail(plan, -EINVAL, "\"%s\": a number from %u to %u is meant", word, least, most);
	*number = (unsigned int)value;
	return 0;
}

static int take_word(struct net_plan *plan, const char *word)
{
	if (!strcmp(word, "dhcp"))
		plan->dhcp = true;
	else if (!strcmp(word, "auto"))
		plan->automatic = true;
	else if (!strncmp(word, "via=", 4))
		return take_station(plan, word, word + 4, plan->gateways, &plan->gateway_count, 2);
	else if (!strncmp(word, "dns=", 4))
		return take_station(plan, word, word + 4, plan->servers, &plan->server_count, NET_ADDRESSES_MAX);
	else if (!strncmp(word, "mtu=", 4))
		return take_number(plan, word, word + 4, 68, 65535, &plan->mtu);
	else if (!strncmp(word, "wait=", 5))
		return take_number(plan, word, word + 5, 1, 3600, &plan->seconds);
	else
		return take_prefix(plan, word, word, plan->addresses, &plan->address_count, NET_ADDRESSES_MAX);
	return 0;
}

static int parse(struct net_plan *plan, const char *settings)
{
	char copy[SETTINGS_MAX], *word, *save = NULL;
	int error = 0;

	if (strlen(settings) >= sizeof(copy))
		return net_fail(plan, -EINVAL, "the settings have more than %u characters", SETTINGS_MAX - 1);
	strcpy(copy, settings);
	for (word = strtok_r(copy, " ", &save); word && !error; word = strtok_r(NULL, " ", &save))
		error = take_word(plan, word);
	return error;
}

/* ---- doing it ---- */

static const char *prefix_text(const struct net_prefix *prefix, char text[64])
{
	inet_ntop(prefix->family, prefix->bytes, text, INET6_ADDRSTRLEN);
	if (!net_prefix_is_station(prefix))
		snprintf(text + strlen(text), 64 - strlen(text), "/%u", prefix->bits);
	return text;
}

static int find(struct net_plan *plan)
{
	plan->index = net_interface_index(plan->kernel, plan->name);
	if (plan->index == -EOPNOTSUPP)
		return net_fail(plan, -EOPNOTSUPP, "this kernel has no network; boot the image \"net\"");
	if (plan->index == -ENODEV)
		return net_fail(plan, -ENODEV,
				"the kernel has no such interface, or no longer; rumpus_net_add() adds one");
	return plan->index < 0 ? net_fail(plan, plan->index, "%s", strerror(-plan->index)) : 0;
}

static int set_mtu(const struct net_plan *plan)
{
	struct ifreq request = { .ifr_mtu = (int)plan->mtu };
	int error = plan->mtu ? net_interface(plan->kernel, plan->name, SIOCSIFMTU, &request) : 0;

	return error ? net_fail(plan, error, "an MTU of %u is not possible here: %s", plan->mtu, strerror(-error)) : 0;
}

static int set_addresses(const struct net_plan *plan)
{
	char text[64];
	unsigned int i;

	for (i = 0; i < plan->address_count; i++) {
		const struct net_prefix *prefix = &plan->addresses[i];
		int error = net_set_address(plan->kernel, plan->index, prefix, NLM_F_EXCL, UINT32_MAX);

		prefix_text(prefix, text);
		if (error == -EEXIST)
			return net_fail(plan, error, "it has the address %s already", text);
		if (error == -EOPNOTSUPP)
			return net_fail(plan, error, "%s: this kernel does not speak that protocol", text);
		if (error)
			return net_fail(plan, error, "%s is no address for an interface: %s", text, strerror(-error));
	}
	return 0;
}

static int set_routes(const struct net_plan *plan)
{
	char text[64];
	unsigned int i;

	for (i = 0; i < plan->gateway_count; i++) {
		const struct net_prefix *via = &plan->gateways[i], to = { .family = via->family };
		int error = net_set_route(plan->kernel, &to, via, plan->index, NLM_F_EXCL, RTPROT_STATIC);

		prefix_text(via, text);
		if (error == -EEXIST)
			return net_fail(plan, error, "via=%s: there is a default route already", text);
		if (error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EINVAL)
			return net_fail(plan, error,
					"via=%s: the gateway is in no network of this interface; give it an "
					"address of the gateway's network, with its bits",
					text);
		if (error)
			return net_fail(plan, error, "via=%s: %s", text, strerror(-error));
	}
	return 0;
}

static int start(const struct net_plan *plan)
{
	int error = rumpus_net_up(plan->kernel, plan->name);

	return error ? net_fail(plan, error, "it cannot be started: %s", strerror(-error)) : 0;
}

static int ask_network(const struct net_plan *plan)
{
	int fd = -1, error;

	if (plan->automatic) {
		fd = net_automatic_begin(plan);
		if (fd < 0)
			return fd;
	}
	error = start(plan);
	if (!error && plan->dhcp)
		error = dhcp_configure(plan);
	if (fd >= 0 && !error)
		error = net_automatic_end(plan, fd);
	if (fd >= 0)
		netlink_call(plan->kernel, SYS_close, fd, 0, 0, 0, 0);
	return error;
}

int rumpus_net_configure(struct rumpus *kernel, const char *name, const char *settings, char *error, size_t error_size)
{
	struct net_plan plan = {
		.kernel = kernel, .name = name, .seconds = NET_SECONDS, .error = error, .error_size = error_size
	};
	int result;
	unsigned int i;

	if (!kernel || !name || !settings)
		return -EINVAL;
	result = parse(&plan, settings);
	if (!result)
		result = find(&plan);
	if (!result)
		result = set_mtu(&plan);
	if (!result)
		result = set_addresses(&plan);
	if (!result)
		result = ask_network(&plan);
	if (!result)
		result = set_routes(&plan);
	for (i = 0; !result && i < plan.server_count; i++)
		net_add_server(&plan, NET_FROM_CALLER, plan.servers[i].family, plan.servers[i].bytes);
	return result;
}
