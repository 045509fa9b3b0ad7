// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hostile servers against our client library, in one process.
 *
 * A kernel may write where it likes in a client's memory; these do so only where nothing is broken by it: in one buffer,
 * or where there is no memory.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"
#include "proxy_fuzz.h"

#define BUFFER 60000
#define CALLERS 3

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener;
static unsigned char *buffer;
static atomic_bool stop;
static atomic_uint honest, hostile;

static uint64_t some_address(uint64_t *state)
{
	static const uint64_t bad[] = { 0, 1, 4095, 1ULL << 47, 0xdead000000000000, ~0ULL, ~0ULL - 8 };

	if (fuzz_one_in(state, 4))
		return bad[fuzz_random(state, sizeof(bad) / sizeof(bad[0]))];
	return (uintptr_t)buffer + fuzz_random(state, 2000);
}

/* Anything that a kernel may ask for */
static void demand_set(struct message *m, uint64_t *state)
{
	struct sp_range range = { .length = fuzz_random(state, BUFFER - 2000), .address = some_address(state) };
	uint64_t size = fuzz_one_in(state, 3) ? 1ULL << (50 + fuzz_random(state, 14)) : 4096;
	static const int signals[] = { 0, 7, 29, 28, 20, 16, 64, 1 << 20 }; /* which do nothing, or do not exist */

	switch (fuzz_random(state, 6)) {
	case 0:
		message_set(m, SP_REQUEST, SP_COPYIN, fuzz_random(state, 9), 0, &range, sizeof(range));
		break;
	case 1:
		message_set(m, SP_REQUEST, SP_COPYINSTR, fuzz_random(state, 9), 0, &range, sizeof(range));
		break;
	case 2:
	case 3:
		message_set(m, SP_REQUEST, SP_COPYOUT + fuzz_random(state, 2), fuzz_random(state, 9), 0, NULL,
			    sizeof(range) + range.length);
		memcpy(m->payload, &range, sizeof(range));
		break;
	case 4:
		message_set(m, SP_REQUEST, SP_ANONMMAP, fuzz_random(state, 9), 0, &size, sizeof(size));
		break;
	default:
		message_set(m, SP_REQUEST, SP_RAISE, 0, signals[fuzz_random(state, 8)], NULL, 0);
	}
}

/* Mutants that could do what only a kernel may: raise real signals, or map memory without end. */
static bool is_harmful(const struct message *m)
{
	return m->header.class == SP_REQUEST && (m->header.type == SP_RAISE || m->header.type == SP_ANONMMAP);
}

static bool send_demand(int fd, struct message *m, uint64_t *state)
{
	struct message *keep;

	demand_set(m, state);
	if (fuzz_one_in(state, 4)) {
		keep = malloc(sizeof(*keep));
		*keep = *m;
		message_mutate(m, state);
		if (is_harmful(m))
			*m = *keep;
		free(keep);
	}
	return message_send(fd, m);
}

static bool send_answer(int fd, struct message *m, const struct sp_header *header, uint64_t *state)
{
	struct sp_result result = { .retval = { 1, 2 } };
	struct sp_welcome welcome = { .features = fuzz_one_in(state, 2) ? SP_FEATURE_FAULT : 0 };
	struct sp_auth auth = { { 1, 2, 3, 4 } };

	if (header->type == SP_HANDSHAKE)
		message_set(m, SP_RESPONSE, SP_HANDSHAKE, header->request, 0, &welcome, fuzz_one_in(state, 2) ? 8 : 4);
	else if (header->type == SP_PREFORK)
		message_set(m, SP_RESPONSE, SP_PREFORK, header->request, 0, &auth, sizeof(auth));
	else
		message_set(m, SP_RESPONSE, SP_SYSCALL, header->request, 0, &result, sizeof(result));
	if (fuzz_one_in(state, header->type == SP_HANDSHAKE ? 30 : 8))
		message_mutate(m, state);
	if (is_harmful(m))
		return false;
	return message_send(fd, m) && (!fuzz_one_in(state, 50) || message_send(fd, m));
}

