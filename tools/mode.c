// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: changes of a file's mode, as chmod(1) writes them */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mode.h"

#define ALL 07777U
#define SET_ID 06000U
#define READ 0444U
#define WRITE 0222U
#define EXECUTE 0111U

/* Digits that name set-ID bits of a directory also where they are zero: "00755". */
#define DIGITS_ALL 5

static uint32_t class_of(char letter)
{
	switch (letter) {
	case 'u':
		return 04700;
	case 'g':
		return 02070;
	case 'o':
		return 01007;
	case 'a':
		return ALL;
	}
	return 0;
}

static uint32_t bits_of(char letter)
{
	switch (letter) {
	case 'r':
		return READ;
	case 'w':
		return WRITE;
	case 'x':
		return EXECUTE;
	case 's':
		return SET_ID;
	case 't':
		return 01000;
	}
	return 0;
}

/* Octal digits at @at, up to a comma or the end. Return: behind them, NULL for none or too much */
static const char *parse_octal(const char *at, uint32_t *bits, uint32_t *named)
{
	char *end;
	unsigned long value = strtoul(at, &end, 8);

	if (*at < '0' || *at > '7' || (*end && *end != ',') || value > ALL)
		return NULL;
	*bits = (uint32_t)value;
	*named = end - at < DIGITS_ALL ? (*bits & SET_ID) | (ALL & ~SET_ID) : ALL;
	return end;
}

/* What follows an operator. */
static const char *parse_bits(const char *at, struct mode_step *step)
{
	if (*at >= '0' && *at <= '7' && !step->who) {
		at = parse_octal(at, &step->bits, &step->named);
		step->who = step->named = ALL;
		return at;
	}
	if (*at && strchr("ugo", *at)) {
		step->source = *at;
		step->bits = class_of(*at) & 0777;
		at++;
	} else {
		for (; *at && strchr("rwxXst", *at); at++) {
			if (*at == 'X')
				step->source = 'X';
			step->bits |= bits_of(*at);
		}
	}
	step->named = step->who ? step->who & step->bits : step->bits;
	return at;
}

/* "u+rw-x": one or several operators for the same classes. Return: behind it, NULL */
static const char *parse_clause(const char *at, struct mode_change *change)
{
	uint32_t who = 0;

	while (class_of(*at))
		who |= class_of(*at++);
	if (!*at || !strchr("+-=", *at))
		return NULL;
	while (at && *at && strchr("+-=", *at)) {
		struct mode_step *step = &change->steps[change->count];

		if (change->count++ == MODE_STEPS_MAX)
			return NULL;
		*step = (struct mode_step){ .operator= * at, .who = who };
		at = parse_bits(at + 1, step);
	}
	return at;
}

int mode_parse(const char *text, struct mode_change *change)
{
	const char *at = text;

	*change = (struct mode_change){ 0 };
	if (*text >= '0' && *text <= '9') {
		struct mode_step *step = &change->steps[change->count++];

		*step = (struct mode_step){ .operator= '=', .who = ALL };
		at = parse_octal(text, &step->bits, &step->named);
		return at && !*at ? 0 : -EINVAL;
	}
	for (;;) {
		at = parse_clause(at, change);
		if (!at || (*at && *at != ','))
			return -EINVAL;
		if (!*at++)
			return 0;
	}
}

/* What @step means by its permissions for a file of @mode. */
static uint32_t bits_for(const struct mode_step *step, uint32_t mode, bool directory)
{
	uint32_t bits = step->bits;

	if (step->source == 'X' && (directory || (mode & EXECUTE)))
		bits |= EXECUTE;
	if (step->source && step->source != 'X') {
		bits &= mode;
		bits = (bits & READ ? READ : 0) | (bits & WRITE ? WRITE : 0) | (bits & EXECUTE ? EXECUTE : 0);
	}
	return bits;
}

uint32_t mode_apply(const struct mode_change *change, uint32_t mode, bool directory, uint32_t mask)
{
	mode &= ALL;
	for (unsigned int i = 0; i < change->count; i++) {
		const struct mode_step *step = &change->steps[i];
		uint32_t kept = directory ? SET_ID & ~step->named : 0;
		uint32_t bits = bits_for(step, mode, directory) & (step->who ? step->who : ~mask) & ~kept;

		if (step->operator== '+')
			mode |= bits;
		else if (step->operator== '-')
			mode &= ~bits;
		else
			mode = (mode & (kept | (step->who ? ~step->who : 0))) | bits;
	}
	return mode & ALL;
}
