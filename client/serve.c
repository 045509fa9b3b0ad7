// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpclient: what the server asks for while it works on our calls.
 *
 * The kernel may read and write all our memory, that is its office. But an address may be bad: the host's kernel finds
 * out, nothing here touches it.
 */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "internal.h"

/* A server that stops in the middle of a message is given up after so many time limits of the socket. */
#define STALL_LIMIT 4000

static void mark_fault(struct client_connection *c, uint64_t request)
{
	struct client_call *call;

	/* Without the feature @request says nothing; one of ours it was. */
	pthread_mutex_lock(&c->lock);
	for (call = c->calls; call; call = call->next) {
		if (!(c->features == SP_FEATURE_FAULT) || call->request == request)
			call->fault = true;
	}
	pthread_mutex_unlock(&c->lock);
}

static void reply(struct client_connection *c, struct sp_header *header, const void *data, size_t size)
{
	struct iovec iov[2] = { { header, sizeof(*header) }, { (void *)data, size } };
	int ret;

	header->length = sizeof(*header) + size;
	pthread_mutex_lock(&c->send_lock);
	ret = sp_send(c->stream.fd, iov, size ? 2 : 1, NULL, NULL);
	pthread_mutex_unlock(&c->send_lock);
	if (ret == -EFAULT || ret == -EINVAL) {
		client_complain("the kernel was given an address of which a part is bad; connection closed");
		client_lose(c, EFAULT);
	} else if (ret) {
		client_lose(c, ENOTCONN);
	}
}

/* NetBSD's servers understand no refusal: the call cannot go on, nor can it be told. */
static void refuse(struct client_connection *c, uint64_t request)
{
	struct sp_header header = { .request = request, .class = SP_ERROR, .value = SP_ERROR_MALFORMED };

	if (c->features == SP_FEATURE_FAULT) {
		reply(c, &header, NULL, 0);
		return;
	}
	client_complain("the kernel was given a bad address; this server cannot be told, connection closed");
	client_lose(c, EFAULT);
}

/* Too much for the scratch memory goes straight from where it is, when both its ends are there. */
static void copyin(struct client_connection *c, uint64_t request, const struct sp_range *range)
{
	struct sp_header header = { .request = request, .class = SP_RESPONSE, .type = SP_COPYIN };
	unsigned char byte;

	if (range->length <= sizeof(c->scratch)) {
		if (client_peek(c->scratch, range->address, range->length) == range->length)
			reply(c, &header, c->scratch, range->length);
		else
			refuse(c, request);
		return;
	}
	if (range->address + range->length > range->address && client_peek(&byte, range->address, 1) &&
	    client_peek(&byte, range->address + range->length - 1, 1))
		reply(c, &header, (void *)(uintptr_t)range->address, range->length);
	else
		refuse(c, request);
}

static void copyinstr(struct client_connection *c, uint64_t request, const struct sp_range *range)
{
	struct sp_header header = { .request = request, .class = SP_RESPONSE, .type = SP_COPYIN };
	size_t room = range->length < sizeof(c->scratch) ? range->length : sizeof(c->scratch);
	size_t got = client_peek(c->scratch, range->address, room);
	size_t length = strnlen((char *)c->scratch, got);

	if (length < got)
		reply(c, &header, c->scratch, length + 1);
	else if (got == room)
		reply(c, &header, c->scratch, room); /* no terminator in the room there is */
	else
		refuse(c, request);
}

/* Behind the buffer, straight to where it belongs. *@done: what has been received */
static int copyout_rest(struct client_connection *c, uint64_t address, size_t size, size_t *done)
{
	unsigned int stalls = 0;
	size_t part;
	int ret;

	*done = 0;
	do {
		ret = sp_stream_receive(&c->stream, (void *)(uintptr_t)(address + *done), size - *done, &part);
		*done += part;
		stalls = part ? 0 : stalls + 1;
	} while (ret == -EAGAIN && stalls < STALL_LIMIT);
	return ret;
}

