/* SPDX-License-Identifier: GPL-2.0-only */
/* Litmus tests: the two sides, kernel code in litmus.c and a program that runs it. Includes nothing. */
#ifndef _RUMP_LITMUS_H
#define _RUMP_LITMUS_H

#define LITMUS_THREADS 4
#define LITMUS_REGISTERS 4

/* Each variable is alone in its cache line, or pair of lines. */
struct litmus_word {
	int value __attribute__((aligned(128)));
};

/**
 * struct litmus_state - what the threads of one run share
 * @x, @y: the variables of the test, 0 at first
 * @other: one for each thread that only it touches, 0 at first: an operation on it must order the others all the same
 * @r:     what the threads have read
 */
struct litmus_state {
	struct litmus_word x, y;
	struct litmus_word other[LITMUS_THREADS];
	int r[LITMUS_REGISTERS] __attribute__((aligned(128)));
};

/**
 * struct litmus - a test: the outcome that the memory model forbids
 * @name:      as in the tree's tools/memory-model/litmus-tests, and what orders
 * @threads:   one function each, then NULL
 * @forbidden: values of r; -1 stands for any
 * @weak:      nothing orders: the outcome is allowed, and shows that the program could see it
 */
struct litmus {
	const char *name;
	void (*threads[LITMUS_THREADS])(struct litmus_state *state);
	int forbidden[LITMUS_REGISTERS];
	int weak;
};

extern const struct litmus litmus_tests[];
extern const unsigned int litmus_count;

#endif
