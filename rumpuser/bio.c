// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpuser_bio(): transfers of a rump kernel, over the family blk.
 *
 * A transfer that the backend ends within submit() is reported by rumpuser_bio() itself, on the caller's virtual CPU.
 * All others are reported by one thread of ours, which takes a virtual CPU once for as many as have ended. Backends'
 * upcalls only push to its list and wake it. What does not fit a device (parts of its blocks, memory it cannot
 * reach, more than it takes at once) is done by that thread, too, in steps that it waits for.
 *
 * A transfer that finds all requests of its device in use is queued and begins when one is free again. The caller does
 * not wait: it may be a callback, on the very thread that has to report what the others wait for.
 */
#include <string.h>

#include "disk.h"

/* Bytes of memory for detours: alignment that any device is content with, and a reasonable piece */
#define BOUNCE_SIZE ((size_t)64 << 10)

static struct {
	struct ru_lock lock; /* over starting */
	_Atomic bool running;
	struct ru_bio *_Atomic ended; /* newest first */
	_Atomic uint32_t turn;	      /* changes when something is added to an empty list */
	void *bounce;		      /* the thread's */
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

static void bio_fill(struct ru_bio *bio, struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	bio->req = (struct hyp_blk_req){
		.offset = offset,
		.length = size,
		.iov = &bio->iov,
		.iovcnt = 1,
		.op = op & RUMPUSER_BIO_WRITE ? HYP_BLK_WRITE : HYP_BLK_READ,
	};
	bio->iov = (struct hyp_iovec){ .base = data, .len = size };
	bio->disk = disk;
	bio->op = op;
	/*
	 * Not FUA, which is about this write alone: a kernel sends data first, waits for them, and then writes what
	 * leads to them with BIO_SYNC. It flushes nothing besides, so this is the moment that its fsync(2) relies on.
	 */
	bio->flush = op & RUMPUSER_BIO_WRITE && op & RUMPUSER_BIO_SYNC && disk->blk->info.caps & HYP_BLK_CAP_FLUSH;
}

static void bio_make_flush(struct ru_bio *bio)
{
	bio->req = (struct hyp_blk_req){ .op = HYP_BLK_FLUSH };
	bio->flush = false;
}

static bool fits(const struct hyp_blk_info *info, const void *data, size_t size, uint64_t offset)
{
	return !((offset | size) & (info->logical_block - 1)) && !(((uintptr_t)data | size) & (info->mem_align - 1)) &&
	       size <= info->max_length;
}

/* One step that fits, and wait. */
static int step(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	struct ru_bio bio = { .disk = disk };

	if (op)
		bio_fill(&bio, disk, op, data, size, offset);
	else
		bio_make_flush(&bio);
	for (;;) {
		atomic_store(&bio.ended, 0);
		disk->blk->ops->submit(disk->blk, &bio.req);
		while (!atomic_load_explicit(&bio.ended, memory_order_acquire))
			ru_wait(&bio.ended, 0, HYP_FOREVER);
		if (bio.req.status || !bio.flush)
			return ru_error(bio.req.status);
		bio_make_flush(&bio);
	}
}

/* Some bytes by way of memory and blocks that the device likes. Return: 0 and how many in *@done, or an errno */
static int step_bounced(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset, void *bounce,
			size_t *done)
{
	uint64_t block = disk->blk->info.logical_block;
	uint64_t start = offset & ~(block - 1);
	size_t skip = offset - start;
	size_t length = (skip + size + block - 1) & ~(block - 1);
	int error;

	if (length > BOUNCE_SIZE)
		length = BOUNCE_SIZE;
	*done = length - skip < size ? length - skip : size;
	/* What is written in part is read first; all of it, for simplicity: this is the rare way. */
	error = step(disk, RUMPUSER_BIO_READ, bounce, length, start);
	if (error)
		return error;
	if (op & RUMPUSER_BIO_READ) {
		memcpy(data, (char *)bounce + skip, *done);
		return 0;
	}
	memcpy((char *)bounce + skip, data, *done);
	return step(disk, op, bounce, length, start);
}

static int transfer(struct ru_disk *disk, int op, char *data, size_t size, uint64_t offset, void *bounce)
{
	const struct hyp_blk_info *info = &disk->blk->info;
	size_t part;
	int error = 0;

	for (; size && !error; data += part, offset += part, size -= part) {
		part = size < info->max_length ? size : info->max_length;
		if (fits(info, data, part, offset))
			error = step(disk, op, data, part, offset);
		else
			error = step_bounced(disk, op, data, size, offset, bounce, &part);
	}
	return error;
}

static void *bounce_make(void)
{
	void *memory = NULL;

	return rumpuser_malloc(BOUNCE_SIZE, BOUNCE_SIZE, &memory) ? NULL : memory;
}

int ru_disk_transfer(struct ru_disk *disk, int op, void *data, size_t size, uint64_t offset)
{
	void *bounce = NULL;
	int error;

	if (!fits(&disk->blk->info, data, size, offset)) {
		bounce = bounce_make();
		if (!bounce)
			return RU_ENOMEM;
	}
	ru_lock_take(&disk->update);
	error = transfer(disk, op, data, size, offset, bounce);
	ru_lock_release(&disk->update);
	rumpuser_free(bounce, BOUNCE_SIZE);
	return error;
}

int ru_disk_flush(struct ru_disk *disk)
{
	return step(disk, 0, NULL, 0, 0);
}

/* True when a request that has ended is through; false when another step has begun. No virtual CPU is needed. */
static bool advance(struct ru_bio *bio)
{
	if (bio->req.status || !bio->flush)
		return true;
	/* What has been written stays in @iov. */
	bio_make_flush(bio);
	bio->disk->blk->ops->submit(bio->disk->blk, &bio->req);
	return false;
}

static void submit(struct ru_disk *disk, struct ru_bio *bio);

/* @wish: what rumpuser_bio() was asked for */
static void begin(struct ru_bio *bio, const struct ru_bio *wish)
{
	struct ru_disk *disk = bio->disk;

	bio_fill(bio, disk, wish->op, wish->iov.base, wish->iov.len, wish->req.offset);
	bio->fn = wish->fn;
	bio->arg = wish->arg;
	if (fits(&disk->blk->info, bio->iov.base, bio->iov.len, bio->req.offset)) {
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

/* A free request, or NULL when the transfer has been queued. Sleeps for one only where there is no memory to queue it.
 */
static struct ru_bio *bio_get(struct ru_disk *disk, const struct ru_bio *wish)
{
	struct ru_bio *bio = bio_try(disk), *queued;

	if (bio)
		return bio;
	queued = ru_alloc(sizeof(*queued));
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
	struct ru_disk *disk = bio->disk;
	int error;

	ru_lock_take(&disk->update);
	error = transfer(disk, bio->op, bio->iov.base, bio->iov.len, bio->req.offset, worker.bounce);
	ru_lock_release(&disk->update);
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
			worker.bounce = bounce_make();
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
