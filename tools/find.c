// SPDX-License-Identifier: BSD-2-Clause
/* rumpus find: files in images that an expression is true for */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "found.h"

/* What -quit returns through the visit: no failure, but the end of it. */
#define QUIT (-ECANCELED)
/* Of a path on the wire. */
#define PATH_SENT_MAX (128U << 10)

static bool begins_expression(const char *word)
{
	return (*word == '-' && word[1]) || !strcmp(word, "(") || !strcmp(word, ")") || !strcmp(word, "!") ||
	       !strcmp(word, ",");
}

static int count_paths(int argc, char **argv)
{
	int paths = 0;

	while (paths < argc && !begins_expression(argv[paths]))
		paths++;
	return paths;
}

/* What removes files locks all images before it begins. */
static int paths_in_turns(int argc, char **argv)
{
	const int paths = count_paths(argc, argv);

	for (int i = paths; i < argc; i++) {
		if (!strcmp(argv[i], "-delete"))
			return 0;
	}
	return paths;
}

static int prepare(struct command *command, int argc, char **argv)
{
	const struct find *find = command->own;
	const int paths = count_paths(argc, argv);
	int result;

	if (!paths)
		return usage_error(command, "find where? Paths come first, then the expression");
	result = operands_take(command, paths, argv, OPERAND_IMAGE);
	if (!result)
		result = find_parse(command, argc - paths, argv + paths);
	for (unsigned int i = 0; i < command->operand_count && find->writes; i++)
		command->operands[i].image->writable = true;
	return result;
}

/* Worker: actions */

/* Names alone, which a million files may have: nothing else is asked for or sent. */
static int send_name(struct visit *visit, const struct find_node *node)
{
	struct wire *wire = &visit->worker->wire;
	int error;

	if (visit->path.length > PATH_SENT_MAX) {
		error = visit_failed(visit, "cannot be shown", -ENAMETOOLONG);
		return error ? error : 1;
	}
	error = wire_begin(wire, WIRE_MATCH, visit->path.length + 16);
	if (error)
		return error;
	wire_put_u32(wire, node->action);
	wire_put_blob(wire, visit->path.text, visit->path.length + 1);
	error = wire_end(wire, -1);
	return error ? error : 1;
}

/* With all that is known. */
static int send_file(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int error = visit_examine(visit, file);

	if (error)
		return error < 0 ? error : 1;
	error = found_send(visit, file, node->action);
	return error ? error : 1;
}

int find_print(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	const struct find *find = visit->worker->command->own;

	return find->json ? send_file(visit, file, node) : send_name(visit, node);
}

int find_print0(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return find_print(visit, file, node);
}

int find_printf(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return send_file(visit, file, node);
}

int find_ls(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return send_file(visit, file, node);
}

int find_delete(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	long error;

	/* The root of the image, which is what -delete of everything begins with. */
	if (!strcmp(file->name, "."))
		return 1;
	error = fs_unlinkat(&fs_image, file->dir, file->name, file->type == DT_DIR ? AT_REMOVEDIR : 0);
	return error ? visit_failed(visit, "cannot remove", error) : 1;
}

/* @arg of the visit says whether the directory that is being looked at is to be left out. */
int find_prune(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	*(bool *)visit->arg = true;
	return 1;
}

int find_quit(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return QUIT;
}

/* Worker: the visit */

static int evaluate(struct visit *visit, struct visit_file *file)
{
	const struct find *find = visit->worker->command->own;
	int result;

	if (file->depth < find->min_depth)
		return 0;
	result = find->root->test(visit, file, find->root);
	return result < 0 ? result : 0;
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct find *find = visit->worker->command->own;
	bool *prune = visit->arg;
	bool deepest = file->depth >= find->max_depth;
	int error = 0;

	if (find->one_fs && file->type == DT_DIR) {
		error = visit_examine(visit, file);
		if (error)
			return error < 0 ? error : VISIT_SKIP;
		deepest |= visit_crosses(visit, file);
	}
	*prune = false;
	/* A directory comes after what is in it, unless nothing of that is looked at. */
	if (!find->depth_first || file->type != DT_DIR || deepest)
		error = evaluate(visit, file);
	if (error)
		return error;
	return deepest || (*prune && !find->depth_first) ? VISIT_SKIP : VISIT_ENTER;
}

/* Names of users mean what the image says. Return: 0, 1 after a message */
static int look_up_accounts(struct worker *worker, const struct operand *operand)
{
	const struct find *find = worker->command->own;

	for (struct find_node *node = find->nodes; node; node = node->next) {
		bool group = node->accounts == 2;
		uint32_t id;

		if (!node->accounts)
			continue;
		if (accounts_find(operand->image, group, node->text, &id)) {
			report_error(&worker->report, operand->text, "no %s \"%s\" in the image's %s; give a number",
				     group ? "group" : "user", node->text, group ? "/etc/group" : "/etc/passwd");
			return 1;
		}
		node->number = id;
	}
	return 0;
}

static int read_references(struct worker *worker)
{
	const struct find *find = worker->command->own;
	int error = 0;

	for (struct find_node *node = find->nodes; node && !error; node = node->next) {
		if (node->reads)
			error = reference_read(worker, &node->reference);
	}
	return error;
}

