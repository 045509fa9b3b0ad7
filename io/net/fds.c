// SPDX-License-Identifier: BSD-2-Clause
/*
 * Devices whose queues are descriptors: frames go from the user's pages to the host and back by one system call each
 *
 * What the host does not take at once waits in a list for the poller's thread, which sends it when the host is ready.
 */
#include <errno.h>
#include <unistd.h>

#include "fds.h"

_Static_assert(sizeof(struct hyp_iovec) == sizeof(struct iovec) &&
		       offsetof(struct hyp_iovec, len) == offsetof(struct iovec, iov_len),
	       "pieces go to the host as they are");

/* Frames that may lie with the host from before a user came */
#define STALE_MAX 4096

static void died(struct net_fds *fds)
{
	if (!atomic_exchange(&fds->dead, true))
		net_link_changed(&fds->device);
}

/* The pieces of a frame behind those of its header */
static int spread(const struct net_fds *fds, const struct hyp_net_frame *frame, struct hyp_net_header *header,
		  struct iovec *iov)
{
	int n = 0;
	uint32_t i;

	if (fds->header)
		iov[n++] = (struct iovec){ .iov_base = header, .iov_len = fds->header };
	for (i = 0; i < frame->iovcnt && i < NET_MAX_IOV; i++)
		iov[n++] = (struct iovec){ .iov_base = frame->iov[i].base, .iov_len = frame->iov[i].len };
	return n;
}

/* What became of a frame that the host did not take: -EAGAIN when it is to be tried again */
static int sort_error(struct net_fds *fds, int error)
{
	switch (error) {
	case EAGAIN:
		return -HYP_EAGAIN;
	case EBADFD:
	case ENODEV:
	case ENXIO:
		died(fds);
		return -HYP_ESHUTDOWN;
	case ENETDOWN:
		if (fds->ops->gone && fds->ops->gone(fds))
			died(fds);
		return -HYP_ESHUTDOWN;
	case EIO: /* a tap interface that is down */
		return -HYP_ESHUTDOWN;
	case EINVAL:
	case EMSGSIZE:
		return -HYP_EINVAL;
	default: /* ENOBUFS and the like: lost, as networks lose frames */
		atomic_fetch_add(&fds->device.stats.sent_dropped, 1);
		return 0;
	}
}

