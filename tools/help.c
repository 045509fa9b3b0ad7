// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: help, from the same tables that lines are parsed by */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

/* Columns of a usage line that lists all options; a longer one says "[OPTION]..." */
#define USAGE_WIDTH 64

static bool owns_letter(const struct subcommand *sub, char letter)
{
	for (const struct option_rule *rule = sub ? sub->options : NULL; rule && rule->store; rule++) {
		if (letter && rule->letter == letter)
			return true;
	}
	return false;
}

/* @sub: whose own letters hide those of @rules; NULL: nobody's */
static void print_rules(const struct option_rule *rules, const struct subcommand *sub)
{
	char name[64];

	for (const struct option_rule *rule = rules; rule && rule->store; rule++) {
		struct option_rule shown = *rule;

		if (!rule->help)
			continue;
		if (owns_letter(sub, rule->letter))
			shown.letter = 0;
		if (option_print_name(&shown, name, sizeof(name)) > 26)
			printf("  %s\n  %-26s  %s\n", name, "", rule->help);
		else
			printf("  %-26s  %s\n", name, rule->help);
	}
}

int help_written(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "rumpus: standard output: %s\n", report_errno(-errno));
	return EXIT_PROBLEM;
}

/* Longest name that anything is near to, and its zero byte */
#define NEAR_MAX 16U

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Letters to be inserted, left out, replaced, or swapped with the next one, to make one of the other. */
static unsigned int distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned int d[NEAR_MAX][NEAR_MAX];

	if (na >= NEAR_MAX || nb >= NEAR_MAX)
		return NEAR_MAX;
	for (unsigned int i = 0; i <= na; i++) {
		for (unsigned int j = 0; j <= nb; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = least(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[na][nb];
}

const char *help_nearest(const char *name)
{
	const char *nearest = "help";
	unsigned int shortest = distance(name, nearest);

	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		unsigned int length = (*sub)->hidden ? NEAR_MAX : distance(name, (*sub)->name);

		if (length < shortest) {
			shortest = length;
			nearest = (*sub)->name;
		}
	}
	return shortest < NEAR_MAX && 3 * shortest <= strlen(name) + 1 ? nearest : NULL;
}

int help_list(void)
{
	puts("usage: rumpus [OPTIONS] SUBCOMMAND [OPTIONS] ARGUMENTS\n"
	     "Reads and writes file systems in disk images, with Linux's own drivers, without being root.\n");
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		if ((*sub)->hidden)
			continue;
		printf("  %-10s %s\n", (*sub)->name, (*sub)->summary);
	}
	puts("  help       this text; \"rumpus help SUBCOMMAND\" has options and examples, \"man rumpus\" all\n"
	     "\n"
	     "Options of all subcommands, before or after it:");
	print_rules(options_common, NULL);
	puts("\n"
	     "Where a subcommand has an option of the same letter, that letter after it is the subcommand's own.\n"
	     "IMAGE is a file or block device, or of one with partitions IMAGE@PARTITION, by number, name or UUID.\n"
	     "What only reads changes not one byte of it.\n"
	     "Exit: 0 done, 1 something was not done, 2 usage, 3 done with metadata lost, 128+N by signal N.");
	return help_written();
}

/* "[-adl] [-m MODE]": the letters, those with arguments apart. */
static size_t list_letters(const struct subcommand *sub, char *text, size_t size)
{
	char flags[64] = "";
	size_t used = 0, count = 0;

	for (const struct option_rule *rule = sub->options; rule && rule->store; rule++) {
		if (rule->help && rule->letter && !rule->argument && count < sizeof(flags) - 1)
			flags[count++] = rule->letter;
	}
	*text = 0;
	if (count)
		used = (size_t)snprintf(text, size, "[-%.*s] ", (int)count, flags);
	for (const struct option_rule *rule = sub->options; rule && rule->store && used < size; rule++) {
		if (!rule->help)
			continue;
		if (rule->letter && rule->argument)
			used += (size_t)snprintf(text + used, size - used, "[-%c %s] ", rule->letter, rule->argument);
		else if (!rule->letter)
			used += (size_t)snprintf(text + used, size - used, "[--%s%s%s] ", rule->name,
						 rule->argument ? " " : "", rule->argument ? rule->argument : "");
	}
	return used;
}

const char *help_usage(const struct subcommand *sub, char *text, size_t size)
{
	char letters[256];
	size_t width = list_letters(sub, letters, sizeof(letters));

	snprintf(text, size, "usage: rumpus [OPTIONS] %s %s%s", sub->name,
		 width > USAGE_WIDTH ? "[OPTION]... " : letters, sub->arguments);
	for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
		*--end = 0;
	return text;
}

int help_subcommand(const struct subcommand *sub)
{
	char usage[512];

	printf("%s\nrumpus %s: %s.\n", help_usage(sub, usage, sizeof(usage)), sub->name, sub->summary);
	if (sub->options && sub->options->store) {
		puts("\nOptions:");
		print_rules(sub->options, NULL);
	}
	if (sub->help)
		printf("\n%s\n", sub->help);
	puts("\nOptions of all subcommands:");
	print_rules(options_common, sub);
	if (sub->examples)
		puts("\nExamples:");
	for (const struct option_example *example = sub->examples; example && example->line; example++)
		printf("  %-50s  %s\n", example->line, example->what);
	if (!sub->hidden)
		printf("\n\"man rumpus-%s\" says all of it.\n", sub->name);
	return help_written();
}
