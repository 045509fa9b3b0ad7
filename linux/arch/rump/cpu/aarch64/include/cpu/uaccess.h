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

static __always_inline int cpu_load_user(size_t size, const void *from, void *to)
{
	int err = 0;

	switch (size) {
	case 1: {
		u8 value = 0;

		CPU_LOAD(err, value, (const u8 *)from, "b", "w");
		*(u8 *)to = value;
		break;
	}
	case 2: {
		u16 value = 0;

		CPU_LOAD(err, value, (const u16 *)from, "h", "w");
		*(u16 *)to = value;
		break;
	}
	case 4: {
		u32 value = 0;

		CPU_LOAD(err, value, (const u32 *)from, "", "w");
		*(u32 *)to = value;
		break;
	}
	case 8: {
		u64 value = 0;

		CPU_LOAD(err, value, (const u64 *)from, "", "x");
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
		CPU_STORE(err, *(const u8 *)from, (u8 *)to, "b", "w");
		break;
	case 2:
		CPU_STORE(err, *(const u16 *)from, (u16 *)to, "h", "w");
		break;
	case 4:
		CPU_STORE(err, *(const u32 *)from, (u32 *)to, "", "w");
		break;
	case 8:
		CPU_STORE(err, *(const u64 *)from, (u64 *)to, "", "x");
		break;
	}
	return err;
}

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
