// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: extended attributes as text */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "xattr.h"

/* One byte in so many may be unprintable in what is still shown as text. */
#define PRINTABLE_SHARE 8

/* As getfattr(1): bytes beyond ASCII count as unprintable, a zero byte at the end does not count. */
static bool is_text(const unsigned char *value, size_t size)
{
	size_t odd = 0;

	if (size && !value[size - 1])
		size--;
	for (size_t i = 0; i < size; i++)
		odd += value[i] < 0x20 || value[i] > 0x7e;
	return size >= odd * PRINTABLE_SHARE;
}

static void put_hex(const unsigned char *value, size_t size)
{
	fputs("0x", stdout);
	for (size_t i = 0; i < size; i++)
		printf("%02x", value[i]);
}

static void put_base64(const unsigned char *value, size_t size)
{
	char text[BASE64_SIZE(BASE64_PIECE)];

	fputs("0s", stdout);
	while (size) {
		size_t piece = size < BASE64_PIECE ? size : BASE64_PIECE;

		base64_encode(value, piece, text);
		fputs(text, stdout);
		value += piece;
		size -= piece;
	}
}

/* Between zero bytes, which no string holds, it is text that is put like any other. */
static void put_text(const unsigned char *value, size_t size)
{
	char *plain = malloc(4 * size + 1), *at = plain;

	if (!plain)
		abort();
	for (size_t i = 0; i < size; i++) {
		if (!value[i] || value[i] == '\n' || value[i] == '\r')
			at += sprintf(at, "\\%03o", value[i]);
		else if (value[i] == '"' || value[i] == '\\')
			at += sprintf(at, "\\%c", value[i]);
		else
			*at++ = (char)value[i];
	}
	*at = 0;
	putchar('"');
	text_put(plain);
	putchar('"');
	free(plain);
}

void xattr_print_name(const char *name, const char *more)
{
	char *escaped = malloc(4 * strlen(name) + 1), *at = escaped;

	if (!escaped)
		abort();
	for (; *name; name++) {
		if (*name == '\n' || *name == '\r' || *name == '\\' || strchr(more, *name))
			at += sprintf(at, "\\%03o", (unsigned char)*name);
		else
			*at++ = *name;
	}
	*at = 0;
	text_put(escaped);
	free(escaped);
}

void xattr_print(const char *name, const void *value, size_t size, enum xattr_encoding encoding)
{
	xattr_print_name(name, "=");
	putchar('=');
	if (encoding == XATTR_AUTO)
		encoding = is_text(value, size) ? XATTR_TEXT : XATTR_BASE64;
	if (encoding == XATTR_TEXT)
		put_text(value, size);
	else if (encoding == XATTR_HEX)
		put_hex(value, size);
	else
		put_base64(value, size);
	putchar('\n');
}

static int digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter = (char)tolower((unsigned char)letter);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static long decode_hex(const char *text, unsigned char *bytes)
{
	long count = 0;

	for (; *text; text += 2) {
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return -EINVAL;
		bytes[count++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
	}
	return count;
}

static bool is_octal(const char *text)
{
	return text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' && text[2] >= '0' && text[2] <= '7';
}

static unsigned char octal(const char *text)
{
	return (unsigned char)((text[0] - '0') << 6 | (text[1] - '0') << 3 | (text[2] - '0'));
}

/* With or without quotes around it. */
static long decode_text(const char *text, size_t length, unsigned char *bytes)
{
	const char *end = text + length;
	long count = 0;

	if (length >= 2 && *text == '"' && end[-1] == '"') {
		text++;
		end--;
	}
	while (text < end) {
		if (*text == '\\' && end - text > 3 && is_octal(text + 1)) {
			bytes[count++] = octal(text + 1);
			text += 4;
			continue;
		}
		text += *text == '\\' && end - text > 1 && (text[1] == '\\' || text[1] == '"');
		bytes[count++] = (unsigned char)*text++;
	}
	return count;
}

long xattr_decode(const char *text, void *bytes)
{
	if (!strncasecmp(text, "0x", 2))
		return decode_hex(text + 2, bytes);
	if (!strncasecmp(text, "0s", 2))
		return base64_decode(text + 2, strlen(text + 2), bytes);
	return decode_text(text, strlen(text), bytes);
}

void xattr_unescape(char *name)
{
	char *to = name;

	while (*name) {
		if (*name == '\\' && is_octal(name + 1)) {
			*to++ = (char)octal(name + 1);
			name += 4;
		} else {
			*to++ = *name++;
		}
	}
	*to = 0;
}

int xattr_place(struct visit *visit, const struct visit_file *file, bool links, struct xattr_place *place)
{
	long fd;

	*place = (struct xattr_place){ .fd = -1, .dir = file->dir, .name = file->name };
	if (file->type != DT_LNK || links)
		return 0;
	if (file->depth)
		return 1;
	fd = worker_open(visit->operand->image, visit->operand->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		int error = visit_failed(visit, "cannot open", fd);

		return error ? error : 1;
	}
	place->fd = (int)fd;
	return 0;
}

void xattr_leave(const struct xattr_place *place)
{
	if (place->fd >= 0)
		fs_close(&fs_image, place->fd);
}
