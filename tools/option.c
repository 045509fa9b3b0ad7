// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: options of the command line, by tables */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* Values of getopt_long(3) for the rules: above all letters. */
#define RULE_FIRST 256
#define RULES_MAX 96

const struct option_rule options_common[] = {
	{ 't', "type", "TYPE", "file-system type, instead of looking for it", option_text,
	  offsetof(struct options, type) },
	{ 'p', "partition", "PARTITION", "work on one partition, by number, name or UUID", option_text,
	  offsetof(struct options, partition) },
	{ 0, "sector", "BYTES", "sectors of the disk that an image is of: 512, 1024, 2048 or 4096", option_sector,
	  offsetof(struct options, sector) },
	{ 'o', "options", "OPTIONS", "mount options, as in mount(8)", option_text,
	  offsetof(struct options, mount_options) },
	{ 0, "lower", "IMAGE[@PARTITION][:/DIR]", "lay the image over this one; several: the topmost first", option_lower,
	  offsetof(struct options, layers) },
	{ 0, "upper", "DIR", "directory of the image that lies over the others, and has what changes", option_text,
	  offsetof(struct options, upper) },
	{ 0, "at", "DIR=IMAGE[@PARTITION][:/DIR]", "mount this one at a directory of the image; several, also within each other",
	  option_at, offsetof(struct options, points) },
	{ 'v', "verbose", NULL, "tell how it is done, and how long it takes", option_true,
	  offsetof(struct options, verbose) },
	{ 'q', "quiet", NULL, "no warnings", option_true, offsetof(struct options, quiet) },
	{ 'h', "help", NULL, "this text", option_true, offsetof(struct options, help) },
	{ 0, "version", NULL, "which version this is", option_true, offsetof(struct options, version) },
	{ 0 },
};

int option_true(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	*(bool *)target = true;
	return EXIT_DONE;
}

int option_text(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	*(const char **)target = argument;
	return EXIT_DONE;
}

int option_letter(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	*(char *)target = rule->letter;
	return EXIT_DONE;
}

int option_number(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	struct option_number *number = target;
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(argument, &end, 10);
	if (*argument < '0' || *argument > '9' || *end || errno || value > INT_MAX)
		return usage_error(command, "%s%s \"%s\": give a number", rule->name ? "--" : "-",
				   rule->name ? rule->name : (const char[]){ rule->letter, 0 }, argument);
	*number = (struct option_number){ .given = true, .value = (unsigned int)value };
	return EXIT_DONE;
}

int option_sector(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	static const unsigned int sizes[] = { 512, 1024, 2048, 4096 };
	char *end;
	unsigned long value = strtoul(argument, &end, 10);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes) && *argument >= '0' && *argument <= '9' && !*end; i++) {
		if (value == sizes[i]) {
			*(unsigned int *)target = sizes[i];
			return EXIT_DONE;
		}
	}
	return usage_error(command, "sectors of \"%s\" bytes: give 512, 1024, 2048 or 4096", argument);
}

/**
 * struct line - what getopt_long(3) needs to know of one line's options
 * @rules:   by value, less RULE_FIRST
 * @own:     how many of them are the subcommand's own; those come first
 * @letters: for getopt_long()
 */
struct line {
	const struct option_rule *rules[RULES_MAX];
	unsigned int count, own;
	struct option longs[RULES_MAX + 1];
	unsigned int long_count;
	char letters[2 * RULES_MAX + 3];
};

static const struct option_rule *find_letter(const struct line *line, int letter)
{
	for (unsigned int i = 0; i < line->count; i++) {
		if (line->rules[i]->letter == letter)
			return line->rules[i];
	}
	return NULL;
}

static bool knows_name(const struct line *line, const char *name)
{
	for (unsigned int i = 0; i < line->long_count; i++) {
		if (!strcmp(line->longs[i].name, name))
			return true;
	}
	return false;
}

