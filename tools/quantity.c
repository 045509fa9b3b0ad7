// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: sizes and moments as people write them */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "quantity.h"

int quantity_size(const char *text, int64_t *bytes)
{
	static const char units[] = "KMGTPE";
	const char *unit;
	int64_t factor = 1, base = 1024, value;
	char *end;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (*end && !unit)
		return -EINVAL;
	if (unit && !strcmp(end + 1, "B"))
		base = 1000;
	else if (unit && end[1] && strcmp(end + 1, "iB"))
		return -EINVAL;
	for (const char *at = units; unit && at <= unit; at++)
		factor *= base;
	if (errno || __builtin_mul_overflow(value, factor, bytes))
		return -ERANGE;
	return 0;
}

/**
 * struct moment - what was read so far
 * @tm:      a date and a time of day, in the user's zone or in @zone
 * @nanoseconds: of the second
 * @zone:    seconds east of Greenwich, when @zoned
 * @exact:   seconds since 1970 were given; @since
 * @seconds: to be added, after years, months and days, which are added to @tm
 */
struct moment {
	struct tm tm;
	long nanoseconds, zone;
	bool zoned, exact, dated, timed;
	time_t since, seconds;
};

/* Of "12" digits exactly, when @count is not 0. Return: behind them, NULL */
static const char *digits(const char *at, int count, int *value)
{
	int found = 0;

	for (*value = 0; isdigit((unsigned char)at[found]) && found < (count ? count : 8); found++)
		*value = 10 * *value + at[found] - '0';
	return found && (!count || found == count) ? at + found : NULL;
}

/* ".5" at @at, if it is one. Return: behind it */
static const char *fraction(const char *at, long *nanoseconds)
{
	long unit = 100000000;

	*nanoseconds = 0;
	if ((*at != '.' && *at != ',') || !isdigit((unsigned char)at[1]))
		return at;
	for (at++; isdigit((unsigned char)*at); at++, unit /= 10)
		*nanoseconds += unit * (*at - '0');
	return at;
}

/* "2026-11-22". Return: behind it, NULL for something else */
static const char *read_date(const char *at, struct moment *moment)
{
	int year, month, day;

	at = digits(at, 4, &year);
	if (!at || *at != '-')
		return NULL;
	at = digits(at + 1, 2, &month);
	if (!at || *at != '-')
		return NULL;
	at = digits(at + 1, 2, &day);
	if (!at || month < 1 || month > 12 || day < 1 || day > 31 || moment->dated)
		return NULL;
	moment->tm.tm_year = year - 1900;
	moment->tm.tm_mon = month - 1;
	moment->tm.tm_mday = day;
	moment->dated = true;
	if (!moment->timed)
		moment->tm.tm_hour = moment->tm.tm_min = moment->tm.tm_sec = 0, moment->nanoseconds = 0;
	return at;
}

/* "14:08", "14:08:00.5" */
static const char *read_time(const char *at, struct moment *moment)
{
	int hour, minute, second = 0;
	long nanoseconds = 0;

	at = digits(at, 2, &hour);
	if (!at || *at != ':')
		return NULL;
	at = digits(at + 1, 2, &minute);
	if (at && *at == ':') {
		at = digits(at + 1, 2, &second);
		at = at ? fraction(at, &nanoseconds) : NULL;
	}
	if (!at || hour > 23 || minute > 59 || second > 60 || moment->timed)
		return NULL;
	moment->tm.tm_hour = hour;
	moment->tm.tm_min = minute;
	moment->tm.tm_sec = second;
	moment->nanoseconds = nanoseconds;
	moment->timed = true;
	return at;
}

/* "Z", "UTC", "+02:00", "-0530" */
static const char *read_zone(const char *at, struct moment *moment)
{
	int hours, minutes = 0, sign = *at == '-' ? -1 : 1;

	if (moment->zoned)
		return NULL;
	moment->zoned = true;
	if (*at == 'Z' || *at == 'z')
		return at + 1;
	if (!strncasecmp(at, "UTC", 3) || !strncasecmp(at, "GMT", 3))
		return at + 3;
	if (*at != '+' && *at != '-')
		return NULL;
	at = digits(at + 1, 2, &hours);
	at = at ? digits(at + (*at == ':'), 2, &minutes) : NULL;
	if (!at || hours > 24 || minutes > 59)
		return NULL;
	moment->zone = sign * (hours * 3600L + minutes * 60L);
	return at;
}

/* "@1795000000.25", also before 1970 */
static const char *read_since(const char *at, struct moment *moment)
{
	char *end;

	moment->exact = true;
	errno = 0;
	moment->since = strtoll(at + 1, &end, 10);
	if (end == at + 1 || errno)
		return NULL;
	return fraction(end, &moment->nanoseconds);
}

