// SPDX-License-Identifier: BSD-2-Clause
/* rumpus find: from words to an expression */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "quantity.h"

/* Parentheses and negations within each other. */
#define NESTING_MAX 200U

struct parser {
	struct command *command;
	struct find *find;
	int argc;
	char **argv;
	unsigned int nesting;
	bool failed; /* and told */
	int result;
};

struct rule;
typedef bool take_fn(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument);

/** enum word - options of the whole expression */
enum word {
	WORD_NOTHING,
	WORD_DEPTH,
	WORD_ONE_FS,
};

/**
 * struct rule - a word
 * @take:     understands its argument; NULL: it has none
 * @test:     NULL: an option, which is always true
 * @action:   what makes -print not needed
 * @value:    for @take; of an option without an argument, what it sets
 */
struct rule {
	const char *word;
	take_fn *take;
	find_test *test;
	bool action;
	int64_t value;
};

static bool fail(struct parser *parser, const char *word, const char *why)
{
	if (!parser->failed)
		usage_error(parser->command, "%s %s", word, why);
	parser->failed = true;
	return false;
}

static bool take_text(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	node->text = argument;
	node->fold = rule->value;
	return true;
}

/* "+5", "-5", "5"; @unit follows. Return: behind the number, NULL for none */
static const char *compared(struct find_node *node, const char *text)
{
	char *end;

	if (*text == '+' || *text == '-')
		node->compare = *text++;
	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	node->number = strtoll(text, &end, 10);
	return errno ? NULL : end;
}

static bool take_number(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	const char *end = compared(node, argument);

	return end && !*end ? true : fail(parser, node->word, "needs a number, with + for more and - for less");
}

static bool take_size(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	static const char units[] = "bcwkMG";
	static const int64_t bytes[] = { 512, 1, 2, 1 << 10, 1 << 20, 1 << 30 };
	const char *end = compared(node, argument), *unit = end && *end ? strchr(units, *end) : units;

	if (!end || !unit || (*end && end[1]))
		return fail(parser, node->word, "needs a number with one of the units c w b k M G, as +10M");
	node->unit = bytes[unit - units];
	return true;
}

/* -mtime and so on; days and minutes may have decimals. */
static bool take_age(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	const char *text = argument;
	char *end;

	if (*text == '+' || *text == '-')
		node->compare = *text++;
	node->amount = strtod(text, &end);
	if (*text < '0' || *text > '9' || *end)
		return fail(parser, node->word, "needs a number, with + for older and - for younger");
	node->unit = node->word[2] == 'm' ? 60 : 86400;
	node->time = (enum find_time)rule->value;
	return true;
}

static bool take_reference(struct parser *parser, struct find_node *node, const char *argument)
{
	node->reads = true;
	parser->result = reference_take(parser->command, argument, &node->reference);
	parser->failed |= parser->result != EXIT_DONE; /* and told */
	return !parser->failed;
}

static bool take_newer(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	node->time = (enum find_time)rule->value;
	node->reference_time = FIND_MODIFIED;
	return take_reference(parser, node, argument);
}

static bool take_same(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	return take_reference(parser, node, argument);
}

static bool take_perm(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	const char *text = argument;

	if (*text == '-' || *text == '/')
		node->compare = *text++;
	if (mode_parse(text, &node->mode))
		return fail(parser, node->word, "needs a mode, with - for all and / for any of its bits");
	node->number = mode_apply(&node->mode, 0, false, 0);
	return true;
}

static bool take_type(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	size_t length = strlen(argument);

	node->text = argument;
	for (size_t i = 0; i < length; i++) {
		if (!strchr(i % 2 ? "," : "bcdpfls", argument[i]))
			return fail(parser, node->word, "needs one of b c d p f l s, or several with commas");
	}
	return length % 2 ? true : fail(parser, node->word, "needs one of b c d p f l s, or several with commas");
}

static bool take_account(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	node->text = argument;
	node->accounts = (unsigned int)rule->value;
	return true;
}

static bool take_depth(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	const char *end = compared(node, argument);

	if (!end || *end || node->compare || node->number > INT_MAX)
		return fail(parser, node->word, "needs a number");
	*(rule->value ? &parser->find->max_depth : &parser->find->min_depth) = (unsigned int)node->number;
	return true;
}

static bool take_format(struct parser *parser, struct find_node *node, const struct rule *rule, const char *argument)
{
	const char *wrong = format_check(&find_rules, argument);

	node->text = argument;
	if (!wrong)
		return true;
	if (!parser->failed)
		usage_error(parser->command, "-printf \"%s\": \"%.4s\" is not understood", argument, wrong);
	parser->failed = true;
	return false;
}

