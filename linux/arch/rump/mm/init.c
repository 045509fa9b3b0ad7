// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical memory: the platform's memory object, mapped once as a whole
 *
 * Nothing is committed ahead: the host gives a page when it is touched first. Asking it for pages in batches as the
 * page allocator hands them out was no faster, and a quarter of what a kernel has after boot was never touched.
 */
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <asm/pgalloc.h>
#include "../kernel/rump.h"

unsigned long rump_linear_map, rump_vmalloc_start, rump_vmalloc_end, rump_vmemmap;
static unsigned long memory_size;
pgd_t swapper_pg_dir[PTRS_PER_PGD] __aligned(PAGE_SIZE);
void *empty_zero_page;

/* Mappings that are not of vmalloc()'s: those below, and blocks of callers. */
#define OTHER_MAPPINGS 512

static int reserve(size_t size, size_t align, u64 offset, unsigned long *addr)
{
	struct hyp_map map = { .size = size, .offset = offset, .prot = HYP_PROT_READ | HYP_PROT_WRITE };
	int err;

	err = rump_hyp->mem_reserve(rump_instance, size, align, NULL, &map.addr);
	if (!err && offset != HYP_MEM_NONE)
		err = rump_hyp->mem_map(rump_instance, &map, 1);
	if (!err)
		*addr = (unsigned long)map.addr;
	return err;
}

/**
 * rump_memory_prepare() - reserve the address space; before the kernel's first instruction
 *
 * The area of vmalloc() has a page for each mapping that the host will make, so that it ends before they do: when every
 * other page is mapped, the host counts one mapping for each page.
 */
int rump_memory_prepare(void)
{
	u64 vmalloc_size = (u64)(rump_info.map_budget - min_t(u32, rump_info.map_budget, OTHER_MAPPINGS)) * PAGE_SIZE;
	unsigned long pages, vmalloc_bits;
	int err;

	memory_size = round_down(rump_info.mem_bound, 1UL << SECTION_SIZE_BITS);
	if (!memory_size || memory_size > BIT(MAX_PHYSMEM_BITS) || !vmalloc_size)
		return -HYP_EINVAL;
	pages = memory_size >> PAGE_SHIFT;
	err = reserve(memory_size, PMD_SIZE, 0, &rump_linear_map);
	if (!err)
		err = reserve(PAGE_ALIGN(pages * sizeof(struct page)), PMD_SIZE, HYP_MEM_ANONYMOUS, &rump_vmemmap);
	if (!err)
		err = reserve(vmalloc_size, PMD_SIZE, HYP_MEM_NONE, &rump_vmalloc_start);
	if (!err)
		err = reserve(PAGE_ALIGN(vmalloc_size / PAGE_SIZE / BITS_PER_BYTE + sizeof(long)), PAGE_SIZE,
			      HYP_MEM_ANONYMOUS, &vmalloc_bits);
	if (err)
		return err;
	rump_kmap_prepare((unsigned long *)vmalloc_bits);
	rump_vmalloc_end = rump_vmalloc_start + vmalloc_size;
	return 0;
}

void __init rump_memory_setup(void)
{
	unsigned long zones[MAX_NR_ZONES] = { 0 };

	init_mm.pgd = swapper_pg_dir;
	memblock_add(0, memory_size);
	memblock_reserve(0, PAGE_SIZE); /* to memblock, address 0 means failure */
	min_low_pfn = 0;
	max_pfn = max_low_pfn = memory_size >> PAGE_SHIFT;
	high_memory = __va(memory_size);
	empty_zero_page = memblock_alloc(PAGE_SIZE, PAGE_SIZE);
	sparse_init();
	zones[ZONE_NORMAL] = max_low_pfn;
	free_area_init(zones);
}

void __init mem_init(void)
{
	memblock_free_all();
}

/* The image is none of the memory that the page allocator knows. */
void free_initmem(void)
{
}

/* Struct pages lie in memory of the host's own, there when touched. */
int __meminit vmemmap_populate(unsigned long start, unsigned long end, int node, struct vmem_altmap *altmap)
{
	return 0;
}

/* Nothing walks the table of a user address space for kernel addresses. */
pgd_t *pgd_alloc(struct mm_struct *mm)
{
	return (pgd_t *)get_zeroed_page(GFP_KERNEL);
}

static const pgprot_t protection_map[16] = {
	[VM_NONE] = PAGE_NONE,
	[VM_READ] = PAGE_READONLY,
	[VM_WRITE] = PAGE_COPY,
	[VM_WRITE | VM_READ] = PAGE_COPY,
	[VM_EXEC] = PAGE_READONLY,
	[VM_EXEC | VM_READ] = PAGE_READONLY,
	[VM_EXEC | VM_WRITE] = PAGE_COPY,
	[VM_EXEC | VM_WRITE | VM_READ] = PAGE_COPY,
	[VM_SHARED] = PAGE_NONE,
	[VM_SHARED | VM_READ] = PAGE_READONLY,
	[VM_SHARED | VM_WRITE] = PAGE_SHARED,
	[VM_SHARED | VM_WRITE | VM_READ] = PAGE_SHARED,
	[VM_SHARED | VM_EXEC] = PAGE_READONLY,
	[VM_SHARED | VM_EXEC | VM_READ] = PAGE_READONLY,
	[VM_SHARED | VM_EXEC | VM_WRITE] = PAGE_SHARED,
	[VM_SHARED | VM_EXEC | VM_WRITE | VM_READ] = PAGE_SHARED,
};
DECLARE_VM_GET_PAGE_PROT
