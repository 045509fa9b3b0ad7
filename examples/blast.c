// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams from one kernel in this program to another, as fast as they go.
 *
 *	cc -o blast blast.c $(pkg-config --cflags --libs rumpus)
 *	./blast [COUNT [SIZE [SPEC]]]
 *
 * COUNT datagrams (200000) of SIZE bytes (64) go through a device of SPEC (pair:blast), which stands on "pair:blast",
 *and what arrived is told. With "impair,loss=10:pair:blast", say, it is not all.
 */
#define _GNU_SOURCE /* struct mmsghdr */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define PORT 9000
#define BATCH 64U
#define SIZE_MAX_UDP 65507

/* Results of the kernel are 0 or more, or a negative errno; errno itself is not used. */
static int complain(const char *what, long result)
{
	fprintf(stderr, "blast: %s: %s\n", what, strerror((int)-result));
	return -1;
}

static struct rumpus *boot(const char *spec, const char *address)
{
	const struct rumpus_config config = { .size = sizeof(config), .image = "net", .cpus = 1 };
	struct rumpus *kernel;
	char name[32], error[256];
	int result = rumpus_boot(&config, &kernel);

	if (result < 0) {
		complain("boot", result);
		return NULL;
	}
	if (!rumpus_net_add(kernel, spec, name, error, sizeof(error)) &&
	    !rumpus_net_configure(kernel, name, address, error, sizeof(error)))
		return kernel;
	fprintf(stderr, "blast: %s\n", error);
	rumpus_halt(kernel);
	return NULL;
}

static struct sockaddr_in target(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, "10.0.0.2", &address.sin_addr);
	return address;
}

struct receiver {
	struct rumpus *kernel;
	long fd;
	unsigned long arrived;
};

/* Until nothing has come for half a second */
static void *receive(void *arg)
{
	static char memory[BATCH][2048];
	struct receiver *receiver = arg;
	struct iovec pieces[BATCH];
	struct mmsghdr messages[BATCH];
	long count;

	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){ memory[i], sizeof(memory[i]) };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	rumpus_process_enter(rumpus_process_first(receiver->kernel));
	while ((count = rumpus_sys_recvmmsg((int)receiver->fd, (void *)messages, BATCH, MSG_WAITFORONE, NULL)) > 0)
		receiver->arrived += (unsigned long)count;
	return NULL;
}

static long receiver_socket(void)
{
	const struct timeval patience = { .tv_usec = 500 * 1000 };
	const int room = 4 << 20;
	struct sockaddr_in here = target();
	long fd = rumpus_sys_socket(AF_INET, SOCK_DGRAM, 0), result;

	if (fd < 0)
		return complain("socket", fd);
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	result = rumpus_sys_bind((int)fd, (struct sockaddr *)&here, sizeof(here));
	return result < 0 ? complain("bind", result) : fd;
}

/* In batches: one call of the kernel for many. Return: how many were sent, or -1 */
static long send_all(unsigned long count, size_t size)
{
	static char data[SIZE_MAX_UDP];
	struct sockaddr_in to = target();
	struct iovec piece = { data, size };
	struct mmsghdr messages[BATCH];
	long fd = rumpus_sys_socket(AF_INET, SOCK_DGRAM, 0), result;
	unsigned long done = 0;

	if (fd < 0)
		return complain("socket", fd);
	result = rumpus_sys_connect((int)fd, (struct sockaddr *)&to, sizeof(to));
	memset(messages, 0, sizeof(messages));
	for (unsigned int i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &piece, .msg_iovlen = 1 };
	while (result >= 0 && done < count) {
		unsigned int part = count - done < BATCH ? (unsigned int)(count - done) : BATCH;

		result = rumpus_sys_sendmmsg((int)fd, (void *)messages, part, 0);
		done += result > 0 ? (unsigned long)result : 0;
	}
	rumpus_sys_close((int)fd);
	return result < 0 ? complain("send", result) : (long)done;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int blast(struct rumpus *from, struct rumpus *to, unsigned long count, size_t size)
{
	struct receiver receiver = { .kernel = to };
	pthread_t thread;
	double start;
	long sent;

	rumpus_process_enter(rumpus_process_first(to));
	receiver.fd = receiver_socket();
	if (receiver.fd < 0)
		return 1;
	pthread_create(&thread, NULL, receive, &receiver);
	rumpus_process_enter(rumpus_process_first(from));
	start = seconds();
	sent = send_all(count, size);
	start = seconds() - start;
	pthread_join(thread, NULL);
	if (sent <= 0)
		return 1;
	printf("%ld datagrams of %zu bytes sent in %.2f s, %.0f a second; %lu arrived, %.1f %%\n", sent, size, start,
	       (double)sent / start, receiver.arrived, 100.0 * (double)receiver.arrived / (double)sent);
	return receiver.arrived ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
	const char *spec = argc > 3 ? argv[3] : "pair:blast";
	struct rumpus *from, *to;
	int status = 1;

	if (argc > 4 || !count || size > SIZE_MAX_UDP) {
		fprintf(stderr, "usage: blast [COUNT [SIZE [SPEC]]]; at most %d bytes\n", SIZE_MAX_UDP);
		return 2;
	}
	from = boot(spec, "10.0.0.1/24");
	to = from ? boot("pair:blast", "10.0.0.2/24") : NULL;
	if (to)
		status = blast(from, to, count, size);
	if (to)
		rumpus_halt(to);
	if (from)
		rumpus_halt(from);
	return status;
}
