/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of librumpclient share; nobody else includes it.
 *
 * A program's signals are blocked wherever a lock is held or a message is half done, so that a handler may make calls,
 * too: it finds nothing locked by the code that it interrupted. Threads take turns in receiving: the one whose call has
 * been answered lets another one go on.
 *
 * Functions return 0 or more, or a negative errno of the host, unless they say otherwise.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "sp_stream.h"
#include "sp_wire.h"

/** typedef client_mask - a signal mask as the host's kernel has it */
typedef uint64_t client_mask;

enum client_wait {
	CLIENT_AWAKE,
	CLIENT_ASLEEP,
	CLIENT_DONE,
};

/**
 * struct client_call - a request that the server has not answered yet
 * @request: its number
 * @least:   fewest bytes of an answer
 * @reply, @size: the answer
 * @error:   0, or a positive errno of the host: there is no answer
 * @fault:   the server was told a bad address while it worked on this
 * @done:    futex word, enum client_wait
 */
struct client_call {
	struct client_call *next;
	uint64_t request;
	size_t least;
	union {
		struct sp_result result;
		struct sp_auth auth;
		struct sp_welcome welcome;
		unsigned char bytes[32];
	} reply;
	size_t size;
	int error;
	bool fault;
	_Atomic uint32_t done;
};

/**
 * struct client_connection - a connection to a server
 * @refs:     who uses it
 * @fd:       the socket, the same as in @stream; changes when the program wants its number
 * @receiver: identity of the thread that receives; guards @stream and @scratch
 * @parked:   it waits, with nothing half done
 * @features: of the server
 * @draining: after exec: answers to calls of the program before may come
 * @foreign:  made in another process that shared our memory: @fd is not ours
 * @lost:     under @lock; no more calls
 * @calls, @next_request: under @lock
 * @scratch:  data on their way
 */
struct client_connection {
	atomic_uint refs;
	struct sp_stream stream;
	_Atomic(void *) receiver;
	atomic_bool parked;
	uint32_t features;
	bool draining;
	bool foreign;

	pthread_mutex_t send_lock;
	pthread_mutex_t lock;
	bool lost;
	struct client_call *calls;
	uint64_t next_request;

	unsigned char scratch[1 << 16];
};

/* host.c: the host's calls, past any library that intercepts the C library's */

/** client_signals_block() - block all signals. Return: the mask before */
client_mask client_signals_block(void);
void client_signals_restore(client_mask mask);
/** client_signal() - signal @number to the calling thread */
void client_signal(int number);
/** client_wait_readable() - sleep until @fd has data, with signal mask @mask */
void client_wait_readable(int fd, client_mask mask);
/** client_sleep() - sleep while *@word is @value, @ms milliseconds at most */
void client_sleep(_Atomic uint32_t *word, uint32_t value, unsigned int ms);
void client_wake(_Atomic uint32_t *word);
/** client_peek(), client_poke() - copy from or to an address that may be bad. Return: bytes before the bad one */
size_t client_peek(void *to, uint64_t address, size_t size);
size_t client_poke(uint64_t address, const void *from, size_t size);
/** client_map() - new memory. Return: its address, 0: none */
uint64_t client_map(uint64_t size);
/** client_fd_move() - another number for @fd, out of the way of programs. Return: it; @fd is still open */
int client_fd_move(int fd);
/** client_fd_inherit() - whether @fd stays open over execve(2) */
void client_fd_inherit(int fd, bool inherit);
/** client_complain() - one line on standard error, after "rumpclient: " */
void client_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* connection.c: which connection there is */

/** client_get() - the connection for a call; reconnects when that is due. Signals are blocked; @mask was before */
int client_get(client_mask mask, struct client_connection **connection);
void client_put(struct client_connection *c);
/** client_lose() - no more messages; calls under way fail with @error */
void client_lose(struct client_connection *c, int error);
/** client_died() - calls end the program by exit(3), when it wishes so */
void client_died(void);
/** client_current() - the connection as it is, or NULL; without client_put(), for as long as nothing else is called */
struct client_connection *client_current(void);
/** client_open() - a new connection with kind of handshake @kind; @fork for children */
int client_open(enum sp_handshake kind, const struct sp_fork *fork, struct client_connection **connection);
/** client_adopt() - @c becomes the connection of the process, or of the thread in a child of vfork(2) */
void client_adopt(struct client_connection *c);
/** client_unborrow() - in the parent of such a child: its connection is none of ours */
void client_unborrow(void);
/** client_url() - where the server is, as URL; -ENOTCONN before rumpclient_init() */
int client_url(char text[static SP_URL_MAX]);

/* call.c: requests */

/**
 * client_request() - ask the server and wait for the answer; signals are blocked, @mask was before
 * @call: @least is set; the rest is the answer
 * Return: whether the server may have got it; then @call->error says what became of it
 */
bool client_request(struct client_connection *c, enum sp_type type, uint32_t value, const void *data, size_t size,
		    struct client_call *call, client_mask mask);
/** client_call_done() - @call is answered, and may be gone then */
void client_call_done(struct client_call *call);

/* serve.c: what the server asks for */

/** client_serve_wanted() - bytes of a request to have before client_serve(); 0: it is malformed */
size_t client_serve_wanted(const struct sp_header *header);
/**
 * client_serve() - do what the request at the beginning of the stream says, and take it; by who receives
 * Return: NULL, or what is wrong with the server
 */
const char *client_serve(struct client_connection *c, const struct sp_header *header);

#endif
