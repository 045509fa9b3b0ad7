/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_SYSCALL_H
#define _ASM_RUMP_SYSCALL_H
#include <linux/sched.h>
#include <linux/string.h>
#include <uapi/linux/audit.h>

/* Nothing traces a rump kernel's system calls from inside it. */
static inline int syscall_get_nr(struct task_struct *task, struct pt_regs *regs)
{
	return -1;
}

static inline void syscall_rollback(struct task_struct *task, struct pt_regs *regs)
{
}

static inline long syscall_get_error(struct task_struct *task, struct pt_regs *regs)
{
	return 0;
}

static inline long syscall_get_return_value(struct task_struct *task, struct pt_regs *regs)
{
	return regs->result;
}

static inline void syscall_set_return_value(struct task_struct *task, struct pt_regs *regs, int error, long value)
{
	regs->result = error ?: value;
}

static inline void syscall_get_arguments(struct task_struct *task, struct pt_regs *regs, unsigned long *args)
{
	memset(args, 0, 6 * sizeof(*args));
}

static inline int syscall_get_arch(struct task_struct *task)
{
	return 0;
}
#endif
