// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows: memory of the program that the kernel manages (mmap), and the host's mappings of it
 *
 * A local process has the program's address space, of which the kernel knows nothing but what it has mapped there by
 * itself. For that it reserves a window when the process first maps something. The page table of the process says what
 * each page of the window is; the host's mappings are to that table what a TLB is: made when a page is entered in it or
 * when the program faults, dropped when the tree flushes, and all of them when there are too many.
 *
 * A program's fault arrives in a handler of the host, on a stack that cannot carry a kernel. The handler leaves a request
 * and waits; a worker of the kernel serves it. Where the kernel itself reads or writes the window, it does so at once.
 *
 * Lock order: mmap_lock, page table lock, window.lock.
 */
#include <linux/bitmap.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmu_context.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <asm/tlbflush.h>
#include "../kernel/rump.h"
#include "../kernel/tree.h"

#define WINDOW_SIZE (16UL << 30)
#define WINDOW_PAGES (WINDOW_SIZE >> PAGE_SHIFT)
#define BATCH 16
/* Pages around one that faulted, mapped with it when they are in the table. */
#define AROUND 16
/* A window has room for as many at least, so that all operands of an instruction fit. */
#define PIECES_LEAST (2U * AROUND)
#define LOOK_AT_END (100 * NSEC_PER_MSEC)

/**
 * struct rump_window - a process's window; never freed while the kernel lives, for handlers look at any time
 * @start:  first address; 0: the record is free
 * @mm:     whose it is
 * @lock:   guards the rest and the order of the host's mappings with it
 * @mapped: a bit for each page that the host maps
 * @pages:  how many are set
 * @pieces: the host's mappings since the last time that there were none, at most
 * @next:   in the list of all; constant
 */
struct rump_window {
	unsigned long start;
	struct mm_struct *mm;
	spinlock_t lock;
	unsigned long *mapped;
	unsigned long pages;
	unsigned int pieces;
	struct rump_window *next;
};

/**
 * struct request - a page that the program cannot access
 * @state:  enum request_state; a word to wait on
 * @served: the page is there now
 */
struct request {
	u32 state;
	bool write;
	bool served;
	unsigned long addr;
	struct llist_node link;
	struct work_struct work;
};

enum request_state {
	REQUEST_FREE,
	REQUEST_POSTED,
	REQUEST_DONE,
};

static struct rump_window *windows; /* readers have no lock */
static DEFINE_SPINLOCK(windows_lock); /* adding to the list, claiming a record, finding a live mm there */
static struct request requests[64];
static LLIST_HEAD(posted);

static unsigned int live; /* windows, with windows_lock; read without */

/* Pieces that all windows together may have mapped. */
unsigned int rump_window_pieces;

static bool inside(const struct rump_window *window, unsigned long addr)
{
	unsigned long start = READ_ONCE(window->start);

	return start && addr >= start && addr < start + WINDOW_SIZE;
}

static struct rump_window *window_at(unsigned long addr)
{
	struct rump_window *window;

	for (window = smp_load_acquire(&windows); window; window = window->next)
		if (inside(window, addr))
			return window;
	return NULL;
}

/* ---- the host's mappings ---- */

static int host_map(const struct hyp_map *map, size_t n)
{
	return rump_hyp->mem_map(rump_instance, map, n);
}

/* With the lock. A single hole never takes more mappings than what is there. */
static void drop_all(struct rump_window *window)
{
	struct hyp_map none = { .addr = (void *)window->start, .size = WINDOW_SIZE, .offset = HYP_MEM_NONE };

	if (!window->pages)
		return;
	if (host_map(&none, 1))
		panic("the host does not unmap a window");
	bitmap_zero(window->mapped, WINDOW_PAGES);
	window->pages = 0;
	window->pieces = 0;
}

