// SPDX-License-Identifier: BSD-2-Clause
/*
 * Leases that are kept: for each interface with one that ends, a thread sleeps until half of the time is over, asks the
 * server to extend it, later any server, and when the time is over or the address refused asks for another one.
 *
 * The thread makes system calls as any other of the program's does, so it ends with the kernel. Who wants it to stop
 * sets @stop, wakes it and joins it: the kernel at its end (dhcp_release_all()), who takes the interface away or
 * configures it anew.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../io/thread.h"
#include "dhcp.h"
#include "internal.h"

#define ATTEMPT_MAX 4000   /* milliseconds that an answer to a request for more time is waited for */
#define PAUSE_MIN 60000	   /* milliseconds between two of them, when the time left is long enough */
#define SEARCH_TIME 10000  /* milliseconds that a new lease is asked for without a pause */
#define SEARCH_PAUSE 60000 /* and those of the pause */

/**
 * struct dhcp_keeper - a lease that is kept
 * @plan:   its @name and @error are the two that follow
 * @lease, @since: what it has, and since when by net_milliseconds(); the thread's own. Its address is 0 when it is lost
 * @changed: @stop was set
 * @thread: that keeps it, unless it lasts for ever: @endless
 * @stop:   written with rumpus_lock, read by the thread without
 * @in_kernel: list of the kernel's, under rumpus_lock; who takes it out of there joins and frees it
 */
struct dhcp_keeper {
	struct net_plan plan;
	char name[32];
	char error[200];
	struct dhcp_lease lease;
	long since;
	pthread_t thread;
	pthread_cond_t changed;
	bool endless, stop;
	LIST_ENTRY(dhcp_keeper) in_kernel;
};

/* Sleep until then. Return: nobody wants this to stop */
static bool sleep_until(struct dhcp_keeper *keeper, long until)
{
	const struct timespec time = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	int error = 0;
	bool stop;

	if (api_begin())
		return false;
	while (!keeper->stop && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&keeper->changed, &rumpus_lock, &time);
	stop = keeper->stop;
	api_end();
	return !stop;
}

static void say(const struct dhcp_keeper *keeper, const char *what)
{
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &keeper->lease.address, text, sizeof(text));
	kernel_log(keeper->plan.kernel, "rumpus: %s: dhcp: %s %s\n", keeper->name, text, what);
}

/* Have the kernel take what the server gave. Return: 0 or as reported */
static long take_over(struct dhcp_keeper *keeper, const struct dhcp_exchange *exchange, const struct dhcp_lease *lease)
{
	const struct dhcp_lease before = keeper->lease;

	keeper->since = exchange->asked;
	keeper->lease = *lease;
	return dhcp_apply(&keeper->plan, lease, &before);
}

/* Return: 0: extended; -ETIMEDOUT: not yet; -EADDRNOTAVAIL: refused; other errors: there is no sense in going on */
static long extend_once(struct dhcp_keeper *keeper, bool anybody, long end)
{
	struct dhcp_lease lease = keeper->lease;
	struct dhcp_exchange exchange;
	long result = dhcp_open(&exchange, &keeper->plan), limit;

	if (result)
		return result;
	limit = net_milliseconds() + ATTEMPT_MAX;
	exchange.stop = &keeper->stop;
	exchange.deadline = limit < end ? limit : end;
	result = dhcp_extend(&exchange, &lease, anybody);
	dhcp_close(&exchange);
	return result ? result : take_over(keeper, &exchange, &lease);
}

/* Ask again and again from one time to the other, both after keeper.since. Return: as extend_once() */
static long extend(struct dhcp_keeper *keeper, bool anybody, uint32_t from, uint32_t to)
{
	const long begin = keeper->since + from * 1000L, end = keeper->since + to * 1000L;
	const long least = (end - begin) / 4 < PAUSE_MIN ? (end - begin) / 4 : PAUSE_MIN;
	long at = begin, result = -ETIMEDOUT, half;

	while (result == -ETIMEDOUT && at < end) {
		if (!sleep_until(keeper, at))
			return -ECANCELED;
		result = extend_once(keeper, anybody, end);
		at = net_milliseconds();
		half = (end - at) / 2;
		at += half > least ? half : least + 1;
	}
	return result != -ETIMEDOUT || sleep_until(keeper, end) ? result : -ECANCELED;
}

/* Return: 0: there is another one; errors as extend_once() */
static long search(struct dhcp_keeper *keeper)
{
	struct dhcp_exchange exchange;
	struct dhcp_lease lease;
	long result;

	do {
		result = dhcp_open(&exchange, &keeper->plan);
		if (result)
			return result;
		exchange.stop = &keeper->stop;
		exchange.deadline = net_milliseconds() + SEARCH_TIME;
		result = dhcp_obtain(&exchange, &lease);
		dhcp_close(&exchange);
	} while (result == -ETIMEDOUT && sleep_until(keeper, net_milliseconds() + SEARCH_PAUSE));
	return result ? result : take_over(keeper, &exchange, &lease);
}

