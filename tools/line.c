// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: words, quoting, redirections */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

#define BLANK " \t\r\n"
/* What ends a word unless it is quoted. */
#define ENDS_WORD " \t\r\n|<>;&"
#define GLOB_SPECIAL "*?["
/* What means something to the shell, and what glob(3) takes for its own. */
#define NEEDS_QUOTE " \t\r\n|<>;&()$`\\\"'*?[#~"

/* struct scan - where a text is being read; @separated: the command ended before the text did */
struct scan {
	const char *text, *at;
	struct line *line;
	const char *error;
	bool separated;
};

static void word_put(struct line_word *word, char c, bool quoted)
{
	size_t length = strlen(word->text), used = strlen(word->pattern);

	word->text[length] = c;
	word->text[length + 1] = 0;
	if (c == '\\' || (quoted && strchr(GLOB_SPECIAL "]", c)))
		word->pattern[used++] = '\\';
	word->pattern[used++] = c;
	word->pattern[used] = 0;
	if (!quoted && strchr(GLOB_SPECIAL, c))
		word->is_pattern = true;
}

/* A quoted part; @at is after the opening quote. Return: after the closing one, or at the end of the text */
static const char *take_quoted(struct scan *scan, struct line_word *word, char quote)
{
	const char *at = scan->at;

	while (*at && *at != quote) {
		/* As in sh: in double quotes a backslash is one before these alone. */
		if (quote == '"' && *at == '\\' && at[1] && strchr("\\\"$`\n", at[1]))
			at++;
		word_put(word, *at++, true);
	}
	if (*at == quote)
		return at + 1;
	scan->line->open = quote == '"' ? LINE_DOUBLE : LINE_SINGLE;
	scan->error = "a quote is not closed";
	return at;
}

static int take_word(struct scan *scan, struct line_word *word)
{
	size_t room = strlen(scan->at) + 1;

	*word = (struct line_word){
		.text = calloc(1, room),
		.pattern = calloc(2, room),
		.start = (size_t)(scan->at - scan->text),
	};
	if (!word->text || !word->pattern)
		return -ENOMEM;
	scan->line->open = LINE_BARE;
	while (*scan->at && !strchr(ENDS_WORD, *scan->at)) {
		char c = *scan->at++;

		if (c == '\'' || c == '"')
			scan->at = take_quoted(scan, word, c);
		else if (c != '\\')
			word_put(word, c, false);
		else if (*scan->at)
			word_put(word, *scan->at++, true);
	}
	if (*scan->at)
		scan->line->open = LINE_BETWEEN;
	return 0;
}

static int add_word(struct scan *scan)
{
	struct line *line = scan->line;
	struct line_word *words = realloc(line->words, (line->count + 1) * sizeof(*words));

	if (!words)
		return -ENOMEM;
	line->words = words;
	words[line->count] = (struct line_word){ 0 };
	return take_word(scan, &words[line->count++]);
}

static void drop_word(struct line *line)
{
	line->count--;
	free(line->words[line->count].text);
	free(line->words[line->count].pattern);
}

/* The file after "<", ">" or ">>" */
static int take_target(struct scan *scan)
{
	struct line *line = scan->line;
	bool input = *scan->at == '<';
	char **target = input ? &line->input : &line->output;
	const char *start;
	int error;

	if (!input)
		line->append = scan->at[1] == '>';
	scan->at += !input && line->append ? 2 : 1;
	scan->at += strspn(scan->at, " \t");
	line->is_target = true;
	start = scan->at;
	error = add_word(scan);
	if (error)
		return error;
	if (scan->at == start)
		scan->error = "a redirection names no file";
	free(*target);
	*target = strdup(line->words[line->count - 1].text);
	return *target ? 0 : -ENOMEM;
}

/* The end of what is for the host's sh: a ";" or a new line that is not quoted */
static const char *end_of_pipe(const char *at)
{
	char quote = 0;

	for (; *at && (quote || !strchr(";\n", *at)); at++) {
		if (*at == '\\' && quote != '\'' && at[1])
			at++;
		else if (quote ? *at == quote : *at == '\'' || *at == '"')
			quote = quote ? 0 : *at;
	}
	return at;
}

