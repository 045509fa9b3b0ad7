// SPDX-License-Identifier: BSD-2-Clause
/* The test kernel as a server of remote clients: each a process of its own, its calls on threads of the library's */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "suite.h"

enum { NB_ENOSYS = 78, CLIENTS = 4, CALLS = 150, SIZE = 9000 };

static atomic_int exits, execs, pausing_now, pausing_most;
static atomic_bool answered;
static struct mutex contended;

/* All bits of the client's memory, in pieces: each copy is a time without a virtual CPU. */
static int invert(void *client, char *remote, size_t size)
{
	char piece[4096];
	size_t part, i;
	int error = 0;

	for (; size && !error; remote += part, size -= part) {
		part = size < sizeof(piece) ? size : sizeof(piece);
		call_begin("sp_copyin", MAY_LEAVE, NULL);
		error = ru.sp_copyin(client, remote, piece, part);
		call_end();
		for (i = 0; i < part; i++)
			piece[i] = ~piece[i];
		call_begin("sp_copyout", MAY_LEAVE, NULL);
		error = error ? error : ru.sp_copyout(client, piece, remote, part);
		call_end();
	}
	return error;
}

static int shorten(void *client, char *remote, size_t room, long *retval)
{
	char text[256];
	size_t size = room;
	int error;

	call_begin("sp_copyinstr", MAY_LEAVE, NULL);
	error = ru.sp_copyinstr(client, remote, text, &size);
	call_end();
	*retval = size;
	size--;
	call_begin("sp_copyoutstr", MAY_LEAVE, NULL);
	error = error ? error : ru.sp_copyoutstr(client, text + 1, remote, &size);
	call_end();
	return error;
}

static int map(void *client, size_t size, long *retval)
{
	void *address = NULL;
	int error;

	call_begin("sp_anonmmap", MAY_LEAVE, NULL);
	error = ru.sp_anonmmap(client, size, &address);
	call_end();
	*retval = (long)address;
	return error;
}

static int raise_signal(void *client, int sig)
{
	int error;

	call_begin("sp_raise", MAY_LEAVE, NULL);
	error = ru.sp_raise(client, sig);
	call_end();
	return error;
}

static int hold(void)
{
	mutex_enter(&contended);
	kernel_pause(MS / 8);
	mutex_exit(&contended);
	return 0;
}

/* As a kernel's reboot it does not come back, as far as its client can tell. */
static int reboot(void *client)
{
	call_begin("sp_fini", MAY_LEAVE, NULL);
	ru.sp_fini(client);
	call_end();
	while (!answered)
		kernel_pause(MS);
	return NB_ENOSYS;
}

static void pause_for(int64_t ns)
{
	int now = atomic_fetch_add(&pausing_now, 1) + 1, most = pausing_most;

	while (most < now && !atomic_compare_exchange_weak(&pausing_most, &most, now))
		;
	kernel_pause(ns);
	atomic_fetch_sub(&pausing_now, 1);
}

int kernel_syscall(int num, void *arg, long *retval)
{
	uint64_t args[2];
	void *client = process_priv();
	struct lwp *l = lwp_current();

	rule(l && l->cpu >= 0, "1: hyp_syscall() by a thread that is outside");
	rule(l && !l->temporary && client, "4: hyp_syscall() by an lwp that is no client's");
	memcpy(args, arg, sizeof(args));
	retval[0] = retval[1] = 0;
	switch (num) {
	case CALL_GETPID:
		retval[0] = lwproc_getpid();
		retval[1] = -1;
		return 0;
	case CALL_INVERT:
		return invert(client, (char *)(uintptr_t)args[0], args[1]);
	case CALL_STRING:
		return shorten(client, (char *)(uintptr_t)args[0], args[1], retval);
	case CALL_MAP:
		return map(client, args[0], retval);
	case CALL_RAISE:
		return raise_signal(client, (int)args[0]);
	case CALL_FAIL:
		return (int)args[0];
	case CALL_PAUSE:
		pause_for((int64_t)args[0] * 1000);
		return 0;
	case CALL_BUSY:
		return hold();
	case CALL_REBOOT:
		return reboot(client);
	}
	return NB_ENOSYS;
}

