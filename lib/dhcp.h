/* SPDX-License-Identifier: BSD-2-Clause */
/* DHCP: messages, conversations with servers, and leases that are kept. */
#ifndef LIB_DHCP_H
#define LIB_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net_configure.h"

enum { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };

/** struct dhcp_message - on the wire; what is before @options is from BOOTP */
struct dhcp_message {
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

_Static_assert(sizeof(struct dhcp_message) == 552, "as on the wire");

/**
 * struct dhcp_lease - what a server says; addresses in network order, 0: not said
 * @type:    of its message
 * @seconds: that the address may be used; UINT32_MAX: for ever
 * @renewal, @rebinding: seconds until the server is asked to extend it, and then any server
 * @servers: name servers
 */
struct dhcp_lease {
	uint8_t type;
	uint32_t address, mask, router, server;
	uint32_t seconds, renewal, rebinding;
	uint32_t servers[NET_ADDRESSES_MAX];
	unsigned int server_count;
};

/**
 * struct dhcp_exchange - a conversation
 * @fd:       a socket of the kernel's
 * @deadline: when to give up, by net_milliseconds()
 * @asked:    when the last message was sent; leases begin then
 * @stop:     give up when this is set, by another thread; NULL: nobody does
 * @hardware: address of the interface
 */
struct dhcp_exchange {
	const struct net_plan *plan;
	int fd;
	long deadline, asked;
	const bool *stop;
	uint32_t id;
	uint8_t hardware[6];
};

/**
 * dhcp_message_fill() - a message of a client
 * @lease:  that is asked for; NULL: any
 * @extend: the client has it and uses its address
 */
void dhcp_message_fill(struct dhcp_message *message, const struct dhcp_exchange *exchange, uint8_t type,
		       const struct dhcp_lease *lease, bool extend);

/** dhcp_message_read() - what a server says, with what it left out made up. Return: it answers this conversation */
bool dhcp_message_read(const struct dhcp_message *message, size_t size, const struct dhcp_exchange *exchange,
		       struct dhcp_lease *lease);

/** dhcp_open() - begin a conversation about an interface that is up. Return: 0 or as reported */
int dhcp_open(struct dhcp_exchange *exchange, const struct net_plan *plan);
/** dhcp_close() - and end it */
void dhcp_close(const struct dhcp_exchange *exchange);

/** dhcp_obtain() - get a lease, from whatever server. Return: 0, -ETIMEDOUT, what the socket says */
long dhcp_obtain(struct dhcp_exchange *exchange, struct dhcp_lease *lease);

/**
 * dhcp_extend() - ask for more time, until the deadline
 * @anybody: all servers are asked, not the one that gave it
 * @lease:   in and out; as it was when this fails
 * Return: 0; -EADDRNOTAVAIL: the address is to be given up; as dhcp_obtain()
 */
long dhcp_extend(struct dhcp_exchange *exchange, struct dhcp_lease *lease, bool anybody);

/**
 * dhcp_apply() - let the interface have what a server gave
 * @before: what it has by the lease that this one replaces, whose address goes when it is another one
 * Return: 0 or as reported
 */
int dhcp_apply(const struct net_plan *plan, const struct dhcp_lease *lease, const struct dhcp_lease *before);
/** dhcp_withdraw() - take the address, its route and its name servers away */
void dhcp_withdraw(const struct net_plan *plan, const struct dhcp_lease *lease);

/**
 * dhcp_keep() - extend a lease from now on, on a thread of its own if it ends; that ends with the interface, the kernel,
 * or by dhcp_take()
 * @since: when it was asked for, by net_milliseconds()
 * Return: 0 or as reported
 */
int dhcp_keep(const struct net_plan *plan, const struct dhcp_lease *lease, long since);

/**
 * dhcp_take() - keep the lease of an interface no longer, and leave what it has by it as it is
 * @lease: out: the lease; its address is 0 when there is none
 * @since: out: when it was asked for
 */
void dhcp_take(const struct net_plan *plan, struct dhcp_lease *lease, long *since);

#endif
