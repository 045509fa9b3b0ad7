/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_STRING_H
#define _ASM_RUMP_STRING_H
#define __HAVE_ARCH_MEMCPY
#define __HAVE_ARCH_MEMMOVE
#define __HAVE_ARCH_MEMSET
extern void *memcpy(void *to, const void *from, __kernel_size_t n);
extern void *memmove(void *to, const void *from, __kernel_size_t n);
extern void *memset(void *to, int value, __kernel_size_t n);
#ifdef CONFIG_KASAN
#include <asm/string_kasan.h>
#endif
#endif
