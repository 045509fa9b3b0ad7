// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that grows and shrinks: what the page allocator has is committed, all else is withheld from it
 *
 * Memory comes from the host in units. A unit is either given, that is committed and the page allocator's, or withheld:
 * its pages are nobody's, and the host may have nothing behind them. So whatever the tree allocates is there; a host
 * without memory shows inside as ENOMEM, after caches have become smaller.
 *
 * More is given when an allocation leaves little free, at once and by whoever allocates; but not while caches are as
 * large as they may be, for then the tree's own reclaim makes room. A thread takes back what has been free for a while,
 * and adds sections, each with its struct pages, before the withheld units run out.
 *
 * To the tree, all memory that may ever be given is the machine's (totalram_pages), so that limits do not follow from
 * what happened to be given when they were computed.
 */
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/memblock.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/vmstat.h>
#include <linux/wait.h>
#include <asm/sections.h>
#include "../kernel/rump.h"
#include "../kernel/tree.h"

#define UNIT_ORDER 6
#define UNIT_PAGES (1UL << UNIT_ORDER)
#define UNIT_SIZE (PAGE_SIZE << UNIT_ORDER)

/* Free pages above the high watermark that growing keeps, so that reclaim does not begin; twice that is never taken. */
#define MARGIN_PAGES (4 * UNIT_PAGES)
/* Withheld units below which sections are added: what is given before the thread has had its turn comes from these. */
#define FEW_UNITS (SZ_16M / UNIT_SIZE)
/* A step of growth when the tree would have to kill a process otherwise. */
#define OOM_UNITS (SZ_4M / UNIT_SIZE)
/* How much is added at a time, as a part of what there is; at least one section. */
#define ADD_PART 8
#define SECTION_SIZE (1UL << SECTION_SIZE_BITS)
#define SECTION_UNITS (SECTION_SIZE / UNIT_SIZE)

#define SHRINK_PERIOD HZ
/* How long a host that had no memory is left alone. */
#define HOST_PATIENCE (HZ / 10)
/* How long an allocation waits for the thread: it may lack a processor of the host's, or what the allocating task holds. */
#define THREAD_PATIENCE (5 * HZ)

/* How a thread of the kernel's own waits for memory, in turns. */
#define TICKS_ASLEEP 5
#define TICKS_AWAKE 2

enum call {
	CALL_ADD,
	CALL_SHRINK,
};

static unsigned long *withheld; /* a bit for each unit within the bound; the unit is that of who clears it */
static atomic_long_t withheld_units;
static unsigned long bound_pages; /* the most there can be */
static unsigned long boot_pages __initdata; /* given without asking */
static unsigned long added_pages; /* those with a struct page; changed by the thread alone, once it runs */
static unsigned long cache_bound = SZ_256M >> PAGE_SHIFT; /* most pages of page cache and reclaimable slabs */
static unsigned long dirty_bound __initdata; /* most pages that wait to be written back; 0: half of those */
static unsigned long shrink_above = ULONG_MAX; /* as many free pages call the thread */
static unsigned long host_tired_until; /* jiffies; 0: it is not */
static struct task_struct *thread;
static unsigned long calls; /* bits of enum call, for the thread */
static unsigned long answers; /* how often the thread has added what it could */
static DECLARE_WAIT_QUEUE_HEAD(added);

static int __init parse_pages(char *text, unsigned long least, unsigned long *pages)
{
	unsigned long bytes = memparse(text, &text);

	if (*text || bytes < least)
		return -EINVAL;
	*pages = bytes >> PAGE_SHIFT;
	return 0;
}

static int __init parse_cache(char *text)
{
	return parse_pages(text, SZ_4M, &cache_bound);
}
early_param("rump.cache", parse_cache);

static int __init parse_dirty(char *text)
{
	return parse_pages(text, SZ_1M, &dirty_bound);
}
early_param("rump.dirty", parse_dirty);

