// SPDX-License-Identifier: BSD-2-Clause
/* The rules that the library has to keep, and whether the kernel gets on */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel.h"

int64_t patience = 20 * SECOND;

static atomic_uint broken;	    /* rules */
static atomic_uint steps;	    /* of progress */
static struct context *_Atomic all; /* host threads */
static __thread struct context *mine;

enum { SHOWN = 10 }; /* broken rules that are told */

bool rule(bool holds, const char *text, ...)
{
	char line[256];
	va_list args;

	if (holds || atomic_fetch_add(&broken, 1) >= SHOWN)
		return holds;
	va_start(args, text);
	vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	return tap_ok(false, "rule kept: %s", line);
}

void rules_kept(void)
{
	tap_is(atomic_load(&broken), 0, "no rule was broken");
}

struct context *context_self(void)
{
	if (!mine) {
		mine = calloc(1, sizeof(*mine));
		if (!mine)
			tap_abort("no memory");
		mine->next = atomic_load(&all);
		while (!atomic_compare_exchange_weak(&all, &mine->next, mine))
			;
	}
	return mine;
}

void progress(void)
{
	atomic_fetch_add_explicit(&steps, 1, memory_order_relaxed);
}

void call_begin(const char *name, enum stay stay, struct mutex *interlock)
{
	struct context *c = context_self();

	rule(lwp_current() && lwp_current()->cpu >= 0, "%s: the test calls it from outside", name);
	c->interlock = interlock;
	c->stay = stay;
	atomic_store(&c->left, 0);
	atomic_store(&c->call, name);
}

void call_end(void)
{
	struct context *c = context_self();
	struct lwp *l = lwp_current();

	rule(l && (l->cpu >= 0) == (c->stay != STAYS_OUT), "1, %s: returns %s a virtual CPU", c->call,
	     l && l->cpu >= 0 ? "with" : "without");
	rule(c->away == (c->stay == STAYS_OUT), "1, %s: returns without the second upcall", c->call);
	atomic_store(&c->call, NULL);
	c->interlock = NULL;
	if (!c->background)
		progress();
}

int call_left(void)
{
	return atomic_load(&context_self()->left);
}

static void tell(void)
{
	struct context *c;
	const char *call;

	for (c = atomic_load(&all); c; c = c->next) {
		call = atomic_load(&c->call);
		if (call)
			tap_note("a thread is in %s, %s its virtual CPU", call,
				 atomic_load(&c->left) ? "without" : "with");
	}
}

static void *watch(void *arg)
{
	unsigned int seen = atomic_load(&steps), now;
	int64_t since = host_now();

	for (;;) {
		host_sleep(patience / 20);
		now = atomic_load(&steps);
		if (now != seen)
			since = host_now();
		seen = now;
		if (host_now() - since < patience)
			continue;
		tell();
		tap_abort("the kernel gets on: nothing moved for %d ms", (int)(patience / MS));
	}
	return NULL;
}

void watchdog_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watch, NULL) != 0)
		tap_abort("no more threads");
	pthread_detach(thread);
}

int64_t host_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

void host_sleep(int64_t ns)
{
	int64_t end = host_now() + ns;
	struct timespec until = { .tv_sec = end / SECOND, .tv_nsec = end % SECOND };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

uint32_t random_next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x >> 32;
}
