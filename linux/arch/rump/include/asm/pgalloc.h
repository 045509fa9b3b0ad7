/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_PGALLOC_H
#define _ASM_RUMP_PGALLOC_H
#include <linux/mm.h>
#include <linux/version.h>
#include <asm-generic/pgalloc.h>
#define pmd_populate_kernel(mm, pmd, pte) set_pmd(pmd, __pmd(_PAGE_TABLE + __pa(pte)))
#define pmd_populate(mm, pmd, pte) set_pmd(pmd, __pmd(_PAGE_TABLE + (page_to_pfn(pte) << PAGE_SHIFT)))
#define pud_populate(mm, pud, pmd) set_pud(pud, __pud(_PAGE_TABLE + __pa(pmd)))
#define p4d_populate(mm, p4d, pud) set_p4d(p4d, __p4d(_PAGE_TABLE + __pa(pud)))
extern pgd_t *pgd_alloc(struct mm_struct *mm);

/* Before tables had a descriptor of their own they had that of any page. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define page_ptdesc(page) (page)
#define virt_to_ptdesc(table) virt_to_page(table)
#define pagetable_pte_dtor(page) pgtable_pte_page_dtor(page)
#define pagetable_pmd_dtor(page) pgtable_pmd_page_dtor(page)
#define pagetable_pud_dtor(page) do { } while (0)
#define tlb_remove_page_ptdesc(tlb, page) tlb_remove_page(tlb, page)
#endif

#define __pte_free_tlb(tlb, pte, addr) do {			\
	pagetable_pte_dtor(page_ptdesc(pte));			\
	tlb_remove_page_ptdesc((tlb), page_ptdesc(pte));	\
} while (0)
#define __pmd_free_tlb(tlb, pmd, addr) do {			\
	pagetable_pmd_dtor(virt_to_ptdesc(pmd));		\
	tlb_remove_page_ptdesc((tlb), virt_to_ptdesc(pmd));	\
} while (0)
#define __pud_free_tlb(tlb, pud, addr) do {			\
	pagetable_pud_dtor(virt_to_ptdesc(pud));		\
	tlb_remove_page_ptdesc((tlb), virt_to_ptdesc(pud));	\
} while (0)
#endif
