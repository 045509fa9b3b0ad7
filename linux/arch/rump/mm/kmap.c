// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel mappings (vmalloc, vmap): what the page table says becomes the host's mappings
 *
 * A bit for each page of the area says whether the host has it mapped. New entries are mapped when the tree flushes
 * caches for them, and unmapped when it flushes the TLB, which it does before it uses an address again. Such a flush
 * may be wide and late: live pages within it stay as they are, for their bit is set and their entry present.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/spinlock.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include "../kernel/rump.h"

#define BATCH 32

static DEFINE_SPINLOCK(lock); /* guards the bits and the order of the host's mappings with them */

/**
 * struct area - addresses that the tree's page table manages
 * @start, @end: where it is
 * @mapped:      a bit for each page: the host has it mapped
 */
struct area {
	unsigned long start, end;
	unsigned long *mapped;
};

/* That of vmalloc(), and that of modules. */
static struct area areas[2];

struct batch {
	struct hyp_map map[BATCH];
	unsigned int n;
	int err; /* the first one of the host's */
};

static int batch_flush(struct batch *batch)
{
	if (batch->n && !batch->err)
		batch->err = rump_hyp->mem_map(rump_instance, batch->map, batch->n);
	batch->n = 0;
	return batch->err;
}

static void batch_finish(struct batch *batch)
{
	if (batch_flush(batch))
		panic("the host makes no more mappings");
}

static u32 prot_of(pte_t pte)
{
	u32 prot = HYP_PROT_READ;

	if (pte_write(pte))
		prot |= HYP_PROT_WRITE;
	if (pte_val(pte) & _PAGE_EXEC)
		prot |= HYP_PROT_EXEC;
	return prot;
}

/* Add a page; one that continues the piece before it joins that. */
static void batch_add(struct batch *batch, unsigned long addr, u64 offset, u32 prot)
{
	struct hyp_map *last = &batch->map[batch->n - 1];

	if (batch->n && (unsigned long)last->addr + last->size == addr && last->prot == prot &&
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
		.prot = prot,
	};
}

/* The kernel's entry for @addr, or NULL; *@next is where the following one is, past tables that are not there. */
static pte_t *kernel_entry(unsigned long addr, unsigned long *next)
{
	p4d_t *p4d = p4d_offset(pgd_offset_k(addr), addr);
	pud_t *pud;
	pmd_t *pmd;

	*next = (addr & PGDIR_MASK) + PGDIR_SIZE;
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	*next = (addr & PUD_MASK) + PUD_SIZE;
	if (pud_none(*pud))
		return NULL;
	pmd = pmd_offset(pud, addr);
	*next = (addr & PMD_MASK) + PMD_SIZE;
	if (pmd_none(*pmd))
		return NULL;
	*next = addr + PAGE_SIZE;
	return pte_offset_kernel(pmd, addr);
}

static pte_t kernel_pte(unsigned long addr, unsigned long *next)
{
	const pte_t *entry = kernel_entry(addr, next);

	return entry ? *entry : __pte(0);
}

static bool area_clamp(const struct area *area, unsigned long *start, unsigned long *end)
{
	*start = max(*start & PAGE_MASK, area->start);
	*end = min(PAGE_ALIGN(*end), area->end);
	return *start < *end;
}

static unsigned long area_page(const struct area *area, unsigned long addr)
{
	return (addr - area->start) >> PAGE_SHIFT;
}

static void area_map(struct area *area, unsigned long start, unsigned long end)
{
	struct batch batch = { .n = 0 };
	unsigned long addr, next, flags;

	if (!area_clamp(area, &start, &end))
		return;
	spin_lock_irqsave(&lock, flags);
	for (addr = start; addr < end; addr = next) {
		pte_t pte = kernel_pte(addr, &next);

		if (!pte_present(pte) || __test_and_set_bit(area_page(area, addr), area->mapped))
			continue;
		/* Variables of a module that was here had borders. */
		kasan_unpoison_range((void *)addr, PAGE_SIZE);
		batch_add(&batch, addr, PFN_PHYS(pte_pfn(pte)), prot_of(pte));
	}
	batch_finish(&batch);
	spin_unlock_irqrestore(&lock, flags);
}

