// SPDX-License-Identifier: BSD-2-Clause
/* Kernels with a network, and the host, as nodes that tests have sockets at */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "node.h"
#include "../tap.h"

#define PATIENCE 30 /* seconds */

struct node node_host = { .name = "host" };

static void log_line(void *arg, const char *text, size_t len)
{
	if (getenv("RUMPUS_TEST_LOG"))
		fprintf(stderr, "%s: %.*s", ((struct node *)arg)->name, (int)len, text);
}

static void ended(void *arg, int status, const char *reason)
{
	fprintf(stderr, "# kernel %s ended: %s\n", ((struct node *)arg)->name, reason);
}

void node_boot_set(struct node *node, const char *name, const char *set, unsigned int cpus)
{
	struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = cpus,
		.memory = 256 << 20,
		.log = log_line,
		.ended = ended,
		.arg = node,
	};
	const char *build = getenv("RUMPUS_BUILD");
	char image[4096];
	int error;

	snprintf(image, sizeof(image), "%s/lib/rumpus/linux-%s.img", build ? build : "build", set);
	*node = (struct node){ .name = name };
	config.image = image;
	error = rumpus_boot(&config, &node->kernel);
	if (error)
		tap_abort("%s does not boot: %s", image, strerror(-error));
	rumpus_net_up(node->kernel, "lo");
}

void node_boot(struct node *node, const char *name, unsigned int cpus)
{
	const char *set = getenv("RUMPUS_TEST_SET");

	node_boot_set(node, name, set ? set : "net", cpus);
}

void node_halt(struct node *node)
{
	rumpus_halt(node->kernel);
	node->kernel = NULL;
}

void node_link(struct node *node, const char *spec, const char *addresses)
{
	char error[512] = "", list[256], *address, *save = NULL;
	int result = rumpus_net_add(node->kernel, spec, node->device, error, sizeof(error));

	if (result)
		tap_abort("%s: error %d: %s", spec, -result, error);
	snprintf(list, sizeof(list), "%s", addresses);
	for (address = strtok_r(list, " ", &save); address; address = strtok_r(NULL, " ", &save)) {
		result = rumpus_net_address(node->kernel, node->device, address);
		if (result)
			tap_abort("%s for %s: %s", address, node->device, strerror(-result));
	}
	result = rumpus_net_up(node->kernel, node->device);
	if (result)
		tap_abort("%s does not go up: %s", node->device, strerror(-result));
}

/* A node's calls are those of the thread's present kernel: cheap when it was the same before. */
static bool enter(struct node *node)
{
	if (!node->kernel)
		return false;
	if (rumpus_process_enter(rumpus_process_first(node->kernel)))
		tap_abort("kernel %s cannot be entered", node->name);
	return true;
}

static long of_host(long result)
{
	return result < 0 ? -errno : result;
}

bool node_wait_carrier(struct node *node, bool up)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	char path[80], state = '?';
	int i;

	enter(node);
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", node->device);
	rumpus_sys_mkdirat(AT_FDCWD, "/sys", 0755);
	rumpus_sys_mount("sysfs", "/sys", "sysfs", 0, NULL);
	for (i = 0; i < PATIENCE * 200; i++) {
		long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0);

		if (fd >= 0) {
			rumpus_sys_read((int)fd, &state, 1);
			rumpus_sys_close((int)fd);
		}
		if (state == (up ? '1' : '0'))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

long node_socket(struct node *node, int family, int type, int protocol)
{
	return enter(node) ? rumpus_sys_socket(family, type | SOCK_CLOEXEC, protocol)
			   : of_host(socket(family, type | SOCK_CLOEXEC, protocol));
}

long node_bind(struct node *node, long fd, const struct sockaddr *address, socklen_t size)
{
	return enter(node) ? rumpus_sys_bind((int)fd, address, size) : of_host(bind((int)fd, address, size));
}

long node_listen(struct node *node, long fd, int backlog)
{
	return enter(node) ? rumpus_sys_listen((int)fd, backlog) : of_host(listen((int)fd, backlog));
}

