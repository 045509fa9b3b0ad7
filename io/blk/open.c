// SPDX-License-Identifier: BSD-2-Clause
/* hyp_blk_open(): specifications of block devices, their options, and the table of backends */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blk.h"
#include <blk_backends.h> /* made by io/build.mk of its list of backends: blk_backends[], ends with NULL */

#define SIZE_HELP "a number of bytes, with k, M, G or T for powers of 1024"

int blk_fail(struct blk_spec *spec, int error, const char *format, ...)
{
	va_list args;

	if (spec->error && spec->error_size) {
		va_start(args, format);
		vsnprintf(spec->error, spec->error_size, format, args);
		va_end(args);
	}
	return error;
}

const char *blk_option(const struct blk_spec *spec, const char *key)
{
	unsigned int i;

	for (i = 0; i < spec->count; i++)
		if (!strcmp(spec->options[i].key, key))
			return spec->options[i].value;
	return NULL;
}

static int parse_number(const char *text, uint64_t *value, const char **end)
{
	unsigned long long number;
	char *stop;

	if (!isdigit((unsigned char)*text))
		return -HYP_EINVAL;
	errno = 0;
	number = strtoull(text, &stop, 0);
	if (errno)
		return -HYP_EINVAL;
	*value = number;
	*end = stop;
	return 0;
}

int blk_parse_size(const char *text, uint64_t *value)
{
	static const char suffixes[] = "kmgt";
	const char *end, *suffix;
	unsigned int shift = 0;
	uint64_t number;

	if (parse_number(text, &number, &end))
		return -HYP_EINVAL;
	if (*end) {
		suffix = strchr(suffixes, tolower((unsigned char)*end));
		if (!suffix || end[1])
			return -HYP_EINVAL;
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
	}
	if (number > UINT64_MAX >> shift)
		return -HYP_EINVAL;
	*value = number << shift;
	return 0;
}

int blk_option_size(struct blk_spec *spec, const char *key, uint64_t *value)
{
	const char *text = blk_option(spec, key);

	if (text && blk_parse_size(text, value))
		return blk_fail(spec, -HYP_EINVAL, "%s: %s=%s: give " SIZE_HELP, spec->name, key, text);
	return 0;
}

int blk_option_number(struct blk_spec *spec, const char *key, uint64_t low, uint64_t high, uint64_t *value)
{
	const char *text = blk_option(spec, key), *end;
	uint64_t number;

	if (!text)
		return 0;
	if (parse_number(text, &number, &end) || *end || number < low || number > high)
		return blk_fail(spec, -HYP_EINVAL, "%s: %s=%s: give a number from %llu to %llu", spec->name, key, text,
				(unsigned long long)low, (unsigned long long)high);
	*value = number;
	return 0;
}

int blk_option_bool(struct blk_spec *spec, const char *key, bool *value)
{
	const char *text = blk_option(spec, key);

	if (!text)
		return 0;
	if ((*text != '0' && *text != '1') || text[1])
		return blk_fail(spec, -HYP_EINVAL, "%s: %s=%s: give 0 or 1", spec->name, key, text);
	*value = *text == '1';
	return 0;
}

/* Write "a, b, c" */
static void join(const char *const *names, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (; *names && used < size; names++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", *names);
}

int blk_option_choice(struct blk_spec *spec, const char *key, const char *const *names, unsigned int *value)
{
	const char *text = blk_option(spec, key);
	char known[128];
	unsigned int i;

	if (!text)
		return 0;
	for (i = 0; names[i]; i++) {
		if (!strcmp(names[i], text)) {
			*value = i;
			return 0;
		}
	}
	join(names, known, sizeof(known));
	return blk_fail(spec, -HYP_EINVAL, "%s: %s=%s: give one of %s", spec->name, key, text, known);
}

static bool known_key(const struct blk_backend *backend, const char *key)
{
	const char *const *known;

	for (known = backend->keys; *known; known++)
		if (!strcmp(*known, key))
			return true;
	return false;
}

static int add_option(struct blk_spec *spec, char *text)
{
	char *value = strchr(text, '=');
	char known[256];

	if (value)
		*value++ = 0;
	if (!known_key(spec->backend, text)) {
		join(spec->backend->keys, known, sizeof(known));
		return blk_fail(spec, -HYP_EINVAL, "%s: no option \"%s\"; it takes %s", spec->name, text,
				*known ? known : "none");
	}
	if (!value || !*value)
		return blk_fail(spec, -HYP_EINVAL, "%s: %s has no value; write %s=VALUE", spec->name, text, text);
	if (blk_option(spec, text))
		return blk_fail(spec, -HYP_EINVAL, "%s: %s is given twice; leave one", spec->name, text);
	/* Every backend has fewer keys than there is room for, and none is taken twice. */
	spec->options[spec->count++] = (struct blk_option){ .key = text, .value = value };
	return 0;
}

static const struct blk_backend *find_backend(const char *name)
{
	const struct blk_backend *const *backend;

	for (backend = blk_backends; *backend; backend++)
		if (!strcmp((*backend)->name, name))
			return *backend;
	return NULL;
}

static int unknown_backend(struct blk_spec *spec)
{
	const struct blk_backend *const *backend;
	char known[128];
	size_t used = 0;

	for (backend = blk_backends; *backend && used < sizeof(known); backend++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
					 (*backend)->name);
	return blk_fail(spec, -HYP_EINVAL, "no block backend \"%s\"; there are %s, as in file:disk.img", spec->name,
			known);
}

static int open_spec(struct blk_spec *spec, char *head, struct hyp_blk **disk)
{
	char *option = strchr(head, ',');
	int error;

	if (option)
		*option++ = 0;
	spec->name = head;
	spec->backend = find_backend(head);
	if (!spec->backend)
		return unknown_backend(spec);
	while (option) {
		char *next = strchr(option, ',');

		if (next)
			*next++ = 0;
		error = add_option(spec, option);
		if (error)
			return error;
		option = next;
	}
	return spec->backend->open(spec, disk);
}

int hyp_blk_open(const char *text, uint32_t flags, struct hyp_blk **disk, char *error, size_t error_size)
{
	struct blk_spec spec = { .flags = flags, .error = error, .error_size = error_size };
	const char *colon = strchr(text, ':');
	int saved = errno, result;
	char *head;

	if (!colon)
		return blk_fail(&spec, -HYP_EINVAL, "\"%s\" names no backend; write file:%s for an image file", text,
				text);
	if (flags & ~(uint32_t)(HYP_BLK_OPEN_READ_ONLY | HYP_BLK_OPEN_NO_LOCK))
		return blk_fail(&spec, -HYP_EINVAL, "unknown flags 0x%x for opening %s", flags, text);
	head = strndup(text, (size_t)(colon - text));
	if (!head)
		return blk_fail(&spec, -HYP_ENOMEM, "no memory to open %s", text);
	spec.rest = colon + 1;
	result = open_spec(&spec, head, disk);
	free(head);
	errno = saved;
	return result;
}
