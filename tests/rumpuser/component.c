// SPDX-License-Identifier: BSD-2-Clause
/* The helpers for host halves of components */
#include <errno.h>
#include <pthread.h>

#include "suite.h"

static void translation(void)
{
	static const struct {
		int host, netbsd;
	} map[] = {
		{ EAGAIN, 35 },		 { EINPROGRESS, 36 },	  { EALREADY, 37 },	 { ENOTSOCK, 38 },
		{ EDESTADDRREQ, 39 },	 { EMSGSIZE, 40 },	  { EPROTOTYPE, 41 },	 { ENOPROTOOPT, 42 },
		{ EPROTONOSUPPORT, 43 }, { ESOCKTNOSUPPORT, 44 }, { EOPNOTSUPP, 45 },	 { EPFNOSUPPORT, 46 },
		{ EAFNOSUPPORT, 47 },	 { EADDRINUSE, 48 },	  { EADDRNOTAVAIL, 49 }, { ENETDOWN, 50 },
		{ ENETUNREACH, 51 },	 { ENETRESET, 52 },	  { ECONNABORTED, 53 },	 { ECONNRESET, 54 },
		{ ENOBUFS, 55 },	 { EISCONN, 56 },	  { ENOTCONN, 57 },	 { ESHUTDOWN, 58 },
		{ ETOOMANYREFS, 59 },	 { ETIMEDOUT, 60 },	  { ECONNREFUSED, 61 },	 { ELOOP, 62 },
		{ ENAMETOOLONG, 63 },	 { EHOSTDOWN, 64 },	  { EHOSTUNREACH, 65 },	 { ENOTEMPTY, 66 },
		{ EUSERS, 68 },		 { EDQUOT, 69 },	  { ESTALE, 70 },	 { EREMOTE, 71 },
		{ ENOLCK, 77 },		 { ENOSYS, 78 },	  { EIDRM, 82 },	 { ENOMSG, 83 },
		{ EOVERFLOW, 84 },	 { EILSEQ, 85 },	  { ECANCELED, 87 },	 { EBADMSG, 88 },
		{ ENODATA, 89 },	 { ENOSR, 90 },		  { ENOSTR, 91 },	 { ETIME, 92 },
		{ EMULTIHOP, 94 },	 { ENOLINK, 95 },	  { EPROTO, 96 },	 { EDEADLK, 11 },
	};
	size_t i;
	int error;

	for (error = 0; error <= ERANGE; error++) {
		if (error != EAGAIN)
			rule(ru.component_errtrans(error) == error, "errno %d becomes %d", error,
			     ru.component_errtrans(error));
	}
	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		tap_is(ru.component_errtrans(map[i].host), map[i].netbsd, "errno %d", map[i].host);
	for (error = 0; error < 200; error++)
		rule((ru.component_errtrans(error) > 0) == (error > 0) && ru.component_errtrans(error) <= NB_ELAST,
		     "errno %d becomes %d", error, ru.component_errtrans(error));
}

/**
 * struct half - the host half of a driver: a thread of its own that delivers into the kernel
 * @delivered: guarded by @m, a lock of the kernel's
 */
struct half {
	struct mutex m;
	int delivered;
	struct lwp *lwp, *again, *after;
	atomic_bool done;
};

enum { PACKETS = 500 };

/* As a network interface does it: nothing of the kernel's is held between the packets. */
static void *receiver(void *arg)
{
	struct half *h = arg;
	int i;

	ru.component_kthread();
	h->lwp = ru.curlwp();
	for (i = 0; i < PACKETS; i++) {
		ru.component_schedule(NULL);
		mutex_enter(&h->m);
		h->delivered++;
		mutex_exit(&h->m);
		ru.component_unschedule();
	}
	h->again = ru.component_curlwp();
	ru.component_kthread_release();
	h->after = ru.curlwp();
	h->done = true;
	return NULL;
}

static bool is_done(void *arg)
{
	return ((struct half *)arg)->done;
}

static void kthread(void)
{
	struct half h = { .delivered = 0 };
	int before = lwp_live(), i;
	pthread_t thread;

	mutex_init(&h.m, RUMPUSER_MTX_KMUTEX);
	pthread_create(&thread, NULL, receiver, &h);
	for (i = 0; i < 100; i++) {
		mutex_enter(&h.m);
		mutex_exit(&h.m);
		kernel_pause(0);
	}
	tap_ok(kernel_await(is_done, &h), "a thread of the host's comes in and goes");
	pthread_join(thread, NULL);
	tap_is(h.delivered, PACKETS, "%d times", PACKETS);
	tap_ok(h.lwp && h.again == h.lwp, "it has an lwp, which component_curlwp gives");
	tap_ok(!h.after, "and none after it was released");
	tap_is(lwp_live(), before, "nothing stays");
	mutex_destroy(&h.m);
}

static void busy(void *arg)
{
	*(atomic_bool *)arg = true;
}

static bool flag_set(void *arg)
{
	return *(atomic_bool *)arg;
}

/* A driver's hypercall that blocks: the other thread can only run if the one CPU was given up. */
static void leaves(int depth)
{
	atomic_bool ran = false;
	struct thread *t;
	int64_t end = host_now() + patience;
	void *cookie;
	int i;

	for (i = 0; i < depth; i++)
		giant_enter();
	t = thread_start(busy, &ran, ANY_CPU);
	call_begin("component_unschedule", STAYS_OUT, NULL);
	context_self()->stay = MAY_LEAVE;
	cookie = ru.component_unschedule();
	context_self()->stay = STAYS_OUT;
	call_end();
	while (!flag_set(&ran) && host_now() < end)
		host_sleep(MS / 4);
	tap_ok(ran, "component_unschedule gives up the virtual CPU");
	ru.component_schedule(cookie);
	tap_ok(lwp_current()->cpu >= 0, "component_schedule has one again");
	tap_is(lwp_current()->giant, depth, "and the big lock, as deep as before");
	for (i = 0; i < depth; i++)
		giant_exit();
	thread_end(t);
}

/**
 * struct relay - an lwp that goes from one host thread to another
 */
struct relay {
	struct lwp *lwp, *kept, *seen;
	atomic_int stage;
};

static void *give(void *arg)
{
	struct relay *r = arg;

	ru.component_kthread();
	r->lwp = ru.component_curlwp();
	ru.component_switchlwp(NULL);
	r->kept = ru.curlwp();
	r->stage = 1;
	return NULL;
}

static void *take(void *arg)
{
	struct relay *r = arg;

	while (r->stage != 1)
		host_sleep(MS / 4);
	ru.component_switchlwp(r->lwp);
	r->seen = ru.component_curlwp();
	ru.component_kthread_release();
	r->stage = 2;
	return NULL;
}

static bool relayed(void *arg)
{
	return ((struct relay *)arg)->stage == 2;
}

static void relay(void)
{
	struct relay r = { .lwp = NULL };
	int before = lwp_live();
	pthread_t giver, taker;

	pthread_create(&giver, NULL, give, &r);
	pthread_create(&taker, NULL, take, &r);
	tap_ok(kernel_await(relayed, &r), "an lwp goes to another host thread");
	pthread_join(giver, NULL);
	pthread_join(taker, NULL);
	tap_ok(r.lwp && !r.kept && r.seen == r.lwp, "it is current there, and no more here");
	tap_is(lwp_live(), before, "nothing stays");
}

void test_component(void)
{
	translation();
	kthread();
	leaves(0);
	leaves(3);
	relay();
}
