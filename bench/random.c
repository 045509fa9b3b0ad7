// SPDX-License-Identifier: BSD-2-Clause
/* Reads of 4 KiB at random places of a file of the host's, by several threads. usage: random FILE THREADS SECONDS */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE 4096
#define THREADS_MAX 64

static struct {
	int fd;
	uint64_t pieces; /* of the file */
	atomic_bool end;
} work;

/**
 * struct reader - one thread
 * @state: of its random numbers (xorshift64), not 0
 * @reads: done; the thread's until it has ended
 * @error: that ended it, or 0
 */
struct reader {
	pthread_t thread;
	uint64_t state, reads;
	int error;
};

static void fail(const char *what, int error)
{
	fprintf(stderr, "random: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *read_pieces(void *arg)
{
	struct reader *reader = arg;
	char piece[PIECE];

	while (!atomic_load_explicit(&work.end, memory_order_relaxed)) {
		off_t at = (off_t)(next(&reader->state) % work.pieces * PIECE);
		ssize_t n = pread(work.fd, piece, PIECE, at);

		if (n != PIECE) {
			reader->error = n < 0 ? errno : EIO;
			break;
		}
		reader->reads++;
	}
	return NULL;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const int count = argc == 4 ? atoi(argv[2]) : 0;
	const double seconds = argc == 4 ? atof(argv[3]) : 0;
	struct reader readers[THREADS_MAX] = { 0 };
	uint64_t reads = 0;
	struct stat st;
	double begin;

	if (count < 1 || count > THREADS_MAX || seconds <= 0) {
		fprintf(stderr, "usage: random FILE THREADS SECONDS\n");
		return 2;
	}
	work.fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (work.fd < 0 || fstat(work.fd, &st))
		fail(argv[1], errno);
	work.pieces = (uint64_t)st.st_size / PIECE;
	if (!work.pieces)
		fail(argv[1], EINVAL);
	begin = now();
	for (int i = 0; i < count; i++) {
		readers[i].state = 0x9e3779b97f4a7c15 * (uint64_t)(i + 1);
		if (pthread_create(&readers[i].thread, NULL, read_pieces, &readers[i]))
			fail("thread", EAGAIN);
	}
	usleep((useconds_t)(seconds * 1e6));
	atomic_store(&work.end, true);
	for (int i = 0; i < count; i++) {
		pthread_join(readers[i].thread, NULL);
		if (readers[i].error)
			fail(argv[1], readers[i].error);
		reads += readers[i].reads;
	}
	printf("%.0f\n", (double)reads / (now() - begin));
	return 0;
}
