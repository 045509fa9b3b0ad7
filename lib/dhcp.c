// SPDX-License-Identifier: BSD-2-Clause
/*
 * DHCP for an interface of a kernel: discover, offer, request, acknowledge, and requests for more time. The tree's own
 * client exists only while a kernel boots, before it has devices.
 *
 * The address carries its lease as its lifetime, so that the kernel drops it when the time is over, whatever becomes of
 * the thread that keeps it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "dhcp.h"
#include "internal.h"

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define FIRST_PAUSE 1000 /* milliseconds until a message is sent again; doubled each time */
#define LOOK 250	 /* milliseconds, at most, until it is seen that somebody wants this to stop */

/**
 * struct question - what is asked, and what counts as its answer
 * @type:   of the message
 * @to:     a server's address, or that of all
 * @extend: as dhcp_message_fill()
 * @lease:  that is asked for
 * @answers: an answer?
 */
struct question {
	uint8_t type;
	uint32_t to;
	bool extend;
	const struct dhcp_lease *lease;
	bool (*answers)(const struct dhcp_lease *answer, const struct dhcp_lease *lease);
};

static long send_question(const struct dhcp_exchange *exchange, const struct question *question)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(SERVER_PORT),
					.sin_addr.s_addr = question->to };
	struct dhcp_message message;

	dhcp_message_fill(&message, exchange, question->type, question->lease, question->extend);
	return gate_call(&exchange->plan->kernel->first, SYS_sendto,
			 (const long[6]){ exchange->fd, (long)&message, sizeof(message), 0, (long)&to, sizeof(to) });
}

static bool is_stopped(const struct dhcp_exchange *exchange)
{
	return exchange->stop && __atomic_load_n(exchange->stop, __ATOMIC_ACQUIRE);
}

/* Wait for one message. Return: its length, -EAGAIN when there is none yet, what the socket says */
static long receive_some(const struct dhcp_exchange *exchange, long left, struct dhcp_message *message)
{
	long error = net_wait(exchange->plan, exchange->fd, exchange->stop && left > LOOK ? LOOK : left);

	return error ? error
		     : netlink_call(exchange->plan->kernel, SYS_recvfrom, exchange->fd, (long)message, sizeof(*message),
				    0, 0);
}

/* Wait for an answer until @until. Return: 0, -EAGAIN, -ECANCELED, what the socket says */
static long receive(const struct dhcp_exchange *exchange, long until, struct dhcp_lease *lease)
{
	struct dhcp_message message;

	for (;;) {
		long left = until - net_milliseconds(), len;

		if (is_stopped(exchange))
			return -ECANCELED;
		if (left <= 0)
			return -EAGAIN;
		len = receive_some(exchange, left, &message);
		if (len < 0 && len != -EAGAIN)
			return len;
		if (len >= 0 && dhcp_message_read(&message, (size_t)len, exchange, lease))
			return 0;
	}
}

static bool is_offer(const struct dhcp_lease *answer, const struct dhcp_lease *lease)
{
	(void)lease;
	return answer->type == DHCP_OFFER && answer->address && answer->server;
}

static bool is_decision(const struct dhcp_lease *answer, const struct dhcp_lease *lease)
{
	return (answer->type == DHCP_ACK && answer->address == lease->address) || answer->type == DHCP_NAK;
}

/*
 * Send until an answer comes.
 * Return: 0; -ETIMEDOUT; what the socket says
 */
static long ask(struct dhcp_exchange *exchange, const struct question *question, struct dhcp_lease *answer)
{
	long pause = FIRST_PAUSE, now, until, result;

	for (;;) {
		exchange->asked = net_milliseconds();
		/* Without a link, or buffers, it is as lost as on a network. */
		result = send_question(exchange, question);
		if (result == -ESHUTDOWN || result == -ENODEV || result == -EDEADLK)
			return result;
		now = net_milliseconds();
		if (now >= exchange->deadline)
			return -ETIMEDOUT;
		until = now + pause < exchange->deadline ? now + pause : exchange->deadline;
		pause *= 2;
		do {
			result = receive(exchange, until, answer);
			if (!result && question->answers(answer, question->lease))
				return 0;
		} while (!result);
		if (result != -EAGAIN)
			return result;
	}
}

/* A refused request begins anew: another client was faster. */
long dhcp_obtain(struct dhcp_exchange *exchange, struct dhcp_lease *lease)
{
	struct dhcp_lease offer;
	const struct question discover = { .type = DHCP_DISCOVER, .to = INADDR_BROADCAST, .answers = is_offer };
	const struct question request = {
		.type = DHCP_REQUEST, .to = INADDR_BROADCAST, .lease = &offer, .answers = is_decision
	};
	long result;

	do {
		result = ask(exchange, &discover, &offer);
		if (!result)
			result = ask(exchange, &request, lease);
	} while (!result && lease->type == DHCP_NAK);
	return result;
}

long dhcp_extend(struct dhcp_exchange *exchange, struct dhcp_lease *lease, bool anybody)
{
	const struct question request = {
		.type = DHCP_REQUEST,
		.to = anybody ? INADDR_BROADCAST : lease->server,
		.extend = true,
		.lease = lease,
		.answers = is_decision,
	};
	struct dhcp_lease answer;
	long result = ask(exchange, &request, &answer);

	if (!result && answer.type == DHCP_NAK)
		return -EADDRNOTAVAIL;
	if (result)
		return result;
	if (!answer.server)
		answer.server = lease->server;
	*lease = answer;
	return 0;
}

