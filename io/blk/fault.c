// SPDX-License-Identifier: BSD-2-Clause
/*
 * Wrapper "fault": errors at chosen requests, torn writes, power cuts
 *
 * What fails is decided in submit(), by counting, so that a run with one user thread repeats. Requests that are to pass
 * go down as they are. Torn writes, and with "cut" everything, are run one after another by a thread.
 *
 * With "cut" the device has a volatile write cache: what is not flushed or FUA is in memory and nowhere else. When the
 * power goes, each physical block in it has survived or not, by seed; what is below is left so.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "../thread.h"
#include "fault.h"
#include "pool.h"

#define DEFAULT_SURVIVE 50
/* As much as a write-zeroes may put into the cache */
#define MAX_CACHED_ZEROES (UINT64_C(4) << 20)

/** enum kind - requests that are counted together */
enum kind {
	KIND_READ,
	KIND_WRITE, /* and discard and write-zeroes */
	KIND_FLUSH,
	KIND_COUNT,
};

/** enum fate - what happens to a request */
enum fate {
	FATE_PASS,
	FATE_FAIL,
	FATE_TEAR,
};

/**
 * struct fault - the wrapper
 * @base:  what it stands on
 * @seed:  of all that is random
 * @at:    number of the first request of each kind that fails, from 1; 0: none
 * @torn:  number of the first write that is torn; 0: none
 * @every: further ones fail at this distance; 0: no further ones
 * @percent: of reads and of writes that fail besides
 * @start, @end: only requests that touch these bytes are counted and fail
 * @cached: there is a volatile cache, and power cuts
 * @cut:   number of the write at which the power goes; 0: when the device is closed
 * @survive: percentage of cached units that have reached the medium then
 * @lock:  guards @seen
 * @seen:  requests of each kind so far
 * @pool:  one thread, which alone touches the following
 * @lower: its access to what is below
 * @cache: the volatile cache
 * @writes: changes that have come to the cache
 * @dead:  the power is gone
 */
struct fault {
	struct blk_wrapper base;
	uint64_t seed;
	uint64_t at[KIND_COUNT];
	uint64_t torn;
	uint64_t every;
	uint64_t percent;
	uint64_t start, end;
	bool cached;
	uint64_t cut;
	uint64_t survive;
	pthread_mutex_t lock;
	uint64_t seen[KIND_COUNT];
	struct blk_pool *pool;
	struct fault_lower lower;
	struct fault_cache *cache;
	uint64_t writes;
	bool dead;
};

int fault_lower_run(struct fault_lower *lower, const struct hyp_blk_req *req)
{
	lower->req = *req;
	lower->req.next = NULL;
	lower->disk->ops->submit(lower->disk, &lower->req);
	while (sem_wait(&lower->ended))
		;
	return lower->req.status;
}

int fault_lower_flush(struct fault_lower *lower)
{
	struct hyp_blk_req req = { .op = HYP_BLK_FLUSH };

	return lower->disk->info.caps & HYP_BLK_CAP_FLUSH ? fault_lower_run(lower, &req) : 0;
}

int fault_lower_persist(struct fault_lower *lower, const struct hyp_blk_req *req)
{
	struct hyp_blk_req below = *req;
	int error;

	below.flags &= (uint16_t)~HYP_BLK_FUA;
	if (lower->disk->info.caps & HYP_BLK_CAP_FUA) {
		below.flags |= HYP_BLK_FUA;
		return fault_lower_run(lower, &below);
	}
	error = fault_lower_run(lower, &below);
	return error ? error : fault_lower_flush(lower);
}

static enum kind kind_of(const struct hyp_blk_req *req)
{
	switch (req->op) {
	case HYP_BLK_READ:
		return KIND_READ;
	case HYP_BLK_FLUSH:
		return KIND_FLUSH;
	default:
		return KIND_WRITE;
	}
}

static bool hits(const struct fault *fault, uint64_t first, uint64_t number)
{
	if (!first || number < first)
		return false;
	return number == first || (fault->every && !((number - first) % fault->every));
}

static enum fate decide(struct fault *fault, const struct hyp_blk_req *req)
{
	enum kind kind = kind_of(req);
	uint64_t number;

