/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical memory is the platform's memory object; the linear map is one mapping of all of it. The image lies outside.
 */
#ifndef _ASM_RUMP_PAGE_H
#define _ASM_RUMP_PAGE_H
#include <linux/const.h>
#define PAGE_SHIFT 12
#define PAGE_SIZE (_AC(1, UL) << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#ifndef __ASSEMBLY__
#include <linux/types.h>

#define clear_page(page) memset((void *)(page), 0, PAGE_SIZE)
#define copy_page(to, from) memcpy((void *)(to), (void *)(from), PAGE_SIZE)
#define clear_user_page(page, vaddr, pg) clear_page(page)
#define copy_user_page(to, from, vaddr, pg) copy_page(to, from)

typedef struct { unsigned long pte; } pte_t;
typedef struct { unsigned long pmd; } pmd_t;
typedef struct { unsigned long pud; } pud_t;
typedef struct { unsigned long pgd; } pgd_t;
typedef struct { unsigned long pgprot; } pgprot_t;
typedef struct page *pgtable_t;
#define pte_val(x) ((x).pte)
#define pmd_val(x) ((x).pmd)
#define pud_val(x) ((x).pud)
#define pgd_val(x) ((x).pgd)
#define pgprot_val(x) ((x).pgprot)
#define __pte(x) ((pte_t){ (x) })
#define __pmd(x) ((pmd_t){ (x) })
#define __pud(x) ((pud_t){ (x) })
#define __pgd(x) ((pgd_t){ (x) })
#define __pgprot(x) ((pgprot_t){ (x) })

/* Where the linear map begins; set once, before the kernel's first instruction. */
extern unsigned long rump_linear_map;
#define PAGE_OFFSET rump_linear_map
#define __pa(v) ((unsigned long)(v) - PAGE_OFFSET)
#define __va(p) ((void *)((unsigned long)(p) + PAGE_OFFSET))
#define phys_to_pfn(p) ((p) >> PAGE_SHIFT)
#define virt_to_pfn(v) (__pa(v) >> PAGE_SHIFT)
#define virt_to_page(v) pfn_to_page(virt_to_pfn(v))
#define page_to_phys(p) ((phys_addr_t)page_to_pfn(p) << PAGE_SHIFT)
#define virt_addr_valid(v) ((unsigned long)(v) >= PAGE_OFFSET && pfn_valid(virt_to_pfn(v)))
/* Both decide whether to give memory to the page allocator, or to take it back: mm/grow.c. */
struct page;
#define HAVE_ARCH_ALLOC_PAGE
void arch_alloc_page(struct page *page, int order);
#define HAVE_ARCH_FREE_PAGE
void arch_free_page(struct page *page, int order);

#include <asm-generic/memory_model.h>
#include <asm-generic/getorder.h>

#endif
#endif
