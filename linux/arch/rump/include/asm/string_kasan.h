/* SPDX-License-Identifier: GPL-2.0-only */
/* The sanitizer's memcpy() and its kin check and then call these; code that is not to be checked calls them directly. */
#ifndef _ASM_RUMP_STRING_KASAN_H
#define _ASM_RUMP_STRING_KASAN_H
extern void *__memcpy(void *to, const void *from, __kernel_size_t n);
extern void *__memmove(void *to, const void *from, __kernel_size_t n);
extern void *__memset(void *to, int value, __kernel_size_t n);
#ifndef __SANITIZE_ADDRESS__
#define memcpy(to, from, n) __memcpy(to, from, n)
#define memmove(to, from, n) __memmove(to, from, n)
#define memset(to, value, n) __memset(to, value, n)
#ifndef __NO_FORTIFY
#define __NO_FORTIFY /* it would bring the others back */
#endif
#endif
#endif
