// SPDX-License-Identifier: BSD-2-Clause
/*
 * DHCP (RFC 2131, 2132) for an interface of a kernel: discover, offer, request, acknowledge. The tree's own client
 * exists only while a kernel boots, before it has devices.
 *
 * There is no thread that renews: the address carries its lease as its lifetime, so that the kernel drops it when the
 * time is over; configuring again before asks for the same address once more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "internal.h"
#include "net_configure.h"

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define MAGIC 0x63825363U
#define BROADCAST_FLAG 0x8000
#define FIRST_PAUSE 1000 /* milliseconds until a message is sent again; doubled each time */

enum { TYPE_DISCOVER = 1, TYPE_OFFER = 2, TYPE_REQUEST = 3, TYPE_ACK = 5, TYPE_NAK = 6 };

enum {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_SERVERS = 6,
	OPTION_ADDRESS = 50,
	OPTION_LEASE = 51,
	OPTION_OVERLOAD = 52,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_WANTED = 55,
	OPTION_MAX_SIZE = 57,
	OPTION_END = 255,
};

/** struct message - on the wire; what is before @options is from BOOTP */
struct message {
	uint8_t operation, hardware, hardware_length, hops;
	uint32_t id;
	uint16_t seconds, flags;
	uint32_t client, yours, next_server, relay;
	uint8_t address[16];
	uint8_t server_name[64];
	uint8_t file[128];
	uint32_t magic;
	uint8_t options[312];
};

_Static_assert(sizeof(struct message) == 552, "as on the wire");

/**
 * struct lease - what a server says; addresses in network order, 0: not said
 * @type:    of its message
 * @servers: name servers
 */
struct lease {
	uint8_t type;
	uint32_t address, mask, router, server;
	uint32_t seconds;
	uint32_t servers[NET_ADDRESSES_MAX];
	unsigned int server_count;
};

/**
 * struct exchange - a conversation
 * @fd:       a socket of the kernel's
 * @deadline: when to give up, by net_milliseconds()
 * @hardware: address of the interface
 */
struct exchange {
	const struct net_plan *plan;
	int fd;
	long deadline;
	uint32_t id;
	uint8_t hardware[6];
};

/* ---- messages ---- */

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *data, uint8_t size)
{
	*at++ = code;
	*at++ = size;
	memcpy(at, data, size);
	return at + size;
}

static long send_message(const struct exchange *exchange, uint8_t type, const struct lease *lease)
{
	static const uint8_t wanted[] = { OPTION_MASK, OPTION_ROUTER, OPTION_SERVERS, OPTION_LEASE };
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(SERVER_PORT),
					.sin_addr.s_addr = INADDR_BROADCAST };
	const uint16_t max_size = htons(sizeof(struct message) + 28); /* with the headers of IP and UDP */
	struct message message = {
		.operation = 1,
		.hardware = ARPHRD_ETHER,
		.hardware_length = sizeof(exchange->hardware),
		.id = exchange->id,
		.flags = htons(BROADCAST_FLAG), /* there is no address yet to answer to */
		.magic = htonl(MAGIC),
	};
	uint8_t *at = message.options;

	memcpy(message.address, exchange->hardware, sizeof(exchange->hardware));
	at = put_option(at, OPTION_TYPE, &type, 1);
	at = put_option(at, OPTION_WANTED, wanted, sizeof(wanted));
	at = put_option(at, OPTION_MAX_SIZE, &max_size, sizeof(max_size));
	if (lease) {
		at = put_option(at, OPTION_ADDRESS, &lease->address, 4);
		at = put_option(at, OPTION_SERVER, &lease->server, 4);
	}
	*at = OPTION_END;
	return gate_call(&exchange->plan->kernel->first, SYS_sendto,
			 (const long[6]){ exchange->fd, (long)&message, sizeof(message), 0, (long)&to, sizeof(to) });
}

static void take_option(struct lease *lease, uint8_t code, const uint8_t *data, size_t size)
{
	switch (code) {
	case OPTION_TYPE:
		if (size == 1)
			lease->type = *data;
		break;
	case OPTION_MASK:
		if (size == 4)
			memcpy(&lease->mask, data, 4);
		break;
	case OPTION_ROUTER:
		if (size >= 4)
			memcpy(&lease->router, data, 4);
		break;
	case OPTION_SERVER:
		if (size == 4)
			memcpy(&lease->server, data, 4);
		break;
	case OPTION_LEASE:
		if (size == 4) {
			memcpy(&lease->seconds, data, 4);
			lease->seconds = ntohl(lease->seconds);
		}
		break;
	case OPTION_SERVERS:
		for (; size >= 4 && lease->server_count < NET_ADDRESSES_MAX; size -= 4, data += 4)
			memcpy(&lease->servers[lease->server_count++], data, 4);
		break;
	}
}

