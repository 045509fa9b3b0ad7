/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes as text, in the form of getfattr(1) and setfattr(1). */
#ifndef TOOLS_XATTR_H
#define TOOLS_XATTR_H

#include <stdbool.h>
#include <stddef.h>

#include "visit.h"

/** XATTR_VALUE_MAX - bytes of a value, by Linux */
#define XATTR_VALUE_MAX 65536U

/** enum xattr_encoding - of values; XATTR_AUTO: text where most of it can be shown, else Base64 */
enum xattr_encoding {
	XATTR_AUTO,
	XATTR_TEXT,
	XATTR_HEX,
	XATTR_BASE64,
};

/** xattr_print() - "name=value" to standard output; terminals are protected */
void xattr_print(const char *name, const void *value, size_t size, enum xattr_encoding encoding);
/** xattr_print_name() - with escapes for what would end a line, or for @more */
void xattr_print_name(const char *name, const char *more);
/** xattr_decode() - a value as it is written; @bytes: room for strlen(@text). Return: bytes, -EINVAL */
long xattr_decode(const char *text, void *bytes);
/** xattr_unescape() - "\012" in a name; in place */
void xattr_unescape(char *name);

/**
 * struct xattr_place - where a file's attributes are reached: by descriptor, or by name without following a link
 * @fd: -1: @dir and @name
 */
struct xattr_place {
	int fd, dir;
	const char *name;
};

/**
 * xattr_place() - of a file of a visit
 * @links: a symbolic link itself; else, for an operand, what it leads to
 * Return: 0; 1 when there is none, which was reported if it is a failure; negative errno to end the work for
 */
int xattr_place(struct visit *visit, const struct visit_file *file, bool links, struct xattr_place *place);
void xattr_leave(const struct xattr_place *place);

#endif
