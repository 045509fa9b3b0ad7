/* SPDX-License-Identifier: BSD-2-Clause */
/* What an image may hold that is no file system that can be mounted: what people call it, and what they can do. */
#ifndef TOOLS_FOREIGN_H
#define TOOLS_FOREIGN_H

#include "command.h"

/**
 * struct foreign - one kind of contents
 * @type:   as libblkid calls it, or of a container of ours
 * @name:   for people
 * @remedy: what makes a file system of it that can be used, with IMAGE for the file; a sentence without a full stop
 */
struct foreign {
	const char *type, *name, *remedy;
};

/** foreign_type() - what a type of libblkid's stands for. Return: NULL: a file system, or none */
const struct foreign *foreign_type(const char *type);
/** foreign_format() - the format that an image is packed in in which nothing else is found. Return: NULL: none that is
 * known */
const struct foreign *foreign_format(const struct image *image);
/** foreign_name() - what that is. @version: of it, as libblkid tells; or "". Return: @text */
const char *foreign_name(const struct foreign *foreign, const char *version, char *text, size_t size);
/**
 * foreign_say() - what that is, and what helps
 * @version: as above
 * @file:    the image
 * Return: @text
 */
const char *foreign_say(const struct foreign *foreign, const char *version, const char *file, char *text, size_t size);

#endif
