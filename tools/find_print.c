// SPDX-License-Identifier: BSD-2-Clause
/* rumpus find: lines of -printf and -ls, in the parent */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "find.h"

/* A file that is older than this many seconds is shown with its year. */
#define RECENT (183 * 86400)

struct subject {
	const struct found *found;
	const struct found_names *names;
	size_t start; /* length of the operand in the path */
};

static const struct found_time *time_of(const struct found *found, char letter)
{
	switch (letter) {
	case 'a':
	case 'A':
		return &found->access;
	case 'B':
		return &found->birth;
	case 'c':
	case 'C':
		return &found->change;
	}
	return &found->modify;
}

/* Decimals of a second as find(1) has them: ten. */
static const char *decimals(const struct found_time *when, char text[16])
{
	snprintf(text, 16, ".%09u0", when->nanoseconds % 1000000000U);
	return text;
}

/* %Tk and its like. Those with seconds have their decimals; the others are strftime(3)'s. */
static void put_time(const struct format_field *field, const struct found_time *when)
{
	static const struct {
		char letter;
		const char *before, *after;
	} forms[] = { { 'S', "%S", "" },
		      { 'T', "%H:%M:%S", "" },
		      { 'X', "%H:%M:%S", "" },
		      { '+', "%Y-%m-%d+%H:%M:%S", "" },
		      { ' ', "%a %b %e %H:%M:%S", " %Y" } };
	const char conversion[] = { '%', field->more, 0 };
	char moment[128] = "", rest[32] = "", fraction[16], text[192];
	time_t seconds = (time_t)when->seconds;
	struct tm tm;

	if (!when->known)
		return;
	if (field->more == '@' || !localtime_r(&seconds, &tm)) {
		snprintf(text, sizeof(text), "%lld%s", (long long)when->seconds, decimals(when, fraction));
		format_text(field, text);
		return;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if (forms[i].letter != (field->more ? field->more : ' '))
			continue;
		strftime(moment, sizeof(moment), forms[i].before, &tm);
		strftime(rest, sizeof(rest), forms[i].after, &tm);
		snprintf(text, sizeof(text), "%s%s%s", moment, decimals(when, fraction), rest);
		format_text(field, text);
		return;
	}
	strftime(moment, sizeof(moment), conversion, &tm);
	format_text(field, moment);
}

/* What has the form of a path. */
static void put_path(const struct format_field *field, const struct subject *subject)
{
	const char *path = subject->names->path, *rest = path + subject->start;
	size_t end = strlen(path);
	char *copy = strdup(path), *slash;

	if (!copy)
		abort();
	switch (field->letter) {
	case 'H':
		copy[subject->start] = 0;
		format_text(field, copy);
		break;
	case 'P':
		format_text(field, rest + (*rest == '/'));
		break;
	default:
		while (end > 1 && copy[end - 1] == '/' && copy[end - 2] != ':')
			copy[--end] = 0;
		slash = strrchr(copy, '/');
		if (field->letter == 'f')
			format_text(field, slash && slash[1] ? slash + 1 : slash ? slash : copy);
		else if (slash)
			*slash = 0;
		if (field->letter == 'h')
			format_text(field, copy);
	}
	free(copy);
}

static bool put_number(const struct format_field *field, const struct found *found)
{
	switch (field->letter) {
	case 'b':
		format_number(field, found->blocks);
		return true;
	case 'd':
		format_number(field, found->depth);
		return true;
	case 'G':
		format_number(field, found->gid);
		return true;
	case 'i':
		format_number(field, found->ino);
		return true;
	case 'k':
		format_number(field, (found->blocks + 1) / 2);
		return true;
	case 'm':
		format_octal(field, found->mode & 07777);
		return true;
	case 'n':
		format_number(field, found->nlink);
		return true;
	case 's':
		format_number(field, found->size);
		return true;
	case 'U':
		format_number(field, found->uid);
		return true;
	}
	return false;
}

static void put_account(const struct format_field *field, const char *name, uint32_t id)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	format_text(field, *name ? name : number);
}

static void put(const struct format_field *field, const void *arg)
{
	const struct subject *subject = arg;
	const struct found *found = subject->found;
	const char letter[] = { found_letter(found->mode), 0 };
	char mode[11];

	if (put_number(field, found))
		return;
	switch (field->letter) {
	case 'p':
		format_text(field, subject->names->path);
		break;
	case 'l':
		format_text(field, subject->names->target);
		break;
	case 'M':
		found_mode(found->mode, mode);
		format_text(field, mode);
		break;
	case 'y':
		format_text(field, letter);
		break;
	case 'u':
		put_account(field, subject->names->user, found->uid);
		break;
	case 'g':
		put_account(field, subject->names->group, found->gid);
		break;
	case 'a':
	case 'c':
	case 't':
	case 'A':
	case 'B':
	case 'C':
	case 'T':
		put_time(field, time_of(found, field->letter));
		break;
	default:
		put_path(field, subject);
	}
}

const struct format_rules find_rules = {
	.letters = "abcdfgGhHiklmMnpPstuUy",
	.pairs = "ABCT",
	.seconds = "@+aAbBcdDFhHIjklmMprsSTUwWxXyYZ",
	.put = put,
};

static void put_line(const struct subject *subject)
{
	const struct found *found = subject->found;
	int64_t age = time(NULL) - found->modify.seconds;

	format_run(&find_rules, "%9i %6k %M %3n %-8u %-8g ", false, subject);
	if (S_ISCHR(found->mode) || S_ISBLK(found->mode))
		printf("%3u, %3u", found->rdev_major, found->rdev_minor);
	else
		printf("%8llu", (unsigned long long)found->size);
	format_run(&find_rules, age >= 0 && age < RECENT ? " %Tb %2Td %TH:%TM %p" : " %Tb %2Td  %TY %p", false,
		   subject);
	if (S_ISLNK(found->mode))
		format_run(&find_rules, " -> %l", false, subject);
	putchar('\n');
}

void find_put(const struct find_node *action, const struct found *found, const struct found_names *names, size_t start)
{
	const struct subject subject = { found, names, start < strlen(names->path) ? start : strlen(names->path) };

	if (action->test == find_ls)
		put_line(&subject);
	else
		format_run(&find_rules, action->text, true, &subject);
}
