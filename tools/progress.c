// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: counting how far a command is */
#include <string.h>

#include "progress.h"

static struct progress *current;

void progress_use(struct progress *progress)
{
	current = progress;
}

void progress_total(uint64_t bytes)
{
	if (current)
		atomic_store_explicit(&current->total, bytes, memory_order_relaxed);
}

void progress_bytes(uint64_t bytes)
{
	if (current)
		atomic_fetch_add_explicit(&current->bytes, bytes, memory_order_relaxed);
}

void progress_file(const char *name)
{
	size_t length;

	if (!current)
		return;
	atomic_fetch_add_explicit(&current->files, 1, memory_order_relaxed);
	length = strlen(name);
	if (length >= PROGRESS_NAME) {
		name += length - (PROGRESS_NAME - 1);
		length = PROGRESS_NAME - 1;
	}
	memcpy(current->name, name, length + 1);
}
