// SPDX-License-Identifier: BSD-2-Clause
/* The table of the replay platform: what is not about time, chance or order goes to posix as it is */
#include <inttypes.h>
#include <stdlib.h>

#include "internal.h"

#define SPURIOUS_DEFAULT 16
#define SPACE UINT64_C(0x2a0000000000) /* where reservations begin; each instance has SPACE_EACH bytes of wishes */
#define SPACE_EACH (UINT64_C(1) << 38)
#define SPACES 64

static uint64_t number_param(const struct hyp_config *config, const char *name, uint64_t absent)
{
	char value[32];

	if (!config->param || config->param(config->owner, name, value, sizeof(value)) < 0)
		return absent;
	return strtoull(value, NULL, 0);
}

static int fill(struct replay *r, const struct hyp_config *config, struct hyp_info *info)
{
	static _Atomic uint64_t serials;
	uint32_t n;

	r->timers_n = info->cpus + 1;
	r->timers = malloc(r->timers_n * sizeof(*r->timers));
	if (!r->timers)
		return -HYP_ENOMEM;
	for (n = 0; n < r->timers_n; n++)
		r->timers[n] = HYP_FOREVER;
	r->serial = atomic_fetch_add(&serials, 1) + 1;
	r->random = number_param(config, "replay.seed", 1);
	r->entropy = ~r->random;
	r->spurious = number_param(config, "replay.spurious", SPURIOUS_DEFAULT);
	r->space = SPACE + (r->serial - 1) % SPACES * SPACE_EACH;
	pthread_mutex_init(&r->lock, NULL);
	info->clock_resolution = REPLAY_STEP_NS;
	return 0;
}

static int init(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
		struct hyp **h, struct hyp_info *info)
{
	int saved ERRNO_KEPT = errno;
	struct hyp_upcalls passed;
	struct hyp_info got;
	struct replay *r;
	int ret;

	if (!upcalls)
		return -HYP_EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -HYP_ENOMEM;
	r->upcalls = *upcalls;
	r->cookie = cookie;
	passed = *upcalls;
	passed.timer = NULL;
	ret = posix_init(version, config, &passed, cookie, &r->posix, &got);
	if (ret)
		goto err_free;
	ret = fill(r, config, &got);
	if (ret)
		goto err_posix;
	*h = (struct hyp *)r;
	*info = got;
	replay_enter(r); /* who makes the instance is its first thread */
	replay_leave(r);
	return 0;

err_posix:
	posix_fini(r->posix);
err_free:
	free(r);
	return ret;
}

static void fini(struct hyp *h)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;

	replay_threads_finish(r);
	posix_fini(r->posix); /* forgets the exit hooks of those who were taken in */
	while (r->threads)
		replay_thread_free_locked(r, r->threads);
	pthread_mutex_destroy(&r->lock);
	free(r->timers);
	free(r);
}

static void exit_kernel(struct hyp *h, int status, const char *reason)
{
	struct replay *r = replay_from(h);
	int saved ERRNO_KEPT = errno;
	struct replay_thread *self = replay_enter(r);

	replay_switch_locked(r, self, REPLAY_EXIT);
	replay_leave(r);
	posix_exit(r->posix, status, reason);
}

static int mem_reserve(struct hyp *h, size_t size, size_t align, void *hint, void **addr)
{
	struct replay *r = replay_from(h);
	size_t unit = align > posix_page_size() ? align : posix_page_size();
	uintptr_t wish;
	int ret;

	if (hint || align & (align - 1))
		return posix_mem_reserve(r->posix, size, align, hint, addr);
	pthread_mutex_lock(&r->lock);
	wish = (r->space + unit - 1) & ~(unit - 1);
	r->space = wish + size + unit; /* with a gap, which finds who runs over the end */
	pthread_mutex_unlock(&r->lock);
	ret = posix_mem_reserve(r->posix, size, align, (void *)wish, addr);
	return ret;
}

