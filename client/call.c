// SPDX-License-Identifier: BSD-2-Clause
/* rumpclient: requests, and who receives the answers */
#include <errno.h>
#include <string.h>

#include <rump/rumpclient.h>

#include "client.h"

/* How long a thread that cannot receive sleeps before it looks whether it can: the one that is to may be in a handler. */
#define LOOK_MS 100

static __thread char self; /* its address tells threads apart */

static int error_of(uint32_t error)
{
	static const int errors[] = {
		[SP_ERROR_NONE] = EPROTO,   [SP_ERROR_AGAIN] = EAGAIN, [SP_ERROR_AUTH] = EPERM,
		[SP_ERROR_PREFORK] = ESRCH, [SP_ERROR_RFORK] = EIO,    [SP_ERROR_EXEC] = EBUSY,
		[SP_ERROR_NOMEM] = ENOMEM,  [SP_ERROR_MALFORMED] = EINVAL,
	};

	return error < sizeof(errors) / sizeof(errors[0]) ? errors[error] : EPROTO;
}

void client_call_done(struct client_call *call)
{
	if (atomic_exchange(&call->done, CLIENT_DONE) == CLIENT_ASLEEP)
		client_wake(&call->done);
}

static bool call_add(struct client_connection *c, struct client_call *call)
{
	bool lost;

	pthread_mutex_lock(&c->lock);
	lost = c->lost;
	if (!lost) {
		call->request = c->next_request++;
		call->next = c->calls;
		c->calls = call;
	}
	pthread_mutex_unlock(&c->lock);
	return !lost;
}

static struct client_call *call_take(struct client_connection *c, uint64_t request)
{
	struct client_call **link, *call;

