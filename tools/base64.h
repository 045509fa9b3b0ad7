/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes in Base64 (RFC 4648), as values of extended attributes and names that are no text are written. */
#ifndef TOOLS_BASE64_H
#define TOOLS_BASE64_H

#include <stddef.h>

/* Bytes of the text for @size bytes, with its zero byte. */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
/* Bytes that may be encoded apart from those that follow: a multiple of three. */
#define BASE64_PIECE 768U

/** base64_encode() - @text: room for BASE64_SIZE(@size) */
void base64_encode(const void *bytes, size_t size, char *text);
/** base64_decode() - @bytes: room for three fourths of @length. Return: bytes, or -EINVAL */
long base64_decode(const char *text, size_t length, void *bytes);

#endif
