/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rump_sp wire protocol, version 0.4: what NetBSD's rump kernels and their remote clients say to each other.
 *
 * A connection is a stream of messages after the server's banner. Everything is in the byte order and with the sizes of
 * the host; both ends are of one kind. A message is a header and @length - 24 bytes more:
 *
 *   type        who asks  header's @value  request                     response
 *   HANDSHAKE   client    SP_HANDSHAKE_*   name, or sp_fork            int 0 [uint32_t features]
 *   SYSCALL     client    its number       arguments                   sp_result
 *   PREFORK     client                     -                           sp_auth
 *   COPYIN      server                     sp_range                    the bytes
 *   COPYINSTR   server                     sp_range (length: room)     the bytes up to the terminator, type COPYIN
 *   COPYOUT(STR) server                    sp_range and the bytes      none
 *   ANONMMAP    server                     uint64_t bytes              address, 0 for none
 *   RAISE       server    NetBSD's signal  -                           none
 *
 * Requests of each side have numbers of their own, which responses repeat. Instead of a response there may be a message
 * of class ERROR: a header with SP_ERROR_* in @value.
 *
 * Features are ours. A server that has one says so behind the 0 that ends a handshake, where NetBSD's clients do not
 * look; a client makes use of it with such a server only.
 */
#ifndef RUMPUSER_SP_WIRE_H
#define RUMPUSER_SP_WIRE_H

#include <stddef.h>
#include <stdint.h>

/** The banner: "RUMPSP-0.4-OSTYPE-OSRELEASE/MACHINE\n", at most SP_BANNER_MAX bytes */
#define SP_BANNER "RUMPSP-0.4-"
#define SP_BANNER_MAJOR "RUMPSP-0."
#define SP_BANNER_MAX 96

enum sp_class {
	SP_REQUEST = 0,
	SP_RESPONSE = 1,
	SP_ERROR = 2,
};

enum sp_type {
	SP_HANDSHAKE = 0,
	SP_SYSCALL = 1,
	SP_COPYIN = 2,
	SP_COPYINSTR = 3,
	SP_COPYOUT = 4,
	SP_COPYOUTSTR = 5,
	SP_ANONMMAP = 6,
	SP_PREFORK = 7,
	SP_RAISE = 8,
};

enum sp_handshake {
	SP_HANDSHAKE_GUEST = 0,
	SP_HANDSHAKE_AUTH = 1,
	SP_HANDSHAKE_FORK = 2,
	SP_HANDSHAKE_EXEC = 3,
};

enum sp_error {
	SP_ERROR_NONE = 0,
	SP_ERROR_AGAIN = 1,
	SP_ERROR_AUTH = 2,
	SP_ERROR_PREFORK = 3,
	SP_ERROR_RFORK = 4,
	SP_ERROR_EXEC = 5,
	SP_ERROR_NOMEM = 6,
	SP_ERROR_MALFORMED = 7,
};

/**
 * SP_FEATURE_FAULT - bad addresses are told
 *
 * The client answers a copyin that it cannot serve with ERROR MALFORMED, and copyout carries the number of the system
 * call that it belongs to, so that the client can let it fail.
 */
#define SP_FEATURE_FAULT 0x52750001U

struct sp_header {
	uint64_t length;
	uint64_t request;
	uint16_t class;
	uint16_t type;
	uint32_t value;
};

struct sp_range {
	uint64_t length;
	uint64_t address;
};

struct sp_result {
	int32_t error;
	int32_t unused;
	int64_t retval[2];
};

struct sp_auth {
	uint32_t word[4];
};

struct sp_fork {
	struct sp_auth auth;
	int32_t cancel;
};

struct sp_welcome {
	int32_t error;
	uint32_t features;
};

/** Largest name of a program in a handshake that is kept */
#define SP_NAME_MAX 255
/** Most bytes of arguments that a system call has; NetBSD's have 8 times 8 at most, and syscall(2) one more */
#define SP_ARGUMENTS_MAX 256

_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8, "layouts of hosts with 64 bits");
_Static_assert(sizeof(struct sp_header) == 24 && offsetof(struct sp_header, request) == 8 &&
		       offsetof(struct sp_header, class) == 16 && offsetof(struct sp_header, type) == 18 &&
		       offsetof(struct sp_header, value) == 20,
	       "rump_sp header");
_Static_assert(sizeof(struct sp_range) == 16 && offsetof(struct sp_range, address) == 8, "rump_sp copy data");
_Static_assert(sizeof(struct sp_result) == 24 && offsetof(struct sp_result, retval) == 8, "rump_sp system call result");
_Static_assert(sizeof(struct sp_auth) == 16, "rump_sp authentication");
_Static_assert(sizeof(struct sp_fork) == 20 && offsetof(struct sp_fork, cancel) == 16, "rump_sp fork handshake");
_Static_assert(sizeof(struct sp_welcome) == 8 && offsetof(struct sp_welcome, features) == 4, "answer to a handshake");

#endif
