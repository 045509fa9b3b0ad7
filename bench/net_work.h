/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two ends of a network do for bench/net */
#ifndef BENCH_NET_WORK_H
#define BENCH_NET_WORK_H

#include "../tests/net/node.h"

#define WORK_PORT 1001

/**
 * struct work - a figure
 * @serve: at the end that listens, with its socket; returns the figure
 * @ask:   at the other one
 * @type:  of sockets
 */
struct work {
	double (*serve)(struct node *node, long listener);
	void (*ask)(struct node *node, const char *address);
	int type;
};

/** work_stream - bytes a second; work_streams - the same of two streams, each with a thread at either end */
extern const struct work work_stream, work_streams;
/** work_trip - seconds for a byte and back */
extern const struct work work_trip;
/** work_datagrams - that arrive in a second; work_segments - by UDP_SEGMENT and UDP_GRO; both ends are kernels of ours
 */
extern const struct work work_datagrams, work_segments;

/** work_now() - seconds */
double work_now(void);
/** work_fail() - end the program with a message. @error: negative errno */
void work_fail(const char *what, long error) __attribute__((noreturn));
/** work_checked() - end it for an error. Return: @result */
long work_checked(long result, const char *what);

#endif
