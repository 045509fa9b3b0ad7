// SPDX-License-Identifier: BSD-2-Clause
/* A platform that supports nothing says so, at every call, and touches nothing. */
#include "suite.h"

static void nothing(void *arg)
{
}

void test_stub(void)
{
	static const struct hyp_upcalls none;
	struct hyp *h = (struct hyp *)&none;
	struct hyp_thread *thread = NULL;
	struct hyp_map map = { 0 };
	struct hyp_info info;
	uint32_t word = 0;
	void *addr = &map;
	char buf[8] = "kept";

	tap_is(suite_target->version, HYP_VERSION, "version of the table");
	tap_is(suite_target->size, sizeof(struct hyp_ops), "size of the table");
	tap_is(ops->init(17, &suite_config, &none, NULL, &h, &info), -HYP_EINVAL, "init of another version");
	tap_is(ops->init(HYP_VERSION, &suite_config, &none, NULL, &h, &info), -HYP_ENOSYS, "init");
	tap_ok(h == (struct hyp *)&none, "init leaves the handle alone");
	tap_is(ops->mem_reserve(NULL, 4096, 0, NULL, &addr), -HYP_ENOSYS, "mem_reserve");
	tap_ok(addr == &map, "mem_reserve leaves the address alone");
	tap_is(ops->mem_unreserve(NULL, NULL, 4096), -HYP_ENOSYS, "mem_unreserve");
	tap_is(ops->mem_map(NULL, &map, 1), -HYP_ENOSYS, "mem_map");
	tap_is(ops->mem_commit(NULL, NULL, 4096), -HYP_ENOSYS, "mem_commit");
	tap_is(ops->mem_release(NULL, NULL, 4096), -HYP_ENOSYS, "mem_release");
	tap_is(ops->mem_sync_code(NULL, NULL, 4096), -HYP_ENOSYS, "mem_sync_code");
	tap_is(ops->thread_create(NULL, nothing, NULL, NULL, &thread), -HYP_ENOSYS, "thread_create");
	tap_ok(!thread, "thread_create leaves the handle alone");
	tap_is(ops->thread_join(NULL, NULL), -HYP_ENOSYS, "thread_join");
	tap_ok(!ops->thread_slot(NULL), "thread_slot");
	tap_is(ops->thread_on_exit(NULL, nothing, NULL), -HYP_ENOSYS, "thread_on_exit");
	ops->yield(NULL);
	tap_is(ops->wait(NULL, &word, 0, HYP_FOREVER), -HYP_ENOSYS, "wait");
	tap_is(ops->wake(NULL, &word, 1), -HYP_ENOSYS, "wake");
	tap_is(ops->wake_wait(NULL, &word, &word, 0, HYP_FOREVER), -HYP_ENOSYS, "wake_wait");
	tap_is(ops->clock_monotonic(NULL), 0, "clock_monotonic");
	tap_is(ops->clock_realtime(NULL), 0, "clock_realtime");
	tap_is(ops->timer_set(NULL, 0, 1), -HYP_ENOSYS, "timer_set");
	ops->console_write(NULL, "text", 4);
	tap_is(ops->console_read(NULL, buf, sizeof(buf)), 0, "console_read");
	tap_is(ops->param_get(NULL, "name", buf, sizeof(buf)), -HYP_ENOENT, "param_get");
	tap_is(ops->entropy(NULL, buf, sizeof(buf), 0), -HYP_ENOSYS, "entropy");
	tap_ok(!strcmp(buf, "kept"), "buffers stay untouched");
	ops->exit(NULL, 0, NULL);
	ops->fini(NULL);
}