static void area_unmap(struct area *area, unsigned long start, unsigned long end)
{
	struct batch batch = { .n = 0 };
	unsigned long page, next, flags;

	if (!area_clamp(area, &start, &end))
		return;
	spin_lock_irqsave(&lock, flags);
	page = area_page(area, start);
	for_each_set_bit_from(page, area->mapped, area_page(area, end)) {
		unsigned long addr = area->start + (page << PAGE_SHIFT);

		if (pte_present(kernel_pte(addr, &next)))
			continue;
		__clear_bit(page, area->mapped);
		batch_add(&batch, addr, HYP_MEM_NONE, HYP_PROT_NONE);
	}
	batch_finish(&batch);
	spin_unlock_irqrestore(&lock, flags);
}

/** rump_map_kernel_range() - pages were entered in the kernel's table: let the host map them */
void rump_map_kernel_range(unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(areas); i++)
		area_map(&areas[i], start, end);
}
EXPORT_SYMBOL(rump_map_kernel_range);

/** rump_unmap_kernel_range() - addresses are about to be used again: forget what is no more in the table */
void rump_unmap_kernel_range(unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(areas); i++)
		area_unmap(&areas[i], start, end);
}
EXPORT_SYMBOL(rump_unmap_kernel_range);

/* Change what may be done with mapped pages: -EINVAL where one is not mapped, -ENOMEM when the host has no mapping left. */
static int protect(unsigned long start, unsigned long pages, unsigned long set, unsigned long clear)
{
	struct batch batch = { .n = 0 };
	unsigned long addr, next, flags;
	int err = 0;

	spin_lock_irqsave(&lock, flags);
	for (addr = start; addr < start + pages * PAGE_SIZE; addr = next) {
		pte_t *entry = kernel_entry(addr, &next), old;

		if (!entry || !pte_present(*entry)) {
			err = -EINVAL;
			break;
		}
		old = *entry;
		set_pte(entry, __pte((pte_val(old) & ~clear) | set));
		if (prot_of(*entry) != prot_of(old))
			batch_add(&batch, addr, PFN_PHYS(pte_pfn(old)), prot_of(*entry));
	}
	err = batch_flush(&batch) ?: err;
	spin_unlock_irqrestore(&lock, flags);
	return err;
}

int set_memory_ro(unsigned long addr, int pages)
{
	return protect(addr, pages, 0, _PAGE_RW);
}

int set_memory_rw(unsigned long addr, int pages)
{
	return protect(addr, pages, _PAGE_RW, 0);
}

int set_memory_x(unsigned long addr, int pages)
{
	return protect(addr, pages, _PAGE_EXEC, 0);
}

int set_memory_nx(unsigned long addr, int pages)
{
	return protect(addr, pages, 0, _PAGE_EXEC);
}

int set_memory_rox(unsigned long addr, int pages)
{
	return protect(addr, pages, _PAGE_EXEC, _PAGE_RW);
}

/** rump_sync_code() - instructions were written here: every thread of the host is to see them */
void rump_sync_code(unsigned long start, unsigned long end)
{
	if (rump_hyp->mem_sync_code(rump_instance, (void *)start, end - start))
		panic("the host cannot run new code");
}
EXPORT_SYMBOL(rump_sync_code);

/**
 * rump_kmap_prepare() - before the kernel's first instruction: say where an area is
 * @i:    which: 0 for vmalloc(), 1 for modules
 * @bits: one for each of its pages, all clear
 */
void rump_kmap_prepare(unsigned int i, unsigned long start, unsigned long end, unsigned long *bits)
{
	areas[i] = (struct area){ .start = start, .end = end, .mapped = bits };
}
