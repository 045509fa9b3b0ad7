// SPDX-License-Identifier: BSD-2-Clause
/* Wrapper "fault": errors come where they were asked for, torn writes are torn, power cuts leave what they should */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "../tap.h"

#define IMAGE_SIZE (1U << 20)
#define BLOCK 4096U
#define BLOCKS (IMAGE_SIZE / BLOCK)

static unsigned char *memory;

static int run(struct user *user, uint16_t op, unsigned int block, uint16_t flags)
{
	if (op == HYP_BLK_FLUSH)
		return user_run(user, op, 0, 0, NULL, 0);
	return user_run(user, op, (uint64_t)block * BLOCK, BLOCK, memory, flags);
}

/* The numbers of 12 requests that fail, as bits */
static unsigned int failing(const char *spec, uint16_t op)
{
	unsigned int i, failed = 0;
	struct user user;

	user_open(&user, spec, 0);
	for (i = 0; i < 12; i++) {
		int status = run(&user, op, i, 0);

		if (status == -HYP_EIO)
			failed |= 1U << i;
		else if (status)
			tap_ok(false, "%s: request %u has status %d", spec, i, status);
	}
	user_close(&user);
	return failed;
}

static void check_errors(void)
{
	tap_is(failing("fault,read-error=3:mem,size=1M:", HYP_BLK_READ), 1 << 2, "the third read fails");
	tap_is(failing("fault,read-error=3:mem,size=1M:", HYP_BLK_WRITE), 0, "and no write");
	tap_is(failing("fault,write-error=1,every=4:mem,size=1M:", HYP_BLK_WRITE), 0x111, "every fourth write fails");
	tap_is(failing("fault,flush-error=2:mem,size=1M:", HYP_BLK_FLUSH), 1 << 1, "the second flush fails");
	tap_is(failing("fault,read-error=1,every=1,range=8k+12k:mem,size=1M:", HYP_BLK_READ), 0x1c, "a range fails");
	tap_is(failing("fault,prob=0:mem,size=1M:", HYP_BLK_READ), 0, "nothing fails with probability 0");
	tap_is(failing("fault,prob=100:mem,size=1M:", HYP_BLK_READ), 0xfff, "everything fails with probability 100");
	tap_is(failing("fault,seed=7,prob=50:mem,size=1M:", HYP_BLK_WRITE),
	       failing("fault,seed=7,prob=50:mem,size=1M:", HYP_BLK_WRITE), "the same seed, the same failures");
	tap_ok(failing("fault,seed=7,prob=50:mem,size=1M:", HYP_BLK_WRITE) !=
		       failing("fault,seed=8,prob=50:mem,size=1M:", HYP_BLK_WRITE),
	       "another seed, other failures");
}

/* Blocks of the image that are no longer as image_make() wrote them */
static unsigned int changed(const char *image, bool which[BLOCKS])
{
	unsigned char *now = disk_memory(IMAGE_SIZE), *before = disk_memory(IMAGE_SIZE);
	unsigned int i, count = 0;

	image_read(image, now, IMAGE_SIZE);
	fill_pattern(before, IMAGE_SIZE, 1);
	for (i = 0; i < BLOCKS; i++) {
		which[i] = memcmp(now + i * BLOCK, before + i * BLOCK, BLOCK);
		count += which[i];
	}
	free(now);
	free(before);
	return count;
}

static void check_torn(const char *image)
{
	char spec[400];
	bool first[BLOCKS], second[BLOCKS];
	unsigned int round, count = 0;
	unsigned char *large = disk_memory(IMAGE_SIZE);
	struct user user;

	for (round = 0; round < 2; round++) {
		image_make(image, IMAGE_SIZE, 1);
		snprintf(spec, sizeof(spec), "fault,seed=5,torn=1:file:%s", image);
		user_open(&user, spec, 0);
		tap_is(user_run(&user, HYP_BLK_WRITE, 0, IMAGE_SIZE, large, 0), -HYP_EIO, "a torn write fails");
		user_close(&user);
		count = changed(image, round ? second : first);
	}
	tap_ok(count > BLOCKS / 4 && count < BLOCKS / 4 * 3, "a part of it is there: %u of %u blocks", count, BLOCKS);
	tap_ok(!memcmp(first, second, sizeof(first)), "and the same part with the same seed");
	free(large);
}

/* 40 writes, one after another; a flush after the 10th, FUA for the 11th; the power goes at the 31st */
static void check_cut(const char *image, unsigned int survive, unsigned int least, unsigned int most)
{
	unsigned int i, failed = 0, kept = 0;
	bool there[BLOCKS];
	struct user user;
	char spec[400];

	image_make(image, IMAGE_SIZE, 1);
	snprintf(spec, sizeof(spec), "fault,seed=3,survive=%u,cut=31:file:%s", survive, image);
	user_open(&user, spec, 0);
	for (i = 0; i < 40; i++) {
		failed += run(&user, HYP_BLK_WRITE, i, i == 10 ? HYP_BLK_FUA : 0) == -HYP_EIO;
		if (i == 9)
			run(&user, HYP_BLK_FLUSH, 0, 0);
		if (i == 20)
			tap_ok(!run(&user, HYP_BLK_READ, 20, 0), "survive=%u: the cache is read", survive);
	}
	tap_is(failed, 10, "survive=%u: writes fail from the cut on", survive);
	tap_is(run(&user, HYP_BLK_READ, 0, 0), -HYP_EIO, "survive=%u: reads too", survive);
	tap_is(run(&user, HYP_BLK_FLUSH, 0, 0), -HYP_EIO, "survive=%u: flushes too", survive);
	user_close(&user);
	changed(image, there);
	for (i = 0; i <= 10; i++)
		failed -= !there[i];
	tap_is(failed, 10, "survive=%u: what was flushed or FUA is there", survive);
	for (i = 11; i < 31; i++)
		kept += there[i];
	tap_ok(kept >= least && kept <= most, "survive=%u: of 20 other writes %u are there", survive, kept);
	for (i = 31; i < 40; i++)
		failed -= there[i];
	tap_is(failed, 10, "survive=%u: nothing came after the cut", survive);
}

static void check_orderly_close(const char *image)
{
	bool there[BLOCKS];
	struct user user;
	char spec[400];

	image_make(image, IMAGE_SIZE, 1);
	snprintf(spec, sizeof(spec), "fault,cut=1000:file:%s", image);
	user_open(&user, spec, 0);
	run(&user, HYP_BLK_WRITE, 5, 0);
	changed(image, there);
	tap_ok(!there[5], "a write stays in the cache");
	user_close(&user);
	changed(image, there);
	tap_ok(there[5], "closing before the cut empties the cache");
}

int main(void)
{
	char image[300];

	memory = disk_memory(BLOCK);
	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	check_errors();
	check_torn(image);
	check_cut(image, 0, 0, 0);
	check_cut(image, 100, 20, 20);
	check_cut(image, 50, 4, 16);
	check_orderly_close(image);
	free(memory);
	return tap_done();
}
