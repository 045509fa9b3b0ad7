// SPDX-License-Identifier: BSD-2-Clause
/* Interfaces of the host */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

int net_host_name(struct io_spec *spec, char name[IFNAMSIZ])
{
	if (!*spec->rest || strlen(spec->rest) >= IFNAMSIZ || strpbrk(spec->rest, "/ :%"))
		return io_fail(spec, -HYP_EINVAL,
			       "%s: \"%s\" is no name of an interface; give one of 1 to %d characters, as in %s",
			       spec->name, spec->rest, IFNAMSIZ - 1, spec->backend->help);
	snprintf(name, IFNAMSIZ, "%s", spec->rest);
	return 0;
}

/* Return: 0 or an errno */
static int ask(const char *name, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return errno;
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	if (ioctl(fd, what, request))
		error = errno;
	close(fd);
	return error;
}

uint32_t net_host_mtu(const char *name)
{
	struct ifreq request;

	if (ask(name, SIOCGIFMTU, &request) || request.ifr_mtu < 68 || request.ifr_mtu > (int)NET_MAX_MTU)
		return 0;
	return (uint32_t)request.ifr_mtu;
}

bool net_host_exists(const char *name)
{
	struct ifreq request;

	return ask(name, SIOCGIFFLAGS, &request) != ENODEV;
}