/* The pages of [@start, @end) are no longer what the page table said. */
static void drop(struct rump_window *window, unsigned long start, unsigned long end)
{
	unsigned long first, last, bit, count = 0, flags;
	struct hyp_map none = { .offset = HYP_MEM_NONE };

	start = max(start & PAGE_MASK, window->start);
	end = min(PAGE_ALIGN(end), window->start + WINDOW_SIZE);
	if (start >= end)
		return;
	spin_lock_irqsave(&window->lock, flags);
	if (!window->pages)
		goto out;
	end = (end - window->start) >> PAGE_SHIFT;
	first = bit = find_next_bit(window->mapped, end, (start - window->start) >> PAGE_SHIFT);
	if (first >= end)
		goto out;
	for_each_set_bit_from(bit, window->mapped, end) {
		last = bit;
		count++;
	}
	none.addr = (void *)(window->start + (first << PAGE_SHIFT));
	none.size = (last + 1 - first) << PAGE_SHIFT;
	if (host_map(&none, 1)) { /* a hole may be a mapping too many */
		drop_all(window);
		goto out;
	}
	bitmap_clear(window->mapped, first, last + 1 - first);
	window->pages -= count;
	if (!window->pages)
		window->pieces = 0;
out:
	spin_unlock_irqrestore(&window->lock, flags);
}

static void set_mapped(struct rump_window *window, const struct hyp_map *map)
{
	unsigned long bit = ((unsigned long)map->addr - window->start) >> PAGE_SHIFT;
	unsigned long end = bit + (map->size >> PAGE_SHIFT), before = window->pages;

	for (; bit < end; bit++)
		window->pages += !test_and_set_bit(bit, window->mapped);
	window->pieces += window->pages != before;
}

static unsigned int pieces_allowed(void)
{
	return max(rump_window_pieces / max(READ_ONCE(live), 1U), PIECES_LEAST);
}

/* With the lock of the page table, from which @map was read. */
static bool enter_pieces(struct rump_window *window, const struct hyp_map *map, unsigned int n)
{
	unsigned long flags;
	unsigned int i;
	int err;

	spin_lock_irqsave(&window->lock, flags);
	if (window->pieces + n > pieces_allowed())
		drop_all(window);
	err = host_map(map, n);
	if (err) {
		/* Some may have been entered; and perhaps there is room without the others. */
		for (i = 0; i < n; i++)
			set_mapped(window, &map[i]);
		drop_all(window);
		err = host_map(map, n);
	}
	for (i = 0; i < n; i++)
		set_mapped(window, &map[i]);
	if (err)
		drop_all(window);
	spin_unlock_irqrestore(&window->lock, flags);
	return !err;
}

/* The program may use the page, and there is memory of ours behind it. */
static bool can_enter(pte_t pte)
{
	return pte_present(pte) && (pte_val(pte) & _PAGE_USER) && pfn_valid(pte_pfn(pte));
}

static u32 host_prot(pte_t pte)
{
	/* Until it is dirty, the tree wants to know of the first write. */
	return pte_write(pte) && pte_dirty(pte) ? HYP_PROT_READ | HYP_PROT_WRITE : HYP_PROT_READ;
}

/* Maps the pages that @nr entries of a page table say, from @addr on; with the table's lock. */
static bool enter(struct rump_window *window, unsigned long addr, pte_t *ptep, unsigned int nr)
{
	struct hyp_map map[BATCH];
	unsigned int n = 0;
	bool all = true;

	for (; nr; nr--, addr += PAGE_SIZE, ptep++) {
		struct hyp_map *last = n ? &map[n - 1] : NULL;
		pte_t pte = ptep_get(ptep);

		if (!can_enter(pte))
			continue;
		if (last && (unsigned long)last->addr + last->size == addr && last->prot == host_prot(pte) &&
		    last->offset + last->size == PFN_PHYS(pte_pfn(pte))) {
			last->size += PAGE_SIZE;
			continue;
		}
		if (n == BATCH) {
			all &= enter_pieces(window, map, n);
			n = 0;
		}
		map[n++] = (struct hyp_map){ .addr = (void *)addr, .size = PAGE_SIZE,
					     .offset = PFN_PHYS(pte_pfn(pte)), .prot = host_prot(pte) };
	}
	return (!n || enter_pieces(window, map, n)) && all;
}

/* ---- what the tree says ---- */

/** rump_window_enter() - @nr entries from @ptep on were made or are to be used; with the lock of the page table */
void rump_window_enter(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep, unsigned int nr)
{
	struct rump_window *window = vma->vm_mm->context.window;

	addr &= PAGE_MASK;
	if (window && inside(window, addr))
		enter(window, addr, ptep, nr);
}

