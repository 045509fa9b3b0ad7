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

static __always_inline int cpu_load_user(size_t size, const void *from, void *to)
{
	int err = 0;

	switch (size) {
	case 1: {
		u8 value = 0;

		CPU_LOAD(err, value, (const u8 *)from, "b", "+q");
		*(u8 *)to = value;
		break;
	}
	case 2: {
		u16 value = 0;

		CPU_LOAD(err, value, (const u16 *)from, "w", "+r");
		*(u16 *)to = value;
		break;
	}
	case 4: {
		u32 value = 0;

		CPU_LOAD(err, value, (const u32 *)from, "l", "+r");
		*(u32 *)to = value;
		break;
	}
	case 8: {
		u64 value = 0;

		CPU_LOAD(err, value, (const u64 *)from, "q", "+r");
		*(u64 *)to = value;
		break;
	}
	}
	return err;
}

static __always_inline int cpu_store_user(size_t size, void *to, const void *from)
{
	int err = 0;

	switch (size) {
	case 1:
		CPU_STORE(err, *(const u8 *)from, (u8 *)to, "b", "q");
		break;
	case 2:
		CPU_STORE(err, *(const u16 *)from, (u16 *)to, "w", "r");
		break;
	case 4:
		CPU_STORE(err, *(const u32 *)from, (u32 *)to, "l", "r");
		break;
	case 8:
		CPU_STORE(err, *(const u64 *)from, (u64 *)to, "q", "r");
		break;
	}
	return err;
}

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
