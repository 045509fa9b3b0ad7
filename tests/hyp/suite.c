// SPDX-License-Identifier: BSD-2-Clause
/* Helpers of the conformance suite */
#include <stdio.h>
#include <stdlib.h>

#include "suite.h"

const struct suite_group suite_groups[] = {
	{ "instance", test_instance }, { "memory", test_memory },
	{ "pages", test_pages },       { "budget", test_budget },
	{ "thread", test_thread },     { "slot", test_slot },
	{ "wait", test_wait },	       { "time", test_time },
	{ "timer", test_timer },       { "owner", test_owner },
	{ "fault", test_fault },       { "chain", test_chain },
	{ "kick", test_kick },	       { "leak", test_leak },
	{ NULL, NULL },
};

uint64_t suite_patience = 20 * SECOND;

static int param(void *owner, const char *name, char *value, size_t size)
{
	const char *seed = getenv("HYP_SEED");

	if (strcmp(name, "replay.seed") || !seed)
		return -HYP_ENOENT;
	if (strlen(seed) >= size)
		return -HYP_ERANGE;
	return snprintf(value, size, "%s", seed);
}

const struct hyp_config suite_config = {
	.mem_bound = 64 << 20,
	.cpus = 4,
	.map_budget = 256,
	.param = param,
};

bool suite_run(const char *name)
{
	const struct suite_group *group;
	bool found = false;

	for (group = suite_groups; group->name; group++) {
		if (name && strcmp(name, group->name))
			continue;
		tap_note("%s", group->name);
		group->run();
		found = true;
	}
	return found;
}

struct hyp *suite_open_with(const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
			    struct hyp_info *info)
{
	struct hyp_info unused;
	struct hyp *h;
	int ret = ops->init(HYP_VERSION, config, upcalls, cookie, &h, info ? info : &unused);

	if (ret)
		tap_abort("init: %d", ret);
	return h;
}

struct hyp *suite_open(struct hyp_info *info)
{
	static const struct hyp_upcalls none;

	return suite_open_with(&suite_config, &none, NULL, info);
}

void *suite_reserve(struct hyp *h, size_t size)
{
	void *addr;
	int ret = ops->mem_reserve(h, size, 0, NULL, &addr);

	if (ret)
		tap_abort("mem_reserve of %zu: %d", size, ret);
	return addr;
}

int suite_map(struct hyp *h, void *addr, size_t size, uint64_t offset, uint32_t prot)
{
	struct hyp_map map = { .addr = addr, .size = size, .offset = offset, .prot = prot };

	return ops->mem_map(h, &map, 1);
}

struct hyp_thread *suite_start(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	struct hyp_thread_attr attr = { .name = "conformance", .cpu = -1, .flags = HYP_THREAD_JOINABLE };
	struct hyp_thread *thread;
	int ret = ops->thread_create(h, fn, arg, &attr, &thread);

	if (ret)
		tap_abort("thread_create: %d", ret);
	return thread;
}

void suite_join(struct hyp *h, struct hyp_thread *thread)
{
	int ret = ops->thread_join(h, thread);

	if (ret)
		tap_abort("thread_join: %d", ret);
}

uint64_t suite_after(struct hyp *h, uint64_t ns)
{
	return ops->clock_monotonic(h) + ns;
}

void suite_sleep(struct hyp *h, uint64_t ns)
{
	uint64_t deadline = suite_after(h, ns);
	uint32_t word = 0;

	while (ops->wait(h, &word, 0, deadline) != -HYP_ETIMEDOUT)
		;
}

bool suite_await(struct hyp *h, uint32_t *word, uint32_t value)
{
	uint64_t deadline = suite_after(h, suite_patience);
	uint32_t seen;

	while ((int32_t)((seen = __atomic_load_n(word, __ATOMIC_SEQ_CST)) - value) < 0) {
		if (ops->wait(h, word, seen, deadline) == -HYP_ETIMEDOUT)
			return false;
	}
	return true;
}

void suite_post(struct hyp *h, uint32_t *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
	ops->wake(h, word, UINT32_MAX);
}

uint32_t suite_random(void)
{
	static _Atomic uint64_t state = 88172645463325252U;
	uint64_t x = atomic_fetch_add(&state, UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	return (x ^ (x >> 27)) >> 16;
}

bool suite_stub(void)
{
	static const struct hyp_upcalls none;
	struct hyp_info info;
	struct hyp *h;
	int ret = ops->init(HYP_VERSION, &suite_config, &none, NULL, &h, &info);

	if (!ret)
		ops->fini(h);
	return ret == -HYP_ENOSYS;
}