void flush_tlb_mm(struct mm_struct *mm)
{
	if (mm->context.window)
		drop(mm->context.window, 0, ULONG_MAX & PAGE_MASK);
}

void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr)
{
	if (vma->vm_mm->context.window)
		drop(vma->vm_mm->context.window, addr, addr + PAGE_SIZE);
}

void flush_tlb_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
{
	if (vma->vm_mm->context.window)
		drop(vma->vm_mm->context.window, start, end);
}

/* ---- windows come and go ---- */

/* A record that nobody has, marked as @mm's; or NULL. With the lock. */
static struct rump_window *claim_record(struct mm_struct *mm)
{
	struct rump_window *window;

	for (window = windows; window; window = window->next)
		if (!window->mm) {
			window->mm = mm;
			return window;
		}
	return NULL;
}

static struct rump_window *window_record(struct mm_struct *mm)
{
	struct rump_window *window;

	spin_lock_irq(&windows_lock);
	window = claim_record(mm);
	spin_unlock_irq(&windows_lock);
	if (window)
		return window;
	window = kzalloc(sizeof(*window), GFP_KERNEL);
	if (!window)
		return NULL;
	spin_lock_init(&window->lock);
	window->mm = mm;
	spin_lock_irq(&windows_lock);
	window->next = windows;
	smp_store_release(&windows, window);
	spin_unlock_irq(&windows_lock);
	return window;
}

static int window_reserve(struct rump_window *window, void **start)
{
	struct hyp_map bits = { .size = WINDOW_PAGES / BITS_PER_BYTE, .offset = HYP_MEM_ANONYMOUS,
				.prot = HYP_PROT_READ | HYP_PROT_WRITE };

	if (rump_hyp->mem_reserve(rump_instance, bits.size, 0, NULL, &bits.addr))
		return -ENOMEM;
	if (rump_hyp->mem_map(rump_instance, &bits, 1) || rump_hyp->mem_commit(rump_instance, bits.addr, bits.size) ||
	    rump_hyp->mem_reserve(rump_instance, WINDOW_SIZE, PMD_SIZE, NULL, start)) {
		rump_hyp->mem_unreserve(rump_instance, bits.addr, bits.size);
		return -ENOMEM;
	}
	window->mapped = bits.addr;
	window->pages = 0;
	window->pieces = 0;
	return 0;
}

static int window_create(struct mm_struct *mm)
{
	struct rump_window *window;
	bool room;
	void *start;

	spin_lock_irq(&windows_lock);
	room = (live + 1) * PIECES_LEAST <= rump_window_pieces;
	live += room;
	spin_unlock_irq(&windows_lock);
	if (!room)
		return -ENOMEM;
	window = window_record(mm);
	if (!window || window_reserve(window, &start)) {
		spin_lock_irq(&windows_lock);
		if (window)
			window->mm = NULL;
		live--;
		spin_unlock_irq(&windows_lock);
		return -ENOMEM;
	}
	smp_store_release(&window->start, (unsigned long)start);
	mm->context.window = window;
	return 0;
}

/** rump_window_destroy() - @mm is gone, and with it all that was mapped. In any context. */
void rump_window_destroy(struct mm_struct *mm)
{
	struct rump_window *window = mm->context.window;
	unsigned long start, flags;

	if (!window)
		return;
	start = window->start;
	WRITE_ONCE(window->start, 0);
	rump_hyp->mem_unreserve(rump_instance, (void *)start, WINDOW_SIZE);
	rump_hyp->mem_unreserve(rump_instance, window->mapped, WINDOW_PAGES / BITS_PER_BYTE);
	spin_lock_irqsave(&windows_lock, flags);
	window->mm = NULL;
	live--;
	spin_unlock_irqrestore(&windows_lock, flags);
}

