// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the tree's allocator of code finds addresses: behind the image
 *
 * Modules begin as data: the tree asks for code by set_memory_rox() and the like when all is in place.
 */
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <linux/version.h>
#include <asm/modules_area.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/execmem.h>

struct execmem_info __init *execmem_arch_setup(void)
{
	static struct execmem_info info;

	info.ranges[EXECMEM_DEFAULT] = (struct execmem_range){
		.start = (unsigned long)rump_modules_start,
		.end = rump_modules_limit,
		.pgprot = PAGE_KERNEL,
		.alignment = 1,
	};
	return &info;
}
#else
#include <linux/moduleloader.h>

void *module_alloc(unsigned long size)
{
	return __vmalloc_node_range(size, 1, (unsigned long)rump_modules_start, rump_modules_limit, GFP_KERNEL,
				    PAGE_KERNEL, VM_FLUSH_RESET_PERMS, NUMA_NO_NODE, __builtin_return_address(0));
}
#endif
