// SPDX-License-Identifier: BSD-2-Clause
/* Test Anything Protocol, version 12 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the counters and keeps lines whole */
static unsigned int reported, failed, skipped;

static void report(bool pass, const char *directive, const char *name, va_list args)
{
	printf("%sok %u - ", pass ? "" : "not ", ++reported);
	vprintf(name, args);
	printf("%s\n", directive);
	fflush(stdout);
	failed += !pass;
}

bool tap_ok(bool pass, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	pthread_mutex_lock(&lock);
	report(pass, "", name, args);
	pthread_mutex_unlock(&lock);
	va_end(args);
	return pass;
}

bool tap_is(long long got, long long expected, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	pthread_mutex_lock(&lock);
	report(got == expected, "", name, args);
	if (got != expected)
		printf("# got %lld (0x%llx), expected %lld (0x%llx)\n", got, got, expected, expected);
	pthread_mutex_unlock(&lock);
	va_end(args);
	return got == expected;
}

void tap_skip(unsigned int count, const char *why, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	while (count--) {
		va_start(args, why);
		printf("ok %u # SKIP ", ++reported);
		vprintf(why, args);
		printf("\n");
		va_end(args);
		skipped++;
	}
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

void tap_note(const char *text, ...)
{
	va_list args;

	va_start(args, text);
	pthread_mutex_lock(&lock);
	printf("# ");
	vprintf(text, args);
	printf("\n");
	fflush(stdout);
	pthread_mutex_unlock(&lock);
	va_end(args);
}

int tap_done(void)
{
	printf("1..%u\n", reported);
	if (failed)
		return 1;
	return reported && skipped == reported ? 77 : 0;
}

void tap_abort(const char *why, ...)
{
	va_list args;

	va_start(args, why);
	pthread_mutex_lock(&lock);
	report(false, "", why, args);
	printf("1..%u\n", reported);
	fflush(stdout);
	_Exit(1);
}
