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
	"3:	mov	%w[err], %[efault]\n"	\
	"	b	2b\n"			\
	".previous\n" CPU_EXTABLE("1b", "3b")

/* @reg is the form of the register's name: w for up to 4 bytes, x for 8. */
#define CPU_LOAD(err, value, address, suffix, reg)					\
	asm volatile(CPU_LANDING("ldr" suffix "	%" reg "[to], %[from]")			\
		     : [err] "+r"(err), [to] "+r"(value)				\
		     : [from] "Q"(*(address)), [efault] "i"(-EFAULT))

#define CPU_STORE(err, value, address, suffix, reg)					\
	asm volatile(CPU_LANDING("str" suffix "	%" reg "[from], %[to]")			\
		     : [err] "+r"(err), [to] "=Q"(*(address))				\
		     : [from] "rZ"(value), [efault] "i"(-EFAULT))

#define CPU_LOAD_1(err, value, from)	CPU_LOAD(err, value, from, "b", "w")
#define CPU_LOAD_2(err, value, from)	CPU_LOAD(err, value, from, "h", "w")
#define CPU_LOAD_4(err, value, from)	CPU_LOAD(err, value, from, "", "w")
#define CPU_LOAD_8(err, value, from)	CPU_LOAD(err, value, from, "", "x")
#define CPU_STORE_1(err, value, to)	CPU_STORE(err, value, to, "b", "w")
#define CPU_STORE_2(err, value, to)	CPU_STORE(err, value, to, "h", "w")
#define CPU_STORE_4(err, value, to)	CPU_STORE(err, value, to, "", "w")
#define CPU_STORE_8(err, value, to)	CPU_STORE(err, value, to, "", "x")

/* Both return how many bytes were not done, to the byte; uaccess.S. */
unsigned long cpu_copy_user(void *to, const void *from, unsigned long n);
unsigned long cpu_clear_user(void *to, unsigned long n);

/* Compare and exchange, fully ordered when it exchanges; *@old becomes what was there. */
static __always_inline int cpu_cmpxchg_user(u32 *address, u32 *old, u32 new)
{
	u32 was = *old, failed;
	int err = 0;

	asm volatile("1:	ldxr	%w[was], %[word]\n"
		     "	cmp	%w[was], %w[old]\n"
		     "	b.ne	3f\n"
		     "2:	stlxr	%w[failed], %w[new], %[word]\n"
		     "	cbnz	%w[failed], 1b\n"
		     "	dmb	ish\n"
		     "3:\n"
		     ".subsection 1\n"
		     "4:	mov	%w[err], %[efault]\n"
		     "	b	3b\n"
		     ".previous\n" CPU_EXTABLE("1b", "4b") CPU_EXTABLE("2b", "4b")
		     : [err] "+r"(err), [was] "+&r"(was), [failed] "=&r"(failed), [word] "+Q"(*address)
		     : [old] "r"(*old), [new] "r"(new), [efault] "i"(-EFAULT)
		     : "memory", "cc");
	*old = was;
	return err;
}

#endif
