// SPDX-License-Identifier: BSD-2-Clause
/* rumpus tree: what is in a directory and below, as a tree */
#include <errno.h>
#include <fnmatch.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"

struct tree_options {
	bool all, directories, full, human, modes, sizes, json, links;
	struct option_number depth;
	const char *ignore;
};

/* The parent's. @last: for each level, whether nothing follows: no line leads on */
struct drawing {
	bool last[VISIT_DEPTH_MAX + 2];
	unsigned int depth; /* of the record before, plus one: 0 before the first */
	unsigned long directories, files;
	const char *branch, *corner, *line, *space;
};

static int prepare(struct command *command, int argc, char **argv)
{
	const struct tree_options *options = command->own;

	if (!argc)
		return usage_error(command, "a tree of what?");
	if (options->depth.given && !options->depth.value)
		return usage_error(command, "-L 0: give a depth of 1 or more");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static bool wanted(const struct visit *visit, const char *name, unsigned char type, unsigned int depth)
{
	const struct tree_options *options = visit->worker->command->own;

	if (!options->all && *name == '.')
		return false;
	if (options->directories && type != DT_DIR && type != DT_UNKNOWN)
		return false;
	return !options->ignore || fnmatch(options->ignore, name, FNM_PERIOD);
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct tree_options *options = visit->worker->command->own;
	int error = visit_examine(visit, file);

	if (error)
		return error < 0 ? error : VISIT_SKIP;
	if (options->directories && file->type != DT_DIR && file->depth)
		return VISIT_SKIP;
	error = found_send(visit, file, 0);
	if (error)
		return error;
	return options->depth.given && file->depth >= options->depth.value ? VISIT_SKIP : VISIT_ENTER;
}

static int work(struct worker *worker)
{
	struct visit visit = { .worker = worker, .enter = enter, .wanted = wanted, .follow = true, .sorted = true };

	return visit_operands(&visit, 0);
}

static struct drawing *new_drawing(void)
{
	struct drawing *drawing = calloc(1, sizeof(*drawing));
	bool utf8;

	if (!drawing)
		abort();
	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	drawing->branch = utf8 ? "├── " : "|-- ";
	drawing->corner = utf8 ? "└── " : "`-- ";
	drawing->line = utf8 ? "│   " : "|   ";
	drawing->space = "    ";
	return drawing;
}

static void put_details(const struct tree_options *options, const struct found *found)
{
	char mode[11], size[32];

	if (!options->modes && !options->sizes && !options->human)
		return;
	found_mode(found->mode, mode);
	text_size_short(found->size, size, sizeof(size));
	putchar('[');
	if (options->modes)
		printf("%s%s", mode, options->sizes || options->human ? " " : "");
	if (options->human)
		printf("%5s", size);
	else if (options->sizes)
		printf("%11llu", (unsigned long long)found->size);
	fputs("]  ", stdout);
}

static void draw(const struct tree_options *options, struct drawing *drawing, const struct found *found,
		 const struct found_names *names)
{
	const char *slash = strrchr(names->path, '/');

	if (found->depth)
		drawing->last[found->depth] = found->flags & FOUND_LAST;
	for (unsigned int level = 1; level < found->depth; level++)
		fputs(drawing->last[level] ? drawing->space : drawing->line, stdout);
	if (found->depth)
		fputs(drawing->last[found->depth] ? drawing->corner : drawing->branch, stdout);
	put_details(options, found);
	text_put(options->full || !found->depth || !slash ? names->path : slash + 1);
	if (S_ISLNK(found->mode)) {
		fputs(" -> ", stdout);
		text_put(names->target);
	}
	putchar('\n');
}

/* Ends what is open at @depth and below. */
static void close_json(struct json *json, struct drawing *drawing, unsigned int depth)
{
	while (drawing->depth > depth) {
		drawing->depth--;
		if (!drawing->last[drawing->depth])
			continue;
		json_close(json, ']');
		json_close(json, '}');
	}
}

/* Directories stay open; here @last says which levels are some. */
static void draw_json(struct drawing *drawing, const struct found *found, const struct found_names *names)
{
	struct json *json = json_list();

	close_json(json, drawing, found->depth);
	json_line(json);
	found_json_open(json, found, names);
	drawing->last[found->depth] = S_ISDIR(found->mode);
	if (S_ISDIR(found->mode))
		json_open(json, "contents", '[');
	else
		json_close(json, '}');
}

static int record(struct session *session, struct wire_record *record)
{
	const struct tree_options *options = session->command->own;
	struct drawing *drawing = session->state;
	struct found found;
	struct found_names names;

	if (!drawing)
		drawing = session->state = new_drawing();
	if (record->type != WIRE_FOUND)
		return -EPROTO;
	found_get(record, &found, &names);
	if (found.depth > drawing->depth || found.depth > VISIT_DEPTH_MAX)
		return -EPROTO;
	if (options->json)
		draw_json(drawing, &found, &names);
	else
		draw(options, drawing, &found, &names);
	drawing->depth = found.depth + 1;
	if (!S_ISDIR(found.mode))
		drawing->files++;
	else if (found.depth)
		drawing->directories++;
	return ferror(stdout) ? -EIO : 0;
}

static void finish(struct session *session)
{
	const struct tree_options *options = session->command->own;
	struct drawing *drawing = session->state;

	if (drawing && session->finished && options->json)
		close_json(json_list(), drawing, 0);
	if (session->finished && options->json)
		json_list_end();
	else if (drawing && session->finished && options->directories)
		printf("\n%lu director%s\n", drawing->directories, drawing->directories == 1 ? "y" : "ies");
	else if (drawing && session->finished)
		printf("\n%lu director%s, %lu file%s\n", drawing->directories, drawing->directories == 1 ? "y" : "ies",
		       drawing->files, drawing->files == 1 ? "" : "s");
	free(drawing);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ 'a', "all", NULL, "also names that begin with a dot", option_true, offsetof(struct tree_options, all) },
	{ 'd', NULL, NULL, "directories only", option_true, offsetof(struct tree_options, directories) },
	{ 'f', NULL, NULL, "whole paths", option_true, offsetof(struct tree_options, full) },
	{ 'h', NULL, NULL, "with sizes for people", option_true, offsetof(struct tree_options, human) },
	{ 'I', "ignore", "PATTERN", "leave out names that match", option_text, offsetof(struct tree_options, ignore) },
	{ 'L', "level", "DEPTH", "no deeper than that", option_number, offsetof(struct tree_options, depth) },
	{ 'm', "modes", NULL, "with types and modes", option_true, offsetof(struct tree_options, modes) },
	{ 's', NULL, NULL, "with sizes in bytes", option_true, offsetof(struct tree_options, sizes) },
	{ 0, "json", NULL, "as JSON: directories have \"contents\"", option_true, offsetof(struct tree_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus tree disk.img", "all that is in it" },
	{ "rumpus tree -d -L 2 disk.img:/usr", "directories, two levels of them" },
	{ "rumpus tree -ah -I '*.pyc' disk.img:/srv", "hidden files and sizes, some left out" },
	{ 0 },
};

const struct subcommand subcommand_tree = {
	.name = "tree",
	.arguments = "IMAGE[:/PATH]...",
	.summary = "draw directories as a tree",
	.options = options,
	.options_size = sizeof(struct tree_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.record = record,
	.finish = finish,
};
