/* SPDX-License-Identifier: BSD-2-Clause */
/* Output by a format of the command line: "%-10s\n", as stat(1) and find(1) have them. */
#ifndef TOOLS_FORMAT_H
#define TOOLS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "found.h"

/**
 * struct format_field - one directive: "%-5.3Tk"
 * @flags:     of "-0#+ '", zero at the end
 * @width:     -1: none
 * @precision: -1: none
 * @letter:    which
 * @more:      second letter, of those that have one; else 0
 */
struct format_field {
	char flags[8];
	int width, precision;
	char letter, more;
};

/**
 * struct format_rules - what a subcommand understands
 * @letters: directives
 * @pairs:   directives of two letters: the first ones
 * @seconds: what may be their second letter
 * @put:     writes one of them
 */
struct format_rules {
	const char *letters, *pairs, *seconds;
	void (*put)(const struct format_field *field, const void *arg);
};

/** format_check() - Return: NULL when all of it is understood; else where it is not */
const char *format_check(const struct format_rules *rules, const char *format);
/** format_run() - write @format, which was checked. @escapes: a backslash is one. Return: false when it says "\c" */
bool format_run(const struct format_rules *rules, const char *format, bool escapes, const void *arg);

/* What @put writes with; padded and cut as the field says. */
void format_text(const struct format_field *field, const char *text);
void format_number(const struct format_field *field, uint64_t value);
void format_octal(const struct format_field *field, uint64_t value);
void format_hex(const struct format_field *field, uint64_t value);
/** format_seconds() - since 1970, with as many decimals as the precision asks for */
void format_seconds(const struct format_field *field, const struct found_time *when);

#endif
