// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: what clients ask for. All functions here run with the role, the message at its stream's start. */
#include <string.h>

#include "../posix.h"
#include "sp.h"

#define SHORT_CALL_NS 20000 /* for which it is not worth while to wake a thread */
#define OFFERS 64	    /* calls for which one that was held up, or was not, is remembered */

static void welcome(struct sp_client *c, uint64_t request)
{
	struct sp_welcome answer = { .features = SP_FEATURE_FAULT };

	sp_respond(c, request, SP_HANDSHAKE, &answer, sizeof(answer));
}

/* The name in a handshake: bytes that may lack a terminator. */
static void take_name(struct sp_client *c, size_t size, char name[static SP_NAME_MAX + 1])
{
	size_t length = strnlen(sp_stream_data(&c->stream), size);
	size_t i;

	if (length > SP_NAME_MAX)
		length = SP_NAME_MAX;
	memcpy(name, sp_stream_data(&c->stream), length);
	name[length] = '\0';
	for (i = 0; i < length; i++) {
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	}
	sp_stream_skip(&c->stream, size);
}

static void guest(struct sp_client *c, uint64_t request, size_t size)
{
	char name[SP_NAME_MAX + 1];
	int error;

	take_name(c, size, name);
	error = sp_lwp_guest(c, name);
	if (error) {
		sp_refuse(c, request, SP_ERROR_RFORK);
		sp_blame(c, "the kernel has no process for it (error %d)", error);
		return;
	}
	c->main = sp_lwp_current(&c->pid);
	sp_lwp_leave();
	c->running = true;
	welcome(c, request);
}

static void child(struct sp_client *c, uint64_t request, size_t size)
{
	struct sp_fork fork;

	if (size != sizeof(fork)) {
		sp_refuse(c, request, SP_ERROR_MALFORMED);
		sp_blame(c, "its fork handshake has %zu bytes instead of %zu", size, sizeof(fork));
		return;
	}
	memcpy(&fork, sp_stream_data(&c->stream), sizeof(fork));
	sp_stream_skip(&c->stream, size);
	sp_prefork_adopt(c, request, &fork);
	if (c->running)
		welcome(c, request);
}

void sp_exec_finish(struct sp_client *c)
{
	sp_lwp_exec(c->main, c->exec_name);
	pthread_mutex_lock(&c->lock);
	c->exec = false;
	pthread_mutex_unlock(&c->lock);
	welcome(c, c->exec_request);
}

/* Calls of the old program are told to leave the kernel; the last of them ends the exec. */
static void exec(struct sp_client *c, uint64_t request, size_t size)
{
	bool finish;

	sp_lwp_drop();
	pthread_mutex_lock(&c->lock);
	if (c->exec) {
		pthread_mutex_unlock(&c->lock);
		sp_stream_skip(&c->stream, size);
		sp_refuse(c, request, SP_ERROR_EXEC);
		sp_blame(c, "it asks for exec during exec");
		return;
	}
	c->exec = true;
	c->exec_request = request;
	take_name(c, size, c->exec_name);
	pthread_mutex_unlock(&c->lock);
	sp_lwp_kill(c->main);
	pthread_mutex_lock(&c->lock);
	finish = !c->calls;
	c->exec_pending = !finish;
	pthread_mutex_unlock(&c->lock);
	if (finish)
		sp_exec_finish(c);
}

static void handshake(struct sp_client *c, const struct sp_header *header, size_t size)
{
	if (!c->running && header->value == SP_HANDSHAKE_GUEST) {
		guest(c, header->request, size);
	} else if (!c->running && header->value == SP_HANDSHAKE_FORK) {
		child(c, header->request, size);
	} else if (c->running && header->value == SP_HANDSHAKE_EXEC) {
		exec(c, header->request, size);
	} else {
		sp_stream_skip(&c->stream, size);
		sp_refuse(c, header->request, c->running ? SP_ERROR_MALFORMED : SP_ERROR_AUTH);
		sp_blame(c, "a handshake of kind %u %s", header->value,
			 c->running ? "follows the first one" : "is none that begins");
	}
}

static bool call_begin(struct sp_client *c, uint64_t request)
{
	enum sp_error error = SP_ERROR_NONE;

	pthread_mutex_lock(&c->lock);
	if (c->exec)
		error = SP_ERROR_EXEC;
	else if (c->calls >= SP_CALLS_MAX)
		error = SP_ERROR_AGAIN;
	else
		c->calls++;
	pthread_mutex_unlock(&c->lock);
	/* With the role: a client that does not read, but goes on to call, would have a thread wait to refuse each call. */
	if (error) {
		sp_self.keep = true;
		sp_refuse(c, request, error);
		sp_self.keep = false;
	}
	return !error;
}

/* An lwp stays for the next call as long as we have the role: exec and the end need it, and find no other lwps then. */
static void call_end(struct sp_client *c)
{
	bool finish;

	if (!sp_self.role)
		sp_lwp_drop();
	pthread_mutex_lock(&c->lock);
	c->calls--;
	finish = c->exec_pending && !c->calls;
	if (finish)
		c->exec_pending = false;
	pthread_mutex_unlock(&c->lock);
	if (finish)
		sp_exec_finish(c);
}

/*
 * Before the answer: what follows that had better find a thread that runs than wake one. If others of the client had to
 * wait for us although there is something to gain by another thread, or somebody came while it was offered, calls to
 * come offer the role, too.
 */
static void role_return(struct sp_client *c, uint64_t begin)
{
	bool wanted;

	if (sp_role_held())
		wanted = posix_clock_monotonic(NULL) - begin > SHORT_CALL_NS &&
			 !sp_stream_need(&c->stream, sizeof(struct sp_header), false);
	else
		wanted = !sp_role_take();
	if (wanted)
		atomic_store_explicit(&c->offers, OFFERS, memory_order_relaxed);
}

/* Between reading it and the end of this, the role may be lost: nothing may stay in the stream. */
static void call(struct sp_client *c, const struct sp_header *header, size_t size)
{
	long arguments[SP_ARGUMENTS_MAX / sizeof(long)] = { 0 }; /* the kernel reads as many as the call has */
	long retval[2] = { 0, 0 };
	struct sp_result result = { 0 };
	uint64_t begin;

	memcpy(arguments, sp_stream_data(&c->stream), size);
	sp_stream_skip(&c->stream, size);
	if (!call_begin(c, header->request))
		return;
	result.error = sp_lwp_need(c->pid);
	if (!result.error) {
		sp_self.request = header->request;
		sp_self.calling = true;
		begin = posix_clock_monotonic(NULL);
		sp_role_offer();
		result.error = sp_lwp_call(header->value, arguments, retval);
		sp_self.calling = false;
		role_return(c, begin);
	}
	result.retval[0] = retval[0];
	result.retval[1] = retval[1];
	sp_respond(c, header->request, SP_SYSCALL, &result, sizeof(result));
	call_end(c);
}

void sp_request(struct sp_client *c, const struct sp_header *header)
{
	size_t size = header->length - sizeof(*header);

	sp_stream_skip(&c->stream, sizeof(*header));
	if (header->type == SP_SYSCALL) {
		call(c, header, size);
		return;
	}
	sp_self.keep = true;
	if (header->type == SP_HANDSHAKE)
		handshake(c, header, size);
	else
		sp_prefork(c, header->request);
	sp_self.keep = false;
}
