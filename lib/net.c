// SPDX-License-Identifier: BSD-2-Clause
/* Network devices of a kernel. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static int net_add(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp, char name[32])
{
	return ops->net_add(thread, hyp, name);
}

static int net_remove(const struct rumpus_image_ops *ops, struct rumpus_image_thread *thread, void *hyp)
{
	return ops->net_remove(thread, hyp);
}

static void net_close(void *hyp)
{
	struct hyp_net *net = hyp;

	net->ops->close(net);
}

static const struct device_class net_class = { .add = net_add, .remove = net_remove, .close = net_close };

int rumpus_net_attach(struct rumpus *kernel, struct hyp_net *net, char name[32])
{
	bool taken;

	if (!kernel || !net || !name)
		return -EINVAL;
	return device_attach(kernel, &net_class, net, name, &taken);
}

int rumpus_net_add(struct rumpus *kernel, const char *spec, char name[32], char *error, size_t error_size)
{
	struct hyp_net *net;
	bool taken;
	int result;

	if (!kernel || !spec || !name)
		return -EINVAL;
	result = hyp_net_open(spec, 0, &net, error, error_size);
	if (result)
		return result;
	result = device_attach(kernel, &net_class, net, name, &taken);
	if (!result)
		return 0;
	if (!taken)
		net->ops->close(net);
	if (error && result == -EOPNOTSUPP)
		snprintf(error, error_size, "%s: this kernel has no network; boot the image \"net\"", spec);
	else if (error)
		snprintf(error, error_size, "%s: the kernel does not take this device: %s", spec, strerror(-result));
	return result;
}

int rumpus_net_remove(struct rumpus *kernel, const char *name)
{
	int error;

	if (!kernel || !name)
		return -EINVAL;
	error = device_remove(kernel, &net_class, name);
	if (error)
		return error;
	dhcp_release(kernel, name);
	net_drop_servers(kernel, name, NET_FROM_ANYBODY);
	return 0;
}
