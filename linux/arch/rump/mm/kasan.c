// SPDX-License-Identifier: GPL-2.0-only
/* The address sanitizer's shadow: one reservation for all between the image with its modules, the linear map and vmalloc() */
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <asm/modules_area.h>
#include <asm/pgalloc.h>
#include <asm/sections.h>
#include "../kernel/rump.h"

unsigned long rump_kasan_start, rump_kasan_size, rump_kasan_shadow;

/**
 * rump_kasan_prepare() - before the kernel's first instruction, when it knows where its memory will be
 *
 * Memory of the host's own that lies between gets a shadow, too; no page of it is ever there unless it is written.
 */
int rump_kasan_prepare(void)
{
	unsigned long start = min3((unsigned long)_text, PAGE_OFFSET, VMALLOC_START);
	unsigned long end = max3((unsigned long)rump_modules_end, PAGE_OFFSET + rump_info.mem_bound, VMALLOC_END);
	struct hyp_map map = { .offset = HYP_MEM_ANONYMOUS, .prot = HYP_PROT_READ | HYP_PROT_WRITE };
	int err;

	start = round_down(start, PMD_SIZE << KASAN_SHADOW_SCALE_SHIFT);
	map.size = round_up(((end - start) >> KASAN_SHADOW_SCALE_SHIFT) + 1, PMD_SIZE);
	err = rump_hyp->mem_reserve(rump_instance, map.size, PMD_SIZE, NULL, &map.addr);
	if (err)
		return err;
	err = rump_hyp->mem_map(rump_instance, &map, 1);
	if (err)
		return err;
	rump_kasan_start = start;
	rump_kasan_size = end - start;
	rump_kasan_shadow = (unsigned long)map.addr;
	return 0;
}

/*
 * The tree would allocate shadow for memory that is added, unless its page table says that there is one. Nothing is
 * ever mapped by these entries: all share one table.
 */
static int __init claim_shadow(unsigned long addr, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		set_pte(&kasan_early_shadow_pte[i], pfn_pte(0, PAGE_KERNEL));
	for (; addr < end; addr += PMD_SIZE) {
		p4d_t *p4d = p4d_offset(pgd_offset_k(addr), addr);
		pud_t *pud = pud_alloc(&init_mm, p4d, addr);
		pmd_t *pmd = pud ? pmd_alloc(&init_mm, pud, addr) : NULL;

		if (!pmd)
			return -ENOMEM;
		pmd_populate_kernel(&init_mm, pmd, kasan_early_shadow_pte);
	}
	return 0;
}

/** rump_kasan_enable() - complain from now on, in the first task and all that it makes */
void __init rump_kasan_enable(void)
{
	init_task.kasan_depth = 0;
	pr_info("kasan: watches %lx-%lx\n", rump_kasan_start, rump_kasan_start + rump_kasan_size);
}

static int __init claim_linear_map(void)
{
	unsigned long linear = (unsigned long)kasan_mem_to_shadow((void *)PAGE_OFFSET);
	unsigned long size = ((unsigned long)high_memory - PAGE_OFFSET) >> KASAN_SHADOW_SCALE_SHIFT;

	return claim_shadow(round_down(linear, PMD_SIZE), linear + size);
}
early_initcall(claim_linear_map);