	pthread_mutex_lock(&c->lock);
	for (link = &c->calls; (call = *link); link = &call->next) {
		if (call->request == request) {
			*link = call->next;
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return call;
}

static const char *answer(struct client_connection *c, const struct sp_header *header)
{
	size_t size = header->length - sizeof(*header);
	struct client_call *call;
	bool fits;

	sp_stream_skip(&c->stream, sizeof(*header));
	call = call_take(c, header->request);
	if (!call) {
		sp_stream_skip(&c->stream, size);
		return c->draining ? NULL : "it answers what was not asked";
	}
	fits = header->class == SP_ERROR ? !size : size >= call->least && size <= sizeof(call->reply);
	if (!fits)
		call->error = EPROTO;
	else if (header->class == SP_ERROR)
		call->error = error_of(header->value);
	else
		memcpy(&call->reply, sp_stream_data(&c->stream), size);
	call->size = size;
	sp_stream_skip(&c->stream, size);
	client_call_done(call);
	return fits ? NULL : "an answer has the wrong size";
}

/* What is wrong with a message of the server's; NULL: nothing. @wanted: out: bytes to have before it is looked at */
static const char *header_error(const struct sp_header *header, size_t *wanted)
{
	*wanted = header->length;
	if (header->length < sizeof(*header))
		return "a message is shorter than its header";
	if (header->class == SP_REQUEST) {
		*wanted = client_serve_wanted(header);
		return *wanted ? NULL : "it asks for what no kernel asks, or with the wrong length";
	}
	if (header->class != SP_RESPONSE && header->class != SP_ERROR)
		return "a message is neither request nor response nor error";
	if (header->length - sizeof(*header) > sizeof(((struct client_call *)0)->reply))
		return "an answer is too long";
	return NULL;
}

static const char *message(struct client_connection *c, int *ret)
{
	struct sp_header header;
	const char *wrong;
	size_t wanted;

	*ret = sp_stream_need(&c->stream, sizeof(header), true);
	if (*ret)
		return NULL;
	memcpy(&header, sp_stream_data(&c->stream), sizeof(header));
	wrong = header_error(&header, &wanted);
	if (wrong)
		return wrong;
	*ret = sp_stream_need(&c->stream, wanted, true);
	if (*ret)
		return NULL;
	return header.class == SP_REQUEST ? client_serve(c, &header) : answer(c, &header);
}

/* Short waits come with all signals blocked, which saves a host call; for long ones they are let in. */
static void receive_one(struct client_connection *c, client_mask mask)
{
	int ret = 0;
	const char *wrong = message(c, &ret);

	if (ret == -EAGAIN) {
		atomic_store(&c->parked, true);
		client_wait_readable(c->stream.fd, mask);
		atomic_store(&c->parked, false);
	} else if (ret) {
		client_lose(c, ENOTCONN);
	} else if (wrong) {
		client_complain("%s; connection closed", wrong);
		client_lose(c, ENOTCONN);
	}
}

static bool is_done(struct client_call *call)
{
	return atomic_load(&call->done) == CLIENT_DONE;
}

/* Let another thread receive: any that sleeps now. One that is about to sleep looks once more. */
static void hand_over(struct client_connection *c)
{
	struct client_call *call;
	uint32_t asleep;

	atomic_store(&c->receiver, NULL);
	pthread_mutex_lock(&c->lock);
	for (call = c->calls; call; call = call->next) {
		asleep = CLIENT_ASLEEP;
		if (atomic_compare_exchange_strong(&call->done, &asleep, CLIENT_AWAKE)) {
			client_wake(&call->done);
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static void wait_turn(struct client_connection *c, struct client_call *call, client_mask mask)
{
	uint32_t state = CLIENT_AWAKE;

	if (!atomic_compare_exchange_strong(&call->done, &state, CLIENT_ASLEEP))
		return;
	if (atomic_load(&c->receiver)) {
		client_signals_restore(mask);
		client_sleep(&call->done, CLIENT_ASLEEP, LOOK_MS);
		client_signals_block();
	}
	state = CLIENT_ASLEEP;
	atomic_compare_exchange_strong(&call->done, &state, CLIENT_AWAKE);
}

static void wait_answer(struct client_connection *c, struct client_call *call, client_mask mask)
{
	void *nobody;

	while (!is_done(call)) {
		nobody = NULL;
		if (atomic_load(&c->receiver) == &self) {
			/* In a signal handler that came while this very thread was receiving */
			receive_one(c, mask);
		} else if (atomic_compare_exchange_strong(&c->receiver, &nobody, &self)) {
			while (!is_done(call))
				receive_one(c, mask);
			hand_over(c);
		} else {
			wait_turn(c, call, mask);
		}
	}
}

bool client_request(struct client_connection *c, enum sp_type type, uint32_t value, const void *data, size_t size,
		    struct client_call *call, client_mask mask)
{
	struct sp_header header = {
		.length = sizeof(header) + size, .class = SP_REQUEST, .type = type, .value = value
	};
	struct iovec iov[2] = { { &header, sizeof(header) }, { (void *)data, size } };
	int ret;

	call->error = 0;
	call->fault = false;
	atomic_init(&call->done, CLIENT_AWAKE);
	if (!call_add(c, call))
		return false;
	header.request = call->request;
	pthread_mutex_lock(&c->send_lock);
	ret = sp_send(c->stream.fd, iov, size ? 2 : 1, NULL, NULL);
	pthread_mutex_unlock(&c->send_lock);
	if (ret) /* an incomplete message is no request; this ends our call, too */
		client_lose(c, ENOTCONN);
	wait_answer(c, call, mask);
	if (!call->error && call->fault)
		call->error = EFAULT;
	return !ret;
}

int rumpclient_syscall(int number, const void *arguments, size_t size, register_t *retval)
{
	client_mask mask = client_signals_block();
	struct client_call call = { .least = sizeof(struct sp_result) };
	struct client_connection *c;
	bool asked = false;
	int ret = 0;

	while (!asked && !(ret = client_get(mask, &c))) {
		asked = client_request(c, SP_SYSCALL, number, arguments, size, &call, mask);
		client_put(c);
	}
	client_signals_restore(mask);
	if (!ret)
		ret = -call.error;
	if (ret == -ENOTCONN)
		client_died();
	if (ret)
		return -ret;
	retval[0] = call.reply.result.retval[0];
	retval[1] = call.reply.result.retval[1];
	return call.reply.result.error;
}
