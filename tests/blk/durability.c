// SPDX-License-Identifier: BSD-2-Clause
/*
 * Flush and FUA are exact: run over a volatile cache that loses everything that was not flushed
 *
 * The checker writes to a device whose lowest wrapper is "fault,cut=close,survive=0", notes what a completed flush or
 * FUA promised, closes, and looks at the image. It must find nothing lost below honest devices, and must find losses
 * below devices that lie, or it would prove nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "../tap.h"

#define IMAGE_SIZE (8U << 20)
#define BLOCK 4096U
#define BLOCKS 1024U
#define UNDER_WAY 16U

/** enum promise - about one block, which is written once */
enum promise {
	NOTHING, /* not written, or not flushed: may or may not be there */
	WRITTEN, /* completed */
	DURABLE, /* by FUA, or completed before a flush was submitted that has completed */
};

/**
 * struct check - one run of the checker
 * @user:    of the device
 * @fua:     use FUA for some
 * @flush:   use flushes
 * @promise: for each block
 * @before:  blocks that were WRITTEN when the flush under way was submitted
 * @writes:  requests under way, and their blocks
 * @flushing: the flush is under way
 */
struct check {
	struct user user;
	bool fua, flush;
	enum promise promise[BLOCKS];
	bool before[BLOCKS];
	struct io writes[UNDER_WAY];
	unsigned int block[UNDER_WAY];
	bool busy[UNDER_WAY];
	bool asked_fua[UNDER_WAY]; /* a device may change flags while it has the request */
	struct io sync;
	bool flushing;
	unsigned char *memory;
};

static void fill(unsigned char *memory, unsigned int block)
{
	fill_pattern(memory, BLOCK, 5000 + block);
}

static void begin_flush(struct check *check)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		check->before[i] = check->promise[i] == WRITTEN;
	io_prepare(&check->sync, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	check->flushing = true;
	user_submit(&check->user, &check->sync);
}

static void collect(struct check *check)
{
	unsigned int i;

	/* The flush first: it covers nothing that is noted as written only now. */
	if (check->flushing && io_ended(&check->user, &check->sync)) {
		check->flushing = false;
		for (i = 0; i < BLOCKS; i++)
			if (check->before[i] && !check->sync.req.status)
				check->promise[i] = DURABLE;
	}
	for (i = 0; i < UNDER_WAY; i++) {
		const struct hyp_blk_req *req = &check->writes[i].req;

		if (!check->busy[i] || !io_ended(&check->user, &check->writes[i]))
			continue;
		check->busy[i] = false;
		if (!req->status)
			check->promise[check->block[i]] = check->asked_fua[i] ? DURABLE : WRITTEN;
	}
}

static unsigned int free_slot(struct check *check)
{
	unsigned int i;

	for (;;) {
		collect(check);
		for (i = 0; i < UNDER_WAY; i++)
			if (!check->busy[i])
				return i;
		user_wait(&check->user, UNDER_WAY / 2);
	}
}

static void run_writes(struct check *check)
{
	uint64_t seed = 99;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		unsigned int slot = free_slot(check);
		/* Every number once, and neighbours far apart: 389 has no divisor in common with BLOCKS. */
		unsigned int block = i * 389 % BLOCKS;
		bool fua = check->fua && !(test_random(&seed) % 8);

		fill(check->memory + (size_t)slot * BLOCK, block);
		io_prepare(&check->writes[slot], HYP_BLK_WRITE, (uint64_t)block * BLOCK, BLOCK,
			   check->memory + (size_t)slot * BLOCK, fua ? HYP_BLK_FUA : 0);
		check->block[slot] = block;
		check->busy[slot] = true;
		check->asked_fua[slot] = fua;
		user_submit(&check->user, &check->writes[slot]);
		/* The last eighth stays without a flush: something must be lost in the end. */
		if (check->flush && !check->flushing && i < BLOCKS / 8 * 7 && !(test_random(&seed) % 16))
			begin_flush(check);
	}
	user_wait(&check->user, 0);
	collect(check);
}

