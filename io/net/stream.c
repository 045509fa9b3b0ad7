// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "stream": frames over a stream socket, each behind its length in four bytes, the highest first
 *
 * That is what passt and QEMU's stream and socket backends speak. One side listens, the other one connects. A stream is
 * read in large pieces and frames are copied from there; it is written straight from the user's pages, a batch at a
 * time. When the other side goes, the link is down; who listens waits for the next one, and who connected stays alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "net.h"
#include "poller.h"

#define LENGTH_SIZE 4U
#define BUFFER_SIZE (256U << 10)
#define LISTENER 0
#define PEER 1

/**
 * struct stream - the device
 * @device:   towards the user
 * @poller:   waits for both sockets
 * @listener: for peers; its fd is -1 for who connected
 * @name:     of the socket, for messages; a file when it begins with a slash and we made it
 * @made:     the file is ours to remove
 * @send_lock: guards @pending, @sent, sending, and with @receive_lock the change of @peer
 * @pending:  frames to be sent, the first of them in part
 * @sent:     bytes of the first, its length included, that have gone
 * @receive_lock: guards @buffer, @begin, @end and receiving
 * @peer:     the other side; its fd is -1 while there is none
 * @connected: there is one
 * @buffer:   bytes that have come, those from @begin to @end not yet handed on
 */
struct stream {
	struct net_device device;
	struct net_poller poller;
	struct net_watch listener;
	char name[128];
	bool made;
	pthread_mutex_t send_lock;
	struct net_list pending;
	size_t sent;
	pthread_mutex_t receive_lock;
	struct net_watch peer;
	_Atomic bool connected;
	unsigned char *buffer;
	size_t begin, end;
};

/* ---- the other side goes and comes ---- */

/* With both locks. The descriptor stays until nobody can be in it: it is closed here, under both. */
static void drop_peer(struct stream *stream, struct net_list *done)
{
	if (stream->peer.fd < 0)
		return;
	net_end_all(done, &stream->pending, -HYP_ESHUTDOWN);
	stream->sent = 0;
	stream->begin = stream->end = 0;
	net_poller_forget(&stream->poller, &stream->peer);
	close(stream->peer.fd);
	stream->peer.fd = -1;
	atomic_store(&stream->connected, false);
}

/* The other side has gone: with no lock */
static void lose_peer(struct stream *stream, int fd)
{
	struct net_list done = { 0 };
	bool lost;

	pthread_mutex_lock(&stream->receive_lock);
	pthread_mutex_lock(&stream->send_lock);
	/* Unless somebody else saw it, too, and there is another one now */
	lost = fd >= 0 && stream->peer.fd == fd;
	if (lost)
		drop_peer(stream, &done);
	pthread_mutex_unlock(&stream->send_lock);
	pthread_mutex_unlock(&stream->receive_lock);
	net_sent(&stream->device, 0, done.head);
	if (!lost)
		return;
	net_link_changed(&stream->device);
	if (stream->listener.fd >= 0)
		net_poller_ask(&stream->poller, &stream->listener, EPOLLIN);
}

static int take_peer(struct stream *stream, int fd)
{
	int error, one = 1;

	/* Of no meaning, and refused, for sockets that are not TCP's */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	pthread_mutex_lock(&stream->receive_lock);
	pthread_mutex_lock(&stream->send_lock);
	error = net_poller_add(&stream->poller, &stream->peer, fd);
	atomic_store(&stream->connected, !error);
	pthread_mutex_unlock(&stream->send_lock);
	pthread_mutex_unlock(&stream->receive_lock);
	if (!error)
		net_poller_ask(&stream->poller, &stream->peer, EPOLLIN);
	return error;
}

/* ---- sending ---- */

/* Pieces of a frame with its length before them, without the first @skip bytes. Return: how many */
static int spread(const struct hyp_net_frame *frame, uint32_t *length, size_t skip, struct iovec *iov)
{
	int n = 0;
	uint32_t i;

	*length = htonl(frame->length);
	iov[n++] = (struct iovec){ .iov_base = length, .iov_len = LENGTH_SIZE };
	for (i = 0; i < frame->iovcnt && i < NET_MAX_IOV; i++)
		iov[n++] = (struct iovec){ .iov_base = frame->iov[i].base, .iov_len = frame->iov[i].len };
	for (i = 0; skip; i++) {
		size_t part = iov[i].iov_len < skip ? iov[i].iov_len : skip;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		skip -= part;
	}
	return n;
}

