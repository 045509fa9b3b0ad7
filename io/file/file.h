/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backends of the family file share */
#ifndef IO_FILE_FILE_H
#define IO_FILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * file_map_check() - may a part of a file of @file_size bytes be mapped so?
 *
 * Aligned, not empty, and without a page that lies wholly beyond the end.
 * Return: 0, -HYP_EINVAL
 */
int file_map_check(const void *addr, size_t size, uint64_t offset, uint64_t file_size);

/**
 * file_walk() - open a path below a directory component by component, over no symbolic link and never upwards
 *
 * What serves when the host's kernel has no openat2(2). Return: a descriptor, or -1 with errno
 */
int file_walk(int dir, const char *name);

#endif
