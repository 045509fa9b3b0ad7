// SPDX-License-Identifier: BSD-2-Clause
/*
 * Address space and what it shows: reservations, and mappings of the memory object.
 *
 * The object is a memory file, so that it can be mapped many times. Mappings of it are shared with it and therefore
 * must not reach a forked child, which would write into the parent's kernel.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "memory.h"

#define HUGE_PAGE (UINT64_C(2) << 20)
#define PROT_KNOWN (HYP_PROT_READ | HYP_PROT_WRITE | HYP_PROT_EXEC)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

_Static_assert(HYP_PROT_READ == PROT_READ && HYP_PROT_WRITE == PROT_WRITE && HYP_PROT_EXEC == PROT_EXEC,
	       "passed to the host as they are");

uint32_t posix_page_size(void)
{
	static atomic_uint size; /* asked for at every call of the memory group */

	if (!atomic_load_explicit(&size, memory_order_relaxed))
		atomic_store_explicit(&size, sysconf(_SC_PAGESIZE), memory_order_relaxed);
	return atomic_load_explicit(&size, memory_order_relaxed);
}

static bool aligned(uint64_t value)
{
	return !(value & (posix_page_size() - 1));
}

/* A file beyond the program's limit for files would bring it SIGXFSZ. */
static uint64_t bound_limit(uint64_t bound)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bound)
		bound = limit.rlim_cur;
	return bound & ~(uint64_t)(posix_page_size() - 1);
}

/* Never 0, 1 or 2: a program that has closed these may print all the same, and would print into its kernel's memory. */
static int object_open(void)
{
	int fd = memfd_create("rumpus", MFD_CLOEXEC | MFD_NOEXEC_SEAL), moved;

	if (fd < 0 && errno == EINVAL) /* Linux before 6.3 */
		fd = memfd_create("rumpus", MFD_CLOEXEC);
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd); /* leaves errno */
	return moved;
}

static int object_refused(const struct hyp *h)
{
	int error = errno;

	posix_say(h, "posix: the host gives no file for the memory (memfd_create): %s%s\n", strerror(error),
		  error == EMFILE ? "; raise ulimit -n" : "");
	if (error == EMFILE || error == ENFILE)
		return -HYP_EMFILE;
	return error == EPERM || error == ENOSYS ? -HYP_ENOSYS : -HYP_ENOMEM;
}

static int size_refused(const struct hyp *h, uint64_t bound)
{
	posix_say(h, "posix: %" PRIu64 " bytes of memory are %s\n", bound,
		  h->memory.size ? "more than the host can count" : "less than a page, or files may not have one (ulimit -f)");
	return -HYP_EINVAL;
}

int posix_memory_init(struct hyp *h, uint64_t bound, uint32_t budget)
{
	struct posix_memory *m = &h->memory;

	m->size = bound_limit(bound);
	m->budget = budget;
	if (!m->size || m->size > INT64_MAX)
		return size_refused(h, bound);
	m->fd = object_open();
	if (m->fd < 0)
		return object_refused(h);
	if (ftruncate(m->fd, m->size)) {
		int error = errno;

		close(m->fd);
		return error == EFBIG || error == EINVAL ? size_refused(h, bound) : -HYP_ENOMEM;
	}
	pthread_mutex_init(&m->lock, NULL);
	return 0;
}

void posix_memory_fini(struct posix_memory *m)
{
	while (m->reservations) {
		munmap((void *)m->reservations->start, m->reservations->end - m->reservations->start);
		posix_layout_drop(m, m->reservations);
	}
	posix_layout_fini(m);
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
}