	if (kind != KIND_FLUSH && (req->offset >= fault->end || req->offset + req->length <= fault->start))
		return FATE_PASS;
	pthread_mutex_lock(&fault->lock);
	number = ++fault->seen[kind];
	pthread_mutex_unlock(&fault->lock);
	if (hits(fault, fault->at[kind], number))
		return FATE_FAIL;
	if (kind != KIND_FLUSH && io_random(fault->seed, kind + 1, number) % 100 < fault->percent)
		return FATE_FAIL;
	return req->op == HYP_BLK_WRITE && hits(fault, fault->torn, number) ? FATE_TEAR : FATE_PASS;
}

static void submit(struct hyp_blk *disk, struct hyp_blk_req *batch)
{
	struct fault *fault = (struct fault *)disk;
	struct blk_list done = { 0 }, down = { 0 }, thread = { 0 };
	struct hyp_blk_req *req, *next;

	for (req = batch; req; req = next) {
		int error = blk_check(&disk->info, req);
		enum fate fate = FATE_PASS;

		next = req->next;
		if (!error)
			fate = decide(fault, req);
		req->backend[0] = fate;
		if (error || fate == FATE_FAIL)
			blk_list_end(&done, req, error ? error : -HYP_EIO);
		else if (fault->cached || fate == FATE_TEAR)
			blk_list_add(&thread, req);
		else
			blk_list_add(&down, req);
	}
	blk_complete(&fault->base.device, done.head);
	blk_pool_submit(fault->pool, 0, &thread);
	blk_forward(fault->base.lower, &down);
}

static void complete(void *cookie, struct hyp_blk_req *list)
{
	struct fault *fault = cookie;
	struct blk_list done = { 0 };
	struct hyp_blk_req *req, *next;

	for (req = list; req; req = next) {
		next = req->next;
		if (req == &fault->lower.req)
			sem_post(&fault->lower.ended);
		else
			blk_list_add(&done, req);
	}
	blk_complete(&fault->base.device, done.head);
}

/* Has this unit of a write reached the medium? @salt: another answer for each event */
static bool unit_survives(const struct fault *fault, uint64_t salt, uint64_t unit)
{
	return io_random(fault->seed ^ UINT64_C(0x706f776572), salt, unit) % 100 < fault->survive;
}

/* Call @take for each part of a write that lies in one unit and survives. Return: 0, or the last error */
static int tear(struct fault *fault, const struct hyp_blk_req *req, uint64_t salt,
		int (*take)(struct fault *fault, const struct hyp_blk_req *req, uint64_t skip, uint64_t length))
{
	uint32_t unit = fault->base.device.disk.info.physical_block;
	uint64_t done, part;
	int error, result = 0;

	for (done = 0; done < req->length; done += part) {
		uint64_t offset = req->offset + done;

		part = unit - offset % unit;
		part = part < req->length - done ? part : req->length - done;
		if (!unit_survives(fault, salt, offset / unit))
			continue;
		error = take(fault, req, done, part);
		result = error ? error : result;
	}
	return result;
}

static int take_below(struct fault *fault, const struct hyp_blk_req *req, uint64_t skip, uint64_t length)
{
	struct hyp_iovec *iov = malloc(req->iovcnt * sizeof(*iov));
	struct hyp_blk_req part = *req;
	int error;

	if (!iov)
		return -HYP_ENOMEM;
	part.offset += skip;
	part.length = length;
	part.iovcnt = blk_slice_iov(req, skip, length, iov, req->iovcnt);
	part.iov = iov;
	error = fault_lower_run(&fault->lower, &part);
	free(iov);
	return error;
}

static int take_cached(struct fault *fault, const struct hyp_blk_req *req, uint64_t skip, uint64_t length)
{
	return fault_cache_write(fault->cache, req, skip, length);
}

static bool keep_unit(void *arg, uint64_t unit)
{
	struct fault *fault = arg;

	return unit_survives(fault, 0, unit);
}

/* The power goes: some of the cache has reached the medium, the rest never will */
static void cut_power(struct fault *fault)
{
	fault_cache_drain(fault->cache, &fault->lower, keep_unit, fault);
	fault_lower_flush(&fault->lower);
	fault->dead = true;
}

