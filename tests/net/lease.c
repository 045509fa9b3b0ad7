// SPDX-License-Identifier: BSD-2-Clause
/*
 * Leases of a DHCP server that refuses, talks nonsense, changes its mind, falls silent: what a kernel's interface has
 * by them, how they are extended, lost and found again
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "node.h"
#include "../tap.h"

#define MAGIC_AT 236 /* byte of a DHCP message, before its options */
#define PATIENCE 60  /* seconds */

enum { MESSAGE_SIZE = 300, DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, NAK = 6 };

/**
 * struct server - 10.8.0.@id, at b; what follows @fd may be changed while it serves
 * @fd:       its socket
 * @host:     last byte of the address that it gives
 * @id:       of the one that it says is its own; only 2 is
 * @lease, @renewal, @rebinding: seconds; the latter two may be 0: not said
 * @name_server: last byte of the first one's address
 * @refusals: requests that are to be refused before one is granted
 * @garbage:  send nonsense before each answer
 * @silent:   answer nothing
 * @requests: that came for an address
 * @extensions: and for more time
 */
struct server {
	long fd;
	volatile uint8_t host, id, lease, renewal, rebinding, name_server;
	volatile int refusals;
	volatile bool garbage, silent;
	volatile int requests, extensions;
	pthread_t thread;
};

static struct node a, b;
static char error[256], list[520];

static int configure(struct node *node, const char *settings)
{
	*error = '\0';
	return rumpus_net_configure(node->kernel, node->device, settings, error, sizeof(error));
}

static bool has_address(const char *text)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, 0);
	long fd = node_socket(&a, address.ss_family, SOCK_DGRAM, 0);
	long result = node_bind(&a, fd, (struct sockaddr *)&address, size);

	node_close(&a, fd);
	return !result;
}

/* Wait until it has, or has not */
static bool await_address(const char *text, bool wanted)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int i;

	for (i = 0; i < PATIENCE * 50 && has_address(text) != wanted; i++)
		nanosleep(&pause, NULL);
	return has_address(text) == wanted;
}

static bool await_count(const volatile int *count, int wanted)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int i;

	for (i = 0; i < PATIENCE * 50 && *count < wanted; i++)
		nanosleep(&pause, NULL);
	return *count >= wanted;
}

/* Wait until the kernel's name servers begin so; "" when there are none */
static bool await_servers(const char *wanted)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int i;

	for (i = 0; i < PATIENCE * 50; i++) {
		rumpus_net_name_servers(a.kernel, list, sizeof(list));
		if (!strcmp(list, wanted))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* ---- the server ---- */

static void send_to_all(const struct server *server, const unsigned char *bytes, size_t size)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, "255.255.255.255", 68);

	node_sendto(&b, server->fd, bytes, size, (struct sockaddr *)&to, len);
}

static void send_garbage(const struct server *server, unsigned char message[MESSAGE_SIZE])
{
	message[4] ^= 1; /* another conversation's */
	send_to_all(server, message, MESSAGE_SIZE);
	message[4] ^= 1;
	message[33] ^= 1; /* another station's */
	send_to_all(server, message, MESSAGE_SIZE);
	message[33] ^= 1;
	message[MAGIC_AT] ^= 1;
	send_to_all(server, message, MESSAGE_SIZE);
	message[MAGIC_AT] ^= 1;
	message[MAGIC_AT + 5] = 200; /* an option that is longer than all that is there */
	send_to_all(server, message, MAGIC_AT + 40);
	message[MAGIC_AT + 5] = 1;
	send_to_all(server, message, 100);
	send_to_all(server, message, MAGIC_AT);
	send_to_all(server, message, MAGIC_AT + 4);
}

static void answer(const struct server *server, const unsigned char *request, uint8_t type)
{
	const unsigned char options[] = { 0x63,
					  0x82,
					  0x53,
					  0x63,
					  53,
					  1,
					  type,
					  54,
					  4,
					  10,
					  8,
					  0,
					  server->id,
					  51,
					  4,
					  0,
					  0,
					  0,
					  server->lease,
					  1,
					  4,
					  255,
					  255,
					  0,
					  0,
					  3,
					  4,
					  10,
					  8,
					  0,
					  2,
					  6,
					  8,
					  10,
					  8,
					  0,
					  server->name_server,
					  10,
					  8,
					  0,
					  4,
					  58,
					  4,
					  0,
					  0,
					  0,
					  server->renewal,
					  59,
					  4,
					  0,
					  0,
					  0,
					  server->rebinding,
					  255 };
	const unsigned char yours[] = { 10, 8, 0, server->host };
	unsigned char message[MESSAGE_SIZE] = { 0 };

	memcpy(message, request, MAGIC_AT);
	message[0] = 2;
	memcpy(message + 16, yours, sizeof(yours));
	memcpy(message + MAGIC_AT, options, sizeof(options));
	if (!server->renewal)
		message[MAGIC_AT + 41] = 255; /* the end */
	if (server->garbage)
		send_garbage(server, message);
	send_to_all(server, message, sizeof(message));
}

