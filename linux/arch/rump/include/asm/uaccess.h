/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory is that of the calling process, reached as its address space says: here, with a landing for what cannot
 * be accessed, or elsewhere, by the calls of struct rumpus_user_ops.
 */
#ifndef _ASM_RUMP_UACCESS_H
#define _ASM_RUMP_UACCESS_H
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/mm_types.h>
#include <asm/extable.h>
#include <cpu/uaccess.h>

/* Return how many bytes were not done, as the raw_copy functions do. */
unsigned long rump_remote_read(void *to, const void __user *from, unsigned long n);
unsigned long rump_remote_write(void __user *to, const void *from, unsigned long n);

unsigned long rump_copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long rump_copy_to_user(void __user *to, const void *from, unsigned long n);

/* Of 1, 2, 4 or 8 bytes; 0 or -EFAULT */
static __always_inline int cpu_load_user(size_t size, const void *from, void *to)
{
	int err = 0;

	switch (size) {
	case 1: {
		u8 value = 0;

		CPU_LOAD_1(err, value, (const u8 *)from);
		*(u8 *)to = value;
		break;
	}
	case 2: {
		u16 value = 0;

		CPU_LOAD_2(err, value, (const u16 *)from);
		*(u16 *)to = value;
		break;
	}
	case 4: {
		u32 value = 0;

		CPU_LOAD_4(err, value, (const u32 *)from);
		*(u32 *)to = value;
		break;
	}
	case 8: {
		u64 value = 0;

		CPU_LOAD_8(err, value, (const u64 *)from);
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
		CPU_STORE_1(err, *(const u8 *)from, (u8 *)to);
		break;
	case 2:
		CPU_STORE_2(err, *(const u16 *)from, (u16 *)to);
		break;
	case 4:
		CPU_STORE_4(err, *(const u32 *)from, (u32 *)to);
		break;
	case 8:
		CPU_STORE_8(err, *(const u64 *)from, (u64 *)to);
		break;
	}
	return err;
}

static __always_inline bool rump_user_is_remote(void)
{
	struct mm_struct *mm = current->mm;

	return unlikely(mm && mm->context.ops);
}

static __always_inline int __get_user_fn(size_t size, const void __user *from, void *to)
{
	if (rump_user_is_remote())
		return rump_remote_read(to, from, size) ? -EFAULT : 0;
	if (likely(!cpu_load_user(size, (const void __force *)from, to)))
		return 0;
	return rump_copy_from_user(to, from, size) ? -EFAULT : 0;
}
#define __get_user_fn(size, from, to) __get_user_fn(size, from, to)

static __always_inline int __put_user_fn(size_t size, void __user *to, void *from)
{
	if (rump_user_is_remote())
		return rump_remote_write(to, from, size) ? -EFAULT : 0;
	if (likely(!cpu_store_user(size, (void __force *)to, from)))
		return 0;
	return rump_copy_to_user(to, from, size) ? -EFAULT : 0;
}
#define __put_user_fn(size, to, from) __put_user_fn(size, to, from)

static __always_inline __must_check unsigned long raw_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	if (__builtin_constant_p(n) && (n == 1 || n == 2 || n == 4 || n == 8))
		return __get_user_fn(n, from, to) ? n : 0;
	return rump_copy_from_user(to, from, n);
}

static __always_inline __must_check unsigned long raw_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	if (__builtin_constant_p(n) && (n == 1 || n == 2 || n == 4 || n == 8))
		return __put_user_fn(n, to, (void *)from) ? n : 0;
	return rump_copy_to_user(to, from, n);
}
#define INLINE_COPY_FROM_USER
#define INLINE_COPY_TO_USER

unsigned long __must_check __clear_user(void __user *to, unsigned long n);
#define __clear_user __clear_user

#define __get_kernel_nofault(dst, src, type, err_label) do {		\
	if (cpu_load_user(sizeof(type), (const void *)(src), (dst)))		\
		goto err_label;						\
} while (0)
#define __put_kernel_nofault(dst, src, type, err_label) do {		\
	if (cpu_store_user(sizeof(type), (void *)(dst), (src)))		\
		goto err_label;						\
} while (0)

#include <asm-generic/uaccess.h>

long strncpy_from_user(char *to, const char __user *from, long n);
long strnlen_user(const char __user *from, long n);
#endif
