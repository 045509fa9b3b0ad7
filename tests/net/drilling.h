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

/** drill_connect() - a socket whose connection has begun; the peer has not answered */
long drill_connect(struct drill *drill);
/** drill_connected() - an established connection that the kernel has opened. @options: of the peer's SYN */
long drill_connected(struct drill *drill, const struct segment *options);
/** drill_accepted() - one that the peer has opened. @got: out: the kernel's SYN+ACK; may be NULL */
long drill_accepted(struct drill *drill, const struct segment *options, struct segment *got);

#endif
