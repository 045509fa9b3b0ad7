// SPDX-License-Identifier: GPL-2.0-only
/* What the tree asks of a machine while it boots, and when it ends */
#include <linux/binfmts.h>
#include <linux/console.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kmsg_dump.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/archrandom.h>
#include <asm/setup.h>
#include "carry.h"

char rump_command_line[RUMP_COMMAND_LINE_SIZE];

static void console_write(struct console *console, const char *text, unsigned int len)
{
	rump_host_begin();
	rump_hyp->console_write(rump_instance, text, len);
	rump_host_end();
}

static struct console console = {
	.name = "rump",
	.write = console_write,
	.flags = CON_PRINTBUFFER | CON_ANYTIME,
	.index = -1,
};

/** rump_leave_for_good() - inside, after rump_end(): never come back */
void __noreturn rump_leave_for_good(void)
{
	local_irq_disable();
	for (;;)
		rump_leave(NULL, false);
}

/* Some panics say what it was about in the log alone, in a line before. */
static const char *reason_in_log(const char *reason)
{
	static const struct {
		const char *reason, *begins;
	} lines[] = {
		{ "BUG!", "BUG: failure at " },
		{ "hung_task: blocked tasks", "INFO: task " },
	};
	static char found[256], line[256];
	struct kmsg_dump_iter iter;
	size_t len;
	int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		if (!strcmp(reason, lines[i].reason))
			break;
	if (i == ARRAY_SIZE(lines))
		return reason;
	kmsg_dump_rewind(&iter);
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		const char *begin;

		line[len] = 0;
		begin = strstr(line, lines[i].begins);
		if (begin)
			strscpy(found, begin, sizeof(found)); /* the last one counts */
	}
	return found[0] ? found : reason;
}

static int end_by_panic(struct notifier_block *block, unsigned long event, void *reason)
{
	rump_end(-1, reason_in_log(reason));
	rump_leave_for_good();
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = { .notifier_call = end_by_panic, .priority = INT_MIN };

/* The user's parameters, and before them those that may follow from them. */
static void __init set_command_line(void)
{
	char text[COMMAND_LINE_SIZE - sizeof(rump_command_line)];

	strscpy(boot_command_line, rump_command_line, COMMAND_LINE_SIZE);
	parse_early_param();
	rump_memory_parameters(text, sizeof(text));
	snprintf(boot_command_line, COMMAND_LINE_SIZE, "%s %s", text, rump_command_line);
}

void __init setup_arch(char **command_line)
{
	int cpu;

	register_console(&console);
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	set_command_line();
	*command_line = boot_command_line;
	rump_memory_setup();
	rump_kasan_enable();
	for (cpu = 0; cpu < rump_info.cpus; cpu++) {
		set_cpu_possible(cpu, true);
		set_cpu_present(cpu, true);
	}
}

static void __noreturn end_in_order(const char *reason)
{
	rump_end(0, reason);
	rump_leave_for_good();
}

void machine_halt(void)
{
	end_in_order("halted");
}

void machine_power_off(void)
{
	end_in_order("powered off");
}

void machine_restart(char *command)
{
	end_in_order("restarted");
}

size_t rump_entropy(unsigned long *v, size_t max_longs)
{
	long bytes = rump_hyp->entropy(rump_instance, v, max_longs * sizeof(*v), HYP_ENTROPY_NOWAIT);

	return bytes < 0 ? 0 : bytes / sizeof(*v);
}
EXPORT_SYMBOL(rump_entropy);

/* ---- /proc/cpuinfo ---- */

static void *cpuinfo_start(struct seq_file *seq, loff_t *pos)
{
	*pos = cpumask_next(*pos - 1, cpu_online_mask);
	return *pos < nr_cpu_ids ? (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *cpuinfo_next(struct seq_file *seq, void *v, loff_t *pos)
{
	(*pos)++;
	return cpuinfo_start(seq, pos);
}

static void cpuinfo_stop(struct seq_file *seq, void *v)
{
}

static int cpuinfo_show(struct seq_file *seq, void *v)
{
	seq_printf(seq, "processor\t: %lu\nmodel name\t: rump kernel virtual CPU\n\n", (unsigned long)v - 1);
	return 0;
}

const struct seq_operations cpuinfo_op = {
	.start = cpuinfo_start,
	.next = cpuinfo_next,
	.stop = cpuinfo_stop,
	.show = cpuinfo_show,
};

/* ---- process 1 ---- */

/*
 * The tree starts process 1 by executing /init. An empty file of that name, in a format that only this handler knows,
 * makes kernel_init() return: to first_instruction(), which goes on in rump_init_main().
 */
static int load_init(struct linux_binprm *bprm)
{
	int err;

	if (strcmp(bprm->filename, "/init"))
		return -ENOEXEC;
	err = begin_new_exec(bprm);
	if (err)
		return err;
	setup_new_exec(bprm);
	finalize_exec(bprm);
	return 0;
}

static struct linux_binfmt init_format = { .load_binary = load_init };

static int __init create_init(void)
{
	struct file *file;

	insert_binfmt(&init_format);
	/* Read-only: the put of a writer is delayed, and until then the file would be busy. */
	file = filp_open("/init", O_CREAT | O_RDONLY, 0700);
	if (IS_ERR(file))
		return PTR_ERR(file);
	return filp_close(file, NULL);
}
late_initcall(create_init);
