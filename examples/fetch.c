// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fetch a page over HTTP with the TCP/IP stack of a kernel in this program. No privileges: its network is made of this
 * process's own sockets, by libslirp.
 *
 *	cc -o fetch fetch.c $(pkg-config --cflags --libs rumpus)
 *	./fetch 10.0.2.2 8000 /index.html [FILE.pcapng]
 *
 * 10.0.2.2 is the host's loopback as seen from inside. With a file, every frame is written there, for tcpdump and the
 * like.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "fetch: %s: %s\n", what, strerror((int)-result));
	return -1;
}

/* An interface as libslirp's network expects it */
static int connect_to_slirp(struct rumpus *kernel, const char *spec)
{
	char name[32], error[256];
	int result = rumpus_net_add(kernel, spec, name, error, sizeof(error));

	if (result < 0) {
		fprintf(stderr, "fetch: %s\n", error);
		return -1;
	}
	result = rumpus_net_configure(kernel, name, "dhcp", error, sizeof(error));
	if (result < 0)
		fprintf(stderr, "fetch: %s\n", error);
	return result;
}

static int fetch(const char *host, const char *port, const char *path)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	char buf[65536];
	long fd, len;
	int size;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return complain(host, -EINVAL);
	fd = rumpus_sys_socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return complain("socket", fd);
	len = rumpus_sys_connect((int)fd, (struct sockaddr *)&address, sizeof(address));
	if (len < 0)
		return complain(host, len);
	size = snprintf(buf, sizeof(buf), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
	len = rumpus_sys_write((int)fd, buf, (size_t)size);
	while (len > 0 && (len = rumpus_sys_read((int)fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)len, stdout); /* the host's: only rumpus_sys_* goes to the kernel */
	rumpus_sys_close((int)fd);
	return len < 0 ? complain(host, len) : 0;
}

int main(int argc, char **argv)
{
	const struct rumpus_config config = { .size = sizeof(config), .image = "net", .cpus = 1 };
	struct rumpus *kernel;
	char spec[4096] = "slirp:";
	int status, result;

	if (argc < 4) {
		fprintf(stderr, "usage: fetch ADDRESS PORT PATH [FILE.pcapng]\n");
		return 2;
	}
	if (argc > 4)
		snprintf(spec, sizeof(spec), "pcap,file=%s:slirp:", argv[4]);
	result = rumpus_boot(&config, &kernel);
	if (result < 0) {
		complain("boot", result);
		return 1;
	}
	status = connect_to_slirp(kernel, spec);
	if (status == 0)
		status = fetch(argv[1], argv[2], argv[3]);
	rumpus_halt(kernel);
	return status < 0 ? 1 : 0;
}
