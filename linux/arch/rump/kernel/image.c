// SPDX-License-Identifier: GPL-2.0-only
/* The image's entries, as librumpus calls them */
#include <linux/init_task.h>
#include <linux/kernel.h>
#include <linux/llist.h>
#include <linux/magic.h>
#include <linux/start_kernel.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include <asm/setup.h>
#include <generated/utsrelease.h>
#include "rump.h"

const struct hyp_ops *rump_hyp;
struct hyp *rump_instance;
struct hyp_info rump_info;
struct rump_carrier rump_boot_carrier; /* the thread that is in image_boot() */

static void __ref boot_entry(void)
{
	start_kernel();
	unreachable();
}

static void prepare_boot_cpu(void)
{
	struct rump_cpu *cpu = &rump_cpus[0];
	struct rump_top *top = rump_top_of(init_stack);
	unsigned int i;

	for (i = 0; i < rump_info.cpus; i++)
		rump_cpu_init(&rump_cpus[i], i);
	rump_stack_init(init_stack, &init_task, boot_entry, &cpu->kernel_sp);
	*(unsigned long *)init_stack = STACK_END_MAGIC;
	top->cpu = cpu;
	top->pending = &cpu->pending;
}

/**
 * rump_refuse() - before the kernel's first instruction: say why it does not boot, for the owner has nothing but that
 * Return: @err
 */
int rump_refuse(int err, const char *format, ...)
{
	char reason[160];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	rump_hyp->exit(rump_instance, -1, reason);
	return err;
}

/* Pages are what memory is mapped and given back by: those of the kernel cannot be parts of the host's. */
static int check_page_size(void)
{
	if (rump_info.page_size == PAGE_SIZE)
		return 0;
	return rump_refuse(-HYP_EINVAL, "this host's memory pages have %u bytes, the kernel was built for %lu",
			   rump_info.page_size, PAGE_SIZE);
}

static int take_command_line(const char *text)
{
	if (strscpy(rump_command_line, text, RUMP_COMMAND_LINE_SIZE) >= 0)
		return 0;
	return rump_refuse(-HYP_EINVAL, "the command line has %zu bytes; the kernel takes %u", strlen(text),
			   RUMP_COMMAND_LINE_SIZE - 1);
}

static int image_boot(const struct hyp_ops *ops, struct hyp *h, const struct hyp_info *info, const char *command_line)
{
	int err;

	rump_hyp = ops;
	rump_watch_prepare(info->cpus);
	rump_boot_carrier.host = ops->thread_id(h);
	rump_instance = h;
	rump_info = *info;
	rump_info.cpus = min_t(u32, info->cpus, NR_CPUS);
	err = check_page_size();
	if (err)
		return err;
	err = take_command_line(command_line);
	if (err)
		return err;
	rump_syscalls_prepare();
	err = rump_memory_prepare();
	if (!err)
		err = rump_kasan_prepare();
	if (err)
		return err;
	prepare_boot_cpu();
	err = rump_cpu_start(&rump_cpus[0]);
	if (err)
		return rump_refuse(err, "the host gives no thread; raise ulimit -u, -v and -d");
	/* This thread has nothing better to do than to carry the CPU itself. */
	rump_cpu_wait(&rump_cpus[0], &rump_boot_carrier, &rump_booted, 1);
	return READ_ONCE(rump_ended) ? -HYP_ESHUTDOWN : 0;
}

static void image_halt(void)
{
	unsigned int i;

	rump_end(0, "halted");
	for (i = 0; i < rump_info.cpus; i++)
		rump_cpu_await_exit(&rump_cpus[i]);
	for (i = 0; i < rump_info.cpus; i++)
		if (rump_cpus[i].thread)
			rump_hyp->thread_join(rump_instance, rump_cpus[i].thread);
	rump_disks_quiesce();
	if (IS_ENABLED(CONFIG_RUMP_NET))
		rump_nets_quiesce();
	rump_watch_end();
	rump_components_halt();
	for (i = 0; i < rump_info.cpus; i++)
		rump_hyp->timer_set(rump_instance, i, HYP_FOREVER);
}

static int image_net_add(struct rumpus_image_thread *thread, struct hyp_net *net, char name[32])
{
	return IS_ENABLED(CONFIG_RUMP_NET) ? rump_net_add(thread, net, name) : -HYP_EOPNOTSUPP;
}

static int image_net_remove(struct rumpus_image_thread *thread, struct hyp_net *net)
{
	return IS_ENABLED(CONFIG_RUMP_NET) ? rump_net_remove(thread, net) : -HYP_EOPNOTSUPP;
}

extern const struct rumpus_image_ops rumpus_image __attribute__((visibility("default")));
const struct rumpus_image_ops rumpus_image = {
	.version = RUMPUS_IMAGE_VERSION,
	.size = sizeof(rumpus_image),
	.hyp_version = HYP_VERSION,
	.hyp_size = sizeof(struct hyp_ops),
	.kernel = "Linux " UTS_RELEASE,
	.upcalls = {
		.timer = rump_timer_upcall,
		.fault = rump_fault_upcall,
	},
	.boot = image_boot,
	.halt = image_halt,
	.process_create = rump_process_create,
	.process_destroy = rump_process_destroy,
	.thread_attach = rump_caller_attach,
	.thread_detach = rump_caller_detach,
	.syscall = rump_caller_syscall,
	.thread_interrupt = rump_caller_interrupt,
	.disk_add = rump_disk_add,
	.disk_remove = rump_disk_remove,
	.components = rump_components,
	.net_add = image_net_add,
	.net_remove = image_net_remove,
};
