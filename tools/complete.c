// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: completion of words and options, and what the shells of the host ask for it */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complete.h"

/* ---- candidates ---- */

void candidates_add(struct candidates *candidates, const char *word, const char *text, const char *note, bool partial)
{
	struct candidate *list = candidates->list;
	char *clean;

	if (strncmp(text, word, strlen(word)))
		return;
	clean = strdup(text);
	if (!clean)
		abort();
	if (strcmp(text_clean(clean), text)) {
		free(clean);
		return;
	}
	if (candidates->count == candidates->room) {
		candidates->room = 2 * candidates->room + 64;
		list = candidates->list = realloc(list, candidates->room * sizeof(*list));
		if (!list)
			abort();
	}
	list[candidates->count++] = (struct candidate){
		.text = clean,
		.note = note ? strdup(note) : NULL,
		.partial = partial,
	};
}

static void free_candidate(struct candidate *candidate)
{
	free(candidate->text);
	free(candidate->note);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct candidate *)a)->text, ((const struct candidate *)b)->text);
}

void candidates_sort(struct candidates *candidates)
{
	struct candidate *list = candidates->list;
	size_t kept = 0;

	if (candidates->count)
		qsort(list, candidates->count, sizeof(*list), compare);
	for (size_t i = 0; i < candidates->count; i++) {
		if (kept && !strcmp(list[kept - 1].text, list[i].text))
			free_candidate(&list[i]);
		else
			list[kept++] = list[i];
	}
	candidates->count = kept;
}

void candidates_free(struct candidates *candidates)
{
	while (candidates->count)
		free_candidate(&candidates->list[--candidates->count]);
	free(candidates->list);
	*candidates = (struct candidates){ 0 };
}

/* ---- words and options ---- */

static void add_subcommands(const char *word, bool in_shell, struct candidates *candidates)
{
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		if (!(*sub)->hidden && !(in_shell && *sub == &subcommand_sh))
			candidates_add(candidates, word, (*sub)->name, (*sub)->summary, false);
	}
	if (in_shell) {
		for (const struct shell_word *own = shell_words; own->name; own++)
			candidates_add(candidates, word, own->name, own->summary, false);
	} else {
		candidates_add(candidates, word, "help", "how to use it", false);
	}
}

static const struct option_rule *find_letter(const struct option_rule *rules, char letter)
{
	for (; rules && rules->store; rules++) {
		if (rules->letter == letter)
			return rules;
	}
	return NULL;
}

static const struct option_rule *find_name(const struct option_rule *rules, const char *name)
{
	for (; rules && rules->store; rules++) {
		if (rules->name && !strcmp(rules->name, name))
			return rules;
	}
	return NULL;
}

static void add_rules(const struct option_rule *rules, const struct option_rule *hiding, const char *word,
		      struct candidates *candidates)
{
	char text[64];

	for (; rules && rules->store; rules++) {
		if (rules->name && rules->help) {
			snprintf(text, sizeof(text), "--%s", rules->name);
			candidates_add(candidates, word, text, rules->help, false);
		}
		/* A letter is typed faster than completed: only those that have no name, or as answers to "-". */
		if (rules->letter && rules->help && !find_letter(hiding, rules->letter)) {
			snprintf(text, sizeof(text), "-%c", rules->letter);
			candidates_add(candidates, word, text, rules->help, false);
		}
	}
}

/* The option that @word ends with and that takes its argument from the next word; NULL: none */
static const struct option_rule *awaits_argument(const struct subcommand *sub, const char *word)
{
	const struct option_rule *own = sub ? sub->options : NULL, *rule;

	if (*word != '-' || !word[1])
		return NULL;
	if (word[1] == '-') {
		rule = find_name(own, word + 2);
		rule = rule ? rule : find_name(options_common, word + 2);
		return rule && rule->argument ? rule : NULL;
	}
	for (word++; *word; word++) {
		rule = find_letter(own, *word);
		rule = rule ? rule : find_letter(options_common, *word);
		/* What follows in the same word is the argument. */
		if (rule && rule->argument)
			return word[1] ? NULL : rule;
	}
	return NULL;
}

/* ---- one line ---- */

static void parse_options(struct command *command, const struct line *line, size_t first, size_t end)
{
	char **words = calloc(end - first + 1, sizeof(*words));
	int operand;

	if (!words)
		abort();
	for (size_t i = first; i < end; i++)
		words[i - first] = line->words[i].text;
	options_parse(command, (int)(end - first), words, &operand);
	free(words);
}

/* What is given so far; what is wrong with it is not the business of completion. @at: where @sub is */
static struct options options_until_now(const struct subcommand *sub, const struct line *line, size_t at)
{
	struct command command = { 0 };

	command.own = calloc(1, sub->options_size + 1);
	if (!command.own)
		abort();
	parse_options(&command, line, 0, at);
	command.sub = sub;
	parse_options(&command, line, at, line->count - 1);
	free(command.own);
	return command.options;
}

