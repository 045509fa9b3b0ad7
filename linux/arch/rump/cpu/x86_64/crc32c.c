// SPDX-License-Identifier: GPL-2.0-only
/* CRC32c by the instruction that CPUs have for it: metadata of ext4 and XFS, everything of Btrfs */
#include <linux/cache.h>
#include <linux/crc32.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <cpu/crc32c.h>

/* CPUID, leaf 1: SSE4.2, which the instruction came with, though it works on general registers */
#define CPUID_FEATURES 1
#define CPUID_SSE4_2 (1U << 20)

typedef u64 u64_any __attribute__((aligned(1), may_alias));

static bool has_instruction __ro_after_init;

/* That by tables, which not every version of the tree declares. */
u32 __pure __crc32c_le_base(u32 crc, unsigned char const *bytes, size_t size);

/* In place of the tree's own, which is weak and goes by tables. */
u32 __pure __crc32c_le(u32 crc, unsigned char const *bytes, size_t size)
{
	u64 wide = crc;

	if (!has_instruction)
		return __crc32c_le_base(crc, bytes, size);
	for (; size >= 8; size -= 8, bytes += 8)
		asm("crc32q %1, %0" : "+r"(wide) : "rm"(*(const u64_any *)bytes));
	crc = (u32)wide;
	for (; size; size--, bytes++)
		asm("crc32b %1, %0" : "+r"(crc) : "rm"(*bytes));
	return crc;
}

bool crc32c_has_instruction(void)
{
	return has_instruction;
}

static int __init find_instruction(void)
{
	u32 eax = CPUID_FEATURES, ebx, ecx = 0, edx;

	asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	has_instruction = ecx & CPUID_SSE4_2;
	return 0;
}
pure_initcall(find_instruction);
