// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wrapper "cow": writes go to a scratch device, what is below is only read
 *
 * The scratch has the size of the lower device and the same offsets, and is sparse; a map with one bit for each logical
 * block says where the newest contents are. Nothing smaller is ever asked for, so that no block has to be completed by
 * reading. A bit is set when the write has reached the scratch, before it completes to the user: a read beside a write
 * sees what was there before or what is there afterwards.
 *
 * Requests that one side can serve go there as they are. Reads of both sides are served by a thread in pieces.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../thread.h"
#include "pool.h"

/* Pieces of one mixed read that are under way at a time */
#define WAVE 32U

/**
 * struct piece - a part of a mixed read; the thread's
 * @req: of one side
 * @iov: its memory
 */
struct piece {
	struct hyp_blk_req req;
	struct hyp_iovec *iov;
};

/**
 * struct cow - the wrapper
 * @base:    what it stands on
 * @scratch: where writes go
 * @kind:    of scratch, for describe()
 * @mapped:  a bit for each logical block: its contents are in the scratch
 * @claimed: a bit for each logical block: counted in @used
 * @map_size: bytes of either
 * @shift:   log2 of the logical block
 * @limit:   most bytes that may be written to the scratch
 * @used:    bytes of blocks that were
 * @pool:    the thread for mixed reads
 * @wave:    its pieces
 * @ended:   posted for each piece that has ended
 */
struct cow {
	struct blk_wrapper base;
	struct hyp_blk *scratch;
	char kind[96];
	_Atomic uint64_t *mapped;
	_Atomic uint64_t *claimed;
	size_t map_size;
	unsigned int shift;
	uint64_t limit;
	_Atomic uint64_t used;
	struct blk_pool *pool;
	struct piece wave[WAVE];
	sem_t ended;
};

/* The bits of word @bit / 64 that belong to blocks from @bit up to @end */
static uint64_t word_mask(uint64_t bit, uint64_t end)
{
	uint64_t first = bit & 63, count = end - bit < 64 - first ? end - bit : 64 - first;

	return (count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1) << first;
}

static uint64_t next_word(uint64_t bit)
{
	return (bit | 63) + 1;
}

/* Set bits. Return: how many were clear */
static uint64_t set_bits(_Atomic uint64_t *map, uint64_t bit, uint64_t end)
{
	uint64_t fresh = 0;

	for (; bit < end; bit = next_word(bit)) {
		uint64_t mask = word_mask(bit, end);

		fresh += (uint64_t)__builtin_popcountll(mask & ~atomic_fetch_or(&map[bit / 64], mask));
	}
	return fresh;
}

static uint64_t count_clear(_Atomic uint64_t *map, uint64_t bit, uint64_t end)
{
	uint64_t clear = 0;

	for (; bit < end; bit = next_word(bit))
		clear += (uint64_t)__builtin_popcountll(word_mask(bit, end) & ~atomic_load(&map[bit / 64]));
	return clear;
}

/* The end of the run of blocks that are all on the side of the first one; @mapped: on which */
static uint64_t run_end(_Atomic uint64_t *map, uint64_t bit, uint64_t end, bool *mapped)
{
	*mapped = atomic_load(&map[bit / 64]) >> (bit & 63) & 1;
	while (bit < end) {
		uint64_t word = atomic_load(&map[bit / 64]);
		uint64_t other = (*mapped ? ~word : word) & word_mask(bit, end);

		if (other)
			return (bit & ~UINT64_C(63)) + (uint64_t)__builtin_ctzll(other);
		bit = next_word(bit);
	}
	return end;
}

static uint64_t first_block(const struct cow *cow, const struct hyp_blk_req *req)
{
	return req->offset >> cow->shift;
}

static uint64_t end_block(const struct cow *cow, const struct hyp_blk_req *req)
{
	return (req->offset + req->length) >> cow->shift;
}

/* Count the blocks of a write that take space in the scratch for the first time */
static int claim(struct cow *cow, const struct hyp_blk_req *req)
{
	uint64_t first = first_block(cow, req), end = end_block(cow, req);
	uint64_t wanted = count_clear(cow->claimed, first, end) << cow->shift, used = atomic_load(&cow->used);

	if (!wanted)
		return 0;
	do {
		if (wanted > cow->limit - used)
			return -HYP_ENOSPC;
	} while (!atomic_compare_exchange_weak(&cow->used, &used, used + wanted));
	/* Another write may have claimed some of the same blocks since they were counted. */
	atomic_fetch_sub(&cow->used, wanted - (set_bits(cow->claimed, first, end) << cow->shift));
	return 0;
}