static int mem_unreserve(struct hyp *h, void *addr, size_t size)
{
	return posix_mem_unreserve(replay_from(h)->posix, addr, size);
}

static int mem_map(struct hyp *h, const struct hyp_map *map, size_t n)
{
	return posix_mem_map(replay_from(h)->posix, map, n);
}

static int mem_commit(struct hyp *h, void *addr, size_t size)
{
	return posix_mem_commit(replay_from(h)->posix, addr, size);
}

static int mem_release(struct hyp *h, void *addr, size_t size)
{
	return posix_mem_release(replay_from(h)->posix, addr, size);
}

static int mem_sync_code(struct hyp *h, void *addr, size_t size)
{
	return posix_mem_sync_code(replay_from(h)->posix, addr, size);
}

static void **thread_slot(struct hyp *h)
{
	return posix_thread_slot(replay_from(h)->posix);
}

static int thread_on_exit(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	return posix_thread_on_exit(replay_from(h)->posix, fn, arg);
}

/* Interruptions have no place in an order that repeats. */
static uint32_t thread_id(struct hyp *h)
{
	return 0;
}

static int thread_kick(struct hyp *h, uint32_t id)
{
	return -HYP_ENOSYS;
}

static void console_write(struct hyp *h, const char *text, size_t len)
{
	struct replay *r = replay_from(h);
	size_t i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < len; i++)
		replay_note_locked(r, REPLAY_CONSOLE, text[i]);
	pthread_mutex_unlock(&r->lock);
	posix_console_write(r->posix, text, len);
}

static long console_read(struct hyp *h, char *buf, size_t size)
{
	return posix_console_read(replay_from(h)->posix, buf, size);
}

static int param_get(struct hyp *h, const char *name, char *value, size_t size)
{
	return posix_param_get(replay_from(h)->posix, name, value, size);
}

static long entropy(struct hyp *h, void *buf, size_t size, uint32_t flags)
{
	struct replay *r = replay_from(h);
	unsigned char *bytes = buf;
	size_t i;

	if (flags & ~(HYP_ENTROPY_HARD | HYP_ENTROPY_NOWAIT))
		return -HYP_EINVAL;
	pthread_mutex_lock(&r->lock);
	for (i = 0; i < size; i++)
		bytes[i] = replay_random(&r->entropy) >> 56;
	replay_note_locked(r, REPLAY_ENTROPY, size);
	pthread_mutex_unlock(&r->lock);
	return size;
}

void replay_trace(struct hyp *h, struct replay_trace *trace)
{
	struct replay *r = replay_from(h);

	pthread_mutex_lock(&r->lock);
	*trace = r->trace;
	pthread_mutex_unlock(&r->lock);
}

static const struct hyp_ops replay_hyp_ops = {
	.version = HYP_VERSION,
	.size = sizeof(struct hyp_ops),
	.name = "replay",
	.init = init,
	.fini = fini,
	.exit = exit_kernel,
	.mem_reserve = mem_reserve,
	.mem_unreserve = mem_unreserve,
	.mem_map = mem_map,
	.mem_commit = mem_commit,
	.mem_release = mem_release,
	.mem_sync_code = mem_sync_code,
	.thread_create = replay_thread_create,
	.thread_exit = replay_thread_exit,
	.thread_join = replay_thread_join,
	.thread_slot = thread_slot,
	.thread_on_exit = thread_on_exit,
	.yield = replay_yield,
	.thread_id = thread_id,
	.thread_kick = thread_kick,
	.wait = replay_wait,
	.wake = replay_wake,
	.wake_wait = replay_wake_wait,
	.clock_monotonic = replay_clock_monotonic,
	.clock_realtime = replay_clock_realtime,
	.timer_set = replay_timer_set,
	.console_write = console_write,
	.console_read = console_read,
	.param_get = param_get,
	.entropy = entropy,
};

const struct hyp_ops *hyp_platform(void)
{
	return &replay_hyp_ops;
}
