// SPDX-License-Identifier: BSD-2-Clause
/* Ordered sets of address ranges: treaps, without recursion because they run on small stacks */
#include "span.h"

static uint32_t hash(uintptr_t start)
{
	return (uint64_t)start * UINT64_C(0x9e3779b97f4a7c15) >> 32;
}

struct span *span_from(struct span *root, uintptr_t at)
{
	struct span *best = NULL;

	while (root) {
		if (root->end > at) {
			best = root;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return best;
}

struct span *span_at(struct span *root, uintptr_t at)
{
	struct span *span = span_from(root, at);

	return span && span->start <= at ? span : NULL;
}

static void split(struct span *root, uintptr_t at, struct span **below, struct span **above)
{
	while (root) {
		if (root->start < at) {
			*below = root;
			below = &root->right;
			root = root->right;
		} else {
			*above = root;
			above = &root->left;
			root = root->left;
		}
	}
	*below = NULL;
	*above = NULL;
}

static struct span *merge(struct span *below, struct span *above)
{
	struct span *root;
	struct span **link = &root;

	while (below && above) {
		if (below->priority > above->priority) {
			*link = below;
			link = &below->right;
			below = below->right;
		} else {
			*link = above;
			link = &above->left;
			above = above->left;
		}
	}
	*link = below ? below : above;
	return root;
}

void span_insert(struct span **root, struct span *span)
{
	span->priority = hash(span->start);
	while (*root && (*root)->priority > span->priority)
		root = span->start < (*root)->start ? &(*root)->left : &(*root)->right;
	split(*root, span->start, &span->left, &span->right);
	*root = span;
}

void span_remove(struct span **root, struct span *span)
{
	while (*root != span)
		root = span->start < (*root)->start ? &(*root)->left : &(*root)->right;
	*root = merge(span->left, span->right);
}
