// SPDX-License-Identifier: BSD-2-Clause
/* System-call proxy: the server, its threads and its events */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../posix.h"
#include "sp.h"

#define THREAD_STACK ((size_t)1 << 20) /* system calls run on it */
#define THREADS_MAX 4096
#define THREADS_IDLE 4
#define BACKLOG 1024
#define ACCEPT_BATCH 16
#define LINGER_US 20000 /* how long a thread waits for a client's next message before it waits for anybody's */
#define SWEEP_MS 5000
#define REBOOT_TRIES 100 /* a millisecond each */
#define BUCKETS 1024

/* What events are about: ids of clients are larger */
enum {
	EVENT_LISTEN = 0,
	EVENT_JOB = 1,
	FIRST_ID = 2,
};

/*
 * @lock guards all from @clients on. @started and what it says is there never goes away: threads may be anywhere.
 * @epoll:   what nobody reads: the socket that listens, connections whose role is armed, @wake
 * @wake:    eventfd, counts jobs, so that each wakes a thread
 * @spare:   descriptor to refuse with when the process has no other
 * @jobs:    clients whose role waits for a thread
 * @threads, @idle: how many there are, and how many wait for events
 */
static struct {
	atomic_bool started;
	atomic_bool stopping;
	struct sp_url url;
	char banner[SP_BANNER_MAX + 1];
	int epoll, wake, listen, spare;

	pthread_mutex_t lock;
	struct sp_client *clients[BUCKETS];
	uint64_t next_id;
	struct sp_client *jobs, **jobs_end;
	unsigned int threads, idle;
} server = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.next_id = FIRST_ID,
	.jobs_end = &server.jobs,
};

bool sp_stopping(void)
{
	return atomic_load_explicit(&server.stopping, memory_order_relaxed);
}

static void arm(int op, int fd, uint64_t id)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = id };

	if (epoll_ctl(server.epoll, op, fd, &event))
		rumpuser_dprintf("rumpuser: proxy: epoll_ctl: %s\n", strerror(errno));
}

void sp_role_arm(struct sp_client *c)
{
	arm(EPOLL_CTL_MOD, c->stream.fd, c->id);
}

void sp_job_push(struct sp_client *c)
{
	uint64_t one = 1;

	pthread_mutex_lock(&server.lock);
	c->job = NULL;
	*server.jobs_end = c;
	server.jobs_end = &c->job;
	pthread_mutex_unlock(&server.lock);
	if (write(server.wake, &one, sizeof(one)) != sizeof(one))
		rumpuser_dprintf("rumpuser: proxy: eventfd: %s\n", strerror(errno));
}

static struct sp_client *job_pop(void)
{
	struct sp_client *c = server.jobs;

	if (c) {
		server.jobs = c->job;
		if (!server.jobs)
			server.jobs_end = &server.jobs;
	}
	return c;
}

static void remember(struct sp_client *c)
{
	struct sp_client **bucket = &server.clients[c->id % BUCKETS];

	c->next = *bucket;
	if (c->next)
		c->next->link = &c->next;
	c->link = bucket;
	*bucket = c;
}

void sp_visit(void (*visit)(struct sp_client *c, void *arg), void *arg)
{
	struct sp_client *c;
	size_t i;

	pthread_mutex_lock(&server.lock);
	for (i = 0; i < BUCKETS; i++) {
		for (c = server.clients[i]; c; c = c->next)
			visit(c, arg);
	}
	pthread_mutex_unlock(&server.lock);
}

void sp_forget(struct sp_client *c)
{
	pthread_mutex_lock(&server.lock);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	pthread_mutex_unlock(&server.lock);
	close(c->stream.fd); /* removes it from epoll, too */
}

/* An event may come late: its client may have got another reader, or have ended. */
static struct sp_client *client_of_event(uint64_t id)
{
	uintptr_t armed = SP_ROLE_ARMED;
	struct sp_client *c = server.clients[id % BUCKETS];

	while (c && c->id != id)
		c = c->next;
	return c && atomic_compare_exchange_strong(&c->role, &armed, SP_ROLE_HELD) ? c : NULL;
}

