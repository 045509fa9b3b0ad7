/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of librumpus share. */
#ifndef TESTS_LIB_FIXTURE_H
#define TESTS_LIB_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <rumpus/rumpus.h>

#include "fake.h"
#include "tap.h"

/** struct usage - what a process holds of its host, to see whether it grows */
struct usage {
	long maps;
	long descriptors;
	long threads;
	long heap; /* bytes in use */
};

/** fixture_usage() - now */
struct usage fixture_usage(void);

/** fixture_boot() - boot the make-believe kernel with a command line; ends the program on failure */
struct rumpus *fixture_boot(const char *command_line);

/** fixture_log - what kernels of fixture_boot() and fixture_config() have logged; cleared by fixture_config() */
extern char fixture_log[4096];

/** fixture_config() - for the make-believe kernel */
struct rumpus_config fixture_config(const char *command_line);

/** fixture_call() - system call of the make-believe kernel with one argument */
long fixture_call(enum fake_call number, long argument);

/** fixture_thread() - start a thread; ends the program on failure */
pthread_t fixture_thread(void *(*run)(void *), void *arg);

/** fixture_await() - wait until fixture_call(@number, 0) of the calling thread is @value, at most ten seconds */
bool fixture_await(enum fake_call number, long value);

/** fixture_wakeups() - how often all threads but the first have gone to sleep since they began, as the host counts */
long fixture_wakeups(void);

/** fixture_sleep() - milliseconds */
void fixture_sleep(unsigned int milliseconds);

#endif
