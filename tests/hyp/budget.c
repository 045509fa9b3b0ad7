// SPDX-License-Identifier: BSD-2-Clause
/* The mapping budget is never exceeded, and mappings are what they should be, whatever is mapped over what. */
#include <stdlib.h>

#include "suite.h"

#define RW (HYP_PROT_READ | HYP_PROT_WRITE)
#define BUDGET 40
#define PAGES 96
#define ROUNDS 3000
#define STRIDE 50 /* rounds between two looks at all pages */

static struct hyp *h;
static size_t page;
static char *at;

static struct hyp *open_small(void)
{
	struct hyp_config config = suite_config;
	struct hyp_info info;
	struct hyp *opened;

	config.map_budget = BUDGET;
	opened = suite_open_with(&config, &(struct hyp_upcalls){ 0 }, NULL, &info);
	page = info.page_size;
	return opened;
}

/* Host mappings beyond the one that a reservation is. */
static unsigned int used(void)
{
	return host_mappings_in(at, PAGES * page) - 1;
}

/* Maps every other page until no more goes. */
static unsigned int fill(void)
{
	unsigned int n;

	for (n = 0; n < PAGES / 2; n++) {
		if (suite_map(h, at + (2 * n + 1) * page, page, 3 * n * page, RW))
			break;
	}
	return n;
}

static void test_limit(void)
{
	unsigned int first, again;

	at = suite_reserve(h, PAGES * page);
	first = fill();
	tap_ok(first >= BUDGET / 2 - 1 && used() <= BUDGET, "%u lone pages with a budget of %d", first, BUDGET);
	tap_ok(!host_readable(at + (2 * first + 1) * page), "the one that was too many is HYP_MEM_NONE");
	tap_is(suite_map(h, at + (2 * first + 1) * page, page, 0, RW), -HYP_ENOMEM, "it stays too many");
	tap_is(suite_map(h, at + page, page, HYP_MEM_NONE, 0), 0, "unmapping one");
	tap_is(suite_map(h, at + page, page, 0, RW), 0, "makes room for another");
	tap_is(suite_map(h, at, PAGES * page, 0, RW), 0, "one mapping over all of them");
	tap_is(used(), 0, "takes the place of all");
	tap_ok(host_writable(at) && host_writable(at + (PAGES - 1) * page), "and is there");
	tap_is(suite_map(h, at, PAGES * page, HYP_MEM_NONE, 0), 0, "and goes");
	again = fill();
	tap_is(again, first, "all of the budget is there again");
	ops->mem_unreserve(h, at, PAGES * page);
	at = suite_reserve(h, PAGES * page);
	tap_is(fill(), first, "and again after mem_unreserve");
	ops->mem_unreserve(h, at, PAGES * page);
}

static void test_neighbours(void)
{
	unsigned int i;
	int ret = 0;

	at = suite_reserve(h, PAGES * page);
	for (i = 0; i < PAGES; i++)
		ret |= suite_map(h, at + i * page, page, i * page, RW);
	tap_is(ret, 0, "pages that continue each other need no budget");
	tap_is(used(), 0, "being one mapping for the host");
	for (i = PAGES; i--;)
		ret |= suite_map(h, at + i * page, page, (PAGES + i) * page, RW);
	tap_is(ret, 0, "nor do they when they come from behind");
	ops->mem_unreserve(h, at, PAGES * page);
}

/* What each page of the reservation should show. */
static struct {
	uint64_t offset;
	uint32_t prot;
} model[PAGES];

static bool page_right(unsigned int i)
{
	bool shown = model[i].offset != HYP_MEM_NONE && model[i].prot & HYP_PROT_READ;
	uint32_t *word = (uint32_t *)(at + i * page);

	if (host_readable(word) != shown)
		return false;
	if (!shown)
		return true;
	if (host_writable(word) != !!(model[i].prot & HYP_PROT_WRITE))
		return false;
	return *word == (model[i].offset == HYP_MEM_ANONYMOUS ? 0 : model[i].offset / page + 1);
}

static bool all_right(void)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (!page_right(i)) {
			tap_note("page %u should show offset %lld with rights %u", i, (long long)model[i].offset,
				 model[i].prot);
			return false;
		}
	}
	return used() <= BUDGET;
}

static struct hyp_map any_piece(void)
{
	unsigned int first = suite_random() % PAGES, n = 1 + suite_random() % 3, i;
	static const uint32_t prots[] = { HYP_PROT_NONE, HYP_PROT_READ, RW, RW };
	struct hyp_map map = { .prot = prots[suite_random() % 4] };

	if (n > PAGES - first)
		n = PAGES - first;
	map.addr = at + first * page;
	map.size = n * page;
	i = suite_random() % 8;
	/* Often where it may continue its neighbours. */
	map.offset = i == 0 ? HYP_MEM_ANONYMOUS : i < 3 ? HYP_MEM_NONE : (first + suite_random() % 2 * 7) * page;
	return map;
}

/* Unchanged or HYP_MEM_NONE as a whole: which of the two is seen from the first page that told them apart. */
static void model_fail(const struct hyp_map *map)
{
	unsigned int first = ((char *)map->addr - at) / page, i;

	for (i = first; i < first + map->size / page; i++) {
		if (model[i].offset != HYP_MEM_NONE && model[i].prot & HYP_PROT_READ)
			break;
	}
	if (i == first + map->size / page || host_readable(at + i * page))
		return;
	for (i = first; i < first + map->size / page; i++)
		model[i].offset = HYP_MEM_NONE;
}

static void model_set(const struct hyp_map *map)
{
	unsigned int first = ((char *)map->addr - at) / page, i;

	for (i = 0; i < map->size / page; i++) {
		model[first + i].prot = map->prot;
		model[first + i].offset = map->offset;
		if (map->offset < HYP_MEM_ANONYMOUS)
			model[first + i].offset += i * page;
	}
}

static void tag_object(void)
{
	char *all = suite_reserve(h, 2 * PAGES * page);
	uint32_t i;

	suite_map(h, all, 2 * PAGES * page, 0, RW);
	for (i = 0; i < 2 * PAGES; i++)
		*(uint32_t *)(all + i * page) = i + 1;
	ops->mem_unreserve(h, all, 2 * PAGES * page);
}

static void test_any(void)
{
	unsigned int round, done = 0, refused = 0;
	struct hyp_map map;
	bool good = true;
	int ret;

	tag_object();
	at = suite_reserve(h, PAGES * page);
	for (round = 0; round < PAGES; round++)
		model[round].offset = HYP_MEM_NONE;
	for (round = 0; round < ROUNDS && good; round++) {
		map = any_piece();
		ret = ops->mem_map(h, &map, 1);
		if (!ret)
			model_set(&map);
		else
			model_fail(&map);
		done += !ret;
		refused += ret == -HYP_ENOMEM;
		if (ret && ret != -HYP_ENOMEM)
			good = false;
		if (round % STRIDE == 0)
			good &= all_right();
	}
	tap_ok(good && all_right(), "%u of %u pieces anywhere, %u refused, all as they should be", done, round,
	       refused);
	tap_ok(refused > 0 && done > ROUNDS / 4, "with the budget in play");
	ops->mem_unreserve(h, at, PAGES * page);
}

void test_budget(void)
{
	h = open_small();
	test_limit();
	test_neighbours();
	test_any();
	ops->fini(h);
}