/**
 * rump_memory_parameters() - what the tree would compute from the memory that is given at boot
 * @text: out: parameters for the kernel's command line
 */
void __init rump_memory_parameters(char *text, size_t size)
{
	strscpy(text, "dhash_entries=32768 ihash_entries=16384", size);
	if (IS_ENABLED(CONFIG_INET))
		strlcat(text, " thash_entries=4096 uhash_entries=1024", size);
}

static int __init set_sysctl(struct vfsmount *proc, const char *path, unsigned long value)
{
	struct file *file = file_open_root_mnt(proc, path, O_WRONLY, 0);
	char text[24];
	loff_t pos = 0;
	int len = snprintf(text, sizeof(text), "%lu", value);
	ssize_t n;

	if (IS_ERR(file))
		return PTR_ERR(file);
	n = kernel_write(file, text, len, &pos);
	filp_close(file, NULL);
	return n == len ? 0 : -EIO;
}

/*
 * How much may be dirty is a part of what caches may grow to, not of what they are: a large part, for such a cache is
 * small beside a machine's, and what is overwritten again and again should not go to the disk each time. Watermarks stay
 * where they are, too: the tree raises them by a page block when kinds of memory mix, for a compaction that is not there,
 * and a take_block() that makes them mix would have no one lower them again.
 *
 * This is what sysctl.vm.dirty_bytes= and its like on the command line do, but for unmounting proc, which would take
 * longer than all the rest of booting.
 */
static int __init set_sysctls(void)
{
	struct file_system_type *type = get_fs_type("proc");
	struct vfsmount *proc = type ? kern_mount(type) : ERR_PTR(-ENODEV);
	unsigned long dirty = dirty_bound ?: cache_bound / 2;
	int err;

	if (IS_ERR(proc))
		return PTR_ERR(proc);
	err = set_sysctl(proc, "sys/vm/dirty_bytes", dirty << PAGE_SHIFT);
	err = err ?: set_sysctl(proc, "sys/vm/dirty_background_bytes", (dirty * 2 / 5) << PAGE_SHIFT);
	return err ?: set_sysctl(proc, "sys/vm/watermark_boost_factor", 0);
}
late_initcall(set_sysctls);

static struct zone *zone(void)
{
	return &NODE_DATA(0)->node_zones[ZONE_NORMAL];
}

static unsigned long free_pages_now(void)
{
	return zone_page_state(zone(), NR_FREE_PAGES);
}

static unsigned long wanted_free(void)
{
	return high_wmark_pages(zone()) + MARGIN_PAGES;
}

static void call_thread(enum call call)
{
	if (!test_and_set_bit(call, &calls) && READ_ONCE(thread))
		rump_raise(rump_top()->cpu, RUMP_IRQ_MEMORY);
}

/** rump_memory_interrupt() - somebody who could not wake a task calls the thread */
void rump_memory_interrupt(void)
{
	wake_up_process(thread);
}

/* ---- giving ---- */

static bool host_is_tired(void)
{
	unsigned long until = READ_ONCE(host_tired_until);

	return until && time_before(jiffies, until);
}

static void withhold(unsigned long pfn, unsigned long pages)
{
	unsigned long unit;

	for (unit = pfn >> UNIT_ORDER; unit < (pfn + pages) >> UNIT_ORDER; unit++)
		set_bit(unit, withheld);
	atomic_long_add(pages >> UNIT_ORDER, &withheld_units);
}

static bool claim_unit(unsigned long *unit)
{
	static unsigned long cursor; /* neighbours one after the other make large blocks */
	unsigned long units = bound_pages >> UNIT_ORDER, at = READ_ONCE(cursor);

	while (atomic_long_read(&withheld_units) > 0) {
		at = find_next_bit(withheld, units, at);
		if (at >= units) {
			at = find_first_bit(withheld, units);
			if (at >= units)
				return false;
		}
		if (!test_and_clear_bit(at, withheld))
			continue;
		atomic_long_dec(&withheld_units);
		WRITE_ONCE(cursor, at + 1);
		*unit = at;
		return true;
	}
	return false;
}

