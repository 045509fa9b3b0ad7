// SPDX-License-Identifier: GPL-2.0-only
/* The system-call table: the host CPU's own, out of the tree */
#include <linux/linkage.h>
#include <linux/syscalls.h>
/* Its last argument has had several types. */
#define sys_mmap sys_mmap
asmlinkage long sys_mmap(unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags,
			 unsigned long fd, unsigned long off);
#include <asm-generic/syscalls.h>
#include <rumpus/syscall_refused.h>
#include "rump.h"

/* These configure a processor's user mode, which is not the kernel's here. */
#define sys_arch_prctl sys_ni_syscall
#define sys_ioperm sys_ni_syscall
#define sys_iopl sys_ni_syscall
#define sys_modify_ldt sys_ni_syscall
#define sys_map_shadow_stack sys_ni_syscall

typedef long (*syscall_fn)(long, long, long, long, long, long);

#define __SYSCALL_WITH_COMPAT(nr, native, compat) __SYSCALL(nr, native)
#define __SYSCALL_NORETURN(nr, call) __SYSCALL(nr, call)
#define __SYSCALL(nr, call) [nr] = (call),
static void *const table[__NR_syscalls] = {
	[0 ... __NR_syscalls - 1] = sys_ni_syscall,
#include <asm/syscall_table_64.h>
};

/* What a host thread may not call: the error for each number, or 0. */
static u8 refused[__NR_syscalls];

/** rump_syscalls_prepare() - before the kernel's first instruction */
void rump_syscalls_prepare(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rumpus_refused); i++)
		if (rumpus_refused[i].number < ARRAY_SIZE(refused)) /* or this version does not have it */
			refused[rumpus_refused[i].number] = rumpus_refused[i].error;
}

/**
 * rump_system_call() - make a system call as the current task
 * Return: what the upstream function returns, -ERESTART... included
 */
long rump_system_call(long number, const long *args)
{
	long result;

	if (unlikely((unsigned long)number >= ARRAY_SIZE(table)))
		return -ENOSYS;
	if (unlikely(refused[number]))
		return -refused[number];
	result = ((syscall_fn)table[number])(args[0], args[1], args[2], args[3], args[4], args[5]);
	return likely(result != -EFAULT) ? result : rump_direct_again(number, args);
}

SYSCALL_DEFINE6(mmap, unsigned long, addr, unsigned long, len, unsigned long, prot, unsigned long, flags,
		unsigned long, fd, unsigned long, off)
{
	if (off & ~PAGE_MASK)
		return -EINVAL;
	return ksys_mmap_pgoff(addr, len, prot, flags, fd, off >> PAGE_SHIFT);
}

asmlinkage long sys_rt_sigreturn(struct pt_regs *regs)
{
	return -ENOSYS;
}
