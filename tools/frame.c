// SPDX-License-Identifier: BSD-2-Clause
/* What a frame of a capture is, in a line: Ethernet with ARP, IPv4, IPv6, and on them ICMP, IGMP, UDP and TCP */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"

#define TYPE_IPV4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_VLAN 0x8100
#define TYPE_IPV6 0x86dd

#define PORT_DHCP_SERVER 67
#define PORT_DHCP_CLIENT 68

/**
 * struct view - what is left of a frame to look at
 * @at, @left: bytes
 * @text, @room: what is said about it goes here
 * @from, @to: addresses, once they are known
 */
struct view {
	const unsigned char *at;
	size_t left;
	char *text;
	size_t room;
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
};

static void say(struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct view *view, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(view->text, view->room, format, args);
	va_end(args);
	if (len > 0) {
		size_t used = (size_t)len < view->room ? (size_t)len : view->room - 1;

		view->text += used;
		view->room -= used;
	}
}

static unsigned int word(const unsigned char *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static void skip(struct view *view, size_t size)
{
	view->at += size;
	view->left -= size;
}

static enum capture_kind short_frame(struct view *view, const char *what)
{
	say(view, "%s, cut off", what);
	return CAPTURE_OTHER;
}

/* ---- TCP ---- */

static void say_sacks(struct view *view, unsigned int size)
{
	say(view, ", sack %u", (size - 2) / 8);
}

static void say_tcp_options(struct view *view, const unsigned char *at, size_t left)
{
	while (left && *at) {
		unsigned int size = *at == 1 ? 1 : left > 1 ? at[1] : 0;

		if (!size || size > left || (*at != 1 && size < 2))
			return;
		if (*at == 2 && size == 4)
			say(view, ", mss %u", word(at + 2));
		else if (*at == 3 && size == 3)
			say(view, ", wscale %u", at[2]);
		else if (*at == 4)
			say(view, ", sackOK");
		else if (*at == 5)
			say_sacks(view, size);
		else if (*at == 30 && size >= 3)
			say(view, ", mptcp %u", at[2] >> 4);
		at += size;
		left -= size;
	}
}

static enum capture_kind describe_tcp(struct view *view, size_t payload)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };
	size_t header;
	const char *before = " ";
	unsigned int i;

	if (view->left < 20)
		return short_frame(view, "TCP");
	header = (size_t)(view->at[12] >> 4) * 4;
	say(view, "TCP %s:%u > %s:%u", view->from, word(view->at), view->to, word(view->at + 2));
	for (i = 0; i < 8; i++)
		if (view->at[13] & 1U << i) {
			say(view, "%s%s", before, names[i]);
			before = "+";
		}
	say(view, ", %zu bytes", payload > header ? payload - header : 0);
	if (header >= 20 && header <= view->left)
		say_tcp_options(view, view->at + 20, header - 20);
	return CAPTURE_TCP;
}

/* ---- UDP ---- */

static const char *dhcp_type(const struct view *view)
{
	static const char *const names[] = { "",	 " discover", " offer", " request",
					     " decline", " ack",      " nak",	" release" };
	/* Behind the header of UDP: BOOTP, four bytes of magic, options */
	size_t at = 8 + 236 + 4;

	while (at + 2 < view->left && view->at[at] != 255) {
		if (view->at[at] == 53)
			return view->at[at + 2] < sizeof(names) / sizeof(names[0]) ? names[view->at[at + 2]] : "";
		at += view->at[at] ? 2U + view->at[at + 1] : 1;
	}
	return "";
}

static enum capture_kind describe_udp(struct view *view)
{
	unsigned int from, to;

	if (view->left < 8)
		return short_frame(view, "UDP");
	from = word(view->at);
	to = word(view->at + 2);
	if ((from == PORT_DHCP_CLIENT && to == PORT_DHCP_SERVER) ||
	    (from == PORT_DHCP_SERVER && to == PORT_DHCP_CLIENT)) {
		say(view, "DHCP%s %s > %s", dhcp_type(view), view->from, view->to);
		return CAPTURE_DHCP;
	}
	say(view, "UDP %s:%u > %s:%u, %u bytes", view->from, from, view->to, to, word(view->at + 4) - 8);
	return CAPTURE_UDP;
}

/* ---- ICMP, IGMP ---- */

static enum capture_kind describe_icmp(struct view *view)
{
	if (view->left < 8)
		return short_frame(view, "ICMP");
	say(view, "ICMP %s > %s", view->from, view->to);
	if (view->at[0] == 3 && view->at[1] == 4)
		say(view, " fragmentation needed, mtu %u", word(view->at + 6));
	else if (view->at[0] == 3)
		say(view, " unreachable, code %u", view->at[1]);
	else if (view->at[0] == 8 || view->at[0] == 0)
		say(view, " echo %s", view->at[0] ? "request" : "reply");
	else
		say(view, " type %u", view->at[0]);
	return CAPTURE_ICMP;
}

static enum capture_kind describe_icmpv6(struct view *view)
{
	static const struct {
		unsigned char type;
		const char *name;
	} names[] = {
		{ 2, "packet too big" },
		{ 128, "echo request" },
		{ 129, "echo reply" },
		{ 130, "listener query" },
		{ 131, "listener report" },
		{ 132, "listener done" },
		{ 133, "router solicitation" },
		{ 134, "router advertisement" },
		{ 135, "neighbour solicitation" },
		{ 136, "neighbour advertisement" },
		{ 143, "listener report 2" },
	};
	unsigned int i;

