/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables that no hardware reads: four levels of 512 entries. Those of the kernel say what rump_map_kernel_range()
 * maps; those of a user address space only keep the tree's memory management in order.
 */
#ifndef _ASM_RUMP_PGTABLE_H
#define _ASM_RUMP_PGTABLE_H
#include <asm/page.h>
#include <asm-generic/pgtable-nop4d.h>

#define PGDIR_SHIFT 39
#define PUD_SHIFT 30
#define PMD_SHIFT 21
#define PGDIR_SIZE (1UL << PGDIR_SHIFT)
#define PGDIR_MASK (~(PGDIR_SIZE - 1))
#define PUD_SIZE (1UL << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PMD_SIZE (1UL << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define PTRS_PER_PGD 512
#define PTRS_PER_PUD 512
#define PTRS_PER_PMD 512
#define PTRS_PER_PTE 512
#define USER_PTRS_PER_PGD (TASK_SIZE / PGDIR_SIZE)

#define _PAGE_PRESENT 0x001
#define _PAGE_RW 0x002
#define _PAGE_USER 0x004
#define _PAGE_ACCESSED 0x020
#define _PAGE_DIRTY 0x040
#define _PAGE_EXEC 0x200
#define _PAGE_SWP_EXCLUSIVE 0x400
#define _PAGE_TABLE (_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _PAGE_CHG_MASK (PAGE_MASK | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _PAGE_BASE (_PAGE_PRESENT | _PAGE_ACCESSED)
#define PAGE_NONE __pgprot(_PAGE_BASE)
#define PAGE_SHARED __pgprot(_PAGE_BASE | _PAGE_USER | _PAGE_RW)
#define PAGE_COPY __pgprot(_PAGE_BASE | _PAGE_USER)
#define PAGE_READONLY __pgprot(_PAGE_BASE | _PAGE_USER)
#define PAGE_KERNEL __pgprot(_PAGE_BASE | _PAGE_RW | _PAGE_DIRTY)
#define PAGE_KERNEL_RO __pgprot(_PAGE_BASE)
#define PAGE_KERNEL_EXEC __pgprot(_PAGE_BASE | _PAGE_RW | _PAGE_DIRTY | _PAGE_EXEC)

#ifndef __ASSEMBLY__
#include <linux/version.h>

extern pgd_t swapper_pg_dir[PTRS_PER_PGD];
extern void *empty_zero_page;
extern unsigned long rump_vmalloc_start, rump_vmalloc_end, rump_vmemmap;
#define vmemmap ((struct page *)rump_vmemmap)
#define VMALLOC_START rump_vmalloc_start
#define VMALLOC_END rump_vmalloc_end
#define ZERO_PAGE(vaddr) virt_to_page(empty_zero_page)

#define pgd_ERROR(e) pr_err("bad pgd %016lx\n", pgd_val(e))
#define pud_ERROR(e) pr_err("bad pud %016lx\n", pud_val(e))
#define pmd_ERROR(e) pr_err("bad pmd %016lx\n", pmd_val(e))
#define pte_ERROR(e) pr_err("bad pte %016lx\n", pte_val(e))

#define set_pte(p, v) WRITE_ONCE(*(p), v)
#define set_pmd(p, v) WRITE_ONCE(*(p), v)
#define set_pud(p, v) WRITE_ONCE(*(p), v)
#define set_p4d(p, v) WRITE_ONCE(*(p), v)
#define pte_clear(mm, addr, p) set_pte(p, __pte(0))
#define pmd_clear(p) set_pmd(p, __pmd(0))
#define pud_clear(p) set_pud(p, __pud(0))
#define p4d_clear(p) set_p4d(p, __p4d(0))

#define pte_none(x) (!pte_val(x))
#define pmd_none(x) (!pmd_val(x))
#define pud_none(x) (!pud_val(x))
#define p4d_none(x) (!p4d_val(x))
#define pte_present(x) (pte_val(x) & _PAGE_PRESENT)
#define pmd_present(x) (pmd_val(x) & _PAGE_PRESENT)
#define pud_present(x) (pud_val(x) & _PAGE_PRESENT)
#define p4d_present(x) (p4d_val(x) & _PAGE_PRESENT)
#define pmd_bad(x) ((pmd_val(x) & ~PAGE_MASK) != _PAGE_TABLE)
#define pud_bad(x) ((pud_val(x) & ~PAGE_MASK) != _PAGE_TABLE)
#define p4d_bad(x) ((p4d_val(x) & ~PAGE_MASK) != _PAGE_TABLE)
#define pmd_leaf(x) 0
#define pud_leaf(x) 0
#define p4d_leaf(x) 0

