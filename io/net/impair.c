// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wrapper "impair": a bad network on a good one, by seed: loss, duplicates, disorder, delay, a rate
 *
 * Frames of both directions are copied and wait in a heap for the time when they are due; a thread moves them on. What
 * happens to a frame depends on the seed, its direction, its queue and how many came before it there, and on nothing
 * else.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../random.h"
#include "../thread.h"
#include "inbox.h"

#define PARTS 100000U /* of chances: thousandths of a percent */
#define HEAP_MAX 4096U
#define FETCH 16U
#define NS_PER_US UINT64_C(1000)

enum direction {
	OUT,
	IN,
	DIRECTIONS,
};

/* What chance decides, each from numbers of its own */
enum dice {
	DICE_LOSS,
	DICE_DUPLICATE,
	DICE_REORDER,
	DICE_JITTER,
};

/**
 * struct item - a frame on its way
 * @frame, @iov: it, for the lower device
 * @due:   nanoseconds, when it goes on
 * @order: of those that are due at the same time
 * @queue: where it goes
 * @copy:  its bytes
 */
struct item {
	struct hyp_net_frame frame; /* first, so that a completion leads back here */
	struct hyp_iovec iov;
	uint64_t due;
	uint64_t order;
	uint32_t queue;
	struct net_inbox_frame *copy;
};

/** struct heap - items of one direction, the earliest first */
struct heap {
	struct item *items[HEAP_MAX];
	unsigned int count;
};

/**
 * struct impair - the device
 * @base:    the wrapper
 * @seed, @loss, @duplicate, @reorder: chances in PARTS
 * @delay, @jitter, @hold: nanoseconds
 * @rate:    bits a second in each direction; 0: any
 * @inbox:   frames for the user
 * @lock:    guards the rest
 * @work:    signalled when something is due earlier than it was, or @ready or @stop changed
 * @idle:    signalled when the thread has let go of what it had in hand
 * @heaps:   what is under way in each direction
 * @orders:  of items so far
 * @seen:    frames so far
 * @free_at: when the line is free again
 * @under_way: frames that the lower device has, for each queue
 * @ready:   queues that the lower device has frames in, a bit each
 * @open:    there is a user
 * @busy:    the thread has something in hand
 * @stop:    it ends
 */