/* "|" and what follows. @at is behind it. */
static int take_pipe(struct scan *scan)
{
	const char *end = end_of_pipe(scan->at);

	if (*scan->at == '|')
		scan->error = "there is no \"||\"; use -e, or write two lines";
	else if (!scan->line->count)
		scan->error = "nothing is before the \"|\"";
	else if (strspn(scan->at, BLANK) >= (size_t)(end - scan->at))
		scan->error = "nothing follows the \"|\"";
	scan->line->pipe = strndup(scan->at, (size_t)(end - scan->at));
	scan->separated = *end;
	scan->at = *end ? end + 1 : end;
	return scan->line->pipe ? 1 : -ENOMEM;
}

/* One word, redirection or pipe. Return: 0; 1 when the command has ended; negative errno */
static int take_next(struct scan *scan, bool keep_target)
{
	int error;

	scan->at += strspn(scan->at, " \t\r");
	switch (*scan->at) {
	case 0:
		return 1;
	case '#':
		scan->at += strcspn(scan->at, "\n");
		return 0;
	case '\n':
	case ';':
		scan->at++;
		scan->separated = true;
		return 1;
	case '&':
		scan->error = "there is no \"&\"; quote it, or write two lines";
		return 1;
	case '|':
		scan->at++;
		return take_pipe(scan);
	case '<':
	case '>':
		error = take_target(scan);
		if (!error && !(keep_target && scan->line->open != LINE_BETWEEN)) {
			drop_word(scan->line);
			scan->line->is_target = false;
		}
		return error;
	}
	return add_word(scan);
}

static int take_command(struct scan *scan, const char *text, struct line *line, bool keep_target)
{
	int ended = 0;

	*line = (struct line){ 0 };
	scan->text = text;
	scan->line = line;
	scan->separated = false;
	while (!ended && !scan->error)
		ended = take_next(scan, keep_target);
	return ended < 0 ? ended : 0;
}

int line_parse(const char *text, struct line *line, const char **rest, const char **error)
{
	struct scan scan = { .at = text };
	int result = take_command(&scan, text, line, false);

	*rest = scan.at;
	*error = scan.error;
	return result ? result : scan.error ? -EINVAL : 0;
}

int line_parse_open(const char *text, struct line *line)
{
	struct scan scan = { .at = text };
	int error = take_command(&scan, text, line, true);

	while (!error && scan.separated) {
		line_free(line);
		error = take_command(&scan, text, line, true);
	}
	/* Beyond the end of what is typed there is only the host's sh, or nothing that makes sense. */
	if (!error && (line->pipe || *scan.at))
		return -EINVAL;
	if (!error && !line->is_target && (!line->count || line->open == LINE_BETWEEN)) {
		error = add_word(&scan);
		line->open = LINE_BARE;
	}
	return error;
}

void line_free(struct line *line)
{
	while (line->count)
		drop_word(line);
	free(line->words);
	free(line->input);
	free(line->output);
	free(line->pipe);
	*line = (struct line){ 0 };
}

char *line_quote(const char *text, enum line_open open)
{
	char *quoted = malloc(4 * strlen(text) + 2), *to = quoted;

	if (!quoted)
		return NULL;
	if (open == LINE_SINGLE || open == LINE_DOUBLE)
		*to++ = open == LINE_SINGLE ? '\'' : '"';
	for (; *text; text++) {
		if (open == LINE_SINGLE && *text == '\'') {
			to = stpcpy(to, "'\\''");
			continue;
		}
		/* A new line cannot follow a backslash, as that would join two lines. */
		if (open == LINE_BARE && *text == '\n') {
			to = stpcpy(to, "'\n'");
			continue;
		}
		if ((open == LINE_DOUBLE && strchr("\\\"$`", *text)) ||
		    (open == LINE_BARE && strchr(NEEDS_QUOTE, *text)))
			*to++ = '\\';
		*to++ = *text;
	}
	*to = 0;
	return quoted;
}