static bool give_unit(bool insist)
{
	struct page *page;
	unsigned long unit;
	unsigned int i;

	if ((!insist && host_is_tired()) || !claim_unit(&unit))
		return false;
	page = pfn_to_page(unit << UNIT_ORDER);
	if (rump_hyp->mem_commit(rump_instance, page_address(page), UNIT_SIZE)) {
		WRITE_ONCE(host_tired_until, (jiffies + HOST_PATIENCE) | 1);
		withhold(unit << UNIT_ORDER, UNIT_PAGES);
		return false;
	}
	for (i = 0; i < UNIT_PAGES; i++)
		__ClearPageReserved(page + i);
	generic_online_page(page, UNIT_ORDER);
	totalram_pages_add(-(long)UNIT_PAGES);
	return true;
}

static bool caches_are_full(void)
{
	long pages = global_node_page_state(NR_FILE_PAGES) + global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) -
		     global_node_page_state(NR_SHMEM) - global_node_page_state(NR_UNEVICTABLE);

	return pages >= (long)cache_bound;
}

static void grow(void)
{
	while (free_pages_now() < wanted_free() && !caches_are_full())
		if (!give_unit(false))
			break;
	if (atomic_long_read(&withheld_units) < FEW_UNITS && READ_ONCE(added_pages) < bound_pages && !host_is_tired())
		call_thread(CALL_ADD);
}

/*
 * The page allocator has just handed out @page. In any context; giving takes the lock of the zone, which is free now.
 * The allocator may hold that of its CPU's list, which comes before it.
 */
void arch_alloc_page(struct page *page, int order)
{
	if (unlikely(free_pages_now() < wanted_free()) && withheld)
		grow();
}

static unsigned long give_to_save(void)
{
	unsigned long given = 0;

	while (given < OOM_UNITS && give_unit(true))
		given++;
	return given << UNIT_ORDER;
}

/* Has the thread add sections, and waits for it. @before: how much there was the last time; false when that was in vain. */
static bool add_and_wait(unsigned long *before)
{
	unsigned long now = READ_ONCE(added_pages), seen = READ_ONCE(answers);

	if (now == *before || now >= bound_pages)
		return false;
	*before = now;
	call_thread(CALL_ADD);
	wait_event_timeout(added, READ_ONCE(answers) != seen, THREAD_PATIENCE);
	return true;
}

/* The same of what the thread adds. Others may be faster to take it: then again, as long as it finds something to add. */
static unsigned long add_to_save(void)
{
	unsigned long given = 0, before = 0;

	while (!given && atomic_long_read(&withheld_units) <= 0 && add_and_wait(&before))
		given = give_to_save();
	return given;
}

/**
 * rump_memory_await() - have some megabytes to give, if they can be had; sleeps
 *
 * Before what the tree allocates with __GFP_NORETRY: that fails when units run out before the thread has had its turn,
 * however much there may be within the bound.
 */
void rump_memory_await(void)
{
	unsigned long before = 0;

	while (atomic_long_read(&withheld_units) < FEW_UNITS && !host_is_tired() && add_and_wait(&before))
		;
}

/*
 * Wait for memory of somebody else's. Our caller holds the tree's oom_lock, which others only try, a tick apart: so that
 * they find it free, sleep no more than a part of the time, and let the tree reclaim again in the rest. To drop the lock
 * here is no way out: it comes before that of the notifiers, which our caller holds as well.
 */
static void wait_for_others(void)
{
	static unsigned long slept_until; /* jiffies; guarded by oom_lock */

	if (time_in_range(jiffies, slept_until, slept_until + TICKS_AWAKE))
		return;
	schedule_timeout_uninterruptible(TICKS_ASLEEP);
	slept_until = jiffies;
}

