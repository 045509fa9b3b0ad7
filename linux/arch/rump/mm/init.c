// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical memory: the platform's memory object, mapped once as a whole
 *
 * The kernel begins with a few megabytes of it, and has struct pages for the first section alone. See grow.c.
 */
#include <linux/init.h>
#include <linux/export.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <asm/modules_area.h>
#include <asm/pgalloc.h>
#include "../kernel/rump.h"

unsigned long rump_linear_map, rump_vmalloc_start, rump_vmalloc_end, rump_vmemmap;
static unsigned long memory_bound; /* size of the linear map */
static unsigned long section_end; /* of what has struct pages from the beginning */
static unsigned long boot_end; /* of what is committed and the tree's from the beginning */
static unsigned long *withheld_bits;
pgd_t swapper_pg_dir[PTRS_PER_PGD] __aligned(PAGE_SIZE);
void *empty_zero_page;
EXPORT_SYMBOL(rump_linear_map);
EXPORT_SYMBOL(rump_vmalloc_start);
EXPORT_SYMBOL(rump_vmalloc_end);
EXPORT_SYMBOL(rump_vmemmap);
EXPORT_SYMBOL(empty_zero_page);

/* A table of the address sanitizer's. If it got less, the tree would write behind what it got. */
#define TRACES_MEMORY (IS_ENABLED(CONFIG_KASAN) ? SZ_1M * sizeof(struct list_head) : 0)

/* What booting needs: for itself, and for the areas and stacks of each CPU. */
#define BOOT_MEMORY (SZ_4M + TRACES_MEMORY)
#define BOOT_MEMORY_PER_CPU SZ_256K

/* So much memory lets the tree have the tasks that many CPUs begin with, even if there is less. */
#define MEMORY_FOR_TASKS ((unsigned long)SZ_128M)

/* Mappings that are not of vmalloc()'s: those below, and blocks of callers. */
#define OTHER_MAPPINGS 512

/* What windows of processes may take of the host's mappings. */
#define WINDOWS_PART 4

/* With one fewer, none is left for vmalloc(). */
#define LEAST_MAPPINGS (OTHER_MAPPINGS * WINDOWS_PART / (WINDOWS_PART - 1) + 1)

/* One of so many pages that the host will map is for modules: 2.7 MiB of them by the defaults of a Linux host. */
#define MODULES_SHARE 8
#define MODULE_PAGES_MAX (RUMP_MODULES_SIZE / PAGE_SIZE)

unsigned long rump_modules_limit;
static unsigned long module_bits[BITS_TO_LONGS(MODULE_PAGES_MAX)];

static int reserve(size_t size, size_t align, u64 offset, unsigned long *addr)
{
	struct hyp_map map = { .size = size, .offset = offset, .prot = HYP_PROT_READ | HYP_PROT_WRITE };
	int err;

	err = rump_hyp->mem_reserve(rump_instance, size, align, NULL, &map.addr);
	if (!err && offset != HYP_MEM_NONE)
		err = rump_hyp->mem_map(rump_instance, &map, 1);
	if (err)
		return rump_refuse(err, "the host has no %zu bytes of address space for it; raise ulimit -v and -d, or bound its "
				   "memory", size);
	*addr = (unsigned long)map.addr;
	return 0;
}

static int commit(unsigned long addr, size_t size)
{
	int err = rump_hyp->mem_commit(rump_instance, (void *)addr, size);

	return err ? rump_refuse(err, "the host has no %zu bytes of memory for it", size) : 0;
}

static int reserve_bits(unsigned long bits, unsigned long **words)
{
	size_t size = PAGE_ALIGN(BITS_TO_LONGS(bits) * sizeof(long));
	unsigned long addr;
	int err = reserve(size, PAGE_SIZE, HYP_MEM_ANONYMOUS, &addr);

	if (!err)
		err = commit(addr, size);
	if (!err)
		*words = (unsigned long *)addr;
	return err;
}

