// SPDX-License-Identifier: BSD-2-Clause
/* Messages of the proxy that are right, or wrong in some way, and sockets for them */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy_fuzz.h"

int fuzz_patience = 5000;

uint64_t fuzz_random(uint64_t *state, uint64_t limit)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % limit;
}

bool fuzz_one_in(uint64_t *state, unsigned int n)
{
	return !fuzz_random(state, n);
}

void message_set(struct message *m, enum sp_class class, enum sp_type type, uint64_t request, uint32_t value,
		 const void *payload, size_t size)
{
	m->header = (struct sp_header){
		.length = sizeof(m->header) + size, .request = request, .class = class, .type = type, .value = value
	};
	m->size = sizeof(m->header) + size;
	if (payload)
		memcpy(m->payload, payload, size);
	else
		memset(m->payload, 0x41, size);
}

static uint64_t odd_length(uint64_t *state)
{
	static const uint64_t lengths[] = { 0,	 1,	 23,	24,	   25,	      28,	   39,	      40,	  41,	  280,
					    281, 4096,	 4120,	4121,	   16384,     16385,	   65536,     1ULL << 31, 1ULL << 32,
					    1ULL << 40,	 1ULL << 62, 1ULL << 63, ~0ULL - 24, ~0ULL - 23, ~0ULL };

	return lengths[fuzz_random(state, sizeof(lengths) / sizeof(lengths[0]))];
}

void message_mutate(struct message *m, uint64_t *state)
{
	size_t more = fuzz_random(state, 300);

	switch (fuzz_random(state, 10)) {
	case 0:
		m->header.length = odd_length(state);
		break;
	case 1:
		m->header.class = fuzz_random(state, 5);
		break;
	case 2:
		m->header.type = fuzz_random(state, 11);
		break;
	case 3:
		m->header.request = fuzz_random(state, 20);
		break;
	case 4:
		((unsigned char *)&m->header)[fuzz_random(state, sizeof(m->header))] ^= 1 << fuzz_random(state, 8);
		break;
	case 5:
		m->size = fuzz_random(state, m->size + 1);
		break;
	case 6: /* what follows is taken for payload, or the rest of this for a message */
		m->header.length += fuzz_random(state, 64) - 32;
		break;
	case 7:
		m->header.value = fuzz_random(state, 30);
		break;
	case 8: /* consistent, but longer than it should be */
		if (m->size + more <= sizeof(m->payload)) {
			m->size += more;
			m->header.length += more;
		}
		break;
	default:
		break;
	}
}

bool message_send(int fd, const struct message *m)
{
	const char *at = (const char *)&m->header;
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	size_t left = m->size;
	ssize_t sent;

	_Static_assert(offsetof(struct message, payload) == sizeof(struct sp_header), "one piece");
	while (left) {
		if (poll(&ready, 1, fuzz_patience) != 1)
			return false;
		sent = send(fd, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0)
			return false;
		at += sent;
		left -= sent;
	}
	return true;
}

bool read_all(int fd, void *data, size_t size)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char *at = data;
	ssize_t got;

	while (size) {
		if (poll(&ready, 1, fuzz_patience) != 1)
			return false;
		got = recv(fd, at, size, 0);
		if (got <= 0)
			return false;
		at += got;
		size -= got;
	}
	return true;
}
