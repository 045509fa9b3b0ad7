// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus net-demo: a kernel's TCP/IP in this process fetches a page from a server on the host's loopback
 *
 * No worker and no sandbox: the only peer of the kernel's is this process's own server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "capture.h"
#include "command.h"

#define SERVER_INSIDE "10.0.2.2" /* the host's loopback, as seen from slirp's network */
#define PATIENCE 10		 /* seconds */
#define PAGE "Hello from the host, over TCP.\n"

/**
 * struct demo - one run
 * @keep:     the capture goes to this file; NULL: nowhere
 * @capture:  descriptor of the capture
 * @listener: of the server, at @port of the host's loopback
 * @thread:   serves
 * @kernel:   the other side
 * @trouble:  what the kernel's start said, a line
 */
struct demo {
	const char *keep;
	int capture;
	int listener;
	uint16_t port;
	pthread_t thread;
	struct rumpus *kernel;
	char trouble[512];
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "rumpus: net-demo: %s: %s\n", what, why);
	return EXIT_PROBLEM;
}

/* ---- the server, on the host ---- */

static void serve_one(int fd)
{
	static const char page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" PAGE;
	const struct timeval patience = { .tv_sec = PATIENCE };
	char request[4096];
	size_t size = 0;
	ssize_t len = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (len > 0 && size < sizeof(request) && !memmem(request, size, "\r\n\r\n", 4)) {
		len = read(fd, request + size, sizeof(request) - size);
		size += len > 0 ? (size_t)len : 0;
	}
	if (len > 0)
		send(fd, page, sizeof(page) - 1, MSG_NOSIGNAL);
}

/* Until the listener is shut down */
static void *serve(void *arg)
{
	const struct demo *demo = arg;
	int fd;

	while ((fd = accept4(demo->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve_one(fd);
		close(fd);
	}
	return NULL;
}

static int start_server(struct demo *demo)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(here);

	demo->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (demo->listener < 0 || bind(demo->listener, (struct sockaddr *)&here, size) || listen(demo->listener, 4) ||
	    getsockname(demo->listener, (struct sockaddr *)&here, &size) ||
	    (errno = pthread_create(&demo->thread, NULL, serve, demo)) != 0) {
		fail("a server on the host's loopback", strerror(errno));
		if (demo->listener >= 0)
			close(demo->listener);
		return EXIT_PROBLEM;
	}
	demo->port = ntohs(here.sin_port);
	return EXIT_DONE;
}

static void stop_server(const struct demo *demo)
{
	shutdown(demo->listener, SHUT_RDWR);
	pthread_join(demo->thread, NULL);
	close(demo->listener);
}

/* ---- the kernel ---- */

static void take_log(void *arg, const char *text, size_t len)
{
	struct demo *demo = arg;

	snprintf(demo->trouble, sizeof(demo->trouble), "%.*s", (int)strcspn(text, "\n"), text);
	(void)len;
}

static double milliseconds_since(uint64_t then)
{
	return (double)(clock_now() - then) / 1e6;
}

static int boot(struct demo *demo)
{
	const struct rumpus_config config = {
		.size = sizeof(config), .image = "net", .cpus = 1, .memory = 64 << 20, .log = take_log, .arg = demo
	};
	uint64_t then = clock_now();
	int error = rumpus_boot(&config, &demo->kernel);

	if (error == -ENOENT)
		return fail("no kernel image with a network, linux-net.img",
			    "\"make net\" builds it, \"make install\" puts it beside linux.img");
	if (error)
		return fail(*demo->trouble ? demo->trouble : "the kernel does not boot", strerror(-error));
	printf("kernel    %s, in this process, of user %u: %.1f ms to boot\n", rumpus_version(demo->kernel), geteuid(),
	       milliseconds_since(then));
	return EXIT_DONE;
}

/* The address of an interface that DHCP configured */
static const char *own_address(char text[INET_ADDRSTRLEN])
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(9) }, own = { 0 };
	socklen_t size = sizeof(own);
	long fd = rumpus_sys_socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, SERVER_INSIDE, &peer.sin_addr);
	rumpus_sys_connect((int)fd, (struct sockaddr *)&peer, sizeof(peer));
	rumpus_sys_getsockname((int)fd, (struct sockaddr *)&own, &size);
	rumpus_sys_close((int)fd);
	inet_ntop(AF_INET, &own.sin_addr, text, INET_ADDRSTRLEN);
	return text;
}

static int connect_network(struct demo *demo)
{
	char spec[64], name[32], error[512] = "", servers[520] = "", address[INET_ADDRSTRLEN];
	uint64_t then = clock_now();

	snprintf(spec, sizeof(spec), "pcap,fd=%d:slirp:", demo->capture);
	if (rumpus_net_add(demo->kernel, spec, name, error, sizeof(error)) ||
	    rumpus_net_configure(demo->kernel, name, "dhcp", error, sizeof(error)))
		return fail("network", error);
	rumpus_net_name_servers(demo->kernel, servers, sizeof(servers));
	printf("network   %s of libslirp, address %s and name server %s by DHCP: %.1f ms\n", name, own_address(address),
	       servers, milliseconds_since(then));
	return EXIT_DONE;
}

