// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpuser_bio(): transfers of a rump kernel, over the family blk.
 *
 * A transfer that the backend ends within submit() is reported by rumpuser_bio() itself, on the caller's virtual CPU.
 * All others are reported by one thread of ours, which takes a virtual CPU once for as many as have ended. Backends'
 * upcalls only push to its list and wake it. What does not fit a device (parts of its blocks, memory it cannot
 * reach, more than it takes at once) is done by that thread, too, in the steps of transfer.c, which it waits for.
 *
 * A transfer that finds all requests of its device in use is queued and begins when one is free again. The caller does
 * not wait: it may be a callback, on the very thread that has to report what the others wait for. Where there is no
 * memory to queue it, such a callback hears ENOMEM; anybody else waits.
 */
#include <string.h>

#include "disk.h"

static struct {
	struct ru_lock lock; /* over starting */
	_Atomic bool running;
	struct ru_bio *_Atomic ended; /* newest first */
	_Atomic uint32_t turn;	      /* changes when something is added to an empty list */
	void *bounce;		      /* the thread's */
	struct ru_self *_Atomic self; /* the thread */
} worker;

static void worker_add(struct ru_bio *bio)
{
	struct ru_bio *head = atomic_load_explicit(&worker.ended, memory_order_relaxed);

	do
		bio->next = head;
	while (!atomic_compare_exchange_weak_explicit(&worker.ended, &head, bio, memory_order_release,
						      memory_order_relaxed));
	if (!head) {
		atomic_fetch_add(&worker.turn, 1);
		ru_wake(&worker.turn, 1);
	}
}

/* Upcall of a backend, on any thread */
static void complete(void *cookie, struct hyp_blk_req *done)
{
	struct ru_self *self = ru_self();
	struct ru_bio *bio;

	while (done) {
		bio = (struct ru_bio *)done;
		done = done->next;
		if (!bio->fn) {
			/* Once it has ended it may be gone; the host does not look at the word to wake. */
			atomic_store_explicit(&bio->ended, 1, memory_order_release);
			ru_wake(&bio->ended, 1);
		} else if (self->collect) {
			bio->next = self->ended;
			self->ended = bio;
		} else {
			worker_add(bio);
		}
	}
}

static struct ru_bio *bio_try(struct ru_disk *disk)
{
	struct ru_bio *bio;

	ru_lock_take(&disk->lock);
	bio = disk->free;
	if (bio)
		disk->free = bio->next;
	ru_lock_release(&disk->lock);
	return bio;
}

static struct ru_bio *bio_wait(struct ru_disk *disk)
{
	struct ru_self *self = ru_self();
	struct ru_bio *bio;
	uint32_t turn;
	int count;

	/* Those that this thread was to report keep their places while it sleeps. */
	while ((bio = self->ended)) {
		self->ended = bio->next;
		worker_add(bio);
	}
	count = ru_unschedule(NULL);
	atomic_fetch_add(&disk->waiting, 1);
	for (;;) {
		turn = atomic_load(&disk->turn);
		bio = bio_try(disk);
		if (bio)
			break;
		ru_wait(&disk->turn, turn, HYP_FOREVER);
	}
	atomic_fetch_sub(&disk->waiting, 1);
	ru_schedule(count, NULL);
	return bio;
}

/* True when a request that has ended is through; false when another step has begun. No virtual CPU is needed. */
static bool advance(struct ru_bio *bio)
{
	if (bio->req.status || !bio->flush)
		return true;
	/* What has been written stays in @iov. */
	ru_bio_make_flush(bio);
	bio->disk->blk->ops->submit(bio->disk->blk, &bio->req);
	return false;
}

static void submit(struct ru_disk *disk, struct ru_bio *bio);

/* @wish: what rumpuser_bio() was asked for */
static void begin(struct ru_bio *bio, const struct ru_bio *wish)
{
	struct ru_disk *disk = bio->disk;

	ru_bio_fill(bio, disk, wish->op, wish->iov.base, wish->iov.len, wish->req.offset);
	bio->fn = wish->fn;
	bio->arg = wish->arg;
	if (ru_bio_fits(&disk->blk->info, bio->iov.base, bio->iov.len, bio->req.offset)) {
		submit(disk, bio);
	} else {
		bio->req.op = UINT16_MAX; /* the detour begins with @iov and @op */
		worker_add(bio);
	}
}

