/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What debuggers read: where kernel images lie in this process, in the manner of a dynamic linker's r_debug.
 *
 * A debugger puts a breakpoint on rumpus_debug_changed() and walks the list from rumpus_debug then, or when it attaches.
 * It reads memory, not types: the layout is fixed by rumpus_debug.version.
 */
#ifndef LIB_DEBUG_H
#define LIB_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loader_image;

enum {
	DEBUG_NAME_SIZE = 256, /* bytes of an image's name, with the terminator */
};

/**
 * struct rumpus_debug_image - an image in memory
 * @next: in the order of loading, the newest first
 * @base: its first byte
 * @size: bytes
 * @name: what it was loaded from: a path, or words for a person
 */
struct rumpus_debug_image {
	struct rumpus_debug_image *next;
	const void *base;
	uint64_t size;
	char name[DEBUG_NAME_SIZE];
};

/**
 * struct rumpus_debug - all of them
 * @version: 1
 */
struct rumpus_debug {
	uint64_t version;
	struct rumpus_debug_image *images;
};

/* Names that debuggers look for, also in a library without a symbol table. */
extern struct rumpus_debug rumpus_debug __attribute__((visibility("default")));
__attribute__((visibility("default"))) void rumpus_debug_changed(void);

/** debug_add() - an image was loaded and nothing of it runs yet; @entry is the list's until debug_remove() */
void debug_add(struct rumpus_debug_image *entry, const struct loader_image *image, const char *name);

/** debug_remove() - it is about to go; nothing happens when @entry is not in the list */
void debug_remove(struct rumpus_debug_image *entry);

#endif
