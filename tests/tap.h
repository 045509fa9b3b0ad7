/* SPDX-License-Identifier: BSD-2-Clause */
/* Test programs speak TAP: one line a check, a plan at the end. Safe on several threads. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>

/**
 * tap_ok() - report one check
 * @pass: its outcome
 * @name: printf(3) format of its name
 * Return: @pass
 */
bool tap_ok(bool pass, const char *name, ...) __attribute__((format(printf, 2, 3)));

/** tap_is() - a check that two numbers are equal; says both when they are not */
bool tap_is(long long got, long long expected, const char *name, ...) __attribute__((format(printf, 3, 4)));

/** tap_skip() - report @count checks that cannot be made here, and why */
void tap_skip(unsigned int count, const char *why, ...) __attribute__((format(printf, 2, 3)));

/** tap_note() - a line of explanation */
void tap_note(const char *text, ...) __attribute__((format(printf, 1, 2)));

/** tap_done() - print the plan. Return: exit status for main(): 0 when all passed, 1 else, 77 when all were skipped */
int tap_done(void);

/** tap_abort() - report a failed check and end the program: nothing after it would make sense */
void tap_abort(const char *why, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
