// SPDX-License-Identifier: BSD-2-Clause
/* What every block device has to do, run over every backend, every wrapper and stacks of them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

#define MIB (UINT64_C(1) << 20)
#define IMAGE_SIZE (8 * MIB)
#define IMAGE_SEED 42
#define THREADS 3
#define LARGEST (256U << 10)

/**
 * struct subject - a device to test
 * @spec:    its specification; %s is the image
 * @pattern: it begins with the image's contents from @start on; else with zeroes
 * @start:   offset in the image
 * @size:    of the device
 * @result:  the image shows at the end what was written; else it is as it was
 * @device:  %s is a loop device on the image instead
 */
struct subject {
	const char *spec;
	bool pattern;
	uint64_t start;
	uint64_t size;
	bool result;
	bool device;
};

static const struct subject subjects[] = {
	{ "mem,size=8M:", .size = IMAGE_SIZE },
	{ "mem,size=8M,block=4096:", .size = IMAGE_SIZE },
	{ "file,engine=uring:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "file,engine=threads:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "file,engine=uring,direct=1:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "file,engine=threads,direct=1:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "file,engine=uring,block=4096:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "file,engine=threads,block=16k:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "cow:file,block=4096:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "file,engine=uring:%s", .pattern = true, .size = IMAGE_SIZE, .result = true, .device = true },
	{ "file,engine=threads:%s", .pattern = true, .size = IMAGE_SIZE, .result = true, .device = true },
	{ "file,engine=uring,direct=1:%s", .pattern = true, .size = IMAGE_SIZE, .result = true, .device = true },
	{ "window,offset=1M,size=6M:file:%s", .pattern = true, .start = MIB, .size = 6 * MIB, .result = true },
	{ "window,offset=512:file:%s", .pattern = true, .start = 512, .size = IMAGE_SIZE - 512, .result = true },
	{ "window,offset=1M,size=6M:mem,size=8M:", .size = 6 * MIB },
	{ "ro:file:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "ro:file,engine=threads:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "ro:mem,size=8M:", .size = IMAGE_SIZE },
	{ "cow:file:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "cow,scratch=file:file,engine=threads:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "cow,scratch=file:file,direct=1:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "cow:mem,size=8M:", .size = IMAGE_SIZE },
	{ "fault:file:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "fault:mem,size=8M:", .size = IMAGE_SIZE },
	{ "fault,cut=1000000:file:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "fault,cut=1000000:file,direct=1:%s", .pattern = true, .size = IMAGE_SIZE, .result = true },
	{ "window,offset=1M:cow:window,offset=1M:file:%s", .pattern = true, .start = 2 * MIB,
	  .size = IMAGE_SIZE - 2 * MIB },
	{ "cow:cow,scratch=file:ro:file:%s", .pattern = true, .size = IMAGE_SIZE },
	{ "fault,cut=1000000:window,size=4M:fault:file:%s", .pattern = true, .size = 4 * MIB, .result = true },
	{ "cow:fault,cut=1000000:file:%s", .pattern = true, .size = 0 /* read-only below: must be refused */ },
};

/* The device as it should be: contents, and blocks that a discard has made unknown */
static struct model {
	unsigned char *bytes;
	bool *unknown;
} model;

static bool writable(const struct hyp_blk *disk)
{
	return !(disk->info.caps & HYP_BLK_CAP_READ_ONLY);
}

/* Does memory show what the model has from an offset on? */
static bool as_model(const struct hyp_blk *disk, const unsigned char *memory, uint64_t offset, uint64_t length)
{
	uint32_t block = disk->info.logical_block;
	uint64_t at;

	for (at = 0; at < length; at += block)
		if (!model.unknown[(offset + at) / block] && memcmp(memory + at, model.bytes + offset + at, block))
			return false;
	return true;
}

static bool disk_as_model(struct user *user)
{
	unsigned char *memory = disk_memory(MIB);
	uint64_t offset, size = user->disk->info.size;
	bool same = true;

	for (offset = 0; offset < size && same; offset += MIB) {
		uint64_t length = size - offset < MIB ? size - offset : MIB;

		same = !user_run(user, HYP_BLK_READ, offset, length, memory, 0) &&
		       as_model(user->disk, memory, offset, length);
	}
	free(memory);
	return same;
}

static void model_make(const struct subject *subject)
{
	unsigned char *image = disk_memory(IMAGE_SIZE);

	model.bytes = disk_memory(subject->size);
	model.unknown = calloc(subject->size / 512, sizeof(*model.unknown));
	fill_pattern(image, IMAGE_SIZE, IMAGE_SEED);
	if (subject->pattern)
		memcpy(model.bytes, image + subject->start, subject->size);
	free(image);
}

static void check_info(const struct subject *subject, const struct hyp_blk *disk, const char *spec)
{
	const struct hyp_blk_info *info = &disk->info;
	char line[512];
	int length = disk->ops->describe(disk, line, sizeof(line));

	tap_ok(disk->ops->version == HYP_BLK_VERSION && disk->ops->size == sizeof(struct hyp_blk_ops), "%s: version",
	       spec);
	tap_is((long long)info->size, (long long)subject->size, "%s: size", spec);
	tap_ok(info->logical_block >= 512 && !(info->logical_block & (info->logical_block - 1)) &&
		       info->physical_block >= info->logical_block && !(info->size % info->logical_block),
	       "%s: blocks %u and %u", spec, info->logical_block, info->physical_block);
	tap_ok(info->queue_depth >= 8 && info->max_iov >= 16 && info->max_length >= LARGEST && info->mem_align &&
		       !(info->mem_align & (info->mem_align - 1)),
	       "%s: limits", spec);
	tap_ok(!!(info->caps & HYP_BLK_CAP_DISCARD) == !!info->discard_granularity &&
		       (writable(disk) ||
			!(info->caps & (HYP_BLK_CAP_DISCARD | HYP_BLK_CAP_WRITE_ZEROES | HYP_BLK_CAP_FUA))),
	       "%s: capabilities 0x%x are coherent", spec, info->caps);
	tap_ok(length == (int)strlen(line) && length, "%s: described as \"%s\"", spec, line);
}

static void check_user(struct user *user, const char *spec)
{
	tap_is(user->disk->ops->attach(user->disk, NULL, NULL), -HYP_EBUSY, "%s: a second user is refused", spec);
}

/* Requests that break the rules, each with its answer */
static void check_rules(struct user *user, const char *spec)
{
	const struct hyp_blk_info *info = &user->disk->info;
	uint32_t block = info->logical_block;
	void *memory = disk_memory(2 * block);
	int change = writable(user->disk) ? 0 : -HYP_EROFS;
	struct io io;

	tap_is(user_run(user, HYP_BLK_READ, block / 2, block, memory, 0), -HYP_EINVAL, "%s: unaligned offset", spec);
	tap_is(user_run(user, HYP_BLK_READ, 0, block / 2, memory, 0), -HYP_EINVAL, "%s: unaligned length", spec);
	tap_is(user_run(user, HYP_BLK_READ, 0, 0, memory, 0), -HYP_EINVAL, "%s: no length", spec);
	tap_is(user_run(user, HYP_BLK_READ, 0, block, NULL, 0), -HYP_EINVAL, "%s: no memory", spec);
	tap_is(user_run(user, 77, 0, block, memory, 0), -HYP_EINVAL, "%s: unknown operation", spec);
	tap_is(user_run(user, HYP_BLK_READ, 0, block, memory, 0x4000), -HYP_EINVAL, "%s: unknown flag", spec);
	tap_is(user_run(user, HYP_BLK_READ, info->size, block, memory, 0), -HYP_EIO, "%s: read at the end", spec);
	tap_is(user_run(user, HYP_BLK_READ, info->size - block, 2 * block, memory, 0), -HYP_EIO,
	       "%s: read over the end", spec);
	tap_is(user_run(user, HYP_BLK_READ, UINT64_MAX - block + 1, block, memory, 0), -HYP_EIO,
	       "%s: read at the end of numbers", spec);
	tap_is(user_run(user, HYP_BLK_WRITE, info->size, block, memory, 0), change ? change : -HYP_EIO,
	       "%s: write at the end", spec);
	io_prepare(&io, HYP_BLK_READ, 0, block, memory, 0);
	io.iov[0].len = block * 2;
	user_submit(user, &io);
	tap_ok(user_wait(user, 0) && io.req.status == -HYP_EINVAL, "%s: pieces and length differ", spec);
	if (info->mem_align > 1)
		tap_is(user_run(user, HYP_BLK_READ, 0, block, (char *)memory + 1, 0), -HYP_EINVAL,
		       "%s: unaligned memory", spec);
	if (change) {
		tap_is(user_run(user, HYP_BLK_WRITE, 0, block, memory, 0), change, "%s: write", spec);
		tap_is(user_run(user, HYP_BLK_DISCARD, 0, block, NULL, 0), change, "%s: discard", spec);
		tap_is(user_run(user, HYP_BLK_WRITE_ZEROES, 0, block, NULL, 0), change, "%s: write-zeroes", spec);
	} else {
		if (!(info->caps & HYP_BLK_CAP_FUA))
			tap_is(user_run(user, HYP_BLK_WRITE, 0, block, memory, HYP_BLK_FUA), -HYP_EOPNOTSUPP,
			       "%s: FUA is not claimed and not served", spec);
		if (!(info->caps & HYP_BLK_CAP_DISCARD))
			tap_is(user_run(user, HYP_BLK_DISCARD, 0, block, NULL, 0), -HYP_EOPNOTSUPP,
			       "%s: discard is not claimed and not served", spec);
	}
	tap_is(user_run(user, HYP_BLK_FLUSH, 0, 0, NULL, 0), 0, "%s: flush", spec);
	free(memory);
}

static void check_writes(struct user *user, const char *spec)
{
	const struct hyp_blk_info *info = &user->disk->info;
	uint64_t granule = info->discard_granularity > 65536 ? info->discard_granularity : 65536;
	void *memory = disk_memory(3 * granule);

	fill_pattern(memory, 3 * granule, 7);
	tap_ok(!user_run(user, HYP_BLK_WRITE, granule, 3 * granule, memory, 0), "%s: write", spec);
	memcpy(model.bytes + granule, memory, 3 * granule);
	tap_ok(disk_as_model(user), "%s: read what was written, and the rest as before", spec);
	if (info->caps & HYP_BLK_CAP_FUA) {
		tap_is(user_run(user, HYP_BLK_WRITE, 0, granule, memory, HYP_BLK_FUA), 0, "%s: FUA write", spec);
		memcpy(model.bytes, memory, granule);
	}
	if (info->caps & HYP_BLK_CAP_WRITE_ZEROES) {
		tap_is(user_run(user, HYP_BLK_WRITE_ZEROES, granule + info->logical_block,
				granule - info->logical_block, NULL, 0),
		       0, "%s: write-zeroes", spec);
		tap_is(user_run(user, HYP_BLK_WRITE_ZEROES, 2 * granule, info->logical_block, NULL, HYP_BLK_NO_UNMAP),
		       0, "%s: write-zeroes that keeps the storage", spec);
		memset(model.bytes + granule + info->logical_block, 0, granule);
	}
	if (info->caps & HYP_BLK_CAP_DISCARD) {
		tap_is(user_run(user, HYP_BLK_DISCARD, 3 * granule, granule, NULL, 0), 0, "%s: discard", spec);
		memset(model.unknown + 3 * granule / info->logical_block, 1, granule / info->logical_block);
	}
	tap_ok(disk_as_model(user), "%s: as the model afterwards", spec);
	free(memory);
}

/**
 * struct stress - one of several threads that use a device at once
 * @user:  whose requests they are
 * @start, @end: its own part of the disk
 * @seed:  of its requests
 * @slots: its requests, at most @depth under way
 * @wrong: reads that showed something else, and failed requests
 */
struct stress {
	struct user *user;
	uint64_t start, end;
	uint64_t seed;
	unsigned int depth;
	struct slot {
		struct io io;
		unsigned char *memory;
		uint64_t start, end; /* of @io, which is the device's while it is under way */
		bool busy;
	} * slots;
	unsigned int wrong;
};

static bool overlaps(const struct stress *stress, uint64_t offset, uint64_t length)
{
	unsigned int i;

	for (i = 0; i < stress->depth; i++) {
		const struct slot *slot = &stress->slots[i];

		if (slot->busy && offset < slot->end && slot->start < offset + length)
			return true;
	}
	return false;
}

static uint16_t choose_op(const struct hyp_blk_info *info, uint64_t dice)
{
	if (info->caps & HYP_BLK_CAP_READ_ONLY)
		return dice % 16 ? HYP_BLK_READ : HYP_BLK_FLUSH;
	switch (dice % 16) {
	case 0:
		return HYP_BLK_FLUSH;
	case 1:
		return info->caps & HYP_BLK_CAP_DISCARD ? HYP_BLK_DISCARD : HYP_BLK_READ;
	case 2:
		return info->caps & HYP_BLK_CAP_WRITE_ZEROES ? HYP_BLK_WRITE_ZEROES : HYP_BLK_WRITE;
	case 3 ... 8:
		return HYP_BLK_WRITE;
	default:
		return HYP_BLK_READ;
	}
}

/* Cut memory in up to 16 pieces of odd lengths */
static void cut(struct io *io, unsigned char *memory, uint32_t align, uint64_t *seed)
{
	uint64_t left = io->req.length, len;

	io->req.iovcnt = 0;
	while (left) {
		len = io->req.iovcnt == 15 ? left : (test_random(seed) % left + align) & ~(uint64_t)(align - 1);
		len = len < left ? len : left;
		io->iov[io->req.iovcnt].base = memory;
		io->iov[io->req.iovcnt++].len = len;
		memory += len;
		left -= len;
	}
	io->req.iov = io->iov;
}

static void slot_prepare(struct stress *stress, struct slot *slot)
{
	const struct hyp_blk_info *info = &stress->user->disk->info;
	uint64_t blocks = (stress->end - stress->start) / info->logical_block, dice = test_random(&stress->seed);
	uint64_t most = LARGEST / info->logical_block, offset, length;
	uint16_t op = choose_op(info, dice), flags = 0;

	length = (test_random(&stress->seed) % (dice & 256 ? most : 8) + 1) * info->logical_block;
	offset = stress->start + test_random(&stress->seed) % blocks * info->logical_block;
	if (op == HYP_BLK_FLUSH || offset + length > stress->end || overlaps(stress, offset, length)) {
		op = HYP_BLK_FLUSH;
		offset = length = 0;
	}
	if ((op == HYP_BLK_WRITE || op == HYP_BLK_WRITE_ZEROES) && info->caps & HYP_BLK_CAP_FUA && !(dice >> 10 & 31))
		flags = HYP_BLK_FUA;
	io_prepare(&slot->io, op, offset, length, NULL, flags);
	slot->start = offset;
	slot->end = offset + length;
	slot->busy = true;
	if (op == HYP_BLK_WRITE)
		fill_pattern(slot->memory, length, dice);
	if (op == HYP_BLK_READ || op == HYP_BLK_WRITE)
		cut(&slot->io, slot->memory, info->mem_align, &stress->seed);
}

/* Bring the model up to what a request that has ended did, or compare */
static void slot_end(struct stress *stress, struct slot *slot)
{
	const struct hyp_blk_req *req = &slot->io.req;
	uint32_t block = stress->user->disk->info.logical_block;

	slot->busy = false;
	stress->wrong += req->status != 0;
	switch (req->op) {
	case HYP_BLK_READ:
		stress->wrong += !as_model(stress->user->disk, slot->memory, req->offset, req->length);
		return;
	case HYP_BLK_WRITE:
		memcpy(model.bytes + req->offset, slot->memory, req->length);
		break;
	case HYP_BLK_WRITE_ZEROES:
		memset(model.bytes + req->offset, 0, req->length);
		break;
	case HYP_BLK_FLUSH:
		return;
	}
	memset(model.unknown + req->offset / block, req->op == HYP_BLK_DISCARD, req->length / block);
}

static void collect(struct stress *stress)
{
	unsigned int i;

	for (i = 0; i < stress->depth; i++)
		if (stress->slots[i].busy && io_ended(stress->user, &stress->slots[i].io))
			slot_end(stress, &stress->slots[i]);
}

static void *stress_main(void *arg)
{
	struct stress *stress = arg;
	unsigned int round, i;

	for (round = 0; round < 120; round++) {
		struct io *batch = NULL;
		unsigned int size = test_random(&stress->seed) % 8 + 1;

		for (i = 0; i < stress->depth && size; i++) {
			struct slot *slot = &stress->slots[i];

			if (slot->busy)
				continue;
			slot_prepare(stress, slot);
			slot->io.req.next = batch ? &batch->req : NULL;
			batch = &slot->io;
			size--;
		}
		if (batch)
			user_submit(stress->user, batch);
		else if (!user_wait(stress->user, stress->depth / 2))
			stress->wrong++;
		if (stress->user->disk->ops->poll)
			stress->user->disk->ops->poll(stress->user->disk);
		collect(stress);
	}
	return NULL;
}

static void check_stress(struct user *user, const char *spec)
{
	const struct hyp_blk_info *info = &user->disk->info;
	uint64_t part = info->size / THREADS & ~(uint64_t)(info->logical_block - 1);
	unsigned int depth = info->queue_depth / THREADS, wrong = 0, i, j;
	struct stress stress[THREADS];
	pthread_t threads[THREADS];

	depth = depth < 24 ? depth : 24;
	for (i = 0; i < THREADS; i++) {
		stress[i] = (struct stress){ .user = user, .start = i * part, .end = (i + 1) * part, .depth = depth };
		stress[i].seed = 1000 + i;
		stress[i].slots = calloc(depth, sizeof(struct slot));
		for (j = 0; j < depth; j++)
			stress[i].slots[j].memory = disk_memory(LARGEST);
		pthread_create(&threads[i], NULL, stress_main, &stress[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	tap_ok(user_wait(user, 0), "%s: all requests complete", spec);
	for (i = 0; i < THREADS; i++) {
		collect(&stress[i]);
		wrong += stress[i].wrong;
		for (j = 0; j < depth; j++)
			free(stress[i].slots[j].memory);
		free(stress[i].slots);
	}
	tap_is(wrong, 0, "%s: mixed requests of %u threads", spec, THREADS);
	tap_is(user->strays, 0, "%s: every request completes once", spec);
	tap_ok(disk_as_model(user), "%s: as the model after mixed requests", spec);
}

/* As many requests at once as promised, the last completion racing with detach() */
static void check_full_queue(struct user *user, const char *spec)
{
	const struct hyp_blk_info *info = &user->disk->info;
	struct io *ios = calloc(info->queue_depth, sizeof(*ios));
	unsigned char *memory = disk_memory((size_t)info->queue_depth * info->logical_block);
	unsigned int i, wrong = 0, step = info->logical_block > 4096 ? info->logical_block : 4096;

	for (i = 0; i < info->queue_depth; i++) {
		uint64_t offset = (uint64_t)i * step % info->size;

		io_prepare(&ios[i], HYP_BLK_READ, offset, info->logical_block, memory + (size_t)i * info->logical_block,
			   0);
		ios[i].req.next = i + 1 < info->queue_depth ? &ios[i + 1].req : NULL;
	}
	user_submit(user, ios);
	tap_ok(user_wait(user, 0), "%s: a full queue of %u completes", spec, info->queue_depth);
	user->disk->ops->detach(user->disk);
	for (i = 0; i < info->queue_depth; i++)
		wrong += ios[i].req.status || !as_model(user->disk, memory + (size_t)i * info->logical_block,
							ios[i].req.offset, info->logical_block);
	tap_is(wrong, 0, "%s: and each is right after detaching", spec);
	user_attach(user, user->disk);
	free(memory);
	free(ios);
}

static void check_image(const struct subject *subject, const char *image, const char *spec)
{
	unsigned char *now = disk_memory(IMAGE_SIZE), *before = disk_memory(IMAGE_SIZE);
	uint64_t at;
	bool same = true;

	image_read(image, now, IMAGE_SIZE);
	fill_pattern(before, IMAGE_SIZE, IMAGE_SEED);
	if (subject->result)
		for (at = 0; at < subject->size; at += 512)
			memcpy(before + subject->start + at,
			       model.unknown[at / 512] ? now + subject->start + at : model.bytes + at, 512);
	same = !memcmp(now, before, IMAGE_SIZE);
	tap_ok(same, "%s: the image shows %s", spec,
	       subject->result ? "what was written and nothing else" : "no change");
	free(now);
	free(before);
}

/* The model counts in blocks of the device; the image is compared in sectors */
static void spread_unknown(const struct subject *subject, uint32_t block)
{
	bool *spread = calloc(subject->size / 512, sizeof(*spread));
	uint64_t i;

	for (i = 0; i < subject->size / 512; i++)
		spread[i] = model.unknown[i * 512 / block];
	free(model.unknown);
	model.unknown = spread;
}

/* The last @size bytes of what the device shows of the image */
static void read_tail(const struct subject *subject, const char *image, unsigned char *memory, uint32_t size)
{
	unsigned char *all = disk_memory(IMAGE_SIZE);

	image_read(image, all, IMAGE_SIZE);
	memcpy(memory, all + subject->start + subject->size - size, size);
	free(all);
}

/* Who has claimed a part changes nothing else of what is behind */
static void check_claim(const struct subject *subject, const char *spec, const char *image)
{
	unsigned char *block = disk_memory(65536), *before = disk_memory(65536), *after = disk_memory(65536);
	uint64_t half;
	char error[256] = "";
	struct user user;
	uint32_t size;
	int changed;

	user_open(&user, spec, HYP_BLK_OPEN_PART);
	size = user.disk->info.logical_block;
	half = subject->size / 2 & ~(uint64_t)(size - 1);
	if (!user.disk->ops->claim) {
		tap_ok(!subject->pattern, "%s: nobody else is at it", spec);
		goto close;
	}
	read_tail(subject, image, before, size);
	fill_pattern(block, size, 99);
	tap_ok(user.disk->ops->claim(user.disk, half, subject->size, error, sizeof(error)) == -HYP_EINVAL && *error,
	       "%s: a claim beyond the end: \"%s\"", spec, error);
	tap_is(user.disk->ops->claim(user.disk, 0, half, NULL, 0), 0, "%s: a claim of one half", spec);
	tap_is(user_run(&user, HYP_BLK_WRITE, half - size, size, block, 0), writable(user.disk) ? 0 : -HYP_EROFS,
	       "%s: what is claimed can be written", spec);
	changed = user_run(&user, HYP_BLK_WRITE, subject->size - size, size, block, 0);
	changed = changed ? changed : user_run(&user, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	tap_ok(!subject->result || changed, "%s: what is not, cannot: status %d", spec, changed);
	tap_is(user_run(&user, HYP_BLK_READ, 0, size, block, 0), 0, "%s: it can be read", spec);
close:
	user_close(&user);
	if (subject->pattern) {
		read_tail(subject, image, after, size);
		tap_ok(!memcmp(before, after, size), "%s: and is as it was", spec);
	}
	free(block);
	free(before);
	free(after);
}

static void check_subject(const struct subject *subject, const char *spec, const char *image)
{
	struct hyp_blk *disk;
	struct user user;
	char error[512];
	uint32_t block;

	if (!subject->size) {
		tap_ok(hyp_blk_open(spec, 0, &disk, error, sizeof(error)) == -HYP_EROFS, "%s: refused: %s", spec,
		       error);
		return;
	}
	model_make(subject);
	user_open(&user, spec, 0);
	check_info(subject, user.disk, spec);
	check_user(&user, spec);
	tap_ok(disk_as_model(&user), "%s: first contents", spec);
	check_rules(&user, spec);
	if (writable(user.disk) && !(user.disk->info.caps & HYP_BLK_CAP_READ_ONLY))
		check_writes(&user, spec);
	check_stress(&user, spec);
	check_full_queue(&user, spec);
	block = user.disk->info.logical_block;
	user_close(&user);
	spread_unknown(subject, block);
	if (subject->pattern)
		check_image(subject, image, spec);
	free(model.bytes);
	free(model.unknown);
	check_claim(subject, spec, image);
}

/* Attach the image to a loop device of the host; needs privilege. Return: its path, or NULL */
static const char *loop_attach(const char *image)
{
	static char device[64];
	char command[512];
	FILE *stream;
	bool made;

	if (geteuid())
		return NULL;
	snprintf(command, sizeof(command), "losetup -f --show %s 2>/dev/null", image);
	stream = popen(command, "re");
	made = stream && fgets(device, sizeof(device), stream);
	if (stream)
		pclose(stream);
	device[strcspn(device, "\n")] = 0;
	return made && *device == '/' ? device : NULL;
}

static void loop_detach(const char *device)
{
	char command[512];

	snprintf(command, sizeof(command), "losetup -d %s", device);
	if (system(command))
		tap_note("losetup -d %s failed", device);
}

int main(void)
{
	char image[300], spec[600];
	unsigned int i;

	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct subject *subject = &subjects[i];
		const char *target = image;

		image_make(image, IMAGE_SIZE, IMAGE_SEED);
		if (spec_obstacle(subject->spec, image)) {
			tap_skip(1, "%s: %s", subject->spec, spec_obstacle(subject->spec, image));
			continue;
		}
		if (subject->device)
			target = loop_attach(image);
		if (!target) {
			tap_skip(1, "%s: no loop device without privilege", subject->spec);
			continue;
		}
		snprintf(spec, sizeof(spec), subject->spec, target);
		check_subject(subject, spec, image);
		if (subject->device)
			loop_detach(target);
	}
	return tap_done();
}