long node_accept(struct node *node, long fd)
{
	return enter(node) ? rumpus_sys_accept4((int)fd, NULL, NULL, SOCK_CLOEXEC)
			   : of_host(accept4((int)fd, NULL, NULL, SOCK_CLOEXEC));
}

long node_connect(struct node *node, long fd, const struct sockaddr *address, socklen_t size)
{
	return enter(node) ? rumpus_sys_connect((int)fd, address, size) : of_host(connect((int)fd, address, size));
}

long node_setsockopt(struct node *node, long fd, int level, int name, int value)
{
	return enter(node) ? rumpus_sys_setsockopt((int)fd, level, name, &value, sizeof(value))
			   : of_host(setsockopt((int)fd, level, name, &value, sizeof(value)));
}

long node_getsockopt(struct node *node, long fd, int level, int name, void *value, socklen_t *size)
{
	return enter(node) ? rumpus_sys_getsockopt((int)fd, level, name, value, size)
			   : of_host(getsockopt((int)fd, level, name, value, size));
}

long node_read(struct node *node, long fd, void *buf, size_t size)
{
	return enter(node) ? rumpus_sys_read((int)fd, buf, size) : of_host(read((int)fd, buf, size));
}

long node_write(struct node *node, long fd, const void *buf, size_t size)
{
	return enter(node) ? rumpus_sys_write((int)fd, buf, size) : of_host(write((int)fd, buf, size));
}

long node_sendto(struct node *node, long fd, const void *buf, size_t size, const struct sockaddr *to, socklen_t len)
{
	return enter(node) ? rumpus_sys_sendto((int)fd, buf, size, MSG_NOSIGNAL, to, len)
			   : of_host(sendto((int)fd, buf, size, MSG_NOSIGNAL, to, len));
}

long node_recv(struct node *node, long fd, void *buf, size_t size)
{
	return enter(node) ? rumpus_sys_recvfrom((int)fd, buf, size, 0, NULL, NULL)
			   : of_host(recvfrom((int)fd, buf, size, 0, NULL, NULL));
}

long node_recv_now(struct node *node, long fd, void *buf, size_t size)
{
	return enter(node) ? rumpus_sys_recvfrom((int)fd, buf, size, MSG_DONTWAIT, NULL, NULL)
			   : of_host(recv((int)fd, buf, size, MSG_DONTWAIT));
}

long node_settimeout(struct node *node, long fd, const struct timeval *patience)
{
	return enter(node) ? rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, patience, sizeof(*patience))
			   : of_host(setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, patience, sizeof(*patience)));
}

long node_peer(struct node *node, long fd, struct sockaddr_in *peer)
{
	socklen_t size = sizeof(*peer);

	return enter(node) ? rumpus_sys_getpeername((int)fd, (struct sockaddr *)peer, &size)
			   : of_host(getpeername((int)fd, (struct sockaddr *)peer, &size));
}

long node_close(struct node *node, long fd)
{
	return enter(node) ? rumpus_sys_close((int)fd) : of_host(close((int)fd));
}

socklen_t address_of(struct sockaddr_storage *address, const char *text, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		tap_abort("%s is no address", text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

long node_listen_at(struct node *node, const char *text, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, port);
	long fd = node_socket(node, address.ss_family, SOCK_STREAM, 0), result;

	if (fd < 0)
		tap_abort("%s: socket: %s", node->name, strerror((int)-fd));
	node_setsockopt(node, fd, SOL_SOCKET, SO_REUSEADDR, 1);
	result = node_bind(node, fd, (struct sockaddr *)&address, size);
	if (!result)
		result = node_listen(node, fd, 16);
	if (result)
		tap_abort("%s: listen at %s port %u: %s", node->name, text, port, strerror((int)-result));
	return fd;
}

long node_connect_to(struct node *node, const char *text, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(&address, text, port);
	long fd = node_socket(node, address.ss_family, SOCK_STREAM, 0), result;

	if (fd < 0)
		return fd;
	result = node_connect(node, fd, (struct sockaddr *)&address, size);
	if (result) {
		node_close(node, fd);
		return result;
	}
	return fd;
}
