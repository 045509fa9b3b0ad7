// SPDX-License-Identifier: BSD-2-Clause
/* Kernels: booted from an image, asked why they ended, halted. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "internal.h"

enum {
	CACHE_MIN = 4 << 20,
	COMMAND_LINE_SIZE = 4096,
	POLL_NS = 100 * 1000, /* between looks whether callers have left, after they were told to */
};

static void hand_out(const struct rumpus *kernel, const char *text, size_t len)
{
	if (kernel->log >= 0)
		host_log_write(kernel->log, text, len);
	if (kernel->config.log)
		kernel->config.log(kernel->config.arg, text, len);
}

void kernel_log(const struct rumpus *kernel, const char *format, ...)
{
	char line[PATH_MAX + 256];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (len > 0)
		hand_out(kernel, line, (size_t)len);
}

static void console(void *owner, const char *text, size_t len)
{
	struct rumpus *kernel = owner;

	__atomic_store_n(&kernel->said, true, __ATOMIC_RELAXED);
	hand_out(kernel, text, len);
}

/*
 * Not while it boots: one that refuses to has not ended, for it never ran. Whoever ends a kernel stores its end and then
 * looks whether it boots, run() does the reverse, so that one of the two tells.
 */
static void tell_end(struct rumpus *kernel)
{
	if (__atomic_load_n(&kernel->booting, __ATOMIC_SEQ_CST) || __atomic_load_n(&kernel->ended, __ATOMIC_SEQ_CST) != 2)
		return;
	if (!__atomic_exchange_n(&kernel->end_told, true, __ATOMIC_ACQ_REL) && kernel->config.ended)
		kernel->config.ended(kernel->config.arg, kernel->end_status, kernel->reason);
}

