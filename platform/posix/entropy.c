// SPDX-License-Identifier: BSD-2-Clause
/* Random bytes of the host's */
#include <sys/random.h>

#include "posix.h"

#define FLAGS_KNOWN (HYP_ENTROPY_HARD | HYP_ENTROPY_NOWAIT)

long posix_entropy(struct hyp *h, void *buf, size_t size, uint32_t flags)
{
	unsigned int how =
		(flags & HYP_ENTROPY_HARD ? GRND_RANDOM : 0) | (flags & HYP_ENTROPY_NOWAIT ? GRND_NONBLOCK : 0);
	int saved ERRNO_KEPT = errno;
	size_t done = 0;
	ssize_t got;

	if (flags & ~FLAGS_KNOWN)
		return -HYP_EINVAL;
	while (done < size) {
		got = getrandom((char *)buf + done, size - done, how);
		if (got >= 0)
			done += got;
		else if (errno == EAGAIN)
			break; /* with HYP_ENTROPY_NOWAIT alone */
		else if (errno != EINTR)
			return -HYP_EIO;
	}
	return done;
}