/* With the lock. Return: 0 when all is sent, -HYP_EAGAIN, -HYP_ESHUTDOWN */
static int send_pending(struct stream *stream, struct net_list *done)
{
	struct iovec iov[NET_MAX_IOV + 1];
	struct hyp_net_frame *frame;
	struct msghdr message = { .msg_iov = iov };
	uint32_t length;
	ssize_t len;

	while ((frame = stream->pending.head)) {
		message.msg_iovlen = (size_t)spread(frame, &length, stream->sent, iov);
		len = sendmsg(stream->peer.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -HYP_EAGAIN : -HYP_ESHUTDOWN;
		stream->sent += (size_t)len;
		if (stream->sent < LENGTH_SIZE + frame->length)
			continue;
		stream->sent = 0;
		net_count_sent(&stream->device, 1, frame->length);
		net_list_end(done, net_list_take(&stream->pending), 0);
	}
	return 0;
}

/* Without a lock: go on, and say what came of it */
static void send_more(struct stream *stream)
{
	struct net_list done = { 0 };
	int error, fd;

	pthread_mutex_lock(&stream->send_lock);
	fd = stream->peer.fd;
	error = fd < 0 ? 0 : send_pending(stream, &done);
	pthread_mutex_unlock(&stream->send_lock);
	net_sent(&stream->device, 0, done.head);
	if (error == -HYP_EAGAIN)
		net_poller_ask(&stream->poller, &stream->peer, EPOLLOUT);
	else if (error)
		lose_peer(stream, fd);
}

static void device_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct stream *stream = (struct stream *)net;
	struct net_list done = { 0 };
	struct hyp_net_frame *next;
	int saved = errno, error;
	bool idle;

	pthread_mutex_lock(&stream->send_lock);
	idle = !stream->pending.head;
	for (; batch; batch = next) {
		error = net_check(&net->info, batch);
		if (!error && stream->peer.fd < 0)
			error = -HYP_ESHUTDOWN;
		next = batch->next;
		if (error)
			net_list_end(&done, batch, error);
		else
			net_list_add(&stream->pending, batch);
	}
	pthread_mutex_unlock(&stream->send_lock);
	net_sent(&stream->device, queue, done.head);
	if (idle)
		send_more(stream);
	errno = saved;
}

/* ---- receiving ---- */

/* With the lock: have more bytes. Return: more than 0; 0 for none now, -1 when the other side has gone */
static int fill_buffer(struct stream *stream)
{
	ssize_t len;

	memmove(stream->buffer, stream->buffer + stream->begin, stream->end - stream->begin);
	stream->end -= stream->begin;
	stream->begin = 0;
	do {
		len = recv(stream->peer.fd, stream->buffer + stream->end, BUFFER_SIZE - stream->end, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == EAGAIN ? 0 : -1;
	stream->end += (size_t)len;
	return len ? 1 : -1;
}

/* With the lock. Return: 1 for a frame in @room, 0 for none now, -1 when nothing more can come */
static int take_frame(struct stream *stream, struct hyp_net_frame *room)
{
	uint32_t length;
	int more = 1;

	while (more > 0) {
		size_t there = stream->end - stream->begin;

		if (there >= LENGTH_SIZE) {
			memcpy(&length, stream->buffer + stream->begin, LENGTH_SIZE);
			length = ntohl(length);
			/* Nobody knows where the next frame would begin. */
			if (length > stream->device.net.info.max_frame) {
				atomic_fetch_add(&stream->device.stats.received_bad, 1);
				return -1;
			}
			if (there >= LENGTH_SIZE + length) {
				const unsigned char *bytes = stream->buffer + stream->begin + LENGTH_SIZE;

				stream->begin += LENGTH_SIZE + length;
				if (net_fill(&stream->device, room, NULL, bytes, length))
					return 1;
				continue;
			}
		}
		more = fill_buffer(stream);
	}
	return more;
}

static uint32_t device_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room)
{
	struct stream *stream = (struct stream *)net;
	int saved = errno, got = 0, fd;
	uint32_t filled = 0;

	pthread_mutex_lock(&stream->receive_lock);
	fd = stream->peer.fd;
	for (; room && fd >= 0; room = room->next, filled++) {
		got = take_frame(stream, room);
		if (got <= 0)
			break;
	}
	pthread_mutex_unlock(&stream->receive_lock);
	if (got < 0)
		lose_peer(stream, fd);
	else if (room)
		net_poller_ask(&stream->poller, &stream->peer, EPOLLIN);
	errno = saved;
	return filled;
}

/* ---- the thread ---- */

static void accept_peer(struct stream *stream)
{
	int fd = io_descriptor(accept4(stream->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));

	if (fd >= 0 && !take_peer(stream, fd)) {
		net_link_changed(&stream->device);
		return;
	}
	if (fd >= 0)
		close(fd);
	net_poller_ask(&stream->poller, &stream->listener, EPOLLIN);
}

/* Without a user nobody reads: what comes is dropped, so that the other side is not held up. */
static void drop_incoming(struct stream *stream)
{
	static const struct hyp_iovec none = { 0 };
	struct hyp_net_frame nowhere = { .iov = &none, .iovcnt = 1 };

	device_receive(&stream->device.net, 0, &nowhere);
}

static void event(void *owner, struct net_watch *watch, uint32_t events)
{
	struct stream *stream = owner;

	if (watch->index == LISTENER) {
		accept_peer(stream);
		return;
	}
	if (events & EPOLLOUT)
		send_more(stream);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (atomic_load(&stream->device.attached))
		net_ready(&stream->device, 0);
	else
		drop_incoming(stream);
}

/* ---- what the user calls ---- */

static int attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct stream *stream = (struct stream *)net;
	int error = net_attach(net, upcalls, cookie);

	if (!error)
		net_poller_ask(&stream->poller, &stream->peer, EPOLLIN);
	return error;
}