void kernel_lwpexit(void)
{
	struct lwp *l = lwp_current();

	rule(l && l->cpu >= 0, "1: hyp_lwpexit() by a thread that is outside");
	atomic_fetch_add(&exits, 1);
}

void kernel_execnotify(const char *comm)
{
	atomic_fetch_add(&execs, 1);
}

static char dir[256], path[300];

/**
 * struct guest - a host thread that is a client
 * @pid:   that the kernel says
 * @wrong: answers that are not right
 */
struct guest {
	int number;
	int64_t pid;
	int wrong, calls;
	char banner[128];
	atomic_bool done;
	unsigned char memory[SIZE];
};

static void all_kinds(struct guest *g, struct client *c, uint64_t *random)
{
	size_t size = random_next(random) % SIZE, i;
	char text[64] = "xstring of a client";
	int64_t result[2];
	unsigned char mark = random_next(random);

	memset(g->memory, mark, size);
	g->wrong += client_call(c, CALL_INVERT, (uintptr_t)g->memory, size, result) != 0;
	for (i = 0; i < size && g->memory[i] == (unsigned char)~mark; i++)
		;
	g->wrong += i != size;
	g->wrong += client_call(c, CALL_GETPID, 0, 0, result) != 0 || result[0] != g->pid || result[1] != -1;
	g->wrong += client_call(c, CALL_STRING, (uintptr_t)text, sizeof(text), result) != 0;
	g->wrong += strcmp(text, "string of a client") != 0 || result[0] != 20;
	c->map = random_next(random);
	g->wrong += client_call(c, CALL_MAP, 4096, 0, result) != 0 || (uint64_t)result[0] != c->map;
	g->wrong += client_call(c, CALL_FAIL, 35, 0, result) != 35;
	g->wrong += client_call(c, 99, 0, 0, result) != NB_ENOSYS;
	g->wrong += client_call(c, CALL_BUSY, 0, 0, result) != 0;
	g->calls += 7;
	progress();
}

static void *guest(void *arg)
{
	struct guest *g = arg;
	struct client c;
	uint64_t random = suite_seed() + g->number;
	int64_t result[2] = { 0 };
	int i;

	if (client_open(&c, path, "guest")) {
		g->wrong = 1000;
		g->done = true;
		return NULL;
	}
	memcpy(g->banner, c.banner, sizeof(g->banner));
	g->wrong += client_call(&c, CALL_GETPID, 0, 0, result) != 0;
	g->pid = result[0];
	for (i = 0; i < suite_rounds(CALLS) / 7; i++)
		all_kinds(g, &c, &random);
	g->wrong += client_call(&c, CALL_RAISE, 15, 0, result) != 0 || c.raised != 15;
	g->wrong += c.wrong;
	if (g->number == 0) /* goes away in the middle of a call */
		client_begin(&c, CALL_PAUSE, 20000, 0);
	client_close(&c);
	g->done = true;
	return NULL;
}

static bool all_done(void *arg)
{
	struct guest *guests = arg;
	int i;

	for (i = 0; i < CLIENTS && guests[i].done; i++)
		;
	return i == CLIENTS;
}

static bool alone(void *arg)
{
	return process_count() == 1;
}

static bool lwps_gone(void *arg)
{
	return lwp_live() <= *(int *)arg;
}

static void serve(void)
{
	static struct guest guests[CLIENTS];
	pthread_t threads[CLIENTS];
	int i, j, same = 0, wrong = 0;

	for (i = 0; i < CLIENTS; i++) {
		guests[i] = (struct guest){ .number = i };
		pthread_create(&threads[i], NULL, guest, &guests[i]);
	}
	tap_ok(kernel_await(all_done, guests), "%d clients are served", CLIENTS);
	for (i = 0; i < CLIENTS; i++) {
		pthread_join(threads[i], NULL);
		wrong += guests[i].wrong;
		for (j = 0; j < i; j++)
			same += guests[i].pid == guests[j].pid;
	}
	tap_is(wrong, 0, "every answer is right");
	tap_is(same, 0, "each is a process of its own");
	tap_ok(!strcmp(guests[0].banner, "RUMPSP-0.4-TestOS-1.2/kernel\n"), "7: the banner: %.20s...",
	       guests[0].banner);
	tap_ok(kernel_await(alone, NULL), "processes end with their connections, also in the middle of a call");
	tap_ok(exits >= 1, "their lwps were told");
}

