/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz tests of the proxy share: numbers from a seed, messages that are wrong in some way, sockets. */
#ifndef TESTS_RUMPUSER_PROXY_FUZZ_H
#define TESTS_RUMPUSER_PROXY_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sp_wire.h"

#define MESSAGE_MAX 70000

/** struct message - a header and what follows; what is sent is @size bytes, whatever the header says */
struct message {
	struct sp_header header;
	unsigned char payload[MESSAGE_MAX];
	size_t size;
};

/** fuzz_random() - the next number of @state below @limit, which is not 0 */
uint64_t fuzz_random(uint64_t *state, uint64_t limit);
/** fuzz_one_in() - true once in @n times */
bool fuzz_one_in(uint64_t *state, unsigned int n);

/** message_set() - a correct message */
void message_set(struct message *m, enum sp_class class, enum sp_type type, uint64_t request, uint32_t value,
		 const void *payload, size_t size);
/** message_mutate() - make something about it wrong, or maybe nothing: header, lengths, end */
void message_mutate(struct message *m, uint64_t *state);
/** message_send() - all of it, or what the peer takes before it hangs up. Return: whether all */
bool message_send(int fd, const struct message *m);
/** fuzz_patience - milliseconds that peers wait for each other */
extern int fuzz_patience;
/** read_all() - exactly @size bytes. Return: whether they came in time */
bool read_all(int fd, void *data, size_t size);

/** fuzz_server() - hostile clients against our server; fuzz_client() - the reverse; @rounds of each */
void fuzz_server(unsigned int rounds, uint64_t seed);
void fuzz_client(unsigned int rounds, uint64_t seed);

#endif