/** arch_get_unmapped_area() - the tree is about to map something: only in the window */
unsigned long arch_get_unmapped_area(struct file *file, unsigned long addr, unsigned long len, unsigned long pgoff,
				     unsigned long flags, vm_flags_t vm_flags)
{
	struct vm_unmapped_area_info info = { .length = len };
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int err = 0;

	if (mm->context.ops)
		return -ENODEV; /* the memory of a remote process is not here */
	if (flags & MAP_GROWSDOWN)
		return -EINVAL; /* it would never grow: no fault of the program's comes from a stack pointer */
	if (len > WINDOW_SIZE)
		return -ENOMEM;
	if (!mm->context.window)
		err = window_create(mm);
	if (err)
		return err;
	info.low_limit = mm->context.window->start;
	info.high_limit = info.low_limit + WINDOW_SIZE;
	if (!(flags & MAP_FIXED))
		addr = PAGE_ALIGN(addr);
	if (addr >= info.low_limit && addr <= info.high_limit - len) {
		if (flags & MAP_FIXED)
			return addr;
		vma = find_vma(mm, addr);
		if (!vma || addr + len <= vm_start_gap(vma))
			return addr;
	}
	if (flags & MAP_FIXED)
		return offset_in_page(addr) ? -EINVAL : -ENOMEM;
	return vm_unmapped_area(&info);
}

/* ---- faults ---- */

static bool pte_permits(pte_t pte, bool write)
{
	/* One that is not young is to be seen by the tree, or its reclaim would take it for idle. */
	return can_enter(pte) && pte_young(pte) && (!write || (pte_write(pte) && pte_dirty(pte)));
}

static pmd_t *find_pmd(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_offset(pgd_offset(mm, addr), addr);
	pud_t *pud = p4d_none(*p4d) ? NULL : pud_offset(p4d, addr);
	pmd_t *pmd = !pud || pud_none(*pud) ? NULL : pmd_offset(pud, addr);

	return !pmd || pmd_none(*pmd) ? NULL : pmd;
}

/* Maps what is in the page table already, with some pages around. Returns whether that serves an access to @addr. */
static bool enter_present(struct rump_window *window, unsigned long addr, bool write)
{
	struct mm_struct *mm = window->mm;
	struct vm_area_struct *vma = find_vma(mm, addr);
	unsigned long start, end;
	bool served = false;
	spinlock_t *lock;
	pmd_t *pmd;
	pte_t *pte;

	if (!vma || addr < vma->vm_start)
		return false;
	pmd = find_pmd(mm, addr);
	if (!pmd)
		return false;
	start = max3(round_down(addr, AROUND * PAGE_SIZE), vma->vm_start, addr & PMD_MASK);
	end = min3(round_down(addr, AROUND * PAGE_SIZE) + AROUND * PAGE_SIZE, vma->vm_end, (addr & PMD_MASK) + PMD_SIZE);
	pte = pte_offset_map_lock(mm, pmd, start, &lock);
	if (!pte)
		return false;
	if (pte_permits(ptep_get(pte + ((addr - start) >> PAGE_SHIFT)), write)) {
		served = enter(window, start, pte, (end - start) >> PAGE_SHIFT);
		if (!served)
			served = enter(window, addr & PAGE_MASK, pte + ((addr - start) >> PAGE_SHIFT), 1);
	}
	pte_unmap_unlock(pte, lock);
	return served;
}

/* Whether the entry for @addr is one that can be entered at all. */
static bool has_memory(struct mm_struct *mm, unsigned long addr)
{
	pmd_t *pmd = find_pmd(mm, addr);
	spinlock_t *lock;
	bool has = true;
	pte_t *pte;

	if (!pmd)
		return true;
	pte = pte_offset_map_lock(mm, pmd, addr, &lock);
	if (!pte)
		return true;
	if (pte_present(ptep_get(pte)))
		has = can_enter(ptep_get(pte));
	pte_unmap_unlock(pte, lock);
	return has;
}

/* Returns that another try is worth it: what was entered may be gone already, by no fault of the program's. */
static bool serve_mm(struct rump_window *window, unsigned long addr, bool write)
{
	struct mm_struct *mm = window->mm;
	bool unlocked = false, served;

	mmap_read_lock(mm);
	served = enter_present(window, addr, write);
	if (!served && !fixup_user_fault(mm, addr, write ? FAULT_FLAG_WRITE : 0, &unlocked))
		served = enter_present(window, addr, write) || has_memory(mm, addr);
	mmap_read_unlock(mm);
	return served;
}