/* Images whose turn has not come are not looked at any more. */
static int send_quit(struct worker *worker)
{
	int error = wire_begin(&worker->wire, WIRE_QUIT, 0);

	return error ? error : wire_end(&worker->wire, -1);
}

static int work(struct worker *worker)
{
	const struct find *find = worker->command->own;
	bool prune;
	struct visit visit = {
		.worker = worker,
		.enter = enter,
		.leave = find->depth_first ? evaluate : NULL,
		.arg = &prune,
	};
	int error = read_references(worker);

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++) {
		const struct operand *operand = &worker->command->operands[i];

		if (!look_up_accounts(worker, operand))
			error = visit_operand(&visit, operand);
	}
	visit_end(&visit);
	return error == QUIT ? send_quit(worker) : error;
}

/* Parent */

static int record_name(const struct find *find, struct wire_record *record)
{
	const struct find_node *action = find_action(find, wire_get_u32(record));
	const char *path = wire_get_string(record);

	if (!action || (action->test != find_print && action->test != find_print0))
		return -EPROTO;
	if (action->test == find_print) {
		text_put(path);
		putchar_unlocked('\n');
	} else {
		fputs_unlocked(path, stdout);
		putchar_unlocked(0);
	}
	return 0;
}

static int record_quit(struct session *session)
{
	const struct find *find = session->command->own;

	session->enough = find->quits;
	return find->quits ? 0 : -EPROTO;
}

static int record_file(const struct session *session, struct wire_record *record)
{
	const struct command *command = session->command;
	const struct find *find = command->own;
	const struct find_node *action;
	struct found_names names;
	struct found found;
	unsigned int operand;
	char *label;

	found_get(record, &found, &names);
	action = find_action(find, found.number);
	operand = found.flags >> FOUND_OPERAND_SHIFT;
	if (!action || record->bad || operand >= command->operand_count)
		return -EPROTO;
	if (find->json) {
		found_json(json_list_next(), &found, &names);
		return 0;
	}
	if (action->test != find_printf && action->test != find_ls)
		return -EPROTO;
	label = operand_label(command, &command->operands[operand]);
	if (!label)
		return -ENOMEM;
	find_put(action, &found, &names, strlen(label));
	free(label);
	return 0;
}

static int record(struct session *session, struct wire_record *record)
{
	const struct find *find = session->command->own;
	int error = record->type == WIRE_MATCH	 ? record_name(find, record)
		    : record->type == WIRE_FOUND ? record_file(session, record)
		    : record->type == WIRE_QUIT	 ? record_quit(session)
						 : -EPROTO;

	return !error && ferror(stdout) ? -EIO : error;
}

static void finish(struct session *session)
{
	const struct find *find = session->command->own;

	if (find->json && session->finished)
		json_list_end();
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "what is printed, as JSON with all that is known", option_true,
	  offsetof(struct find, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus find disk.img:/etc -name '*.conf'", "by name" },
	{ "rumpus find disk.img -type f -size +10M -mtime -7 -ls", "large files of the last week" },
	{ "rumpus find disk.img -name '*.tmp' -print0 | xargs -0 rumpus rm", "something done with each" },
	{ "rumpus find disk.img:/var/cache -mindepth 1 -delete", "all that is below" },
	{ 0 },
};

const struct subcommand subcommand_find = {
	.name = "find",
	.arguments = "IMAGE[:/PATH]... [EXPRESSION]",
	.summary = "find files by name, type, size, times, owners and more",
	.help = "EXPRESSION, as of find(1): tests and actions, joined by -a (or nothing), -o, -not (or !), \",\" and ( ).\n"
		"  names    -name -iname PATTERN; -path -ipath PATTERN: of the whole path in the image; -lname -ilname PATTERN\n"
		"  kinds    -type f,d,l,b,c,p,s; -empty; -links -inum [+-]N; -samefile FILE; -xattr PATTERN\n"
		"  sizes    -size [+-]N[cwbkMG]\n"
		"  times    -amin -cmin -mmin [+-]MINUTES; -atime -ctime -mtime [+-]DAYS; -newer -anewer -cnewer FILE;\n"
		"           -newerXY FILE or, with t as Y, DATE; FILE is IMAGE:/PATH or a file of the host\n"
		"  owners   -user -group NAME (of the image's own), -uid -gid [+-]N, -nouser, -nogroup, -perm [-/]MODE\n"
		"  where    -maxdepth -mindepth N; -xdev; -prune; -depth; -quit; -true; -false\n"
		"  actions  -print, -print0, -printf FORMAT, -ls, -delete. There is no -exec: -print0 | xargs -0 rumpus ...\n"
		"FORMAT has %p %P %f %h %H paths, %d depth, %y type, %s size, %b %k blocks, %i inode, %n links, %m %M mode,\n"
		"%u %U %g %G owners, %l target, %a %c %t times, %Ak %Bk %Ck %Tk the same by a letter k of strftime(3) or @.",
	.options = options,
	.options_size = sizeof(struct find),
	.ordered = true,
	.examples = examples,
	.each = true,
	.paths = paths_in_turns,
	.prepare = prepare,
	.work = work,
	.record = record,
	.finish = finish,
};