/* Return: what option 52 says of @file and @server_name: bits 1 and 2 for those that hold options, too */
static unsigned int take_options(struct lease *lease, const uint8_t *at, size_t size)
{
	const uint8_t *end = at + size;
	unsigned int overload = 0;

	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_PAD) {
			at++;
			continue;
		}
		if (end - at < 2 || end - at - 2 < at[1])
			break;
		if (*at == OPTION_OVERLOAD && at[1] == 1)
			overload = at[2];
		take_option(lease, at[0], at + 2, at[1]);
		at += 2 + at[1];
	}
	return overload;
}

/* Is it an answer to what was asked? */
static bool read_message(const struct exchange *exchange, const struct message *message, size_t size,
			 struct lease *lease)
{
	unsigned int overload;

	if (size < offsetof(struct message, options) || message->operation != 2 || message->id != exchange->id ||
	    message->magic != htonl(MAGIC) ||
	    memcmp(message->address, exchange->hardware, sizeof(exchange->hardware)) != 0)
		return false;
	*lease = (struct lease){ .address = message->yours };
	overload = take_options(lease, message->options, size - offsetof(struct message, options));
	if (overload & 1)
		take_options(lease, message->file, sizeof(message->file));
	if (overload & 2)
		take_options(lease, message->server_name, sizeof(message->server_name));
	return true;
}

/* ---- the conversation ---- */

/* Wait for one until @until. Return: 0, -EAGAIN or what the socket says */
static long receive(const struct exchange *exchange, long until, struct lease *lease)
{
	struct message message;
	long len = 0;

	for (;;) {
		long left = until - net_milliseconds();

		if (left <= 0)
			return -EAGAIN;
		len = net_wait(exchange->plan, exchange->fd, left);
		if (!len)
			len = netlink_call(exchange->plan->kernel, SYS_recvfrom, exchange->fd, (long)&message,
					   sizeof(message), 0, 0);
		if (len < 0)
			return len;
		if (read_message(exchange, &message, (size_t)len, lease))
			return 0;
	}
}

static bool is_offer(const struct lease *answer, const struct lease *asked)
{
	(void)asked;
	return answer->type == TYPE_OFFER && answer->address && answer->server;
}

static bool is_decision(const struct lease *answer, const struct lease *asked)
{
	return (answer->type == TYPE_ACK && answer->address == asked->address) || answer->type == TYPE_NAK;
}

/*
 * Send until an answer comes for which @wanted says yes.
 * Return: 0; -ETIMEDOUT; what the socket says
 */
static long ask(const struct exchange *exchange, uint8_t type, const struct lease *asked,
		bool (*wanted)(const struct lease *answer, const struct lease *asked), struct lease *answer)
{
	long pause = FIRST_PAUSE, now, until, result;

	for (;;) {
		/* Without a link, or buffers, it is as lost as on a network. */
		result = send_message(exchange, type, asked);
		if (result == -ESHUTDOWN || result == -ENODEV || result == -EDEADLK)
			return result;
		now = net_milliseconds();
		if (now >= exchange->deadline)
			return -ETIMEDOUT;
		until = now + pause < exchange->deadline ? now + pause : exchange->deadline;
		pause *= 2;
		do {
			result = receive(exchange, until, answer);
			if (!result && wanted(answer, asked))
				return 0;
		} while (!result);
		if (result != -EAGAIN)
			return result;
	}
}

/* A refused request begins anew: another client was faster. */
static long converse(const struct exchange *exchange, struct lease *lease)
{
	struct lease offer;
	long result;

	do {
		result = ask(exchange, TYPE_DISCOVER, NULL, is_offer, &offer);
		if (!result)
			result = ask(exchange, TYPE_REQUEST, &offer, is_decision, lease);
	} while (!result && lease->type == TYPE_NAK);
	return result;
}

/* ---- what comes of it ---- */

static unsigned int mask_bits(const struct lease *lease)
{
	uint32_t mask = ntohl(lease->mask), holes = ~mask;

	/* Not said, or none: that of the address's class is what the protocol means. */
	if (!mask || (holes & (holes + 1)))
		mask = IN_CLASSA(ntohl(lease->address))	  ? IN_CLASSA_NET
		       : IN_CLASSB(ntohl(lease->address)) ? IN_CLASSB_NET
							  : IN_CLASSC_NET;
	return (unsigned int)__builtin_popcount(mask);
}