/* The tree has reclaimed what it could, and is about to kill a process for its memory. */
static int give_before_killing(struct notifier_block *block, unsigned long unused, void *freed)
{
	unsigned long given = give_to_save() ?: add_to_save();

	/*
	 * A host thread's call is not worth a process: the allocation fails, as if it were a part of a core dump, and
	 * the call returns ENOMEM. Processes of rump kernels own little; what killing one would free, nobody knows.
	 */
	if (!given && (current->thread.caller || rump_window_serving() || (current->flags & PF_IO_WORKER))) {
		current->flags |= PF_DUMPCORE;
		if (current->thread.caller)
			set_thread_flag(TIF_NOTIFY_RESUME); /* to take it back when the call is over */
		given = 1;
	}
	/* The kernel's own threads wait for somebody else's memory; the tree would end the kernel when it finds no victim. */
	if (!given && (current->flags & PF_KTHREAD)) {
		wait_for_others();
		given = 1;
	}
	*(unsigned long *)freed += given;
	return NOTIFY_OK;
}

static struct notifier_block oom_block = { .notifier_call = give_before_killing };

/* ---- taking back ---- */

static unsigned long keep_free(void)
{
	return 2 * wanted_free();
}

/* The page allocator is about to have @page again. */
void arch_free_page(struct page *page, int order)
{
	if (unlikely(free_pages_now() > READ_ONCE(shrink_above)))
		call_thread(CALL_SHRINK);
}

static bool take_block(unsigned int order)
{
	gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM) | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
	struct page *page = alloc_pages(gfp, order);

	if (!page)
		return false;
	adjust_managed_page_count(page, -(1L << order));
	totalram_pages_add(1L << order);
	/* Should the host refuse, it only keeps more than it has to. */
	rump_hyp->mem_release(rump_instance, page_address(page), PAGE_SIZE << order);
	withhold(page_to_pfn(page), 1UL << order);
	return true;
}

static unsigned long take(unsigned long wanted)
{
	unsigned long taken = 0;
	int order;

	for (order = pageblock_order; order >= UNIT_ORDER; order--)
		while (taken + (1UL << order) <= wanted && take_block(order)) {
			taken += 1UL << order;
			cond_resched();
		}
	return taken;
}

/* Half of what is too much, so that what comes and goes stays. Returns false when there is no more to take. */
static bool shrink(void)
{
	unsigned long free = free_pages_now(), keep = keep_free(), taken = 0;

	if (free > keep + 2 * UNIT_PAGES)
		taken = take((free - keep) / 2 + UNIT_PAGES);
	/* What is left in pieces too small for taking is no reason to call again. */
	WRITE_ONCE(shrink_above, max(2 * keep, taken ? 0 : free_pages_now() + keep));
	return taken;
}

/* ---- adding sections ---- */

static void online_page(struct page *page, unsigned int order)
{
	withhold(page_to_pfn(page), 1UL << order);
}

/* One at a time: the tree does not undo what it has done of several when the next one fails. */
static int add_section(void)
{
	unsigned int flags = memalloc_noreclaim_save();
	int err = add_memory(0, PFN_PHYS(added_pages), SECTION_SIZE, MHP_MERGE_RESOURCE);

	memalloc_noreclaim_restore(flags);
	if (!err)
		WRITE_ONCE(added_pages, added_pages + PHYS_PFN(SECTION_SIZE));
	return err;
}

static void add_sections(void)
{
	unsigned long n = max(PFN_PHYS(added_pages) / ADD_PART / SECTION_SIZE, 1UL);
	int err = 0;

	while (n-- && !err && added_pages < bound_pages && atomic_long_read(&withheld_units) < n * SECTION_UNITS + FEW_UNITS)
		err = add_section();
	if (err) {
		pr_warn_ratelimited("rump: no memory for the pages of another section: error %d\n", err);
		WRITE_ONCE(host_tired_until, (jiffies + HOST_PATIENCE) | 1);
	}
	WRITE_ONCE(answers, answers + 1);
	wake_up_all(&added);
}

