/* SPDX-License-Identifier: BSD-2-Clause */
/* The same system calls made to two kernels: the host's and the one under test. What they say is compared. */
#ifndef TESTS_SYSCALL_SIDE_H
#define TESTS_SYSCALL_SIDE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	MAX_FACTS = 400,
};

/** struct fact - something that a kernel said */
struct fact {
	char name[72];
	long value;
};

/**
 * struct side - one of the two kernels
 * @name:  for messages
 * @call:  one system call; returns a negative errno on failure
 * @facts: what it said, @count of them
 */
struct side {
	const char *name;
	long (*call)(long number, const long args[6]);
	struct fact facts[MAX_FACTS];
	unsigned int count;
};

/* One system call; arguments that are not given are 0. */
#define sys(side, number, ...) ((side)->call(number, (const long[6]){ __VA_ARGS__ }))

/** side_fact() - note what a kernel said */
void side_fact(struct side *side, long value, const char *name, ...) __attribute__((format(printf, 3, 4)));

/**
 * side_extent() - how many bytes a call writes to a buffer, holes included
 * @args:  of the call
 * @index: of the argument that is replaced by a buffer
 * Return: offset behind the last byte written, or a negative errno
 *
 * The call is made twice, with buffers of different contents.
 */
long side_extent(const struct side *side, long number, const long args[6], unsigned int index);

/** facts_gather() - structures: sizes, offsets, constants. In an empty working directory. */
void facts_gather(struct side *side);

/** errors_gather() - errors of bad arguments. In the same directory, after facts_gather() */
void errors_gather(struct side *side);

/** refused_check() - refused calls are refused by number and by name */
void refused_check(void);

#endif
