// SPDX-License-Identifier: BSD-2-Clause
/*
 * The platform that can do nothing: everything links with it, no kernel starts on it.
 *
 * It is the template for a new platform: copy this folder, give the table your name, and replace one function after
 * the other in the order below, which is the order in which a kernel comes to need them. <rumpus/hyp.h> is the
 * specification and tests/hyp/ the proof. doc/hyp.md, "Adding a platform", goes through the steps.
 */
#include <rumpus/hyp.h>

/* 1. init() and fini(): struct hyp is yours to define. As long as init() fails, no other call is ever made. */
static int init(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
		struct hyp **h, struct hyp_info *info)
{
	return version == HYP_VERSION ? -HYP_ENOSYS : -HYP_EINVAL;
}

static void fini(struct hyp *h)
{
}

/* 2. The end of the kernel, and its console: the first things that show that anything works. */
static void exit_kernel(struct hyp *h, int status, const char *reason)
{
}

static void console_write(struct hyp *h, const char *text, size_t len)
{
}

static long console_read(struct hyp *h, char *buf, size_t size)
{
	return 0;
}

static int param_get(struct hyp *h, const char *name, char *value, size_t size)
{
	return -HYP_ENOENT;
}

/* 3. Memory: one object that can be mapped many times, and commit as the only call that may find memory short. */
static int mem_reserve(struct hyp *h, size_t size, size_t align, void *hint, void **addr)
{
	return -HYP_ENOSYS;
}

static int mem_unreserve(struct hyp *h, void *addr, size_t size)
{
	return -HYP_ENOSYS;
}

static int mem_map(struct hyp *h, const struct hyp_map *map, size_t n)
{
	return -HYP_ENOSYS;
}

static int mem_commit(struct hyp *h, void *addr, size_t size)
{
	return -HYP_ENOSYS;
}

static int mem_release(struct hyp *h, void *addr, size_t size)
{
	return -HYP_ENOSYS;
}

static int mem_sync_code(struct hyp *h, void *addr, size_t size)
{
	return -HYP_ENOSYS;
}

/* 4. Time. */
static uint64_t clock_monotonic(struct hyp *h)
{
	return 0;
}

static uint64_t clock_realtime(struct hyp *h)
{
	return 0;
}

static int timer_set(struct hyp *h, uint32_t n, uint64_t deadline)
{
	return -HYP_ENOSYS;
}

/* 5. Threads. A platform without threads of its own makes them here; one stack for each is all that it needs. */
static int thread_create(struct hyp *h, void (*fn)(void *arg), void *arg, const struct hyp_thread_attr *attr,
			 struct hyp_thread **thread)
{
	return -HYP_ENOSYS;
}

static __attribute__((noreturn)) void thread_exit(struct hyp *h)
{
	__builtin_trap(); /* no thread was ever made */
}

static int thread_join(struct hyp *h, struct hyp_thread *thread)
{
	return -HYP_ENOSYS;
}

static void **thread_slot(struct hyp *h)
{
	return NULL;
}

static int thread_on_exit(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	return -HYP_ENOSYS;
}

static void yield(struct hyp *h)
{
}

/* A kernel that can kick threads gets out of loops that look at nothing. Without interrupts, leave it as it is. */
static uint32_t thread_id(struct hyp *h)
{
	return 0;
}

static int thread_kick(struct hyp *h, uint32_t id)
{
	return -HYP_ENOSYS;
}

/* 6. Waiting: the heart of it. Prove first, with tests/hyp/wait.c, that no wake-up is lost. */
static int wait(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	return -HYP_ENOSYS; /* 0 would look like a spurious wake-up and make a loop of its caller */
}

static int wake(struct hyp *h, uint32_t *word, uint32_t n)
{
	return -HYP_ENOSYS;
}

static int wake_wait(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	return -HYP_ENOSYS;
}

/* 7. Entropy: fail rather than invent any. */
static long entropy(struct hyp *h, void *buf, size_t size, uint32_t flags)
{
	return -HYP_ENOSYS;
}

static const struct hyp_ops stub_hyp_ops = {
	.version = HYP_VERSION,
	.size = sizeof(struct hyp_ops),
	.name = "stub",
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

const struct hyp_ops *hyp_platform(void)
{
	return &stub_hyp_ops;
}
