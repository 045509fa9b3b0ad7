// SPDX-License-Identifier: BSD-2-Clause
/*
 * An io_uring with one thread of its own
 *
 * Only that thread submits and reaps. A ring that several host threads submit to ties each request to the thread that
 * submitted it: the host cancels requests of a thread that ends, and interrupts system calls of that thread (poll(2)
 * returns EINTR) to finish its requests. Both would reach threads of the embedding program. With one thread the host
 * also needs no lock, and runs completions when this thread asks for them and at no other time (DEFER_TASKRUN).
 *
 * Submitters push to @incoming and write to an event descriptor when the thread may be asleep; the thread always has a
 * read of that descriptor in the ring, so that it waits at one place.
 */
#include <errno.h>
#include <liburing.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../spec.h"
#include "../thread.h"
#include "pool.h"
#include "ring.h"

_Static_assert(sizeof(struct hyp_iovec) == sizeof(struct iovec) &&
		       offsetof(struct hyp_iovec, len) == offsetof(struct iovec, iov_len),
	       "pieces go to the host as they are");

/**
 * struct blk_ring - the ring
 * @uring:    the host's; touched by @thread alone
 * @thread:   submits and reaps
 * @fd:       the disk
 * @event:    descriptor that ends the thread's sleep
 * @depth:    entries
 * @finish, @flush, @owner: from blk_ring_create()
 * @incoming: pushed requests, last one first
 * @asleep:   the thread may sleep: who pushes must write to @event; set by the thread, cleared by who writes
 * @stop:     the thread ends
 * @started:  posted when the thread has set up the ring, with @error
 * @error:    of setting up
 * @count:    where the read of @event goes
 * @under_way: requests in the ring; the thread's
 */
struct blk_ring {
	struct io_uring uring;
	pthread_t thread;
	int fd;
	int event;
	unsigned int depth;
	void (*finish)(void *owner, struct hyp_blk_req *req, int result);
	void (*flush)(void *owner);
	void *owner;
	struct hyp_blk_req *_Atomic incoming;
	_Atomic bool asleep;
	_Atomic bool stop;
	sem_t started;
	int error;
	uint64_t count;
	unsigned int under_way;
};

static struct io_uring_sqe *next_entry(struct blk_ring *ring)
{
	struct io_uring_sqe *sqe;

	/* The queue has room for all that may be under way; it is full only of entries that were not yet submitted. */
	while (!(sqe = io_uring_get_sqe(&ring->uring)))
		io_uring_submit(&ring->uring);
	return sqe;
}

static void arm_event(struct blk_ring *ring)
{
	struct io_uring_sqe *sqe = next_entry(ring);

	io_uring_prep_read(sqe, ring->event, &ring->count, sizeof(ring->count), 0);
	io_uring_sqe_set_data(sqe, NULL);
}

/* Make entries of all that was pushed, in the order of pushing. Return: was there anything? */
static bool take_incoming(struct blk_ring *ring)
{
	struct hyp_blk_req *req = atomic_exchange(&ring->incoming, NULL), *next, *in_order = NULL;
	bool any = req;

	for (; req; req = next) {
		next = req->next;
		req->next = in_order;
		in_order = req;
	}
	for (req = in_order; req; req = next) {
		struct io_uring_sqe *sqe = next_entry(ring);

		next = req->next;
		if (req->op == HYP_BLK_READ)
			io_uring_prep_readv(sqe, ring->fd, (const struct iovec *)req->iov, req->iovcnt, req->offset);
		else
			io_uring_prep_writev(sqe, ring->fd, (const struct iovec *)req->iov, req->iovcnt, req->offset);
		io_uring_sqe_set_data(sqe, req);
		ring->under_way++;
	}
	return any;
}

static void reap(struct blk_ring *ring)
{
	struct io_uring_cqe *cqe;
	bool ended = false;

	while (!io_uring_peek_cqe(&ring->uring, &cqe)) {
		struct hyp_blk_req *req = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&ring->uring, cqe);
		if (!req) {
			arm_event(ring);
			continue;
		}
		ring->under_way--;
		ended = true;
		ring->finish(ring->owner, req, result);
	}
	if (ended)
		ring->flush(ring->owner);
}

