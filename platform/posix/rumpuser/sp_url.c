// SPDX-License-Identifier: BSD-2-Clause
/* Addresses of the system-call proxy */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sp_url.h"

static bool is_absolute(const char *path, char full[static PATH_MAX])
{
	size_t used = 0;

	if (path[0] != '/') {
		if (!getcwd(full, PATH_MAX - 1))
			return false;
		used = strlen(full);
		if (full[used - 1] != '/')
			full[used++] = '/';
	}
	if (strlen(path) >= PATH_MAX - used)
		return false;
	strcpy(full + used, path);
	return true;
}

/* A program may leave its directory, so the absolute path is better, but it may be too long for the socket's address. */
static bool parse_unix(const char *path, struct sp_url *url, const char **why)
{
	if (!path[0]) {
		*why = "the path is missing";
		return false;
	}
	if (strlen(path) >= sizeof(url->un.sun_path)) {
		*why = "the path has more than 107 characters; a relative one may be shorter";
		return false;
	}
	if (!is_absolute(path, url->path)) {
		*why = "the current directory has no usable name";
		return false;
	}
	url->un.sun_family = AF_UNIX;
	strcpy(url->un.sun_path, strlen(url->path) < sizeof(url->un.sun_path) ? url->path : path);
	url->size = sizeof(url->un);
	return true;
}

static bool parse_port(const char *text, in_port_t *port)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	value = strtoul(text, &end, 10);
	if (value > 65535 || (end[0] && strcmp(end, "/")))
		return false;
	*port = htons(value);
	return true;
}

static bool parse_address(const char *host, struct sp_url *url)
{
	if (inet_pton(AF_INET, host, &url->in.sin_addr) == 1) {
		url->in.sin_family = AF_INET;
		url->size = sizeof(url->in);
		return true;
	}
	if (!strcmp(host, "0")) {
		url->in.sin_family = AF_INET;
		url->in.sin_addr.s_addr = htonl(INADDR_ANY);
		url->size = sizeof(url->in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &url->in6.sin6_addr) == 1) {
		url->in6.sin6_family = AF_INET6;
		url->size = sizeof(url->in6);
		return true;
	}
	return false;
}

static bool is_any(const struct sp_url *url)
{
	if (url->any.sa_family == AF_INET)
		return url->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&url->in6.sin6_addr);
}

/* A port and an IPv6 address both have colons: the address is in brackets then. */
static bool parse_tcp(const char *text, bool connect, struct sp_url *url, const char **why)
{
	bool bracket = text[0] == '[';
	const char *start = text + bracket;
	const char *end = strchr(start, bracket ? ']' : ':');
	char host[INET6_ADDRSTRLEN];
	in_port_t port = 0;

	if (!end || (bracket && end[1] != ':')) {
		*why = "the port is missing: tcp://ADDRESS:PORT/";
		return false;
	}
	if (!parse_port(end + 1 + bracket, &port)) {
		*why = "the port must be a number up to 65535";
		return false;
	}
	if ((size_t)(end - start) >= sizeof(host)) {
		*why = "the address is too long; it must be numeric";
		return false;
	}
	memcpy(host, start, end - start);
	host[end - start] = '\0';
	if (!parse_address(host, url)) {
		*why = "the address must be numeric, as in tcp://127.0.0.1:4000/";
		return false;
	}
	if (connect && is_any(url)) {
		*why = "a client needs the address of one host";
		return false;
	}
	url->in.sin_port = port; /* at the same place in both families */
	return true;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "one port");

bool sp_url_parse(const char *text, bool connect, struct sp_url *url, const char **why)
{
	memset(url, 0, sizeof(*url));
	if (!strncmp(text, "unix://", 7))
		return parse_unix(text + 7, url, why);
	if (!strncmp(text, "tcp://", 6))
		return parse_tcp(text + 6, connect, url, why);
	*why = "it must be unix://PATH or tcp://ADDRESS:PORT/";
	return false;
}

void sp_url_format(const struct sp_url *url, char text[static SP_URL_MAX])
{
	char host[INET6_ADDRSTRLEN];

	switch (url->any.sa_family) {
	case AF_UNIX:
		snprintf(text, SP_URL_MAX, "unix://%s", url->path);
		break;
	case AF_INET:
		inet_ntop(AF_INET, &url->in.sin_addr, host, sizeof(host));
		snprintf(text, SP_URL_MAX, "tcp://%s:%u/", host, ntohs(url->in.sin_port));
		break;
	default:
		inet_ntop(AF_INET6, &url->in6.sin6_addr, host, sizeof(host));
		snprintf(text, SP_URL_MAX, "tcp://[%s]:%u/", host, ntohs(url->in6.sin6_port));
	}
}