/* Return: bytes of the answer, or a negative errno */
static long request_page(const struct demo *demo, char *answer, size_t room)
{
	static const char request[] = "GET / HTTP/1.0\r\nHost: " SERVER_INSIDE "\r\n\r\n";
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(demo->port) };
	long fd = rumpus_sys_socket(AF_INET, SOCK_STREAM, 0), len;
	size_t size = 0;

	if (fd < 0)
		return fd;
	inet_pton(AF_INET, SERVER_INSIDE, &server.sin_addr);
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	len = rumpus_sys_connect((int)fd, (struct sockaddr *)&server, sizeof(server));
	if (len >= 0)
		len = rumpus_sys_write((int)fd, request, sizeof(request) - 1);
	while (len > 0 && size < room - 1) {
		len = rumpus_sys_read((int)fd, answer + size, room - 1 - size);
		size += len > 0 ? (size_t)len : 0;
	}
	answer[size] = '\0';
	rumpus_sys_close((int)fd);
	return len < 0 ? len : (long)size;
}

static int fetch(const struct demo *demo)
{
	uint64_t then = clock_now();
	char answer[4096], *page;
	long size = request_page(demo, answer, sizeof(answer));
	double time = milliseconds_since(then);

	if (size < 0)
		return fail("http://" SERVER_INSIDE, strerror((int)-size));
	page = strstr(answer, "\r\n\r\n");
	if (!page)
		return fail("http://" SERVER_INSIDE, "the answer has no page");
	printf("server    http://127.0.0.1:%u/ on the host, which is http://" SERVER_INSIDE ":%u/ inside\n", demo->port,
	       demo->port);
	printf("page      \"%.*s\": %.1f ms\n", (int)strcspn(page + 4, "\n"), page + 4, time);
	return EXIT_DONE;
}

/* ---- what went over the wire ---- */

static int summarize(const unsigned char *bytes, size_t size)
{
	unsigned int kinds[CAPTURE_KINDS] = { 0 }, sent = 0, received = 0, i;
	struct capture_frame frame;
	uint64_t first = 0;
	char text[256];
	size_t at = 0;

	puts("\n      ms");
	while (capture_next(bytes, size, &at, &frame) > 0) {
		first = first ? first : frame.time;
		kinds[frame_describe(&frame, text, sizeof(text))]++;
		*(frame.sent ? &sent : &received) += 1;
		printf("%8.3f  %s  %s\n", (double)(frame.time - first) / 1e6, frame.sent ? "->" : "<-", text);
	}
	printf("\n%u frames: %u sent, %u received;", sent + received, sent, received);
	for (i = 0; i < CAPTURE_KINDS; i++)
		if (kinds[i])
			printf(" %u %s", kinds[i], capture_kind_name(i));
	puts("");
	return sent && received ? EXIT_DONE : fail("capture", "it has no frames in both directions");
}

static int show_capture(const struct demo *demo)
{
	struct stat st;
	void *bytes;
	int result;

	if (fstat(demo->capture, &st) || !st.st_size)
		return fail("capture", "it is empty");
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, demo->capture, 0);
	if (bytes == MAP_FAILED)
		return fail("capture", strerror(errno));
	result = summarize(bytes, (size_t)st.st_size);
	munmap(bytes, (size_t)st.st_size);
	if (demo->keep)
		printf("all of them are in %s, for tcpdump and its like\n", demo->keep);
	return result;
}

static int with_kernel(struct demo *demo)
{
	int result = boot(demo);

	if (result)
		return result;
	result = connect_network(demo);
	if (!result)
		result = fetch(demo);
	rumpus_halt(demo->kernel);
	return result ? result : show_capture(demo);
}

static int alone(struct command *command)
{
	struct demo demo = { .keep = *(const char **)command->own };
	int result;

	demo.capture = demo.keep ? open(demo.keep, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
				 : memfd_create("capture", MFD_CLOEXEC);
	if (demo.capture < 0)
		return fail(demo.keep ? demo.keep : "memory", strerror(errno));
	result = start_server(&demo);
	if (!result) {
		result = with_kernel(&demo);
		stop_server(&demo);
	}
	close(demo.capture);
	return fflush(stdout) && !result ? EXIT_PROBLEM : result;
}

static int prepare(struct command *command, int argc, char **argv)
{
	return argc ? usage_error(command, "net-demo takes no operand: \"%s\"", argv[0]) : EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 'w', "write", "FILE", "keep the capture in FILE (pcapng)", option_text, 0 },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus net-demo", "a page by a kernel's TCP/IP, without any privilege" },
	{ "rumpus net-demo -w demo.pcapng && tcpdump -r demo.pcapng", "and every frame of it" },
	{ 0 },
};

const struct subcommand subcommand_net_demo = {
	.name = "net-demo",
	.arguments = "",
	.summary = "fetch a page with the network of a kernel in this process",
	.help = "Starts a server on the host's loopback, boots a kernel with a network made of this process's own sockets, lets\n"
		"it configure itself and fetch a page from the server, and lists the frames that passed between the two. No\n"
		"privileges are needed. It reads no image, and is one process without a sandbox.",
	.options = options,
	.options_size = sizeof(const char *),
	.examples = examples,
	.prepare = prepare,
	.alone = alone,
};
