// SPDX-License-Identifier: BSD-2-Clause
/* rumpus_net_configure(): what networks give, what they refuse, settings that are none */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "../tap.h"

static struct node a, b;
static char error[256], list[520];

static int configure(struct node *node, const char *settings)
{
	*error = '\0';
	return rumpus_net_configure(node->kernel, node->device, settings, error, sizeof(error));
}

static void expect(int result, int expected, const char *text, const char *what)
{
	if (!tap_ok(result == expected && strstr(error, text), "%s: %s", what, error))
		tap_note("returned %d (%s), expected %d and \"%s\"", result, strerror(-result), expected, text);
}

static bool has_address(struct node *node, const char *text)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, 0);
	long fd = node_socket(node, address.ss_family, SOCK_DGRAM, 0);
	long result = node_bind(node, fd, (struct sockaddr *)&address, size);

	node_close(node, fd);
	return !result;
}

/* An interface of its own for each check, without a word about it */
static void add(struct node *node, const char *spec)
{
	if (rumpus_net_add(node->kernel, spec, node->device, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
}

static void take(struct node *node)
{
	if (rumpus_net_remove(node->kernel, node->device))
		tap_abort("%s is not removed", node->device);
}

static void check_slirp(void)
{
	add(&a, "slirp:");
	tap_is(configure(&a, "dhcp"), 0, "DHCP of slirp's network %s", error);
	tap_ok(has_address(&a, "10.0.2.15"), "it gave the address");
	tap_is(node_ping(&a, "10.0.2.2", 1, 64), 1, "the gateway answers");
	tap_is(rumpus_net_name_servers(a.kernel, list, sizeof(list)), 1, "one name server");
	tap_ok(!strcmp(list, "10.0.2.3"), "%s", list);
	tap_is(rumpus_net_name_servers(a.kernel, list, 8), -ENOSPC, "a list that is too small");
	tap_is(configure(&a, "dhcp"), 0, "the lease is extended %s", error);
	tap_is(configure(&a, "auto dns=fd00::53 dns=10.0.2.3"), 0, "IPv6 by the router's word %s", error);
	tap_is(node_ping(&a, "fec0::2", 1, 64), 1, "the router answers");
	tap_is(configure(&a, "auto"), 0, "what is there already counts %s", error);
	tap_ok(rumpus_net_name_servers(a.kernel, list, sizeof(list)) >= 2 && strstr(list, "10.0.2.3") &&
		       strstr(list, "fd00::53"),
	       "name servers of both, and each once: %s", list);
	expect(configure(&a, "mtu=65535"), -EINVAL, "MTU of 65535", "an MTU that the device cannot");
	expect(configure(&a, "via=10.0.2.2"), -EEXIST, "a default route already", "a second default route");
	take(&a);
}

static void check_settings(void)
{
	static const char *const wrong[] = {
		"10.0.0",
		"10.0.0.1/33",
		"10.0.0.1/",
		"10.0.0.1/-1",
		"10.0.0.1/+8",
		"fd00::/129",
		"fd00::g/64",
		"dhcpx",
		"DHCP",
		"via=",
		"via=10.0.0.1/24",
		"via=host",
		"dns=x",
		"mtu=",
		"mtu=67",
		"mtu=65536",
		"mtu=-1",
		"mtu=9k",
		"wait=0",
		"wait=x",
		"via=10.0.0.1 via=10.0.0.2 via=10.0.0.3",
		"10.0.0.1/24,10.0.0.2/24",
	};
	char huge[2048];
	unsigned int i, refused = 0;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool right = configure(&a, wrong[i]) == -EINVAL && strstr(error, a.device);

		refused += right;
		if (!right)
			tap_note("%s: %s", wrong[i], error);
	}
	tap_is(refused, i, "settings that are none are refused by name, as in: %s", error);
	memset(huge, '1', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	expect(configure(&a, huge), -EINVAL, "characters", "too many");
	tap_is(rumpus_net_configure(a.kernel, a.device, NULL, NULL, 0), -EINVAL, "none at all");
	tap_is(rumpus_net_configure(a.kernel, a.device, "nonsense", NULL, 0), -EINVAL, "without room for a message");
}

static void check_errors(void)
{
	struct node gone = { .kernel = a.kernel, .device = "net77", .name = "a" };

	add(&a, "pair:alone");
	check_settings();
	expect(configure(&gone, "10.9.0.1/24"), -ENODEV, "net77: the kernel has no such interface",
	       "no such interface");
	expect(configure(&a, "dhcp wait=1"), -ETIMEDOUT, "no link", "DHCP without a link");
	expect(configure(&a, "auto wait=1"), -ETIMEDOUT, "no link", "IPv6 without a link");
	tap_is(configure(&a, "10.9.0.1/24 fd09::1/64 mtu=1400"), 0, "two addresses and an MTU %s", error);
	expect(configure(&a, "10.9.0.1/24"), -EEXIST, "it has the address 10.9.0.1/24 already", "an address twice");
	expect(configure(&a, "via=10.77.0.1"), -ENETUNREACH, "in no network of this interface", "a gateway nowhere");
	/* The other end is there, and says nothing. */
	add(&b, "pair:alone");
	tap_is(configure(&b, ""), 0, "up, with nothing else");
	expect(configure(&a, "dhcp wait=1"), -ETIMEDOUT, "no server", "DHCP without a server");
	expect(configure(&a, "auto wait=1"), -ETIMEDOUT, "no IPv6 router", "IPv6 without a router");
	take(&b);
	take(&a);
}

static void check_no_network(void)
{
	struct rumpus_config config = { .size = sizeof(config), .cpus = 1, .components = "" };
	const char *build = getenv("RUMPUS_BUILD");
	struct rumpus *kernel;
	char image[4096];

	snprintf(image, sizeof(image), "%s/lib/rumpus/linux.img", build ? build : "build");
	config.image = image;
	if (rumpus_boot(&config, &kernel))
		tap_abort("%s does not boot", image);
	expect(rumpus_net_configure(kernel, "net0", "dhcp", error, sizeof(error)), -EOPNOTSUPP, "no network",
	       "a kernel that has no network");
	rumpus_halt(kernel);
}

int main(int argc, char **argv)
{
	check_no_network();
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	check_slirp();
	check_errors();
	node_halt(&b);
	node_halt(&a);
	return tap_done();
}
