// SPDX-License-Identifier: BSD-2-Clause
/* A user and network namespace for a test */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "space.h"
#include "../tap.h"

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

const char *space_enter(void)
{
	unsigned int uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return "this host gives no user namespaces";
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/setgroups", "deny");
	if (!put("/proc/self/uid_map", map))
		return "this host maps no users";
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
	/* The host is to be silent on interfaces of tests. */
	put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	if (access("/dev/net/tun", R_OK | W_OK))
		return "/dev/net/tun is missing or closed";
	return NULL;
}

static void set(int fd, unsigned long what, struct ifreq *request, const char *name)
{
	if (ioctl(fd, what, request))
		tap_abort("interface %s: %s", name, strerror(errno));
}

static void set_address(int fd, unsigned long what, const char *name, const char *address)
{
	struct ifreq request = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	in->sin_family = AF_INET;
	inet_pton(AF_INET, address, &in->sin_addr);
	set(fd, what, &request, name);
}

void space_up(const char *name, const char *address)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (address) {
		set_address(fd, SIOCSIFADDR, name, address);
		set_address(fd, SIOCSIFNETMASK, name, "255.255.255.0");
	}
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	set(fd, SIOCSIFFLAGS, &request, name);
	close(fd);
}

void space_delete(const char *name)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_index = (int)if_nametoindex(name) },
	};
	char answer[512];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (send(fd, &request, sizeof(request), 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		tap_abort("interface %s cannot be deleted: %s", name, strerror(errno));
	close(fd);
}
