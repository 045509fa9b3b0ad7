// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel mappings (vmalloc, vmap): what the page table says becomes the host's mappings
 *
 * A bit for each page of the area says whether the host has it mapped. New entries are mapped when the tree flushes
 * caches for them, and unmapped when it flushes the TLB, which it does before it uses an address again. Such a flush
 * may be wide and late: live pages within it stay as they are, for their bit is set and their entry present.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include "../kernel/rump.h"

#define BATCH 32

static DEFINE_SPINLOCK(lock); /* guards the bits and the order of the host's mappings with them */
static unsigned long *mapped;

struct batch {
	struct hyp_map map[BATCH];
	unsigned int n;
};

static void batch_flush(struct batch *batch)
{
	if (batch->n && rump_hyp->mem_map(rump_instance, batch->map, batch->n))
		panic("the host makes no more mappings");
	batch->n = 0;
}

/* Add a page; one that continues the piece before it joins that. */
static void batch_add(struct batch *batch, unsigned long addr, u64 offset)
{
	struct hyp_map *last = &batch->map[batch->n - 1];

	if (batch->n && (unsigned long)last->addr + last->size == addr &&
	    (offset == HYP_MEM_NONE ? last->offset == HYP_MEM_NONE :
				      last->offset != HYP_MEM_NONE && last->offset + last->size == offset)) {
		last->size += PAGE_SIZE;
		return;
	}
	if (batch->n == BATCH)
		batch_flush(batch);
	batch->map[batch->n++] = (struct hyp_map){
		.addr = (void *)addr,
		.size = PAGE_SIZE,
		.offset = offset,
		.prot = offset == HYP_MEM_NONE ? HYP_PROT_NONE : HYP_PROT_READ | HYP_PROT_WRITE,
	};
}

/* The kernel's entry for @addr; *@next is where the following one is, past tables that are not there. */
static pte_t kernel_pte(unsigned long addr, unsigned long *next)
{
	p4d_t *p4d = p4d_offset(pgd_offset_k(addr), addr);
	pud_t *pud;
	pmd_t *pmd;

	*next = (addr & PGDIR_MASK) + PGDIR_SIZE;
	if (p4d_none(*p4d))
		return __pte(0);
	pud = pud_offset(p4d, addr);
	*next = (addr & PUD_MASK) + PUD_SIZE;
	if (pud_none(*pud))
		return __pte(0);
	pmd = pmd_offset(pud, addr);
	*next = (addr & PMD_MASK) + PMD_SIZE;
	if (pmd_none(*pmd))
		return __pte(0);
	*next = addr + PAGE_SIZE;
	return *pte_offset_kernel(pmd, addr);
}

static unsigned long area_page(unsigned long addr)
{
	return (addr - VMALLOC_START) >> PAGE_SHIFT;
}

static bool area_clamp(unsigned long *start, unsigned long *end)
{
	*start = max(*start & PAGE_MASK, VMALLOC_START);
	*end = min(PAGE_ALIGN(*end), VMALLOC_END);
	return *start < *end;
}

/** rump_map_kernel_range() - pages were entered in the kernel's table: let the host map them */
void rump_map_kernel_range(unsigned long start, unsigned long end)
{
	struct batch batch = { .n = 0 };
	unsigned long addr, next, flags;

	if (!area_clamp(&start, &end))
		return;
	spin_lock_irqsave(&lock, flags);
	for (addr = start; addr < end; addr = next) {
		pte_t pte = kernel_pte(addr, &next);

		if (!pte_present(pte) || __test_and_set_bit(area_page(addr), mapped))
			continue;
		batch_add(&batch, addr, PFN_PHYS(pte_pfn(pte)));
	}
	batch_flush(&batch);
	spin_unlock_irqrestore(&lock, flags);
}

/** rump_unmap_kernel_range() - addresses are about to be used again: forget what is no more in the table */
void rump_unmap_kernel_range(unsigned long start, unsigned long end)
{
	struct batch batch = { .n = 0 };
	unsigned long page, next, flags;

	if (!area_clamp(&start, &end))
		return;
	spin_lock_irqsave(&lock, flags);
	page = area_page(start);
	for_each_set_bit_from(page, mapped, area_page(end)) {
		unsigned long addr = VMALLOC_START + (page << PAGE_SHIFT);

		if (pte_present(kernel_pte(addr, &next)))
			continue;
		__clear_bit(page, mapped);
		batch_add(&batch, addr, HYP_MEM_NONE);
	}
	batch_flush(&batch);
	spin_unlock_irqrestore(&lock, flags);
}

/** rump_kmap_prepare() - before the kernel's first instruction: @bits has one for each page of the area, all clear */
void rump_kmap_prepare(unsigned long *bits)
{
	mapped = bits;
}