static int cached_write(struct fault *fault, const struct hyp_blk_req *req)
{
	int error;

	fault->writes++;
	if (fault->cut && fault->writes == fault->cut) {
		/* The power goes while this one is on its way. */
		tear(fault, req, fault->writes, take_cached);
		cut_power(fault);
		return -HYP_EIO;
	}
	if (req->backend[0] == FATE_TEAR) {
		tear(fault, req, fault->writes, take_cached);
		return -HYP_EIO;
	}
	if (!(req->flags & HYP_BLK_FUA))
		return fault_cache_write(fault->cache, req, 0, req->length);
	error = fault_lower_persist(&fault->lower, req);
	if (!error)
		fault_cache_forget(fault->cache, req->offset, req->length);
	return error;
}

static int cached_run(struct fault *fault, const struct hyp_blk_req *req)
{
	int error;

	if (fault->dead)
		return -HYP_EIO;
	switch (req->op) {
	case HYP_BLK_READ:
		error = fault_lower_run(&fault->lower, req);
		if (!error)
			fault_cache_read(fault->cache, req);
		return error;
	case HYP_BLK_FLUSH:
		error = fault_cache_drain(fault->cache, &fault->lower, NULL, NULL);
		return error ? error : fault_lower_flush(&fault->lower);
	default:
		return cached_write(fault, req);
	}
}

static void run(void *owner, struct hyp_blk_req *req)
{
	struct fault *fault = owner;

	if (fault->cached) {
		req->status = cached_run(fault, req);
	} else {
		tear(fault, req, 1, take_below);
		req->status = -HYP_EIO;
	}
	req->next = NULL;
	blk_complete(&fault->base.device, req);
}

static int describe(const struct hyp_blk *disk, char *buf, size_t size)
{
	const struct fault *fault = (const struct fault *)disk;
	char below[512];

	fault->base.lower->ops->describe(fault->base.lower, below, sizeof(below));
	return snprintf(buf, size, "faults by seed %" PRIu64 "%s on %s", fault->seed,
			fault->cached ? ", with a volatile cache," : "", below);
}

/* Also undoes what an opening that failed had come to */
static void fault_close(struct hyp_blk *disk)
{
	struct fault *fault = (struct fault *)disk;

	if (fault->pool)
		blk_pool_destroy(fault->pool);
	/* The thread is gone; its place is ours. */
	if (fault->cache && !fault->dead) {
		if (!fault->cut) {
			cut_power(fault);
		} else {
			fault_cache_drain(fault->cache, &fault->lower, NULL, NULL);
			fault_lower_flush(&fault->lower);
		}
	}
	if (fault->cache)
		fault_cache_destroy(fault->cache);
	sem_destroy(&fault->lower.ended);
	pthread_mutex_destroy(&fault->lock);
	blk_wrapper_close(disk);
}

static const struct hyp_blk_ops ops = {
	.version = HYP_BLK_VERSION,
	.size = sizeof(ops),
	.name = "fault",
	.attach = blk_attach,
	.detach = blk_detach,
	.submit = submit,
	.poll = blk_wrapper_poll,
	.describe = describe,
	.close = fault_close,
	.claim = blk_wrapper_claim,
};

/* "range=OFFSET+SIZE" */
static int parse_range(struct io_spec *spec, struct fault *fault)
{
	const char *text = io_option(spec, "range"), *plus = text ? strchr(text, '+') : NULL;
	uint64_t size = 0;
	char start[32] = "";

	fault->end = UINT64_MAX;
	if (!text)
		return 0;
	if (plus)
		snprintf(start, sizeof(start), "%.*s", (int)(plus - text), text);
	if (!plus || io_parse_size(start, &fault->start) || io_parse_size(plus + 1, &size) || !size ||
	    __builtin_add_overflow(fault->start, size, &fault->end))
		return io_fail(spec, -HYP_EINVAL, "fault: range=%s: give OFFSET+SIZE, as in range=1M+64k", text);
	return 0;
}

