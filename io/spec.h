/* SPDX-License-Identifier: BSD-2-Clause */
/* Specifications of devices, the same for every family: NAME[,KEY=VALUE...]:REST, their options and their messages */
#ifndef IO_SPEC_H
#define IO_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct io_backend - what a specification can name; backends of a family begin with it
 * @name: before the first comma
 * @keys: options, a list that ends with NULL; others are refused before the backend is asked
 * @help: the form of a specification, for messages
 */
struct io_backend {
	const char *name;
	const char *const *keys;
	const char *help;
};

/**
 * struct io_spec - a specification while it is being opened
 * @name:  of the backend
 * @rest:  after the colon
 * @flags: open flags of the family, or-ed
 * @error: where messages go
 * @error_size: room there
 * @backend: what @name means
 * @options: KEY=VALUE pairs, split in place
 * @count: of @options
 */
struct io_spec {
	const char *name;
	const char *rest;
	uint32_t flags;
	char *error;
	size_t error_size;
	const struct io_backend *backend;
	struct io_option {
		const char *key;
		const char *value;
	} options[24];
	unsigned int count;
};

/**
 * struct io_family - a class of devices, for messages and for its backends
 * @device:  "block"
 * @example: a specification with a "%s" for a name that was given without a backend
 * @backend: the backend at an index, or NULL behind the last
 */
struct io_family {
	const char *device;
	const char *example;
	const struct io_backend *(*backend)(unsigned int index);
};

/**
 * io_spec_open() - read a specification and have its backend open it
 * @text:   the specification
 * @spec:   @flags, @error and @error_size are set; the rest is filled in, valid while @open runs
 * @open:   called with what was read; may reach its backend by @spec->backend
 * @device: second argument of @open
 * Return: what @open returns; -HYP_EINVAL, -HYP_ENOMEM with a message. errno is as it was.
 */
int io_spec_open(const struct io_family *family, const char *text, struct io_spec *spec,
		 int (*open)(struct io_spec *spec, void *device), void *device);

/** io_fail() - leave a message for who opens. Return: @error */
int io_fail(struct io_spec *spec, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** io_no_rest() - nothing may follow the colon. Return: 0, or -HYP_EINVAL with a message */
int io_no_rest(struct io_spec *spec);

/** io_option() - an option's value, or NULL when it was not given */
const char *io_option(const struct io_spec *spec, const char *key);

/**
 * io_option_size() - a number of bytes with an optional suffix k, M, G, T; @value stays as it was when not given
 * Return: 0, or -HYP_EINVAL with a message
 */
int io_option_size(struct io_spec *spec, const char *key, uint64_t *value);

/** io_option_number() - the same without suffixes, between @low and @high */
int io_option_number(struct io_spec *spec, const char *key, uint64_t low, uint64_t high, uint64_t *value);

/** io_option_bool() - 0 or 1 */
int io_option_bool(struct io_spec *spec, const char *key, bool *value);

/**
 * io_option_choice() - one of @names, a list that ends with NULL; @value is its index
 * Return: 0, or -HYP_EINVAL with a message
 */
int io_option_choice(struct io_spec *spec, const char *key, const char *const *names, unsigned int *value);

/**
 * io_descriptor() - move an open descriptor away from 0, 1 and 2, where others take it for a standard stream: a program
 * that has closed these may print all the same, and would print into an image
 * @fd: of open(2), also -1; gone if it was one of the three
 * Return: the descriptor, close-on-exec if it was moved; -1 with errno
 */
int io_descriptor(int fd);

/** io_parse_size() - text as io_option_size() takes it. Return: 0, -HYP_EINVAL */
int io_parse_size(const char *text, uint64_t *value);

#endif
