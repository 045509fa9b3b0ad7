/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of the system-call proxy: unix://PATH and tcp://ADDRESS:PORT/ */
#ifndef POSIX_RUMPUSER_SP_URL_H
#define POSIX_RUMPUSER_SP_URL_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/** SP_URL_MAX - longest that sp_url_format() makes, terminator included */
#define SP_URL_MAX (PATH_MAX + 16)

/**
 * struct sp_url - where a server is
 * @size:    bytes of the address
 * @path:    of a unix socket, absolute, so that it outlives a change of directory; else empty
 */
struct sp_url {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t size;
	char path[PATH_MAX];
};

/**
 * sp_url_parse() - understand an address
 * @text:   unix://PATH, tcp://1.2.3.4:PORT/ or tcp://[IPv6]:PORT/, the last slash not needed
 * @connect: a client asks: an address that means "any" is refused
 * @why:    out, on failure: a constant that says what is wrong
 * Return: whether it is one
 */
bool sp_url_parse(const char *text, bool connect, struct sp_url *url, const char **why);

/** sp_url_format() - the address again, for the environment of another program; unix paths absolute */
void sp_url_format(const struct sp_url *url, char text[static SP_URL_MAX]);

#endif
