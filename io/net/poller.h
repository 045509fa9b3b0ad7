/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that waits for descriptors of a device, each event asked for once */
#ifndef IO_NET_POLLER_H
#define IO_NET_POLLER_H

#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "../spec.h"

/**
 * struct net_watch - a descriptor that is waited for
 * @fd:     it, or -1
 * @index:  for the owner
 * @lock:   guards the rest, and changes of @fd
 * @wanted: events of epoll(7) that were asked for and have not come
 */
struct net_watch {
	int fd;
	uint32_t index;
	pthread_mutex_t lock;
	uint32_t wanted;
};

/**
 * struct net_poller - the thread
 * @event:  called on it: @events, among those asked for, EPOLLERR and EPOLLHUP
 * @owner:  first argument of @event
 * @epoll:  descriptor of what it waits in
 * @stop:   descriptor that ends it
 * @thread: it
 */
struct net_poller {
	void (*event)(void *owner, struct net_watch *watch, uint32_t events);
	void *owner;
	int epoll;
	int stop;
	pthread_t thread;
};

/** net_watch_init(), net_watch_destroy() - without a descriptor, and without one that is waited for */
void net_watch_init(struct net_watch *watch, uint32_t index);
void net_watch_destroy(struct net_watch *watch);

/**
 * net_poller_start() - @event and @owner are set
 * Return: 0; -HYP_EAGAIN, -HYP_EMFILE, -HYP_ENOMEM with a message
 */
int net_poller_start(struct io_spec *spec, struct net_poller *poller);

/** net_poller_stop() - no event comes any more; watches that are still there are forgotten; blocks */
void net_poller_stop(struct net_poller *poller);

/** net_poller_add() - make a descriptor known; nothing is asked for yet. Return: 0, -HYP_ENOMEM, -HYP_EINVAL */
int net_poller_add(struct net_poller *poller, struct net_watch *watch, int fd);

/** net_poller_forget() - the reverse, before the descriptor is closed; an event may still come, late */
void net_poller_forget(struct net_poller *poller, struct net_watch *watch);

/** net_poller_ask() - have @events reported once, at once where they hold now; any thread, keeps errno */
void net_poller_ask(struct net_poller *poller, struct net_watch *watch, uint32_t events);

#endif