static void detach(struct hyp_net *net)
{
	struct stream *stream = (struct stream *)net;
	struct net_list done = { 0 };
	int saved = errno, half = -1;

	pthread_mutex_lock(&stream->send_lock);
	/* A frame that has gone in part cannot be taken back: the stream ends here. */
	if (stream->sent)
		half = stream->peer.fd;
	net_end_all(&done, &stream->pending, -HYP_ESHUTDOWN);
	pthread_mutex_unlock(&stream->send_lock);
	net_sent(&stream->device, 0, done.head);
	if (half >= 0)
		lose_peer(stream, half);
	net_detach(net);
	net_poller_ask(&stream->poller, &stream->peer, EPOLLIN);
	errno = saved;
}

static bool device_link(struct hyp_net *net)
{
	return atomic_load(&((struct stream *)net)->connected);
}

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct stream *stream = (const struct stream *)net;

	return snprintf(buf, size, "stream %s%s", stream->name, stream->listener.fd >= 0 ? ", listening" : "");
}

/* Also undoes what an opening that failed had come to; the thread runs */
static void device_close(struct hyp_net *net)
{
	struct stream *stream = (struct stream *)net;

	net_poller_stop(&stream->poller);
	if (stream->listener.fd >= 0)
		close(stream->listener.fd);
	if (stream->peer.fd >= 0)
		close(stream->peer.fd);
	if (stream->made)
		unlink(stream->name);
	net_watch_destroy(&stream->listener);
	net_watch_destroy(&stream->peer);
	pthread_mutex_destroy(&stream->send_lock);
	pthread_mutex_destroy(&stream->receive_lock);
	free(stream->buffer);
	free(stream);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "stream",
	.attach = attach,
	.detach = detach,
	.send = device_send,
	.receive = device_receive,
	.link = device_link,
	.stats = net_stats,
	.describe = describe,
	.close = device_close,
};

/* ---- opening ---- */

/** struct place - where a socket is */
struct place {
	struct sockaddr_storage address;
	socklen_t size;
};

