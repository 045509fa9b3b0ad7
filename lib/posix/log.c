// SPDX-License-Identifier: BSD-2-Clause
/* Kernels' messages in a file that the environment names: for programs whose own log discards them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../io/spec.h"
#include "../host.h"

int host_log_open(int *log)
{
	const char *path = secure_getenv("RUMPUS_LOG");
	int saved = errno, fd, error;

	if (!path || !*path) {
		*log = -1;
		return 0;
	}
	fd = io_descriptor(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
	error = fd < 0 ? -errno : 0;
	errno = saved;
	if (!error)
		*log = fd;
	return error;
}

void host_log_write(int log, const char *text, size_t len)
{
	int saved = errno;

	while (len) {
		ssize_t n = write(log, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* a full disk is no reason to end a program */
		text += n;
		len -= (size_t)n;
	}
	errno = saved;
}

void host_log_close(int log)
{
	int saved = errno;

	close(log);
	errno = saved;
}
