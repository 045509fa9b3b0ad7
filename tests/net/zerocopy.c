// SPDX-License-Identifier: BSD-2-Clause
/* MSG_ZEROCOPY from memory that the kernel manages: pages go to the peer as they are, completions tell when they are
 * free */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include <rumpus/syscalls.h>

#include "node.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define MIB ((size_t)1 << 20)
#define PIECE ((size_t)256 << 10)
#define PIECES 32U
#define PATIENCE 30 /* seconds */

/**
 * struct progress - what the error queue of a socket has told
 * @sent, @completed: calls of send with the flag, counted from 0
 * @copied: of those completed, ranges for which the kernel had to copy after all
 * @strange: messages that are none of these
 */
struct progress {
	unsigned int sent, completed, copied, strange;
};

static struct node a, b;

/* Return: 1: a completion was taken; 0: there is none */
static int take_completion(int fd, struct progress *progress)
{
	char control[256];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	const struct sock_extended_err *error;
	long result = rumpus_sys_recvmsg(fd, (void *)&message, MSG_ERRQUEUE | MSG_DONTWAIT);
	struct cmsghdr *part;

	if (result == -EAGAIN)
		return 0;
	part = result < 0 ? NULL : CMSG_FIRSTHDR(&message);
	error = part ? (void *)CMSG_DATA(part) : NULL;
	if (!error || error->ee_origin != SO_EE_ORIGIN_ZEROCOPY || error->ee_errno ||
	    error->ee_info != progress->completed) {
		progress->strange++;
		return 1;
	}
	progress->copied += !!(error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED);
	progress->completed = error->ee_data + 1;
	return 1;
}

static void await(int fd, struct progress *progress, unsigned int most)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int i;

	for (i = 0; i < PATIENCE * 1000 && progress->sent - progress->completed > most; i++)
		if (!take_completion(fd, progress))
			nanosleep(&pause, NULL);
}

/* Two buffers in turn: each is written to again when the kernel has said that it is free. */
static bool send_pieces(int fd, unsigned char *window, struct progress *progress)
{
	unsigned int i;

	for (i = 0; i < PIECES; i++) {
		unsigned char *piece = window + i % 2 * PIECE;
		size_t done = 0;

		await(fd, progress, 0);
		pattern_fill(1, i * PIECE, piece, PIECE);
		while (done < PIECE) {
			long len =
				rumpus_sys_sendto(fd, piece + done, PIECE - done, MSG_ZEROCOPY | MSG_NOSIGNAL, NULL, 0);

			if (len < 0) {
				tap_note("send: %s", strerror((int)-len));
				return false;
			}
			progress->sent++;
			done += (size_t)len;
		}
	}
	await(fd, progress, 0);
	return true;
}

static void check(const char *what, struct node *to, const char *address, uint16_t port, bool in_place)
{
	struct progress progress = { 0 };
	struct receiver receiver;
	unsigned char *window;
	const int one = 1;
	long fd;

	receiver_start(&receiver, to, address, port, PIECES * PIECE);
	fd = node_connect_to(&a, address, port);
	tap_is(rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_ZEROCOPY, (void *)&one, sizeof(one)), 0, "%s: SO_ZEROCOPY",
	       what);
	window = (void *)rumpus_sys_mmap(NULL, 2 * PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_ok(send_pieces((int)fd, window, &progress), "%s: everything is sent", what);
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "%s: what arrives is right", what);
	tap_is(progress.completed, progress.sent, "%s: every call is completed", what);
	tap_is(progress.strange, 0, "%s: in order, and nothing else is in the queue", what);
	if (in_place)
		tap_is(progress.copied, 0, "%s: nothing was copied", what);
	else
		tap_ok(progress.copied > 0, "%s: the kernel tells that its own loopback copies", what);
	tap_is(rumpus_sys_munmap(window, 2 * PIECE), 0, "%s: the memory is given back", what);
}

/* Memory that is not the kernel's cannot be lent to it. */
static void check_other_memory(void)
{
	static unsigned char memory[4096];
	struct receiver receiver;
	const int one = 1;
	long fd;

	receiver_start(&receiver, &b, "10.9.0.2", 1003, 0);
	fd = node_connect_to(&a, "10.9.0.2", 1003);
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_ZEROCOPY, (void *)&one, sizeof(one));
	tap_is(rumpus_sys_sendto((int)fd, memory, sizeof(memory), MSG_ZEROCOPY, NULL, 0), -EFAULT,
	       "memory of the program's own is refused");
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "and nothing of it arrives");
}

/* The window goes while its pages are on their way. */
static void check_unmapped(void)
{
	struct receiver receiver;
	unsigned char *window;
	const int one = 1;
	long fd, len;

	receiver_start(&receiver, &b, "10.9.0.2", 1004, 64 << 10);
	fd = node_connect_to(&a, "10.9.0.2", 1004);
	rumpus_sys_setsockopt((int)fd, SOL_SOCKET, SO_ZEROCOPY, (void *)&one, sizeof(one));
	window = (void *)rumpus_sys_mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pattern_fill(1, 0, window, 64 << 10);
	len = rumpus_sys_sendto((int)fd, window, 64 << 10, MSG_ZEROCOPY | MSG_NOSIGNAL, NULL, 0);
	rumpus_sys_munmap(window, MIB);
	tap_is(len, 64 << 10, "sent, and unmapped at once");
	node_close(&a, fd);
	tap_ok(receiver_end(&receiver), "what arrives is right all the same");
}

int main(int argc, char **argv)
{
	node_boot(&a, "a", 1);
	node_boot(&b, "b", 1);
	node_link(&a, "pair:ab", "10.9.0.1/24 fd09::1/64");
	node_link(&b, "pair:ab", "10.9.0.2/24 fd09::2/64");
	check("pair", &b, "10.9.0.2", 1001, true);
	check("pair, IPv6", &b, "fd09::2", 1001, true);
	check("loopback", &a, "127.0.0.1", 1002, false);
	check_other_memory();
	check_unmapped();
	node_halt(&b);
	node_halt(&a);
	return tap_done();
}