static void add_rule(struct line *line, const struct option_rule *rule)
{
	size_t used = strlen(line->letters);

	if (line->count == RULES_MAX)
		abort(); /* a table of ours is longer than this file was made for */
	if (rule->letter && !find_letter(line, rule->letter))
		snprintf(line->letters + used, sizeof(line->letters) - used, "%c%s", rule->letter,
			 rule->argument ? ":" : "");
	if (rule->name && !knows_name(line, rule->name))
		line->longs[line->long_count++] = (struct option){
			.name = rule->name,
			.has_arg = rule->argument ? required_argument : no_argument,
			.val = RULE_FIRST + (int)line->count,
		};
	line->rules[line->count++] = rule;
}

static void make_line(struct line *line, const struct subcommand *sub)
{
	memset(line, 0, sizeof(*line));
	/* Messages are ours; before the subcommand, and where operands may begin with a minus, the first operand ends
	 * it. */
	strcpy(line->letters, !sub || sub->ordered ? "+:" : ":");
	for (const struct option_rule *rule = sub ? sub->options : NULL; rule && rule->store; rule++)
		add_rule(line, rule);
	line->own = line->count;
	for (const struct option_rule *rule = options_common; rule->store; rule++)
		add_rule(line, rule);
}

static int store(struct command *command, const struct line *line, const struct option_rule *rule, const char *argument)
{
	bool own = false;
	char *base;

	for (unsigned int i = 0; i < line->own; i++)
		own |= line->rules[i] == rule;
	base = own ? command->own : (char *)&command->options;
	return rule->store(command, rule, base + rule->offset, argument);
}

/* Which options a shortened one may be: "--verbose, --version". Return: how many */
static unsigned int list_matches(const struct line *line, const char *word, char *text, size_t size)
{
	size_t length = strcspn(word, "="), used = 0;
	unsigned int count = 0;

	*text = 0;
	for (unsigned int i = 0; i < line->long_count && length > 2 && used < size; i++) {
		if (strncmp(line->longs[i].name, word + 2, length - 2))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s--%s", count ? ", " : "", line->longs[i].name);
		count++;
	}
	return count;
}

/* What getopt_long() did not like about the word before optind, or a letter in it. */
static int refuse(const struct command *command, const struct line *line, int value, char *const *argv)
{
	const char *word = argv[optind - 1];
	char matches[256];

	if (optopt && optopt < RULE_FIRST && value == ':')
		return usage_error(command, "option -%c needs an argument", optopt);
	if (optopt && optopt < RULE_FIRST)
		return usage_error(command, "invalid option -%c%s", optopt,
				   !command->sub	   ? ""
				   : command->sub->ordered ? "; operands that do not begin with a minus come first"
							   : "; put -- before operands that begin with a minus");
	if (value == ':')
		return usage_error(command, "option %s needs an argument", word);
	if (optopt)
		return usage_error(command, "option %s takes no argument", word);
	if (list_matches(line, word, matches, sizeof(matches)) > 1)
		return usage_error(command, "option %s may be any of %s", word, matches);
	return usage_error(command, "invalid option %s", word);
}

int options_parse(struct command *command, int argc, char **argv, int *first)
{
	struct line line;
	int value, result = EXIT_DONE;

	make_line(&line, command->sub);
	optind = 0; /* begin anew, also with the order of operands */
	opterr = 0;
	while (!result && (value = getopt_long(argc, argv, line.letters, line.longs, NULL)) != -1) {
		const struct option_rule *rule =
			value >= RULE_FIRST ? line.rules[value - RULE_FIRST] : find_letter(&line, value);

		result = rule ? store(command, &line, rule, optarg) : refuse(command, &line, value, argv);
	}
	*first = optind;
	return result;
}

int option_print_name(const struct option_rule *rule, char *text, size_t size)
{
	return snprintf(text, size, "%c%c%s%s%s%s%s", rule->letter ? '-' : ' ', rule->letter ? rule->letter : ' ',
			rule->name ? (rule->letter ? ", --" : "  --") : "", rule->name ? rule->name : "",
			rule->argument && rule->name ? " " : "", rule->argument && !rule->name ? " " : "",
			rule->argument ? rule->argument : "");
}
