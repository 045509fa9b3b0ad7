// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernels with a device that is up, and nothing to do, do not wake up
 *
 * After it went up, a stack has timers of its own for some seconds: addresses are probed for, neighbours asked whether
 * they are still there. Then every thread sleeps: the host counts how often one that slept goes to sleep again. Routers
 * are asked for at ever longer intervals as long as none answers; with the argument "long" they are, and the quiet
 * between two of them is longer.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "message.h"
#include "node.h"
#include "../tap.h"

#define WINDOWS 20 /* that it may take */

static bool more;
/*
 * Seconds that are to be quiet, and as many switches as there may be in them, by all threads: our own sleep, and less
 * than one a second that a stack still may do
 */
static long window = 2;

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Return: the fewest switches within a window, none beyond the first that is quiet */
static long quietest(void)
{
	const struct timespec time = { .tv_sec = window };
	long least = -1, before, count;
	int i;

	for (i = 0; i < WINDOWS && (least < 0 || least > window); i++) {
		before = switches();
		nanosleep(&time, NULL);
		count = switches() - before;
		if (least < 0 || count < least)
			least = count;
	}
	return least;
}

static void boot(struct node *node, const char *name, unsigned int cpus)
{
	node_boot(node, name, cpus);
	if (!more && node_put(node, "/proc/sys/net/ipv6/conf/default/router_solicitations", "0"))
		tap_abort("%s: it asks for routers in any case", name);
}

static void join(struct node *a, struct node *b, const char *spec)
{
	boot(a, "a", 2);
	boot(b, "b", 1);
	node_link(a, spec, "10.9.0.1/24");
	node_link(b, spec, "10.9.0.2/24");
	tap_is(node_ping(a, "10.9.0.2", 3, 64), 3, "%s: ICMP", spec);
}

int main(int argc, char **argv)
{
	struct node nodes[5];
	unsigned int i;
	long least;

	more = argc > 1 && !strcmp(argv[1], "long");
	window *= 1 + more;
	join(&nodes[0], &nodes[1], "pair:x");
	join(&nodes[2], &nodes[3], "shm:bus");
	boot(&nodes[4], "c", 1);
	node_link(&nodes[4], "slirp:", "10.0.2.15/24");
	tap_is(node_ping(&nodes[4], "10.0.2.2", 3, 64), 3, "slirp: ICMP");
	least = quietest();
	tap_ok(least <= window, "five kernels: woken up %ld times in %ld seconds", least, window);
	for (i = 0; i < 5; i++)
		node_halt(&nodes[i]);
	return tap_done();
}
