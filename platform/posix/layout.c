// SPDX-License-Identifier: BSD-2-Clause
/*
 * The record of what is mapped where, and of how many mappings the host has for it.
 *
 * A reservation is one mapping of the host's. A piece in it adds one, and splits the reserved space around it: the
 * count is that of the borders inside a reservation where something else begins. Pieces of the object that continue
 * each other are one mapping for the host and one span here. Anonymous pieces may or may not be: they count apiece.
 */
#include <stdlib.h>

#include "memory.h"

static struct span *spare_take(struct posix_memory *m)
{
	struct span *span = m->spare;

	m->spare = span->right;
	return span;
}

static void spare_put(struct posix_memory *m, struct span *span)
{
	span->right = m->spare;
	m->spare = span;
}

/* A change needs a span for the new piece, and one when it cuts an old piece in two. */
int posix_layout_prepare(struct posix_memory *m)
{
	struct span *span;

	while (!m->spare || !m->spare->right) {
		span = malloc(sizeof(*span));
		if (!span)
			return -HYP_ENOMEM;
		spare_put(m, span);
	}
	return 0;
}

struct span *posix_layout_reservation(struct posix_memory *m, uintptr_t start, uintptr_t end)
{
	struct span *r = span_at(m->reservations, start);

	return r && end <= r->end && start < end ? r : NULL;
}

/* Does the host see one mapping, where @above follows directly on @below? NULL is reserved space. */
static bool joins(const struct span *below, const struct span *above)
{
	if (!below || !above)
		return below == above;
	return posix_is_object(below->offset) && posix_is_object(above->offset) && below->prot == above->prot &&
	       below->offset - below->start == above->offset - above->start;
}

/* Borders in the closed range from @start to @end. */
static uint32_t borders(const struct span *r, uintptr_t start, uintptr_t end)
{
	uintptr_t last = r->start;
	uint32_t n = 0;
	struct span *s;

	/* From one address before, for the piece that ends at @start. */
	for (s = span_from(r->pieces, start - 1); s && s->start <= end; s = span_from(r->pieces, s->end)) {
		if (s->start >= start && s->start != last)
			n++;
		if (s->end <= end && s->end != r->end)
			n++;
		last = s->end;
	}
	return n;
}

uint32_t posix_layout_count(const struct posix_memory *m, const struct span *r, const struct span *piece)
{
	const struct span *shown = piece->offset == HYP_MEM_NONE ? NULL : piece;
	uint32_t count = m->mapped - borders(r, piece->start, piece->end);

	if (piece->start != r->start && !joins(span_at(r->pieces, piece->start - 1), shown))
		count++;
	if (piece->end != r->end && !joins(shown, span_at(r->pieces, piece->end)))
		count++;
	return count;
}

static void advance(struct span *s, uintptr_t start)
{
	if (posix_is_object(s->offset))
		s->offset += start - s->start;
	s->start = start;
}

/* Takes [@start, @end) out of the pieces of @r. */
static void carve(struct posix_memory *m, struct span *r, uintptr_t start, uintptr_t end)
{
	struct span *s, *rest;

	while ((s = span_from(r->pieces, start)) && s->start < end) {
		if (s->start < start) {
			if (s->end > end) {
				rest = spare_take(m);
				*rest = *s;
				advance(rest, end);
				span_insert(&r->pieces, rest);
			}
			s->end = start;
		} else if (s->end > end) {
			advance(s, end); /* keeps its place in the order */
		} else {
			span_remove(&r->pieces, s);
			spare_put(m, s);
		}
	}
}

void posix_layout_set(struct posix_memory *m, struct span *r, const struct span *piece)
{
	struct span *below, *above;

	m->mapped = posix_layout_count(m, r, piece);
	carve(m, r, piece->start, piece->end);
	if (piece->offset == HYP_MEM_NONE)
		return;
	below = piece->start != r->start ? span_at(r->pieces, piece->start - 1) : NULL;
	if (!below || !joins(below, piece)) {
		below = spare_take(m);
		*below = *piece;
		span_insert(&r->pieces, below);
	}
	below->end = piece->end;
	above = piece->end != r->end ? span_at(r->pieces, piece->end) : NULL;
	if (above && joins(below, above)) {
		span_remove(&r->pieces, above);
		below->end = above->end;
		spare_put(m, above);
	}
}

void posix_layout_drop(struct posix_memory *m, struct span *r)
{
	struct span *s;

	m->mapped -= borders(r, r->start, r->end);
	while ((s = r->pieces)) {
		span_remove(&r->pieces, s);
		free(s);
	}
	span_remove(&m->reservations, r);
	free(r);
}

void posix_layout_fini(struct posix_memory *m)
{
	struct span *span;

	while ((span = m->spare)) {
		m->spare = span->right;
		free(span);
	}
}