static bool takes_space(const struct hyp_blk_req *req)
{
	return req->op == HYP_BLK_WRITE || (req->op == HYP_BLK_WRITE_ZEROES && req->flags & HYP_BLK_NO_UNMAP);
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct cow *cow = (struct cow *)disk;
	struct blk_list done = { 0 }, lower = { 0 }, scratch = { 0 }, mixed = { 0 };
	struct hyp_blk_req *req, *next;

	for (req = batch; req; req = next) {
		int error = blk_check(&disk->info, req);
		bool mapped;

		next = req->next;
		if (!error && takes_space(req))
			error = claim(cow, req);
		if (error || req->op == HYP_BLK_FLUSH)
			blk_list_end(&done, req, error); /* nothing here outlives the device: nothing to flush */
		else if (req->op != HYP_BLK_READ)
			blk_list_add(&scratch, req);
		else if (run_end(cow->mapped, first_block(cow, req), end_block(cow, req), &mapped) <
			 end_block(cow, req))
			blk_list_add(&mixed, req);
		else
			blk_list_add(mapped ? &scratch : &lower, req);
	}
	blk_complete(&cow->base.device, done.head);
	blk_pool_submit(cow->pool, 0, &mixed);
	blk_forward(cow->base.lower, &lower);
	blk_forward(cow->scratch, &scratch);
}

static bool is_piece(const struct cow *cow, const struct hyp_blk_req *req)
{
	return (uintptr_t)req >= (uintptr_t)cow->wave && (uintptr_t)req < (uintptr_t)(cow->wave + WAVE);
}

/* Upcall from both sides */
static void complete(void *cookie, struct hyp_blk_req *list)
{
	struct cow *cow = cookie;
	struct blk_list done = { 0 };
	struct hyp_blk_req *req, *next;

	for (req = list; req; req = next) {
		next = req->next;
		if (is_piece(cow, req)) {
			sem_post(&cow->ended);
			continue;
		}
		if (!req->status && (req->op == HYP_BLK_WRITE || req->op == HYP_BLK_WRITE_ZEROES))
			set_bits(cow->mapped, first_block(cow, req), end_block(cow, req));
		blk_list_add(&done, req);
	}
	blk_complete(&cow->base.device, done.head);
}

/* Cut a piece off a mixed read and add it to its side. Return: bytes */
static uint64_t cut_piece(struct cow *cow, const struct hyp_blk_req *req, uint64_t done, struct piece *piece,
			  struct blk_list *lower, struct blk_list *scratch)
{
	uint64_t first = (req->offset + done) >> cow->shift;
	bool mapped;
	uint64_t end = run_end(cow->mapped, first, end_block(cow, req), &mapped);

	piece->req = (struct hyp_blk_req){
		.op = HYP_BLK_READ,
		.offset = req->offset + done,
		.length = (end - first) << cow->shift,
		.iov = piece->iov,
	};
	piece->req.iovcnt = blk_slice_iov(req, done, piece->req.length, piece->iov, BLK_MAX_IOV);
	blk_list_add(mapped ? scratch : lower, &piece->req);
	return piece->req.length;
}

/* Read up to WAVE pieces from both sides at once and wait for them. Return: bytes, or a negative enum hyp_error */
static int64_t read_wave(struct cow *cow, const struct hyp_blk_req *req, uint64_t done)
{
	struct blk_list lower = { 0 }, scratch = { 0 };
	uint64_t before = done;
	unsigned int count, i;
	int error = 0;

	for (count = 0; count < WAVE && done < req->length; count++)
		done += cut_piece(cow, req, done, &cow->wave[count], &lower, &scratch);
	blk_forward(cow->base.lower, &lower);
	blk_forward(cow->scratch, &scratch);
	for (i = 0; i < count; i++)
		while (sem_wait(&cow->ended))
			;
	for (i = 0; i < count; i++)
		if (cow->wave[i].req.status)
			error = cow->wave[i].req.status;
	return error ? error : (int64_t)(done - before);
}