/* One lease to its end, or its extension. Return: 0: there is one; else there will be none */
static long keep(struct dhcp_keeper *keeper)
{
	const struct dhcp_lease lease = keeper->lease;
	long result = extend(keeper, false, lease.renewal, lease.rebinding);

	if (result == -ETIMEDOUT)
		result = extend(keeper, true, lease.rebinding, lease.seconds);
	if (result != -ETIMEDOUT && result != -EADDRNOTAVAIL)
		return result;
	say(keeper,
	    result == -ETIMEDOUT ? "is lost: no server has extended the lease" : "is lost: the server refuses it");
	dhcp_withdraw(&keeper->plan, &lease);
	keeper->lease.address = 0;
	result = search(keeper);
	if (!result)
		say(keeper, "is the address from now on");
	return result;
}

static void *keeper_main(void *arg)
{
	struct dhcp_keeper *keeper = arg;
	long result = 0;

	while (!result && keeper->lease.seconds != UINT32_MAX)
		result = keep(keeper);
	if (result && result != -ECANCELED && result != -ESHUTDOWN && result != -ENODEV)
		kernel_log(keeper->plan.kernel, "rumpus: %s\n", keeper->error);
	rumpus_thread_detach();
	return NULL;
}

static void free_keeper(struct dhcp_keeper *keeper)
{
	pthread_cond_destroy(&keeper->changed);
	free(keeper);
}

static struct dhcp_keeper *make_keeper(const struct net_plan *plan, const struct dhcp_lease *lease, long since)
{
	struct dhcp_keeper *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t attr;

	if (!keeper)
		return NULL;
	keeper->plan = *plan;
	keeper->lease = *lease;
	keeper->since = since;
	keeper->endless = lease->seconds == UINT32_MAX;
	strncpy(keeper->name, plan->name, sizeof(keeper->name) - 1);
	keeper->plan.name = keeper->name;
	keeper->plan.error = keeper->error;
	keeper->plan.error_size = sizeof(keeper->error);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &attr);
	pthread_condattr_destroy(&attr);
	return keeper;
}

int dhcp_keep(const struct net_plan *plan, const struct dhcp_lease *lease, long since)
{
	struct dhcp_keeper *keeper = make_keeper(plan, lease, since);
	int error;

	if (!keeper)
		return net_fail(plan, -ENOMEM, "dhcp: no memory to keep the lease");
	error = api_begin();
	/* With the lock, so that a kernel that ends finds it or keeps it from being started. */
	if (!error) {
		if (plan->kernel->dead)
			error = -ESHUTDOWN;
		else if (!keeper->endless)
			error = io_thread_create(&keeper->thread, "rumpus-dhcp", keeper_main, keeper);
		if (!error)
			LIST_INSERT_HEAD(&plan->kernel->keepers, keeper, in_kernel);
		api_end();
	}
	if (!error)
		return 0;
	free_keeper(keeper);
	return net_fail(plan, error, "dhcp: no thread to keep the lease: %s", strerror(-error));
}

/* With the lock, which is released meanwhile: of that interface, or of all when it is NULL */
static struct dhcp_keeper *take(struct rumpus *kernel, const char *name)
{
	struct dhcp_keeper *keeper;

	LIST_FOREACH(keeper, &kernel->keepers, in_kernel)
	if (!name || !strcmp(keeper->name, name)) {
		LIST_REMOVE(keeper, in_kernel);
		__atomic_store_n(&keeper->stop, true, __ATOMIC_RELEASE);
		pthread_cond_signal(&keeper->changed);
		return keeper;
	}
	return NULL;
}

/* The same, and wait for its thread */
static struct dhcp_keeper *stop(struct rumpus *kernel, const char *name)
{
	struct dhcp_keeper *keeper = take(kernel, name);

	if (keeper && !keeper->endless) {
		pthread_mutex_unlock(&rumpus_lock);
		pthread_join(keeper->thread, NULL);
		pthread_mutex_lock(&rumpus_lock);
	}
	return keeper;
}

static void release(struct rumpus *kernel, const char *name)
{
	struct dhcp_keeper *keeper;

	while ((keeper = stop(kernel, name)))
		free_keeper(keeper);
}

void dhcp_take(const struct net_plan *plan, struct dhcp_lease *lease, long *since)
{
	struct dhcp_keeper *keeper;

	*lease = (struct dhcp_lease){ 0 };
	*since = 0;
	if (api_begin())
		return;
	keeper = stop(plan->kernel, plan->name);
	if (keeper) {
		*lease = keeper->lease;
		*since = keeper->since;
		free_keeper(keeper);
	}
	api_end();
}

void dhcp_release(struct rumpus *kernel, const char *name)
{
	if (api_begin())
		return;
	release(kernel, name);
	api_end();
}

void dhcp_release_all(struct rumpus *kernel)
{
	release(kernel, NULL);
}