#define PFN_PTE_SHIFT PAGE_SHIFT
#define pte_pfn(x) (pte_val(x) >> PAGE_SHIFT)
#define pmd_pfn(x) (pmd_val(x) >> PAGE_SHIFT)
#define pud_pfn(x) (pud_val(x) >> PAGE_SHIFT)
#define pfn_pte(pfn, prot) __pte(((unsigned long)(pfn) << PAGE_SHIFT) | pgprot_val(prot))
#define pte_page(x) pfn_to_page(pte_pfn(x))
#define pmd_page(x) pfn_to_page(pmd_pfn(x))
#define pud_page(x) pfn_to_page(pud_pfn(x))
#define p4d_page(x) pfn_to_page(p4d_val(x) >> PAGE_SHIFT)
#define mk_pte(page, prot) pfn_pte(page_to_pfn(page), prot)

static inline unsigned long pmd_page_vaddr(pmd_t pmd)
{
	return (unsigned long)__va(pmd_val(pmd) & PAGE_MASK);
}

static inline pmd_t *pud_pgtable(pud_t pud)
{
	return (pmd_t *)__va(pud_val(pud) & PAGE_MASK);
}

static inline pud_t *p4d_pgtable(p4d_t p4d)
{
	return (pud_t *)__va(p4d_val(p4d) & PAGE_MASK);
}

static inline int pte_write(pte_t pte)
{
	return pte_val(pte) & _PAGE_RW;
}

static inline int pte_dirty(pte_t pte)
{
	return pte_val(pte) & _PAGE_DIRTY;
}

static inline int pte_young(pte_t pte)
{
	return pte_val(pte) & _PAGE_ACCESSED;
}

static inline pte_t pte_mkold(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_ACCESSED);
}

static inline pte_t pte_mkyoung(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_ACCESSED);
}

static inline pte_t pte_mkclean(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_DIRTY);
}

static inline pte_t pte_mkdirty(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_DIRTY);
}

static inline pte_t pte_wrprotect(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_RW);
}

static inline pte_t pte_mkwrite_novma(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_RW);
}

static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | pgprot_val(prot));
}

/* A swap entry: type in bits 5 to 9, offset from bit 11, not present. */
#define __swp_type(entry) (((entry).val >> 5) & 0x1f)
#define __swp_offset(entry) ((entry).val >> 11)
#define __swp_entry(type, offset) ((swp_entry_t){ (((type) & 0x1f) << 5) | ((offset) << 11) })
#define __pte_to_swp_entry(pte) ((swp_entry_t){ pte_val(pte) })
#define __swp_entry_to_pte(entry) ((pte_t){ (entry).val })

static inline int pte_swp_exclusive(pte_t pte)
{
	return pte_val(pte) & _PAGE_SWP_EXCLUSIVE;
}

static inline pte_t pte_swp_mkexclusive(pte_t pte)
{
	return __pte(pte_val(pte) | _PAGE_SWP_EXCLUSIVE);
}

static inline pte_t pte_swp_clear_exclusive(pte_t pte)
{
	return __pte(pte_val(pte) & ~_PAGE_SWP_EXCLUSIVE);
}

struct vm_area_struct;
void rump_window_enter(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep, unsigned int nr);
#define update_mmu_cache(vma, addr, ptep) rump_window_enter(vma, addr, ptep, 1)
#define update_mmu_cache_range(vmf, vma, addr, ptep, nr) rump_window_enter(vma, addr, ptep, nr)

/* What other versions of the tree call otherwise. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define flush_tlb_fix_spurious_fault(vma, addr, ptep) rump_window_enter(vma, addr, ptep, 1)
#else
#define flush_tlb_fix_spurious_fault(vma, addr) \
	rump_window_enter(vma, addr, pte_offset_kernel(pmd_off((vma)->vm_mm, addr), addr), 1)
#define set_pte_at(mm, addr, p, v) set_pte(p, v)
#define pte_mkwrite(pte) pte_mkwrite_novma(pte)
#define __HAVE_ARCH_PTE_SWP_EXCLUSIVE
#endif

#define HAVE_ARCH_UNMAPPED_AREA
#define kern_addr_valid(addr) 1
#endif
#endif
