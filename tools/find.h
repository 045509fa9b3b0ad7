/* SPDX-License-Identifier: BSD-2-Clause */
/* The expression of "rumpus find": parsed before the fork, evaluated in the worker, its output written by the parent.
 */
#ifndef TOOLS_FIND_H
#define TOOLS_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "format.h"
#include "mode.h"
#include "reference.h"
#include "visit.h"

struct find;
struct find_node;

/** find_test - is it true for a file of the visit? Return: 0, 1, negative errno to end the work for */
typedef int find_test(struct visit *visit, struct visit_file *file, const struct find_node *node);

/** enum find_time - of a file */
enum find_time {
	FIND_ACCESSED,
	FIND_BORN,
	FIND_CHANGED,
	FIND_MODIFIED,
};

/**
 * struct find_node - one test or action; those that join others have their own @test, too
 * @test:      what it does
 * @left, @right: of -not, -and, -or
 * @word:      as given, for messages
 * @text:      pattern, format, name of a user, kinds
 * @compare:   '+', '-', or 0 for equal: of a number with @number
 * @unit:      bytes or seconds
 * @time:      which
 * @fold:      letters of both cases are the same
 * @reads:     @reference is to be read
 * @accounts:  @text is a user (1) or group (2) of the image, to become @number
 * @moment:    to be newer than
 * @action:    its number, by which the parent finds it
 */
struct find_node {
	find_test *test;
	struct find_node *left, *right, *next;
	const char *word, *text;
	char compare;
	bool fold, reads;
	unsigned int accounts, action;
	enum find_time time, reference_time;
	double amount;
	int64_t number, unit;
	struct timespec moment;
	struct mode_change mode;
	struct reference reference;
};

/**
 * struct find - a whole expression and what it is about
 * @nodes:     all of them, by @next
 * @root:      the last one to be done; what it gives is not looked at
 * @now:       when the command began
 * @min_depth, @max_depth: of files that are tested
 * @depth_first: directories after what is in them
 * @one_fs:    what is mounted below is not entered
 * @writes:    it removes files
 * @quits:     it may end before all files were looked at
 */
struct find {
	struct find_node *nodes, *root;
	struct timespec now;
	unsigned int min_depth, max_depth, actions;
	bool depth_first, one_fs, writes, quits;
	bool json;
};

/** find_parse() - the words after the operands, into @command->own. Return: EXIT_DONE; EXIT_USAGE after a message */
int find_parse(struct command *command, int argc, char **argv);
/** find_action() - Return: the action of that number, NULL for none */
const struct find_node *find_action(const struct find *find, unsigned int number);

/* find_test.c */
find_test find_not, find_and, find_or, find_comma, find_true, find_false, find_name, find_path, find_link_name,
	find_type, find_size, find_empty, find_age, find_newer, find_perm, find_uid, find_gid, find_links, find_inode,
	find_same, find_no_user, find_no_group, find_xattr;
/* find.c */
find_test find_print, find_print0, find_printf, find_ls, find_delete, find_prune, find_quit;

/* find_print.c */
extern const struct format_rules find_rules;
/** find_put() - write a file with all that is known, as -printf or -ls. @start: length of the operand in its path */
void find_put(const struct find_node *action, const struct found *found, const struct found_names *names, size_t start);

#endif