struct impair {
	struct net_wrapper base;
	uint64_t seed, loss, duplicate, reorder;
	uint64_t delay, jitter, hold, rate;
	struct net_inbox inbox[NET_MAX_QUEUES];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	struct heap heaps[DIRECTIONS];
	uint64_t orders;
	uint64_t seen[DIRECTIONS][NET_MAX_QUEUES];
	uint64_t free_at[DIRECTIONS];
	unsigned int under_way[NET_MAX_QUEUES];
	uint32_t ready;
	bool open;
	bool busy;
	bool stop;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the heap, with the lock ---- */

static bool earlier(const struct item *a, const struct item *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void heap_push(struct heap *heap, struct item *item)
{
	unsigned int at = heap->count++;

	for (; at && earlier(item, heap->items[(at - 1) / 2]); at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = item;
}

static struct item *heap_pop(struct heap *heap)
{
	struct item *first = heap->items[0], *last = heap->items[--heap->count];
	unsigned int at = 0, child;

	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count && earlier(heap->items[child + 1], heap->items[child]))
			child++;
		if (!earlier(heap->items[child], last))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = last;
	return first;
}

static void item_free(struct item *item)
{
	free(item->copy);
	free(item);
}

/* ---- what happens to a frame ---- */

static bool chance(const struct impair *impair, uint64_t stream, uint64_t number, enum dice dice, uint64_t parts)
{
	return parts && io_random(impair->seed, stream * 8 + dice, number) % PARTS < parts;
}

static void count_drop(struct impair *impair, enum direction direction)
{
	struct net_device *device = &impair->base.device;

	atomic_fetch_add(direction == OUT ? &device->stats.sent_dropped : &device->stats.received_dropped, 1);
}

/* With the lock: when a frame that comes now is through */
static uint64_t due(struct impair *impair, enum direction direction, uint64_t stream, uint64_t number, uint32_t length)
{
	uint64_t at = now_ns();

	if (impair->rate) {
		if (impair->free_at[direction] > at)
			at = impair->free_at[direction];
		at += length * UINT64_C(8000000000) / impair->rate;
		impair->free_at[direction] = at;
	}
	at += impair->delay;
	if (impair->jitter)
		at += io_random(impair->seed, stream * 8 + DICE_JITTER, number) % impair->jitter;
	if (chance(impair, stream, number, DICE_REORDER, impair->reorder))
		at += impair->hold;
	return at;
}

/* With the lock */
static void enqueue(struct impair *impair, enum direction direction, uint32_t queue, uint64_t when,
		    const struct hyp_net_frame *frame)
{
	struct heap *heap = &impair->heaps[direction];
	struct item *item = heap->count < HEAP_MAX ? calloc(1, sizeof(*item)) : NULL;

	if (item)
		item->copy = net_inbox_new(frame->length);
	if (!item || !item->copy) {
		free(item);
		count_drop(impair, direction);
		return;
	}
	net_gather(frame, item->copy->bytes, frame->length);
	item->copy->header = frame->header;
	item->due = when;
	item->order = impair->orders++;
	item->queue = queue;
	heap_push(heap, item);
	if (heap->items[0] == item)
		pthread_cond_signal(&impair->work);
}

/* With the lock */
static void accept_frame(struct impair *impair, enum direction direction, uint32_t queue,
			 const struct hyp_net_frame *frame)
{
	uint64_t number = impair->seen[direction][queue]++, stream = direction * NET_MAX_QUEUES + queue, when;

	if (chance(impair, stream, number, DICE_LOSS, impair->loss)) {
		count_drop(impair, direction);
		return;
	}
	when = due(impair, direction, stream, number, frame->length);
	enqueue(impair, direction, queue, when, frame);
	if (chance(impair, stream, number, DICE_DUPLICATE, impair->duplicate))
		enqueue(impair, direction, queue, when, frame);
}

/* ---- the thread ---- */

/* To the lower device, which gives it back to lower_sent() */
static void pass_out(struct impair *impair, struct item *item)
{
	struct hyp_net *lower = impair->base.lower;

	item->iov = (struct hyp_iovec){ .base = item->copy->bytes, .len = item->copy->length };
	item->frame = (struct hyp_net_frame){
		.iov = &item->iov,
		.iovcnt = 1,
		.length = item->copy->length,
		.header = item->copy->header,
	};
	net_count_sent(&impair->base.device, 1, item->frame.length);
	lower->ops->send(lower, item->queue, &item->frame);
}

static void pass_in(struct impair *impair, struct item *item)
{
	net_inbox_put(&impair->inbox[item->queue], &impair->base.device, item->queue, item->copy);
	free(item);
}

/* With the lock: when the first item of a direction can go on. A lower device that has its fill is waited for. */
static uint64_t first_due(const struct impair *impair, enum direction direction)
{
	const struct heap *heap = &impair->heaps[direction];

	if (!heap->count)
		return UINT64_MAX;
	if (direction == OUT && impair->under_way[heap->items[0]->queue] >= impair->base.lower->info.queue_depth)
		return UINT64_MAX;
	return heap->items[0]->due;
}

/* With the lock, which is released meanwhile: pass the first item of a direction on */
static void run_item(struct impair *impair, enum direction direction)
{
	struct item *item = heap_pop(&impair->heaps[direction]);

	if (direction == OUT)
		impair->under_way[item->queue]++;
	pthread_mutex_unlock(&impair->lock);
	if (direction == OUT)
		pass_out(impair, item);
	else
		pass_in(impair, item);
	pthread_mutex_lock(&impair->lock);
}

/* With the lock, which is released meanwhile: fetch what has arrived in one queue */
static void fetch(struct impair *impair, uint32_t queue)
{
	static const size_t size = NET_MAX_FRAME;
	struct hyp_net *lower = impair->base.lower;
	unsigned char *memory = malloc(FETCH * size);
	struct hyp_net_frame frames[FETCH];
	struct hyp_iovec iov[FETCH];
	uint32_t got = FETCH, i;

	while (memory && got == FETCH && impair->open) {
		for (i = 0; i < FETCH; i++) {
			iov[i] = (struct hyp_iovec){ .base = memory + i * size, .len = size };
			frames[i] = (struct hyp_net_frame){ .iov = &iov[i], .iovcnt = 1 };
			frames[i].next = i + 1 < FETCH ? &frames[i + 1] : NULL;
		}
		pthread_mutex_unlock(&impair->lock);
		got = lower->ops->receive(lower, queue, frames);
		pthread_mutex_lock(&impair->lock);
		for (i = 0; i < got; i++) {
			iov[i].len = frames[i].length;
			accept_frame(impair, IN, queue, &frames[i]);
		}
	}
	free(memory);
}

/* With the lock: sleep until there is something to do */
static void sleep_until_work(struct impair *impair, uint64_t when)
{
	struct timespec until;

	if (when == UINT64_MAX) {
		pthread_cond_wait(&impair->work, &impair->lock);
		return;
	}
	until.tv_sec = (time_t)(when / 1000000000);
	until.tv_nsec = (long)(when % 1000000000);
	pthread_cond_timedwait(&impair->work, &impair->lock, &until);
}

/* With the lock: one step. Return: when there is something to do next; 0: now */
static uint64_t step(struct impair *impair)
{
	uint64_t out = first_due(impair, OUT), in = first_due(impair, IN), first = out < in ? out : in;

	if (!impair->open)
		return UINT64_MAX;
	if (impair->ready) {
		uint32_t queue = (uint32_t)__builtin_ctz(impair->ready);

		impair->ready &= ~(1U << queue);
		fetch(impair, queue);
	} else if (first <= now_ns()) {
		run_item(impair, out < in ? OUT : IN);
	} else {
		return first;
	}
	return 0;
}

static void *impair_main(void *arg)
{
	struct impair *impair = arg;
	uint64_t when;

	pthread_mutex_lock(&impair->lock);
	while (!impair->stop) {
		impair->busy = true;
		when = step(impair);
		impair->busy = false;
		pthread_cond_broadcast(&impair->idle);
		if (when)
			sleep_until_work(impair, when);
	}
	pthread_mutex_unlock(&impair->lock);
	return NULL;
}

/* ---- upcalls of the lower device ---- */

static void lower_sent(void *cookie, uint32_t queue, struct hyp_net_frame *done)
{
	struct impair *impair = cookie;
	struct hyp_net_frame *next;
	unsigned int count = 0;

	for (; done; done = next, count++) {
		next = done->next;
		item_free((struct item *)done);
	}
	pthread_mutex_lock(&impair->lock);
	impair->under_way[queue] -= count;
	pthread_cond_signal(&impair->work);
	pthread_mutex_unlock(&impair->lock);
}

static void lower_ready(void *cookie, uint32_t queue)
{
	struct impair *impair = cookie;

	pthread_mutex_lock(&impair->lock);
	impair->ready |= 1U << queue;
	pthread_cond_signal(&impair->work);
	pthread_mutex_unlock(&impair->lock);
}

static void lower_link(void *cookie)
{
	net_link_changed(&((struct impair *)cookie)->base.device);
}

static const struct hyp_net_upcalls lower_upcalls = {
	.sent = lower_sent,
	.ready = lower_ready,
	.link = lower_link,
};

/* ---- what the user calls ---- */

static void set_open(struct impair *impair, bool open)
{
	unsigned int i;

	pthread_mutex_lock(&impair->lock);
	impair->open = open;
	impair->ready = 0;
	if (open)
		pthread_cond_signal(&impair->work);
	while (!open && impair->busy)
		pthread_cond_wait(&impair->idle, &impair->lock);
	for (i = 0; i < DIRECTIONS && !open; i++)
		while (impair->heaps[i].count)
			item_free(heap_pop(&impair->heaps[i]));
	pthread_mutex_unlock(&impair->lock);
}

static int attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct impair *impair = (struct impair *)net;
	struct hyp_net *lower = impair->base.lower;
	int error = net_attach(net, upcalls, cookie);
	unsigned int i;

	if (error)
		return error;
	for (i = 0; i < net->info.queues; i++)
		net_inbox_open(&impair->inbox[i]);
	set_open(impair, true);
	error = lower->ops->attach(lower, &lower_upcalls, impair);
	if (error) {
		set_open(impair, false);
		net_detach(net);
	}
	return error;
}

static void detach(struct hyp_net *net)
{
	struct impair *impair = (struct impair *)net;
	struct hyp_net *lower = impair->base.lower;
	unsigned int i;

	set_open(impair, false);
	lower->ops->detach(lower);
	for (i = 0; i < net->info.queues; i++)
		net_inbox_close(&impair->inbox[i], &impair->base.device);
	net_detach(net);
}

static void device_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct impair *impair = (struct impair *)net;
	bool up = net_wrapper_link(net);
	struct hyp_net_frame *frame;
	int saved = errno;