static const struct rule rules[] = {
	{ "-name", take_text, find_name, false, false },
	{ "-iname", take_text, find_name, false, true },
	{ "-path", take_text, find_path, false, false },
	{ "-wholename", take_text, find_path, false, false },
	{ "-ipath", take_text, find_path, false, true },
	{ "-iwholename", take_text, find_path, false, true },
	{ "-lname", take_text, find_link_name, false, false },
	{ "-ilname", take_text, find_link_name, false, true },
	{ "-xattr", take_text, find_xattr, false, false },
	{ "-type", take_type, find_type, false, 0 },
	{ "-size", take_size, find_size, false, 0 },
	{ "-empty", NULL, find_empty, false, 0 },
	{ "-amin", take_age, find_age, false, FIND_ACCESSED },
	{ "-atime", take_age, find_age, false, FIND_ACCESSED },
	{ "-cmin", take_age, find_age, false, FIND_CHANGED },
	{ "-ctime", take_age, find_age, false, FIND_CHANGED },
	{ "-mmin", take_age, find_age, false, FIND_MODIFIED },
	{ "-mtime", take_age, find_age, false, FIND_MODIFIED },
	{ "-newer", take_newer, find_newer, false, FIND_MODIFIED },
	{ "-anewer", take_newer, find_newer, false, FIND_ACCESSED },
	{ "-cnewer", take_newer, find_newer, false, FIND_CHANGED },
	{ "-perm", take_perm, find_perm, false, 0 },
	{ "-user", take_account, find_uid, false, 1 },
	{ "-group", take_account, find_gid, false, 2 },
	{ "-uid", take_number, find_uid, false, 0 },
	{ "-gid", take_number, find_gid, false, 0 },
	{ "-nouser", NULL, find_no_user, false, 0 },
	{ "-nogroup", NULL, find_no_group, false, 0 },
	{ "-links", take_number, find_links, false, 0 },
	{ "-inum", take_number, find_inode, false, 0 },
	{ "-samefile", take_same, find_same, false, 0 },
	{ "-true", NULL, find_true, false, 0 },
	{ "-false", NULL, find_false, false, 0 },
	{ "-maxdepth", take_depth, NULL, false, true },
	{ "-mindepth", take_depth, NULL, false, false },
	{ "-depth", NULL, NULL, false, WORD_DEPTH },
	{ "-d", NULL, NULL, false, WORD_DEPTH },
	{ "-xdev", NULL, NULL, false, WORD_ONE_FS },
	{ "-mount", NULL, NULL, false, WORD_ONE_FS },
	{ "-noleaf", NULL, NULL, false, WORD_NOTHING },
	{ "-print", NULL, find_print, true, 0 },
	{ "-print0", NULL, find_print0, true, 0 },
	{ "-printf", take_format, find_printf, true, 0 },
	{ "-ls", NULL, find_ls, true, 0 },
	{ "-delete", NULL, find_delete, true, 0 },
	{ "-prune", NULL, find_prune, false, 0 },
	{ "-quit", NULL, find_quit, false, 0 },
};

static struct find_node *new_node(struct parser *parser, find_test *test, const char *word)
{
	struct find_node *node = calloc(1, sizeof(*node));

	if (!node)
		abort();
	node->test = test;
	node->word = word;
	node->next = parser->find->nodes;
	parser->find->nodes = node;
	return node;
}

static struct find_node *join(struct parser *parser, find_test *test, struct find_node *left, struct find_node *right)
{
	struct find_node *node = new_node(parser, test, "");

	node->left = left;
	node->right = right;
	return node;
}

static const char *peek(const struct parser *parser)
{
	return parser->argc ? *parser->argv : NULL;
}

static const char *take_word(struct parser *parser)
{
	parser->argc--;
	return *parser->argv++;
}

static bool next_is(const struct parser *parser, const char *one, const char *other)
{
	const char *word = peek(parser);

	return word && (!strcmp(word, one) || !strcmp(word, other));
}

/* -newerXY: X of the file is later than Y of another, or than a moment. */
static bool take_newer_xy(struct parser *parser, struct find_node *node, const char *argument)
{
	static const char letters[] = "aBcm";
	const char *x = strchr(letters, node->word[6]), *y = node->word[7] ? strchr(letters, node->word[7]) : NULL;

	if (!x || (!y && node->word[7] != 't') || node->word[8])
		return fail(parser, node->word,
			    "is not understood: -newerXY has one of a B c m, and then one of a B c m t");
	node->test = find_newer;
	node->time = (enum find_time)(x - letters);
	if (y) {
		node->reference_time = (enum find_time)(y - letters);
		return take_reference(parser, node, argument);
	}
	if (quantity_moment(argument, &parser->find->now, &node->moment))
		return fail(parser, node->word, "needs a date, as 2026-11-22 14:08:00 or \"3 days ago\"");
	return true;
}

static const struct rule *find_rule(const char *word)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (!strcmp(rules[i].word, word))
			return &rules[i];
	}
	return NULL;
}