	if (view->left < 8)
		return short_frame(view, "ICMPv6");
	say(view, "ICMPv6 %s > %s", view->from, view->to);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == view->at[0]) {
			say(view, " %s", names[i].name);
			if (view->at[0] == 2)
				say(view, ", mtu %u", word(view->at + 6));
			return CAPTURE_ICMPV6;
		}
	say(view, " type %u", view->at[0]);
	return CAPTURE_ICMPV6;
}

static enum capture_kind describe_igmp(struct view *view)
{
	char group[INET_ADDRSTRLEN] = "";

	if (view->left < 8)
		return short_frame(view, "IGMP");
	/* Version 3 has the group in its first record. */
	if (view->at[0] == 0x22 && view->left >= 16)
		inet_ntop(AF_INET, view->at + 12, group, sizeof(group));
	else
		inet_ntop(AF_INET, view->at + 4, group, sizeof(group));
	say(view, "IGMP %s > %s %s %s", view->from, view->to,
	    view->at[0] == 0x11	  ? "query"
	    : view->at[0] == 0x17 ? "leave"
				  : "report",
	    group);
	return CAPTURE_IGMP;
}

/* ---- IP ---- */

static enum capture_kind describe_payload(struct view *view, unsigned int protocol, size_t payload)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return describe_tcp(view, payload);
	case IPPROTO_UDP:
		return describe_udp(view);
	case IPPROTO_ICMP:
		return describe_icmp(view);
	case IPPROTO_ICMPV6:
		return describe_icmpv6(view);
	case IPPROTO_IGMP:
		return describe_igmp(view);
	}
	say(view, "IP protocol %u %s > %s", protocol, view->from, view->to);
	return CAPTURE_OTHER;
}

static enum capture_kind describe_ipv4(struct view *view)
{
	size_t header, length;
	unsigned int protocol, offset;

	if (view->left < 20)
		return short_frame(view, "IPv4");
	header = (size_t)(view->at[0] & 15) * 4;
	length = word(view->at + 2);
	offset = word(view->at + 6);
	protocol = view->at[9];
	inet_ntop(AF_INET, view->at + 12, view->from, sizeof(view->from));
	inet_ntop(AF_INET, view->at + 16, view->to, sizeof(view->to));
	if (header < 20 || header > view->left)
		return short_frame(view, "IPv4");
	if (offset & 0x3fff) {
		say(view, "fragment at %u of IP protocol %u %s > %s, %zu bytes", (offset & 0x1fff) * 8, protocol,
		    view->from, view->to, length - header);
		return CAPTURE_OTHER;
	}
	skip(view, header);
	return describe_payload(view, protocol, length > header ? length - header : 0);
}

static enum capture_kind describe_ipv6(struct view *view)
{
	size_t length;
	unsigned int protocol;

	if (view->left < 40)
		return short_frame(view, "IPv6");
	length = word(view->at + 4);
	protocol = view->at[6];
	inet_ntop(AF_INET6, view->at + 8, view->from, sizeof(view->from));
	inet_ntop(AF_INET6, view->at + 24, view->to, sizeof(view->to));
	skip(view, 40);
	/* Reports of listeners come behind an option for routers. */
	if (protocol == IPPROTO_HOPOPTS && view->left >= 8 && view->left >= 8U + view->at[1] * 8U) {
		size_t options = 8U + view->at[1] * 8U;

		protocol = view->at[0];
		length -= options < length ? options : length;
		skip(view, options);
	}
	if (protocol == IPPROTO_FRAGMENT && view->left >= 8) {
		say(view, "fragment at %u of IP protocol %u %s > %s, %zu bytes", word(view->at + 2) & 0xfff8U,
		    view->at[0], view->from, view->to, length);
		return CAPTURE_OTHER;
	}
	return describe_payload(view, protocol, length);
}

static enum capture_kind describe_arp(struct view *view)
{
	if (view->left < 28)
		return short_frame(view, "ARP");
	inet_ntop(AF_INET, view->at + 14, view->from, sizeof(view->from));
	inet_ntop(AF_INET, view->at + 24, view->to, sizeof(view->to));
	if (word(view->at + 6) == 1)
		say(view, "ARP %s asks for %s", view->from, view->to);
	else
		say(view, "ARP %s tells %s", view->from, view->to);
	return CAPTURE_ARP;
}

enum capture_kind frame_describe(const struct capture_frame *frame, char *text, size_t size)
{
	struct view view = { .at = frame->bytes, .left = frame->captured, .text = text, .room = size };
	unsigned int type;

	*text = '\0';
	if (view.left < 14)
		return short_frame(&view, "frame");
	type = word(view.at + 12);
	skip(&view, 14);
	while (type == TYPE_VLAN && view.left >= 4) {
		say(&view, "VLAN %u ", word(view.at) & 0xfff);
		type = word(view.at + 2);
		skip(&view, 4);
	}
	switch (type) {
	case TYPE_IPV4:
		return describe_ipv4(&view);
	case TYPE_IPV6:
		return describe_ipv6(&view);
	case TYPE_ARP:
		return describe_arp(&view);
	}
	say(&view, "Ethernet type %04x, %zu bytes", type, frame->length);
	return CAPTURE_OTHER;
}

const char *capture_kind_name(enum capture_kind kind)
{
	static const char *const names[CAPTURE_KINDS] = {
		[CAPTURE_ARP] = "ARP",	 [CAPTURE_DHCP] = "DHCP",   [CAPTURE_TCP] = "TCP",
		[CAPTURE_UDP] = "UDP",	 [CAPTURE_ICMP] = "ICMP",   [CAPTURE_ICMPV6] = "ICMPv6",
		[CAPTURE_IGMP] = "IGMP", [CAPTURE_OTHER] = "other",
	};

	return names[kind];
}
