/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes and moments as people write them on a command line. */
#ifndef TOOLS_QUANTITY_H
#define TOOLS_QUANTITY_H

#include <stdint.h>
#include <time.h>

/**
 * quantity_size() - "12", "4K", "4KiB" of 1024 and "4KB" of 1000 bytes, up to "E"
 * Return: 0, -EINVAL, -ERANGE beyond what a file can have
 */
int quantity_size(const char *text, int64_t *bytes);

/**
 * quantity_moment() - a date, a time, a zone, moments from now: in any order, separated by blanks
 * @now: what "now" is; times without a zone are in the user's
 *
 * "2026-11-22", "2026-11-22T14:08:00.5Z", "14:08", "@1795000000.25", "+0200", "now", "today", "yesterday", "tomorrow",
 * "3 days ago", "+2 hours", "last week", "next month". A date without a time is its midnight.
 * Return: 0, -EINVAL
 */
int quantity_moment(const char *text, const struct timespec *now, struct timespec *moment);
/** quantity_stamp() - "[[CC]YY]MMDDhhmm[.ss]", as touch(1) has it. Return: 0, -EINVAL */
int quantity_stamp(const char *text, const struct timespec *now, struct timespec *moment);

#endif
