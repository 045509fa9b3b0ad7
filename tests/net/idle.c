// SPDX-License-Identifier: BSD-2-Clause
/*
 * Kernels with a device that is up, and nothing to do, do not wake up
 *
 * After it went up, a stack has timers of its own for some seconds: addresses are probed for, routers are asked for.
 * Then every thread sleeps: the host counts how often one that slept goes to sleep again.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "node.h"
#include "../tap.h"

#define WINDOW 4   /* seconds that are to be quiet */
#define WINDOWS 20 /* that it may take */
/* Within one of them, by all threads: our own sleep, and what a stack still may do. One a second would be more. */
#define MOST 3L

static long switches(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Return: the fewest switches within a window, none beyond the first that is quiet */
static long quietest(void)
{
	const struct timespec window = { .tv_sec = WINDOW };
	long least = -1, before, count;
	int i;

	for (i = 0; i < WINDOWS && (least < 0 || least > MOST); i++) {
		before = switches();
		nanosleep(&window, NULL);
		count = switches() - before;
		if (least < 0 || count < least)
			least = count;
	}
	return least;
}

static void join(struct node *a, struct node *b, const char *spec)
{
	node_boot(a, "a", 2);
	node_boot(b, "b", 1);
	node_link(a, spec, "10.9.0.1/24");
	node_link(b, spec, "10.9.0.2/24");
	tap_is(node_ping(a, "10.9.0.2", 3, 64), 3, "%s: ICMP", spec);
}

int main(void)
{
	struct node nodes[5];
	unsigned int i;
	long least;

	join(&nodes[0], &nodes[1], "pair:x");
	join(&nodes[2], &nodes[3], "shm:bus");
	node_boot(&nodes[4], "c", 1);
	node_link(&nodes[4], "slirp:", "10.0.2.15/24");
	tap_is(node_ping(&nodes[4], "10.0.2.2", 3, 64), 3, "slirp: ICMP");
	least = quietest();
	tap_ok(least <= MOST, "five kernels: woken up %ld times in %d seconds", least, WINDOW);
	for (i = 0; i < 5; i++)
		node_halt(&nodes[i]);
	return tap_done();
}
