// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initcalls that wait until somebody wants what they begin
 *
 * The tree initialises what is built in while it boots. For a driver that takes long, or much memory, the linker's script
 * keeps its initcalls apart, and they run when the kernel asks for it as if it were a module that is missing: to whoever
 * mounts, the difference is some milliseconds.
 */
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include "rump.h"

/**
 * struct deferred - initcalls of one driver
 * @name:  of the module that it would be
 * @alias: by which the kernel asks for it
 * @start: they, from the linker's script; none when the configuration does not have it
 * @error: what they have said
 * @begun: they have run
 */
struct deferred {
	const char *name, *alias;
	initcall_entry_t *start, *end;
	int error;
	bool begun;
};

#define DECLARE(id) extern initcall_entry_t rump_deferred_##id[], rump_deferred_##id##_end[]
#define DEFERRED(id, as) { .name = #id, .alias = as, .start = rump_deferred_##id, .end = rump_deferred_##id##_end }

DECLARE(btrfs);
DECLARE(slub);
DECLARE(xfs);

static struct deferred drivers[] = {
	DEFERRED(btrfs, "fs-btrfs"),
	DEFERRED(xfs, "fs-xfs"),
};

/* Some 4000 files in /sys/kernel/slab. Without them, the tree keeps notes of what it will name there. */
static struct deferred slab_files = DEFERRED(slub, NULL);

static DEFINE_MUTEX(lock);

static int __ref begin(struct deferred *deferred)
{
	initcall_entry_t *entry;

	mutex_lock(&lock);
	for (entry = deferred->start; !deferred->begun && entry < deferred->end; entry++)
		deferred->error = deferred->error ?: do_one_initcall(initcall_from_entry(entry));
	deferred->begun = true;
	mutex_unlock(&lock);
	return deferred->error;
}

/**
 * rump_deferred_init() - initialise a driver that is built in, unless that has been done
 * @name: what the kernel asks for: the name of a module, or an alias
 *
 * Context: a process; sleeps.
 * Return: 0, -ENOENT when no such driver was deferred, or what it says
 */
int rump_deferred_init(const char *name)
{
	struct deferred *driver;

	for (driver = drivers; driver < drivers + ARRAY_SIZE(drivers); driver++)
		if (driver->start < driver->end && (!strcmp(name, driver->name) || !strcmp(name, driver->alias)))
			return begin(driver);
	return -ENOENT;
}

/* Modules come and go, and make caches each time: there would be ever more notes. What is built in makes its own once. */
static int module_comes(struct notifier_block *block, unsigned long state, void *module)
{
	int err = state == MODULE_STATE_COMING ? begin(&slab_files) : 0;

	return notifier_from_errno(err);
}

static struct notifier_block module_block = { .notifier_call = module_comes };

static int __init deferred_init(void)
{
	return register_module_notifier(&module_block);
}
late_initcall(deferred_init);
