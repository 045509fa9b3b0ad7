// SPDX-License-Identifier: GPL-2.0-only
/* memcpy and its kin: short ones in registers, long ones as the CPU does them best */
#include <linux/export.h>
#include <linux/string.h>
#include <cpu/string.h>

#include <asm/string_kasan.h>

#undef memcpy
#undef memmove
#undef memset

typedef u64 u64_any __attribute__((aligned(1), may_alias));
typedef u32 u32_any __attribute__((aligned(1), may_alias));
typedef u16 u16_any __attribute__((aligned(1), may_alias));

/*
 * Up to 32 bytes: all loads come before all stores, so that it also serves memmove().
 */
static __always_inline void copy_short(u8 *to, const u8 *from, size_t n)
{
	if (n >= 16) {
		u64x2 head = *(const u64x2 *)from, tail = *(const u64x2 *)(from + n - 16);

		*(u64x2 *)to = head;
		*(u64x2 *)(to + n - 16) = tail;
	} else if (n >= 8) {
		u64 head = *(const u64_any *)from, tail = *(const u64_any *)(from + n - 8);

		*(u64_any *)to = head;
		*(u64_any *)(to + n - 8) = tail;
	} else if (n >= 4) {
		u32 head = *(const u32_any *)from, tail = *(const u32_any *)(from + n - 4);

		*(u32_any *)to = head;
		*(u32_any *)(to + n - 4) = tail;
	} else if (n >= 2) {
		u16 head = *(const u16_any *)from, tail = *(const u16_any *)(from + n - 2);

		*(u16_any *)to = head;
		*(u16_any *)(to + n - 2) = tail;
	} else if (n) {
		*to = *from;
	}
}

static __always_inline void copy_forward(u8 *to, const u8 *from, size_t n)
{
	if (n >= CPU_COPY_LONG_MIN) {
		cpu_copy_long(to, from, n);
		return;
	}
	for (; n > 32; n -= 32, to += 32, from += 32) {
		u64x2 low = *(const u64x2 *)from, high = *(const u64x2 *)(from + 16);

		*(u64x2 *)to = low;
		*(u64x2 *)(to + 16) = high;
	}
	copy_short(to, from, n);
}

void *__memcpy(void *to, const void *from, size_t n)
{
	if (n <= 32)
		copy_short(to, from, n);
	else
		copy_forward(to, from, n);
	return to;
}
EXPORT_SYMBOL(__memcpy);
void *memcpy(void *to, const void *from, size_t n) __weak __alias(__memcpy);
EXPORT_SYMBOL(memcpy);

void *__memmove(void *to, const void *from, size_t n)
{
	u8 *t = to;
	const u8 *f = from;

	if (n <= 32) {
		copy_short(t, f, n);
		return to;
	}
	if ((uintptr_t)t - (uintptr_t)f >= n) {
		copy_forward(t, f, n);
		return to;
	}
	for (; n > 32; n -= 32) {
		u64x2 low = *(const u64x2 *)(f + n - 32), high = *(const u64x2 *)(f + n - 16);

		*(u64x2 *)(t + n - 32) = low;
		*(u64x2 *)(t + n - 16) = high;
	}
	copy_short(t, f, n);
	return to;
}
EXPORT_SYMBOL(__memmove);
void *memmove(void *to, const void *from, size_t n) __weak __alias(__memmove);
EXPORT_SYMBOL(memmove);

void *__memset(void *to, int value, size_t n)
{
	cpu_set(to, value, n);
	return to;
}
EXPORT_SYMBOL(__memset);
void *memset(void *to, int value, size_t n) __weak __alias(__memset);
EXPORT_SYMBOL(memset);
