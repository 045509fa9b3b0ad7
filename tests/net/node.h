/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernels with a network, and the host, as nodes that tests have sockets at: the same calls for both */
#ifndef TESTS_NET_NODE_H
#define TESTS_NET_NODE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <rumpus/rumpus.h>

/**
 * struct node - a kernel, or the host when @kernel is NULL
 * @name:   for messages
 * @device: the interface that node_link() added
 */
struct node {
	struct rumpus *kernel;
	const char *name;
	char device[32];
};

extern struct node node_host;

/** node_boot() - boot the image with a network, or that of the set RUMPUS_TEST_SET; ends the test when that fails */
void node_boot(struct node *node, const char *name, unsigned int cpus);

/** node_boot_set() - the same for the image of a component set */
void node_boot_set(struct node *node, const char *name, const char *set, unsigned int cpus);

/** node_halt() - the reverse */
void node_halt(struct node *node);

/**
 * node_link() - add a device, give it up to two addresses, and start it; ends the test when that fails
 * @spec:      of the device
 * @addresses: with the bits of their networks, each followed by a blank but the last
 */
void node_link(struct node *node, const char *spec, const char *addresses);

/** node_wait_carrier() - wait until the interface has the link that is given; false after 30 seconds */
bool node_wait_carrier(struct node *node, bool up);

/* System calls at a node, with the results of the kernel's: 0 or more, or a negative errno */
long node_socket(struct node *node, int family, int type, int protocol);
long node_bind(struct node *node, long fd, const struct sockaddr *address, socklen_t size);
long node_listen(struct node *node, long fd, int backlog);
long node_accept(struct node *node, long fd);
long node_connect(struct node *node, long fd, const struct sockaddr *address, socklen_t size);
long node_setsockopt(struct node *node, long fd, int level, int name, int value);
long node_getsockopt(struct node *node, long fd, int level, int name, void *value, socklen_t *size);
long node_read(struct node *node, long fd, void *buf, size_t size);
long node_write(struct node *node, long fd, const void *buf, size_t size);
long node_sendto(struct node *node, long fd, const void *buf, size_t size, const struct sockaddr *to, socklen_t len);
long node_recv(struct node *node, long fd, void *buf, size_t size);
long node_recv_now(struct node *node, long fd, void *buf, size_t size); /* without waiting */
long node_settimeout(struct node *node, long fd, const struct timeval *patience);
long node_peer(struct node *node, long fd, struct sockaddr_in *peer);
long node_close(struct node *node, long fd);

/** address_of() - "10.0.0.1" or "fd00::1" with a port. Return: its size */
socklen_t address_of(struct sockaddr_storage *address, const char *text, uint16_t port);

/** node_listen_at() - a listening socket; ends the test when that fails */
long node_listen_at(struct node *node, const char *address, uint16_t port);

/** node_connect_to() - a connected socket, or a negative errno */
long node_connect_to(struct node *node, const char *address, uint16_t port);

/**
 * struct receiver - one side of a TCP transfer, on a thread of its own
 * @node, @listener: where
 * @bytes:   that are expected, then the end; of pattern 1
 * @wrong:   bytes from here on differ, or an error; -1: none
 */
struct receiver {
	struct node *node;
	long listener;
	uint64_t bytes;
	int64_t wrong;
	pthread_t thread;
};

/** receiver_start() - listen at any address of the family of @address, and compare what one connection brings */
void receiver_start(struct receiver *receiver, struct node *to, const char *address, uint16_t port, uint64_t bytes);
/** receiver_serve() - the same at a listening socket, which receiver_end() closes */
void receiver_serve(struct receiver *receiver, struct node *to, long listener, uint64_t bytes);
/** receiver_end() - wait for the end of the connection. Return: was all right? */
bool receiver_end(struct receiver *receiver);

/**
 * node_transfer() - a TCP connection from one node to another, with bytes that the receiver compares
 * @address: of @to, as @from sees it
 * @bytes:   how many
 * Return: milliseconds, or -1 when something was wrong, which was noted
 */
long node_transfer(struct node *from, struct node *to, const char *address, uint16_t port, uint64_t bytes);

/** node_send_pattern() - write so many bytes of pattern 1 to a connection. Return: 0 or a negative errno */
long node_send_pattern(struct node *node, long fd, uint64_t bytes);
/** node_send_pattern_from() - the same for the bytes between two offsets */
long node_send_pattern_from(struct node *node, long fd, uint64_t at, uint64_t end);

/** node_ping() - send ICMP or ICMPv6 echo requests of @size bytes. Return: how many of @count came back */
unsigned int node_ping(struct node *node, const char *address, unsigned int count, size_t size);

/** node_silent() - does no answer come to an echo request for a moment? */
bool node_silent(struct node *node, const char *address);

#endif
