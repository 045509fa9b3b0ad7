// SPDX-License-Identifier: BSD-2-Clause
/* Tells debuggers where kernel images lie. */
#include <pthread.h>
#include <stdio.h>

#include "debug.h"
#include "loader.h"

/* Images come and go without rumpus_lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct rumpus_debug rumpus_debug = { .version = 1 };

/* Empty: it is where a debugger stops the program, with the list complete. */
__attribute__((noinline)) void rumpus_debug_changed(void)
{
	__asm__ volatile("" ::: "memory");
}

void debug_add(struct rumpus_debug_image *entry, const struct loader_image *image, const char *name)
{
	entry->base = image->base;
	entry->size = image->size;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	pthread_mutex_lock(&lock);
	entry->next = rumpus_debug.images;
	rumpus_debug.images = entry;
	rumpus_debug_changed();
	pthread_mutex_unlock(&lock);
}

void debug_remove(struct rumpus_debug_image *entry)
{
	struct rumpus_debug_image **at;

	pthread_mutex_lock(&lock);
	for (at = &rumpus_debug.images; *at && *at != entry; at = &(*at)->next)
		;
	if (*at) {
		*at = entry->next;
		rumpus_debug_changed();
	}
	pthread_mutex_unlock(&lock);
}
