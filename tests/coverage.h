/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the counters of a kernel with gcov out of it. */
#ifndef TESTS_COVERAGE_H
#define TESTS_COVERAGE_H

/**
 * coverage_save() - copy the counters of the calling thread's kernel to a new folder in $RUMPUS_COVERAGE
 *
 * Does nothing without that variable. scripts/coverage reads what is written. Before rumpus_halt(), for counters are the
 * kernel's memory.
 * Return: 0; a negative errno of the kernel's or the host's
 */
int coverage_save(void);

#endif
