/* SPDX-License-Identifier: BSD-2-Clause */
/* The conformance suite of the basic hypercalls: one source for every platform. */
#ifndef TESTS_HYP_SUITE_H
#define TESTS_HYP_SUITE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <rumpus/hyp.h>

#include "../tap.h"

#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

/** ops - what is tested; every call through it checks that errno stays */
extern const struct hyp_ops *const ops;

/** suite_target - the table behind @ops */
extern const struct hyp_ops *suite_target;

/** suite_patience - nanoseconds; a sleep that lasts longer has lost its wake-up */
extern uint64_t suite_patience;

/** struct suite_group - a part of the suite */
struct suite_group {
	const char *name;
	void (*run)(void);
};

extern const struct suite_group suite_groups[];

/** suite_run() - run the group called @name, or all for NULL. Return: false when there is none */
bool suite_run(const char *name);

/** suite_config - of suite_open(): 64 MiB, 4 virtual CPUs, 256 mappings, replay.seed from the environment's HYP_SEED */
extern const struct hyp_config suite_config;

/** suite_open() - an instance with suite_config and no upcalls; @info may be NULL; ends the program when that fails */
struct hyp *suite_open(struct hyp_info *info);
struct hyp *suite_open_with(const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
			    struct hyp_info *info);

/** suite_reserve() - address space; ends the program when there is none */
void *suite_reserve(struct hyp *h, size_t size);
/** suite_map() - mem_map() of one piece */
int suite_map(struct hyp *h, void *addr, size_t size, uint64_t offset, uint32_t prot);
/** suite_start() - a joinable thread; ends the program when there is none */
struct hyp_thread *suite_start(struct hyp *h, void (*fn)(void *arg), void *arg);
void suite_join(struct hyp *h, struct hyp_thread *thread);
/** suite_after() - the deadline in @ns nanoseconds */
uint64_t suite_after(struct hyp *h, uint64_t ns);
/** suite_sleep() - sleep for @ns nanoseconds */
void suite_sleep(struct hyp *h, uint64_t ns);
/** suite_await() - sleep until *@word is at least @value. Return: false when that takes longer than suite_patience */
bool suite_await(struct hyp *h, uint32_t *word, uint32_t value);
/** suite_post() - add one to *@word and wake who waits for it */
void suite_post(struct hyp *h, uint32_t *word);
/** suite_random() - the next number of a generator that begins alike in every run */
uint32_t suite_random(void);
/** suite_stub() - does the platform support nothing at all? */
bool suite_stub(void);

/* errno.c */
unsigned int suite_errno_changes(void);

/* host.c: what the host says about this process */
bool host_readable(const void *addr);
bool host_writable(void *addr);
size_t host_resident(void *addr, size_t size);
unsigned int host_mappings(void);
unsigned int host_mappings_in(const void *addr, size_t size);
unsigned int host_threads(void);
/* Threads that have been joined are listed a moment longer: waits until there are at most @most. */
bool host_threads_settle(unsigned int most);
unsigned int host_descriptors(void);
/* Runs under an emulator (the environment's HYP_EMULATED says so), whose own limits are no fault of the platform's. */
bool host_emulated(void);
/* Runs @fn(@arg) in a forked child. Returns its status as of waitpid(2). */
int host_fork(void (*fn)(void *arg), void *arg);

/* arch/<cpu>/code.c, fault.S: machine code that the tests need */
size_t suite_code_return(void *buf, uint8_t value); /* int f(void) { return value; } */
extern const char suite_load_pc[], suite_load_landing[];
int suite_load(const int *from, int *value); /* 0; -1 when the load went on at its landing */
extern const char suite_store_pc[], suite_store_landing[];
int suite_store(int *to, int value); /* 0; -1 when the store went on at its landing */
extern const char suite_undefined_pc[], suite_undefined_landing[];
int suite_undefined(void); /* an undefined instruction; -1 when it went on at its landing */
extern const char suite_divide_pc[], suite_divide_landing[];
extern const char suite_spin_pc[], suite_spin_landing[];
void suite_spin(void); /* one instruction, again and again, until something sends the thread to the landing */
int suite_divide(void); /* a division by zero; 0 on a CPU that allows it; -1 when it went on at its landing */

/* the groups */
void test_instance(void);
void test_memory(void);
void test_pages(void);
void test_budget(void);
void test_thread(void);
void test_slot(void);
void test_wait(void);
void test_time(void);
void test_timer(void);
void test_owner(void);
void test_fault(void);
void test_chain(void);
void test_kick(void);
void test_leak(void);
void test_stub(void);

#endif
