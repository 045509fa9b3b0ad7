// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: what is sent to a client */
#include <sched.h>
#include <string.h>

#include "sp.h"

#define LOCK_TRIES 20

/* Its holder may wait for the peer to read, and the peer for us: with the role we would all wait. */
static void output_lock(struct sp_client *c)
{
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (!pthread_mutex_trylock(&c->out_lock))
			return;
		sched_yield();
	}
	sp_role_release();
	pthread_mutex_lock(&c->out_lock);
}

static void stalled(void *arg)
{
	sp_role_release();
}

static void append(struct sp_client *c, const void *data, size_t size)
{
	uint32_t used = atomic_load_explicit(&c->out_used, memory_order_relaxed);

	if (!size)
		return;
	memcpy(c->out + used, data, size);
	atomic_store_explicit(&c->out_used, used + size, memory_order_relaxed);
}

static bool send_all(struct sp_client *c, struct sp_header *header, const void *data, size_t size, const void *more,
		     size_t more_size)
{
	struct iovec iov[4] = {
		{ c->out, atomic_load_explicit(&c->out_used, memory_order_relaxed) },
		{ header, sizeof(*header) },
		{ (void *)data, size },
		{ (void *)more, more_size },
	};
	size_t first = iov[0].iov_len ? 0 : 1;
	size_t n = more_size ? 4 : size ? 3 : 2;
	int ret = sp_send(c->stream.fd, iov + first, n - first, stalled, NULL);

	atomic_store_explicit(&c->out_used, 0, memory_order_relaxed);
	/* Half a message may be out: nothing can follow. Who reads finds the end and cleans up. */
	if (ret)
		sp_shutdown(c->stream.fd);
	return !ret;
}

bool sp_output(struct sp_client *c, struct sp_header *header, const void *data, size_t size, const void *more,
	       size_t more_size)
{
	bool sent;

	header->length = sizeof(*header) + size + more_size;
	output_lock(c);
	sent = send_all(c, header, data, size, more, more_size);
	pthread_mutex_unlock(&c->out_lock);
	return sent;
}

bool sp_output_append(struct sp_client *c, struct sp_header *header, const void *data, size_t size, const void *more,
		      size_t more_size)
{
	bool fits;

	if (more_size > sizeof(c->out) || pthread_mutex_trylock(&c->out_lock))
		return false;
	header->length = sizeof(*header) + size + more_size;
	fits = header->length <= sizeof(c->out) - atomic_load_explicit(&c->out_used, memory_order_relaxed);
	if (fits) {
		append(c, header, sizeof(*header));
		append(c, data, size);
		append(c, more, more_size);
	}
	pthread_mutex_unlock(&c->out_lock);
	return fits;
}

void sp_output_try(struct sp_client *c)
{
	struct iovec iov = { .iov_base = c->out };
	uint32_t used;
	long sent;

	if (!atomic_load_explicit(&c->out_used, memory_order_relaxed) || pthread_mutex_trylock(&c->out_lock))
		return;
	used = atomic_load_explicit(&c->out_used, memory_order_relaxed);
	iov.iov_len = used;
	sent = used ? sp_send_now(c->stream.fd, &iov, 1) : 0;
	if (sent > 0) {
		memmove(c->out, c->out + sent, used - sent);
		atomic_store_explicit(&c->out_used, used - sent, memory_order_relaxed);
	}
	pthread_mutex_unlock(&c->out_lock);
}

bool sp_respond(struct sp_client *c, uint64_t request, enum sp_type type, const void *data, size_t size)
{
	struct sp_header header = { .request = request, .class = SP_RESPONSE, .type = type };

	return sp_output(c, &header, data, size, NULL, 0);
}

void sp_refuse(struct sp_client *c, uint64_t request, enum sp_error error)
{
	struct sp_header header = { .request = request, .class = SP_ERROR, .value = error };

	sp_output(c, &header, NULL, 0, NULL, 0);
}
