// SPDX-License-Identifier: BSD-2-Clause
/* What went over a wire that the wrapper "pcap" watched */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/capture.h"
#include "../tap.h"
#include "capturing.h"

#define NOTED 20 /* lines of a capture that disappoints */

static _Bool says_all(const char *line, const char *const words[])
{
	for (; *words; words++)
		if (!strstr(line, *words))
			return 0;
	return 1;
}

/* @words: NULL: note the lines down. Return: lines that have them */
static unsigned int go_through(const char *path, const char *const words[])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result, noted = 0;
	struct capture_frame frame;
	unsigned int count = 0;
	char line[320] = "-> ";
	struct stat st = { 0 };
	void *bytes = MAP_FAILED;
	size_t at = 0;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		tap_abort("capture %s: %s", path, strerror(errno));
	while ((result = capture_next(bytes, (size_t)st.st_size, &at, &frame)) > 0) {
		memcpy(line, frame.sent ? "->" : "<-", 2);
		frame_describe(&frame, line + 3, sizeof(line) - 3);
		if (words)
			count += says_all(line, words);
		else if (noted++ < NOTED)
			tap_note("%s", line);
	}
	if (result)
		tap_abort("%s is no capture", path);
	munmap(bytes, (size_t)st.st_size);
	close(fd);
	return count;
}

unsigned int capture_count(const char *path, const char *const words[])
{
	return go_through(path, words);
}

_Bool capture_has_words(const char *path, const char *const words[])
{
	if (go_through(path, words))
		return 1;
	tap_note("%s begins with", path);
	go_through(path, NULL);
	return 0;
}