/* Return: the frame's status, or -HYP_EAGAIN */
static int send_one(struct net_fds *fds, struct net_fds_queue *queue, const struct hyp_net_frame *frame)
{
	struct hyp_net_header header = frame->header;
	struct iovec iov[NET_MAX_IOV + 1];
	int count = spread(fds, frame, &header, iov);
	ssize_t len;

	do {
		len = fds->ops->send(queue->watch.fd, iov, count);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return sort_error(fds, errno);
	net_count_sent(&fds->device, 1, frame->length);
	return 0;
}

/* With the queue's lock: send what is pending as far as the host takes it */
static void send_pending(struct net_fds *fds, struct net_fds_queue *queue, struct net_list *done)
{
	while (queue->pending.head) {
		int status = send_one(fds, queue, queue->pending.head);

		if (status == -HYP_EAGAIN) {
			net_poller_ask(&fds->poller, &queue->watch, EPOLLOUT);
			return;
		}
		net_list_end(done, net_list_take(&queue->pending), status);
	}
}

void net_fds_send(struct hyp_net *net, uint32_t index, struct hyp_net_frame *batch)
{
	struct net_fds *fds = (struct net_fds *)net;
	struct net_fds_queue *queue = &fds->queues[index];
	struct net_list done = { 0 };
	struct hyp_net_frame *next;
	int saved = errno, error;
	bool idle;

	pthread_mutex_lock(&queue->lock);
	idle = !queue->pending.head;
	for (; batch; batch = next) {
		error = net_check(&net->info, batch);
		next = batch->next;
		if (error)
			net_list_end(&done, batch, error);
		else
			net_list_add(&queue->pending, batch);
	}
	if (idle)
		send_pending(fds, queue, &done);
	pthread_mutex_unlock(&queue->lock);
	net_sent(&fds->device, index, done.head);
	errno = saved;
}

/* Return: 1 for a frame, 0 for none now, -1 for one that was no good */
static int receive_one(struct net_fds *fds, struct net_fds_queue *queue, struct hyp_net_frame *room)
{
	struct iovec iov[NET_MAX_IOV + 2];
	int count = spread(fds, room, &room->header, iov);
	size_t most = net_room(room);
	char beyond;
	ssize_t len;

	/* One byte more than there is room for: what reaches it was cut. */
	iov[count++] = (struct iovec){ .iov_base = &beyond, .iov_len = 1 };
	if (!fds->header)
		room->header = (struct hyp_net_header){ 0 };
	do {
		len = fds->ops->receive(queue->watch.fd, iov, count);
	} while (len < 0 && errno == EINTR);
	if (len < 0) {
		sort_error(fds, errno);
		return 0;
	}
	len -= (ssize_t)fds->header;
	if (len < (ssize_t)HYP_NET_HEADER_MIN || len > (ssize_t)fds->device.net.info.max_frame) {
		atomic_fetch_add(&fds->device.stats.received_bad, 1);
		return -1;
	}
	if ((size_t)len > most) {
		atomic_fetch_add(&fds->device.stats.received_dropped, 1);
		return -1;
	}
	room->length = (uint32_t)len;
	return 1;
}

uint32_t net_fds_receive(struct hyp_net *net, uint32_t index, struct hyp_net_frame *room)
{
	struct net_fds *fds = (struct net_fds *)net;
	struct net_fds_queue *queue = &fds->queues[index];
	int saved = errno, got = 1;
	uint32_t filled = 0;

	while (room && got) {
		got = receive_one(fds, queue, room);
		if (got <= 0)
			continue;
		net_count_received(&fds->device, 1, room->length);
		filled++;
		room = room->next;
	}
	if (room && !atomic_load(&fds->dead))
		net_poller_ask(&fds->poller, &queue->watch, EPOLLIN);
	errno = saved;
	return filled;
}

static void event(void *owner, struct net_watch *watch, uint32_t events)
{
	struct net_fds *fds = owner;
	struct net_fds_queue *queue = &fds->queues[watch->index];
	struct net_list done = { 0 };

	if (events & EPOLLOUT) {
		pthread_mutex_lock(&queue->lock);
		send_pending(fds, queue, &done);
		/* Within the lock: who detaches takes it before the upcalls end. */
		net_sent(&fds->device, watch->index, done.head);
		pthread_mutex_unlock(&queue->lock);
	}
	/* With an error: the fetch that follows finds out which. */
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		net_ready(&fds->device, watch->index);
}

/* What arrived before there was a user is not for it. */
static void drop_stale(struct net_fds *fds, struct net_fds_queue *queue)
{
	char memory[2048];
	struct iovec iov = { .iov_base = memory, .iov_len = sizeof(memory) };
	unsigned int i;

	for (i = 0; i < STALE_MAX && fds->ops->receive(queue->watch.fd, &iov, 1) >= 0; i++)
		atomic_fetch_add(&fds->device.stats.received_dropped, 1);
}

int net_fds_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct net_fds *fds = (struct net_fds *)net;
	int saved = errno, error = net_attach(net, upcalls, cookie);
	unsigned int i;

	for (i = 0; i < fds->opened && !error; i++) {
		drop_stale(fds, &fds->queues[i]);
		net_poller_ask(&fds->poller, &fds->queues[i].watch, EPOLLIN);
	}
	errno = saved;
	return error;
}

void net_fds_detach(struct hyp_net *net)
{
	struct net_fds *fds = (struct net_fds *)net;
	unsigned int i;

	for (i = 0; i < fds->opened; i++) {
		struct net_list done = { 0 };

		pthread_mutex_lock(&fds->queues[i].lock);
		net_end_all(&done, &fds->queues[i].pending, -HYP_ESHUTDOWN);
		pthread_mutex_unlock(&fds->queues[i].lock);
		net_sent(&fds->device, i, done.head);
	}
	net_detach(net);
}

bool net_fds_link(struct hyp_net *net)
{
	return !atomic_load(&((struct net_fds *)net)->dead);
}

int net_fds_start(struct io_spec *spec, struct net_fds *fds, const int *fd)
{
	unsigned int queues = fds->device.net.info.queues, i;
	int error;

	fds->poller.event = event;
	fds->poller.owner = fds;
	error = net_poller_start(spec, &fds->poller);
	if (error) {
		for (i = 0; i < queues; i++)
			close(fd[i]);
		return error;
	}
	for (i = 0; i < queues && !error; i++) {
		net_watch_init(&fds->queues[i].watch, i);
		error = net_poller_add(&fds->poller, &fds->queues[i].watch, fd[i]);
		if (error)
			break;
		pthread_mutex_init(&fds->queues[i].lock, NULL);
		fds->opened++;
	}
	if (!error)
		return 0;
	for (; i < queues; i++)
		close(fd[i]);
	net_fds_stop(fds);
	return io_fail(spec, error, "%s: a descriptor cannot be waited for: it is a file, or memory is short",
		       spec->name);
}

void net_fds_stop(struct net_fds *fds)
{
	unsigned int i;

	net_poller_stop(&fds->poller);
	for (i = 0; i < fds->opened; i++) {
		net_watch_destroy(&fds->queues[i].watch);
		pthread_mutex_destroy(&fds->queues[i].lock);
		close(fds->queues[i].watch.fd);
	}
}
