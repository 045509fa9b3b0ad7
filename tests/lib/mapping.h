/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of memory that the kernel manages share. */
#ifndef TESTS_LIB_MAPPING_H
#define TESTS_LIB_MAPPING_H

#include <stddef.h>
#include <stdint.h>

#include <rumpus/rumpus.h>

/** mapping_boot() - a real kernel; @mappings: as in struct rumpus_config. Ends the program on failure */
struct rumpus *mapping_boot(uint32_t mappings);

/** mapping_make() - rumpus_sys_mmap(); ends the program on failure */
void *mapping_make(size_t size, int prot, int flags, int fd, long offset);

/** mapping_memory() - @size bytes of the kernel's memory, zeroes */
void *mapping_memory(size_t size);

/**
 * mapping_catch_faults() - handle SIGSEGV and SIGBUS; those outside of the next functions end the program
 *
 * Before a kernel is booted, so that it takes its own faults first.
 */
void mapping_catch_faults(void);

/** mapping_load_signal() - the signal that a load raises, 0 if none */
int mapping_load_signal(const unsigned char *at);

/** mapping_store_signal() - the same for a store of a one */
int mapping_store_signal(unsigned char *at);

/** mapping_run_signal() - the same for a call of what is there */
int mapping_run_signal(const unsigned char *at);

#endif
