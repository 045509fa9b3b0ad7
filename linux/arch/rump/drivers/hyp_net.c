// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network devices over hypercalls, the kernel half of rumpus/hyp_net.h
 *
 * Frames are sent in the batches that the queueing disciplines make and fetched by NAPI: see hyp_net_queue.c. Upcalls
 * come on any thread: they leave a note with a queue and raise an interrupt on its CPU. A queue's upcall for frames
 * comes once until a fetch has found too little, so polling needs no switch. A port is attached to its backend while it
 * is up.
 */
#include <linux/etherdevice.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>
#include "../kernel/carry.h"
#include "hyp_net.h"

#define MAX_PORTS 4096

static DEFINE_MUTEX(ports_lock); /* guards ports */
static LIST_HEAD(ports);
static DEFINE_IDA(port_indexes);
int hyp_net_irq = -ENODEV; /* until port_init() has succeeded */

static void link_upcall(void *cookie)
{
	struct hyp_net_port *port = cookie;

	WRITE_ONCE(port->link_event, 1);
	rump_raise(port->queues[0].cpu, hyp_net_irq);
}

static const struct hyp_net_upcalls port_upcalls = {
	.sent = hyp_net_sent,
	.ready = hyp_net_ready,
	.link = link_upcall,
};

/* ---- interrupt ---- */

static void update_link(struct hyp_net_port *port)
{
	bool up;

	rump_host_begin();
	up = port->hyp->ops->link(port->hyp);
	rump_host_end();
	if (up)
		netif_carrier_on(port->dev);
	else
		netif_carrier_off(port->dev);
}

static void port_interrupt(struct hyp_net_port *port, struct rump_cpu *cpu)
{
	unsigned int i;

	if (port->queues[0].cpu == cpu && xchg(&port->link_event, 0) && READ_ONCE(port->attached))
		update_link(port);
	for (i = 0; i < port->nr_queues; i++) {
		struct hyp_net_queue *queue = &port->queues[i];

		if (queue->cpu == cpu && READ_ONCE(queue->event) && xchg(&queue->event, 0))
			napi_schedule_irqoff(&queue->napi);
	}
}

/* All ports share the interrupt, each queue on its CPU. */
static irqreturn_t net_interrupt(int irq, void *arg)
{
	struct rump_cpu *cpu = rump_top()->cpu;
	struct hyp_net_port *port;

	rcu_read_lock();
	list_for_each_entry_rcu(port, &ports, link) port_interrupt(port, cpu);
	rcu_read_unlock();
	return IRQ_HANDLED;
}

/* ---- up and down ---- */

static void free_queues(struct hyp_net_port *port)
{
	unsigned int i;

	for (i = 0; i < port->nr_queues; i++)
		hyp_net_queue_free(&port->queues[i]);
}

static int port_open(struct net_device *dev)
{
	struct hyp_net_port *port = netdev_priv(dev);
	unsigned int i;
	int err = 0;

	for (i = 0; i < port->nr_queues && !err; i++)
		err = hyp_net_queue_alloc(&port->queues[i]);
	if (err)
		goto free;
	for (i = 0; i < port->nr_queues; i++)
		napi_enable(&port->queues[i].napi);
	rump_host_begin();
	err = port->hyp->ops->attach(port->hyp, &port_upcalls, port);
	rump_host_end();
	if (err)
		goto disable;
	WRITE_ONCE(port->attached, true);
	update_link(port);
	netif_tx_start_all_queues(dev);
	return 0;

disable:
	for (i = 0; i < port->nr_queues; i++)
		napi_disable(&port->queues[i].napi);
free:
	free_queues(port);
	return err;
}

/* Nobody sends any more: the stack has seen to that. */
static int port_stop(struct net_device *dev)
{
	struct hyp_net_port *port = netdev_priv(dev);
	unsigned int i;

	WRITE_ONCE(port->attached, false);
	netif_carrier_off(dev);
	for (i = 0; i < port->nr_queues; i++) {
		napi_disable(&port->queues[i].napi);
		__netif_tx_lock_bh(netdev_get_tx_queue(dev, i));
		hyp_net_queue_flush(&port->queues[i]);
		__netif_tx_unlock_bh(netdev_get_tx_queue(dev, i));
	}
	rump_host_begin();
	port->hyp->ops->detach(port->hyp);
	rump_host_end();
	for (i = 0; i < port->nr_queues; i++)
		hyp_net_queue_reap(&port->queues[i]);
	free_queues(port);
	return 0;
}

static const struct net_device_ops port_ops = {
	.ndo_open = port_open,
	.ndo_stop = port_stop,
	.ndo_start_xmit = hyp_net_xmit,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_mac_address = eth_mac_addr,
};

/* ---- adding and removing ---- */

static netdev_features_t features_of(const struct hyp_net_info *info)
{
	netdev_features_t features = 0;

	if (info->caps & HYP_NET_CAP_CSUM && info->max_iov >= HYP_NET_SEND_IOV)
		features |= NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_RXCSUM;
	if (!features)
		return 0;
	if (info->caps & HYP_NET_CAP_TSO4)
		features |= NETIF_F_TSO;
	if (info->caps & HYP_NET_CAP_TSO6)
		features |= NETIF_F_TSO6;
	if (info->caps & HYP_NET_CAP_ECN)
		features |= NETIF_F_TSO_ECN;
	if (info->caps & HYP_NET_CAP_USO)
		features |= NETIF_F_GSO_UDP_L4;
	return features;
}

