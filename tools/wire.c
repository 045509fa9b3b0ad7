// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: messages between the two processes of one command */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

/* Before every record; @size includes it. Records are not aligned: all access is by memcpy(). */
struct header {
	uint32_t size;
	uint16_t type;
	uint16_t has_fd;
};

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
};

int wire_init(struct wire *wire, int fd)
{
	*wire = (struct wire){ .fd = fd };
	wire->out = malloc(WIRE_PACKET_MAX);
	wire->in = malloc(WIRE_PACKET_MAX);
	if (wire->out && wire->in)
		return 0;
	wire_fini(wire);
	return -ENOMEM;
}

static void close_received(struct wire *wire)
{
	while (wire->in_fd_at < wire->in_fd_count)
		close(wire->in_fds[wire->in_fd_at++]);
}

static void close_sent(struct wire *wire)
{
	while (wire->out_fd_count)
		close(wire->out_fds[--wire->out_fd_count]);
}

void wire_fini(struct wire *wire)
{
	close_received(wire);
	close_sent(wire);
	free(wire->out);
	free(wire->in);
	wire->out = NULL;
	wire->in = NULL;
}

static int wait_to_send(struct wire *wire)
{
	struct pollfd poll_fd = { .fd = wire->fd, .events = POLLOUT | (wire->drain ? POLLIN : 0) };

	if (poll(&poll_fd, 1, -1) < 0)
		return -errno;
	if (wire->drain && (poll_fd.revents & POLLIN))
		return wire->drain(wire->arg);
	return poll_fd.revents & (POLLHUP | POLLERR) ? -EPIPE : 0;
}

int wire_flush(struct wire *wire)
{
	struct iovec iov = { .iov_base = wire->out, .iov_len = wire->out_size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };
	int error;

	if (!wire->out_size)
		return 0;
	if (wire->out_fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * wire->out_fd_count);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * wire->out_fd_count);
		memcpy(CMSG_DATA(&control.header), wire->out_fds, sizeof(int) * wire->out_fd_count);
	}
	while (sendmsg(wire->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN)
			return errno == ECONNRESET ? -EPIPE : -errno;
		error = wait_to_send(wire);
		if (error)
			return error;
	}
	wire->out_size = 0;
	close_sent(wire);
	return 0;
}

int wire_begin(struct wire *wire, enum wire_type type, size_t size)
{
	const struct header header = { .type = (uint16_t)type };

	if (wire->out_size + sizeof(header) + size > WIRE_PACKET_MAX) {
		int error = wire_flush(wire);

		if (error)
			return error;
	}
	wire->out_record = wire->out_size;
	wire_put(wire, &header, sizeof(header));
	return 0;
}

void wire_put(struct wire *wire, const void *bytes, size_t size)
{
	/* A caller that exceeds what it announced to wire_begin() is a bug of ours, not bad input. */
	if (size > WIRE_PACKET_MAX - wire->out_size)
		abort();
	memcpy(wire->out + wire->out_size, bytes, size);
	wire->out_size += size;
}

void wire_put_u32(struct wire *wire, uint32_t value)
{
	wire_put(wire, &value, sizeof(value));
}

void wire_put_blob(struct wire *wire, const void *bytes, size_t size)
{
	wire_put_u32(wire, (uint32_t)size);
	if (size)
		wire_put(wire, bytes, size);
}

void wire_put_string(struct wire *wire, const char *text)
{
	wire_put_blob(wire, text, strlen(text) + 1);
}

void *wire_reserve(struct wire *wire, size_t size)
{
	if (size > WIRE_PACKET_MAX - wire->out_size - sizeof(uint32_t))
		abort();
	return wire->out + wire->out_size + sizeof(uint32_t);
}

void wire_commit(struct wire *wire, size_t size)
{
	wire_put_u32(wire, (uint32_t)size);
	wire->out_size += size;
}

int wire_end(struct wire *wire, int fd)
{
	struct header header;

	memcpy(&header, wire->out + wire->out_record, sizeof(header));
	header.size = (uint32_t)(wire->out_size - wire->out_record);
	header.has_fd = fd >= 0;
	memcpy(wire->out + wire->out_record, &header, sizeof(header));
	if (fd >= 0)
		wire->out_fds[wire->out_fd_count++] = fd;
	return wire->out_size >= WIRE_PACKET_GOOD || wire->out_fd_count == WIRE_FDS_MAX ? wire_flush(wire) : 0;
}

static void take_fds(struct wire *wire, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* The buffer bounds the count: the host has closed what did not fit and set MSG_CTRUNC. */
		for (size_t i = 0; i < count && wire->in_fd_count < WIRE_FDS_MAX; i++)
			memcpy(&wire->in_fds[wire->in_fd_count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

static int receive(struct wire *wire)
{
	struct iovec iov = { .iov_base = wire->in, .iov_len = WIRE_PACKET_MAX };
	union control control;
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	close_received(wire);
	wire->in_size = wire->in_at = 0;
	wire->in_fd_count = wire->in_fd_at = 0;
	do /* the other side ended with records of ours unread; its own last ones are still to come */
		got = recvmsg(wire->fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == ECONNRESET);
	if (got < 0)
		return -errno;
	take_fds(wire, &message);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	wire->in_size = (size_t)got;
	return got != 0;
}

bool wire_pending(const struct wire *wire)
{
	return wire->in_at < wire->in_size;
}

int wire_next(struct wire *wire, struct wire_record *record)
{
	struct header header;
	size_t left;

	if (!wire_pending(wire)) {
		int got = receive(wire);

		if (got <= 0)
			return got;
	}
	left = wire->in_size - wire->in_at;
	if (left < sizeof(header))
		return -EPROTO;
	memcpy(&header, wire->in + wire->in_at, sizeof(header));
	if (header.size < sizeof(header) || header.size > left)
		return -EPROTO;
	*record = (struct wire_record){
		.type = header.type,
		.fd = -1,
		.at = wire->in + wire->in_at + sizeof(header),
		.end = wire->in + wire->in_at + header.size,
	};
	wire->in_at += header.size;
	if (header.has_fd) {
		if (wire->in_fd_at == wire->in_fd_count)
			return -EPROTO;
		record->fd = wire->in_fds[wire->in_fd_at++];
	}
	return 1;
}

void wire_get(struct wire_record *record, void *bytes, size_t size)
{
	if (record->bad || size > (size_t)(record->end - record->at)) {
		record->bad = true;
		memset(bytes, 0, size);
		return;
	}
	memcpy(bytes, record->at, size);
	record->at += size;
}

uint32_t wire_get_u32(struct wire_record *record)
{
	uint32_t value;

	wire_get(record, &value, sizeof(value));
	return value;
}

const void *wire_get_blob(struct wire_record *record, size_t *size)
{
	uint32_t length = wire_get_u32(record);
	const void *blob = record->at;

	if (record->bad || length > (size_t)(record->end - record->at)) {
		record->bad = true;
		*size = 0;
		return NULL;
	}
	record->at += length;
	*size = length;
	return blob;
}

const char *wire_get_string(struct wire_record *record)
{
	size_t size;
	const char *text = wire_get_blob(record, &size);

	if (!text || !size || strnlen(text, size) != size - 1) {
		record->bad = true;
		return "";
	}
	return text;
}