static void serve(struct blk_ring *ring)
{
	arm_event(ring);
	while (!atomic_load(&ring->stop) || ring->under_way) {
		if (take_incoming(ring)) {
			io_uring_submit_and_get_events(&ring->uring);
			reap(ring);
			continue;
		}
		/* Announce the sleep, then look again: whoever pushes after this look sees the announcement. */
		atomic_store(&ring->asleep, true);
		if (!atomic_load(&ring->incoming) && !atomic_load(&ring->stop))
			io_uring_submit_and_wait(&ring->uring, 1);
		else if (ring->under_way)
			io_uring_submit_and_get_events(&ring->uring);
		atomic_store(&ring->asleep, false);
		reap(ring);
	}
}

/* liburing 2.3 declares, but does not export, functions for these two */
static long control(struct blk_ring *ring, unsigned int what, void *arg, unsigned int count)
{
	return syscall(SYS_io_uring_register, ring->uring.ring_fd, what, arg, count);
}

/*
 * What is left is what preadv(2) and pwritev(2) can do too: a filter of system calls that permits these loses nothing
 * by a ring. Files are not registered, though it would save a reference for each request: the host lets go of
 * registered ones some time after the ring was closed, and a block device would stay claimed until then.
 */
static long restrict_ring(struct blk_ring *ring)
{
	struct io_uring_restriction rules[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ },
	};

	return control(ring, IORING_REGISTER_RESTRICTIONS, rules, sizeof(rules) / sizeof(rules[0]));
}

static int set_up(struct blk_ring *ring)
{
	static const unsigned int wishes[] = {
		IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, /* Linux 6.1 */
		IORING_SETUP_R_DISABLED, /* Linux 5.10, the first that restricts rings */
	};
	int error = -EINVAL;
	unsigned int i;

	for (i = 0; i < sizeof(wishes) / sizeof(wishes[0]) && error == -EINVAL; i++)
		error = io_uring_queue_init(ring->depth + 1, &ring->uring, wishes[i]);
	if (error)
		return -HYP_ENOSYS;
	io_uring_ring_dontfork(&ring->uring);
	if (restrict_ring(ring) || control(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0)) {
		io_uring_queue_exit(&ring->uring);
		return -HYP_ENOSYS;
	}
	return 0;
}

static void *ring_main(void *arg)
{
	struct blk_ring *ring = arg;
	int error = set_up(ring);

	ring->error = error;
	sem_post(&ring->started);
	if (error)
		return NULL;
	serve(ring);
	io_uring_queue_exit(&ring->uring);
	return NULL;
}

static void wake(struct blk_ring *ring)
{
	static const uint64_t one = 1;

	/* The exchange makes sure that one of several submitters pays for the wake-up. */
	while (atomic_exchange(&ring->asleep, false) && write(ring->event, &one, sizeof(one)) < 0 && errno == EINTR)
		atomic_store(&ring->asleep, true);
}

void blk_ring_submit(struct blk_ring *ring, const struct blk_list *list)
{
	struct hyp_blk_req *req, *next, *last = NULL, *top;

	if (!list->head)
		return;
	/* Turn the list around: it joins a stack. Its first request becomes the deepest. */
	for (req = list->head; req; req = next) {
		next = req->next;
		req->next = last;
		last = req;
	}
	top = atomic_load(&ring->incoming);
	do
		list->head->next = top;
	while (!atomic_compare_exchange_weak(&ring->incoming, &top, last));
	wake(ring);
}

void blk_ring_destroy(struct blk_ring *ring)
{
	static const uint64_t one = 1;

	atomic_store(&ring->stop, true);
	while (write(ring->event, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(ring->thread, NULL);
	sem_destroy(&ring->started);
	close(ring->event);
	free(ring);
}

int blk_ring_create(int fd, unsigned int depth, void (*finish)(void *owner, struct hyp_blk_req *req, int result),
		    void (*flush)(void *owner), void *owner, struct blk_ring **ring)
{
	struct blk_ring *made = calloc(1, sizeof(*made));
	int error = -HYP_ENOMEM;

	if (!made)
		return error;
	*made = (struct blk_ring){ .fd = fd, .depth = depth, .finish = finish, .flush = flush, .owner = owner };
	sem_init(&made->started, 0, 0);
	made->event = io_descriptor(eventfd(0, EFD_CLOEXEC));
	if (made->event < 0)
		goto free_ring;
	error = io_thread_create(&made->thread, "rumpus-uring", ring_main, made);
	if (error)
		goto close_event;
	while (sem_wait(&made->started) && errno == EINTR)
		;
	error = made->error;
	if (error)
		goto join;
	*ring = made;
	return 0;

join:
	pthread_join(made->thread, NULL);
close_event:
	close(made->event);
free_ring:
	sem_destroy(&made->started);
	free(made);
	return error;
}
