/* SPDX-License-Identifier: BSD-2-Clause */
/* What memory.c, layout.c and pages.c share */
#ifndef PLATFORM_POSIX_MEMORY_H
#define PLATFORM_POSIX_MEMORY_H

#include "posix.h"
#include "span.h"

/* All with struct posix_memory's lock held. */

/* The reservation that holds all of [@start, @end), or NULL. */
struct span *posix_layout_reservation(struct posix_memory *m, uintptr_t start, uintptr_t end);
/* Makes sure that the next posix_layout_set() has the spans that it may need. */
int posix_layout_prepare(struct posix_memory *m);
/* How many mappings the host will have in all reservations once @piece is mapped in @r. */
uint32_t posix_layout_count(const struct posix_memory *m, const struct span *r, const struct span *piece);
/* Records that @r shows @piece (offset HYP_MEM_NONE: nothing) from now on; @piece is copied. */
void posix_layout_set(struct posix_memory *m, struct span *r, const struct span *piece);
/* Takes the reservation @r out and frees it with what is recorded in it. */
void posix_layout_drop(struct posix_memory *m, struct span *r);
void posix_layout_fini(struct posix_memory *m);

static inline bool posix_is_object(uint64_t offset)
{
	return offset != HYP_MEM_NONE && offset != HYP_MEM_ANONYMOUS;
}

#endif