static bool info_is_sound(const struct hyp_net_info *info)
{
	return info->queues && info->queue_depth && info->max_iov && info->mtu >= ETH_MIN_MTU &&
	       info->mtu <= info->max_mtu && info->max_frame >= info->max_mtu + HYP_NET_HEADER_MAX &&
	       info->max_frame <= HYP_NET_HEAD_ROOM + HYP_NET_MAX_PAGES * PAGE_SIZE && is_valid_ether_addr(info->mac);
}

static void port_setup(struct net_device *dev, struct hyp_net *hyp)
{
	struct hyp_net_port *port = netdev_priv(dev);
	unsigned int i;

	port->hyp = hyp;
	port->dev = dev;
	port->nr_queues = hyp->info.queues;
	for (i = 0; i < port->nr_queues; i++) {
		port->queues[i].port = port;
		port->queues[i].index = i;
		port->queues[i].cpu = &rump_cpus[(smp_processor_id() + i) % num_online_cpus()];
		netif_napi_add(dev, &port->queues[i].napi, hyp_net_poll);
	}
	dev->netdev_ops = &port_ops;
	dev->ethtool_ops = &hyp_net_ethtool_ops;
	dev->pcpu_stat_type = NETDEV_PCPU_STAT_TSTATS;
	dev->hw_features = features_of(&hyp->info);
	dev->features = dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->hw_features;
	dev->mtu = hyp->info.mtu;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = hyp->info.max_mtu;
	eth_hw_addr_set(dev, hyp->info.mac);
	netif_carrier_off(dev);
}

static void unlink_port(struct hyp_net_port *port)
{
	mutex_lock(&ports_lock);
	list_del_rcu(&port->link);
	mutex_unlock(&ports_lock);
	synchronize_rcu_expedited();
}

static long port_add(void *arg)
{
	struct hyp_net *hyp = arg;
	struct net_device *dev;
	struct hyp_net_port *port;
	int err;

	if (hyp_net_irq < 0)
		return hyp_net_irq;
	if (!info_is_sound(&hyp->info))
		return -EINVAL;
	dev = alloc_etherdev_mqs(struct_size(port, queues, hyp->info.queues), hyp->info.queues, hyp->info.queues);
	if (!dev)
		return -ENOMEM;
	port = netdev_priv(dev);
	port_setup(dev, hyp);
	port->index = ida_alloc_max(&port_indexes, MAX_PORTS - 1, GFP_KERNEL);
	err = port->index;
	if (err < 0)
		goto free_dev;
	snprintf(dev->name, IFNAMSIZ, "net%d", port->index);
	mutex_lock(&ports_lock);
	list_add_rcu(&port->link, &ports);
	mutex_unlock(&ports_lock);
	err = register_netdev(dev);
	if (!err)
		return port->index;
	unlink_port(port);
	ida_free(&port_indexes, port->index);
free_dev:
	free_netdev(dev);
	return err;
}

/* Of several that want to remove a port, one gets it. */
static struct hyp_net_port *claim(const struct hyp_net *hyp)
{
	struct hyp_net_port *port, *found = NULL;

	mutex_lock(&ports_lock);
	list_for_each_entry(port, &ports, link)
	{
		if (port->hyp == hyp && !port->removing) {
			port->removing = true;
			found = port;
			break;
		}
	}
	mutex_unlock(&ports_lock);
	return found;
}

static long port_remove(void *arg)
{
	struct hyp_net_port *port = claim(arg);

	if (!port)
		return -ENOENT;
	unregister_netdev(port->dev);
	unlink_port(port);
	ida_free(&port_indexes, port->index);
	free_netdev(port->dev);
	return 0;
}

static int __init port_init(void)
{
	int irq = rump_irq_alloc(), err;

	if (irq < 0)
		return irq;
	err = request_irq(irq, net_interrupt, IRQF_PERCPU, "hyp_net", &ports);
	if (!err)
		hyp_net_irq = irq;
	return err;
}
device_initcall(port_init);

/* ---- host side ---- */

int rump_net_add(struct rumpus_image_thread *thread, struct hyp_net *hyp, char name[32])
{
	const long args[6] = { (long)port_add, (long)hyp };
	long index = rump_caller_call(thread, RUMP_CALL_FUNCTION, args);

	if (index < 0)
		return index;
	snprintf(name, 32, "net%ld", index);
	return 0;
}

int rump_net_remove(struct rumpus_image_thread *thread, struct hyp_net *hyp)
{
	const long args[6] = { (long)port_remove, (long)hyp };

	return rump_caller_call(thread, RUMP_CALL_FUNCTION, args);
}

/**
 * rump_nets_quiesce() - the kernel has ended: have backends let go of its memory
 */
void rump_nets_quiesce(void)
{
	struct hyp_net_port *port;

	list_for_each_entry(port, &ports, link) if (port->attached) port->hyp->ops->detach(port->hyp);
}
