/* SPDX-License-Identifier: BSD-2-Clause */
/* A remote client of the test kernel, in a few lines of its own: the wire format as its documents tell it */
#ifndef TESTS_RUMPUSER_CLIENT_H
#define TESTS_RUMPUSER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/** enum test_call - system calls of the test kernel; arguments have 8 bytes each */
enum test_call {
	CALL_GETPID = 1,
	CALL_INVERT, /* (address, bytes): all bits of what is there */
	CALL_STRING, /* (address, room): reads a string and writes it back, without its first character; its bytes */
	CALL_MAP,    /* (bytes): memory in the client; returns its address */
	CALL_RAISE,  /* (signal) */
	CALL_FAIL,   /* (errno) */
	CALL_PAUSE,  /* (microseconds) */
	CALL_BUSY,   /* (): something that sleeps in a lock of the kernel's for a moment */
	CALL_REBOOT, /* (): the kernel goes down; the server answers */
};

/**
 * struct client - a connection
 * @raised: the last signal that the server asked for
 * @map:    address that the client gives for anonymous memory
 * @wrong:  messages that no server may send
 */
struct client {
	int fd;
	uint64_t requests;
	char banner[128];
	int raised;
	uint64_t map;
	int wrong;
};

/** client_open() - connect to a socket's path and shake hands as a guest. Return: 0 or a negative value */
int client_open(struct client *c, const char *path, const char *name);
/** client_call() - Return: error of the kernel, or -1 when the connection is gone; @result: two values */
int client_call(struct client *c, int number, uint64_t a, uint64_t b, int64_t result[2]);
void client_close(struct client *c);
/** client_begin(), client_end() - the same in two steps */
int client_begin(struct client *c, int number, uint64_t a, uint64_t b);
int client_end(struct client *c, int64_t result[2]);

#endif
