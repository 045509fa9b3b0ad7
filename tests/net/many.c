// SPDX-License-Identifier: BSD-2-Clause
/* Many TCP connections between two kernels: 1000 at one time, 10000 one after the other without growth */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "message.h"
#include "node.h"

#define AT_ONCE 1000
#define WARM_UP 2000
#define IN_TURN 10000
#define GROWTH_MAX (3L << 20) /* bytes: less than half a kilobyte for each connection */

static struct node a, b;
static long listener;

/* What the host sees of this process, the memory of both kernels with it */
static long resident(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long kib = -1;

	while (file && kib < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "Rss: %ld kB", &kib);
	if (!file || kib < 0)
		tap_abort("no /proc/self/smaps_rollup");
	fclose(file);
	return kib * 1024;
}

static void allow_descriptors(struct node *node)
{
	const struct rlimit limit = { 4096, 4096 };

	rumpus_process_enter(rumpus_process_first(node->kernel));
	if (rumpus_sys_prlimit64(0, RLIMIT_NOFILE, (void *)&limit, NULL))
		tap_abort("%s: no descriptors", node->name);
}

static void check_at_once(void)
{
	static long near[AT_ONCE], far[AT_ONCE];
	int i, bad = 0, number;

	for (i = 0; i < AT_ONCE; i++) {
		near[i] = node_connect_to(&a, "10.9.0.2", 1001);
		far[i] = near[i] < 0 ? -1 : node_accept(&b, listener);
		bad += near[i] < 0 || far[i] < 0;
	}
	tap_is(bad, 0, "%d connections at one time", AT_ONCE);
	for (i = 0; i < AT_ONCE; i++)
		node_write(&a, near[i], &i, sizeof(i));
	for (bad = 0, i = AT_ONCE - 1; i >= 0; i--)
		bad += node_read(&b, far[i], &number, sizeof(number)) != sizeof(number) || number != i ||
		       node_write(&b, far[i], &number, sizeof(number)) != sizeof(number);
	for (i = 0; i < AT_ONCE; i++)
		bad += node_read(&a, near[i], &number, sizeof(number)) != sizeof(number) || number != i;
	tap_is(bad, 0, "each carries its own data both ways");
	for (bad = 0, i = 0; i < AT_ONCE; i++) {
		node_close(&a, near[i]);
		bad += node_read(&b, far[i], &number, sizeof(number)) != 0;
		node_close(&b, far[i]);
	}
	tap_is(bad, 0, "each ends");
}

/* Return: how many went wrong */
static int in_turn(int count)
{
	int i, bad = 0, number;

	for (i = 0; i < count; i++) {
		long near = node_connect_to(&a, "10.9.0.2", 1001), far = near < 0 ? near : node_accept(&b, listener);

		bad += near < 0 || far < 0 || node_write(&a, near, &i, sizeof(i)) != sizeof(i) ||
		       node_read(&b, far, &number, sizeof(number)) != sizeof(number) || number != i;
		if (near >= 0)
			node_close(&a, near);
		if (far >= 0) {
			bad += node_read(&b, far, &number, sizeof(number)) != 0;
			node_close(&b, far);
		}
	}
	return bad;
}

static void check_in_turn(void)
{
	int wrong = in_turn(WARM_UP), in_use = -1, waiting = -1;
	long before = resident(), growth;
	char text[512], *line;

	wrong += in_turn(IN_TURN);
	growth = resident() - before;
	tap_is(wrong, 0, "%d connections opened, used and closed", WARM_UP + IN_TURN);
	tap_ok(growth < GROWTH_MAX, "the last %d make both kernels larger by %ld KiB", IN_TURN, growth / 1024);
	node_get(&a, "/proc/net/sockstat", text, sizeof(text));
	line = strstr(text, "TCP:");
	if (!line || sscanf(line, "TCP: inuse %d orphan %*d tw %d", &in_use, &waiting) != 2)
		tap_abort("/proc/net/sockstat: %s", text);
	tap_ok(!in_use && !waiting, "and none is left: in use %d, waiting %d", in_use, waiting);
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "pair:ab", "10.9.0.1/24");
	node_link(&b, "pair:ab", "10.9.0.2/24");
	allow_descriptors(&a);
	allow_descriptors(&b);
	/* Closed ones would be remembered for a minute. */
	node_put(&a, "/proc/sys/net/ipv4/tcp_max_tw_buckets", "0");
	listener = node_listen_at(&b, "10.9.0.2", 1001);
	check_at_once();
	check_in_turn();
	node_halt(&b);
	node_halt(&a);
	return tap_done();
}
