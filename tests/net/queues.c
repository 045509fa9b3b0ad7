// SPDX-License-Identifier: BSD-2-Clause
/* Queueing disciplines of an interface: netem, tbf, fq with pacing, fq_codel, those that come when asked for; BBR */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../tap.h"
#include "message.h"
#include "node.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static struct node a, b;
static size_t options;

static void begin(struct message *message, const char *kind)
{
	const struct tcmsg body = { .tcm_ifindex = node_index(&a, a.device), .tcm_parent = TC_H_ROOT };

	message_begin(message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	message_put_text(message, TCA_KIND, kind);
}

static int add(const char *kind)
{
	struct message message;

	begin(&message, kind);
	return message_send(&a, NETLINK_ROUTE, &message);
}

static int add_netem(int64_t delay, uint32_t loss)
{
	const struct tc_netem_qopt settings = { .limit = 1000, .loss = loss };
	struct message message;

	begin(&message, "netem");
	/* Attributes follow the struct within the options. */
	options = message_open(&message, TCA_OPTIONS);
	message_add(&message, &settings, sizeof(settings));
	message_put(&message, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	message_close(&message, options);
	return message_send(&a, NETLINK_ROUTE, &message);
}

/* Bytes a second */
static int add_tbf(uint32_t rate)
{
	const struct tc_tbf_qopt settings = { .rate = { .rate = rate, .linklayer = TC_LINKLAYER_ETHERNET },
					      .limit = 1 << 20 };
	struct message message;

	begin(&message, "tbf");
	options = message_open(&message, TCA_OPTIONS);
	message_put(&message, TCA_TBF_PARMS, &settings, sizeof(settings));
	message_put_u32(&message, TCA_TBF_BURST, 8192);
	message_close(&message, options);
	return message_send(&a, NETLINK_ROUTE, &message);
}

static int add_prio(void)
{
	const struct tc_prio_qopt settings = { .bands = 3,
					       .priomap = { 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1 } };
	struct message message;

	begin(&message, "prio");
	message_put(&message, TCA_OPTIONS, &settings, sizeof(settings));
	return message_send(&a, NETLINK_ROUTE, &message);
}

/* Without classes: what belongs to none passes as it comes. */
static int add_htb(void)
{
	const struct tc_htb_glob settings = { .version = 3, .rate2quantum = 10 };
	struct message message;

	begin(&message, "htb");
	options = message_open(&message, TCA_OPTIONS);
	message_put(&message, TCA_HTB_INIT, &settings, sizeof(settings));
	message_close(&message, options);
	return message_send(&a, NETLINK_ROUTE, &message);
}

static void take_away(void)
{
	const struct tcmsg body = { .tcm_ifindex = node_index(&a, a.device), .tcm_parent = TC_H_ROOT };
	struct message message;

	message_begin(&message, RTM_DELQDISC, 0, &body, sizeof(body));
	tap_is(message_send(&a, NETLINK_ROUTE, &message), 0, "taken away");
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void check_netem(void)
{
	long start;

	tap_is(add_netem(50 * 1000 * 1000, 0), 0, "netem: 50 ms");
	start = now();
	tap_is(node_ping(&a, "10.9.0.2", 4, 64), 4, "echo requests are answered");
	tap_ok(now() - start >= 4 * 50, "later by as much, %ld ms for four", now() - start);
	tap_is(add_netem(0, UINT32_MAX), 0, "netem: everything is lost");
	tap_ok(node_silent(&a, "10.9.0.2"), "nothing passes");
	tap_is(add_netem(0, UINT32_MAX / 20), 0, "netem: 5 %% are lost");
	start = node_transfer(&a, &b, "10.9.0.2", 1001, 2 * MIB);
	tap_ok(start >= 0, "TCP does, in %ld ms", start);
	take_away();
}

static void check_rates(void)
{
	const uint32_t rate = 2 << 20;
	struct receiver receiver;
	long time, fd;

	tap_is(add_tbf(rate), 0, "tbf: 2 MiB a second");
	time = node_transfer(&a, &b, "10.9.0.2", 1001, 512 * KIB);
	tap_ok(time >= 200, "half of one takes its time: %ld ms", time);
	tap_is(add("fq"), 0, "fq instead");
	receiver_start(&receiver, &b, "10.9.0.2", 1002, 512 * KIB);
	fd = node_connect_to(&a, "10.9.0.2", 1002);
	node_setsockopt(&a, fd, SOL_SOCKET, SO_MAX_PACING_RATE, (int)rate);
	time = now();
	tap_is(node_send_pattern(&a, fd, 512 * KIB), 0, "fq: a socket that paces itself");
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "what arrives is right");
	tap_ok(now() - time >= 200, "and not all at once: %ld ms", now() - time);
	take_away();
}

static void check_added(const char *kind, int error)
{
	long time = error ? -1 : node_transfer(&a, &b, "10.9.0.2", 1001, 4 * MIB);

	tap_ok(time >= 0, "%s: 4 MiB in %ld ms%s%s", kind, time, error ? ": " : "", error ? strerror(-error) : "");
}

static void check_kinds(void)
{
	static const char *const plain[] = { "fq", "fq_codel", "pfifo_fast", "sfq", "cake" };
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		check_added(plain[i], add(plain[i]));
	check_added("prio", add_prio());
	check_added("htb", add_htb());
	tap_is(add("no-such-kind"), -ENOENT, "a kind that there is not");
	take_away();
}

static void check_bbr(void)
{
	struct receiver receiver;
	char name[32] = "";
	socklen_t size = sizeof(name);
	long fd;

	node_put(&a, "/proc/sys/net/ipv4/tcp_congestion_control", "bbr");
	receiver_start(&receiver, &b, "10.9.0.2", 1003, 4 * MIB);
	fd = node_connect_to(&a, "10.9.0.2", 1003);
	node_getsockopt(&a, fd, IPPROTO_TCP, TCP_CONGESTION, name, &size);
	tap_ok(!strcmp(name, "bbr"), "a connection under %s", name);
	tap_is(node_send_pattern(&a, fd, 4 * MIB), 0, "sends");
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "what arrives is right");
	tap_is(node_put(&a, "/proc/sys/net/ipv4/tcp_congestion_control", "no-such"), -ENOENT, "one that there is not");
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "pair:ab", "10.9.0.1/24");
	node_link(&b, "pair:ab", "10.9.0.2/24");
	check_netem();
	check_rates();
	check_kinds();
	check_bbr();
	node_halt(&b);
	node_halt(&a);
	return tap_done();
}
