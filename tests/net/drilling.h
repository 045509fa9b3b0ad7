/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections between a kernel and a scripted peer, for tests of the kernel's TCP */
#ifndef TESTS_NET_DRILLING_H
#define TESTS_NET_DRILLING_H

#include "node.h"
#include "script.h"

#define SEGMENT(...) (&(struct segment){ __VA_ARGS__ })

/**
 * struct drill - the two ends
 * @kernel: at the address of @family that is its own
 * @peer:   at the other one
 * @family: of the addresses
 * @port:   that was used last
 */
struct drill {
	struct node kernel;
	struct script peer;
	const struct script_family *family;
	uint16_t port;
};

/**
 * drill_begin() - boot the kernel, with the peer at the other end of its device
 * @family: name of one, as the test's argument says
 */
void drill_begin(struct drill *drill, const char *family);
/** drill_end() - the reverse */
void drill_end(struct drill *drill);

/* ---- connections; of the peer's segments the first has @options ---- */

/** drill_connect() - a socket whose connection has begun; the peer has not answered */
long drill_connect(struct drill *drill);
/** drill_connected() - an established connection that the kernel has opened */
long drill_connected(struct drill *drill, const struct segment *options);
/** drill_listen() - a listening socket at a port of its own; the peer has sent nothing */
long drill_listen(struct drill *drill);
/** drill_ask() - the peer opens a connection to it. @got: out: the kernel's SYN+ACK; may be NULL */
void drill_ask(struct drill *drill, const struct segment *options, struct segment *got);
/** drill_accepted() - an established connection that the peer has opened. @got: as drill_ask() */
long drill_accepted(struct drill *drill, const struct segment *options, struct segment *got);

/* ---- segments without options ---- */

/** drill_send() - one of the peer's */
void drill_send(struct drill *drill, unsigned int flags, uint32_t seq, uint32_t ack, unsigned int length);
/** drill_await() - wait for one of the kernel's, as script_await() */
bool drill_await(struct drill *drill, unsigned int flags, uint32_t seq, uint32_t ack, unsigned int length);

/* ---- what the kernel has of it ---- */

/** drill_state() - of a connection, as TCP_ESTABLISHED */
int drill_state(struct drill *drill, long fd);
/** drill_error() - of a socket, which is told once; 0: none */
int drill_error(struct drill *drill, long fd);
/** drill_counter() - a counter of /proc/net/netstat; ends the test without it */
long drill_counter(struct drill *drill, const char *name);
/** drill_counted() - has it grown? Notes it down */
bool drill_counted(struct drill *drill, const char *name, long before);
/** drill_set() - a setting of the stack's, as "tcp_recovery"; ends the test without it */
void drill_set(struct drill *drill, const char *name, const char *value);

/**
 * drill_plain() - have the kernel send what its window allows at once, and begin each connection as the first one: else
 * it saves up room in the window for larger packets, within a millisecond of the last one, and remembers the peer
 */
void drill_plain(struct drill *drill);
/** drill_patience() - how long connections wait for an answer at least. Kernels before 6.11 have one time for all */
void drill_patience(struct drill *drill, const char *microseconds);

/**
 * struct drill_deed - a system call on a thread of its own, since it blocks
 * @run: the call
 * @fd:  for it
 * @result: of it, when drill_finish() has returned
 */
struct drill_deed {
	struct drill *drill;
	long (*run)(struct drill *drill, long fd);
	long fd, result;
	bool done;
	pthread_t thread;
};

/** drill_start() - begin it */
void drill_start(struct drill *drill, struct drill_deed *deed, long (*run)(struct drill *drill, long fd), long fd);
/** drill_under_way() - does it still block after 100 ms? */
bool drill_under_way(const struct drill_deed *deed);
/** drill_finish() - wait for its end. Return: its result */
long drill_finish(struct drill_deed *deed);

#endif
