// SPDX-License-Identifier: BSD-2-Clause
/*
 * IPv6 autoconfiguration from the advertisements of a router: what an interface has by them, what it does not believe,
 * what it gives up again
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "message.h"
#include "node.h"
#include "../tap.h"

#define ADDRESS "fd05::ff:fe00:a" /* that a makes of the network and of its hardware address */
#define PATIENCE 60		  /* seconds */

/**
 * struct advertisement - as on the wire
 * @dns: RFC 8106, of one address
 */
struct advertisement {
	struct nd_router_advert head;
	struct nd_opt_prefix_info prefix;
	struct nd_opt_mtu mtu;
	struct {
		uint8_t type, length;
		uint16_t reserved;
		uint32_t lifetime;
		struct in6_addr address;
	} dns;
};

/**
 * struct router - b's, which advertises ten times a second
 * @lock:   guards what follows
 * @advertisement: that it sends
 * @size:   bytes of it
 * @hops:   that packets may make; advertisements with fewer than 255 came from elsewhere
 * @stop:   no more
 */
static struct router {
	pthread_t thread;
	pthread_mutex_t lock;
	struct advertisement advertisement;
	size_t size;
	int hops;
	bool stop;
} router = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct node a, b;
static char error[256];

static int configure(struct node *node, const char *settings)
{
	*error = '\0';
	return rumpus_net_configure(node->kernel, node->device, settings, error, sizeof(error));
}

static void pause_for(long milliseconds)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000 * 1000 };

	nanosleep(&time, NULL);
}

/* ---- the router ---- */

static void set_address(struct in6_addr *to, const char *text)
{
	struct sockaddr_storage address;

	address_of(&address, text, 0);
	*to = ((struct sockaddr_in6 *)&address)->sin6_addr;
}

/* @valid, @lifetime: seconds of the address, and of the default route */
static void fill(uint32_t valid, uint16_t lifetime)
{
	struct advertisement *advertisement = &router.advertisement;

	pthread_mutex_lock(&router.lock);
	*advertisement = (struct advertisement){
		.head = { .nd_ra_type = ND_ROUTER_ADVERT,
			  .nd_ra_curhoplimit = 64,
			  .nd_ra_router_lifetime = htons(lifetime) },
		.prefix = { .nd_opt_pi_type = ND_OPT_PREFIX_INFORMATION,
			    .nd_opt_pi_len = 4,
			    .nd_opt_pi_prefix_len = 64,
			    .nd_opt_pi_flags_reserved = ND_OPT_PI_FLAG_ONLINK | ND_OPT_PI_FLAG_AUTO,
			    .nd_opt_pi_valid_time = htonl(valid),
			    .nd_opt_pi_preferred_time = htonl(valid) },
		.mtu = { .nd_opt_mtu_type = ND_OPT_MTU, .nd_opt_mtu_len = 1, .nd_opt_mtu_mtu = htonl(1400) },
		.dns = { .type = 25, .length = 3, .lifetime = htonl(600) },
	};
	set_address(&advertisement->prefix.nd_opt_pi_prefix, "fd05::");
	set_address(&advertisement->dns.address, "fe80::53");
	router.size = sizeof(*advertisement);
	router.hops = 255;
	pthread_mutex_unlock(&router.lock);
}

static void advertise(long fd, const struct sockaddr_in6 *to)
{
	pthread_mutex_lock(&router.lock);
	node_setsockopt(&b, fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, router.hops);
	/* Until it has an address of its own for it, there is none to be sent from. */
	node_sendto(&b, fd, &router.advertisement, router.size, (const struct sockaddr *)to, sizeof(*to));
	pthread_mutex_unlock(&router.lock);
}

static void *router_main(void *arg)
{
	long fd = node_socket(&b, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	struct sockaddr_storage to;

	address_of(&to, "ff02::1", 0);
	((struct sockaddr_in6 *)&to)->sin6_scope_id = (uint32_t)node_index(&b, b.device);
	while (!__atomic_load_n(&router.stop, __ATOMIC_ACQUIRE)) {
		advertise(fd, (struct sockaddr_in6 *)&to);
		pause_for(100);
	}
	node_close(&b, fd);
	rumpus_thread_detach();
	return NULL;
}

static void router_start(uint32_t valid, uint16_t lifetime)
{
	fill(valid, lifetime);
	router.stop = false;
	pthread_create(&router.thread, NULL, router_main, NULL);
}

static void router_stop(void)
{
	__atomic_store_n(&router.stop, true, __ATOMIC_RELEASE);
	pthread_join(router.thread, NULL);
}

/* ---- a station ---- */

static long bound(const char *text)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, 0);
	long fd = node_socket(&a, AF_INET6, SOCK_DGRAM, 0);
	long result = node_bind(&a, fd, (struct sockaddr *)&address, size);

	node_close(&a, fd);
	return result;
}

