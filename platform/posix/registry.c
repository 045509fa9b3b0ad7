// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list of live instances.
 *
 * Signal handlers and ending threads, which know nothing of fini(), find instances here. They pin one before they use
 * it; fini() takes the instance out of its node and then waits for the pins. Nodes stay for ever, so the list can be
 * walked without a lock.
 */
#include <stdlib.h>

#include "posix.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards who takes nodes */
static struct posix_node *_Atomic nodes;

/* In a forked child the memory of the instances is gone: its handlers and ending threads must find none. */
static void forget_all(void)
{
	struct posix_node *node;

	for (node = atomic_load(&nodes); node; node = node->next)
		atomic_store(&node->instance, NULL);
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_all);
}

static struct posix_node *node_take(void)
{
	struct posix_node *node;

	for (node = atomic_load(&nodes); node; node = node->next) {
		if (!node->taken)
			break;
	}
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return NULL;
		node->next = atomic_load(&nodes);
		atomic_store(&nodes, node);
	}
	node->taken = true;
	return node;
}

int posix_registry_add(struct hyp *h)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lock);
	h->node = node_take();
	pthread_mutex_unlock(&lock);
	if (!h->node)
		return -HYP_ENOMEM;
	atomic_store(&h->node->instance, h);
	return 0;
}

void posix_registry_remove(struct hyp *h)
{
	struct posix_node *node = h->node;
	uint32_t pins;

	atomic_store(&node->instance, NULL);
	/* The standard does not need it; emulators of aarch64 let a load pass the store before it. */
	atomic_thread_fence(memory_order_seq_cst);
	while ((pins = atomic_load(&node->pins)))
		posix_futex_wait(&node->pins, pins, HYP_FOREVER);
	pthread_mutex_lock(&lock);
	node->taken = false;
	pthread_mutex_unlock(&lock);
}

/* The node after @node, or the first one for NULL. Safe in a signal handler. */
struct posix_node *posix_registry_next(struct posix_node *node)
{
	return node ? node->next : atomic_load(&nodes);
}

/* Returns the instance, which lives until posix_node_unpin(), or NULL without a pin. Safe in a signal handler. */
struct hyp *posix_node_pin(struct posix_node *node)
{
	struct hyp *h;

	atomic_fetch_add(&node->pins, 1);
	h = atomic_load(&node->instance);
	if (!h)
		posix_node_unpin(node);
	return h;
}

void posix_node_unpin(struct posix_node *node)
{
	if (atomic_fetch_sub(&node->pins, 1) == 1 && !atomic_load(&node->instance))
		posix_futex_wake(&node->pins, 1);
}

/* Pins the instance with this serial number; NULL when it is gone. */
struct posix_node *posix_registry_pin(uint64_t serial)
{
	struct posix_node *node;
	struct hyp *h;

	for (node = posix_registry_next(NULL); node; node = posix_registry_next(node)) {
		h = posix_node_pin(node);
		if (h && h->serial == serial)
			return node;
		if (h)
			posix_node_unpin(node);
	}
	return NULL;
}
