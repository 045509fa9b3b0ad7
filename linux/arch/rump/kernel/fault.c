// SPDX-License-Identifier: GPL-2.0-only
/* Processor exceptions inside the kernel: user addresses that cannot be accessed, and bugs */
#include <linux/extable.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/sched/debug.h>
#include <asm/extable.h>
#include <asm/sections.h>
#include "rump.h"

/* What the host's handler saw last; written by the thread that faults, read by it in rump_oops(). */
static struct hyp_fault last_fault;

static bool inside_image(uintptr_t pc)
{
	return pc >= (uintptr_t)_stext && pc < (uintptr_t)_einittext;
}

/**
 * rump_fault_upcall() - in a signal handler of the host: find the landing of the instruction that faulted
 *
 * The kernel's own bugs go on in rump_oops(), on the stack that they have.
 */
bool rump_fault_upcall(void *cookie, struct hyp_fault *fault)
{
	const struct exception_table_entry *entry;

	if (!inside_image(fault->pc))
		return false;
	entry = search_exception_tables(fault->pc);
	if (entry) {
		fault->pc = (uintptr_t)&entry->fixup + entry->fixup;
		return true;
	}
	if (READ_ONCE(rump_ended))
		return false;
	last_fault = *fault;
	fault->pc = (uintptr_t)rump_oops_entry;
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

	panic("%s at address %lx, image offset %lx", what[last_fault.kind], (unsigned long)last_fault.address,
	      (unsigned long)(last_fault.pc - (uintptr_t)_text));
}

/* The tree's own fault handlers would call it; here the host's does the work. */
int fixup_exception(struct pt_regs *regs)
{
	return 0;
}
