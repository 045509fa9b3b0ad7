// SPDX-License-Identifier: BSD-2-Clause
/* Files with contents that can be told again: in the kernel that the thread has entered, and in an image on the host */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../net/message.h"
#include "../tap.h"
#include "files.h"

#define CHUNK (64U << 10)
#define CORRECTED 1 /* a status of e2fsck's: as well as when there was nothing to do */

void must(long result, const char *what)
{
	if (result < 0)
		tap_abort("%s: %s", what, strerror((int)-result));
}

void put(struct node *node, const char *path, const char *text)
{
	int error = node_put(node, path, text);

	if (error)
		tap_abort("%s: %s takes no \"%s\": %s", node->name, path, text, strerror(-error));
}

long file_write(const char *path, uint64_t seed, uint64_t bytes)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644), result = 0;
	unsigned char chunk[CHUNK];

	if (fd < 0)
		return fd;
	for (uint64_t at = 0; at < bytes && result >= 0; at += (uint64_t)result) {
		const size_t size = bytes - at < CHUNK ? bytes - at : CHUNK;

		pattern_fill(seed, at, chunk, size);
		result = rumpus_sys_write((int)fd, chunk, size);
	}
	if (result >= 0)
		result = rumpus_sys_fsync((int)fd);
	rumpus_sys_close((int)fd);
	return result;
}

bool file_has(const char *path, uint64_t seed, uint64_t bytes)
{
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY, 0), got;
	unsigned char chunk[CHUNK];
	uint64_t at = 0;

	if (fd < 0)
		return false;
	while ((got = rumpus_sys_read((int)fd, chunk, CHUNK)) > 0 && pattern_is(seed, at, chunk, (size_t)got))
		at += (uint64_t)got;
	rumpus_sys_close((int)fd);
	return got == 0 && at == bytes;
}

/* Return: what a command of the host's says, for pclose(); it may be one of the administrator's */
static FILE *host_run(const char *format, const char *image, const char *name)
{
	char command[256];
	FILE *output;
	int size = snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; ");

	snprintf(command + size, sizeof(command) - (size_t)size, format, image, name);
	fflush(stdout); /* the shell has a copy of what is buffered */
	output = popen(command, "r");
	if (!output)
		tap_abort("%s: %s", command, strerror(errno));
	return output;
}

void image_make(const char *image, unsigned int mib)
{
	char size[32];

	snprintf(size, sizeof(size), "%uM", mib);
	if (pclose(host_run("mkfs.ext4 -q %s %s >/dev/null", image, size)))
		tap_abort("%s: mkfs.ext4 failed", image);
}

bool image_has(const char *image, const char *name, uint64_t seed, uint64_t bytes)
{
	FILE *output = host_run("debugfs %s -R 'cat /%s' 2>/dev/null", image, name);
	unsigned char chunk[CHUNK];
	bool right = true;
	uint64_t at = 0;
	size_t got;

	while ((got = fread(chunk, 1, CHUNK, output)) > 0) {
		right = right && pattern_is(seed, at, chunk, got);
		at += got;
	}
	return !pclose(output) && right && at == bytes;
}

/* Return: its status */
static int note_all(FILE *output)
{
	char line[256];

	while (fgets(line, sizeof(line), output))
		tap_note("%.*s", (int)strcspn(line, "\n"), line);
	return pclose(output);
}

void image_replay(const char *image)
{
	int status = note_all(host_run("e2fsck -p %s 2>&1", image, ""));

	if (!WIFEXITED(status) || WEXITSTATUS(status) > CORRECTED)
		tap_abort("%s: e2fsck -p finds more to do than to replay the journal", image);
}

bool image_is_clean(const char *image)
{
	return note_all(host_run("e2fsck -fn %s 2>&1", image, "")) == 0;
}
