// SPDX-License-Identifier: BSD-2-Clause
/* Netlink messages to a node */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <rumpus/syscalls.h>

#include "message.h"
#include "../tap.h"

void message_add(struct message *message, const void *data, size_t size)
{
	size_t room = (size + 3) & ~(size_t)3;

	if (message->size + room > sizeof(message->bytes))
		tap_abort("a message of more than %zu bytes", sizeof(message->bytes));
	memset((char *)message->bytes + message->size, 0, room);
	memcpy((char *)message->bytes + message->size, data, size);
	message->size += room;
	message->last->nlmsg_len = (uint32_t)((char *)message->bytes + message->size - (char *)message->last);
}

void message_next(struct message *message, uint16_t type, uint16_t flags, const void *body, size_t size)
{
	const struct nlmsghdr header = { .nlmsg_type = type,
					 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
					 .nlmsg_seq = (uint32_t)message->size };

	message->last = (struct nlmsghdr *)((char *)message->bytes + message->size);
	if (flags & NLM_F_ACK)
		message->awaited = message->last;
	message_add(message, &header, sizeof(header));
	message_add(message, body, size);
}

void message_begin(struct message *message, uint16_t type, uint16_t flags, const void *body, size_t size)
{
	message->size = 0;
	message->awaited = NULL;
	message_next(message, type, flags, body, size);
}

void message_put(struct message *message, uint16_t type, const void *data, size_t size)
{
	const struct nlattr attribute = { .nla_type = type, .nla_len = (uint16_t)(sizeof(attribute) + size) };

	message_add(message, &attribute, sizeof(attribute));
	message_add(message, data, size);
}

void message_put_text(struct message *message, uint16_t type, const char *text)
{
	message_put(message, type, text, strlen(text) + 1);
}

void message_put_u8(struct message *message, uint16_t type, uint8_t value)
{
	message_put(message, type, &value, sizeof(value));
}

void message_put_u16(struct message *message, uint16_t type, uint16_t value)
{
	message_put(message, type, &value, sizeof(value));
}

void message_put_u32(struct message *message, uint16_t type, uint32_t value)
{
	message_put(message, type, &value, sizeof(value));
}

size_t message_open(struct message *message, uint16_t type)
{
	size_t at = message->size;

	message_put(message, type | NLA_F_NESTED, "", 0);
	return at;
}

void message_close(struct message *message, size_t open)
{
	((struct nlattr *)((char *)message->bytes + open))->nla_len = (uint16_t)(message->size - open);
}

static long open_socket(struct node *node, int protocol)
{
	const struct timeval patience = { .tv_sec = 30 };
	long fd = node_socket(node, AF_NETLINK, SOCK_RAW, protocol);

	if (fd < 0)
		tap_abort("%s: netlink socket %d: %s", node->name, protocol, strerror((int)-fd));
	node_settimeout(node, fd, &patience);
	return fd;
}

/* What the kernel says to the messages from @message on, one of which may be that of @last. Return: as message_send()
 */
static int take_words(const struct nlmsghdr *answer, long len, uint32_t last, bool *complete)
{
	int result = 0;

	for (; NLMSG_OK(answer, (unsigned int)len); answer = NLMSG_NEXT(answer, len)) {
		if (answer->nlmsg_type == NLMSG_ERROR && !result)
			result = ((const struct nlmsgerr *)NLMSG_DATA(answer))->error;
		*complete |= answer->nlmsg_type == NLMSG_ERROR && answer->nlmsg_seq == last;
	}
	return result;
}

int message_send(struct node *node, int protocol, struct message *message)
{
	long fd = open_socket(node, protocol), len;
	uint32_t answer[2048];
	bool complete = false;
	int result;

	if (!message->awaited)
		message->awaited = message->last;
	message->awaited->nlmsg_flags |= NLM_F_ACK;
	len = node_write(node, fd, message->bytes, message->size);
	result = len < 0 ? (int)len : 0;
	while (!complete && !result) {
		len = node_recv(node, fd, answer, sizeof(answer));
		result = len < 0 ? (int)len
				 : take_words((struct nlmsghdr *)answer, len, message->awaited->nlmsg_seq, &complete);
	}
	node_close(node, fd);
	return result;
}

int message_ask(struct node *node, int protocol, struct message *message)
{
	long fd = open_socket(node, protocol), len = node_write(node, fd, message->bytes, message->size);

	if (len >= 0)
		len = node_recv(node, fd, message->bytes, sizeof(message->bytes));
	node_close(node, fd);
	if (len < 0)
		return (int)len;
	message->last = (struct nlmsghdr *)message->bytes;
	message->size = message->last->nlmsg_len;
	return message->last->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(message->last))->error : 0;
}

