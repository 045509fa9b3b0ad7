// SPDX-License-Identifier: BSD-2-Clause
/* Hostile clients against our server, which is in another process, while honest ones use it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rump/rumpclient.h>

#include "../tap.h"
#include "proxy_client.h"
#include "proxy_fuzz.h"

#define THREADS 3 /* of hostile clients, one after the other each */

struct fuzzer {
	pthread_t thread;
	uint64_t state;
	unsigned int rounds;
	struct message message;
	unsigned int answered, refused, unreachable;
};

static struct sockaddr_un address = { .sun_family = AF_UNIX };

static int connect_raw(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte = 0;

	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	while (byte != '\n' && read_all(fd, &byte, 1))
		;
	return fd;
}

/* One of everything that a client may say; the kernel ignores calls that would disturb the test. */
static void request_set(struct fuzzer *f, uint64_t request)
{
	struct message *m = &f->message;
	long arguments[3] = { (long)&address, fuzz_random(&f->state, 40000), 7 };
	struct sp_fork fork = { .auth.word = { fuzz_random(&f->state, 3) }, .cancel = fuzz_random(&f->state, 2) };

	switch (fuzz_random(&f->state, 12)) {
	case 0:
		message_set(m, SP_REQUEST, SP_PREFORK, request, 0, NULL, 0);
		break;
	case 1:
		message_set(m, SP_REQUEST, SP_HANDSHAKE, request, SP_HANDSHAKE_EXEC, "other", 6);
		break;
	case 2:
		message_set(m, SP_REQUEST, SP_HANDSHAKE, request, SP_HANDSHAKE_FORK, &fork, sizeof(fork));
		break;
	case 3:
		message_set(m, SP_RESPONSE, SP_COPYIN, fuzz_random(&f->state, 4), 0, NULL,
			    fuzz_random(&f->state, 40000));
		break;
	case 4:
		message_set(m, SP_ERROR, 0, fuzz_random(&f->state, 4), fuzz_random(&f->state, 9), NULL, 0);
		break;
	default:
		message_set(m, SP_REQUEST, SP_SYSCALL, request, fuzz_random(&f->state, KERNEL_CALLS + 2), arguments,
			    sizeof(arguments));
	}
}

static void handshake_set(struct fuzzer *f)
{
	struct sp_fork fork = { .cancel = fuzz_random(&f->state, 2) };

	if (fuzz_one_in(&f->state, 10))
		message_set(&f->message, SP_REQUEST, SP_HANDSHAKE, 0, SP_HANDSHAKE_FORK, &fork, sizeof(fork));
	else
		message_set(&f->message, SP_REQUEST, SP_HANDSHAKE, 0, SP_HANDSHAKE_GUEST, "fuzzer", 7);
}

/* An answer to what the server wants: the right one, or not */
static bool answer(struct fuzzer *f, int fd, const struct sp_header *header, size_t size)
{
	struct sp_range range = { 0 };
	size_t wanted = 8;

	if (size > sizeof(f->message.payload) || !read_all(fd, f->message.payload, size))
		return false;
	if (header->type == SP_COPYOUT || header->type == SP_COPYOUTSTR || header->type == SP_RAISE)
		return true;
	if (header->type != SP_ANONMMAP && size >= sizeof(range)) {
		memcpy(&range, f->message.payload, sizeof(range));
		wanted = range.length < 50000 ? range.length : 50000;
	}
	message_set(&f->message, SP_RESPONSE, header->type, header->request, 0, NULL, wanted);
	if (fuzz_one_in(&f->state, 3))
		message_mutate(&f->message, &f->state);
	f->answered++;
	return message_send(fd, &f->message) && (!fuzz_one_in(&f->state, 8) || message_send(fd, &f->message));
}

/* Take what the server says without waiting long for more. */
static bool listen_for_a_while(struct fuzzer *f, int fd)
{
	struct sp_header header;
	ssize_t got;

	for (;;) {
		got = recv(fd, &header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
		if (got < (ssize_t)sizeof(header))
			return got != 0;
		read_all(fd, &header, sizeof(header));
		if (header.class == SP_ERROR)
			f->refused++;
		if (header.class == SP_REQUEST) {
			if (!answer(f, fd, &header, header.length - sizeof(header)))
				return false;
		} else if (!read_all(fd, f->message.payload, header.length - sizeof(header))) {
			return false;
		}
	}
}

static void one_client(struct fuzzer *f)
{
	unsigned int n = fuzz_random(&f->state, 12);
	int fd = connect_raw();
	unsigned int i;

	if (fd < 0) {
		f->unreachable++;
		return;
	}
	for (i = 0; i < n; i++) {
		if (i)
			request_set(f, fuzz_one_in(&f->state, 5) ? 1 : i);
		else
			handshake_set(f);
		if (fuzz_one_in(&f->state, i ? 4 : 20))
			message_mutate(&f->message, &f->state);
		if (!message_send(fd, &f->message) || f->message.size < sizeof(f->message.header))
			break;
		if (fuzz_one_in(&f->state, 2))
			usleep(fuzz_random(&f->state, 500));
		if (!listen_for_a_while(f, fd))
			break;
	}
	if (fuzz_one_in(&f->state, 3))
		shutdown(fd, SHUT_WR);
	close(fd);
}

static void *fuzz(void *arg)
{
	struct fuzzer *f = arg;
	unsigned int i;

	for (i = 0; i < f->rounds; i++)
		one_client(f);
	return NULL;
}

/* In a process of its own, so that its connection ends. Return: its status is 0 when all calls are right */
static pid_t honest_start(void)
{
	pid_t pid = fork();
	char text[64];
	int wrong = 0;
	int i;

	if (pid)
		return pid;
	wrong = rumpclient_init() != 0;
	for (i = 0; i < 300; i++) {
		wrong += call(KERNEL_STRLEN, (long)"honest", 100, 0) != 7;
		wrong += call(KERNEL_HELLO, (long)text, sizeof(text), 0) != sizeof(KERNEL_HELLO_STRING);
	}
	_exit(wrong != 0);
}

void fuzz_server(unsigned int rounds, uint64_t seed)
{
	static struct fuzzer fuzzers[THREADS];
	unsigned int answered = 0, refused = 0, unreachable = 0;
	struct server server;
	pid_t honest;
	char url[128];
	int i;

	snprintf(address.sun_path, sizeof(address.sun_path), "fuzz.%d", getpid());
	snprintf(url, sizeof(url), "unix://%s", address.sun_path);
	setenv("PROXY_SERVER_FUZZED", "1", 1);
	setenv("RUMP_SERVER", url, 1);
	server_start(&server, url);
	honest = honest_start();
	for (i = 0; i < THREADS; i++) {
		fuzzers[i].state = seed + i;
		fuzzers[i].rounds = rounds;
		pthread_create(&fuzzers[i].thread, NULL, fuzz, &fuzzers[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(fuzzers[i].thread, NULL);
		answered += fuzzers[i].answered;
		refused += fuzzers[i].refused;
		unreachable += fuzzers[i].unreachable;
	}
	tap_is(wait_status(honest), 0, "an honest client's calls succeed beside hostile ones");
	tap_note("seed %llu: %u clients, %u answers to the server, %u requests refused", (unsigned long long)seed,
		 rounds * THREADS, answered, refused);
	tap_ok(answered && refused, "the hostile ones got far enough to matter");
	tap_is(unreachable, 0, "the server took each of them");
	tap_is(wait_status(honest_start()), 0, "and still serves");
	tap_ok(server_stop(&server), "it ends by itself: no process is left inside, no sanitizer has complained");
	unlink(address.sun_path);
}