/* On any thread of the kernel's; the first end counts. A kernel that is being halted does not end by itself. */
static void exited(void *owner, int status, const char *reason)
{
	struct rumpus *kernel = owner;
	int running = 0;

	if (__atomic_load_n(&kernel->dead, __ATOMIC_ACQUIRE))
		return;
	if (!__atomic_compare_exchange_n(&kernel->ended, &running, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (!reason || !*reason)
		reason = status == 0 ? "power off" : "it gave no reason";
	snprintf(kernel->reason, sizeof(kernel->reason), "%s", reason);
	kernel->reason[strcspn(kernel->reason, "\n")] = '\0';
	kernel->end_status = status;
	__atomic_store_n(&kernel->ended, 2, __ATOMIC_SEQ_CST);
	tell_end(kernel);
}

const char *rumpus_end_reason(const struct rumpus *kernel)
{
	return kernel && __atomic_load_n(&kernel->ended, __ATOMIC_ACQUIRE) == 2 ? kernel->reason : NULL;
}

const char *rumpus_version(const struct rumpus *kernel)
{
	return kernel ? kernel->version : NULL;
}

/* An empty configuration is all defaults; one of another size is from a caller that knows fewer or more fields. */
static int read_config(const struct rumpus_config *config, struct rumpus_config *copy)
{
	size_t size;

	memset(copy, 0, sizeof(*copy));
	if (!config)
		return 0;
	size = config->size ? config->size : sizeof(*copy);
	if (size > sizeof(*copy) || size < offsetof(struct rumpus_config, arg) + sizeof(copy->arg))
		return -EINVAL;
	memcpy(copy, config, size);
	return 0;
}

static int check_config(const struct rumpus *kernel)
{
	if (!kernel->config.cache || kernel->config.cache >= CACHE_MIN)
		return 0;
	kernel_log(kernel, "rumpus: a cache of %" PRIu64 " bytes is too small; it needs %d\n", kernel->config.cache,
		   CACHE_MIN);
	return -EINVAL;
}

static int start_platform(struct rumpus *kernel)
{
	struct hyp_config config = {
		.mem_bound = kernel->config.memory,
		.cpus = kernel->config.cpus,
		.map_budget = kernel->config.mappings,
		.console = console,
		.exited = exited,
		.owner = kernel,
	};
	int error;

	kernel->ops = hyp_platform();
	if (kernel->ops->version != HYP_VERSION || kernel->ops->size < sizeof(*kernel->ops)) {
		kernel_log(kernel, "rumpus: the platform %s is of version %u, not %u\n", kernel->ops->name,
			   kernel->ops->version, HYP_VERSION);
		return -EINVAL;
	}
	error = kernel->ops->init(HYP_VERSION, &config, &upcalls_of_kernel, kernel, &kernel->h, &kernel->info);
	/* The last line is what people see: the platform's own tells more. */
	if (error && !__atomic_load_n(&kernel->said, __ATOMIC_RELAXED))
		kernel_log(kernel, "rumpus: the platform %s does not start: %s\n", kernel->ops->name, strerror(-error));
	return error;
}

static int load(struct rumpus *kernel)
{
	struct loader_image image;
	struct hyp_file *file;
	char name[PATH_MAX] = "";
	const char *why = "";
	int error = host_image_open(kernel->config.image, &file, name, sizeof(name));

	if (error) {
		kernel_log(kernel, "rumpus: kernel image %s: cannot be opened: %s\n", name, strerror(-error));
		return error;
	}
	error = loader_load(kernel->ops, kernel->h, kernel->info.page_size, file, &image, &why);
	file->ops->close(file);
	if (error) {
		kernel_log(kernel, "rumpus: kernel image %s: %s\n", name, why);
		return error;
	}
	kernel->image.base = image.base;
	kernel->image.size = image.size;
	debug_add(&kernel->debug, &image, name);
	__atomic_store_n(&kernel->image.ops, image.ops, __ATOMIC_RELEASE);
	snprintf(kernel->version, sizeof(kernel->version), "%s", image.ops->kernel);
	return components_open(kernel, name);
}

static int run(struct rumpus *kernel)
{
	const char *command_line = kernel->config.command_line ? kernel->config.command_line : "";
	char text[COMMAND_LINE_SIZE];
	const char *reason;
	int error;

	if (kernel->config.cache) {
		int len = snprintf(text, sizeof(text), "rump.cache=%" PRIu64 " %s", kernel->config.cache, command_line);

		if (len >= (int)sizeof(text)) {
			kernel_log(kernel, "rumpus: the command line has %zu bytes; no kernel takes that many\n",
				   strlen(command_line));
			return -EINVAL;
		}
		command_line = text;
	}
	wait_lend(kernel);
	kernel->image.ops->components(component_request, kernel);
	kernel->booting = true;
	error = kernel->image.ops->boot(&kernel->lent, kernel->h, &kernel->info, command_line);
	if (!error || error == -ESHUTDOWN) {
		__atomic_store_n(&kernel->booting, false, __ATOMIC_SEQ_CST);
		tell_end(kernel);
	}
	reason = rumpus_end_reason(kernel);
	if (error)
		kernel_log(kernel, "rumpus: %s does not boot: %s\n", kernel->version,
			   reason ? reason : strerror(-error));
	if (error == -ESHUTDOWN)
		kernel->image.ops->halt(); /* its threads may still be on their way out */
	return error;
}

static int open_log(struct rumpus *kernel)
{
	int error;

	kernel->log = -1;
	error = host_log_open(&kernel->log);
	if (error)
		kernel_log(kernel, "rumpus: the file that RUMPUS_LOG names cannot be opened: %s\n", strerror(-error));
	return error;
}

static void close_log(const struct rumpus *kernel)
{
	if (kernel->log >= 0)
		host_log_close(kernel->log);
}

/* Without the lock: from nothing to a kernel that serves calls, or nothing again. */
static int start(struct rumpus *kernel)
{
	int error = open_log(kernel);

	if (error)
		return error;
	error = check_config(kernel);
	if (!error)
		error = start_platform(kernel);
	if (error)
		goto no_platform;
	error = load(kernel);
	if (!error)
		error = run(kernel);
	if (!error)
		return 0;
	components_free(kernel);
	debug_remove(&kernel->debug);
	kernel->ops->fini(kernel->h);
no_platform:
	close_log(kernel);
	return error;
}

/* With the lock: the calling thread is the first of the new kernel's, and finds it afterwards. */
static int enter(struct rumpus *kernel)
{
	struct rumpus_thread *thread;
	int error;

	kernel->config.image = NULL; /* the caller's strings */
	kernel->config.components = NULL;
	kernel->config.command_line = NULL;
	LIST_INSERT_HEAD(&rumpus_kernels, kernel, in_all);
	error = thread_use(&kernel->first, &thread);
	if (!error)
		thread_enter(thread, true);
	return error;
}

int rumpus_boot(const struct rumpus_config *config, struct rumpus **out)
{
	struct rumpus *kernel;
	int error = host_init();

	if (error)
		return error;
	if (!out)
		return -EINVAL;
	kernel = calloc(1, sizeof(*kernel));
	if (!kernel)
		return -ENOMEM;
	kernel->first.kernel = kernel;
	pthread_mutex_init(&kernel->components.lock, NULL);
	error = read_config(config, &kernel->config);
	if (!error)
		error = api_begin();
	if (error) {
		free(kernel);
		return error;
	}
	pthread_mutex_unlock(&rumpus_lock);
	error = start(kernel);
	pthread_mutex_lock(&rumpus_lock);
	if (error) {
		api_end();
		free(kernel);
		return error;
	}
	error = enter(kernel);
	api_end();
	if (error) {
		rumpus_halt(kernel);
		return error;
	}
	*out = kernel;
	return 0;
}

/* With the lock: no call begins from now on, by system call, by interruption or otherwise. */
static void close_gates(struct rumpus *kernel)
{
	struct rumpus_thread *thread;
	struct visit *visit;

	__atomic_store_n(&kernel->dead, true, __ATOMIC_RELEASE); /* exited() looks without the lock */
	LIST_REMOVE(kernel, in_all);
	LIST_FOREACH(visit, &kernel->visits, in_kernel)
		LIST_FOREACH(thread, &visit->threads, in_visit) {
			gate_close(thread);
			gate_forget(thread);
		}
	host_fence_all();
}

static bool anyone_inside(const struct rumpus *kernel)
{
	const struct rumpus_thread *thread;
	const struct visit *visit;

	LIST_FOREACH(visit, &kernel->visits, in_kernel)
		LIST_FOREACH(thread, &visit->threads, in_visit)
			if (gate_inside(thread))
				return true;
	return false;
}

/* With the lock, after the image was halted: its callers are on their way out, but may be off their CPU. */
static void wait_for_callers(struct rumpus *kernel)
{
	uint32_t never = 0;

	while (kernel->pending)
		pthread_cond_wait(&rumpus_idle, &rumpus_lock);
	while (anyone_inside(kernel)) {
		pthread_mutex_unlock(&rumpus_lock);
		kernel->ops->wait(kernel->h, &never, 0, kernel->ops->clock_monotonic(kernel->h) + POLL_NS);
		pthread_mutex_lock(&rumpus_lock);
	}
}

static void free_records(struct rumpus *kernel)
{
	struct rumpus_process *process;
	struct visit *visit;

	while ((visit = LIST_FIRST(&kernel->visits)))
		visit_free(visit);
	while ((process = LIST_FIRST(&kernel->processes))) {
		LIST_REMOVE(process, in_kernel);
		free(process);
	}
}

int rumpus_halt(struct rumpus *kernel)
{
	int error;

	if (!kernel)
		return -EINVAL;
	error = api_begin();
	if (error)
		return error;
	if (kernel->dead) {
		api_end();
		return -EBUSY;
	}
	close_gates(kernel);
	pthread_mutex_unlock(&rumpus_lock);
	kernel->image.ops->halt();
	pthread_mutex_lock(&rumpus_lock);
	wait_for_callers(kernel);
	dhcp_release_all(kernel);
	free_records(kernel);
	pthread_mutex_unlock(&rumpus_lock);
	devices_close(kernel);
	components_free(kernel);
	debug_remove(&kernel->debug);
	kernel->ops->fini(kernel->h); /* frees the image too, once no upcall runs in it */
	close_log(kernel);
	pthread_mutex_lock(&rumpus_lock);
	api_end();
	free(kernel);
	return 0;
}
