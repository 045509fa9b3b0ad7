/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to memory of the calling process that may not be there: each instruction that can fault has an entry in the
 * exception table, and the host's fault handler lets it go on at the entry's landing.
 */
#ifndef _CPU_UACCESS_H
#define _CPU_UACCESS_H

#define CPU_EXTABLE(from, to)			\
	".pushsection __ex_table, \"a\"\n"	\
	".balign 4\n"				\
	".long (" from ") - .\n"		\
	".long (" to ") - .\n"			\
	".popsection\n"

/* Sets @err to -EFAULT when @instruction faults. */
#define CPU_LANDING(instruction)		\
	"1:	" instruction "\n"		\
	"2:\n"					\
	".subsection 1\n"			\
	"3:	movl %[efault], %[err]\n"	\
	"	jmp 2b\n"			\
	".previous\n" CPU_EXTABLE("1b", "3b")

#define CPU_LOAD(err, value, address, suffix, reg)					\
	asm volatile(CPU_LANDING("mov" suffix " %[from], %[to]")			\
		     : [err] "+r"(err), [to] reg(value)					\
		     : [from] "m"(*(address)), [efault] "i"(-EFAULT))

#define CPU_STORE(err, value, address, suffix, reg)					\
	asm volatile(CPU_LANDING("mov" suffix " %[from], %[to]")			\
		     : [err] "+r"(err), [to] "=m"(*(address))				\
		     : [from] reg(value), [efault] "i"(-EFAULT))

#define CPU_LOAD_1(err, value, from)	CPU_LOAD(err, value, from, "b", "+q")
#define CPU_LOAD_2(err, value, from)	CPU_LOAD(err, value, from, "w", "+r")
#define CPU_LOAD_4(err, value, from)	CPU_LOAD(err, value, from, "l", "+r")
#define CPU_LOAD_8(err, value, from)	CPU_LOAD(err, value, from, "q", "+r")
#define CPU_STORE_1(err, value, to)	CPU_STORE(err, value, to, "b", "q")
#define CPU_STORE_2(err, value, to)	CPU_STORE(err, value, to, "w", "r")
#define CPU_STORE_4(err, value, to)	CPU_STORE(err, value, to, "l", "r")
#define CPU_STORE_8(err, value, to)	CPU_STORE(err, value, to, "q", "r")

/* Both return how many bytes were not done: a fault leaves the rest of the count in its register. */
static __always_inline unsigned long cpu_copy_user(void *to, const void *from, unsigned long n)
{
	asm volatile("1:	rep movsb\n"
		     "2:\n" CPU_EXTABLE("1b", "2b")
		     : "+D"(to), "+S"(from), "+c"(n)
		     :
		     : "memory");
	return n;
}

static __always_inline unsigned long cpu_clear_user(void *to, unsigned long n)
{
	asm volatile("1:	rep stosb\n"
		     "2:\n" CPU_EXTABLE("1b", "2b")
		     : "+D"(to), "+c"(n)
		     : "a"(0)
		     : "memory");
	return n;
}

/* Compare and exchange; *@old becomes what was there. */
static __always_inline int cpu_cmpxchg_user(u32 *address, u32 *old, u32 new)
{
	int err = 0;

	asm volatile(CPU_LANDING("lock cmpxchgl %[new], %[word]")
		     : [err] "+r"(err), "+a"(*old), [word] "+m"(*address)
		     : [new] "r"(new), [efault] "i"(-EFAULT)
		     : "memory", "cc");
	return err;
}

#endif
