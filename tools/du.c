// SPDX-License-Identifier: BSD-2-Clause
/* rumpus du: how much space files in images take */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"
#include "tree.h"

struct du_options {
	char unit; /* letter of the option; 0: as k */
	bool all, apparent, bytes, human, inodes, json, links, one_fs, summary, total, zero;
	struct option_number depth;
};

/* What travels of a file or directory with all below it. */
struct usage {
	uint64_t bytes, inodes;
	uint32_t depth, padding;
};

_Static_assert(sizeof(struct usage) == 24, "records of the wire have no padding");

/* The worker's: sums of the directories that are open, by depth. */
struct sums {
	struct usage levels[VISIT_DEPTH_MAX + 2];
	struct tree_links *links;
};

static int prepare(struct command *command, int argc, char **argv)
{
	struct du_options *options = command->own;

	if (!argc)
		return usage_error(command, "the space that what takes?");
	if (options->summary && options->all)
		return usage_error(command, "-s and -a exclude each other");
	if (options->summary && options->depth.given && options->depth.value)
		return usage_error(command, "-s and -d exclude each other");
	options->apparent |= options->bytes;
	if (options->summary)
		options->depth = (struct option_number){ .given = true };
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static int send_usage(struct worker *worker, const char *path, struct usage *usage, unsigned int depth)
{
	int error;

	usage->depth = depth;
	path = strlen(path) < WIRE_PACKET_MAX / 2 ? path : path_tail(path);
	error = wire_begin(&worker->wire, WIRE_USAGE, sizeof(*usage) + strlen(path) + 8);
	if (error)
		return error;
	wire_put(&worker->wire, usage, sizeof(*usage));
	wire_put_string(&worker->wire, path);
	return wire_end(&worker->wire, -1);
}

static void add(struct usage *to, const struct usage *from)
{
	to->bytes += from->bytes;
	to->inodes += from->inodes;
}

/* A file with several names counts where it is met first. */
static bool counted(const struct du_options *options, struct sums *sums, const struct visit_file *file)
{
	struct tree_meta meta;
	bool first = true;

	if (options->links || file->type == DT_DIR || file->st.stx_nlink < 2)
		return false;
	tree_meta_from(&meta, &file->st);
	return tree_links_number(sums->links, &meta, &first) && !first;
}

/* To be shown, and to be added to the directory that it is in. */
static int conclude(struct visit *visit, struct visit_file *file)
{
	const struct du_options *options = visit->worker->command->own;
	struct sums *sums = visit->arg;
	struct usage *usage = &sums->levels[file->depth];

	if (file->depth)
		add(usage - 1, usage);
	if (file->depth && file->type != DT_DIR && !options->all)
		return 0;
	if (options->depth.given && file->depth > options->depth.value)
		return 0;
	return send_usage(visit->worker, visit->path.text, usage, file->depth);
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct du_options *options = visit->worker->command->own;
	struct sums *sums = visit->arg;
	int error = visit_examine(visit, file);

	if (error || (options->one_fs && visit_crosses(visit, file)) || counted(options, sums, file))
		return error < 0 ? error : VISIT_SKIP;
	sums->levels[file->depth] = (struct usage){
		.bytes = options->apparent ? file->st.stx_size : file->st.stx_blocks * 512,
		.inodes = 1,
	};
	/* As du(1) has it: what a directory's own size means differs between file systems. */
	if (options->apparent && file->type != DT_REG && file->type != DT_LNK)
		sums->levels[file->depth].bytes = 0;
	return file->type == DT_DIR ? VISIT_ENTER : conclude(visit, file);
}

static int work(struct worker *worker)
{
	struct sums *sums = calloc(1, sizeof(*sums));
	struct visit visit = {
		.worker = worker,
		.enter = enter,
		.leave = conclude,
		.arg = sums,
	};
	int error;

	if (!sums)
		return -ENOMEM;
	sums->links = tree_links_new();
	error = sums->links ? visit_operands(&visit, 0) : -ENOMEM;
	tree_links_free(sums->links);
	free(sums);
	return error;
}

static void print(const struct du_options *options, const struct usage *usage, const char *path)
{
	const uint64_t unit = options->unit == 'm' ? 1U << 20 : 1U << 10;
	char size[32];

	if (options->inodes)
		printf("%llu", (unsigned long long)usage->inodes);
	else if (options->human)
		fputs(text_size_short(usage->bytes, size, sizeof(size)), stdout);
	else if (options->bytes)
		printf("%llu", (unsigned long long)usage->bytes);
	else
		printf("%llu", (unsigned long long)(usage->bytes / unit + !!(usage->bytes % unit)));
	putchar('\t');
	text_put(path);
	putchar(options->zero ? 0 : '\n');
}

static int show(const struct du_options *options, const struct usage *usage, const char *label, const char *text)
{
	struct json *json;

	if (!options->json) {
		print(options, usage, text);
		return ferror(stdout) ? -EIO : 0;
	}
	json = json_list_next();
	json_open(json, NULL, '{');
	json_string(json, label, text);
	json_unsigned(json, options->apparent ? "size" : "allocated", usage->bytes);
	json_unsigned(json, "inodes", usage->inodes);
	json_unsigned(json, "depth", usage->depth);
	json_close(json, '}');
	return ferror(stdout) ? -EIO : 0;
}

/* What is shown at depth 0 are the operands, which the total is the sum of. */
static int record(struct session *session, struct wire_record *record)
{
	struct usage usage, *total = session->state;
	const char *path;

	if (!total)
		total = session->state = calloc(1, sizeof(*total));
	if (!total)
		return -ENOMEM;
	if (record->type != WIRE_USAGE)
		return -EPROTO;
	wire_get(record, &usage, sizeof(usage));
	path = wire_get_string(record);
	if (record->bad)
		return -EPROTO;
	if (!usage.depth)
		add(total, &usage);
	return show(session->command->own, &usage, "path", path);
}

static void finish(struct session *session)
{
	const struct du_options *options = session->command->own;
	const struct usage none = { 0 };

	if (options->total && session->finished)
		show(options, session->state ? session->state : &none, "name", "total");
	if (options->json && session->finished)
		json_list_end();
	free(session->state);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ '0', "null", NULL, "a zero byte after each line instead of a new line", option_true,
	  offsetof(struct du_options, zero) },
	{ 'a', "all", NULL, "files, too, not only directories", option_true, offsetof(struct du_options, all) },
	{ 0, "apparent-size", NULL, "sizes of files instead of what they take on disk", option_true,
	  offsetof(struct du_options, apparent) },
	{ 'b', "bytes", NULL, "--apparent-size, in bytes", option_true, offsetof(struct du_options, bytes) },
	{ 'c', "total", NULL, "a sum at the end", option_true, offsetof(struct du_options, total) },
	{ 'd', "max-depth", "DEPTH", "show no directory deeper than that", option_number,
	  offsetof(struct du_options, depth) },
	{ 'h', "human-readable", NULL, "sizes for people", option_true, offsetof(struct du_options, human) },
	{ 0, "inodes", NULL, "count files instead of space", option_true, offsetof(struct du_options, inodes) },
	{ 'k', NULL, NULL, "in KiB, as without it", option_letter, offsetof(struct du_options, unit) },
	{ 'm', NULL, NULL, "in MiB", option_letter, offsetof(struct du_options, unit) },
	{ 'l', "count-links", NULL, "count a file as often as it has names", option_true,
	  offsetof(struct du_options, links) },
	{ 's', "summarize", NULL, "only a sum for each argument", option_true, offsetof(struct du_options, summary) },
	{ 'x', "one-file-system", NULL, "leave out what is mounted below, and subvolumes", option_true,
	  offsetof(struct du_options, one_fs) },
	{ 0, "json", NULL, "as JSON", option_true, offsetof(struct du_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus du -sh disk.img", "how much it holds" },
	{ "rumpus du -h -d 1 disk.img:/var | sort -h", "what takes the space there" },
	{ 0 },
};

const struct subcommand subcommand_du = {
	.name = "du",
	.arguments = "IMAGE[:/PATH]...",
	.summary = "tell how much space files take, in KiB",
	.options = options,
	.options_size = sizeof(struct du_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.record = record,
	.finish = finish,
};
