// SPDX-License-Identifier: BSD-2-Clause
/* init(), fini(): versions, configurations, what info says, several instances at once */
#include "suite.h"

static const struct hyp_upcalls no_upcalls;

static int try(uint32_t version, const struct hyp_config *config, struct hyp_info *info)
{
	struct hyp *const none = (struct hyp *)info;
	struct hyp *h = none;
	int ret = ops->init(version, config, &no_upcalls, NULL, &h, info);

	if (!ret)
		ops->fini(h);
	else
		tap_ok(h == none, "a failing init leaves the handle alone");
	return ret;
}

static void test_table(void)
{
	tap_is(suite_target->version, HYP_VERSION, "version of the table");
	tap_is(suite_target->size, sizeof(struct hyp_ops), "size of the table");
	tap_ok(suite_target->name && *suite_target->name, "the platform has a name");
	tap_ok(hyp_platform() == hyp_platform(), "the table is constant");
}

static void test_refusals(void)
{
	struct hyp_config config = suite_config;
	struct hyp_info info;

	tap_is(try(HYP_VERSION - 1, &config, &info), -HYP_EINVAL, "an older version");
	tap_is(try(HYP_VERSION + 1, &config, &info), -HYP_EINVAL, "a newer version");
	tap_is(try(HYP_VERSION, NULL, &info), -HYP_EINVAL, "no configuration");
	config.mem_bound = UINT64_MAX;
	tap_is(try(HYP_VERSION, &config, &info), -HYP_EINVAL, "a bound that no object can have");
	config.mem_bound = 1;
	tap_is(try(HYP_VERSION, &config, &info), -HYP_EINVAL, "a bound of less than a page");
	config.mem_bound = suite_config.mem_bound;
	config.cpus = UINT32_MAX;
	tap_is(try(HYP_VERSION, &config, &info), -HYP_EINVAL, "more virtual CPUs than can be");
}

static void test_info(void)
{
	struct hyp_config config = suite_config;
	struct hyp_info info;

	tap_is(try(HYP_VERSION, &config, &info), 0, "an instance");
	tap_ok(info.page_size >= 4096 && !(info.page_size & (info.page_size - 1)), "page size %u", info.page_size);
	tap_is(info.cpus, config.cpus, "virtual CPUs as wished");
	tap_is(info.mem_bound, config.mem_bound, "memory bound as wished");
	tap_is(info.map_budget, config.map_budget, "mapping budget as wished");
	tap_ok(info.clock_resolution > 0 && info.clock_resolution <= 100 * MS, "resolution %u ns",
	       info.clock_resolution);

	config.mem_bound += info.page_size - 1;
	tap_is(try(HYP_VERSION, &config, &info), 0, "an odd bound");
	tap_is(info.mem_bound, suite_config.mem_bound, "is cut to pages");

	config.mem_bound = 0;
	config.cpus = 0;
	config.map_budget = 0;
	tap_is(try(HYP_VERSION, &config, &info), 0, "all by default");
	tap_ok(info.mem_bound >= 16 << 20 && info.mem_bound % info.page_size == 0, "a bound by default");
	tap_ok(info.cpus >= 1, "virtual CPUs by default");
	tap_ok(info.map_budget >= 16, "a mapping budget by default");
}

struct upcall_count {
	struct hyp *h;
	uint32_t fired;
};

static void count(void *cookie, uint32_t n)
{
	struct upcall_count *c = cookie;

	suite_post(c->h, &c->fired);
}

#define SEVERAL 5

static void test_several(void)
{
	const struct hyp_upcalls upcalls = { .timer = count };
	struct upcall_count counts[SEVERAL] = { 0 };
	bool apart = true, fired = true;
	char *memory[SEVERAL];
	struct hyp_info info;
	int i;

	for (i = 0; i < SEVERAL; i++) {
		counts[i].h = suite_open_with(&suite_config, &upcalls, &counts[i], &info);
		memory[i] = suite_reserve(counts[i].h, info.page_size);
		suite_map(counts[i].h, memory[i], info.page_size, 0, HYP_PROT_READ | HYP_PROT_WRITE);
		*memory[i] = 'a' + i;
		*ops->thread_slot(counts[i].h) = memory[i];
	}
	for (i = 0; i < SEVERAL; i++) {
		apart &= *memory[i] == 'a' + i && *ops->thread_slot(counts[i].h) == memory[i];
		ops->timer_set(counts[i].h, 0, 1);
		fired &= suite_await(counts[i].h, &counts[i].fired, 1);
	}
	tap_ok(apart, "each instance has memory and slots of its own");
	tap_ok(fired, "each instance has timers of its own");
	tap_ok(ops->mem_commit(counts[0].h, memory[1], info.page_size) == -HYP_EINVAL &&
		       ops->mem_unreserve(counts[0].h, memory[1], info.page_size) == -HYP_EINVAL,
	       "an instance has no say over another one's memory");
	ops->fini(counts[2].h);
	apart = true;
	for (i = 0; i < SEVERAL; i++) {
		if (i != 2)
			apart &= *memory[i] == 'a' + i && *ops->thread_slot(counts[i].h) == memory[i];
	}
	tap_ok(apart, "the end of one leaves the others alone");
	for (i = 0; i < SEVERAL; i++) {
		if (i != 2)
			ops->fini(counts[i].h);
	}
}

void test_instance(void)
{
	test_table();
	test_refusals();
	test_info();
	test_several();
}
