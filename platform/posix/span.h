/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordered sets of address ranges that do not overlap */
#ifndef PLATFORM_POSIX_SPAN_H
#define PLATFORM_POSIX_SPAN_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct span - one range, in a tree ordered by address
 * @start, @end: the range; @end is the first address after it
 * @priority: the tree is a heap by it, which balances the tree: a hash of the first @start
 * @left, @right: of the tree; a list of unused spans is linked by @right
 * @offset: piece: what is mapped, as in struct hyp_map
 * @prot:   piece: enum hyp_prot
 * @pieces: reservation: tree of what is mapped in it
 */
struct span {
	uintptr_t start;
	uintptr_t end;
	uint32_t priority;
	uint32_t prot;
	uint64_t offset;
	struct span *left;
	struct span *right;
	struct span *pieces;
};

/* The span that contains @at, or else the first one after it; NULL when there is none. */
struct span *span_from(struct span *root, uintptr_t at);
/* The span that contains @at, or NULL. */
struct span *span_at(struct span *root, uintptr_t at);
/* @span overlaps none of the tree. */
void span_insert(struct span **root, struct span *span);
/* @span is in the tree. */
void span_remove(struct span **root, struct span *span);

#endif
