// SPDX-License-Identifier: BSD-2-Clause
/*
 * FUSE server: who reads requests from the device
 *
 * One thread at a time, for as long as it is quick enough: the host's scheduler then keeps it on the processor of who
 * asks, and a virtual CPU has the same thread in it. Were all to read, the host would hand requests to each in turn,
 * and most of the time would go into waking threads on other processors.
 *
 * Who takes a request has to see to the next one. It comes back for it, unless it is about to sleep in the kernel
 * first, or more requests wait than it can do: then it calls one of those that stand by.
 */
#include <errno.h>
#include <poll.h>

#include <rumpus/rumpus.h>

#include "internal.h"

/* In so many requests a thread looks once whether others wait. */
#define ROW 16U

/*
 * @reads:  it is the one that reads
 * @serves: it took a request, and has called nobody since
 * @row:    requests that it took
 */
static __thread struct {
	bool reads, serves;
	unsigned int row;
} self;

static bool requests_wait(const struct fuse_server *server)
{
	struct pollfd device = { .fd = server->config.device, .events = POLLIN };

	return poll(&device, 1, 0) > 0; /* also when the connection has ended */
}

/* In a callback of the kernel's, perhaps: nothing here sleeps. */
static void call_another(struct fuse_readers *readers)
{
	if (!atomic_load(&readers->reading) && atomic_load(&readers->standby))
		sem_post(&readers->call);
}

static void about_to_sleep(void *arg)
{
	struct fuse_server *server = arg;

	if (!self.serves)
		return;
	self.serves = false;
	call_another(&server->readers);
}

int readers_init(struct fuse_readers *readers)
{
	return sem_init(&readers->call, 0, 0) ? -errno : 0;
}

void readers_destroy(struct fuse_readers *readers)
{
	sem_destroy(&readers->call);
}

void readers_join(struct fuse_server *server)
{
	rumpus_thread_on_wait(about_to_sleep, server);
}

bool readers_turn(struct fuse_server *server)
{
	struct fuse_readers *readers = &server->readers;

	self.reads = !atomic_exchange(&readers->reading, true);
	if (self.reads || requests_wait(server))
		return true;
	atomic_fetch_add(&readers->standby, 1);
	/* Who sleeps in a request sees that this one stands by, or this one sees that nobody reads. */
	if (atomic_load(&readers->reading))
		sem_wait(&readers->call); /* or a signal: the thread may have to end */
	atomic_fetch_sub(&readers->standby, 1);
	return false;
}

static void give_up_turn(struct fuse_readers *readers)
{
	if (self.reads)
		atomic_store(&readers->reading, false);
	self.reads = false;
}

void readers_took(struct fuse_server *server)
{
	give_up_turn(&server->readers);
	self.serves = true;
	if (++self.row % ROW == 0 && requests_wait(server))
		call_another(&server->readers);
}

void readers_done(void)
{
	self.serves = false;
}

void readers_leave(struct fuse_server *server)
{
	rumpus_thread_on_wait(NULL, NULL);
	give_up_turn(&server->readers);
	self.serves = false;
	sem_post(&server->readers.call); /* the next one is to see why */
}
