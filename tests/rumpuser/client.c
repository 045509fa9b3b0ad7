// SPDX-License-Identifier: BSD-2-Clause
/* A remote client of the test kernel */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"

enum { REQUEST, RESPONSE, ERROR };
enum { HANDSHAKE, SYSCALL, COPYIN, COPYINSTR, COPYOUT, COPYOUTSTR, ANONMMAP, PREFORK, RAISE };

struct header {
	uint64_t length;
	uint64_t number;
	uint16_t class;
	uint16_t type;
	uint32_t value;
};

_Static_assert(sizeof(struct header) == 24, "wire format");

struct message {
	struct header head;
	char *body;
};

static bool send_all(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t n;

	for (; size; at += n, size -= n) {
		n = send(fd, at, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static bool receive_all(int fd, void *data, size_t size)
{
	char *at = data;
	ssize_t n;

	for (; size; at += n, size -= n) {
		n = recv(fd, at, size, 0);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

/* Header, and two pieces */
static bool send_message(struct client *c, struct header head, const void *a, size_t a_size, const void *b,
			 size_t b_size)
{
	head.length = sizeof(head) + a_size + b_size;
	return send_all(c->fd, &head, sizeof(head)) && send_all(c->fd, a, a_size) && send_all(c->fd, b, b_size);
}

static bool receive(struct client *c, struct message *m)
{
	size_t size;

	m->body = NULL;
	if (!receive_all(c->fd, &m->head, sizeof(m->head)))
		return false;
	if (m->head.length < sizeof(m->head) || m->head.length > 1 << 24) {
		c->wrong++;
		return false;
	}
	size = m->head.length - sizeof(m->head);
	m->body = calloc(1, size + 1);
	return receive_all(c->fd, m->body, size);
}

/* A copy is described by a length and an address of ours. */
static bool serve(struct client *c, const struct message *m)
{
	struct header head = { .number = m->head.number, .class = RESPONSE, .type = m->head.type };
	uint64_t range[2] = { 0 };
	char *at;

	if (m->head.type == RAISE) {
		c->raised = m->head.value;
		return true;
	}
	memcpy(range, m->body, m->head.type == ANONMMAP ? 8 : 16);
	at = (char *)(uintptr_t)range[1];
	switch (m->head.type) {
	case COPYIN:
		return send_message(c, head, at, range[0], NULL, 0);
	case COPYINSTR:
		head.type = COPYIN;
		return send_message(c, head, at, strnlen(at, range[0] - 1) + 1, NULL, 0);
	case COPYOUT:
	case COPYOUTSTR:
		memcpy(at, m->body + 16, range[0]);
		return true;
	case ANONMMAP:
		return send_message(c, head, &c->map, sizeof(c->map), NULL, 0);
	}
	c->wrong++;
	return false;
}

/* Serves the kernel until the answer to a request of ours is there. */
static bool await(struct client *c, struct message *m)
{
	bool ok;

	for (;;) {
		if (!receive(c, m))
			break;
		if (m->head.class == RESPONSE || m->head.class == ERROR)
			return true;
		ok = m->head.class == REQUEST && serve(c, m);
		free(m->body);
		m->body = NULL;
		if (!ok)
			break;
	}
	free(m->body);
	return false;
}

static bool read_banner(struct client *c)
{
	size_t i;

	for (i = 0; i < sizeof(c->banner) - 1; i++) {
		if (!receive_all(c->fd, &c->banner[i], 1))
			return false;
		if (c->banner[i] == '\n')
			return true;
	}
	return false;
}

static bool shake_hands(struct client *c, const char *name)
{
	const struct header head = { .number = ++c->requests, .class = REQUEST, .type = HANDSHAKE };
	struct message answer;
	int error = -1;

	if (!send_message(c, head, name, strlen(name) + 1, NULL, 0) || !await(c, &answer))
		return false;
	if (answer.head.class == RESPONSE && answer.head.length >= sizeof(head) + sizeof(error))
		memcpy(&error, answer.body, sizeof(error));
	free(answer.body);
	return !error;
}

int client_open(struct client *c, const char *path, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*c = (struct client){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return read_banner(c) && shake_hands(c, name) ? 0 : -2;
}

int client_begin(struct client *c, int number, uint64_t a, uint64_t b)
{
	const struct header head = { .number = ++c->requests, .class = REQUEST, .type = SYSCALL, .value = number };
	const uint64_t arguments[2] = { a, b };

	return send_message(c, head, arguments, sizeof(arguments), NULL, 0) ? 0 : -1;
}

int client_end(struct client *c, int64_t result[2])
{
	struct message answer;
	int error = -1;

	if (!await(c, &answer))
		return -1;
	if (answer.head.class == RESPONSE && answer.head.type == SYSCALL && answer.head.number == c->requests &&
	    answer.head.length == sizeof(answer.head) + 24) {
		memcpy(&error, answer.body, sizeof(error));
		memcpy(result, answer.body + 8, 16);
	} else {
		c->wrong++;
	}
	free(answer.body);
	return error;
}

int client_call(struct client *c, int number, uint64_t a, uint64_t b, int64_t result[2])
{
	return client_begin(c, number, a, b) ? -1 : client_end(c, result);
}

void client_close(struct client *c)
{
	close(c->fd);
}
