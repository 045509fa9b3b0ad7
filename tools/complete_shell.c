// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: what the tab key does */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"
#include "table.h"

/* Choices that are shown at once; more are counted. */
#define SHOWN_MAX 200U

/* Bytes that all candidates begin with. */
static size_t common_length(const struct candidates *candidates)
{
	const char *first = candidates->list[0].text;
	size_t length = strlen(first);

	for (size_t i = 1; i < candidates->count; i++) {
		const char *other = candidates->list[i].text;
		size_t same = 0;

		while (same < length && first[same] == other[same])
			same++;
		length = same;
	}
	/* Not in the middle of a character. */
	while (length && ((unsigned char)first[length] & 0xc0) == 0x80)
		length--;
	return length;
}

/* The last component: what is before it is on the line. */
static const char *short_name(const char *text)
{
	const char *at = text + strlen(text);

	if (at > text)
		at--;
	while (at > text && at[-1] != '/')
		at--;
	return at;
}

static const char *shown_name(const void *list, size_t i)
{
	return short_name(((const struct candidate *)list)[i].text);
}

static void show(const struct candidates *candidates)
{
	size_t count = candidates->count < SHOWN_MAX ? candidates->count : SHOWN_MAX;

	fputc('\n', stderr);
	columns_print(stderr, shown_name, candidates->list, count);
	if (count < candidates->count)
		fprintf(stderr, "... and %zu more\n", candidates->count - count);
}

/* What replaces the word; NULL: nothing, as no candidate says more than it. */
static char *replacement(const struct candidates *candidates, const char *word, enum line_open open)
{
	const struct candidate *first = &candidates->list[0];
	size_t length = common_length(candidates);
	bool whole = candidates->count == 1 && !first->partial;
	char *text, *quoted, *ended;

	if (length <= strlen(word) && !whole)
		return NULL;
	text = strndup(first->text, length);
	quoted = text ? line_quote(text, open) : NULL;
	free(text);
	if (!quoted || !whole)
		return quoted;
	/* The word is complete: close its quote, and go on to the next. */
	if (asprintf(&ended, "%s%s ", quoted, open == LINE_SINGLE ? "'" : open == LINE_DOUBLE ? "\"" : "") < 0)
		ended = NULL;
	free(quoted);
	return ended;
}

char *complete_line(struct shell *shell, const char *text, size_t *cut, bool *shown)
{
	struct candidates candidates = { 0 };
	const struct line_word *word;
	struct line line;
	char *result = NULL;

	if (line_parse_open(text, &line)) {
		line_free(&line);
		return NULL;
	}
	word = &line.words[line.count - 1];
	complete_words(shell, &line, &candidates);
	candidates_sort(&candidates);
	if (candidates.count)
		result = replacement(&candidates, word->text, line.open);
	if (!result && candidates.count > 1) {
		show(&candidates);
		*shown = true;
	}
	*cut = mbstowcs(NULL, text + word->start, 0);
	if (*cut == (size_t)-1)
		*cut = strlen(text + word->start);
	candidates_free(&candidates);
	line_free(&line);
	return result;
}