/**
 * lost_after() - write, close as if the power went, count what is missing
 * @disk:   stands on a cache over the image
 * @start:  where its first byte is in the image
 * @absent: out: blocks that were written, promised nothing and are not there
 * Return: promised blocks that are not there
 */
static unsigned int lost_after(struct hyp_blk *disk, const char *image, uint64_t start, bool fua, bool flush,
			       unsigned int *absent)
{
	struct check *check = calloc(1, sizeof(*check));
	unsigned char *now = disk_memory(IMAGE_SIZE), wanted[BLOCK];
	unsigned int i, lost = 0;

	check->memory = disk_memory((size_t)UNDER_WAY * BLOCK);
	check->fua = fua;
	check->flush = flush;
	user_attach(&check->user, disk);
	run_writes(check);
	user_close(&check->user);
	image_read(image, now, IMAGE_SIZE);
	*absent = 0;
	for (i = 0; i < BLOCKS; i++) {
		bool there;

		fill(wanted, i);
		there = !memcmp(now + start + (size_t)i * BLOCK, wanted, BLOCK);
		lost += !there && check->promise[i] == DURABLE;
		*absent += !there && check->promise[i] == WRITTEN;
	}
	free(check->memory);
	free(check);
	free(now);
	return lost;
}

static struct hyp_blk *open_disk(const char *format, const char *image)
{
	struct hyp_blk *disk;
	char spec[600], error[512];

	image_make(image, IMAGE_SIZE, 1);
	snprintf(spec, sizeof(spec), format, image);
	if (hyp_blk_open(spec, 0, &disk, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
	return disk;
}

/* Honest devices: what is tested stands above the cache that forgets */
static void check_honest(const char *image)
{
	static const struct {
		const char *spec;
		uint64_t start;
		bool flushes_at_end; /* closing flushes into the cache below, so that nothing is lost */
	} honest[] = {
		{ "fault,cut=close,survive=0:file,engine=uring:%s", 0, false },
		{ "fault,cut=close,survive=0:file,engine=threads:%s", 0, false },
		{ "fault,cut=close,survive=0:file,direct=1:%s", 0, false },
		{ "window,offset=1M:fault,cut=close,survive=0:file:%s", 1 << 20, false },
		{ "fault:fault,cut=close,survive=0:file:%s", 0, false },
		{ "fault,cut=1000000:fault,cut=close,survive=0:file:%s", 0, true },
		{ "window,offset=64k:fault,seed=3:window,offset=64k:fault,cut=close,survive=0:file:%s", 128 << 10,
		  false },
	};
	unsigned int i, absent;

	for (i = 0; i < sizeof(honest) / sizeof(honest[0]); i++) {
		if (spec_obstacle(honest[i].spec, image)) {
			tap_skip(2, "%s: %s", honest[i].spec, spec_obstacle(honest[i].spec, image));
			continue;
		}
		tap_is(lost_after(open_disk(honest[i].spec, image), image, honest[i].start, true, true, &absent), 0,
		       "%s: nothing promised is lost", honest[i].spec);
		tap_ok(honest[i].flushes_at_end ? !absent : absent > BLOCKS / 16,
		       "%s: %u blocks that nobody promised are lost", honest[i].spec, absent);
	}
}

static void check_liars(const char *image)
{
	static const char spec[] = "fault,cut=close,survive=0:file:%s";
	unsigned int absent;

	tap_ok(lost_after(liar_open(open_disk(spec, image), true, false), image, 0, false, true, &absent) > 0,
	       "a device that lies about flushes is found out");
	tap_ok(lost_after(liar_open(open_disk(spec, image), false, true), image, 0, true, false, &absent) > 0,
	       "a device that lies about FUA is found out");
	tap_is(lost_after(liar_open(open_disk(spec, image), false, false), image, 0, true, true, &absent), 0,
	       "and one that could lie but does not is cleared");
}

int main(void)
{
	char image[300];

	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	image_make(image, IMAGE_SIZE, 1);
	check_honest(image);
	check_liars(image);
	return tap_done();
}
