// SPDX-License-Identifier: BSD-2-Clause
/* rumpclient: fork, exec and daemons, and the descriptor that programs trip over */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "client.h"

#define EXEC_FD "RUMPCLIENT__EXECFD="
#define EXEC_SERVER "RUMP__PARSEDSERVER="
#define CANCEL_WAIT_US 2000000

/* Nobody says when a handle is done with in the parent: the oldest is used again. A server has no more waiting, too. */
#define FORKS 64

struct rumpclient_fork {
	struct sp_auth auth;
};

/* The environment of the last exec: the child of vfork(2) leaves it in the memory of its parent, who frees it. */
static __thread char **exec_environment;

static struct rumpclient_fork forks[FORKS];
static atomic_uint fork_next;

static int fail(int ret)
{
	errno = -ret;
	return -1;
}

struct rumpclient_fork *rumpclient_prefork(void)
{
	client_mask mask = client_signals_block();
	struct client_call call = { .least = sizeof(call.reply.auth) };
	struct rumpclient_fork *rf = NULL;
	struct client_connection *c;
	int ret;

	ret = client_get(mask, &c);
	if (!ret) {
		ret = client_request(c, SP_PREFORK, 0, NULL, 0, &call, mask) ? -call.error : -ENOTCONN;
		client_put(c);
	}
	client_signals_restore(mask);
	if (ret) {
		fail(ret);
	} else {
		rf = &forks[atomic_fetch_add(&fork_next, 1) % FORKS];
		rf->auth = call.reply.auth;
	}
	return rf;
}

int rumpclient_fork_init(struct rumpclient_fork *rf)
{
	struct sp_fork fork_auth = { .auth = rf->auth };
	struct client_connection *c;
	int ret = client_open(SP_HANDSHAKE_FORK, &fork_auth, &c);

	if (ret)
		return fail(ret);
	client_adopt(c);
	return 0;
}

/* The answer is that the server hangs up. */
void rumpclient_fork_cancel(struct rumpclient_fork *rf)
{
	struct sp_fork fork_auth = { .auth = rf->auth, .cancel = 1 };
	struct client_connection *c;
	int saved = errno;

	if (!client_open(SP_HANDSHAKE_FORK, &fork_auth, &c))
		client_put(c);
	errno = saved;
}

void rumpclient_fork_vparent(struct rumpclient_fork *rf)
{
	client_unborrow();
	free(exec_environment);
	exec_environment = NULL;
}

pid_t rumpclient_fork(void)
{
	return rumpclient__dofork(fork);
}

int rumpclient_daemon(int nochdir, int noclose)
{
	struct rumpclient_fork *rf = rumpclient_prefork();

	if (!rf)
		return -1;
	if (daemon(nochdir, noclose)) {
		rumpclient_fork_cancel(rf);
		return -1;
	}
	return rumpclient_fork_init(rf);
}

/*
 * Nothing may be half done on the connection when the program changes: the receiver, if there is another thread, must
 * be waiting for a new message. The send lock is kept; it ends with this program.
 */
static void quiesce(struct client_connection *c)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	pthread_mutex_lock(&c->send_lock);
	while (atomic_load(&c->receiver) && !(atomic_load(&c->parked) && !sp_stream_size(&c->stream)))
		nanosleep(&pause, NULL);
}

static bool is_ours(const char *variable)
{
	return !strncmp(variable, EXEC_FD, strlen(EXEC_FD)) || !strncmp(variable, EXEC_SERVER, strlen(EXEC_SERVER));
}

/* The environment with two more variables, in one piece of memory */
static char **environment(char *const envp[], const char *fd, const char *server)
{
	size_t n, used = 0;
	char **copy;

	for (n = 0; envp && envp[n]; n++)
		;
	copy = calloc(n + 3, sizeof(*copy));
	if (!copy)
		return NULL;
	for (n = 0; envp && envp[n]; n++) {
		if (!is_ours(envp[n]))
			copy[used++] = envp[n];
	}
	copy[used++] = (char *)fd;
	copy[used++] = (char *)server;
	return copy;
}

int rumpclient_exec(const char *path, char *const argv[], char *const envp[])
{
	struct client_connection *c = client_current();
	char server[sizeof(EXEC_SERVER) + SP_URL_MAX] = EXEC_SERVER;
	char fd[sizeof(EXEC_FD) + 32];
	client_mask mask;
	char **copy;
	int saved;

	if (!c || client_url(server + strlen(EXEC_SERVER))) {
		errno = ENOTCONN;
		return -1;
	}
	mask = client_signals_block();
	quiesce(c);
	/* The second number is of NetBSD's own use. */
	snprintf(fd, sizeof(fd), EXEC_FD "%d,-1", c->stream.fd);
	copy = environment(envp, fd, server);
	exec_environment = copy;
	if (copy) {
		client_fd_inherit(c->stream.fd, true);
		client_signals_restore(mask);
		/* Past a library that intercepts the C library's, whose execve(2) is what brought us here. */
		syscall(SYS_execve, path, argv, copy);
		saved = errno;
		client_signals_block();
		client_fd_inherit(c->stream.fd, false);
	} else {
		saved = ENOMEM;
	}
	pthread_mutex_unlock(&c->send_lock);
	client_signals_restore(mask);
	free(copy);
	exec_environment = NULL;
	errno = saved;
	return -1;
}

/* Threads that are inside a host call with the old number finish it: the socket is the same. */
static int move_away(struct client_connection *c)
{
	int fd = client_fd_move(c->stream.fd);

	if (fd < 0)
		return fail(fd);
	c->stream.fd = fd;
	return 0;
}

int rumpclient__closenotify(int *fd, enum rumpclient_closevariant variant)
{
	struct client_connection *c = client_current();
	int number;

	if (!c)
		return 0;
	if (variant != RUMPCLIENT_CLOSE_FCLOSEM)
		return *fd == c->stream.fd ? move_away(c) : 0;
	for (number = *fd; number <= c->stream.fd; number++) {
		if (number != c->stream.fd)
			sp_close(number);
	}
	if (number > *fd)
		*fd = number;
	return 0;
}
