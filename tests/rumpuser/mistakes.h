/* SPDX-License-Identifier: BSD-2-Clause */
/* Libraries that are wrong: each is the sound one with one deliberate mistake. */
#ifndef TESTS_RUMPUSER_MISTAKES_H
#define TESTS_RUMPUSER_MISTAKES_H

#include "suite.h"

/**
 * struct mistake - and who has to see it
 * @name:  what is wrong; NULL ends a table
 * @group: of the suite, that must fail
 * @with:  calls that are not NULL replace the sound ones
 */
struct mistake {
	const char *name;
	const char *group;
	struct hypercalls with;
};

extern const struct mistake lock_mistakes[], io_mistakes[], host_mistakes[];

/** sound - the library's own calls */
extern struct hypercalls sound;

/**
 * enum twist - what the calling thread does wrong when the library makes an upcall
 */
enum twist {
	UPRIGHT,
	KEEPS,	      /* does not tell the kernel that it is going to sleep */
	NO_INTERLOCK, /* passes none on */
	WRONG_COOKIE, /* brings another number back */
};

extern __thread enum twist twist;

/** init_twisted() - rumpuser_init() with upcalls that obey @twist; in place of the sound one for every mistake */
int init_twisted(int version, const struct rumpuser_hyperup *upcalls);

/** up - the kernel's upcalls, for mistakes that make their own */
extern struct rumpuser_hyperup up;

/** every() - is this the @n-th, 2 @n-th ... call of it in this process? */
bool every(uint32_t n);

#endif
