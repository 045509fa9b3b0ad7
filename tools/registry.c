// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: which mounts are served, and by whom */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "registry.h"

/* Seconds that a supervisor may take to say how its mount fares. */
#define PATIENCE 5

static void folder_path(char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!geteuid())
		snprintf(path, size, "/run/rumpus");
	else if (runtime && *runtime == '/')
		snprintf(path, size, "%s/rumpus", runtime);
	else
		snprintf(path, size, "/tmp/rumpus-%u", geteuid());
}

/* Return: descriptor of a directory that is this user's alone, or a negative errno */
static int open_folder(bool make)
{
	char path[4096];
	struct stat st;
	int fd;

	folder_path(path, sizeof(path));
	if (make)
		mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* By descriptor, as a socket's path must be short. */
static void socket_address(struct sockaddr_un *address, int folder, const char *name)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%.64s", folder, name);
}

static void own_name(char name[32])
{
	snprintf(name, 32, "%d", (int)getpid());
}

void registry_init(struct registry *registry)
{
	registry->listener = -1;
	for (unsigned int i = 0; i < REGISTRY_CLIENTS; i++)
		registry->clients[i] = -1;
}

int registry_add(struct registry *registry)
{
	struct sockaddr_un address;
	int folder = open_folder(true), error = 0;
	char name[32];

	if (folder < 0)
		return folder;
	own_name(name);
	socket_address(&address, folder, name);
	unlinkat(folder, name, 0); /* of a process that had this number before */
	registry->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (registry->listener < 0 || bind(registry->listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(registry->listener, REGISTRY_CLIENTS))
		error = -errno;
	close(folder);
	if (error && registry->listener >= 0) {
		close(registry->listener);
		registry->listener = -1;
	}
	return error;
}

int registry_lock(void)
{
	int folder = open_folder(true);

	if (folder >= 0)
		flock(folder, LOCK_EX);
	return folder < 0 ? -1 : folder;
}

unsigned int registry_poll(const struct registry *registry, struct pollfd *fds)
{
	unsigned int count = 0;

	fds[count++] = (struct pollfd){ .fd = registry->listener, .events = POLLIN };
	for (unsigned int i = 0; i < REGISTRY_CLIENTS; i++)
		fds[count++] = (struct pollfd){ .fd = registry->clients[i], .events = POLLIN };
	return count;
}

static void drop_gone(struct registry *registry)
{
	char byte;

	for (unsigned int i = 0; i < REGISTRY_CLIENTS; i++) {
		/* Clients say nothing; one that does is as good as gone. */
		if (registry->clients[i] >= 0 && recv(registry->clients[i], &byte, 1, MSG_DONTWAIT) >= 0) {
			close(registry->clients[i]);
			registry->clients[i] = -1;
		}
	}
}

void registry_serve(struct registry *registry, const char *hello, size_t size)
{
	int fd = accept4(registry->listener, NULL, NULL, SOCK_CLOEXEC);
	unsigned int i;

	drop_gone(registry);
	if (fd < 0)
		return;
	for (i = 0; i < REGISTRY_CLIENTS && registry->clients[i] >= 0; i++)
		continue;
	/* A fresh socket takes that much without waiting. */
	if (i == REGISTRY_CLIENTS || send(fd, hello, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		close(fd);
	else
		registry->clients[i] = fd;
}

void registry_end(struct registry *registry, const char *text, size_t size)
{
	int folder;
	char name[32];

	if (registry->listener < 0)
		return;
	folder = open_folder(false);
	own_name(name);
	if (folder >= 0) {
		unlinkat(folder, name, 0);
		close(folder);
	}
	close(registry->listener);
	registry->listener = -1;
	for (unsigned int i = 0; i < REGISTRY_CLIENTS; i++) {
		if (registry->clients[i] < 0)
			continue;
		send(registry->clients[i], text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(registry->clients[i]);
		registry->clients[i] = -1;
	}
}

/* ---- asking ---- */

/* Reads one string. Return: its length, 0 for an empty one; -1 at the end */
static long read_string(int fd, char *text, size_t size)
{
	size_t used = 0;
	char c;

	while (recv(fd, &c, 1, 0) == 1) {
		if (!c) {
			text[used] = 0;
			return (long)used;
		}
		if (used < size - 1)
			text[used++] = c;
	}
	return -1;
}

/* What a supervisor may say, and where it goes. */
static const struct {
	const char *name;
	size_t at, size; /* of text; 0: an unsigned long long */
} fields[] = {
	{ "dir", offsetof(struct registry_entry, dir), sizeof(((struct registry_entry *)0)->dir) },
	{ "image", offsetof(struct registry_entry, image), sizeof(((struct registry_entry *)0)->image) },
	{ "partition", offsetof(struct registry_entry, partition), sizeof(((struct registry_entry *)0)->partition) },
	{ "type", offsetof(struct registry_entry, type), sizeof(((struct registry_entry *)0)->type) },
	{ "mode", offsetof(struct registry_entry, mode), sizeof(((struct registry_entry *)0)->mode) },
	{ "requests", offsetof(struct registry_entry, requests), 0 },
	{ "errors", offsetof(struct registry_entry, errors), 0 },
	{ "memory", offsetof(struct registry_entry, memory), 0 },
	{ "restarts", offsetof(struct registry_entry, restarts), 0 },
	{ "start", offsetof(struct registry_entry, start), 0 },
	{ "end", offsetof(struct registry_entry, end), 0 },
	{ "mount", offsetof(struct registry_entry, mount), 0 },
};

/* What is not known is of a later version, and left out. */
static void take_string(struct registry_entry *entry, const char *text)
{
	const char *value = strchr(text, '=');
	size_t length = value ? (size_t)(value++ - text) : 0;

	for (size_t i = 0; value && i < sizeof(fields) / sizeof(*fields); i++) {
		char *to = (char *)entry + fields[i].at;

		if (strlen(fields[i].name) != length || strncmp(fields[i].name, text, length))
			continue;
		if (fields[i].size)
			snprintf(to, fields[i].size, "%s", value);
		else
			*(unsigned long long *)to = strtoull(value, NULL, 10);
	}
}

static int ask(int folder, const char *name, struct registry_entry *entry)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	struct sockaddr_un address;
	char text[4200];
	long length;

	memset(entry, 0, sizeof(*entry));
	entry->pid = atoi(name);
	entry->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socket_address(&address, folder, name);
	setsockopt(entry->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (entry->fd < 0)
		return -errno;
	if (connect(entry->fd, (struct sockaddr *)&address, sizeof(address))) {
		/* A supervisor that was killed leaves its socket. */
		if (errno == ECONNREFUSED)
			unlinkat(folder, name, 0);
		close(entry->fd);
		return -ENOENT;
	}
	while ((length = read_string(entry->fd, text, sizeof(text))) > 0)
		take_string(entry, text);
	if (!length)
		return 0;
	close(entry->fd);
	return -ENOENT;
}

int registry_list(int (*take)(void *arg, const struct registry_entry *entry), void *arg)
{
	struct registry_entry *entry = malloc(sizeof(*entry));
	int folder = open_folder(false), result = 0;
	const struct dirent *name;
	DIR *dir = folder < 0 ? NULL : fdopendir(folder);

	while (entry && dir && !result && (name = readdir(dir))) {
		if (*name->d_name == '.' || ask(folder, name->d_name, entry))
			continue;
		result = take(arg, entry);
		if (result != 1)
			close(entry->fd);
	}
	if (dir)
		closedir(dir);
	free(entry);
	return result;
}

struct search {
	const char *dir;
	int mount;
	struct registry_entry *found;
};

static int compare(void *arg, const struct registry_entry *entry)
{
	const struct search *search = arg;

	if (strcmp(entry->dir, search->dir) || entry->mount != (unsigned long long)search->mount)
		return 0;
	*search->found = *entry;
	return 1;
}

int registry_find(const char *dir, int mount, struct registry_entry *entry)
{
	struct search search = { .dir = dir, .mount = mount, .found = entry };

	return registry_list(compare, &search) == 1 ? 0 : -ENOENT;
}

int registry_wait(int fd, char *message, size_t size)
{
	const struct timeval forever = { 0 };
	char text[1200];
	int status = -1;

	*message = 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	while (read_string(fd, text, sizeof(text)) > 0) {
		if (!strncmp(text, "end=", 4))
			status = atoi(text + 4);
		else if (!strncmp(text, "message=", 8))
			snprintf(message, size, "%s", text + 8);
	}
	return status;
}
