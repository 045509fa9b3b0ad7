// SPDX-License-Identifier: BSD-2-Clause
/* The table under test, with a look at errno around every call: it belongs to the embedding program. */
#include <errno.h>

#include "suite.h"

#define MARK 4242

const struct hyp_ops *suite_target;
static atomic_uint changes;

unsigned int suite_errno_changes(void)
{
	return atomic_load(&changes);
}

static void mark(void)
{
	errno = MARK;
}

static void check(void)
{
	if (errno != MARK)
		atomic_fetch_add(&changes, 1);
}

static int init(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
		struct hyp **h, struct hyp_info *info)
{
	int ret;

	mark();
	ret = suite_target->init(version, config, upcalls, cookie, h, info);
	check();
	return ret;
}

static void fini(struct hyp *h)
{
	mark();
	suite_target->fini(h);
	check();
}

static void exit_kernel(struct hyp *h, int status, const char *reason)
{
	mark();
	suite_target->exit(h, status, reason);
	check();
}

static int mem_reserve(struct hyp *h, size_t size, size_t align, void *hint, void **addr)
{
	int ret;

	mark();
	ret = suite_target->mem_reserve(h, size, align, hint, addr);
	check();
	return ret;
}

static int mem_unreserve(struct hyp *h, void *addr, size_t size)
{
	int ret;

	mark();
	ret = suite_target->mem_unreserve(h, addr, size);
	check();
	return ret;
}

static int mem_map(struct hyp *h, const struct hyp_map *map, size_t n)
{
	int ret;

	mark();
	ret = suite_target->mem_map(h, map, n);
	check();
	return ret;
}

static int mem_commit(struct hyp *h, void *addr, size_t size)
{
	int ret;

	mark();
	ret = suite_target->mem_commit(h, addr, size);
	check();
	return ret;
}

static int mem_release(struct hyp *h, void *addr, size_t size)
{
	int ret;

	mark();
	ret = suite_target->mem_release(h, addr, size);
	check();
	return ret;
}

static int mem_sync_code(struct hyp *h, void *addr, size_t size)
{
	int ret;

	mark();
	ret = suite_target->mem_sync_code(h, addr, size);
	check();
	return ret;
}

static int thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			 struct hyp_thread **thread)
{
	int ret;

	mark();
	ret = suite_target->thread_create(h, fn, arg, attr, thread);
	check();
	return ret;
}

static __attribute__((noreturn)) void thread_exit(struct hyp *h)
{
	suite_target->thread_exit(h);
}

static int thread_join(struct hyp *h, struct hyp_thread *thread)
{
	int ret;

	mark();
	ret = suite_target->thread_join(h, thread);
	check();
	return ret;
}

static void **thread_slot(struct hyp *h)
{
	void **ret;

	mark();
	ret = suite_target->thread_slot(h);
	check();
	return ret;
}

static int thread_on_exit(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	int ret;

	mark();
	ret = suite_target->thread_on_exit(h, fn, arg);
	check();
	return ret;
}

static void yield(struct hyp *h)
{
	mark();
	suite_target->yield(h);
	check();
}

static uint32_t thread_id(struct hyp *h)
{
	uint32_t ret;

	mark();
	ret = suite_target->thread_id(h);
	check();
	return ret;
}

static int thread_kick(struct hyp *h, uint32_t id)
{
	int ret;

	mark();
	ret = suite_target->thread_kick(h, id);
	check();
	return ret;
}

static int wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	int ret;

	mark();
	ret = suite_target->wait(h, word, expected, deadline);
	check();
	return ret;
}

static int wake(struct hyp *h, uint32_t *word, uint32_t n)
{
	int ret;

	mark();
	ret = suite_target->wake(h, word, n);
	check();
	return ret;
}

static int wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	int ret;

	mark();
	ret = suite_target->wake_wait(h, wake_word, word, expected, deadline);
	check();
	return ret;
}

static uint64_t clock_monotonic(struct hyp *h)
{
	uint64_t ret;

	mark();
	ret = suite_target->clock_monotonic(h);
	check();
	return ret;
}

static uint64_t clock_realtime(struct hyp *h)
{
	uint64_t ret;

	mark();
	ret = suite_target->clock_realtime(h);
	check();
	return ret;
}

static int timer_set(struct hyp *h, uint32_t n, uint64_t deadline)
{
	int ret;

	mark();
	ret = suite_target->timer_set(h, n, deadline);
	check();
	return ret;
}

static void console_write(struct hyp *h, const char *text, size_t len)
{
	mark();
	suite_target->console_write(h, text, len);
	check();
}

static long console_read(struct hyp *h, char *buf, size_t size)
{
	long ret;

	mark();
	ret = suite_target->console_read(h, buf, size);
	check();
	return ret;
}

static int param_get(struct hyp *h, const char *name, char *value, size_t size)
{
	int ret;

	mark();
	ret = suite_target->param_get(h, name, value, size);
	check();
	return ret;
}

static long entropy(struct hyp *h, void *buf, size_t size, uint32_t flags)
{
	long ret;

	mark();
	ret = suite_target->entropy(h, buf, size, flags);
	check();
	return ret;
}

static const struct hyp_ops checked = {
	.version = HYP_VERSION,
	.size = sizeof(struct hyp_ops),
	.name = "checked",
	.init = init,
	.fini = fini,
	.exit = exit_kernel,
	.mem_reserve = mem_reserve,
	.mem_unreserve = mem_unreserve,
	.mem_map = mem_map,
	.mem_commit = mem_commit,
	.mem_release = mem_release,
	.mem_sync_code = mem_sync_code,
	.thread_create = thread_create,
	.thread_exit = thread_exit,
	.thread_join = thread_join,
	.thread_slot = thread_slot,
	.thread_on_exit = thread_on_exit,
	.yield = yield,
	.thread_id = thread_id,
	.thread_kick = thread_kick,
	.wait = wait,
	.wake = wake,
	.wake_wait = wake_wait,
	.clock_monotonic = clock_monotonic,
	.clock_realtime = clock_realtime,
	.timer_set = timer_set,
	.console_write = console_write,
	.console_read = console_read,
	.param_get = param_get,
	.entropy = entropy,
};

const struct hyp_ops *const ops = &checked;
