// SPDX-License-Identifier: BSD-2-Clause
/* rumpclient: the connection of a process, how it begins, is lost and comes back */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "client.h"

#define BANNER_LIMIT_US 10000000 /* for the first words of a server */
#define SHORT_WAIT_US 2000	 /* of an answer, with signals blocked */
#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 1000

/*
 * @lock guards all; signals are blocked while it is held.
 * @ready:   rumpclient_init() has been here, in this very process
 * @pid:     the process, to tell the child of vfork(2), which shares all this
 * @current: NULL when the connection is lost
 * @reconnect: held by the thread that tries
 */
static struct {
	pthread_mutex_t lock;
	bool ready;
	pid_t pid;
	struct client_connection *current;
	struct sp_url url;
	_Atomic time_t retry;
	pthread_mutex_t reconnect;
} state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.retry = RUMPCLIENT_RETRYCONN_ONCE,
	.reconnect = PTHREAD_MUTEX_INITIALIZER,
};

/* The connection of the child of vfork(2), on the thread that it shares with its parent */
static __thread struct client_connection *borrowed;

void client_put(struct client_connection *c)
{
	if (atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	if (!c->foreign)
		sp_close(c->stream.fd);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->send_lock);
	free(c);
}

void client_lose(struct client_connection *c, int error)
{
	struct client_call *call;

	pthread_mutex_lock(&c->lock);
	c->lost = true;
	while ((call = c->calls)) {
		c->calls = call->next;
		call->error = error;
		client_call_done(call);
	}
	pthread_mutex_unlock(&c->lock);
	sp_shutdown(c->stream.fd);
}

/*
 * In the child of fork(2), which has one thread. The parent's connection is the parent's: one process inside cannot
 * serve two here. Its memory stays, because threads that are no more were using it.
 */
static void forked(void)
{
	pthread_mutex_init(&state.lock, NULL);
	pthread_mutex_init(&state.reconnect, NULL);
	if (state.current)
		sp_close(state.current->stream.fd);
	state.current = NULL;
	state.ready = false;
	state.pid = getpid();
	borrowed = NULL;
}

static struct client_connection *connection_new(int fd)
{
	struct client_connection *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct client_connection, scratch));
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->send_lock, NULL);
	sp_stream_open(&c->stream, fd);
	return c;
}

/* Byte after byte, because what follows belongs to the messages. */
static int banner_check(struct client_connection *c)
{
	char banner[SP_BANNER_MAX + 1] = "";
	size_t length;
	char *end;
	int ret;

	sp_receive_timeout(c->stream.fd, BANNER_LIMIT_US);
	for (length = 1; length <= SP_BANNER_MAX; length++) {
		ret = sp_stream_need(&c->stream, length, true);
		if (ret)
			return ret == -EAGAIN ? -ETIMEDOUT : ret;
		memcpy(banner, sp_stream_data(&c->stream), length);
		end = strchr(banner, '\n');
		if (end)
			break;
	}
	if (length > SP_BANNER_MAX || strncmp(banner, SP_BANNER_MAJOR, strlen(SP_BANNER_MAJOR)))
		return -EPROTONOSUPPORT;
	sp_stream_skip(&c->stream, length);
	sp_receive_timeout(c->stream.fd, SHORT_WAIT_US);
	return 0;
}

static int handshake(struct client_connection *c, enum sp_handshake kind, const struct sp_fork *fork, client_mask mask)
{
	struct client_call call = { .least = sizeof(call.reply.welcome.error) };
	const char *name = program_invocation_short_name;
	bool asked;

	if (kind == SP_HANDSHAKE_FORK)
		asked = client_request(c, SP_HANDSHAKE, kind, fork, sizeof(*fork), &call, mask);
	else
		asked = client_request(c, SP_HANDSHAKE, kind, name, strlen(name) + 1, &call, mask);
	if (!asked)
		return -ENOTCONN;
	if (call.error)
		return fork && fork->cancel && call.error == ENOTCONN ? 0 : -call.error;
	if (call.size >= sizeof(call.reply.welcome))
		c->features = call.reply.welcome.features;
	return call.reply.welcome.error ? -EPROTO : 0;
}

static int socket_open(enum sp_handshake kind)
{
	const char *inherited = kind == SP_HANDSHAKE_EXEC ? getenv("RUMPCLIENT__EXECFD") : NULL;
	int fd = inherited ? atoi(inherited) : sp_connect(&state.url);
	int moved;

	if (inherited)
		unsetenv("RUMPCLIENT__EXECFD");
	if (fd < 0)
		return fd;
	moved = client_fd_move(fd);
	sp_close(fd);
	if (moved >= 0)
		client_fd_inherit(moved, false);
	return moved;
}

int client_open(enum sp_handshake kind, const struct sp_fork *fork, struct client_connection **connection)
{
	int fd = socket_open(kind);
	struct client_connection *c;
	client_mask mask;
	int ret = 0;

	if (fd < 0)
		return fd;
	c = connection_new(fd);
	if (!c) {
		sp_close(fd);
		return -ENOMEM;
	}
	if (kind == SP_HANDSHAKE_EXEC) {
		/* Numbers that no call of the program before had */
		c->next_request = (uint64_t)time(NULL) << 20;
		c->draining = true;
		sp_receive_timeout(fd, SHORT_WAIT_US);
	} else {
		ret = banner_check(c);
	}
	mask = client_signals_block();
	if (!ret)
		ret = handshake(c, kind, fork, mask);
	client_signals_restore(mask);
	c->draining = false;
	if (ret)
		client_put(c);
	else
		*connection = c;
	return ret;
}

