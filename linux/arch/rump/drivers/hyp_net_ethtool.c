// SPDX-License-Identifier: GPL-2.0-only
/* What tools may ask of network devices over hypercalls: the backend, its speed and its counters */
#include <linux/ethtool.h>
#include "../kernel/carry.h"
#include "hyp_net.h"

/* In the order of struct hyp_net_stats */
static const char counters[][ETH_GSTRING_LEN] = {
	"host_sent_frames",    "host_sent_bytes",	"host_sent_dropped", "host_received_frames",
	"host_received_bytes", "host_received_dropped", "host_received_bad",
};
static_assert(sizeof(struct hyp_net_stats) == ARRAY_SIZE(counters) * sizeof(u64));

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct hyp_net *hyp = ((struct hyp_net_port *)netdev_priv(dev))->hyp;

	strscpy(info->driver, "hyp_net", sizeof(info->driver));
	strscpy(info->bus_info, hyp->ops->name, sizeof(info->bus_info));
}

static int get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *settings)
{
	u32 speed = ((struct hyp_net_port *)netdev_priv(dev))->hyp->info.speed;

	settings->base.speed = speed ? speed : SPEED_UNKNOWN;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.port = PORT_OTHER;
	return 0;
}

static int get_sset_count(struct net_device *dev, int set)
{
	return set == ETH_SS_STATS ? ARRAY_SIZE(counters) : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		memcpy(data, counters, sizeof(counters));
}

static void get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct hyp_net *hyp = ((struct hyp_net_port *)netdev_priv(dev))->hyp;
	struct hyp_net_stats now;

	rump_host_begin();
	hyp->ops->stats(hyp, &now);
	rump_host_end();
	memcpy(data, &now, sizeof(now));
}

const struct ethtool_ops hyp_net_ethtool_ops = {
	.get_drvinfo = get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_ksettings,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_ethtool_stats,
	.get_ts_info = ethtool_op_get_ts_info,
};