	pthread_mutex_lock(&impair->lock);
	for (frame = batch; frame; frame = frame->next) {
		frame->status = net_check(&net->info, frame);
		if (!frame->status && !up)
			frame->status = -HYP_ESHUTDOWN;
		if (!frame->status)
			accept_frame(impair, OUT, queue, frame);
	}
	pthread_mutex_unlock(&impair->lock);
	/* The copy goes on: this is the order of completion, too. */
	net_sent(&impair->base.device, queue, batch);
	errno = saved;
}

static uint32_t device_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room)
{
	struct impair *impair = (struct impair *)net;

	return net_inbox_receive(&impair->inbox[queue], &impair->base.device, room);
}

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct impair *impair = (const struct impair *)net;
	char below[512];

	impair->base.lower->ops->describe(impair->base.lower, below, sizeof(below));
	return snprintf(buf, size, "impaired by seed %llu on %s", (unsigned long long)impair->seed, below);
}

static void impair_free(struct impair *impair)
{
	unsigned int i;

	for (i = 0; i < NET_MAX_QUEUES; i++)
		net_inbox_destroy(&impair->inbox[i]);
	pthread_cond_destroy(&impair->work);
	pthread_cond_destroy(&impair->idle);
	pthread_mutex_destroy(&impair->lock);
	net_wrapper_close(&impair->base.device.net);
}