/* Does a route lead there? */
static bool leads(const char *text)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, 9);
	long fd = node_socket(&a, AF_INET6, SOCK_DGRAM, 0);
	long result = node_connect(&a, fd, (struct sockaddr *)&address, size);

	node_close(&a, fd);
	return !result;
}

static void check_gains(void)
{
	char text[64], path[96], list[520];

	tap_is(configure(&a, "auto wait=30"), 0, "a router advertises a network %s", error);
	tap_is(bound(ADDRESS), 0, "the address is " ADDRESS);
	tap_is(node_ping(&a, "fd05::1", 1, 64), 1, "others of the network answer");
	tap_is(node_ping(&a, "fd06::1", 1, 64), 1, "and others behind the router");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/mtu", a.device);
	tap_ok(!strcmp(node_get(&a, path, text, sizeof(text)), "1400"), "packets are as short as it says: %s", text);
	rumpus_net_name_servers(a.kernel, list, sizeof(list));
	snprintf(text, sizeof(text), "fe80::53%%%s", a.device);
	tap_ok(!strcmp(list, text), "and its name server is known: %s", list);
}

static void check_losses(void)
{
	int i;

	fill(3, 0);
	for (i = 0; i < PATIENCE * 20 && leads("fd06::1"); i++)
		pause_for(50);
	tap_ok(!leads("fd06::1"), "it says that it routes no longer: no default route");
	tap_is(bound(ADDRESS), 0, "the address is still there");
}

static void check_lifetime(void)
{
	int i;

	router_start(3, 3);
	tap_is(configure(&a, "auto wait=30"), 0, "a network for three seconds %s", error);
	tap_is(bound(ADDRESS), 0, "there is an address");
	router_stop();
	for (i = 0; i < PATIENCE * 20 && (!bound(ADDRESS) || leads("fd06::1")); i++)
		pause_for(50);
	tap_is(bound(ADDRESS), -EADDRNOTAVAIL, "nobody advertises it any more: the address goes");
	tap_ok(!leads("fd06::1"), "and the default route");
}

/* What is no advertisement of a router on this network, ten times a second. Return: it was passed over */
static bool ignored(const char *what)
{
	int result = configure(&a, "auto wait=1");

	if (result != -ETIMEDOUT)
		tap_note("%s: returned %d %s", what, result, error);
	return result == -ETIMEDOUT;
}

static void check_nonsense(void)
{
	struct advertisement *advertisement = &router.advertisement;

	router_start(600, 600);
	router.hops = 64;
	tap_ok(ignored("64 hops"), "advertisements that a router has forwarded do not count");
	fill(600, 600);
	advertisement->prefix.nd_opt_pi_len = 0;
	tap_ok(ignored("length"), "nor those with an option of no length");
	fill(600, 600);
	advertisement->prefix.nd_opt_pi_prefix_len = 129;
	tap_ok(ignored("bits"), "nor networks of 129 bits");
	fill(600, 600);
	router.size = sizeof(advertisement->head) + 20;
	tap_ok(ignored("cut off"), "nor options that are cut off");
	fill(600, 600);
	set_address(&advertisement->prefix.nd_opt_pi_prefix, "fe80::");
	tap_ok(ignored("link-local"), "nor a network that every link has");
	fill(600, 600);
	tap_is(configure(&a, "auto wait=30"), 0, "a right one does %s", error);
	router_stop();
}

/* Another station has the address already: it says so when it is asked. */
static void check_clash(void)
{
	rumpus_net_address(b.kernel, b.device, ADDRESS "/64");
	router_start(600, 600);
	tap_is(configure(&a, "auto wait=30"), -EADDRINUSE, "another station has the address: %s", error);
	router_stop();
}

/* Let interfaces that come use addresses without asking whether another station has them, which takes a second or two
 */
static void ask_nobody(struct node *node)
{
	if (node_put(node, "/proc/sys/net/ipv6/conf/default/dad_transmits", "0"))
		tap_abort("%s: it asks in any case", node->name);
}

static void add(struct node *node, const char *spec)
{
	if (rumpus_net_add(node->kernel, spec, node->device, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
}

/* A new interface of a's for each check, and the same router */
static void run(void (*check)(void))
{
	add(&a, "pair,mac=02-00-00-00-00-0a:link");
	add(&b, "pair,mac=02-00-00-00-00-0b:link");
	if (configure(&b, "fd05::1/64 fd06::1/64"))
		tap_abort("b: %s", error);
	check();
	if (rumpus_net_remove(a.kernel, a.device) || rumpus_net_remove(b.kernel, b.device))
		tap_abort("an interface is not removed");
}

static void check_network(void)
{
	router_start(600, 600);
	check_gains();
	check_losses();
	router_stop();
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	ask_nobody(&b);
	run(check_network);
	run(check_clash);
	ask_nobody(&a);
	run(check_lifetime);
	run(check_nonsense);
	node_halt(&b);
	node_halt(&a);
	return tap_done();
}