static void name_peer(int fd, uint64_t id, char *name, size_t size)
{
	struct ucred cred = { 0 };
	socklen_t length = sizeof(cred);
	struct sp_url peer = { .size = offsetof(struct sp_url, size) };
	char address[SP_URL_MAX] = "";

	if (server.url.any.sa_family == AF_UNIX) {
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);
		snprintf(name, size, "client %llu (process %d, user %u)", (unsigned long long)(id - FIRST_ID + 1),
			 (int)cred.pid, (unsigned int)cred.uid);
		return;
	}
	if (!getpeername(fd, &peer.any, &peer.size))
		sp_url_format(&peer, address);
	snprintf(name, size, "client %llu (%.70s)", (unsigned long long)(id - FIRST_ID + 1), address);
}

static void welcome(int fd)
{
	size_t length = strlen(server.banner);
	struct sp_client *c = NULL;
	char name[96];
	uint64_t id;

	sp_no_delay(fd);
	sp_receive_timeout(fd, LINGER_US);
	pthread_mutex_lock(&server.lock);
	id = server.next_id++;
	pthread_mutex_unlock(&server.lock);
	name_peer(fd, id, name, sizeof(name));
	if (send(fd, server.banner, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length)
		c = sp_client_new(fd, id, name);
	if (!c) {
		rumpuser_dprintf("rumpuser: proxy: %s: no memory for it, or gone at once\n", name);
		close(fd);
		return;
	}
	atomic_store(&c->role, SP_ROLE_ARMED);
	pthread_mutex_lock(&server.lock);
	remember(c);
	arm(EPOLL_CTL_ADD, fd, id);
	pthread_mutex_unlock(&server.lock);
}

/* Without a descriptor the connection would stay in the queue, and its event with it. */
static void refuse(void)
{
	int fd;

	rumpuser_dprintf("rumpuser: proxy: client refused: the process has no more files; raise ulimit -n\n");
	close(server.spare);
	fd = accept4(server.listen, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	server.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_clients(void)
{
	int i, fd;

	for (i = 0; i < ACCEPT_BATCH; i++) {
		fd = accept4(server.listen, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			welcome(fd);
		else if (errno == EMFILE || errno == ENFILE)
			refuse();
		else
			break;
	}
	if (!sp_stopping())
		arm(EPOLL_CTL_MOD, server.listen, EVENT_LISTEN);
}

static void *thread_main(void *arg);

/* With the lock. There is always one who waits for events, as long as the host has threads. */
static int thread_need(void)
{
	pthread_t id;
	int ret;

	if (server.idle || server.threads >= THREADS_MAX || sp_stopping())
		return 0;
	ret = posix_thread_start(&id, thread_main, NULL, THREAD_STACK, true);
	if (!ret) {
		server.threads++;
		pthread_setname_np(id, "rumpuser-sp");
	}
	return ret;
}

/* With the lock, which it drops meanwhile. Return: whether an event came */
static bool event_wait(struct epoll_event *event)
{
	bool orphans;
	int n;

	server.idle++;
	pthread_mutex_unlock(&server.lock);
	orphans = sp_prefork_sweep();
	n = epoll_wait(server.epoll, event, 1, orphans ? SWEEP_MS : -1);
	pthread_mutex_lock(&server.lock);
	server.idle--;
	return n == 1;
}

/* With the lock. Return: a client whose role we have, or NULL */
static struct sp_client *event_handle(const struct epoll_event *event)
{
	uint64_t count;

	if (event->data.u64 == EVENT_JOB) {
		if (read(server.wake, &count, sizeof(count)) < 0)
			return NULL; /* someone else was quicker */
		return NULL;
	}
	if (event->data.u64 != EVENT_LISTEN)
		return client_of_event(event->data.u64);
	thread_need();
	pthread_mutex_unlock(&server.lock);
	accept_clients();
	pthread_mutex_lock(&server.lock);
	return NULL;
}

static void *thread_main(void *arg)
{
	struct epoll_event event;
	struct sp_client *c;

	pthread_mutex_lock(&server.lock);
	while (!sp_stopping()) {
		c = job_pop();
		if (!c && server.idle >= THREADS_IDLE)
			break;
		if (!c && event_wait(&event))
			c = event_handle(&event);
		if (!c)
			continue;
		thread_need();
		pthread_mutex_unlock(&server.lock);
		sp_serve(c);
		pthread_mutex_lock(&server.lock);
	}
	server.threads--;
	pthread_mutex_unlock(&server.lock);
	return NULL;
}

static int complain(const char *url, const char *what, int error)
{
	rumpuser_dprintf("rumpuser: proxy: %s: %s: %s%s\n", url, what, strerror(error),
			 error == EADDRINUSE && server.url.path[0] ? "; remove the socket if its server is gone" : "");
	return ru_host_errno(error);
}

static int listen_open(const char *url)
{
	int family = server.url.any.sa_family;
	int on = 1;

	server.listen = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server.listen < 0)
		return complain(url, "socket", errno);
	if (family != AF_UNIX)
		setsockopt(server.listen, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server.listen, &server.url.any, server.url.size))
		return complain(url, "bind", errno);
	if (listen(server.listen, BACKLOG))
		return complain(url, "listen", errno);
	return 0;
}

static int events_open(const char *url)
{
	struct epoll_event job = { .events = EPOLLIN, .data.u64 = EVENT_JOB };

	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	server.spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (server.epoll < 0 || server.wake < 0 || server.spare < 0 ||
	    epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.wake, &job))
		return complain(url, "epoll", errno);
	return 0;
}

static void close_all(void)
{
	int *const fds[] = { &server.epoll, &server.wake, &server.listen, &server.spare };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int start(const char *url)
{
	int error;

	server.epoll = server.wake = server.listen = server.spare = -1;
	error = events_open(url);
	if (!error)
		error = listen_open(url);
	if (!error) {
		arm(EPOLL_CTL_ADD, server.listen, EVENT_LISTEN);
		pthread_mutex_lock(&server.lock);
		error = thread_need() ? complain(url, "thread", EAGAIN) : 0;
		pthread_mutex_unlock(&server.lock);
		if (error && server.url.path[0])
			unlink(server.url.path);
	}
	if (error)
		close_all();
	return error;
}

/* A thread is about to sleep in the kernel: it must not be the one that reads, and what it said goes out. */
static void before_sleep(void)
{
	if (!sp_self.client)
		return;
	sp_output_try(sp_self.client);
	sp_role_release();
}

int rumpuser_sp_init(const char *url, const char *ostype, const char *osrelease, const char *machine)
{
	const char *why;
	int length, error;

	if (atomic_exchange(&server.started, true))
		return RU_EBUSY;
	if (!sp_url_parse(url, false, &server.url, &why)) {
		rumpuser_dprintf("rumpuser: proxy: %s: %s\n", url, why);
		atomic_store(&server.started, false);
		return RU_EINVAL;
	}
	length = snprintf(server.banner, sizeof(server.banner), SP_BANNER "%s-%s/%s\n", ostype, osrelease, machine);
	ru_before_sleep = before_sleep; /* before there are threads, whose first call may sleep */
	error = length >= (int)sizeof(server.banner) ? RU_E2BIG : start(url);
	if (error)
		atomic_store(&server.started, false);
	return error;
}

/*
 * The answer to a call that does not return, as far as the socket takes it at once: nobody may stop a reboot. Another
 * thread may still be about to leave the output; but the peer may be why it does not.
 */
static void answer_reboot(struct sp_client *c)
{
	struct sp_result result = { 0 };
	struct sp_header header = { .request = sp_self.request, .class = SP_RESPONSE, .type = SP_SYSCALL };

	int tries;

	if (sp_self.client != c || !sp_self.calling)
		return;
	for (tries = 0; tries < REBOOT_TRIES; tries++) {
		if (sp_output_append(c, &header, &result, sizeof(result), NULL, 0))
			break;
		usleep(1000);
	}
	sp_output_try(c);
}

static void shut_down(struct sp_client *c, void *arg)
{
	sp_shutdown(c->stream.fd);
}

void rumpuser_sp_fini(void *client)
{
	uint64_t all = THREADS_MAX;

	if (!atomic_load(&server.started) || sp_stopping())
		return;
	if (client)
		answer_reboot(client);
	atomic_store(&server.stopping, true);
	sp_shutdown(server.listen);
	if (server.url.path[0])
		unlink(server.url.path);
	sp_visit(shut_down, NULL);
	sp_watch_end();
	if (write(server.wake, &all, sizeof(all)) != sizeof(all))
		rumpuser_dprintf("rumpuser: proxy: eventfd: %s\n", strerror(errno));
}
