// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: output by a format of the command line */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

/* Of widths and precisions; more would be memory for nothing. */
#define WIDTH_MAX 4096

static const char *parse_number(const char *at, int *value)
{
	*value = 0;
	for (; *at >= '0' && *at <= '9'; at++)
		*value = *value < WIDTH_MAX ? 10 * *value + *at - '0' : WIDTH_MAX;
	return at;
}

/* @at: behind the "%". Return: behind the directive; NULL when it is none of @rules */
static const char *parse(const struct format_rules *rules, const char *at, struct format_field *field)
{
	size_t count = 0;

	*field = (struct format_field){ .width = -1, .precision = -1 };
	while (*at && strchr("-0#+ '", *at)) {
		if (count < sizeof(field->flags) - 1)
			field->flags[count++] = *at;
		at++;
	}
	if (*at >= '0' && *at <= '9')
		at = parse_number(at, &field->width);
	if (*at == '.')
		at = parse_number(at + 1, &field->precision);
	field->letter = *at;
	if (!*at || (!strchr(rules->letters, *at) && !strchr(rules->pairs, *at)))
		return NULL;
	if (!strchr(rules->pairs, *at++))
		return at;
	field->more = *at;
	return *at && strchr(rules->seconds, *at) ? at + 1 : NULL;
}

const char *format_check(const struct format_rules *rules, const char *format)
{
	struct format_field field;

	for (const char *at = format; (at = strchr(at, '%'));) {
		const char *next = at[1] == '%' ? at + 2 : parse(rules, at + 1, &field);

		if (!next)
			return at;
		at = next;
	}
	return NULL;
}

/* @at: behind a backslash. Return: behind the escape */
static const char *put_escape(const char *at)
{
	static const char letters[] = "abfnrtv0\\", bytes[] = "\a\b\f\n\r\t\v\0\\";
	const char *letter = *at ? strchr(letters, *at) : NULL;
	int value = 0, digits = 0;

	for (; digits < 3 && at[digits] >= '0' && at[digits] <= '7'; digits++)
		value = 8 * value + at[digits] - '0';
	if (digits) {
		putchar(value & 0xff);
		return at + digits;
	}
	if (letter) {
		putchar(bytes[letter - letters]);
		return at + 1;
	}
	putchar('\\');
	return at;
}

bool format_run(const struct format_rules *rules, const char *format, bool escapes, const void *arg)
{
	struct format_field field;

	for (const char *at = format; *at;) {
		if (*at == '%' && at[1] == '%') {
			putchar('%');
			at += 2;
		} else if (*at == '%') {
			at = parse(rules, at + 1, &field);
			rules->put(&field, arg);
		} else if (*at == '\\' && escapes && at[1] == 'c') {
			return false;
		} else if (*at == '\\' && escapes) {
			at = put_escape(at + 1);
		} else {
			putchar(*at++);
		}
	}
	return true;
}

static bool has_flag(const struct format_field *field, char flag)
{
	return strchr(field->flags, flag);
}

void format_text(const struct format_field *field, const char *text)
{
	int width = field->width < 0 ? 0 : field->width;
	char *padded;

	if (!width && field->precision < 0) {
		text_put(text);
		return;
	}
	if (asprintf(&padded, "%*.*s", has_flag(field, '-') ? -width : width, field->precision, text) < 0)
		abort();
	text_put(padded);
	free(padded);
}

/* By printf(3), which knows the same flags. */
static void put_number(const struct format_field *field, const char *conversion, uint64_t value)
{
	char format[48], *text;
	int width = field->width < 0 ? 0 : field->width;

	snprintf(format, sizeof(format), field->precision < 0 ? "%%%s*%s" : "%%%s*.*%s", field->flags, conversion);
	if (field->precision < 0 ? asprintf(&text, format, width, value) < 0
				 : asprintf(&text, format, width, field->precision, value) < 0)
		abort();
	fputs(text, stdout);
	free(text);
}

void format_number(const struct format_field *field, uint64_t value)
{
	put_number(field, PRIu64, value);
}

void format_octal(const struct format_field *field, uint64_t value)
{
	put_number(field, PRIo64, value);
}

void format_hex(const struct format_field *field, uint64_t value)
{
	put_number(field, PRIx64, value);
}

void format_seconds(const struct format_field *field, const struct found_time *when)
{
	struct format_field padded = *field;
	char digits[16], text[64];
	int precision = field->precision > 9 ? 9 : field->precision;

	snprintf(digits, sizeof(digits), "%09u", when->nanoseconds % 1000000000U);
	if (!when->known)
		strcpy(text, "0");
	else if (precision <= 0)
		snprintf(text, sizeof(text), "%lld", (long long)when->seconds);
	else
		snprintf(text, sizeof(text), "%lld.%.*s", (long long)when->seconds, precision, digits);
	padded.precision = -1;
	format_text(&padded, text);
}
