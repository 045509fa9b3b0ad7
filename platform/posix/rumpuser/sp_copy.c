// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: what the kernel asks of clients */
#include <errno.h>
#include <string.h>

#include "../posix.h"
#include "sp.h"

/* Longest sleep before a look whether the role is to be had: only when the host has no more threads does it matter. */
#define LOOK_NS 100000000ULL

static void waiter_done(struct sp_waiter *w)
{
	if (atomic_exchange(&w->done, SP_WAIT_DONE) == SP_WAIT_ASLEEP)
		posix_futex_wake(&w->done, 1);
}

static bool waiter_add(struct sp_client *c, struct sp_waiter *w)
{
	bool gone;

	pthread_mutex_lock(&c->lock);
	gone = c->gone;
	if (!gone) {
		w->request = c->next_request++;
		w->next = c->waiters;
		c->waiters = w;
	}
	pthread_mutex_unlock(&c->lock);
	return !gone;
}

static struct sp_waiter *waiter_take(struct sp_client *c, uint64_t request)
{
	struct sp_waiter **link, *w;

	pthread_mutex_lock(&c->lock);
	for (link = &c->waiters; (w = *link); link = &w->next) {
		if (w->request == request) {
			*link = w->next;
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return w;
}

void sp_waiters_fail(struct sp_client *c)
{
	struct sp_waiter *w;

	pthread_mutex_lock(&c->lock);
	while ((w = c->waiters)) {
		c->waiters = w->next;
		w->failed = true;
		waiter_done(w);
	}
	pthread_mutex_unlock(&c->lock);
}

/* The waiter sleeps, so its memory stays; what is in the buffer comes first. */
static bool answer_read(struct sp_client *c, struct sp_waiter *w, size_t size)
{
	size_t part = sp_stream_size(&c->stream);
	char *to = w->data;
	int ret;

	if (part > size)
		part = size;
	memcpy(to, sp_stream_data(&c->stream), part);
	sp_stream_skip(&c->stream, part);
	do {
		to += part;
		size -= part;
		ret = sp_stream_receive(&c->stream, to, size, &part);
	} while (ret == -EAGAIN);
	return !ret;
}

void sp_answer(struct sp_client *c, const struct sp_header *header)
{
	uint64_t size = header->length - sizeof(*header);
	struct sp_waiter *w = waiter_take(c, header->request);

	sp_stream_skip(&c->stream, sizeof(*header));
	if (!w) {
		sp_blame(c, "it answers request %llu, which was not asked or is answered already",
			 (unsigned long long)header->request);
		return;
	}
	if (header->class == SP_ERROR) {
		w->failed = true;
		if (size)
			sp_blame(c, "an error message has %llu bytes too many", (unsigned long long)size);
	} else if (size > w->size || (w->exact && size != w->size)) {
		w->failed = true;
		sp_blame(c, "it answers with %llu bytes where %zu were asked for", (unsigned long long)size, w->size);
	} else {
		w->got = size;
		w->failed = !answer_read(c, w, size);
		if (w->failed)
			atomic_store(&c->doomed, true);
	}
	waiter_done(w);
}

/* With the role, in the middle of a call: only answers are for us, everything else for a thread that is free. */
static void read_answer(struct sp_client *c)
{
	struct sp_header header;
	int ret = sp_stream_need(&c->stream, sizeof(header), true);

	if (ret == -EAGAIN)
		return;
	if (ret)
		atomic_store(&c->doomed, true);
	if (!atomic_load(&c->doomed)) {
		memcpy(&header, sp_stream_data(&c->stream), sizeof(header));
		if ((header.class == SP_RESPONSE || header.class == SP_ERROR) && header.length >= sizeof(header)) {
			sp_answer(c, &header);
			return;
		}
	}
	sp_role_release();
}

static void sleep_for(struct sp_waiter *w)
{
	uint32_t awake = SP_WAIT_AWAKE;

	if (!atomic_compare_exchange_strong(&w->done, &awake, SP_WAIT_ASLEEP))
		return;
	posix_futex_wait(&w->done, SP_WAIT_ASLEEP, posix_clock_monotonic(NULL) + LOOK_NS);
	awake = SP_WAIT_ASLEEP;
	atomic_compare_exchange_strong(&w->done, &awake, SP_WAIT_AWAKE);
}

static bool wait_for(struct sp_client *c, struct sp_waiter *w)
{
	while (atomic_load(&w->done) != SP_WAIT_DONE) {
		if (sp_self.client == c && (sp_role_held() || sp_role_take()))
			read_answer(c);
		else
			sleep_for(w);
	}
	if (sp_self.calling)
		sp_role_offer(); /* the call goes on */
	return !w->failed;
}

/* Without a virtual CPU */
static bool ask(struct sp_client *c, enum sp_type type, const void *question, size_t size, struct sp_waiter *w)
{
	struct sp_header header = { .class = SP_REQUEST, .type = type };
	bool answered = false;

	if (!sp_client_enter(c))
		return false;
	if (waiter_add(c, w)) {
		header.request = w->request;
		sp_output(c, &header, question, size, NULL, 0);
		answered = wait_for(c, w);
	}
	sp_client_leave(c);
	return answered;
}

/* The upcall itself, not ru_unschedule(): we go on reading for the client. */
static bool ask_unscheduled(struct sp_client *c, enum sp_type type, const void *question, size_t size,
			    struct sp_waiter *w)
{
	bool answered;
	int count = 0;

	ru_up.hyp_backend_unschedule(0, &count, NULL);
	answered = ask(c, type, question, size, w);
	ru_up.hyp_backend_schedule(count, NULL);
	return answered;
}

int rumpuser_sp_copyin(void *client, const void *remote, void *local, size_t size)
{
	struct sp_range range = { .length = size, .address = (uintptr_t)remote };
	struct sp_waiter w = { .data = local, .size = size, .exact = true };

	if (!size)
		return 0;
	return ask_unscheduled(client, SP_COPYIN, &range, sizeof(range), &w) ? 0 : RU_EFAULT;
}

int rumpuser_sp_copyinstr(void *client, const void *remote, void *local, size_t *size)
{
	struct sp_range range = { .length = *size, .address = (uintptr_t)remote };
	struct sp_waiter w = { .data = local, .size = *size };

	if (!*size)
		return RU_ENAMETOOLONG;
	if (!ask_unscheduled(client, SP_COPYINSTR, &range, sizeof(range), &w))
		return RU_EFAULT;
	if (!w.got || ((char *)local)[w.got - 1])
		return RU_ENAMETOOLONG;
	*size = w.got;
	return 0;
}

/* Has no answer. In a call of the same client it may wait for what is sent then, so that it costs no system call. */
static bool copyout(struct sp_client *c, enum sp_type type, const void *local, void *remote, size_t size)
{
	struct sp_range range = { .length = size, .address = (uintptr_t)remote };
	bool ours = sp_self.client == c && sp_self.calling;
	struct sp_header header = { .class = SP_REQUEST, .type = type, .request = ours ? sp_self.request : 0 };
	bool sent = false;
	int count = 0;

	if (ours && sp_output_append(c, &header, &range, sizeof(range), local, size))
		return true;
	ru_up.hyp_backend_unschedule(0, &count, NULL);
	if (sp_client_enter(c)) {
		sent = sp_output(c, &header, &range, sizeof(range), local, size);
		sp_client_leave(c);
	}
	ru_up.hyp_backend_schedule(count, NULL);
	return sent;
}

int rumpuser_sp_copyout(void *client, const void *local, void *remote, size_t size)
{
	if (!size)
		return 0;
	return copyout(client, SP_COPYOUT, local, remote, size) ? 0 : RU_EFAULT;
}

int rumpuser_sp_copyoutstr(void *client, const void *local, void *remote, size_t *size)
{
	size_t length = strnlen(local, *size);

	if (length == *size)
		return RU_ENAMETOOLONG;
	if (!copyout(client, SP_COPYOUTSTR, local, remote, length + 1))
		return RU_EFAULT;
	*size = length + 1;
	return 0;
}

int rumpuser_sp_anonmmap(void *client, size_t size, void **remote)
{
	uint64_t bytes = size;
	uint64_t address = 0;
	struct sp_waiter w = { .data = &address, .size = sizeof(address), .exact = true };

	if (!ask_unscheduled(client, SP_ANONMMAP, &bytes, sizeof(bytes), &w) || !address)
		return RU_ENOMEM;
	*remote = (void *)(uintptr_t)address;
	return 0;
}

int rumpuser_sp_raise(void *client, int sig)
{
	struct sp_header header = { .class = SP_REQUEST, .type = SP_RAISE, .value = sig };
	bool sent = false;
	int count = 0;

	ru_up.hyp_backend_unschedule(0, &count, NULL);
	if (sp_client_enter(client)) {
		sent = sp_output(client, &header, NULL, 0, NULL, 0);
		sp_client_leave(client);
	}
	ru_up.hyp_backend_schedule(count, NULL);
	return sent ? 0 : RU_ESRCH;
}
