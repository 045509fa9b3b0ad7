/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of the command line: a table for each subcommand and one for all, from which lines are parsed and help is
 * made.
 *
 * A subcommand's own options come first: where it has a "-p", "-p" is its own, and where it has none, the common one.
 * Parsing touches nothing of the host and prints only what is wrong, so that any line may be parsed, in either process.
 */
#ifndef TOOLS_OPTION_H
#define TOOLS_OPTION_H

#include <stdbool.h>
#include <stddef.h>

struct command;
struct subcommand;

/**
 * struct option_rule - one option; a table of them ends with one whose @store is NULL
 * @letter:   short form, or 0
 * @name:     long form, or NULL
 * @argument: name of its argument in help, NULL: it has none
 * @help:     one line, without a full stop; NULL: another form of the option before it, not listed
 * @store:    takes it: @target is where @offset leads in the options of the subcommand. Return: EXIT_DONE; what
 *            usage_error() gave
 * @offset:   of its field in the struct of the subcommand's options
 */
struct option_rule {
	char letter;
	const char *name, *argument, *help;
	int (*store)(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
	size_t offset;
};

/** struct option_example - a line that shows what a subcommand is good for; a list ends with one without @line */
struct option_example {
	const char *line, *what;
};

#define LAYERS_MAX 7U

/** struct option_layers - images that one is laid over, the topmost first, as given */
struct option_layers {
	const char *lower[LAYERS_MAX];
	unsigned int count;
};

#define POINTS_MAX 7U

/** struct option_point - @dir: of the image that the command names; @image: what is mounted there, as given */
struct option_point {
	const char *dir, *image;
};

/** struct option_points - in the order in which they are mounted, once at_take() has seen them */
struct option_points {
	struct option_point list[POINTS_MAX];
	unsigned int count;
};

/** struct options - those of all subcommands */
struct options {
	const char *type, *partition, *mount_options, *upper;
	unsigned int sector; /* bytes; 0: not given */
	struct option_layers layers;
	struct option_points points;
	bool verbose, quiet, help, version;
};

/* Where options are stored, by the type of their field. */
/** option_true() - a bool becomes true */
int option_true(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_text() - a const char * */
int option_text(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_letter() - a char becomes the option's letter: of several such, the last one counts */
int option_letter(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_lower() - one more in a struct option_layers */
int option_lower(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_at() - one more in a struct option_points */
int option_at(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_sector() - an unsigned int, a size that sectors of disks may have */
int option_sector(const struct command *command, const struct option_rule *rule, void *target, const char *argument);
/** option_number() - a struct option_number, decimal and not negative */
int option_number(const struct command *command, const struct option_rule *rule, void *target, const char *argument);

/** struct option_number - @given tells 0 from none */
struct option_number {
	bool given;
	unsigned int value;
};

/**
 * options_parse() - the options of a line into @command->options and @command->own
 * @argv:  argv[0] is the program or the subcommand
 * @first: out: index of the first operand; operands come last then, and in the order they were given
 *
 * Before the subcommand is known (@command->sub NULL) only common options are, and parsing stops at the first operand.
 * Return: EXIT_DONE; EXIT_USAGE after a message
 */
int options_parse(struct command *command, int argc, char **argv, int *first);

/** option_print_name() - "-l, --long=WHAT" as help shows it. Return: its width */
int option_print_name(const struct option_rule *rule, char *text, size_t size);

extern const struct option_rule options_common[];

/* help.c */
/** help_list() - all subcommands and the common options, to standard output. Return: exit code */
int help_list(void);
/** help_subcommand() - one of them, with its options and examples. Return: exit code */
int help_subcommand(const struct subcommand *sub);
/** help_written() - all of it, to standard output? Return: exit code, after a message */
int help_written(void);
/** help_nearest() - the subcommand that a mistyped one may be. Return: NULL for none */
const char *help_nearest(const char *name);
/** help_usage() - its usage line, into @text. Return: @text */
const char *help_usage(const struct subcommand *sub, char *text, size_t size);

#endif
