// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: text that comes from an image, made fit for a terminal */
#include <stdio.h>
#include <unistd.h>

#include "command.h"

/* The UTF-8 sequence at @text. Return: its length, 0 for none or an overlong one. @code: out */
static unsigned int sequence(const unsigned char *text, uint32_t *code)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int length;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0, 1, 0 }, { 0xe0, 0xc0, 2, 0x80 }, { 0xf0, 0xe0, 3, 0x800 }, { 0xf8, 0xf0, 4, 0x10000 }
	};

	for (unsigned int f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		if ((*text & forms[f].mask) != forms[f].lead)
			continue;
		*code = *text & (unsigned char)~forms[f].mask;
		for (unsigned int i = 1; i < forms[f].length; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (text[i] & 0x3f);
		}
		if (*code < forms[f].least || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
			return 0;
		return forms[f].length;
	}
	return 0;
}

/* Control characters, and marks that turn the direction of text around: they can make one name look like another. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x200e && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* Length of the sequence at @text that can be shown; 0 for none. */
static unsigned int shown(const unsigned char *text)
{
	uint32_t code;
	unsigned int length = sequence(text, &code);

	return length && !is_control(code) ? length : 0;
}

char *text_clean(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at;) {
		unsigned int length = shown(at);

		if (!length)
			*at = '?';
		at += length ? length : 1;
	}
	return text;
}

unsigned int text_sequence(const char *text)
{
	uint32_t code;

	return sequence((const unsigned char *)text, &code);
}

bool text_valid(const char *text)
{
	while (*text) {
		unsigned int length = text_sequence(text);

		if (!length)
			return false;
		text += length;
	}
	return true;
}

/* -1: not asked yet; names come by the million. */
static int known = -1;

void text_redirected(void)
{
	known = -1;
}

bool text_on_terminal(void)
{
	if (known < 0)
		known = isatty(STDOUT_FILENO);
	return known;
}

/* One byte that must not reach a terminal, as C would write it. */
static void put_escape(unsigned char byte)
{
	static const char letters[] = "abtnvfr"; /* of \a, which is 7, and those after it */

	if (byte >= '\a' && byte <= '\r')
		printf("\\%c", letters[byte - '\a']);
	else
		printf("\\%03o", byte);
}

void text_put(const char *text)
{
	if (!text_on_terminal()) {
		fputs(text, stdout);
		return;
	}
	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		unsigned int length = shown(at);

		if (length)
			fwrite(at, 1, length, stdout);
		else
			put_escape(*at);
		at += length ? length : 1;
	}
}

const char *text_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	unsigned int unit = 0;

	for (; value >= 1024 && unit < sizeof(units) / sizeof(*units) - 1; unit++)
		value /= 1024;
	snprintf(buf, size, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return buf;
}

const char *text_size_short(uint64_t bytes, char *buf, size_t size)
{
	static const char units[] = "KMGTPE";
	uint64_t unit = 1024;
	unsigned int i = 0;

	if (bytes < 1024) {
		snprintf(buf, size, "%u", (unsigned int)bytes);
		return buf;
	}
	/* The next unit from where rounding up would give 1024 of this one. */
	while (i < sizeof(units) - 2 && bytes > unit * 1023) {
		unit <<= 10;
		i++;
	}
	if (bytes <= unit / 10 * 99 + unit % 10 * 99 / 10)
		snprintf(buf, size, "%.1f%c", (double)(((unsigned __int128)bytes * 10 + unit - 1) / unit) / 10, units[i]);
	else
		snprintf(buf, size, "%u%c", (unsigned int)(bytes / unit + !!(bytes % unit)), units[i]);
	return buf;
}