const void *message_find(const struct message *message, size_t body, uint16_t type, size_t *size)
{
	size_t at = NLMSG_LENGTH(NLMSG_ALIGN(body));

	while (at + sizeof(struct nlattr) <= message->size) {
		const struct nlattr *attribute = (const void *)((const char *)message->bytes + at);

		if ((attribute->nla_type & NLA_TYPE_MASK) == type) {
			*size = attribute->nla_len - sizeof(*attribute);
			return attribute + 1;
		}
		at += NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}

int node_index(struct node *node, const char *name)
{
	struct ifinfomsg body = { .ifi_family = AF_UNSPEC };
	struct message message;

	message_begin(&message, RTM_GETLINK, 0, &body, sizeof(body));
	message_put_text(&message, IFLA_IFNAME, name);
	if (message_ask(node, NETLINK_ROUTE, &message))
		return 0;
	return ((struct ifinfomsg *)NLMSG_DATA(message.last))->ifi_index;
}

/* The two attributes that link_end() closes are the last two opened. */
static size_t open_info, open_data;

void link_begin(struct message *message, struct node *node, const char *name, const char *kind, const char *lower)
{
	const struct ifinfomsg body = { .ifi_family = AF_UNSPEC };

	message_begin(message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	message_put_text(message, IFLA_IFNAME, name);
	if (lower)
		message_put_u32(message, IFLA_LINK, (uint32_t)node_index(node, lower));
	open_info = message_open(message, IFLA_LINKINFO);
	message_put_text(message, IFLA_INFO_KIND, kind);
	open_data = message_open(message, IFLA_INFO_DATA);
}

int link_end(struct message *message, struct node *node)
{
	message_close(message, open_data);
	message_close(message, open_info);
	return message_send(node, NETLINK_ROUTE, message);
}

int link_add(struct node *node, const char *name, const char *kind, const char *lower)
{
	struct message message;

	link_begin(&message, node, name, kind, lower);
	return link_end(&message, node);
}

int link_set_master(struct node *node, const char *name, const char *master)
{
	const struct ifinfomsg body = { .ifi_index = node_index(node, name) };
	struct message message;

	message_begin(&message, RTM_NEWLINK, 0, &body, sizeof(body));
	message_put_u32(&message, IFLA_MASTER, (uint32_t)node_index(node, master));
	return message_send(node, NETLINK_ROUTE, &message);
}

int link_delete(struct node *node, const char *name)
{
	const struct ifinfomsg body = { .ifi_index = node_index(node, name) };
	struct message message;

	message_begin(&message, RTM_DELLINK, 0, &body, sizeof(body));
	return message_send(node, NETLINK_ROUTE, &message);
}

uint16_t family_of(struct node *node, const char *name)
{
	const struct genlmsghdr body = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	struct message message;
	const uint16_t *number;
	size_t size;
	int error;

	message_begin(&message, GENL_ID_CTRL, 0, &body, sizeof(body));
	message_put_text(&message, CTRL_ATTR_FAMILY_NAME, name);
	error = message_ask(node, NETLINK_GENERIC, &message);
	number = error ? NULL : message_find(&message, sizeof(body), CTRL_ATTR_FAMILY_ID, &size);
	if (!number)
		tap_abort("%s: no family %s: %s", node->name, name, strerror(-error));
	return *number;
}

void node_enter(struct node *node)
{
	rumpus_process_enter(rumpus_process_first(node->kernel));
	if (!rumpus_sys_faccessat(AT_FDCWD, "/proc/self", F_OK))
		return; /* another procfs would hide what is mounted in this one */
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0755);
	rumpus_sys_mkdirat(AT_FDCWD, "/sys", 0755);
	rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	rumpus_sys_mount("sysfs", "/sys", "sysfs", 0, NULL);
}

int node_put(struct node *node, const char *path, const char *text)
{
	long fd, len;

	node_enter(node);
	fd = rumpus_sys_openat(AT_FDCWD, path, O_WRONLY, 0);
	if (fd < 0)
		return (int)fd;
	len = rumpus_sys_write((int)fd, text, strlen(text));
	rumpus_sys_close((int)fd);
	return len < 0 ? (int)len : 0;
}

const char *node_get(struct node *node, const char *path, char *text, size_t size)
{
	long fd, len;

	node_enter(node);
	fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);
	len = fd < 0 ? fd : rumpus_sys_read((int)fd, text, size - 1);
	if (fd >= 0)
		rumpus_sys_close((int)fd);
	if (len < 0)
		tap_abort("%s: %s: %s", node->name, path, strerror((int)-len));
	text[len && text[len - 1] == '\n' ? len - 1 : len] = '\0';
	return text;
}
