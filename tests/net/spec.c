// SPDX-License-Identifier: BSD-2-Clause
/* Specifications of network devices: what is understood, what is refused, and that messages name it and the remedy */
#include <stdio.h>
#include <string.h>

#include <rumpus/hyp_net.h>

#include "../tap.h"

static void refused(const char *spec, int expected, const char *named, const char *remedy)
{
	struct hyp_net *net = NULL;
	char error[512] = "";
	int result = hyp_net_open(spec, 0, &net, error, sizeof(error));

	tap_ok(result == expected && !net, "\"%s\": error %d", spec, result);
	tap_ok(strstr(error, named) && strstr(error, remedy) && !strchr(error, '\n'), "\"%s\": %s", spec, error);
}

static struct hyp_net *opened(const char *spec, uint32_t flags)
{
	struct hyp_net *net = NULL;
	char error[512] = "";

	tap_ok(!hyp_net_open(spec, flags, &net, error, sizeof(error)), "\"%s\" opens%s", spec, error);
	if (!net)
		tap_abort("nothing else makes sense");
	return net;
}

static void check_options(void)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
	struct hyp_net *net = opened("pair,mac=52-54-00-12-34-56,mtu=9000,queues=3:options", 0);

	tap_ok(!memcmp(net->info.mac, mac, 6), "the address is the one that was given");
	tap_is(net->info.mtu, 9000, "so is the MTU");
	tap_is(net->info.queues, 3, "and so are the queues");
	net->ops->close(net);
	net = opened("pair,offload=0:plain", 0);
	tap_is(net->info.caps, 0, "offload=0: no capabilities");
	net->ops->close(net);
	net = opened("pair:plain", HYP_NET_OPEN_PLAIN);
	tap_is(net->info.caps, 0, "HYP_NET_OPEN_PLAIN: no capabilities");
	net->ops->close(net);
}

/* An end is free again when it is closed, and a pair is gone with its last end */
static void check_pair(void)
{
	struct hyp_net *a = opened("pair:p", 0), *b = opened("pair:p", 0), *c;

	tap_ok(memcmp(a->info.mac, b->info.mac, 6), "the ends of a pair have addresses that differ");
	refused("pair:p", -HYP_EBUSY, "both ends of p", "another name");
	b->ops->close(b);
	refused("pair,queues=2:p", -HYP_EINVAL, "1 queues", "the same here");
	refused("pair,offload=0:p", -HYP_EINVAL, "offload=1", "the same here");
	b = opened("pair:p", 0);
	a->ops->close(a);
	a = opened("pair:p", 0);
	refused("pair:p", -HYP_EBUSY, "both ends of p", "another name");
	a->ops->close(a);
	b->ops->close(b);
	c = opened("pair,queues=2:p", 0);
	c->ops->close(c);
}

int main(void)
{
	struct hyp_net *net;
	char small[8];

	check_options();
	check_pair();
	refused("eth0", -HYP_EINVAL, "eth0", "tap:eth0");
	refused("", -HYP_EINVAL, "names no backend", "slirp:");
	refused("par:x", -HYP_EINVAL, "par", "pair");
	refused("pair:", -HYP_EINVAL, "no name", "pair:left");
	refused("pair,queues=0:x", -HYP_EINVAL, "queues=0", "from 1 to 16");
	refused("pair,queues=17:x", -HYP_EINVAL, "queues=17", "from 1 to 16");
	refused("pair,mtu=67:x", -HYP_EINVAL, "mtu=67", "from 68 to");
	refused("pair,mtu=70000:x", -HYP_EINVAL, "mtu=70000", "from 68 to");
	refused("pair,mac=1:x", -HYP_EINVAL, "mac=1", "mac=52-54-00-12-34-56");
	refused("pair,mac=01-00-00-00-00-00:x", -HYP_EINVAL, "mac=01-", "one station");
	refused("pair,offload=2:x", -HYP_EINVAL, "offload=2", "0 or 1");
	refused("pair,colour=red:x", -HYP_EINVAL, "colour", "mac, mtu, offload, queues");

	tap_is(hyp_net_open("pair:", 0, &net, NULL, 0), -HYP_EINVAL, "no buffer for the message");
	tap_ok(hyp_net_open("pair:", 0, &net, small, sizeof(small)) == -HYP_EINVAL && strlen(small) == 7,
	       "a small buffer for the message");
	tap_is(hyp_net_open("pair:x", 0x80, &net, NULL, 0), -HYP_EINVAL, "unknown flags");
	return tap_done();
}