static void read_mixed(void *owner, struct hyp_blk_req *req)
{
	struct cow *cow = owner;
	uint64_t done = 0;
	int64_t moved = 0;

	for (; done < req->length && moved >= 0; done += (uint64_t)moved) {
		moved = read_wave(cow, req, done);
		if (moved < 0)
			break;
	}
	req->next = NULL;
	req->status = moved < 0 ? (int32_t)moved : 0;
	blk_complete(&cow->base.device, req);
}

static uint32_t poll(struct hyp_blk *disk)
{
	struct cow *cow = (struct cow *)disk;
	uint32_t ended = blk_wrapper_poll(disk);

	return ended + (cow->scratch->ops->poll ? cow->scratch->ops->poll(cow->scratch) : 0);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct cow *cow = (const struct cow *)disk;
	char below[512];

	cow->base.lower->ops->describe(cow->base.lower, below, sizeof(below));
	return snprintf(buf, size, "copy on write in %s over %s", cow->kind, below);
}

/* Also undoes what an opening that failed had come to */
static void cow_close(struct hyp_blk *disk)
{
	struct cow *cow = (struct cow *)disk;
	unsigned int i;

	if (cow->pool)
		blk_pool_destroy(cow->pool);
	if (cow->scratch) {
		cow->scratch->ops->detach(cow->scratch);
		cow->scratch->ops->close(cow->scratch);
	}
	for (i = 0; i < WAVE; i++)
		free(cow->wave[i].iov);
	if (cow->mapped)
		munmap(cow->mapped, cow->map_size);
	if (cow->claimed)
		munmap(cow->claimed, cow->map_size);
	sem_destroy(&cow->ended);
	blk_wrapper_close(disk);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "cow",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.poll = poll,
	.describe = describe,
	.close = cow_close,
	.claim = blk_wrapper_claim,
};