void client_adopt(struct client_connection *c)
{
	client_mask mask = client_signals_block();
	struct client_connection *old = NULL;

	pthread_mutex_lock(&state.lock);
	if (getpid() != state.pid) {
		c->foreign = true; /* for the parent, who frees it */
		borrowed = c;
	} else {
		old = state.current;
		state.current = c;
		state.ready = true;
	}
	pthread_mutex_unlock(&state.lock);
	if (old)
		client_put(old);
	client_signals_restore(mask);
}

void client_unborrow(void)
{
	if (borrowed)
		client_put(borrowed);
	borrowed = NULL;
}

struct client_connection *client_current(void)
{
	return borrowed ? borrowed : state.current;
}

int client_url(char text[static SP_URL_MAX])
{
	if (!state.url.size)
		return -ENOTCONN;
	sp_url_format(&state.url, text);
	return 0;
}

static bool is_lost(struct client_connection *c)
{
	bool lost;

	pthread_mutex_lock(&c->lock);
	lost = c->lost;
	pthread_mutex_unlock(&c->lock);
	return lost;
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Signals are as the program has them. Return: 0, or why the last attempt failed */
static int try_reconnect(time_t retry)
{
	struct client_connection *c;
	unsigned int pause = RETRY_FIRST_MS;
	time_t end = now() + retry;
	int ret;

	client_complain("connection to the kernel lost, trying to reconnect");
	for (;;) {
		ret = client_open(SP_HANDSHAKE_GUEST, NULL, &c);
		if (!ret)
			break;
		if (retry == RUMPCLIENT_RETRYCONN_ONCE || (retry > 0 && now() >= end)) {
			client_complain("cannot reconnect: %s", strerror(-ret));
			return ret;
		}
		nanosleep(&(struct timespec){ .tv_nsec = pause % 1000 * 1000000L, .tv_sec = pause / 1000 }, NULL);
		pause = pause * 2 < RETRY_MOST_MS ? pause * 2 : RETRY_MOST_MS;
	}
	client_adopt(c);
	client_complain("reconnected, as a new process");
	return 0;
}

static struct client_connection *usable(bool *ready)
{
	struct client_connection *c = NULL;

	pthread_mutex_lock(&state.lock);
	*ready = state.ready || borrowed;
	if (client_current() && !is_lost(client_current())) {
		c = client_current();
		atomic_fetch_add(&c->refs, 1);
	}
	pthread_mutex_unlock(&state.lock);
	return c;
}

int client_get(client_mask mask, struct client_connection **connection)
{
	time_t retry = atomic_load(&state.retry);
	struct client_connection *c;
	bool ready;
	int ret = 0;

	while (!(c = usable(&ready))) {
		if (!ready || borrowed || !retry || retry == RUMPCLIENT_RETRYCONN_DIE)
			return -ENOTCONN;
		/* One thread tries; for the others it may be done when they are let in. */
		client_signals_restore(mask);
		pthread_mutex_lock(&state.reconnect);
		client_signals_block();
		c = usable(&ready);
		client_signals_restore(mask);
		if (!c)
			ret = try_reconnect(retry);
		pthread_mutex_unlock(&state.reconnect);
		client_signals_block();
		if (c)
			break;
		if (ret)
			return -ENOTCONN;
	}
	*connection = c;
	return 0;
}

void client_died(void)
{
	if (atomic_load(&state.retry) == RUMPCLIENT_RETRYCONN_DIE && state.ready) {
		client_complain("connection to the kernel lost");
		exit(1);
	}
}

void rumpclient_setconnretry(time_t seconds)
{
	if (seconds >= RUMPCLIENT_RETRYCONN_DIE)
		atomic_store(&state.retry, seconds);
	else
		client_complain("rumpclient_setconnretry: no such time: %lld", (long long)seconds);
}

static int url_from_environment(void)
{
	const char *parsed = getenv("RUMP__PARSEDSERVER");
	const char *text = parsed ? parsed : getenv("RUMP_SERVER");
	const char *why;

	if (!text) {
		client_complain("RUMP_SERVER is not set; it names the server, as in unix:///tmp/socket");
		return -ENOENT;
	}
	if (!sp_url_parse(text, true, &state.url, &why)) {
		client_complain("RUMP_SERVER %s: %s", text, why);
		return -EINVAL;
	}
	return 0;
}

static void forked_handler_install(void)
{
	static bool installed;

	if (!installed)
		pthread_atfork(NULL, NULL, forked);
	installed = true;
}

int rumpclient_init(void)
{
	enum sp_handshake kind = getenv("RUMPCLIENT__EXECFD") ? SP_HANDSHAKE_EXEC : SP_HANDSHAKE_GUEST;
	struct client_connection *c;
	char text[SP_URL_MAX];
	int ret;

	if (state.ready && state.pid == getpid())
		return 0;
	ret = url_from_environment();
	if (!ret) {
		state.pid = getpid();
		forked_handler_install();
		ret = client_open(kind, NULL, &c);
		if (ret && !client_url(text))
			client_complain("%s: %s", text, strerror(-ret));
	}
	if (ret) {
		errno = -ret;
		return -1;
	}
	client_adopt(c);
	return 0;
}
