// SPDX-License-Identifier: BSD-2-Clause
/* Life and end of an instance */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

#define CPUS_MAX 65536U
#define MEMORY_DEFAULT_MIN ((uint64_t)32 << 20) /* the least that Linux boots with */
#define HOST_MAPPINGS_DEFAULT 65530U /* Linux's vm.max_map_count where /proc cannot be read */
#define BUDGET_SHARE 8U

/* Kernels want a few sections of address space for it, whatever they use: what is not there shows when it is committed. */
static uint64_t memory_default(void)
{
	uint64_t half = posix_memory_allowed() / 2;

	return half > MEMORY_DEFAULT_MIN ? half : MEMORY_DEFAULT_MIN;
}

static uint32_t cpus_default(void)
{
	cpu_set_t set;
	long online;

	if (!sched_getaffinity(0, sizeof(set), &set))
		return CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than cpu_set_t has bits */
	return online > 0 ? online : 1;
}

static uint32_t host_mappings(void)
{
	unsigned int limit = HOST_MAPPINGS_DEFAULT;
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

	if (!file)
		return limit;
	if (fscanf(file, "%u", &limit) != 1)
		limit = HOST_MAPPINGS_DEFAULT;
	fclose(file);
	return limit;
}

static uint32_t budget_choose(uint32_t wish)
{
	uint32_t limit = host_mappings();

	if (!wish)
		return limit / BUDGET_SHARE;
	return wish < limit ? wish : limit;
}

static int instance_fill(struct hyp *h, const struct hyp_config *config)
{
	uint32_t cpus = config->cpus ? config->cpus : cpus_default();
	int ret;

	if (cpus > CPUS_MAX) {
		posix_say(h, "posix: %u virtual CPUs are too many; there may be %u\n", cpus, CPUS_MAX);
		return -HYP_EINVAL;
	}
	ret = posix_memory_init(h, config->mem_bound ? config->mem_bound : memory_default(),
				budget_choose(config->map_budget));
	if (ret)
		return ret;
	ret = posix_timers_init(&h->timers, cpus + 1);
	if (ret)
		posix_memory_fini(&h->memory);
	return ret;
}

int posix_init(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
	       struct hyp **h, struct hyp_info *info)
{
	static _Atomic uint64_t serials;
	int saved ERRNO_KEPT = errno;
	struct hyp *made;
	int ret;

	if (version != HYP_VERSION || !config || !upcalls)
		return -HYP_EINVAL;
	ret = posix_slot_setup();
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -HYP_ENOMEM;
	made->serial = atomic_fetch_add(&serials, 1) + 1;
	made->config = *config;
	made->upcalls = *upcalls;
	made->cookie = cookie;
	ret = instance_fill(made, config);
	if (ret)
		goto err_free;
	ret = posix_registry_add(made);
	if (ret)
		goto err_fill;
	if (made->upcalls.fault)
		posix_fault_install();
	*h = made;
	*info = (struct hyp_info){
		.page_size = posix_page_size(),
		.cpus = made->timers.n - 1,
		.mem_bound = made->memory.size,
		.map_budget = made->memory.budget,
		.clock_resolution = posix_clock_resolution(),
	};
	return 0;

err_fill:
	posix_timers_fini(&made->timers);
	posix_memory_fini(&made->memory);
err_free:
	free(made);
	return ret;
}

void posix_fini(struct hyp *h)
{
	int saved ERRNO_KEPT = errno;
	uint32_t threads;

	/* The last steps of a detached thread: nobody can join it, yet it still uses the instance. */
	while ((threads = atomic_load(&h->threads)))
		posix_futex_wait(&h->threads, threads, HYP_FOREVER);
	posix_timers_fini(&h->timers);
	posix_registry_remove(h); /* no handler and no exit hook uses the instance afterwards */
	if (h->upcalls.fault)
		posix_fault_uninstall();
	posix_memory_fini(&h->memory);
	free(h);
}

void posix_exit(struct hyp *h, int status, const char *reason)
{
	int saved ERRNO_KEPT = errno;

	if (atomic_exchange(&h->ended, true))
		return;
	if (reason)
		snprintf(h->reason, sizeof(h->reason), "%s", reason);
	if (h->config.exited)
		h->config.exited(h->config.owner, status, reason ? h->reason : NULL);
}