/* With one CPU, two clients whose calls sleep without one overlap. */
static void *pausing(void *arg)
{
	struct client c;
	int64_t result[2];

	if (!client_open(&c, path, "pausing"))
		*(int *)arg = client_call(&c, CALL_PAUSE, 300000, 0, result);
	client_close(&c);
	return NULL;
}

static void overlap(void)
{
	int errors[6] = { -1, -1, -1, -1, -1, -1 }, i, wrong = 0;
	pthread_t threads[6];

	for (i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, pausing, &errors[i]);
	for (i = 0; i < 6; i++) {
		while (pthread_tryjoin_np(threads[i], NULL) != 0)
			kernel_pause(MS);
		wrong += errors[i] != 0;
	}
	tap_is(wrong, 0, "six calls sleep");
	tap_ok(pausing_most > 1, "up to %d at one time", pausing_most);
	kernel_await(alone, NULL);
}

struct slow {
	int first, second;
	unsigned char memory[100];
	atomic_bool done;
};

/* While the kernel waits for the memory of one client, the only CPU is there for another one. */
static void *slow(void *arg)
{
	struct slow *s = arg;
	struct client a, b;
	int64_t result[2];

	if (!client_open(&a, path, "slow") && !client_open(&b, path, "quick") &&
	    !client_begin(&a, CALL_INVERT, (uintptr_t)s->memory, sizeof(s->memory))) {
		host_sleep(20 * MS);
		s->second = client_call(&b, CALL_GETPID, 0, 0, result);
		s->first = client_end(&a, result);
		client_close(&a);
		client_close(&b);
	}
	s->done = true;
	return NULL;
}

static bool slow_done(void *arg)
{
	return ((struct slow *)arg)->done;
}

static void waits(void)
{
	struct slow s = { .first = -1, .second = -1 };
	pthread_t thread;

	pthread_create(&thread, NULL, slow, &s);
	tap_ok(kernel_await(slow_done, &s), "a client that takes its time with its memory holds nobody up");
	tap_ok(!s.first && !s.second && s.memory[99] == 0xff, "both are served");
	pthread_join(thread, NULL);
	kernel_await(alone, NULL);
}

static void *rebooting(void *arg)
{
	int64_t result[2] = { -1, -1 };
	struct client c;
	int error = -1;

	if (!client_open(&c, path, "reboot"))
		error = client_call(&c, CALL_REBOOT, 0, 0, result);
	*(int *)arg = error ? error : (int)result[0];
	client_close(&c);
	answered = true;
	return NULL;
}

static bool is_answered(void *arg)
{
	return answered;
}

static void goes_down(void)
{
	pthread_t thread;
	int result = -1;

	pthread_create(&thread, NULL, rebooting, &result);
	tap_ok(kernel_await(is_answered, NULL) && !result, "7: the call that lets the kernel go down is answered");
	pthread_join(thread, NULL);
}

void test_server(void)
{
	char url[320];
	int before, error;

	suite_directory(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(url, sizeof(url), "unix://%s", path);
	mutex_init(&contended, RUMPUSER_MTX_KMUTEX);
	call_begin("sp_init", MAY_LEAVE, NULL);
	error = ru.sp_init(url, "TestOS", "1.2", "kernel");
	call_end();
	tap_is(error, 0, "sp_init");
	serve();
	before = lwp_live();
	overlap();
	waits();
	serve();
	tap_ok(kernel_await(lwps_gone, &before), "no lwp stays of those who have gone");
	goes_down();
	mutex_destroy(&contended);
	suite_remove(dir);
}
