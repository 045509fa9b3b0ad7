// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: text that comes from an image, made fit for a terminal */
#include <stdio.h>

#include "command.h"

/* Length of the UTF-8 sequence at @text that can be shown; 0 for none. Overlong forms and C1 controls are refused. */
static unsigned int sequence(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int length;
		uint32_t least;
	} forms[] = { { 0xe0, 0xc0, 2, 0xa0 }, { 0xf0, 0xe0, 3, 0x800 }, { 0xf8, 0xf0, 4, 0x10000 } };

	if (*text < 0x80)
		return *text >= 0x20 && *text != 0x7f;
	for (unsigned int f = 0; f < sizeof(forms) / sizeof(*forms); f++) {
		uint32_t code = *text & (unsigned char)~forms[f].mask;

		if ((*text & forms[f].mask) != forms[f].lead)
			continue;
		for (unsigned int i = 1; i < forms[f].length; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[i] & 0x3f);
		}
		/* Marks that turn the direction of text around can make one name look like another. */
		if (code < forms[f].least || code > 0x10ffff || (code >= 0x200e && code <= 0x200f) ||
		    (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
			return 0;
		return forms[f].length;
	}
	return 0;
}

char *text_clean(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at;) {
		unsigned int length = sequence(at);

		if (!length)
			*at = '?';
		at += length ? length : 1;
	}
	return text;
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