/* Make the host map @addr. Blocks. */
static bool serve(unsigned long addr, bool write)
{
	struct rump_window *window;
	struct mm_struct *mm = NULL;
	bool served;

	spin_lock_irq(&windows_lock);
	window = window_at(addr);
	if (window && mmget_not_zero(window->mm))
		mm = window->mm;
	spin_unlock_irq(&windows_lock);
	if (!mm)
		return false;
	served = serve_mm(window, addr, write);
	mmput_async(mm); /* others may hold locks that its end takes */
	return served;
}

/**
 * rump_window_fault_in() - the kernel could not access @addr of the program: let the host map it
 * Return: it is worth another try
 */
bool rump_window_fault_in(const void __user *addr, bool write)
{
	if (!window_at((unsigned long)addr) || faulthandler_disabled() || fatal_signal_pending(current))
		return false;
	cond_resched();
	return serve((unsigned long)addr, write);
}

static void request_work(struct work_struct *work);

static void request_done(struct request *request, bool served)
{
	request->served = served;
	smp_store_release(&request->state, REQUEST_DONE);
	rump_hyp->wake(rump_instance, &request->state, 1);
}

/** rump_window_serving() - the current task serves a program's access: when memory is short, that fails and no more */
bool rump_window_serving(void)
{
	struct work_struct *work = current_work();

	return work && work->func == request_work;
}

static void request_work(struct work_struct *work)
{
	struct request *request = container_of(work, struct request, work);

	request_done(request, serve(request->addr, request->write));
	current->flags &= ~PF_DUMPCORE; /* grow.c */
}

/** rump_window_interrupt() - there are requests */
void rump_window_interrupt(void)
{
	struct request *request, *next;

	llist_for_each_entry_safe(request, next, llist_del_all(&posted), link) {
		INIT_WORK(&request->work, request_work);
		queue_work(system_unbound_wq, &request->work);
	}
}

/** rump_window_end() - the kernel has ended: nobody serves what was asked */
void rump_window_end(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		rump_hyp->wake(rump_instance, &requests[i].state, 1);
}

static struct request *request_claim(void)
{
	unsigned int i;

	for (;;) {
		for (i = 0; i < ARRAY_SIZE(requests); i++)
			if (cmpxchg(&requests[i].state, REQUEST_FREE, REQUEST_POSTED) == REQUEST_FREE)
				return &requests[i];
		if (READ_ONCE(rump_ended))
			return NULL;
		rump_hyp->yield(rump_instance);
	}
}

/*
 * The thread carries a virtual CPU: a handler of the program's interrupted it, or it is in a callback. Who would serve it
 * might need that very CPU.
 */
static bool carries(void)
{
	u32 self = rump_hyp->thread_id(rump_instance);
	unsigned int i;

	/* Not by the carriers: a CPU that another has just entered still says the one before. */
	for (i = 0; i < rump_info.cpus; i++)
		if (READ_ONCE(rump_cpus[i].token) == (self ?: RUMP_TOKEN_UNKNOWN))
			return true;
	return false;
}

/**
 * rump_window_fault() - in a signal handler of the host: the program could not access @addr
 *
 * Blocks until it can.
 * Return: it can now; false: that is an error of the program's, or the kernel's end
 */
bool rump_window_fault(unsigned long addr, bool write)
{
	struct request *request;
	bool served = false;

	if (!window_at(addr) || READ_ONCE(rump_ended) || carries())
		return false;
	request = request_claim();
	if (!request)
		return false;
	request->addr = addr;
	request->write = write;
	llist_add(&request->link, &posted);
	rump_raise(&rump_cpus[0], RUMP_IRQ_WINDOW);
	while (smp_load_acquire(&request->state) != REQUEST_DONE) {
		if (READ_ONCE(rump_ended))
			return false; /* the record stays as it is: somebody may still be at it */
		rump_hyp->wait(rump_instance, &request->state, REQUEST_POSTED,
			       rump_hyp->clock_monotonic(rump_instance) + LOOK_AT_END);
	}
	served = request->served;
	smp_store_release(&request->state, REQUEST_FREE);
	return served;
}