static int apply(const struct net_plan *plan, const struct lease *lease)
{
	struct net_prefix address = { .family = AF_INET, .size = 4, .bits = mask_bits(lease) };
	struct net_prefix via = { .family = AF_INET, .size = 4, .bits = 32 }, all = { .family = AF_INET };
	/* 0 is not said, all ones for ever. */
	uint32_t seconds = lease->seconds ? lease->seconds : UINT32_MAX;
	int error;
	unsigned int i;

	memcpy(address.bytes, &lease->address, 4);
	memcpy(via.bytes, &lease->router, 4);
	error = net_set_address(plan->kernel, plan->index, &address, NLM_F_REPLACE, seconds);
	if (error)
		return net_fail(
			plan, error, "dhcp: the server gave %u.%u.%u.%u, which is no address for an interface: %s",
			address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3], strerror(-error));
	if (lease->router)
		error = net_set_route(plan->kernel, &all, &via, plan->index, NLM_F_REPLACE, RTPROT_DHCP);
	if (error)
		return net_fail(plan, error,
				"dhcp: the server gave the router %u.%u.%u.%u, to which no route leads: %s",
				via.bytes[0], via.bytes[1], via.bytes[2], via.bytes[3], strerror(-error));
	for (i = 0; i < lease->server_count; i++)
		net_add_server(plan, AF_INET, &lease->servers[i]);
	return 0;
}

static int open_socket(const struct net_plan *plan, int *out)
{
	const struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(CLIENT_PORT) };
	const int one = 1;
	long fd = netlink_call(plan->kernel, SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0, 0), error;

	if (fd < 0)
		return net_fail(plan, (int)fd, "dhcp: no socket: %s", strerror((int)-fd));
	error = netlink_call(plan->kernel, SYS_setsockopt, fd, SOL_SOCKET, SO_BROADCAST, (long)&one, sizeof(one));
	if (!error)
		error = netlink_call(plan->kernel, SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, (long)plan->name,
				     (long)strlen(plan->name) + 1);
	if (!error)
		error = netlink_call(plan->kernel, SYS_bind, fd, (long)&here, sizeof(here), 0, 0);
	if (!error) {
		*out = (int)fd;
		return 0;
	}
	netlink_call(plan->kernel, SYS_close, fd, 0, 0, 0, 0);
	if (error == -EADDRINUSE)
		return net_fail(plan, (int)error, "dhcp: a client of this kernel's is at work already, at UDP port 68");
	return net_fail(plan, (int)error, "dhcp: no socket at UDP port 68: %s", strerror((int)-error));
}

static int explain(const struct net_plan *plan, long error)
{
	if (error == -ETIMEDOUT && !net_has_link(plan))
		return net_fail(plan, -ETIMEDOUT, "dhcp: there is no link after %u s: nothing is at the other end",
				plan->seconds);
	if (error == -ETIMEDOUT)
		return net_fail(plan, -ETIMEDOUT,
				"dhcp: no server has answered in %u s; is there one on this network? An "
				"address can be given instead",
				plan->seconds);
	return net_fail(plan, (int)error, "dhcp: %s", strerror((int)-error));
}

int dhcp_configure(const struct net_plan *plan)
{
	struct exchange exchange = { .plan = plan, .deadline = net_milliseconds() + plan->seconds * 1000L };
	struct ifreq hardware = { 0 };
	struct lease lease;
	long result = net_interface(plan->kernel, plan->name, SIOCGIFHWADDR, &hardware);

	if (result || hardware.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return net_fail(plan, result ? (int)result : -EINVAL, "dhcp: it has no Ethernet address");
	memcpy(exchange.hardware, hardware.ifr_hwaddr.sa_data, sizeof(exchange.hardware));
	result = netlink_call(plan->kernel, SYS_getrandom, (long)&exchange.id, sizeof(exchange.id), 0, 0, 0);
	if (result < 0)
		return explain(plan, result);
	result = open_socket(plan, &exchange.fd);
	if (result)
		return (int)result;
	result = converse(&exchange, &lease);
	netlink_call(plan->kernel, SYS_close, exchange.fd, 0, 0, 0, 0);
	return result ? explain(plan, result) : apply(plan, &lease);
}