/* "cut=N" or "cut=close" */
static int parse_cut(struct io_spec *spec, struct fault *fault)
{
	const char *text = io_option(spec, "cut");

	fault->cached = text;
	if (!text || !strcmp(text, "close"))
		return 0;
	if (io_option_number(spec, "cut", 1, UINT64_MAX, &fault->cut))
		return io_fail(spec, -HYP_EINVAL, "fault: cut=%s: give the number of a write, from 1, or \"close\"",
			       text);
	return 0;
}

static int parse(struct io_spec *spec, struct fault *fault)
{
	const struct {
		const char *key;
		uint64_t low, high, *value;
	} numbers[] = {
		{ "seed", 0, UINT64_MAX, &fault->seed },
		{ "read-error", 1, UINT64_MAX, &fault->at[KIND_READ] },
		{ "write-error", 1, UINT64_MAX, &fault->at[KIND_WRITE] },
		{ "flush-error", 1, UINT64_MAX, &fault->at[KIND_FLUSH] },
		{ "torn", 1, UINT64_MAX, &fault->torn },
		{ "every", 1, UINT64_MAX, &fault->every },
		{ "prob", 0, 100, &fault->percent },
		{ "survive", 0, 100, &fault->survive },
	};
	unsigned int i;
	int error = 0;

	fault->survive = DEFAULT_SURVIVE;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && !error; i++)
		error = io_option_number(spec, numbers[i].key, numbers[i].low, numbers[i].high, numbers[i].value);
	if (!error)
		error = parse_range(spec, fault);
	return error ? error : parse_cut(spec, fault);
}

/* The volatile cache serves flush and FUA whatever is below, and knows no discard */
static int add_cache(struct io_spec *spec, struct fault *fault)
{
	struct hyp_blk_info *info = &fault->base.device.disk.info;

	if (info->caps & HYP_BLK_CAP_READ_ONLY)
		return io_fail(spec, -HYP_EROFS, "fault: cut needs a device that can be written to");
	if (info->mem_align > info->logical_block || info->physical_block / info->logical_block > 64)
		return io_fail(spec, -HYP_EINVAL, "fault: cut does not serve blocks of this form");
	info->caps |= HYP_BLK_CAP_FLUSH | HYP_BLK_CAP_FUA;
	info->caps &= (uint32_t)~HYP_BLK_CAP_DISCARD;
	info->discard_granularity = 0;
	if (info->max_discard > MAX_CACHED_ZEROES)
		info->max_discard = MAX_CACHED_ZEROES;
	fault->cache = fault_cache_create(info->physical_block, info->logical_block);
	return fault->cache ? 0 : io_fail(spec, -HYP_ENOMEM, "fault: no memory");
}

static int fault_open(struct io_spec *spec, struct hyp_blk **disk)
{
	static const unsigned int threads[BLK_POOL_LANES] = { 1 };
	struct blk_wrapper *wrapper;
	struct fault *fault;
	int error = blk_wrapper_open(spec, spec->flags, sizeof(*fault), &ops, complete, &wrapper);

	if (error)
		return error;
	fault = (struct fault *)wrapper;
	pthread_mutex_init(&fault->lock, NULL);
	sem_init(&fault->lower.ended, 0, 0);
	fault->lower.disk = fault->base.lower;
	/* The thread's request has its place below beside the user's. */
	fault->base.device.disk.info.queue_depth--;
	error = parse(spec, fault);
	if (!error && fault->cached)
		error = add_cache(spec, fault);
	if (!error) {
		error = blk_pool_create(threads, run, fault, &fault->pool);
		if (error)
			io_threads_refused(spec, error, "fault");
	}
	if (error) {
		/* Nothing is cached yet: nothing to lose. */
		fault->dead = true;
		fault_close(&wrapper->device.disk);
		return error;
	}
	*disk = &wrapper->device.disk;
	return 0;
}

static const char *const keys[] = { "seed", "read-error", "write-error", "flush-error", "torn", "every",
				    "prob", "range",	  "survive",	 "cut",		NULL };

extern const struct blk_backend blk_backend_fault;
const struct blk_backend blk_backend_fault = {
	.about = { .name = "fault", .keys = keys, .help = "fault,seed=N,write-error=N,cut=N:SPEC" },
	.open = fault_open,
};
