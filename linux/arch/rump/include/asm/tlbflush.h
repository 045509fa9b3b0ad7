/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_TLBFLUSH_H
#define _ASM_RUMP_TLBFLUSH_H
struct mm_struct;
struct vm_area_struct;

void rump_unmap_kernel_range(unsigned long start, unsigned long end);

static inline void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	rump_unmap_kernel_range(start, end);
}

static inline void flush_tlb_all(void)
{
}

/* The host's mappings of a process's window: mm/window.c. */
void flush_tlb_mm(struct mm_struct *mm);
void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr);
void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end);
#endif