static int discard(struct client_connection *c, size_t size)
{
	unsigned int stalls;
	int ret = 0;

	for (stalls = 0; size && stalls < STALL_LIMIT; stalls++) {
		size_t before = size;

		ret = sp_stream_discard(&c->stream, &size);
		if (ret != -EAGAIN)
			break;
		if (size < before)
			stalls = 0;
	}
	return ret;
}

static const char *copyout(struct client_connection *c, uint64_t request, const struct sp_range *range)
{
	size_t part = sp_stream_size(&c->stream);
	size_t done = 0;
	int ret = 0;

	if (part > range->length)
		part = range->length;
	if (c->draining)
		return discard(c, range->length) ? "it stops in the middle of a message" : NULL;
	if (client_poke(range->address, sp_stream_data(&c->stream), part) != part) {
		mark_fault(c, request);
		return discard(c, range->length) ? "it stops in the middle of a message" : NULL;
	}
	sp_stream_skip(&c->stream, part);
	if (part < range->length)
		ret = copyout_rest(c, range->address + part, range->length - part, &done);
	if (ret == -EFAULT) {
		mark_fault(c, request);
		ret = discard(c, range->length - part - done);
	}
	return ret ? "it stops in the middle of a message" : NULL;
}

static void anonmmap(struct client_connection *c, uint64_t request, uint64_t size)
{
	struct sp_header header = { .request = request, .class = SP_RESPONSE, .type = SP_ANONMMAP };
	uint64_t address = c->draining ? 0 : client_map(size);

	reply(c, &header, &address, sizeof(address));
}

static void raise_signal(uint32_t number)
{
	int host = ru_host_signal(number);

	/* What the host does not have, nobody here can wait for. */
	if (host > 0)
		client_signal(host);
}

size_t client_serve_wanted(const struct sp_header *header)
{
	uint64_t size = header->length - sizeof(*header);

	switch (header->type) {
	case SP_COPYIN:
	case SP_COPYINSTR:
		return size == sizeof(struct sp_range) ? header->length : 0;
	case SP_COPYOUT:
	case SP_COPYOUTSTR:
		return size >= sizeof(struct sp_range) ? sizeof(*header) + sizeof(struct sp_range) : 0;
	case SP_ANONMMAP:
		return size == sizeof(uint64_t) ? header->length : 0;
	case SP_RAISE:
		return size ? 0 : header->length;
	default:
		return 0;
	}
}

/* A call of the program before exec wants memory that is no more; it is about to end anyway. */
static void drain(struct client_connection *c, uint64_t request, const struct sp_range *range)
{
	struct sp_header header = { .request = request, .class = SP_RESPONSE, .type = SP_COPYIN };

	if (range->length <= sizeof(c->scratch)) {
		memset(c->scratch, 0, range->length);
		reply(c, &header, c->scratch, range->length);
	} else {
		refuse(c, request);
	}
}

const char *client_serve(struct client_connection *c, const struct sp_header *header)
{
	uint64_t size = header->length - sizeof(*header);
	struct sp_range range = { 0 };
	bool out = header->type == SP_COPYOUT || header->type == SP_COPYOUTSTR;

	sp_stream_skip(&c->stream, sizeof(*header));
	if (header->type != SP_RAISE) {
		size_t take = out || size >= sizeof(range) ? sizeof(range) : size;

		memcpy(&range, sp_stream_data(&c->stream), take);
		sp_stream_skip(&c->stream, take);
	}
	if (out) {
		if (range.length != size - sizeof(range))
			return "a copyout has another length than its message";
		return copyout(c, header->request, &range);
	}
	if (header->type == SP_RAISE)
		raise_signal(header->value);
	else if (header->type == SP_ANONMMAP)
		anonmmap(c, header->request, range.length);
	else if (c->draining)
		drain(c, header->request, &range);
	else if (header->type == SP_COPYIN)
		copyin(c, header->request, &range);
	else
		copyinstr(c, header->request, &range);
	return NULL;
}