static void *serve(void *arg)
{
	struct server *server = arg;
	unsigned char request[1024];

	while (node_recv(&b, server->fd, request, sizeof(request)) > MAGIC_AT + 7) {
		bool granted = true;

		if (server->silent)
			continue;
		if (request[MAGIC_AT + 6] == REQUEST) {
			bool extension = request[12] == 10;

			granted = server->refusals <= 0;
			server->refusals -= !granted;
			/* Who has another address than this server gives is refused, too. */
			granted &= !extension || request[15] == server->host;
			server->extensions += extension;
			server->requests += !extension;
		}
		answer(server, request, request[MAGIC_AT + 6] == DISCOVER ? OFFER : granted ? ACK : NAK);
	}
	rumpus_thread_detach();
	return NULL;
}

static void server_start(struct server *server)
{
	struct sockaddr_storage here;
	socklen_t size = address_of(&here, "0.0.0.0", 67);

	server->fd = node_socket(&b, AF_INET, SOCK_DGRAM, 0);
	node_setsockopt(&b, server->fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (node_bind(&b, server->fd, (struct sockaddr *)&here, size))
		tap_abort("no port for a DHCP server");
	pthread_create(&server->thread, NULL, serve, server);
}

/* An empty datagram ends it. */
static void server_stop(struct server *server)
{
	struct sockaddr_storage to;
	socklen_t size = address_of(&to, "127.0.0.1", 67);
	long fd = node_socket(&b, AF_INET, SOCK_DGRAM, 0);

	node_sendto(&b, fd, "", 0, (struct sockaddr *)&to, size);
	pthread_join(server->thread, NULL);
	node_close(&b, fd);
	node_close(&b, server->fd);
}

/* ---- one lease ---- */

static void check_refusals(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3, .refusals = 2, .lease = 200 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a server that refuses twice %s", error);
	tap_is(server.requests, 3, "is asked three times");
	tap_ok(has_address("10.8.0.7"), "and gives an address then");
	tap_is(node_ping(&a, "10.8.0.2", 1, 64), 1, "with a network");
	tap_ok(await_servers("10.8.0.3 10.8.0.4"), "and two name servers: %s", list);
	server.host = 8;
	tap_is(configure(&a, "dhcp wait=30 dns=10.8.0.9"), 0, "another address, and a name server %s", error);
	tap_ok(await_servers("10.8.0.9 10.8.0.3 10.8.0.4"), "which comes first: %s", list);
	tap_ok(has_address("10.8.0.8") && !has_address("10.8.0.7"), "the new address has replaced the old one");
	server_stop(&server);
}

/* One lease, one address, however often it is asked for by hand */
static void check_replacement(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a lease without an end %s", error);
	server.host = 9;
	server.lease = 60;
	server.renewal = 1;
	server.rebinding = 50;
	tap_is(configure(&a, "dhcp wait=30"), 0, "asked again, for one that is to be extended each second %s", error);
	tap_ok(has_address("10.8.0.9") && !has_address("10.8.0.7"), "the old address has gone");
	tap_is(node_ping(&a, "10.8.0.2", 1, 64), 1, "there is a network");
	server.silent = true;
	tap_is(configure(&a, "dhcp wait=1"), -ETIMEDOUT, "asked again, nobody answers: %s", error);
	tap_ok(has_address("10.8.0.9") && await_servers("10.8.0.3 10.8.0.4"), "what was there is there: %s", list);
	server.extensions = 0;
	server.silent = false;
	tap_ok(await_count(&server.extensions, 2), "and is kept");
	server.lease = 0;
	server.host = 10;
	tap_is(configure(&a, "dhcp wait=30"), 0, "asked again, for a lease without an end %s", error);
	tap_ok(has_address("10.8.0.10") && !has_address("10.8.0.9"), "the old address has gone");
	server_stop(&server);
}

static void check_garbage(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3, .garbage = true, .lease = 2 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a server that sends nonsense as well %s", error);
	tap_ok(await_count(&server.extensions, 1), "is asked for more time");
	server_stop(&server);
	tap_ok(await_address("10.8.0.7", false), "when it has gone, the address goes with the lease of two seconds");
}

/* ---- leases that go on, and do not ---- */

static void check_extension(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3, .lease = 60, .renewal = 1, .rebinding = 50 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a lease that is to be extended each second %s", error);
	tap_ok(await_count(&server.extensions, 1), "it is");
	server.name_server = 5;
	tap_ok(await_servers("10.8.0.5 10.8.0.4"), "it brings another name server in place of the first: %s", list);
	tap_ok(await_count(&server.extensions, 3), "and again");
	tap_ok(has_address("10.8.0.7") && server.requests == 1, "the address was never asked for anew");
	server.host = 12;
	tap_ok(await_address("10.8.0.12", true), "the server wants it back and gives another one: that is there");
	tap_ok(!has_address("10.8.0.7"), "and the old one is not");
	tap_is(node_ping(&a, "10.8.0.2", 1, 64), 1, "there is a network");
	tap_is(configure(&a, "dhcp wait=30"), 0, "a kept lease is asked for once more by hand %s", error);
	server_stop(&server);
}

/* The address that it says is its own is nobody's: what goes to all stations reaches it all the same. */
static void check_rebinding(void)
{
	struct server server = { .host = 7, .id = 99, .name_server = 3, .lease = 60, .renewal = 1, .rebinding = 3 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a server that cannot be reached by its address %s", error);
	tap_ok(await_count(&server.extensions, 1), "is asked with all others");
	tap_ok(has_address("10.8.0.7") && server.requests == 1, "before the time is over");
	server_stop(&server);
}

static void check_loss(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3, .lease = 3, .renewal = 1, .rebinding = 2 };

	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a lease of three seconds %s", error);
	server.silent = true;
	server.host = 13;
	tap_ok(await_address("10.8.0.7", false), "its server falls silent: the address goes");
	tap_ok(await_servers(""), "and the name servers: \"%s\"", list);
	server.lease = 60;
	server.silent = false;
	tap_ok(await_address("10.8.0.13", true), "the server speaks again: there is another one");
	tap_ok(await_servers("10.8.0.3 10.8.0.4"), "with name servers: %s", list);
	server_stop(&server);
}

static void add(struct node *node, const char *spec)
{
	if (rumpus_net_add(node->kernel, spec, node->device, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
}

/* An interface of its own for each check */
static void run(void (*check)(void))
{
	add(&a, "pair:dhcp");
	add(&b, "pair:dhcp");
	if (configure(&b, "10.8.0.2/16") || rumpus_net_route(b.kernel, "255.255.255.255", NULL, b.device))
		tap_abort("b: %s", error);
	check();
	if (rumpus_net_remove(b.kernel, b.device) || rumpus_net_remove(a.kernel, a.device))
		tap_abort("an interface is not removed");
	if (rumpus_net_name_servers(a.kernel, list, sizeof(list)))
		tap_ok(false, "an interface has gone, its name servers have not: %s", list);
}

/* What keeps a lease is no obstacle to the end, whatever it is doing. */
static void check_end(void)
{
	struct server server = { .host = 7, .id = 2, .name_server = 3, .lease = 60, .renewal = 1, .rebinding = 50 };

	node_boot(&a, "a", 1);
	add(&a, "pair:end");
	add(&b, "pair:end");
	if (configure(&b, "10.8.0.2/16") || rumpus_net_route(b.kernel, "255.255.255.255", NULL, b.device))
		tap_abort("b: %s", error);
	server_start(&server);
	tap_is(configure(&a, "dhcp wait=30"), 0, "a lease %s", error);
	await_count(&server.extensions, 1);
	server.silent = true;
	tap_is(rumpus_halt(a.kernel), 0, "its kernel is halted");
	server_stop(&server);
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	run(check_refusals);
	run(check_replacement);
	run(check_garbage);
	run(check_extension);
	run(check_rebinding);
	run(check_loss);
	node_halt(&a);
	check_end();
	node_halt(&b);
	return tap_done();
}
