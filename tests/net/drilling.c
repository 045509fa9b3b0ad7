// SPDX-License-Identifier: BSD-2-Clause
/* Connections between a kernel and a scripted peer, for tests of the kernel's TCP */
#include <errno.h>
#include <stdio.h>

#include "../tap.h"
#include "drilling.h"

#define DEVICE "pair,offload=0,mtu=1500,mac=02-00-00-00-00-"
#define END ":script"

void drill_begin(struct drill *drill, const char *family)
{
	char address[64];

	*drill = (struct drill){ .port = 5000, .family = script_family_of(family) };
	snprintf(address, sizeof(address), "%s%s", drill->family->kernel, drill->family->prefix);
	node_boot(&drill->kernel, "kernel", 1);
	node_link(&drill->kernel, DEVICE "01" END, address);
	script_open(&drill->peer, DEVICE "02" END, drill->family);
	/* Only then does IPv6 use its addresses. */
	if (!node_wait_carrier(&drill->kernel, true) || !script_ask_neighbour(&drill->peer))
		tap_abort("the kernel does not answer");
}

void drill_end(struct drill *drill)
{
	node_halt(&drill->kernel);
	script_close(&drill->peer);
}

long drill_connect(struct drill *drill)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill->family->peer, ++drill->port);
	long fd = node_socket(&drill->kernel, drill->family->number, SOCK_STREAM | SOCK_NONBLOCK, 0);

	script_connection(&drill->peer, drill->port, 0);
	tap_is(node_connect(&drill->kernel, fd, (struct sockaddr *)&to, len), -EINPROGRESS, "connect begins");
	tap_ok(script_await(&drill->peer, SEGMENT(.flags = SYN), NULL), "SYN");
	return fd;
}

long drill_connected(struct drill *drill, const struct segment *options)
{
	struct segment answer = *options;
	long fd = drill_connect(drill);

	answer.flags = SYN | ACK;
	answer.ack = 1;
	script_send(&drill->peer, &answer);
	tap_ok(script_await(&drill->peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1), NULL), "ACK");
	return fd;
}

long drill_accepted(struct drill *drill, const struct segment *options, struct segment *got)
{
	struct segment first = *options;
	long listener, fd;

	listener = node_listen_at(&drill->kernel, drill->family->kernel, ++drill->port);
	script_connection(&drill->peer, (uint16_t)(drill->port + 20000), drill->port);
	first.flags = SYN;
	script_send(&drill->peer, &first);
	if (!tap_ok(script_await(&drill->peer, SEGMENT(.flags = SYN | ACK, .ack = 1), got), "SYN+ACK"))
		tap_abort("there is nothing to accept");
	script_send(&drill->peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1));
	fd = node_accept(&drill->kernel, listener);
	tap_ok(fd >= 0, "accept");
	node_close(&drill->kernel, listener);
	return fd;
}
