// SPDX-License-Identifier: BSD-2-Clause
/*
 * Serve the files of an image over HTTP: a kernel in this program has both the file system and the TCP/IP stack, and
 * files go from one to the other without passing through the program. No privileges are needed, and nothing is mounted.
 *
 *	cc -o serve serve.c $(pkg-config --cflags --libs rumpus)
 *	./serve disk.img ext4 8080 &
 *	curl http://127.0.0.1:8080/etc/motd
 *
 * Serves one request after the other until it is interrupted, and does not change the image.
 */
#define _GNU_SOURCE /* O_PATH, AT_EMPTY_PATH */
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define MOUNT_POINT "/mnt"
#define PATIENCE 10 /* seconds for a client that says nothing, or takes nothing */

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "serve: %s: %s\n", what, strerror((int)-result));
	return -1;
}

/* Return: a descriptor of the mounted image's root, or -1 */
static int mount_image(struct rumpus *kernel, const char *image, const char *type)
{
	char spec[4096], node[32], error[256];
	long result;

	snprintf(spec, sizeof(spec), "ro:file:%s", image);
	result = rumpus_disk_add(kernel, spec, 0, node, error, sizeof(error));
	if (result < 0) {
		fprintf(stderr, "serve: %s\n", error);
		return -1;
	}
	rumpus_sys_mkdirat(AT_FDCWD, MOUNT_POINT, 0700); /* in the kernel's own root, which is memory */
	result = rumpus_sys_mount(node, MOUNT_POINT, type, MS_RDONLY, NULL);
	if (result < 0)
		return complain(image, result);
	result = rumpus_sys_openat(AT_FDCWD, MOUNT_POINT, O_PATH | O_DIRECTORY, 0);
	return result < 0 ? complain(MOUNT_POINT, result) : (int)result;
}

/* The host's port @port leads to port 80 inside. Return: a listening socket, or -1 */
static int listen_behind(struct rumpus *kernel, const char *port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80) };
	char spec[128], name[32], error[256];
	long fd, result;

	snprintf(spec, sizeof(spec), "slirp:tcp:127.0.0.1:%s-:80", port);
	if (rumpus_net_add(kernel, spec, name, error, sizeof(error)) < 0 ||
	    rumpus_net_configure(kernel, name, "dhcp", error, sizeof(error)) < 0) {
		fprintf(stderr, "serve: %s\n", error);
		return -1;
	}
	fd = rumpus_sys_socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return complain("socket", fd);
	result = rumpus_sys_bind((int)fd, (const struct sockaddr *)&address, sizeof(address));
	if (!result)
		result = rumpus_sys_listen((int)fd, 16);
	return result < 0 ? complain("port 80", result) : (int)fd;
}

/* The request's first line is "GET /path HTTP/1.x". Return: the path, in @request; NULL: it is no such line */
static char *requested(char *request)
{
	char *end;

	if (strncmp(request, "GET /", 5))
		return NULL;
	end = strpbrk(request + 5, " ?\r\n");
	if (!end || *end == '\r' || *end == '\n')
		return NULL;
	*end = '\0';
	return request + 4;
}

static void say(int client, const char *status, long long length)
{
	char text[160];
	int size = snprintf(text, sizeof(text), "HTTP/1.0 %s\r\nContent-Length: %lld\r\n\r\n", status, length);

	rumpus_sys_sendto(client, text, (size_t)size, MSG_NOSIGNAL | (length ? MSG_MORE : 0), NULL, 0);
}

/* Names that lead out of the image, by ".." or links, end at its root. */
static void send_file(int client, int root, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT };
	long fd = rumpus_sys_openat2(root, path, &how, sizeof(how)), sent = 1;
	struct stat stat;

	if (fd < 0 || rumpus_sys_newfstatat((int)fd, "", &stat, AT_EMPTY_PATH) || !S_ISREG(stat.st_mode)) {
		say(client, "404 Not Found", 0);
	} else {
		say(client, "200 OK", stat.st_size);
		for (off_t left = stat.st_size; left > 0 && sent > 0; left -= sent)
			sent = rumpus_sys_sendfile(client, (int)fd, NULL, (size_t)left);
	}
	if (fd >= 0)
		rumpus_sys_close((int)fd);
}

static void answer(int client, int root)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	char request[4096], *path;
	size_t size = 0;
	long got;

	rumpus_sys_setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, (char *)&patience, sizeof(patience));
	rumpus_sys_setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, (char *)&patience, sizeof(patience));
	do {
		got = rumpus_sys_read(client, request + size, sizeof(request) - 1 - size);
		size += got > 0 ? (size_t)got : 0;
		request[size] = '\0';
	} while (got > 0 && !strstr(request, "\r\n\r\n") && size < sizeof(request) - 1);
	path = requested(request);
	if (path)
		send_file(client, root, path);
	else
		say(client, "400 Bad Request", 0);
}

int main(int argc, char **argv)
{
	const struct rumpus_config config = { .size = sizeof(config), .image = "full", .cpus = 1 };
	struct rumpus *kernel;
	int root, listener, result;
	long client;

	if (argc != 4) {
		fprintf(stderr, "usage: serve IMAGE TYPE PORT\n");
		return 2;
	}
	result = rumpus_boot(&config, &kernel);
	if (result < 0) {
		complain("boot", result);
		return 1;
	}
	root = mount_image(kernel, argv[1], argv[2]);
	listener = root < 0 ? -1 : listen_behind(kernel, argv[3]);
	if (listener >= 0) {
		printf("%s: http://127.0.0.1:%s/\n", argv[1], argv[3]);
		fflush(stdout);
	}
	while (listener >= 0 && (client = rumpus_sys_accept4(listener, NULL, NULL, 0)) >= 0) {
		answer((int)client, root);
		rumpus_sys_close((int)client);
	}
	if (listener >= 0)
		complain("accept", client);
	rumpus_halt(kernel);
	return 1;
}
