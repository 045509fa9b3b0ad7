// SPDX-License-Identifier: GPL-2.0-only
/* Processor exceptions inside the kernel: user addresses that cannot be accessed, and bugs */
#include <linux/extable.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/version.h>
#include <asm/extable.h>
#include <asm/modules_area.h>
#include <asm/sections.h>
#include "rump.h"

/* What the host's handler saw first: it decides what the kernel ends of. */
static struct hyp_fault first_fault;
static u32 faulted;

/* Where a module's code begins. */
static uintptr_t module_text(const struct module *mod)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return (uintptr_t)mod->mem[MOD_TEXT].base;
#else
	return (uintptr_t)mod->core_layout.base;
#endif
}

static bool inside_modules(uintptr_t pc)
{
	return pc >= (uintptr_t)rump_modules_start && pc < rump_modules_limit;
}

/** rump_kernel_text() - instructions of the kernel's; also in signal handlers of the host's */
bool rump_kernel_text(uintptr_t pc)
{
	return (pc >= (uintptr_t)_stext && pc < (uintptr_t)_einittext) || inside_modules(pc);
}

/** rump_kernel_stack() - the context is the kernel's and not a host thread's on its way in or out */
bool rump_kernel_stack(uintptr_t sp)
{
	return (sp >= (uintptr_t)init_stack && sp < (uintptr_t)init_stack + THREAD_SIZE) ||
	       (sp >= PAGE_OFFSET && sp < (uintptr_t)high_memory);
}

/* The kernel went on where nothing may be executed. Code of the host's may stand on the kernel's stack, too: callbacks. */
static bool kernel_jumped(const struct hyp_fault *fault)
{
	return fault->kind == HYP_FAULT_ACCESS && fault->pc == fault->address && rump_kernel_stack(fault->sp) &&
	       !READ_ONCE(rump_top_of((void *)fault->sp)->cpu->in_host);
}

/**
 * rump_fault_upcall() - in a signal handler of the host: find the landing of the instruction that faulted
 *
 * The kernel's own bugs go on in rump_oops(), on the stack that they have.
 */
bool rump_fault_upcall(void *cookie, struct hyp_fault *fault)
{
	const struct exception_table_entry *entry;

	if (fault->kind == HYP_FAULT_KICK)
		return rump_kicked(fault);
	/* Page 0 is where calls through a null pointer end. */
	if (!rump_kernel_text(fault->pc) && fault->pc >= PAGE_SIZE && !kernel_jumped(fault))
		return fault->kind == HYP_FAULT_ACCESS && fault->pc != fault->address && /* nothing there is executed */
		       rump_window_fault(fault->address, fault->write);
	entry = search_exception_tables(fault->pc);
	if (entry) {
		fault->pc = (uintptr_t)&entry->fixup + entry->fixup;
		return true;
	}
	if (!rump_kernel_stack(fault->sp))
		return false;
	if (!xchg(&faulted, 1)) {
		first_fault = *fault;
		fault->pc = (uintptr_t)rump_oops_entry;
	} else {
		fault->pc = (uintptr_t)rump_lost_entry;
	}
	return true;
}

void __noreturn rump_oops(void);

void __noreturn rump_oops(void)
{
	static const char *const what[] = {
		[HYP_FAULT_ACCESS] = "bad access",
		[HYP_FAULT_MEMORY] = "no memory behind a mapping",
		[HYP_FAULT_INSTRUCTION] = "undefined instruction",
		[HYP_FAULT_ARITHMETIC] = "arithmetic exception",
	};

	const struct module *mod;

	preempt_disable();
	mod = __module_address(first_fault.pc);
	panic("%s at address %lx, %s offset %lx", what[first_fault.kind], (unsigned long)first_fault.address,
	      mod ? mod->name : "image",
	      (unsigned long)(first_fault.pc - (mod ? module_text(mod) : (uintptr_t)_text)));
}

void __noreturn rump_lost(void);

/* A second one, in the panic about the first or beside it: nothing in the kernel is to be relied on. */
void __noreturn rump_lost(void)
{
	rump_end(-1, "a fault while another one was dealt with");
	rump_leave_for_good();
}

/* The tree's own fault handlers would call it; here the host's does the work. */
int fixup_exception(struct pt_regs *regs)
{
	return 0;
}