/* A free request after all, or NULL: then @queued waits for one. */
static struct ru_bio *bio_queue(struct ru_disk *disk, struct ru_bio *queued)
{
	struct ru_bio *bio;

	ru_lock_take(&disk->lock);
	bio = disk->free;
	if (bio) {
		disk->free = bio->next;
	} else {
		queued->next = NULL;
		*disk->queue_end = queued;
		disk->queue_end = &queued->next;
	}
	ru_lock_release(&disk->lock);
	return bio;
}

/*
 * A free request, or NULL when the transfer has been queued, or refused. Sleeps for one only where there is no memory
 * to queue it.
 */
static struct ru_bio *bio_get(struct ru_disk *disk, const struct ru_bio *wish)
{
	struct ru_bio *bio = bio_try(disk), *queued;

	if (bio)
		return bio;
	queued = ru_alloc(sizeof(*queued));
	if (!queued && ru_self() == atomic_load_explicit(&worker.self, memory_order_relaxed)) {
		wish->fn(wish->arg, 0, RU_ENOMEM);
		return NULL;
	}
	if (!queued)
		return bio_wait(disk);
	*queued = *wish;
	bio = bio_queue(disk, queued);
	if (bio)
		ru_free(queued, sizeof(*queued));
	return bio;
}

/* Begins the oldest of the queue with a request that has ended, or frees that. */
static void bio_put(struct ru_bio *bio)
{
	struct ru_disk *disk = bio->disk;
	struct ru_bio *queued;

	ru_lock_take(&disk->lock);
	queued = disk->queue;
	if (queued) {
		disk->queue = queued->next;
		if (!disk->queue)
			disk->queue_end = &disk->queue;
	} else {
		bio->next = disk->free;
		disk->free = bio;
	}
	ru_lock_release(&disk->lock);
	if (queued) {
		begin(bio, queued);
		ru_free(queued, sizeof(*queued));
	} else if (atomic_load(&disk->waiting)) {
		atomic_fetch_add(&disk->turn, 1);
		ru_wake(&disk->turn, 1);
	}
}

/* With a virtual CPU */
static void report(struct ru_bio *bio)
{
	int error = ru_error(bio->req.status);
	size_t done = error ? 0 : bio->iov.len;
	rump_biodone_fn fn = bio->fn;
	void *arg = bio->arg;

	bio_put(bio);
	fn(arg, done, error);
}

/* A transfer that does not fit its device; its status is set then. */
static void detour(struct ru_bio *bio)
{
	int error = ru_disk_steps(bio->disk, bio->op, bio->iov.base, bio->iov.len, bio->req.offset, worker.bounce);

	bio->req.status = error == RU_ENOSPC ? -HYP_ENOSPC : error ? -HYP_EIO : 0;
	bio->flush = false;
	bio->op = 0;
}

static struct ru_bio *oldest_first(struct ru_bio *list)
{
	struct ru_bio *turned = NULL, *next;

	for (; list; list = next) {
		next = list->next;
		list->next = turned;
		turned = list;
	}
	return turned;
}

/* Those of @list that can be reported, in the same order */
static struct ru_bio *advance_all(struct ru_bio *list)
{
	struct ru_bio *ready = NULL, **tail = &ready, *next;

	for (; list; list = next) {
		next = list->next;
		if (list->req.op == UINT16_MAX)
			detour(list);
		if (advance(list)) {
			*tail = list;
			tail = &list->next;
		}
	}
	*tail = NULL;
	return ready;
}

/*
 * Reports what ended within submit(), one by one: what the kernel begins meanwhile and ends at once is added to the
 * list, not reported inside its own call.
 */
static void report_collected(struct ru_self *self)
{
	struct ru_bio *bio;

	while ((bio = self->ended)) {
		self->ended = bio->next;
		if (advance(bio))
			report(bio);
	}
}