/* @count units, as far as @word is one: "days". Return: false when it is none */
static bool add_units(struct moment *moment, const char *word, size_t length, int count)
{
	static const struct {
		const char *name;
		int years, months, days;
		int seconds;
	} units[] = {
		{ "sec", 0, 0, 0, 1 },	   { "second", 0, 0, 0, 1 },	 { "min", 0, 0, 0, 60 },
		{ "minute", 0, 0, 0, 60 }, { "hour", 0, 0, 0, 3600 },	 { "day", 0, 0, 1, 0 },
		{ "week", 0, 0, 7, 0 },	   { "fortnight", 0, 0, 14, 0 }, { "month", 0, 1, 0, 0 },
		{ "year", 1, 0, 0, 0 },
	};

	if (length > 3 && tolower((unsigned char)word[length - 1]) == 's')
		length--;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i].name) != length || strncasecmp(units[i].name, word, length))
			continue;
		moment->tm.tm_year += count * units[i].years;
		moment->tm.tm_mon += count * units[i].months;
		moment->tm.tm_mday += count * units[i].days;
		moment->seconds += (time_t)count * units[i].seconds;
		return true;
	}
	return false;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static size_t word_length(const char *at)
{
	size_t length = 0;

	while (isalpha((unsigned char)at[length]))
		length++;
	return length;
}

static bool word_is(const char *at, size_t length, const char *word)
{
	return strlen(word) == length && !strncasecmp(at, word, length);
}

/* "3 days ago", "+2 hours", "-1 week" */
static const char *read_relative(const char *at, struct moment *moment)
{
	int count, sign = *at == '-' ? -1 : 1;
	const char *word = digits(at + (*at == '-' || *at == '+'), 0, &count), *after;
	size_t length;

	if (!word)
		return NULL;
	word = skip_blanks(word);
	length = word_length(word);
	after = skip_blanks(word + length);
	if (word_is(after, word_length(after), "ago")) {
		sign = -sign;
		after += 3;
	} else {
		after = word + length;
	}
	return length && add_units(moment, word, length, sign * count) ? after : NULL;
}

/* "yesterday", "next month" */
static const char *read_word(const char *at, struct moment *moment)
{
	size_t length = word_length(at);
	const char *unit = skip_blanks(at + length);
	size_t unit_length = word_length(unit);

	if (word_is(at, length, "now") || word_is(at, length, "today"))
		return at + length;
	if (word_is(at, length, "yesterday") || word_is(at, length, "tomorrow")) {
		moment->tm.tm_mday += word_is(at, length, "tomorrow") ? 1 : -1;
		return at + length;
	}
	if (!word_is(at, length, "last") && !word_is(at, length, "next"))
		return NULL;
	return unit_length && add_units(moment, unit, unit_length, word_is(at, length, "next") ? 1 : -1)
		       ? unit + unit_length
		       : NULL;
}

/* One item of the text, the first kind that it can be. */
static const char *read_item(const char *at, struct moment *moment)
{
	static const char *(*const readers[])(const char *at, struct moment *moment) = {
		read_date, read_time, read_relative, read_zone, read_word,
	};

	if (*at == '@')
		return read_since(at, moment);
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		struct moment tried = *moment;
		const char *next = readers[i](at, &tried);

		if (next) {
			*moment = tried;
			return next;
		}
	}
	return NULL;
}

static time_t conclude(struct moment *moment)
{
	time_t seconds;

	if (moment->exact)
		return moment->since + moment->seconds;
	if (moment->zoned) {
		seconds = timegm(&moment->tm) - moment->zone;
	} else {
		moment->tm.tm_isdst = -1;
		seconds = mktime(&moment->tm);
	}
	return seconds + moment->seconds;
}

int quantity_moment(const char *text, const struct timespec *now, struct timespec *result)
{
	struct moment moment = { .nanoseconds = now->tv_nsec };
	const char *at = skip_blanks(text);

	if (!*at || !localtime_r(&now->tv_sec, &moment.tm))
		return -EINVAL;
	while (*at) {
		at = read_item(at, &moment);
		if (!at)
			return -EINVAL;
		/* Between a date and a time there may also be a T; between others, blanks. */
		if (*at == 'T' && isdigit((unsigned char)at[1]) && moment.dated && !moment.timed)
			at++;
		at = skip_blanks(at);
	}
	*result = (struct timespec){ .tv_sec = conclude(&moment), .tv_nsec = moment.nanoseconds };
	return 0;
}

int quantity_stamp(const char *text, const struct timespec *now, struct timespec *moment)
{
	size_t length = strspn(text, "0123456789");
	const char *at = text;
	int century = -1, year = -1, month, day, hour, minute, second = 0;
	struct tm tm;

	if ((length != 8 && length != 10 && length != 12) || !localtime_r(&now->tv_sec, &tm))
		return -EINVAL;
	if (length == 12)
		at = digits(at, 2, &century);
	if (length >= 10)
		at = digits(at, 2, &year);
	at = digits(digits(digits(digits(at, 2, &month), 2, &day), 2, &hour), 2, &minute);
	if (*at == '.')
		at = digits(at + 1, 2, &second);
	if (!at || *at || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
		return -EINVAL;
	if (year >= 0)
		tm.tm_year = (century >= 0 ? 100 * century : year < 69 ? 2000 : 1900) + year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	tm.tm_isdst = -1;
	*moment = (struct timespec){ .tv_sec = mktime(&tm) };
	return 0;
}
