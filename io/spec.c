// SPDX-License-Identifier: BSD-2-Clause
/* Specifications of devices: what they name, their options, and what is wrong with them */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rumpus/hyp.h>

#include "spec.h"

#define SIZE_HELP "a number of bytes, with k, M, G or T for powers of 1024"

int io_fail(struct io_spec *spec, int error, const char *format, ...)
{
	va_list args;

	if (spec->error && spec->error_size) {
		va_start(args, format);
		vsnprintf(spec->error, spec->error_size, format, args);
		va_end(args);
	}
	return error;
}

const char *io_option(const struct io_spec *spec, const char *key)
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

int io_parse_size(const char *text, uint64_t *value)
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

int io_option_size(struct io_spec *spec, const char *key, uint64_t *value)
{
	const char *text = io_option(spec, key);

	if (text && io_parse_size(text, value))
		return io_fail(spec, -HYP_EINVAL, "%s: %s=%s: give " SIZE_HELP, spec->name, key, text);
	return 0;
}

int io_option_number(struct io_spec *spec, const char *key, uint64_t low, uint64_t high, uint64_t *value)
{
	const char *text = io_option(spec, key), *end;
	uint64_t number;

	if (!text)
		return 0;
	if (parse_number(text, &number, &end) || *end || number < low || number > high)
		return io_fail(spec, -HYP_EINVAL, "%s: %s=%s: give a number from %llu to %llu", spec->name, key, text,
			       (unsigned long long)low, (unsigned long long)high);
	*value = number;
	return 0;
}

int io_option_bool(struct io_spec *spec, const char *key, bool *value)
{
	const char *text = io_option(spec, key);

	if (!text)
		return 0;
	if ((*text != '0' && *text != '1') || text[1])
		return io_fail(spec, -HYP_EINVAL, "%s: %s=%s: give 0 or 1", spec->name, key, text);
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

int io_option_choice(struct io_spec *spec, const char *key, const char *const *names, unsigned int *value)
{
	const char *text = io_option(spec, key);
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
	return io_fail(spec, -HYP_EINVAL, "%s: %s=%s: give one of %s", spec->name, key, text, known);
}

static bool known_key(const struct io_backend *backend, const char *key)
{
	const char *const *known;

	for (known = backend->keys; *known; known++)
		if (!strcmp(*known, key))
			return true;
	return false;
}

static int add_option(struct io_spec *spec, char *text)
{
	char *value = strchr(text, '=');
	char known[256];

	if (value)
		*value++ = 0;
	if (!known_key(spec->backend, text)) {
		join(spec->backend->keys, known, sizeof(known));
		return io_fail(spec, -HYP_EINVAL, "%s: no option \"%s\"; it takes %s", spec->name, text,
			       *known ? known : "none");
	}
	if (!value || !*value)
		return io_fail(spec, -HYP_EINVAL, "%s: %s has no value; write %s=VALUE", spec->name, text, text);
	if (io_option(spec, text))
		return io_fail(spec, -HYP_EINVAL, "%s: %s is given twice; leave one", spec->name, text);
	/* Every backend has fewer keys than there is room for, and none is taken twice. */
	spec->options[spec->count++] = (struct io_option){ .key = text, .value = value };
	return 0;
}

int io_no_rest(struct io_spec *spec)
{
	if (!*spec->rest)
		return 0;
	return io_fail(spec, -HYP_EINVAL, "%s: opens nothing, but \"%s\" follows the colon; leave it out", spec->name,
		       spec->rest);
}

static const struct io_backend *find_backend(const struct io_family *family, const char *name)
{
	const struct io_backend *backend;
	unsigned int i;

	for (i = 0; (backend = family->backend(i)); i++)
		if (!strcmp(backend->name, name))
			return backend;
	return NULL;
}

static int unknown_backend(const struct io_family *family, struct io_spec *spec)
{
	const struct io_backend *backend;
	char known[128], example[128];
	size_t used = 0;
	unsigned int i;

	for (i = 0; (backend = family->backend(i)) && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", backend->name);
	snprintf(example, sizeof(example), family->example, "NAME");
	return io_fail(spec, -HYP_EINVAL, "no %s backend \"%s\"; there are %s, as in %s", family->device, spec->name,
		       known, example);
}

/* Split what is before the colon, in place */
static int read_head(const struct io_family *family, struct io_spec *spec, char *head)
{
	char *option = strchr(head, ',');
	int error;

	if (option)
		*option++ = 0;
	spec->name = head;
	spec->backend = find_backend(family, head);
	if (!spec->backend)
		return unknown_backend(family, spec);
	while (option) {
		char *next = strchr(option, ',');

		if (next)
			*next++ = 0;
		error = add_option(spec, option);
		if (error)
			return error;
		option = next;
	}
	return 0;
}

int io_descriptor(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd); /* leaves errno */
	return moved;
}

int io_spec_open(const struct io_family *family, const char *text, struct io_spec *spec,
		 int (*open)(struct io_spec *spec, void *device), void *device)
{
	const char *colon = strchr(text, ':');
	char *head, example[512];
	int saved = errno, error;

	if (!colon) {
		snprintf(example, sizeof(example), family->example, text);
		return io_fail(spec, -HYP_EINVAL, "\"%s\" names no backend; write %s", text, example);
	}
	head = strndup(text, (size_t)(colon - text));
	if (!head)
		return io_fail(spec, -HYP_ENOMEM, "no memory to open %s", text);
	spec->rest = colon + 1;
	error = read_head(family, spec, head);
	if (!error)
		error = open(spec, device);
	free(head);
	errno = saved;
	return error;
}