static void *worker_main(void *arg)
{
	struct ru_self *self = ru_self();
	struct ru_bio *list, *next;
	uint32_t turn;

	atomic_store_explicit(&worker.self, self, memory_order_relaxed);
	rumpuser_component_kthread();
	for (;;) {
		turn = atomic_load(&worker.turn);
		list = atomic_exchange_explicit(&worker.ended, NULL, memory_order_acquire);
		if (!list) {
			ru_wait(&worker.turn, turn, HYP_FOREVER);
			continue;
		}
		list = advance_all(oldest_first(list));
		if (!list)
			continue;
		ru_up.hyp_schedule();
		self->collect = true; /* what callbacks begin and ends at once comes after those that wait */
		for (; list; list = next) {
			next = list->next;
			report(list);
		}
		report_collected(self);
		self->collect = false;
		ru_up.hyp_unschedule();
	}
	return NULL;
}

int ru_bio_start(void)
{
	int error = 0;

	if (atomic_load_explicit(&worker.running, memory_order_acquire))
		return 0;
	ru_lock_take(&worker.lock);
	if (!atomic_load(&worker.running)) {
		if (!worker.bounce)
			worker.bounce = ru_bounce_make();
		error = worker.bounce ? rumpuser_thread_create(worker_main, NULL, "rumpuser-bio", 0, 0, -1, NULL)
				      : RU_ENOMEM;
		atomic_store_explicit(&worker.running, !error, memory_order_release);
	}
	ru_lock_release(&worker.lock);
	return error;
}

int ru_disk_setup(struct ru_disk *disk)
{
	uint32_t depth = disk->blk->info.queue_depth;
	unsigned int i;

	/* One is left for the steps of detours. */
	disk->count = depth > RU_DISK_BIOS ? RU_DISK_BIOS : depth > 1 ? depth - 1 : 1;
	disk->queue_end = &disk->queue;
	disk->bios = ru_alloc(disk->count * sizeof(*disk->bios));
	if (!disk->bios)
		return RU_ENOMEM;
	memset(disk->bios, 0, disk->count * sizeof(*disk->bios));
	for (i = 0; i < disk->count; i++) {
		disk->bios[i].disk = disk;
		disk->bios[i].next = disk->free;
		disk->free = &disk->bios[i];
	}
	if (disk->blk->ops->attach(disk->blk, complete, disk)) {
		ru_free(disk->bios, disk->count * sizeof(*disk->bios));
		return RU_EBUSY;
	}
	return 0;
}

void ru_disk_teardown(struct ru_disk *disk)
{
	disk->blk->ops->detach(disk->blk);
	ru_free(disk->bios, disk->count * sizeof(*disk->bios));
}

static void submit(struct ru_disk *disk, struct ru_bio *bio)
{
	struct ru_self *self = ru_self();
	bool nested = self->collect;

	self->collect = true;
	disk->blk->ops->submit(disk->blk, &bio->req);
	if (nested)
		return;
	report_collected(self);
	self->collect = false;
}

/* What a transfer has wrong with it: NetBSD errno; *@size is cut at the end of the device */
static int check(const struct ru_disk_file *file, int op, int64_t offset, size_t *size)
{
	uint64_t end;

	if (!file)
		return RU_EBADF;
	if (offset < 0 || !(op & RUMPUSER_BIO_READ) == !(op & RUMPUSER_BIO_WRITE))
		return RU_EINVAL;
	if (op & RUMPUSER_BIO_WRITE && !file->writable)
		return RU_EBADF;
	end = file->disk->blk->info.size;
	if ((uint64_t)offset > end || *size > end - (uint64_t)offset) {
		/* As a file: what is behind the end cannot be written, and reads as nothing. */
		if (op & RUMPUSER_BIO_WRITE)
			return RU_ENOSPC;
		*size = (uint64_t)offset > end ? 0 : end - (uint64_t)offset;
	}
	return 0;
}

void rumpuser_bio(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn biodone, void *arg)
{
	struct ru_disk_file *file = ru_disk_file(fd);
	int error = check(file, op, offset, &size);
	struct ru_bio *bio, wish;

	if (error || !size) {
		biodone(arg, 0, error);
		return;
	}
	wish = (struct ru_bio){ .op = op, .iov = { data, size }, .fn = biodone, .arg = arg };
	wish.req.offset = (uint64_t)offset;
	bio = bio_get(file->disk, &wish);
	if (bio)
		begin(bio, &wish);
}