/* Reserves more than is needed and gives back what lies around the aligned part. */
static void *reserve_aligned(size_t size, size_t align, void *hint)
{
	size_t extra = align > posix_page_size() ? align - posix_page_size() : 0;
	uintptr_t base, start;
	void *all;

	if (size > SIZE_MAX - extra)
		return NULL;
	all = mmap(hint, size + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	base = (uintptr_t)all;
	start = (base + align - 1) & ~(align - 1);
	if (start != base)
		munmap(all, start - base);
	if (start + size != base + size + extra)
		munmap((void *)(start + size), base + extra - start);
	return (void *)start;
}

int posix_mem_reserve(struct hyp *h, size_t size, size_t align, void *hint, void **addr)
{
	struct posix_memory *m = &h->memory;
	int saved ERRNO_KEPT = errno;
	struct span *r;
	void *start;

	if (!align)
		align = posix_page_size();
	if (!size || !aligned(size) || align & (align - 1) || align < posix_page_size())
		return -HYP_EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -HYP_ENOMEM;
	start = reserve_aligned(size, align, hint);
	if (!start) {
		free(r);
		return -HYP_ENOMEM;
	}
	r->start = (uintptr_t)start;
	r->end = r->start + size;
	pthread_mutex_lock(&m->lock);
	span_insert(&m->reservations, r);
	pthread_mutex_unlock(&m->lock);
	*addr = start;
	return 0;
}

int posix_mem_unreserve(struct hyp *h, void *addr, size_t size)
{
	struct posix_memory *m = &h->memory;
	uintptr_t start = (uintptr_t)addr;
	int saved ERRNO_KEPT = errno;
	struct span *r;
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	r = span_at(m->reservations, start);
	if (!r || r->start != start || r->end - start != size)
		ret = -HYP_EINVAL;
	else if (munmap(addr, size))
		ret = -HYP_ENOMEM;
	else
		posix_layout_drop(m, r);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

/* True when @piece is what @map asks for and @map is within the rules. */
static bool piece_from(const struct posix_memory *m, const struct hyp_map *map, struct span *piece)
{
	uintptr_t start = (uintptr_t)map->addr;

	if (!map->size || !aligned(start) || !aligned(map->size) || map->prot & ~PROT_KNOWN || map->reserved ||
	    map->size > UINTPTR_MAX - start)
		return false;
	if (posix_is_object(map->offset) &&
	    (!aligned(map->offset) || map->offset > m->size || map->size > m->size - map->offset))
		return false;
	*piece = (struct span){ .start = start, .end = start + map->size, .offset = map->offset, .prot = map->prot };
	return true;
}

static bool host_map(const struct posix_memory *m, const struct span *piece)
{
	void *addr = (void *)piece->start;
	size_t size = piece->end - piece->start;
	int anonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;

	if (piece->offset == HYP_MEM_NONE)
		return mmap(addr, size, PROT_NONE, anonymous, -1, 0) != MAP_FAILED;
	if (piece->offset == HYP_MEM_ANONYMOUS) {
		if (mmap(addr, size, piece->prot, anonymous, -1, 0) == MAP_FAILED)
			return false;
		if (size >= HUGE_PAGE && !(piece->start & (HUGE_PAGE - 1)))
			madvise(addr, size, MADV_HUGEPAGE); /* a wish; hosts without huge pages refuse it */
	} else if (mmap(addr, size, piece->prot, MAP_SHARED | MAP_FIXED, m->fd, piece->offset) == MAP_FAILED) {
		return false;
	}
	return !madvise(addr, size, MADV_DONTFORK);
}

static int piece_map(struct posix_memory *m, struct span *r, const struct span *piece)
{
	struct span none = { .start = piece->start, .end = piece->end, .offset = HYP_MEM_NONE };

	if (posix_layout_prepare(m))
		return -HYP_ENOMEM;
	if (posix_layout_count(m, r, piece) <= m->budget && host_map(m, piece)) {
		posix_layout_set(m, r, piece);
		return 0;
	}
	/* Even the hole may be a mapping too many; then all stays as it was. */
	if (posix_layout_count(m, r, &none) <= m->budget && host_map(m, &none))
		posix_layout_set(m, r, &none);
	return -HYP_ENOMEM;
}

/* Extends @run over the pieces that continue it in the same reservation. Returns how many of @map it stands for. */
static size_t run_extend(const struct posix_memory *m, const struct span *r, const struct hyp_map *map, size_t n,
			 struct span *run)
{
	struct span next;
	size_t i;

	for (i = 1; i < n && piece_from(m, &map[i], &next); i++) {
		if (next.start != run->end || next.end > r->end || next.prot != run->prot)
			break;
		if (posix_is_object(run->offset)) {
			if (next.offset != run->offset + (run->end - run->start))
				break;
		} else if (next.offset != run->offset) {
			break;
		}
		run->end = next.end;
	}
	return i;
}

/* Maps the first piece and those that continue it. Returns how many, or an error about the first one. */
static long map_some(struct posix_memory *m, const struct hyp_map *map, size_t n)
{
	struct span first, run, *r;
	size_t count;
	int ret;

	if (!piece_from(m, map, &first))
		return -HYP_EINVAL;
	r = posix_layout_reservation(m, first.start, first.end);
	if (!r)
		return -HYP_EINVAL;
	run = first;
	count = run_extend(m, r, map, n, &run);
	if (count > 1 && !posix_layout_prepare(m) && posix_layout_count(m, r, &run) <= m->budget && host_map(m, &run)) {
		posix_layout_set(m, r, &run);
		return count;
	}
	ret = piece_map(m, r, &first);
	return ret ? ret : 1;
}

int posix_mem_map(struct hyp *h, const struct hyp_map *map, size_t n)
{
	struct posix_memory *m = &h->memory;
	int saved ERRNO_KEPT = errno;
	size_t done = 0;
	long ret = 0;

	pthread_mutex_lock(&m->lock);
	while (done < n && ret >= 0) {
		ret = map_some(m, map + done, n - done);
		if (ret > 0)
			done += ret;
	}
	pthread_mutex_unlock(&m->lock);
	return ret < 0 ? ret : 0;
}
