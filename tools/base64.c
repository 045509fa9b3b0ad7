// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: Base64 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t size, char *text)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group =
			(uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0U);

		*text++ = digits[group >> 18];
		*text++ = digits[group >> 12 & 63];
		*text++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[group & 63] : '=';
	}
	*text = 0;
}

long base64_decode(const char *text, size_t length, void *bytes)
{
	unsigned char *at = bytes;
	uint32_t group = 0;
	size_t i, count = length;

	while (count && text[count - 1] == '=' && length - count < 2)
		count--;
	if (length % 4)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return -EINVAL;
		group = group << 6 | (uint32_t)(digit - digits);
		if (i % 4 != 3)
			continue;
		*at++ = (unsigned char)(group >> 16);
		*at++ = (unsigned char)(group >> 8);
		*at++ = (unsigned char)group;
	}
	if (i % 4 == 1)
		return -EINVAL;
	if (i % 4 == 2)
		*at++ = (unsigned char)(group >> 4);
	if (i % 4 == 3) {
		*at++ = (unsigned char)(group >> 10);
		*at++ = (unsigned char)(group >> 2);
	}
	return at - (unsigned char *)bytes;
}
