/* SPDX-License-Identifier: BSD-2-Clause */
/* Netlink messages to a node: links, filters, queueing disciplines, generic families */
#ifndef TESTS_NET_MESSAGE_H
#define TESTS_NET_MESSAGE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "node.h"

/**
 * struct message - a netlink message that grows at its end, or several in a row; 16 KiB
 * @last:    the one that grows
 * @awaited: the last one with NLM_F_ACK; NULL: none, then @last will be
 */
struct message {
	struct nlmsghdr *last, *awaited;
	size_t size;
	uint32_t bytes[4096];
};

/** message_begin() - forget what was there, begin with a message of @type, whose own struct is @body */
void message_begin(struct message *message, uint16_t type, uint16_t flags, const void *body, size_t size);
/** message_next() - one more message behind the others */
void message_next(struct message *message, uint16_t type, uint16_t flags, const void *body, size_t size);

/** message_add() - bytes as they are: a struct that attributes follow */
void message_add(struct message *message, const void *data, size_t size);

/* An attribute more */
void message_put(struct message *message, uint16_t type, const void *data, size_t size);
void message_put_text(struct message *message, uint16_t type, const char *text);
void message_put_u8(struct message *message, uint16_t type, uint8_t value);
void message_put_u16(struct message *message, uint16_t type, uint16_t value);
void message_put_u32(struct message *message, uint16_t type, uint32_t value);

/** message_open() - attributes within one begin. Return: for message_close() */
size_t message_open(struct message *message, uint16_t type);
void message_close(struct message *message, size_t open);

/** message_send() - to a node's @protocol (NETLINK_ROUTE); waits for the word on each. Return: 0, or the first error */
int message_send(struct node *node, int protocol, struct message *message);

/** message_ask() - the same for one that is answered by data: the first answer replaces it. Return: 0 or an error */
int message_ask(struct node *node, int protocol, struct message *message);

/** message_find() - an attribute of the message, whose own struct has @body bytes. Return: NULL without it */
const void *message_find(const struct message *message, size_t body, uint16_t type, size_t *size);

/** node_index() - of an interface; 0: there is none */
int node_index(struct node *node, const char *name);

/**
 * link_begin(), link_end() - a new interface: between the two, attributes of its kind may be put into the message
 * @lower: what it stands on, NULL: nothing
 * Return: of link_end(): 0 or an error
 */
void link_begin(struct message *message, struct node *node, const char *name, const char *kind, const char *lower);
int link_end(struct message *message, struct node *node);

/** link_add() - one that needs no more attributes than its kind and what it stands on */
int link_add(struct node *node, const char *name, const char *kind, const char *lower);

/** link_set_master() - make it a port of a bridge */
int link_set_master(struct node *node, const char *name, const char *master);

/** link_delete() */
int link_delete(struct node *node, const char *name);

/** family_of() - number of a generic netlink family, loaded if need be; ends the test without it */
uint16_t family_of(struct node *node, const char *name);

/** node_enter() - the node's process becomes that of the calling thread, with proc and sysfs mounted */
void node_enter(struct node *node);

/** node_put() - write a file of the node's /proc or /sys. Return: 0 or an error */
int node_put(struct node *node, const char *path, const char *text);

/** node_get() - read one, without the end of its last line; ends the test when that cannot be */
const char *node_get(struct node *node, const char *path, char *text, size_t size);

#endif
