/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection of the system-call proxy as a stream of bytes, for both ends.
 *
 * All calls go to the host's kernel directly, so that a library that intercepts the C library's (to send some of a
 * program's calls to a rump kernel) cannot catch them. They return 0 or more, or a negative errno of the host;
 * -ECONNRESET when the peer has gone.
 */
#ifndef POSIX_RUMPUSER_SP_STREAM_H
#define POSIX_RUMPUSER_SP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "patience.h"
#include "sp_url.h"

#define SP_STREAM_BUFFER 16384

/**
 * struct sp_stream - the receiving side of a connection; one thread at a time may use it
 * @fd:    a blocking socket, usually with a time limit on receiving
 * @start: first byte in @buffer that was not taken yet
 * @end:   behind the last
 * @patience: of waits for bytes
 */
struct sp_stream {
	int fd;
	uint32_t start;
	uint32_t end;
	struct ru_patience patience;
	_Alignas(16) unsigned char buffer[SP_STREAM_BUFFER];
};

/** sp_stream_open() - begin with @fd; it stays the caller's */
static inline void sp_stream_open(struct sp_stream *s, int fd)
{
	s->fd = fd;
	s->start = 0;
	s->end = 0;
	s->patience = (struct ru_patience){ 0 };
}

/** sp_stream_data(), sp_stream_size() - what has been received */
static inline void *sp_stream_data(struct sp_stream *s)
{
	return s->buffer + s->start;
}

static inline size_t sp_stream_size(const struct sp_stream *s)
{
	return s->end - s->start;
}

/** sp_stream_skip() - take @size bytes, no more than have been received */
static inline void sp_stream_skip(struct sp_stream *s, size_t size)
{
	s->start += size;
}

/**
 * sp_stream_need() - have at least @size bytes at sp_stream_data()
 * @size: at most SP_STREAM_BUFFER
 * @wait: wait for them, up to the time limit of the socket; else take what is there
 * Return: 0, or -EAGAIN when time is over; what has come is kept. May move what is at sp_stream_data().
 */
int sp_stream_need(struct sp_stream *s, size_t size, bool wait);

/**
 * sp_stream_receive() - bytes behind those in the buffer, which is empty, to where they belong
 * @done: out, also on failure: how many came
 * Return: 0 for all, -EAGAIN when time is over, -EFAULT for a bad @data
 */
int sp_stream_receive(struct sp_stream *s, void *data, size_t size, size_t *done);

/** sp_stream_discard() - take *@size bytes and forget them. @size: out: how many are left. Return: 0, -EAGAIN */
int sp_stream_discard(struct sp_stream *s, size_t *size);

/**
 * sp_send() - send the pieces @iov, which is used up: on failure it says what was not sent
 * @stalled: called with @arg when the peer does not take everything at once, before waiting for it; may be NULL
 * Return: 0 when all is sent; -EPIPE when the peer has gone, -EFAULT for a bad address in @iov
 */
int sp_send(int fd, struct iovec *iov, size_t n, void (*stalled)(void *arg), void *arg);

/**
 * sp_send_now() - send from the beginning of @iov what goes without waiting
 * Return: bytes, -EAGAIN for none
 */
long sp_send_now(int fd, struct iovec *iov, size_t n);

/** sp_connect() - a blocking socket, closed by execve(2), connected to @url; as socket(2) and connect(2) */
int sp_connect(const struct sp_url *url);

/** sp_receive_timeout() - the time limit on receiving; 0: none */
void sp_receive_timeout(int fd, unsigned int microseconds);

/** sp_no_delay() - send small messages at once; no effect on a unix socket */
void sp_no_delay(int fd);

/** sp_shutdown() - the end, in both directions; whoever waits for the socket sees it */
void sp_shutdown(int fd);

/** sp_close() - close(2) */
void sp_close(int fd);

#endif