static void complete_operand(struct place *place, const struct subcommand *sub, const char *word,
			     struct candidates *candidates)
{
	place->wants_path = !strncmp(sub->arguments, "IMAGE:", 6);
	place->takes_path = strcmp(sub->arguments, "IMAGE");
	complete_path(place, word, candidates);
}

static void complete_own_word(struct place *place, const struct shell_word *own, const char *word,
			      struct candidates *candidates)
{
	place->directories = true;
	if (!strcmp(own->name, "help"))
		add_subcommands(word, true, candidates);
	else if (!strcmp(own->name, "lcd"))
		complete_host(place, "", word, candidates);
	else if (!strcmp(own->name, "cd"))
		complete_path(place, word, candidates);
}

/* Where the subcommand is: after "rumpus" and the options before it. */
static size_t find_subcommand(const struct shell *shell, const struct line *line)
{
	size_t at = shell ? 0 : 1;

	while (at + 1 < line->count && !shell && *line->words[at].text == '-')
		at += awaits_argument(NULL, line->words[at].text) ? 2 : 1;
	return at;
}

void complete_words(struct shell *shell, const struct line *line, struct candidates *candidates)
{
	const char *word = line->words[line->count - 1].text, *before;
	size_t at = find_subcommand(shell, line), last = line->count - 1;
	struct place place = { .shell = shell };
	const struct subcommand *sub;
	const struct shell_word *own;

	if (line->is_target || at > last) {
		if (line->is_target)
			complete_host(&place, "", word, candidates);
		return;
	}
	if (at == last) {
		if (*word == '-' && !shell)
			add_rules(options_common, NULL, word, candidates);
		else
			add_subcommands(word, shell, candidates);
		return;
	}
	before = line->words[last - 1].text;
	sub = subcommand_named(line->words[at].text);
	own = shell ? shell_word_find(line->words[at].text) : NULL;
	if (own)
		complete_own_word(&place, own, word, candidates);
	else if (!shell && !strcmp(line->words[at].text, "help"))
		add_subcommands(word, false, candidates);
	else if (!sub)
		return;
	else if (last - 1 > at && awaits_argument(sub, before))
		complete_host(&place, "", word, candidates);
	else if (*word == '-') {
		add_rules(sub->options, NULL, word, candidates);
		add_rules(options_common, sub->options, word, candidates);
	} else {
		if (!shell)
			place.options = options_until_now(sub, line, at);
		complete_operand(&place, sub, word, candidates);
	}
}

/* ---- for the shells of the host: a hidden subcommand ---- */

struct complete_options {
	const char *text, *tail;
};

static int prepare(struct command *command, int argc, char **argv)
{
	struct complete_options *options = command->own;

	if (argc < 1 || argc > 2)
		return usage_error(command, "complete takes a line, and its end as far as it is one word to the shell");
	options->text = argv[0];
	options->tail = argc > 1 ? argv[1] : NULL;
	return EXIT_DONE;
}

/*
 * Bytes at the start of a candidate that a shell does not replace: bash takes a word apart at colons and the like, and
 * completes what follows the last of them.
 */
static size_t kept_by_shell(const char *word, const char *tail)
{
	struct line line;
	size_t kept = 0;

	if (tail && !line_parse_open(tail, &line)) {
		const char *end = line.words[line.count - 1].text;

		if (line.count == 1 && strlen(end) <= strlen(word) && !strcmp(word + strlen(word) - strlen(end), end))
			kept = strlen(word) - strlen(end);
		line_free(&line);
	}
	return kept;
}

/* One a line: "=" or, when more is to follow in the same word, "+"; the text; a tab and a note. */
static int alone(struct command *command)
{
	const struct complete_options *options = command->own;
	struct candidates candidates = { 0 };
	struct line line;
	size_t kept;

	if (line_parse_open(options->text, &line) || line.count < 2) {
		line_free(&line);
		return EXIT_PROBLEM;
	}
	complete_words(NULL, &line, &candidates);
	candidates_sort(&candidates);
	kept = kept_by_shell(line.words[line.count - 1].text, options->tail);
	for (size_t i = 0; i < candidates.count; i++) {
		const struct candidate *candidate = &candidates.list[i];

		printf("%c%s\t%s\n", candidate->partial ? '+' : '=', candidate->text + kept,
		       candidate->note ? candidate->note : "");
	}
	candidates_free(&candidates);
	line_free(&line);
	return fflush(stdout) ? EXIT_PROBLEM : EXIT_DONE;
}

const struct subcommand subcommand_complete = {
	.name = "_complete",
	.arguments = "LINE [END]",
	.summary = "what the last word of a line may become, for the completion of shells",
	.hidden = true,
	.options_size = sizeof(struct complete_options),
	.prepare = prepare,
	.alone = alone,
};