/* A file without a name where temporary files go */
static int open_unlinked(struct io_spec *spec, struct cow *cow)
{
	const char *dir = getenv("TMPDIR");
	char path[512];
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		snprintf(path, sizeof(path), "%s/rumpus-cow-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	fd = io_descriptor(fd);
	if (fd < 0)
		return io_fail(spec, -HYP_EACCES, "cow: no scratch file in %s: %s; set TMPDIR or use scratch=mem", dir,
			       strerror(errno));
	snprintf(cow->kind, sizeof(cow->kind), "a file in %.64s", dir);
	return fd;
}

static int open_scratch_file(struct io_spec *spec, struct cow *cow, int fd)
{
	uint64_t size = cow->base.device.disk.info.size;
	off_t now = lseek(fd, 0, SEEK_END);
	char text[32];

	if (now < 0 || ((uint64_t)now < size && ftruncate(fd, (off_t)size)))
		return io_fail(spec, -HYP_EFBIG, "cow: the scratch file cannot have %" PRIu64 " bytes: %s", size,
			       strerror(errno));
	snprintf(text, sizeof(text), "file,fd=%d:", fd);
	return hyp_blk_open(text, HYP_BLK_OPEN_NO_LOCK, &cow->scratch, spec->error, spec->error_size);
}

static int open_scratch(struct io_spec *spec, struct cow *cow)
{
	const char *kind = io_option(spec, "scratch");
	int fd, error;
	uint64_t number;

	if (!kind || !strcmp(kind, "mem")) {
		snprintf(cow->kind, sizeof(cow->kind), "memory");
		number = cow->base.device.disk.info.size;
		error = blk_open_memory(number, cow->base.device.disk.info.logical_block, &cow->scratch);
		return error ? io_fail(spec, error, "cow: the host has no %" PRIu64 " bytes of memory for the scratch; "
				       "%s, or use scratch=file", number, io_memory_remedy()) : 0;
	}
	if (!strcmp(kind, "file")) {
		fd = open_unlinked(spec, cow);
		if (fd < 0)
			return fd;
		error = open_scratch_file(spec, cow, fd);
		close(fd);
		return error;
	}
	if (strncmp(kind, "fd=", 3) || io_parse_size(kind + 3, &number) || number > INT32_MAX)
		return io_fail(spec, -HYP_EINVAL, "cow: scratch=%s: give mem, file or fd=NUMBER", kind);
	snprintf(cow->kind, sizeof(cow->kind), "descriptor %d", (int)number);
	return open_scratch_file(spec, cow, (int)number);
}

static int make_maps(struct cow *cow)
{
	const struct hyp_blk_info *info = &cow->base.device.disk.info;
	_Atomic uint64_t **maps[] = { &cow->mapped, &cow->claimed };
	unsigned int i;

	cow->shift = (unsigned int)__builtin_ctz(info->logical_block);
	cow->map_size = ((info->size >> cow->shift) / 64 + 1) * sizeof(uint64_t);
	for (i = 0; i < 2; i++) {
		/* Sparse: what is never written to costs nothing. */
		void *map = mmap(NULL, cow->map_size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (map == MAP_FAILED)
			return -HYP_ENOMEM;
		madvise(map, cow->map_size, MADV_DONTFORK);
		*maps[i] = map;
	}
	return 0;
}

static int make_thread(struct cow *cow)
{
	static const unsigned int threads[BLK_POOL_LANES] = { 1 };
	unsigned int i;

	for (i = 0; i < WAVE; i++) {
		cow->wave[i].iov = malloc(BLK_MAX_IOV * sizeof(struct hyp_iovec));
		if (!cow->wave[i].iov)
			return -HYP_ENOMEM;
	}
	return blk_pool_create(threads, read_mixed, cow, &cow->pool);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What the user sees: the lower device's geometry, with what the scratch can do */
static void merge_info(struct cow *cow)
{
	struct hyp_blk_info *info = &cow->base.device.disk.info;
	const struct hyp_blk_info *scratch = &cow->scratch->info;

	info->caps &= (uint32_t)HYP_BLK_CAP_ROTATIONAL;
	info->caps |= scratch->caps & (HYP_BLK_CAP_DISCARD | HYP_BLK_CAP_WRITE_ZEROES);
	info->max_length = least(info->max_length, scratch->max_length);
	info->max_iov = (uint32_t)least(least(info->max_iov, scratch->max_iov), BLK_MAX_IOV);
	info->max_discard = scratch->max_discard;
	info->discard_granularity = scratch->discard_granularity;
	/* The pieces of a mixed read must have room beside the user's own requests. */
	info->queue_depth = (uint32_t)least(info->queue_depth, scratch->queue_depth) - WAVE;
}

static int finish_open(struct io_spec *spec, struct cow *cow)
{
	/* The default keeps memory from being eaten up by a program that rewrites a large image. */
	uint64_t quarter = (uint64_t)sysconf(_SC_PHYS_PAGES) / 4 * (uint64_t)sysconf(_SC_PAGESIZE);
	const char *scratch = io_option(spec, "scratch");
	int error;

	cow->limit = scratch && strcmp(scratch, "mem") ? UINT64_MAX : quarter;
	error = io_option_size(spec, "limit", &cow->limit);
	if (error)
		return error;
	if (cow->base.lower->info.queue_depth <= WAVE)
		return io_fail(spec, -HYP_EINVAL, "cow: the device below takes %u requests at a time, too few",
			       cow->base.lower->info.queue_depth);
	error = open_scratch(spec, cow);
	if (error)
		return error;
	if (cow->scratch->info.logical_block > cow->base.lower->info.logical_block)
		return io_fail(spec, -HYP_EINVAL,
			       "cow: the blocks of the scratch are larger than those below; use another");
	cow->scratch->ops->attach(cow->scratch, complete, cow);
	merge_info(cow);
	error = make_maps(cow);
	if (!error)
		error = make_thread(cow);
	return error ? io_fail(spec, error, "cow: no memory or threads for the overlay") : 0;
}

static int cow_open(struct io_spec *spec, struct hyp_blk **disk)
{
	struct blk_wrapper *wrapper;
	struct cow *cow;
	int error =
		blk_wrapper_open(spec, spec->flags | HYP_BLK_OPEN_READ_ONLY, sizeof(*cow), &ops, complete, &wrapper);

	if (error)
		return error;
	cow = (struct cow *)wrapper;
	sem_init(&cow->ended, 0, 0);
	error = finish_open(spec, cow);
	if (error) {
		cow_close(&wrapper->device.disk);
		return error;
	}
	*disk = &wrapper->device.disk;
	return 0;
}

static const char *const keys[] = { "scratch", "limit", NULL };

extern const struct blk_backend blk_backend_cow;
const struct blk_backend blk_backend_cow = {
	.about = { .name = "cow", .keys = keys, .help = "cow,scratch=mem|file:SPEC" },
	.open = cow_open,
};