static void impair_close(struct hyp_net *net)
{
	struct impair *impair = (struct impair *)net;

	pthread_mutex_lock(&impair->lock);
	impair->stop = true;
	pthread_cond_signal(&impair->work);
	pthread_mutex_unlock(&impair->lock);
	pthread_join(impair->thread, NULL);
	impair_free(impair);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "impair",
	.attach = attach,
	.detach = detach,
	.send = device_send,
	.receive = device_receive,
	.link = net_wrapper_link,
	.stats = net_stats,
	.describe = describe,
	.close = impair_close,
};

/* "5", "0.5": percent, kept in thousandths */
static int read_chance(struct io_spec *spec, const char *key, uint64_t *parts)
{
	const char *text = io_option(spec, key);
	double percent;
	char *end;

	if (!text)
		return 0;
	percent = strtod(text, &end);
	if (end == text || *end || !(percent >= 0 && percent <= 100))
		return io_fail(spec, -HYP_EINVAL, "impair: %s=%s: give percent from 0 to 100, as in %s=0.5", key, text,
			       key);
	*parts = (uint64_t)(percent * 1000 + 0.5);
	return 0;
}

static int read_options(struct io_spec *spec, struct impair *impair)
{
	const struct {
		const char *key;
		uint64_t *parts;
	} chances[] = {
		{ "loss", &impair->loss },
		{ "dup", &impair->duplicate },
		{ "reorder", &impair->reorder },
	};
	uint64_t delay = 0, jitter = 0, hold = 2000;
	unsigned int i;
	int error = io_option_number(spec, "seed", 0, UINT64_MAX, &impair->seed);

	for (i = 0; i < sizeof(chances) / sizeof(chances[0]) && !error; i++)
		error = read_chance(spec, chances[i].key, chances[i].parts);
	if (!error)
		error = io_option_number(spec, "delay", 0, 60000000, &delay);
	if (!error)
		error = io_option_number(spec, "jitter", 0, 60000000, &jitter);
	if (!error)
		error = io_option_number(spec, "hold", 1, 60000000, &hold);
	if (!error)
		error = io_option_number(spec, "rate", 1000, UINT64_C(1000000000000), &impair->rate);
	impair->delay = delay * NS_PER_US;
	impair->jitter = jitter * NS_PER_US;
	impair->hold = hold * NS_PER_US;
	return error;
}

static int impair_open(struct io_spec *spec, struct hyp_net **net)
{
	struct net_wrapper *wrapper;
	struct impair *impair;
	pthread_condattr_t attr;
	unsigned int i;
	int error = net_wrapper_open(spec, sizeof(*impair), &ops, &wrapper);

	if (error)
		return error;
	impair = (struct impair *)wrapper;
	for (i = 0; i < NET_MAX_QUEUES; i++)
		net_inbox_init(&impair->inbox[i]);
	pthread_mutex_init(&impair->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&impair->work, &attr);
	pthread_cond_init(&impair->idle, &attr);
	pthread_condattr_destroy(&attr);
	error = read_options(spec, impair);
	if (!error) {
		error = io_thread_create(&impair->thread, "rumpus-impair", impair_main, impair);
		if (error)
			io_threads_refused(spec, error, "impair");
	}
	if (error) {
		impair_free(impair);
		return error;
	}
	*net = &wrapper->device.net;
	return 0;
}

static const char *const keys[] = { "seed", "loss", "dup", "reorder", "hold", "delay", "jitter", "rate", NULL };

extern const struct net_backend net_backend_impair;
const struct net_backend net_backend_impair = {
	.about = { .name = "impair", .keys = keys, .help = "impair,seed=N,loss=PERCENT:SPEC" },
	.open = impair_open,
};