static bool unknown(struct parser *parser, const char *word)
{
	if (!strncmp(word, "-exec", 5) || !strncmp(word, "-ok", 3))
		return fail(
			parser, word,
			"cannot be: files of an image are no files of the host; use -print0 | xargs -0 rumpus SUBCOMMAND");
	if (!strncmp(word, "-fprint", 7) || !strcmp(word, "-fls"))
		return fail(parser, word, "cannot be: redirect standard output instead");
	if (*word != '-')
		return fail(parser, word, "is out of place: paths come first, then the expression");
	return fail(parser, word, "is not understood; \"rumpus help find\" lists what is");
}

static struct find_node *parse_primary(struct parser *parser)
{
	const char *word = take_word(parser);
	const struct rule *rule = find_rule(word);
	struct find_node *node = new_node(parser, rule && rule->test ? rule->test : find_true, word);
	bool newer = !rule && !strncmp(word, "-newer", 6) && word[6];

	if (!rule && !newer) {
		unknown(parser, word);
		return NULL;
	}
	if ((newer || rule->take) && !parser->argc) {
		fail(parser, word, "needs an argument");
		return NULL;
	}
	if (newer ? !take_newer_xy(parser, node, take_word(parser))
		  : rule->take && !rule->take(parser, node, rule, take_word(parser)))
		return NULL;
	if (rule && !rule->test && !rule->take) {
		parser->find->depth_first |= rule->value == WORD_DEPTH;
		parser->find->one_fs |= rule->value == WORD_ONE_FS;
	}
	if (rule && rule->action)
		node->action = ++parser->find->actions;
	if (node->test == find_delete)
		parser->find->writes = parser->find->depth_first = true;
	parser->find->quits |= node->test == find_quit;
	return node;
}

static struct find_node *parse_comma(struct parser *parser);

static struct find_node *parse_factor(struct parser *parser)
{
	struct find_node *node;

	if (!peek(parser)) {
		fail(parser, "the expression", "ends where a test should follow");
		return NULL;
	}
	if (++parser->nesting > NESTING_MAX) {
		fail(parser, "the expression", "is nested too deep");
		return NULL;
	}
	if (next_is(parser, "!", "-not")) {
		take_word(parser);
		node = parse_factor(parser);
		node = node ? join(parser, find_not, node, NULL) : NULL;
	} else if (next_is(parser, "(", "(")) {
		take_word(parser);
		node = next_is(parser, ")", ")") ? NULL : parse_comma(parser);
		if (!node)
			fail(parser, "(", "has no expression after it");
		else if (!next_is(parser, ")", ")"))
			fail(parser, "(", "has no ) that ends it");
		else
			take_word(parser);
	} else if (next_is(parser, ")", "-o") || next_is(parser, "-a", "-and") || next_is(parser, "-or", ",")) {
		fail(parser, peek(parser), "has no test before it");
		node = NULL;
	} else {
		node = parse_primary(parser);
	}
	parser->nesting--;
	return parser->failed ? NULL : node;
}

static struct find_node *parse_and(struct parser *parser)
{
	struct find_node *left = parse_factor(parser);

	while (left && peek(parser) && !next_is(parser, "-o", "-or") && !next_is(parser, ")", ",")) {
		struct find_node *right;

		if (next_is(parser, "-a", "-and"))
			take_word(parser);
		right = parse_factor(parser);
		left = right ? join(parser, find_and, left, right) : NULL;
	}
	return left;
}

static struct find_node *parse_or(struct parser *parser)
{
	struct find_node *left = parse_and(parser);

	while (left && next_is(parser, "-o", "-or")) {
		struct find_node *right;

		take_word(parser);
		right = parse_and(parser);
		left = right ? join(parser, find_or, left, right) : NULL;
	}
	return left;
}

static struct find_node *parse_comma(struct parser *parser)
{
	struct find_node *left = parse_or(parser);

	while (left && next_is(parser, ",", ",")) {
		struct find_node *right;

		take_word(parser);
		right = parse_or(parser);
		left = right ? join(parser, find_comma, left, right) : NULL;
	}
	return left;
}

int find_parse(struct command *command, int argc, char **argv)
{
	struct find *find = command->own;
	struct parser parser = { .command = command, .find = find, .argc = argc, .argv = argv };
	struct find_node *print;

	/* Of several turns each has its own, which is about the same moment. */
	*find = (struct find){ .max_depth = UINT_MAX, .now = find->now, .json = find->json };
	if (!find->now.tv_sec)
		clock_gettime(CLOCK_REALTIME, &find->now);
	find->root = argc ? parse_comma(&parser) : new_node(&parser, find_true, "");
	if (find->root && peek(&parser))
		fail(&parser, peek(&parser), "has no ( before it");
	if (parser.failed)
		return parser.result ? parser.result : EXIT_USAGE;
	if (!find->actions) {
		print = new_node(&parser, find_print, "-print");
		print->action = ++find->actions;
		find->root = join(&parser, find_and, find->root, print);
	}
	return EXIT_DONE;
}

const struct find_node *find_action(const struct find *find, unsigned int number)
{
	for (const struct find_node *node = find->nodes; node; node = node->next) {
		if (node->action && node->action == number)
			return node;
	}
	return NULL;
}
