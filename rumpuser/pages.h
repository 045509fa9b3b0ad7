/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of pages, from chunks of address space */
#ifndef RUMPUSER_PAGES_H
#define RUMPUSER_PAGES_H

#include "internal.h"

#define RU_PAGE_SHIFT 12
#define RU_PAGE ((size_t)1 << RU_PAGE_SHIFT)
#define RU_CHUNK_SHIFT 22
#define RU_CHUNK ((size_t)1 << RU_CHUNK_SHIFT)
#define RU_CHUNK_PAGES (RU_CHUNK / RU_PAGE)

/** RU_CLASS_MORE - class of a page that is not the first of its run */
#define RU_CLASS_MORE 1

/** RU_RUN_MAX - bytes of the largest run; anything larger has a reservation of its own */
#define RU_RUN_MAX ((size_t)1 << 20)

/**
 * ru_pages_get() - a run of pages that are really there; the contents are anything
 * @pages: up to RU_RUN_MAX
 * @align: a power of two of at most RU_RUN_MAX, in pages
 * @class: what ru_pages_class() will say of the first page; not 0, nor RU_CLASS_MORE, which the others have
 * Return: NULL when the host has no memory
 */
void *ru_pages_get(size_t pages, size_t align, uint8_t class);

/** ru_pages_put() - give a run back */
void ru_pages_put(void *run);

/** ru_pages_count() - pages of a run */
size_t ru_pages_count(const void *run);

/** ru_pages_class() - of the page at any address that ru_pages_get() or ru_large_get() returned; 0 for no such page */
uint8_t ru_pages_class(const void *address);

/** ru_large_get() - @size bytes in a reservation of their own, @align at most half a chunk */
void *ru_large_get(size_t size, size_t align, uint8_t class);

/** ru_large_put() - give them back to the host */
void ru_large_put(void *memory);

#endif
