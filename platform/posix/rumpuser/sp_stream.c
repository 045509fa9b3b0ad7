// SPDX-License-Identifier: BSD-2-Clause
/* A connection of the system-call proxy as a stream of bytes */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "sp_stream.h"

/* How long to look whether bytes come soon: a round trip with a short call in it, also over TCP */
#define LOOK_NS 30000U

/* A host call without the C library's errno, which belongs to the program. */
static long host(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long ret = syscall(number, a, b, c, d, e, f);

	if (ret < 0)
		ret = -errno;
	errno = saved;
	return ret;
}

static long receive(int fd, void *data, size_t size, int flags)
{
	long ret;

	do {
		ret = host(SYS_recvfrom, fd, (long)data, size, flags, 0, 0);
	} while (ret == -EINTR);
	return ret ? ret : -ECONNRESET;
}

static void make_room(struct sp_stream *s, size_t size)
{
	if (s->start == s->end) {
		s->start = 0;
		s->end = 0;
	} else if (sizeof(s->buffer) - s->start < size) {
		memmove(s->buffer, s->buffer + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static long receive_soon(struct sp_stream *s, void *data, size_t size)
{
	uint64_t limit;
	long ret;

	if (!ru_patience_looks(&s->patience))
		return -EAGAIN;
	limit = now() + LOOK_NS;
	do {
		ret = receive(s->fd, data, size, MSG_DONTWAIT);
	} while (ret == -EAGAIN && now() < limit);
	ru_patience_ended(&s->patience, ret != -EAGAIN);
	return ret;
}

int sp_stream_need(struct sp_stream *s, size_t size, bool wait)
{
	size_t room;
	long ret;

	if (sp_stream_size(s) >= size)
		return 0;
	make_room(s, size);
	while (sp_stream_size(s) < size) {
		room = sizeof(s->buffer) - s->end;
		ret = wait ? receive_soon(s, s->buffer + s->end, room) : -EAGAIN;
		if (ret == -EAGAIN)
			ret = receive(s->fd, s->buffer + s->end, room, wait ? 0 : MSG_DONTWAIT);
		if (ret < 0)
			return ret;
		s->end += ret;
	}
	return 0;
}

int sp_stream_receive(struct sp_stream *s, void *data, size_t size, size_t *done)
{
	size_t got = 0;
	long ret = 0;

	while (got < size) {
		ret = receive(s->fd, (char *)data + got, size - got, MSG_WAITALL);
		if (ret < 0)
			break;
		got += ret;
	}
	*done = got;
	return got == size ? 0 : ret;
}

int sp_stream_discard(struct sp_stream *s, size_t *size)
{
	size_t part;
	int ret;

	while (*size) {
		ret = sp_stream_need(s, 1, true);
		if (ret)
			return ret;
		part = *size < sp_stream_size(s) ? *size : sp_stream_size(s);
		sp_stream_skip(s, part);
		*size -= part;
	}
	return 0;
}

static long send_some(int fd, struct iovec *iov, size_t n, int flags)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = n };
	long ret;

	do {
		ret = host(SYS_sendmsg, fd, (long)&message, flags | MSG_NOSIGNAL, 0, 0, 0);
	} while (ret == -EINTR);
	return ret == -ECONNRESET ? -EPIPE : ret;
}

long sp_send_now(int fd, struct iovec *iov, size_t n)
{
	return send_some(fd, iov, n, MSG_DONTWAIT);
}

static void iov_advance(struct iovec **iov, size_t *n, size_t sent)
{
	while (*n && sent >= (*iov)->iov_len) {
		sent -= (*iov)->iov_len;
		(*iov)->iov_len = 0;
		(*iov)++;
		(*n)--;
	}
	if (*n) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + sent;
		(*iov)->iov_len -= sent;
	}
}

int sp_send(int fd, struct iovec *iov, size_t n, void (*stalled)(void *arg), void *arg)
{
	int flags = MSG_DONTWAIT;
	long ret;

	while (n) {
		ret = send_some(fd, iov, n, flags);
		if (ret == -EAGAIN && flags) {
			if (stalled)
				stalled(arg);
			flags = 0;
			continue;
		}
		if (ret < 0)
			return ret;
		iov_advance(&iov, &n, ret);
	}
	return 0;
}

int sp_connect(const struct sp_url *url)
{
	long fd = host(SYS_socket, url->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;
	long ret;

	if (fd < 0)
		return fd;
	ret = host(SYS_connect, fd, (long)&url->any, url->size, 0, 0, 0);
	if (ret == -EINTR) { /* goes on without us */
		do {
			ret = host(SYS_ppoll, (long)&ready, 1, 0, 0, 0, 0);
		} while (ret == -EINTR);
		ret = host(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, (long)&error, (long)&size, 0);
		if (!ret)
			ret = -error;
	}
	if (ret < 0) {
		sp_close(fd);
		return ret;
	}
	sp_no_delay(fd);
	return fd;
}

void sp_receive_timeout(int fd, unsigned int microseconds)
{
	struct timeval limit = { .tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000 };

	host(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&limit, sizeof(limit), 0);
}

void sp_no_delay(int fd)
{
	int on = 1;

	host(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&on, sizeof(on), 0);
}

void sp_shutdown(int fd)
{
	host(SYS_shutdown, fd, SHUT_RDWR, 0, 0, 0, 0);
}

void sp_close(int fd)
{
	host(SYS_close, fd, 0, 0, 0, 0, 0);
}