/** vmemmap_populate() - the struct pages of a section are about to be used */
int __meminit vmemmap_populate(unsigned long start, unsigned long end, int node, struct vmem_altmap *altmap)
{
	struct hyp_map map = { .addr = (void *)start, .size = end - start, .offset = HYP_MEM_ANONYMOUS,
			       .prot = HYP_PROT_READ | HYP_PROT_WRITE };

	if (rump_hyp->mem_map(rump_instance, &map, 1))
		return -ENOMEM;
	return rump_hyp->mem_commit(rump_instance, map.addr, map.size) ? -ENOMEM : 0;
}

/** vmemmap_free() - they are used no more */
void __ref vmemmap_free(unsigned long start, unsigned long end, struct vmem_altmap *altmap)
{
	struct hyp_map map = { .addr = (void *)start, .size = end - start, .offset = HYP_MEM_NONE };

	if (rump_hyp->mem_map(rump_instance, &map, 1))
		rump_hyp->mem_release(rump_instance, map.addr, map.size);
}

int __ref arch_add_memory(int node, u64 start, u64 size, struct mhp_params *params)
{
	return __add_pages(node, PHYS_PFN(start), PHYS_PFN(size), params);
}

void __ref arch_remove_memory(u64 start, u64 size, struct vmem_altmap *altmap, struct dev_pagemap *pgmap)
{
	__remove_pages(PHYS_PFN(start), PHYS_PFN(size), altmap, pgmap);
}

/* ---- the thread ---- */

static int memory_main(void *unused)
{
	unsigned long shrink_at = 0;

	set_user_nice(current, MIN_NICE);
	for (;;) {
		long timeout = MAX_SCHEDULE_TIMEOUT;

		set_current_state(TASK_IDLE);
		if (test_bit(CALL_SHRINK, &calls)) {
			if (!shrink_at)
				shrink_at = (jiffies + SHRINK_PERIOD) | 1;
			timeout = max(0L, (long)(shrink_at - jiffies));
		}
		if (!test_bit(CALL_ADD, &calls))
			schedule_timeout(timeout);
		__set_current_state(TASK_RUNNING);

		if (test_and_clear_bit(CALL_ADD, &calls))
			add_sections();
		if (shrink_at && time_after_eq(jiffies, shrink_at)) {
			shrink_at = 0;
			if (!shrink())
				clear_bit(CALL_SHRINK, &calls);
		}
	}
	return 0;
}

static int __init start_kmemory(void)
{
	struct task_struct *task;
	/* Before the thread, which may have been called already: without it the tree would take pages that are not there. */
	int err = set_online_page_callback(online_page) ?: register_oom_notifier(&oom_block);

	if (err)
		return err;
	task = kthread_run(memory_main, NULL, "kmemory");
	if (IS_ERR(task))
		return PTR_ERR(task);
	WRITE_ONCE(thread, task);
	wake_up_process(task); /* for those who called before */
	WRITE_ONCE(shrink_above, 2 * keep_free());
	return 0;
}
subsys_initcall(start_kmemory);

/*
 * The tree's count of memory says all that may be given, except where it prints what it began with: between these two.
 */
static int __init count_given(void)
{
	totalram_pages_add(-(long)(bound_pages - boot_pages));
	return 0;
}
early_initcall(count_given);

static int __init count_all(void)
{
	totalram_pages_add(bound_pages - boot_pages);
	return 0;
}
core_initcall(count_all);

/**
 * rump_memory_withhold() - after memblock has given the page allocator what it had: the rest is withheld
 * @bits:  a bit for each unit of the bound, all clear
 * @given: end of what the page allocator has
 * @there: end of what has struct pages
 * @bound: the most there can be; all in pages
 */
void __init rump_memory_withhold(unsigned long *bits, unsigned long given, unsigned long there, unsigned long bound)
{
	bound_pages = bound;
	added_pages = there;
	boot_pages = given;
	totalram_pages_add(bound - given);
	withheld = bits;
	withhold(given, there - given);
}
