// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: clients, and who reads from them */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sp.h"

/* Longest payloads of requests; names may be longer than what is kept of them */
#define HANDSHAKE_MAX 4096

__thread struct sp_thread sp_self;

struct sp_client *sp_client_new(int fd, uint64_t id, const char *name)
{
	struct sp_client *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	/* Not the buffers: an idle client shall not touch them. */
	memset(c, 0, offsetof(struct sp_client, stream));
	memset(&c->running, 0, offsetof(struct sp_client, out) - offsetof(struct sp_client, running));
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->out_lock, NULL);
	sp_stream_open(&c->stream, fd);
	c->id = id;
	snprintf(c->name, sizeof(c->name), "%s", name);
	atomic_store(&c->role, SP_ROLE_HELD);
	return c;
}

static void client_free(struct sp_client *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->out_lock);
	free(c);
}

void sp_client_drop(struct sp_client *c)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	c->preforks--;
	last = c->ended && !c->preforks;
	pthread_mutex_unlock(&c->lock);
	if (last)
		client_free(c);
}

void sp_blame(struct sp_client *c, const char *format, ...)
{
	char reason[160];
	va_list args;

	if (atomic_exchange(&c->doomed, true))
		return;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	rumpuser_dprintf("rumpuser: proxy: %s: %s; disconnected\n", c->name, reason);
}

/* What is wrong with a message of a client's; NULL: nothing. Answers are looked at where they are expected. */
static const char *header_error(const struct sp_client *c, const struct sp_header *h)
{
	uint64_t size = h->length - sizeof(*h);

	if (h->length < sizeof(*h))
		return "a message is shorter than its header";
	if (!c->running && (h->class != SP_REQUEST || h->type != SP_HANDSHAKE))
		return "it does not begin with a handshake";
	if (h->class == SP_RESPONSE || h->class == SP_ERROR)
		return NULL;
	if (h->class != SP_REQUEST)
		return "a message is neither request nor response nor error";
	switch (h->type) {
	case SP_HANDSHAKE:
		return size > HANDSHAKE_MAX ? "its handshake is too long" : NULL;
	case SP_SYSCALL:
		return size > SP_ARGUMENTS_MAX ? "a system call has too many arguments" : NULL;
	case SP_PREFORK:
		return size ? "a prefork request has bytes too many" : NULL;
	default:
		return "it asks for what only a kernel may ask";
	}
}

static size_t wanted(const struct sp_client *c, const struct sp_header *h)
{
	return h->class == SP_REQUEST && !header_error(c, h) ? h->length : sizeof(*h);
}

bool sp_client_ready(struct sp_client *c)
{
	struct sp_header header;

	if (atomic_load(&c->doomed))
		return true;
	if (sp_stream_size(&c->stream) < sizeof(header))
		return false;
	memcpy(&header, sp_stream_data(&c->stream), sizeof(header));
	return sp_stream_size(&c->stream) >= wanted(c, &header);
}

void sp_role_pass(struct sp_client *c)
{
	if (sp_client_ready(c)) {
		sp_job_push(c);
		return;
	}
	atomic_store(&c->role, SP_ROLE_ARMED);
	sp_role_arm(c);
}

void sp_role_release(void)
{
	struct sp_client *c = sp_self.client;

	if (sp_self.keep || !sp_role_held())
		return;
	sp_self.role = false;
	sp_role_pass(c);
}

bool sp_role_held(void)
{
	uintptr_t lent = (uintptr_t)&sp_self;

	if (sp_self.role && sp_self.lent) {
		sp_self.lent = false;
		sp_self.role = atomic_compare_exchange_strong(&sp_self.client->role, &lent, SP_ROLE_HELD);
	}
	return sp_self.role;
}

static bool offers_take(struct sp_client *c)
{
	uint32_t offers = atomic_load_explicit(&c->offers, memory_order_relaxed);

	if (offers)
		atomic_store_explicit(&c->offers, offers - 1, memory_order_relaxed);
	return offers;
}

