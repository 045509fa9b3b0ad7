// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two kernels in this program with a wire between them: in one a server that answers with what it is told, in the other
 * a client. No privileges, and nothing of it is seen outside.
 *
 *	cc -o echo echo.c $(pkg-config --cflags --libs rumpus)
 *	./echo "is anybody there?" [FILE.pcapng]
 *
 * With a file, what goes over the wire is written there, for tcpdump and the like. doc/embedding.md tells more.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define PORT 7

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror((int)-result));
	return -1;
}

/* Boot a kernel and put a device with an address into it. */
static int boot(const char *spec, const char *address, struct rumpus **kernel)
{
	const struct rumpus_config config = { .size = sizeof(config), .image = "net", .cpus = 1 };
	char name[32], error[256];
	int result = rumpus_boot(&config, kernel);

	if (result < 0)
		return complain("boot", result);
	result = rumpus_net_add(*kernel, spec, name, error, sizeof(error));
	if (!result)
		result = rumpus_net_configure(*kernel, name, address, error, sizeof(error));
	if (result < 0) {
		fprintf(stderr, "echo: %s\n", error);
		rumpus_halt(*kernel);
	}
	return result;
}

static struct sockaddr_in server_address(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, "10.0.0.1", &address.sin_addr);
	return address;
}

static void answer(int fd)
{
	char text[4096];
	long len;

	while ((len = rumpus_sys_read(fd, text, sizeof(text))) > 0)
		if (rumpus_sys_write(fd, text, (size_t)len) != len)
			break;
}

static long listen_here(void)
{
	struct sockaddr_in address = server_address();
	long fd = rumpus_sys_socket(AF_INET, SOCK_STREAM, 0), result;

	if (fd < 0)
		return complain("socket", fd);
	result = rumpus_sys_bind((int)fd, (struct sockaddr *)&address, sizeof(address));
	if (!result)
		result = rumpus_sys_listen((int)fd, 1);
	return result < 0 ? complain("listen", result) : fd;
}

struct server {
	struct rumpus *kernel;
	long listener;
};

/* A thread's system calls go to the kernel whose process it has entered. */
static void *serve(void *arg)
{
	struct server *server = arg;
	long fd;

	rumpus_process_enter(rumpus_process_first(server->kernel));
	while ((fd = rumpus_sys_accept4((int)server->listener, NULL, NULL, 0)) >= 0) {
		answer((int)fd);
		rumpus_sys_close((int)fd);
	}
	return NULL;
}

static int ask(const char *text)
{
	struct sockaddr_in address = server_address();
	size_t size = strlen(text), got = 0;
	char answer[4096];
	long fd = rumpus_sys_socket(AF_INET, SOCK_STREAM, 0), result;

	if (fd < 0)
		return complain("socket", fd);
	result = rumpus_sys_connect((int)fd, (struct sockaddr *)&address, sizeof(address));
	if (result < 0)
		return complain("connect", result);
	result = rumpus_sys_write((int)fd, text, size);
	while (result > 0 && got < size && got < sizeof(answer)) {
		result = rumpus_sys_read((int)fd, answer + got, sizeof(answer) - got);
		got += result > 0 ? (size_t)result : 0;
	}
	rumpus_sys_close((int)fd);
	if (result < 0)
		return complain("read", result);
	printf("%.*s\n", (int)got, answer);
	return 0;
}

int main(int argc, char **argv)
{
	struct server server;
	struct rumpus *client;
	char spec[4096] = "pair:wire";
	pthread_t thread;
	int status = -1;

	if (argc < 2) {
		fprintf(stderr, "usage: echo TEXT [FILE.pcapng]\n");
		return 2;
	}
	if (argc > 2)
		snprintf(spec, sizeof(spec), "pcap,file=%s:pair:wire", argv[2]);
	if (boot("pair:wire", "10.0.0.1/24", &server.kernel) < 0)
		return 1;
	/* This thread is in the kernel that was booted last: first the server's, then the client's. */
	server.listener = listen_here();
	if (server.listener >= 0 && boot(spec, "10.0.0.2/24", &client) >= 0) {
		pthread_create(&thread, NULL, serve, &server);
		status = ask(argv[1]);
		/* The server waits for somebody else: its call ends with -ESHUTDOWN. */
		rumpus_halt(server.kernel);
		pthread_join(thread, NULL);
		rumpus_halt(client);
	} else {
		rumpus_halt(server.kernel);
	}
	return status < 0 ? 1 : 0;
}
