// SPDX-License-Identifier: BSD-2-Clause
/* A thread that waits for descriptors of a device */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rumpus/hyp.h>

#include "../spec.h"
#include "../thread.h"
#include "poller.h"

/* With the watch's lock. The host reports nothing of a watch that nobody asks for, and otherwise once. */
static void tell_host(struct net_poller *poller, struct net_watch *watch)
{
	struct epoll_event event = { .events = watch->wanted | EPOLLONESHOT, .data.ptr = watch };

	if (watch->fd >= 0)
		epoll_ctl(poller->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

static void report(struct net_poller *poller, struct net_watch *watch, uint32_t events)
{
	pthread_mutex_lock(&watch->lock);
	watch->wanted &= ~events;
	if (watch->wanted && !(events & (EPOLLERR | EPOLLHUP)))
		tell_host(poller, watch);
	pthread_mutex_unlock(&watch->lock);
	poller->event(poller->owner, watch, events);
}

static void *poll_main(void *arg)
{
	struct net_poller *poller = arg;
	struct epoll_event events[16];
	int i, n;

	for (;;) {
		n = epoll_wait(poller->epoll, events, 16, -1);
		for (i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return NULL;
			report(poller, events[i].data.ptr, events[i].events);
		}
	}
}

int net_poller_start(struct io_spec *spec, struct net_poller *poller)
{
	struct epoll_event event = { .events = EPOLLIN };
	int error;

	poller->epoll = io_descriptor(epoll_create1(EPOLL_CLOEXEC));
	poller->stop = io_descriptor(eventfd(0, EFD_CLOEXEC));
	if (poller->epoll < 0 || poller->stop < 0 || epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->stop, &event)) {
		error = io_fail(spec, errno == EMFILE || errno == ENFILE ? -HYP_EMFILE : -HYP_ENOMEM,
				"%s: the host gives no descriptors to wait with: %s%s", spec->name, strerror(errno),
				errno == EMFILE ? "; raise ulimit -n" : "");
	} else {
		error = io_thread_create(&poller->thread, "rumpus-net", poll_main, poller);
		if (!error)
			return 0;
		io_threads_refused(spec, error, spec->name);
	}
	if (poller->epoll >= 0)
		close(poller->epoll);
	if (poller->stop >= 0)
		close(poller->stop);
	return error;
}

void net_poller_stop(struct net_poller *poller)
{
	static const uint64_t one = 1;

	while (write(poller->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(poller->thread, NULL);
	close(poller->stop);
	close(poller->epoll);
}

void net_watch_init(struct net_watch *watch, uint32_t index)
{
	watch->fd = -1;
	watch->index = index;
	watch->wanted = 0;
	pthread_mutex_init(&watch->lock, NULL);
}

void net_watch_destroy(struct net_watch *watch)
{
	pthread_mutex_destroy(&watch->lock);
}

int net_poller_add(struct net_poller *poller, struct net_watch *watch, int fd)
{
	struct epoll_event event = { .events = EPOLLONESHOT, .data.ptr = watch };
	int error = 0;

	pthread_mutex_lock(&watch->lock);
	/* Asked for nothing, the host would still report errors, once: those are of interest when somebody asks. */
	if (epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event))
		error = errno == EPERM ? -HYP_EINVAL : -HYP_ENOMEM;
	else
		watch->fd = fd;
	pthread_mutex_unlock(&watch->lock);
	return error;
}

void net_poller_forget(struct net_poller *poller, struct net_watch *watch)
{
	int saved = errno;

	pthread_mutex_lock(&watch->lock);
	epoll_ctl(poller->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
	watch->wanted = 0;
	pthread_mutex_unlock(&watch->lock);
	errno = saved;
}

void net_poller_ask(struct net_poller *poller, struct net_watch *watch, uint32_t events)
{
	int saved = errno;

	pthread_mutex_lock(&watch->lock);
	watch->wanted |= events;
	tell_host(poller, watch);
	pthread_mutex_unlock(&watch->lock);
	errno = saved;
}
