/* SPDX-License-Identifier: BSD-2-Clause */
/* Places a kernel image in memory; uses nothing but hypercalls, so that every platform has the same loader. */
#ifndef LIB_LOADER_H
#define LIB_LOADER_H

#include <rumpus/hyp.h>
#include <rumpus/hyp_file.h>
#include <rumpus/image.h>

/** LOADER_ENOEXEC - this is no image for this program; Linux's ENOEXEC, which enum hyp_error does not have */
#define LOADER_ENOEXEC 8

/**
 * struct loader_image - an image in memory
 * @base: its first byte; a reservation of the instance's
 * @size: bytes of that reservation
 * @ops:  what it exports, in the image
 */
struct loader_image {
	void *base;
	size_t size;
	const struct rumpus_image_ops *ops;
};

/**
 * loader_load() - map a private copy of an image, relocate it and find what it exports
 * @ops, @h:   the platform instance that the memory is from
 * @page_size: of @h
 * @file:      the image; may be closed afterwards, must not be shortened while the copy lives
 * @image:     out: give back with loader_unload(), or leave it to the fini() of the platform
 * @why:       out, on failure: what is wrong, a constant
 *
 * Nothing of the image runs. Every address that is read or written is checked: a damaged file gives an error.
 * Return: 0; -LOADER_ENOEXEC for a file that is no valid image; -HYP_ENOMEM; -HYP_EIO
 */
int loader_load(const struct hyp_ops *ops, struct hyp *h, size_t page_size, struct hyp_file *file,
		struct loader_image *image, const char **why);

/** loader_unload() - the reverse; no thread runs in it or will */
void loader_unload(const struct hyp_ops *ops, struct hyp *h, struct loader_image *image);

#endif