/* ---- what comes of it ---- */

static unsigned int mask_bits(const struct dhcp_lease *lease)
{
	uint32_t mask = ntohl(lease->mask), holes = ~mask;

	/* Not said, or none: that of the address's class is what the protocol means. */
	if (!mask || (holes & (holes + 1)))
		mask = IN_CLASSA(ntohl(lease->address))	  ? IN_CLASSA_NET
		       : IN_CLASSB(ntohl(lease->address)) ? IN_CLASSB_NET
							  : IN_CLASSC_NET;
	return (unsigned int)__builtin_popcount(mask);
}

static struct net_prefix address_of(const struct dhcp_lease *lease)
{
	struct net_prefix address = { .family = AF_INET, .size = 4, .bits = mask_bits(lease) };

	memcpy(address.bytes, &lease->address, 4);
	return address;
}

static struct net_prefix router_of(const struct dhcp_lease *lease)
{
	struct net_prefix router = { .family = AF_INET, .size = 4, .bits = 32 };

	memcpy(router.bytes, &lease->router, 4);
	return router;
}

static const struct net_prefix everything = { .family = AF_INET };

/*
 * First, since of two addresses of one network the kernel takes the later one for an annex of the other, which goes
 * with it. Either may be gone by now: with the lifetime, or by another's hand.
 */
static void drop_replaced(const struct net_plan *plan, const struct dhcp_lease *lease, const struct dhcp_lease *before)
{
	const struct net_prefix address = address_of(before), router = router_of(before);

	if (before->router && before->router != lease->router)
		net_drop_route(plan->kernel, &everything, &router, plan->index, RTPROT_DHCP);
	if (before->address && (before->address != lease->address || mask_bits(before) != mask_bits(lease)))
		net_drop_address(plan->kernel, plan->index, &address);
}

int dhcp_apply(const struct net_plan *plan, const struct dhcp_lease *lease, const struct dhcp_lease *before)
{
	const struct net_prefix address = address_of(lease), via = router_of(lease);
	int error;
	unsigned int i;

	drop_replaced(plan, lease, before);
	error = net_set_address(plan->kernel, plan->index, &address, NLM_F_REPLACE, lease->seconds);
	if (error)
		return net_fail(
			plan, error, "dhcp: the server gave %u.%u.%u.%u, which is no address for an interface: %s",
			address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3], strerror(-error));
	if (lease->router)
		error = net_set_route(plan->kernel, &everything, &via, plan->index, NLM_F_REPLACE, RTPROT_DHCP);
	if (error)
		return net_fail(plan, error,
				"dhcp: the server gave the router %u.%u.%u.%u, to which no route leads: %s",
				via.bytes[0], via.bytes[1], via.bytes[2], via.bytes[3], strerror(-error));
	net_drop_servers(plan->kernel, plan->name, NET_FROM_DHCP);
	for (i = 0; i < lease->server_count; i++)
		net_add_server(plan, NET_FROM_DHCP, AF_INET, &lease->servers[i]);
	return 0;
}

void dhcp_withdraw(const struct net_plan *plan, const struct dhcp_lease *lease)
{
	const struct dhcp_lease none = { 0 };

	drop_replaced(plan, &none, lease);
	net_drop_servers(plan->kernel, plan->name, NET_FROM_DHCP);
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

int dhcp_open(struct dhcp_exchange *exchange, const struct net_plan *plan)
{
	struct ifreq hardware = { 0 };
	long result = net_interface(plan->kernel, plan->name, SIOCGIFHWADDR, &hardware);

	*exchange = (struct dhcp_exchange){ .plan = plan };
	if (result || hardware.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return net_fail(plan, result ? (int)result : -EINVAL, "dhcp: it has no Ethernet address");
	memcpy(exchange->hardware, hardware.ifr_hwaddr.sa_data, sizeof(exchange->hardware));
	result = netlink_call(plan->kernel, SYS_getrandom, (long)&exchange->id, sizeof(exchange->id), 0, 0, 0);
	return result < 0 ? explain(plan, result) : open_socket(plan, &exchange->fd);
}

void dhcp_close(const struct dhcp_exchange *exchange)
{
	netlink_call(exchange->plan->kernel, SYS_close, exchange->fd, 0, 0, 0, 0);
}

/* Return: 0 or as reported */
static int obtain(const struct net_plan *plan, struct dhcp_lease *lease, long *since)
{
	struct dhcp_exchange exchange;
	long result = dhcp_open(&exchange, plan);

	if (result)
		return (int)result;
	exchange.deadline = net_milliseconds() + plan->seconds * 1000L;
	result = dhcp_obtain(&exchange, lease);
	dhcp_close(&exchange);
	*since = exchange.asked;
	return result ? explain(plan, result) : 0;
}

/* The lease that there is, if any, gives way to the new one, or goes on when there is none. */
int dhcp_configure(const struct net_plan *plan)
{
	struct net_plan silent = *plan;
	struct dhcp_lease lease, before;
	long since, since_before;
	int result;

	dhcp_take(plan, &before, &since_before);
	result = obtain(plan, &lease, &since);
	silent.error = NULL;
	if (result && before.address && dhcp_keep(&silent, &before, since_before))
		dhcp_withdraw(plan, &before); /* nobody would extend it */
	if (result)
		return result;
	result = dhcp_apply(plan, &lease, &before);
	if (!result)
		result = dhcp_keep(plan, &lease, since);
	if (result)
		dhcp_withdraw(plan, &lease);
	return result;
}