/*
 * The area of vmalloc() has a page for each mapping that the host will make, so that it ends before they do: when every
 * other page is mapped, the host counts one mapping for each page. Windows have a part of their own.
 */
static int prepare_vmalloc(void)
{
	unsigned long share = rump_info.map_budget / WINDOWS_PART;
	unsigned long pages = rump_info.map_budget - share - min_t(u32, rump_info.map_budget - share, OTHER_MAPPINGS);
	unsigned long modules = min(pages / MODULES_SHARE, MODULE_PAGES_MAX);
	unsigned long *bits;
	int err;

	pages -= modules;
	if (!pages)
		return rump_refuse(-HYP_EINVAL, "%u mappings of the host's are too few; it needs %u",
				   rump_info.map_budget, LEAST_MAPPINGS);
	err = reserve(pages << PAGE_SHIFT, PMD_SIZE, HYP_MEM_NONE, &rump_vmalloc_start);
	if (!err)
		err = reserve_bits(pages, &bits);
	if (err)
		return err;
	rump_window_pieces = share / 2; /* each with the hole behind it */
	rump_vmalloc_end = rump_vmalloc_start + (pages << PAGE_SHIFT);
	rump_modules_limit = (unsigned long)rump_modules_start + (modules << PAGE_SHIFT);
	rump_kmap_prepare(0, rump_vmalloc_start, rump_vmalloc_end, bits);
	rump_kmap_prepare(1, (unsigned long)rump_modules_start, rump_modules_limit, module_bits);
	return 0;
}

/** rump_memory_prepare() - reserve the address space, commit what is needed first; before the first instruction */
int rump_memory_prepare(void)
{
	unsigned long section = 1UL << SECTION_SIZE_BITS;
	int err;

	memory_bound = round_down(min_t(u64, rump_info.mem_bound, BIT(MAX_PHYSMEM_BITS)), section);
	section_end = min(memory_bound, section);
	boot_end = BOOT_MEMORY + rump_info.cpus * BOOT_MEMORY_PER_CPU;
	if (boot_end > section_end)
		return rump_refuse(-HYP_EINVAL, "%llu bytes of memory are too few for %u virtual CPUs; it needs %lu",
				   rump_info.mem_bound, rump_info.cpus, round_up(boot_end, section));
	err = reserve(memory_bound, PMD_SIZE, 0, &rump_linear_map);
	if (!err)
		err = commit(rump_linear_map, boot_end);
	if (!err)
		err = reserve((memory_bound >> PAGE_SHIFT) * sizeof(struct page), PMD_SIZE, HYP_MEM_NONE, &rump_vmemmap);
	if (!err)
		err = reserve_bits(memory_bound >> PAGE_SHIFT, &withheld_bits);
	return err ?: prepare_vmalloc();
}

void __init rump_memory_setup(void)
{
	unsigned long zones[MAX_NR_ZONES] = { 0 };

	init_mm.pgd = swapper_pg_dir;
	memblock_add(0, section_end);
	memblock_reserve(0, PAGE_SIZE); /* to memblock, address 0 means failure */
	memblock_reserve(boot_end, section_end - boot_end);
	min_low_pfn = 0;
	max_pfn = max_low_pfn = PHYS_PFN(section_end);
	high_memory = __va(memory_bound);
	empty_zero_page = memblock_alloc(PAGE_SIZE, PAGE_SIZE);
	sparse_init();
	zones[ZONE_NORMAL] = max_low_pfn;
	free_area_init(zones);
}

void __init mem_init(void)
{
	memblock_free_all();
	rump_memory_withhold(withheld_bits, PHYS_PFN(boot_end), PHYS_PFN(section_end), PHYS_PFN(memory_bound));
	/* Nothing takes this for memory any more, but how many tasks there may be is computed from its size. */
	memblock_phys_free(boot_end, section_end - boot_end);
	memblock_add(section_end, max(memory_bound, MEMORY_FOR_TASKS) - section_end);
}

/* The image is none of the memory that the page allocator knows. */
void free_initmem(void)
{
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
