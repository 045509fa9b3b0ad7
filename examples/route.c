// SPDX-License-Identifier: BSD-2-Clause
/*
 * Three kernels in this program: two that know nothing of each other, and one between them that routes.
 *
 *	cc -o route route.c $(pkg-config --cflags --libs rumpus)
 *	./route
 *
 * The first one looks for the way to the last as traceroute(8) does: it sends datagrams that may pass one router, then
 * two, and reads from whom it gets word.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define FAR "10.2.0.1"
#define HOPS_MAX 8
#define PATIENCE 10 /* seconds */

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "route: %s: %s\n", what, strerror((int)-result));
	return -1;
}

static int boot(struct rumpus **kernel)
{
	const struct rumpus_config config = { .size = sizeof(config), .image = "net", .cpus = 1 };
	int result = rumpus_boot(&config, kernel);

	return result < 0 ? complain("boot", result) : 0;
}

static int connect_to(struct rumpus *kernel, const char *spec, const char *settings)
{
	char name[32], error[256];

	if (!rumpus_net_add(kernel, spec, name, error, sizeof(error)) &&
	    !rumpus_net_configure(kernel, name, settings, error, sizeof(error)))
		return 0;
	fprintf(stderr, "route: %s\n", error);
	return -1;
}

/* A kernel is a router when it is told so, as any Linux is. */
static int make_router(struct rumpus *kernel)
{
	long fd, result;

	rumpus_process_enter(rumpus_process_first(kernel));
	rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0755);
	result = rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	if (result < 0)
		return complain("/proc", result);
	fd = rumpus_sys_openat(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", O_WRONLY, 0);
	result = fd < 0 ? fd : rumpus_sys_write((int)fd, "1", 1);
	if (fd >= 0)
		rumpus_sys_close((int)fd);
	return result < 0 ? complain("ip_forward", result) : 0;
}

/* Who has something to say about a datagram that may pass @hops - 1 routers? Return: 1: the target, 0: one before it,
 * -1 */
static int probe(int fd, int hops)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(33434) }, offender;
	char data[64] = "is this the way?", control[512], text[INET_ADDRSTRLEN];
	struct iovec piece = { data, sizeof(data) };
	struct msghdr message = {
		.msg_control = control, .msg_controllen = sizeof(control), .msg_iov = &piece, .msg_iovlen = 1
	};
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	const struct sock_extended_err *error;
	struct cmsghdr *part;
	long result;

	inet_pton(AF_INET, FAR, &to.sin_addr);
	rumpus_sys_setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
	result = rumpus_sys_sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to));
	if (result < 0)
		return complain(FAR, result);
	for (int i = 0; i < PATIENCE * 1000; i++) {
		result = rumpus_sys_recvmsg(fd, (void *)&message, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (result != -EAGAIN)
			break;
		nanosleep(&pause, NULL);
	}
	part = result < 0 ? NULL : CMSG_FIRSTHDR(&message);
	if (!part)
		return complain("no word", result < 0 ? result : -EPROTO);
	error = (const void *)CMSG_DATA(part);
	memcpy(&offender, SO_EE_OFFENDER(error), sizeof(offender));
	inet_ntop(AF_INET, &offender.sin_addr, text, sizeof(text));
	printf("%d  %s\n", hops, text);
	return error->ee_errno == ECONNREFUSED;
}

static int trace(struct rumpus *kernel)
{
	const int one = 1;
	int result = 0;
	long fd;

	rumpus_process_enter(rumpus_process_first(kernel));
	fd = rumpus_sys_socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return complain("socket", fd);
	rumpus_sys_setsockopt((int)fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	for (int hops = 1; hops <= HOPS_MAX && !result; hops++)
		result = probe((int)fd, hops);
	rumpus_sys_close((int)fd);
	return result > 0 ? 0 : -1;
}

int main(void)
{
	struct rumpus *left = NULL, *router = NULL, *right = NULL;
	int failed = boot(&left) || boot(&router) || boot(&right) ||
		     connect_to(left, "pair:left", "10.1.0.1/24 via=10.1.0.254") ||
		     connect_to(router, "pair:left", "10.1.0.254/24") ||
		     connect_to(router, "pair:right", "10.2.0.254/24") ||
		     connect_to(right, "pair:right", FAR "/24 via=10.2.0.254") || make_router(router) || trace(left);

	if (right)
		rumpus_halt(right);
	if (router)
		rumpus_halt(router);
	if (left)
		rumpus_halt(left);
	return failed ? 1 : 0;
}