void sp_role_offer(void)
{
	struct sp_client *c = sp_self.client;

	if (!sp_self.role || sp_self.lent)
		return;
	if (offers_take(c)) {
		sp_role_release();
		return;
	}
	sp_self.lent = true;
	atomic_store_explicit(&c->lends, atomic_load_explicit(&c->lends, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	atomic_store(&c->role, (uintptr_t)&sp_self);
	sp_watch();
}

bool sp_role_take(void)
{
	uintptr_t armed = SP_ROLE_ARMED;

	sp_self.role = atomic_compare_exchange_strong(&sp_self.client->role, &armed, SP_ROLE_HELD);
	return sp_self.role;
}

bool sp_client_enter(struct sp_client *c)
{
	bool gone;

	pthread_mutex_lock(&c->lock);
	gone = c->gone;
	if (!gone)
		c->users++;
	pthread_mutex_unlock(&c->lock);
	return !gone;
}

static bool users_drop(struct sp_client *c)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = !--c->users && c->gone;
	pthread_mutex_unlock(&c->lock);
	return last;
}

void sp_client_leave(struct sp_client *c)
{
	/* We may be in the middle of the kernel, where its process cannot be ended. */
	if (users_drop(c))
		sp_job_push(c);
}

/* The last one: nobody serves it any more, nobody can find it but preforks. */
static void process_end(struct sp_client *c)
{
	bool last;

	if (c->running)
		sp_lwp_end(c->main);
	sp_forget(c);
	pthread_mutex_lock(&c->lock);
	c->ended = true;
	last = !c->preforks;
	pthread_mutex_unlock(&c->lock);
	if (last)
		client_free(c);
}

/* With the role, which nobody has afterwards. Calls under way are told to leave the kernel. */
static void connection_end(struct sp_client *c)
{
	bool kill;

	sp_lwp_drop();
	sp_self.keep = true;
	pthread_mutex_lock(&c->lock);
	c->gone = true;
	kill = c->running && !c->exec; /* else exec has done that */
	pthread_mutex_unlock(&c->lock);
	sp_shutdown(c->stream.fd);
	sp_waiters_fail(c);
	sp_prefork_orphan(c);
	if (kill)
		sp_lwp_kill(c->main);
	atomic_store(&c->role, SP_ROLE_OVER);
	sp_self.role = false;
	sp_self.keep = false;
}

/* Return: 0 with a message at the beginning of the stream, -EAGAIN, or another errno when the connection has ended */
static int message_wait(struct sp_client *c, struct sp_header *header)
{
	const char *error;
	int ret;

	if (atomic_load(&c->doomed) || sp_stopping())
		return -ECONNRESET;
	ret = sp_stream_need(&c->stream, sizeof(*header), true);
	if (ret)
		return ret;
	memcpy(header, sp_stream_data(&c->stream), sizeof(*header));
	error = header_error(c, header);
	if (!error)
		return sp_stream_need(&c->stream, wanted(c, header), true);
	sp_blame(c, "%s (class %u, type %u, length %llu)", error, header->class, header->type,
		 (unsigned long long)header->length);
	sp_self.keep = true;
	sp_refuse(c, header->request, c->running ? SP_ERROR_MALFORMED : SP_ERROR_AUTH);
	sp_self.keep = false;
	return -ECONNRESET;
}

static void serve_messages(struct sp_client *c)
{
	struct sp_header header;
	int ret;

	while (sp_self.role || sp_role_take()) {
		ret = message_wait(c, &header);
		if (ret == -EAGAIN) {
			sp_role_release();
			return;
		}
		if (ret) {
			connection_end(c);
			return;
		}
		if (header.class == SP_REQUEST)
			sp_request(c, &header);
		else
			sp_answer(c, &header);
	}
}

void sp_serve(struct sp_client *c)
{
	pthread_mutex_lock(&c->lock);
	c->users++;
	sp_self.role = !c->gone;
	pthread_mutex_unlock(&c->lock);
	sp_self.client = c;
	if (sp_self.role)
		serve_messages(c);
	sp_lwp_drop();
	sp_self.client = NULL;
	if (users_drop(c))
		process_end(c);
}