/* "unix:/path", "tcp:127.0.0.1:7000" */
static int parse_place(struct io_spec *spec, struct place *place)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&place->address;
	struct addrinfo wish = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	char host[64], *colon;

	memset(place, 0, sizeof(*place));
	if (!strncmp(spec->rest, "unix:", 5) && spec->rest[5] && strlen(spec->rest + 5) < sizeof(local->sun_path)) {
		local->sun_family = AF_UNIX;
		strcpy(local->sun_path, spec->rest + 5);
		place->size = sizeof(*local);
		return 0;
	}
	snprintf(host, sizeof(host), "%s", strncmp(spec->rest, "tcp:", 4) ? "" : spec->rest + 4);
	colon = strrchr(host, ':');
	if (colon)
		*colon++ = '\0';
	if (!colon || getaddrinfo(host, colon, &wish, &found))
		return io_fail(spec, -HYP_EINVAL,
			       "stream: \"%s\" is no socket; write unix:/path/of/socket or tcp:127.0.0.1:7000",
			       spec->rest);
	memcpy(&place->address, found->ai_addr, found->ai_addrlen);
	place->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int complain(struct io_spec *spec, const char *what, int fd)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	switch (error) {
	case ECONNREFUSED:
	case ENOENT:
		return io_fail(spec, -HYP_ENOENT,
			       "stream: nobody listens at %s; start the other side first, or listen=1", spec->rest);
	case EADDRINUSE:
		return io_fail(spec, -HYP_EBUSY, "stream: %s is there already; remove it, or take another place",
			       spec->rest);
	case EACCES:
	case EPERM:
		return io_fail(spec, -HYP_EACCES, "stream: %s: %s: %s", spec->rest, what, strerror(error));
	default:
		return io_fail(spec, -HYP_EIO, "stream: %s: %s: %s", spec->rest, what, strerror(error));
	}
}

static int open_listener(struct io_spec *spec, struct stream *stream, const struct place *place)
{
	int fd = io_descriptor(socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
	    one = 1;

	if (fd < 0)
		return complain(spec, "socket", fd);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&place->address, place->size))
		return complain(spec, "bind", fd);
	if (place->address.ss_family == AF_UNIX) {
		snprintf(stream->name, sizeof(stream->name), "%s", spec->rest + 5);
		stream->made = true;
	}
	if (listen(fd, 1) || net_poller_add(&stream->poller, &stream->listener, fd))
		return complain(spec, "listen", fd);
	net_poller_ask(&stream->poller, &stream->listener, EPOLLIN);
	return 0;
}

static int open_peer(struct io_spec *spec, struct stream *stream)
{
	struct place place;
	bool listening = false;
	int error = io_option_bool(spec, "listen", &listening), fd = net_option_fd(spec);

	if (error || (fd < 0 && fd != -HYP_ENOENT))
		return error ? error : fd;
	snprintf(stream->name, sizeof(stream->name), "%s", fd < 0 ? spec->rest : "descriptor");
	if (fd < 0) {
		error = parse_place(spec, &place);
		if (error || listening)
			return error ? error : open_listener(spec, stream, &place);
		fd = io_descriptor(socket(place.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
		if (fd < 0 || connect(fd, (const struct sockaddr *)&place.address, place.size))
			return complain(spec, "connect", fd);
	}
	error = take_peer(stream, fd);
	if (!error)
		return 0;
	close(fd);
	return io_fail(spec, error, "stream: %s is no socket", stream->name);
}

static int stream_open(struct io_spec *spec, struct hyp_net **net)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	int error;

	if (stream)
		stream->buffer = malloc(BUFFER_SIZE);
	if (!stream || !stream->buffer) {
		free(stream);
		return io_fail(spec, -HYP_ENOMEM, "stream: no memory");
	}
	stream->device.net.ops = &ops;
	stream->poller.event = event;
	stream->poller.owner = stream;
	net_watch_init(&stream->listener, LISTENER);
	net_watch_init(&stream->peer, PEER);
	pthread_mutex_init(&stream->send_lock, NULL);
	pthread_mutex_init(&stream->receive_lock, NULL);
	error = net_info_read(spec, NULL, &stream->device.net.info);
	if (!error)
		error = net_poller_start(spec, &stream->poller);
	if (error) {
		free(stream->buffer);
		free(stream);
		return error;
	}
	error = open_peer(spec, stream);
	if (error) {
		device_close(&stream->device.net);
		return error;
	}
	*net = &stream->device.net;
	return 0;
}

static const char *const keys[] = { NET_KEYS, "listen", "fd", NULL };

extern const struct net_backend net_backend_stream;
const struct net_backend net_backend_stream = {
	.about = { .name = "stream", .keys = keys, .help = "stream,listen=1:unix:/path/of/socket" },
	.open = stream_open,
};
