// SPDX-License-Identifier: BSD-2-Clause
/* Connections between a kernel and a scripted peer, for tests of the kernel's TCP */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tap.h"
#include "drilling.h"
#include "message.h"

#define DEVICE "pair,offload=0,mtu=1500,mac=02-00-00-00-00-"
#define END ":script"

void drill_begin(struct drill *drill, const char *family)
{
	char address[64];

	*drill = (struct drill){ .port = 5000, .family = script_family_of(family) };
	snprintf(address, sizeof(address), "%s%s", drill->family->kernel, drill->family->prefix);
	node_boot(&drill->kernel, "kernel", 1);
	node_link(&drill->kernel, DEVICE "01" END, address);
	script_open(&drill->peer, DEVICE "02" END, drill->family);
	/* Only then does IPv6 use its addresses. */
	if (!node_wait_carrier(&drill->kernel, true) || !script_ask_neighbour(&drill->peer))
		tap_abort("the kernel does not answer");
}

void drill_end(struct drill *drill)
{
	node_halt(&drill->kernel);
	script_close(&drill->peer);
}

long drill_connect(struct drill *drill)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&to, drill->family->peer, ++drill->port);
	long fd = node_socket(&drill->kernel, drill->family->number, SOCK_STREAM | SOCK_NONBLOCK, 0);

	script_connection(&drill->peer, drill->port, 0);
	tap_is(node_connect(&drill->kernel, fd, (struct sockaddr *)&to, len), -EINPROGRESS, "connect begins");
	tap_ok(script_await(&drill->peer, SEGMENT(.flags = SYN), NULL), "SYN");
	return fd;
}

long drill_connected(struct drill *drill, const struct segment *options)
{
	struct segment answer = *options;
	long fd = drill_connect(drill);

	answer.flags = SYN | ACK;
	answer.ack = 1;
	script_send(&drill->peer, &answer);
	tap_ok(script_await(&drill->peer, SEGMENT(.flags = ACK, .seq = 1, .ack = 1), NULL), "ACK");
	return fd;
}

long drill_listen(struct drill *drill)
{
	return node_listen_at(&drill->kernel, drill->family->kernel, ++drill->port);
}

void drill_ask(struct drill *drill, const struct segment *options, struct segment *got)
{
	struct segment first = *options;

	script_connection(&drill->peer, (uint16_t)(drill->port + 20000), drill->port);
	first.flags = SYN;
	script_send(&drill->peer, &first);
	if (!tap_ok(script_await(&drill->peer, SEGMENT(.flags = SYN | ACK, .ack = 1), got), "SYN+ACK"))
		tap_abort("there is nothing to accept");
}

long drill_accepted(struct drill *drill, const struct segment *options, struct segment *got)
{
	long listener = drill_listen(drill), fd;

	drill_ask(drill, options, got);
	drill_send(drill, ACK, 1, 1, 0);
	fd = node_accept(&drill->kernel, listener);
	tap_ok(fd >= 0, "accept");
	node_close(&drill->kernel, listener);
	return fd;
}

void drill_send(struct drill *drill, unsigned int flags, uint32_t seq, uint32_t ack, unsigned int length)
{
	script_send(&drill->peer, SEGMENT(.flags = flags, .seq = seq, .ack = ack, .length = length));
}

bool drill_await(struct drill *drill, unsigned int flags, uint32_t seq, uint32_t ack, unsigned int length)
{
	return script_await(&drill->peer, SEGMENT(.flags = flags, .seq = seq, .ack = ack, .length = length), NULL);
}

int drill_state(struct drill *drill, long fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	node_getsockopt(&drill->kernel, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_state;
}

int drill_error(struct drill *drill, long fd)
{
	int error = -1;
	socklen_t size = sizeof(error);

	node_getsockopt(&drill->kernel, fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

/* A line of names is followed by one of numbers. */
long drill_counter(struct drill *drill, const char *name)
{
	static char text[32768];
	char *names, *numbers, *word, *save[2];
	long value = -1;

	node_get(&drill->kernel, "/proc/net/netstat", text, sizeof(text));
	names = strtok_r(text, "\n", &save[0]);
	numbers = strtok_r(NULL, "\n", &save[0]);
	if (!numbers)
		tap_abort("/proc/net/netstat has no numbers");
	word = strtok_r(names, " ", &save[0]);
	numbers = strtok_r(numbers, " ", &save[1]);
	for (; word && numbers && value < 0; word = strtok_r(NULL, " ", &save[0])) {
		if (!strcmp(word, name))
			value = atol(numbers);
		numbers = strtok_r(NULL, " ", &save[1]);
	}
	if (value < 0)
		tap_abort("the kernel does not count %s", name);
	return value;
}

bool drill_counted(struct drill *drill, const char *name, long before)
{
	long now = drill_counter(drill, name);

	tap_note("%s: %ld, then %ld", name, before, now);
	return now > before;
}

void drill_set(struct drill *drill, const char *name, const char *value)
{
	char path[128];
	int error;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	error = node_put(&drill->kernel, path, value);
	if (error)
		tap_abort("%s: error %d", path, -error);
}

void drill_plain(struct drill *drill)
{
	drill_set(drill, "tcp_tso_win_divisor", "100");
	drill_set(drill, "tcp_no_metrics_save", "1");
}

void drill_patience(struct drill *drill, const char *microseconds)
{
	if (node_put(&drill->kernel, "/proc/sys/net/ipv4/tcp_rto_min_us", microseconds))
		tap_note("this kernel waits 200 ms in any case");
}

static void *deed_main(void *arg)
{
	struct drill_deed *deed = arg;

	deed->result = deed->run(deed->drill, deed->fd);
	rumpus_thread_detach();
	__atomic_store_n(&deed->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void drill_start(struct drill *drill, struct drill_deed *deed, long (*run)(struct drill *drill, long fd), long fd)
{
	*deed = (struct drill_deed){ .drill = drill, .run = run, .fd = fd };
	if (pthread_create(&deed->thread, NULL, deed_main, deed))
		tap_abort("no thread");
}

bool drill_under_way(const struct drill_deed *deed)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	return !__atomic_load_n(&deed->done, __ATOMIC_ACQUIRE);
}

long drill_finish(struct drill_deed *deed)
{
	pthread_join(deed->thread, NULL);
	return deed->result;
}
