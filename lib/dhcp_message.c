// SPDX-License-Identifier: BSD-2-Clause
/* Messages of DHCP (RFC 2131, 2132): what a client sends, what servers say */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <string.h>

#include "dhcp.h"

#define MAGIC 0x63825363U
#define BROADCAST_FLAG 0x8000

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
	OPTION_RENEWAL = 58,
	OPTION_REBINDING = 59,
	OPTION_END = 255,
};

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *data, uint8_t size)
{
	*at++ = code;
	*at++ = size;
	memcpy(at, data, size);
	return at + size;
}

void dhcp_message_fill(struct dhcp_message *message, const struct dhcp_exchange *exchange, uint8_t type,
		       const struct dhcp_lease *lease, bool extend)
{
	static const uint8_t wanted[] = { OPTION_MASK,	OPTION_ROUTER,	OPTION_SERVERS,
					  OPTION_LEASE, OPTION_RENEWAL, OPTION_REBINDING };
	const uint16_t max_size = htons(sizeof(*message) + 28); /* with the headers of IP and UDP */
	uint8_t *at = message->options;

	*message = (struct dhcp_message){
		.operation = 1,
		.hardware = ARPHRD_ETHER,
		.hardware_length = sizeof(exchange->hardware),
		.id = exchange->id,
		.flags = extend ? 0 : htons(BROADCAST_FLAG), /* there is no address yet to answer to */
		.client = extend ? lease->address : 0,
		.magic = htonl(MAGIC),
	};
	memcpy(message->address, exchange->hardware, sizeof(exchange->hardware));
	at = put_option(at, OPTION_TYPE, &type, 1);
	at = put_option(at, OPTION_WANTED, wanted, sizeof(wanted));
	at = put_option(at, OPTION_MAX_SIZE, &max_size, sizeof(max_size));
	if (lease && !extend) {
		at = put_option(at, OPTION_ADDRESS, &lease->address, 4);
		at = put_option(at, OPTION_SERVER, &lease->server, 4);
	}
	*at = OPTION_END;
}

static uint32_t get_seconds(const uint8_t *data)
{
	uint32_t seconds;

	memcpy(&seconds, data, sizeof(seconds));
	return ntohl(seconds);
}

static void take_option(struct dhcp_lease *lease, uint8_t code, const uint8_t *data, size_t size)
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
		if (size == 4)
			lease->seconds = get_seconds(data);
		break;
	case OPTION_RENEWAL:
		if (size == 4)
			lease->renewal = get_seconds(data);
		break;
	case OPTION_REBINDING:
		if (size == 4)
			lease->rebinding = get_seconds(data);
		break;
	case OPTION_SERVERS:
		for (; size >= 4 && lease->server_count < NET_ADDRESSES_MAX; size -= 4, data += 4)
			memcpy(&lease->servers[lease->server_count++], data, 4);
		break;
	}
}

/* Return: what option 52 says of @file and @server_name: bits 1 and 2 for those that hold options, too */
static unsigned int take_options(struct dhcp_lease *lease, const uint8_t *at, size_t size)
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

/* Without times, or with times that are none, a half and seven eighths are what the protocol means. */
static void complete(struct dhcp_lease *lease)
{
	if (!lease->seconds)
		lease->seconds = UINT32_MAX;
	if (!lease->rebinding || lease->rebinding >= lease->seconds)
		lease->rebinding = lease->seconds - lease->seconds / 8;
	if (!lease->renewal || lease->renewal >= lease->rebinding)
		lease->renewal = lease->seconds / 2 < lease->rebinding ? lease->seconds / 2 : lease->rebinding;
}

bool dhcp_message_read(const struct dhcp_message *message, size_t size, const struct dhcp_exchange *exchange,
		       struct dhcp_lease *lease)
{
	unsigned int overload;

	if (size < offsetof(struct dhcp_message, options) || message->operation != 2 || message->id != exchange->id ||
	    message->magic != htonl(MAGIC) ||
	    memcmp(message->address, exchange->hardware, sizeof(exchange->hardware)) != 0)
		return false;
	*lease = (struct dhcp_lease){ .address = message->yours };
	overload = take_options(lease, message->options, size - offsetof(struct dhcp_message, options));
	if (overload & 1)
		take_options(lease, message->file, sizeof(message->file));
	if (overload & 2)
		take_options(lease, message->server_name, sizeof(message->server_name));
	complete(lease);
	return true;
}
