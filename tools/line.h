/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of the shell: words, quoting, redirections, and what goes to the host's sh.
 *
 * Quoting is that of sh(1): '...', "...", and a backslash. There are no variables and no substitutions: a dollar sign
 * is a dollar sign. Nothing here touches files.
 */
#ifndef TOOLS_LINE_H
#define TOOLS_LINE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct line_word - one word
 * @text:    without its quotes
 * @pattern: the same for glob(3): what was quoted has a backslash before it
 * @is_pattern: it has a "*", "?" or "[" that was not quoted
 * @start:   where it begins in the text, in bytes
 */
struct line_word {
	char *text, *pattern;
	bool is_pattern;
	size_t start;
};

/** enum line_open - how the text of a word ends, for completion */
enum line_open {
	LINE_BETWEEN, /* after the blank that follows a word, or after none */
	LINE_BARE,
	LINE_SINGLE,
	LINE_DOUBLE,
};

/**
 * struct line - the first command of a text
 * @words:  its words, redirections left out
 * @input, @output: files of the host to read from and write to; NULL: none
 * @append: to what @output has already
 * @pipe:   what follows the first "|", as it is: for the host's sh; NULL: nothing
 * @open:   how the last word ends
 * @is_target: the last word names a file of the host, after "<" or ">"; it is in @words nevertheless when it is open
 */
struct line {
	struct line_word *words;
	size_t count;
	char *input, *output;
	bool append;
	char *pipe;
	enum line_open open;
	bool is_target;
};

/**
 * line_parse() - take the first command off a text
 * @line:  out: to be freed by line_free(), also after a failure
 * @rest:  out: what follows the command; the empty text at the end
 * @error: out, on failure: what is wrong
 * Return: 0; -EINVAL; -ENOMEM
 */
int line_parse(const char *text, struct line *line, const char **rest, const char **error);

/**
 * line_parse_open() - the last command of a text that is being typed, with its last word as it is until now
 *
 * That word is always there, if only as an empty one, and counts as a word though it may be a redirection's.
 * Return: 0; -EINVAL when the place is in something for the host's sh; -ENOMEM
 */
int line_parse_open(const char *text, struct line *line);

void line_free(struct line *line);

/** line_quote() - the word @text as it is typed where a word ends so: without a closing quote. Caller frees; NULL */
char *line_quote(const char *text, enum line_open open);

#endif
