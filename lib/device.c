// SPDX-License-Identifier: BSD-2-Clause
/* Devices of a kernel, of any family: given to it, taken back, closed at its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* With the lock. The kernel is pending all the while, so that it and its list are there when the device is known. */
static int add(struct rumpus *kernel, struct rumpus_thread *thread, struct device *device, bool *taken)
{
	int error = kernel_call_begin(kernel);

	if (error)
		return error;
	__atomic_store_n(&host_self.inside, thread, __ATOMIC_RELEASE);
	error = device->class->add(kernel->image.ops, thread->image, device->hyp, device->name);
	__atomic_store_n(&host_self.inside, &host_thread_busy, __ATOMIC_RELEASE);
	kernel_call_end(kernel);
	/* A kernel that ended meanwhile may have begun to use it. */
	*taken = !error || error == -ESHUTDOWN;
	if (*taken)
		SLIST_INSERT_HEAD(&kernel->devices, device, in_kernel);
	return error;
}

int device_attach(struct rumpus *kernel, const struct device_class *class, void *hyp, char name[32], bool *taken)
{
	struct device *device = calloc(1, sizeof(*device));
	struct rumpus_thread *thread;
	int error;

	*taken = false;
	if (!device)
		return -ENOMEM;
	device->class = class;
	device->hyp = hyp;
	error = api_begin();
	if (error) {
		free(device);
		return error;
	}
	error = thread_use(&kernel->first, &thread);
	if (!error)
		error = add(kernel, thread, device, taken);
	if (!error)
		snprintf(name, 32, "%s", device->name);
	api_end();
	if (!*taken)
		free(device);
	return error;
}

static struct device *find(const struct rumpus *kernel, const struct device_class *class, const char *name)
{
	struct device *device;

	SLIST_FOREACH(device, &kernel->devices, in_kernel)
	if (device->class == class && !strcmp(device->name, name))
		return device;
	return NULL;
}

/* With the lock: @removed is set when it is no longer the kernel's */
static int take_back(struct rumpus *kernel, struct rumpus_thread *thread, struct device *device)
{
	int error;

	/* Out of the list meanwhile: of several that want to remove it, one finds it. */
	SLIST_REMOVE(&kernel->devices, device, device, in_kernel);
	error = kernel_call_begin(kernel);
	if (!error) {
		__atomic_store_n(&host_self.inside, thread, __ATOMIC_RELEASE);
		error = device->class->remove(kernel->image.ops, thread->image, device->hyp);
		__atomic_store_n(&host_self.inside, &host_thread_busy, __ATOMIC_RELEASE);
		kernel_call_end(kernel);
	}
	if (error)
		SLIST_INSERT_HEAD(&kernel->devices, device, in_kernel);
	return error;
}

int device_remove(struct rumpus *kernel, const struct device_class *class, const char *name)
{
	struct rumpus_thread *thread;
	struct device *device = NULL;
	int error = api_begin();

	if (error)
		return error;
	error = thread_use(&kernel->first, &thread);
	if (!error) {
		device = find(kernel, class, name);
		error = device ? take_back(kernel, thread, device) : -ENOENT;
	}
	api_end();
	if (error)
		return error;
	device->class->close(device->hyp);
	free(device);
	return 0;
}

void devices_close(struct rumpus *kernel)
{
	struct device *device;

	while ((device = SLIST_FIRST(&kernel->devices))) {
		SLIST_REMOVE_HEAD(&kernel->devices, in_kernel);
		device->class->close(device->hyp);
		free(device);
	}
}
