/* SPDX-License-Identifier: BSD-2-Clause */
/* Completion of words, options and paths: in the shell, and for the shells of the host. */
#ifndef TOOLS_COMPLETE_H
#define TOOLS_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "shell.h"

/**
 * struct candidate - what a word may become
 * @text:    the whole word, without quotes
 * @note:    of one line, its own; NULL: none
 * @partial: more is to follow in the same word
 */
struct candidate {
	char *text, *note;
	bool partial;
};

/** struct candidates - begins as zeroes */
struct candidates {
	struct candidate *list;
	size_t count, room;
};

/**
 * struct place - where files are completed
 * @shell:    in a shell, else NULL
 * @options:  of the line until now: which partition, which type
 * @wants_path: an image is of no use without a path in it
 * @takes_path: it is of some use
 * @directories: nothing else is wanted
 */
struct place {
	struct shell *shell;
	struct options options;
	bool wants_path, takes_path, directories;
};

/** candidates_add() - unless it could control a terminal, and when it begins with @word */
void candidates_add(struct candidates *candidates, const char *word, const char *text, const char *note, bool partial);
/** candidates_sort() - by text, each once */
void candidates_sort(struct candidates *candidates);
void candidates_free(struct candidates *candidates);

/** complete_words() - the candidates for the last word of a line that is being typed. @shell: NULL: "rumpus ..." */
void complete_words(struct shell *shell, const struct line *line, struct candidates *candidates);

/* complete_path.c */
/** complete_host() - paths of the host; @prefix: put before each of them */
void complete_host(const struct place *place, const char *prefix, const char *word, struct candidates *candidates);
/** complete_path() - an operand: a path in the image of the shell, or an address */
void complete_path(const struct place *place, const char *word, struct candidates *candidates);

/* complete_shell.c */
/**
 * complete_line() - what to put in place of the end of a text that is being typed
 * @cut:   out: characters to take away from its end
 * @shown: out: choices were written to standard error
 * Return: what to put there; NULL: nothing. Caller frees.
 */
char *complete_line(struct shell *shell, const char *text, size_t *cut, bool *shown);

#endif
