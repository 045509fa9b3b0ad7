/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests of rumpuser(3): groups, each run by a test kernel in a process of its own */
#ifndef TESTS_RUMPUSER_SUITE_H
#define TESTS_RUMPUSER_SUITE_H

#include "kernel.h"

/**
 * struct suite_group - a part of the suite
 * @cpus:  virtual CPUs of the kernel; 0: the group boots it itself, or never
 * @early: see kernel_boot()
 */
struct suite_group {
	const char *name;
	int cpus;
	void (*run)(void);
	void (*early)(void);
};

extern const struct suite_group suite_groups[];

/** suite_run() - boot a kernel and run a group in this process; once a process. Return: false when there is none */
bool suite_run(const char *name);

/** suite_seed() - of what is random: the environment's RU_SEED, else 1 */
uint64_t suite_seed(void);

/** suite_rounds() - @n, times the environment's RU_LONG if that is set: more of what is random */
int suite_rounds(int n);

/**
 * suite_better() - a check of something that our library promises beyond the contract
 *
 * With another library, which the environment's RU_OTHER tells, it is only a note.
 */
void suite_better(bool pass, const char *name);
/** suite_ours() - is the library the one of this repository? */
bool suite_ours(void);

/** suite_fork() - run @fn(@arg) in a forked child. Return: its status, as of waitpid(2); @out: what it wrote, or NULL
 */
int suite_fork(void (*fn)(void *arg), void *arg, char *out, size_t size);

/** suite_directory() - make a directory for files of a test; suite_remove() - remove it and what is in it */
void suite_directory(char *path, size_t size);
void suite_remove(const char *path);

/* the groups */
void early_locks(void);
void test_early(void);
void test_mutex(void);
void test_mutex_load(void);
void test_rwlock(void);
void test_rwlock_load(void);
void test_condvar(void);
void test_condvar_load(void);
void test_order(void);
void test_scheduler(void);
void test_clock(void);
void test_ticker(void);
void test_thread(void);
void test_lwp(void);
void test_memory(void);
void test_file(void);
void test_bio(void);
void test_bio_load(void);
void test_sync(void);
void test_init(void);
void test_host(void);
void test_component(void);
void test_server(void);
void test_load(void);

#endif