/* Read requests and the answers to our demands; say what comes to mind. */
static void serve(int fd, struct message *m, uint64_t *state)
{
	static const char *const banners[] = { "", "\n", "RUMPSP-1.4-x\n", "RUMPSP-0.4-no-end", "SSH-2.0-x\r\n" };
	const char *banner = "RUMPSP-0.4-Fuzz-1/none\n";
	struct sp_header header;

	if (fuzz_one_in(state, 10))
		banner = banners[fuzz_random(state, 5)];
	if (send(fd, banner, strlen(banner), MSG_NOSIGNAL) < 0 || fuzz_one_in(state, 30))
		return;
	while (read_all(fd, &header, sizeof(header))) {
		if (header.length < sizeof(header) || header.length - sizeof(header) > sizeof(m->payload) ||
		    !read_all(fd, m->payload, header.length - sizeof(header)))
			return;
		if (fuzz_one_in(state, 3) && !send_demand(fd, m, state))
			return;
		if (header.class == SP_REQUEST && !fuzz_one_in(state, 40) && !send_answer(fd, m, &header, state))
			return;
		if (m->size < m->header.length || fuzz_one_in(state, 60))
			return; /* stops in the middle of a message, or hangs up */
		atomic_fetch_add(&hostile, 1);
	}
}

static void *server_main(void *arg)
{
	uint64_t state = (uintptr_t)arg;
	struct message *m = malloc(sizeof(*m));
	int fd;

	memset(m, 0, sizeof(*m));
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		serve(fd, m, &state);
		close(fd);
	}
	free(m);
	return NULL;
}

static void *caller(void *arg)
{
	struct rumpclient_fork *rf;

	while (!atomic_load(&stop)) {
		if (call(KERNEL_ADD, (long)buffer, BUFFER, 0) == 1)
			atomic_fetch_add(&honest, 1);
		rf = rumpclient_prefork();
		if (rf && arg)
			rumpclient_fork_cancel(rf);
	}
	return NULL;
}

static void listen_at(const char *path)
{
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		tap_abort("cannot listen");
}

void fuzz_client(unsigned int rounds, uint64_t seed)
{
	pthread_t servers[CALLERS + 2], callers[CALLERS];
	char path[32], url[48];
	int fds, i;

	fuzz_patience = 100; /* a server that does not answer hangs up soon, or the client would wait for good */
	snprintf(path, sizeof(path), "fuzz.%d", getpid());
	snprintf(url, sizeof(url), "unix://%s", path);
	listen_at(path);
	setenv("RUMP_SERVER", url, 1);
	buffer = mmap(NULL, BUFFER + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < CALLERS + 2; i++)
		pthread_create(&servers[i], NULL, server_main, (void *)(uintptr_t)(seed * 100 + i));
	fds = own_fds();
	for (i = 0; i < 200 && rumpclient_init(); i++)
		;
	tap_ok(i < 200, "the client connects, in the end");
	for (i = 0; i < CALLERS; i++)
		pthread_create(&callers[i], NULL, caller, i ? NULL : buffer);
	while (atomic_load(&hostile) < rounds * 4)
		usleep(10000);
	atomic_store(&stop, true);
	for (i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	tap_ok(true, "all calls have returned");
	tap_note("seed %llu: %u messages, %u good calls", (unsigned long long)seed, hostile, honest);
	tap_ok(honest > 0, "some of them well");
	rumpclient_setconnretry(0);
	shutdown(listener, SHUT_RDWR);
	for (i = 0; i < CALLERS + 2; i++)
		pthread_join(servers[i], NULL);
	tap_ok(own_fds() <= fds + 1, "no descriptors are lost");
	close(listener);
	unlink(path);
}
