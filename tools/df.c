// SPDX-License-Identifier: BSD-2-Clause
/* rumpus df: how much space file systems in images have */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "json.h"
#include "place.h"
#include "table.h"

struct df_options {
	bool human, inodes, json;
};

/* Sizes or numbers of files */
static const struct table_column in_blocks[] = {
	{ "Image", false },
	{ "Type", false },
	{ "1K-blocks", true },
	{ "Used", true },
	{ "Available", true },
	{ "Use%", true },
	{ 0 },
};
static const struct table_column for_people[] = {
	{ "Image", false },
	{ "Type", false },
	{ "Size", true },
	{ "Used", true },
	{ "Available", true },
	{ "Use%", true },
	{ 0 },
};
static const struct table_column in_files[] = {
	{ "Image", false },
	{ "Type", false },
	{ "Inodes", true },
	{ "IUsed", true },
	{ "IFree", true },
	{ "IUse%", true },
	{ 0 },
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc && !command->directory)
		return usage_error(command, "the space of which image?");
	if (!argc) /* the image of the shell */
		return operands_take(command, 1, (char *[]){ ".", NULL }, OPERAND_IMAGE);
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static int work(struct worker *worker)
{
	struct command *command = worker->command;
	int error = 0;

	for (unsigned int i = 0; i < command->image_count && !error; i++)
		error = places_send(worker, &command->images[i], i);
	return error;
}

static void add_size(struct table *table, const struct df_options *options, uint64_t bytes)
{
	char size[32];

	if (options->human)
		table_add(table, "%s", text_size_short(bytes, size, sizeof(size)));
	else
		table_add(table, "%llu", (unsigned long long)(bytes / 1024));
}

/* Rounded up, of what can be used at all. */
static void add_share(struct table *table, uint64_t used, uint64_t available)
{
	double share = used + available ? (double)used * 100 / (double)(used + available) : 0;
	unsigned int whole = (unsigned int)share;

	if (used + available)
		table_add(table, "%u%%", whole + (share > whole));
	else
		table_add(table, "-");
}

static void add_row(struct table *table, const struct command *command, const struct place *place, const char *type)
{
	const struct df_options *options = command->own;
	uint64_t free_files = place->files - place->files_used;

	table_add(table, place->number ? "%s@%u" : "%s", command->images[place->image].file, place->number);
	table_add(table, "%s", type);
	if (options->inodes) {
		table_add(table, "%llu", (unsigned long long)place->files);
		table_add(table, "%llu", (unsigned long long)place->files_used);
		table_add(table, "%llu", (unsigned long long)free_files);
		add_share(table, place->files_used, free_files);
		return;
	}
	add_size(table, options, place->total);
	add_size(table, options, place->used);
	add_size(table, options, place->available);
	add_share(table, place->used, place->available);
}

static void print_json(const char *image, const struct place *place, const struct place_names *names)
{
	struct json *json = json_list_next();

	json_open(json, NULL, '{');
	json_string(json, "image", image);
	if (place->number)
		json_unsigned(json, "partition", place->number);
	if (*names->type)
		json_string(json, "type", names->type);
	if (*names->reason)
		json_string(json, "reason", names->reason);
	place_json(json, place, "size");
	json_close(json, '}');
}

static int record(struct session *session, struct wire_record *record)
{
	const struct command *command = session->command;
	const struct df_options *options = command->own;
	struct table *table = session->state;
	const struct image *image;
	struct place_names names;
	struct place place;
	char path[4200];

	if (record->type != WIRE_PLACE)
		return -EPROTO;
	place_get(record, &place, &names);
	if (record->bad || place.image >= command->image_count)
		return -EPROTO;
	image = &command->images[place.image];
	/* Of the only one, why was told already. */
	if (!place.mounted && (!place.number || image_partition(command, image)))
		return 0;
	if (!place.mounted && *names.type && !foreign_type(names.type)) {
		snprintf(path, sizeof(path), "%s@%u", image->file, place.number);
		report_error(session->report, path_tail(path), "%s", names.reason);
	}
	if (options->json) {
		print_json(image->file, &place, &names);
		return 0;
	}
	if (!place.mounted)
		return 0;
	if (!table)
		table = session->state = calloc(1, sizeof(*table));
	if (!table ||
	    table->count > (IMAGES_MAX + command->turn_count) * PARTITIONS_MAX * (sizeof(in_files) / sizeof(*in_files)))
		return table ? -EPROTO : -ENOMEM;
	table->columns = options->inodes ? in_files : options->human ? for_people : in_blocks;
	table->gap = 1;
	add_row(table, command, &place, names.type);
	return 0;
}

static void finish(struct session *session)
{
	const struct df_options *options = session->command->own;
	struct table *table = session->state;

	if (options->json && session->finished)
		json_list_end();
	if (table && session->finished)
		table_print(table);
	if (table)
		table_free(table);
	free(table);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ 'h', "human-readable", NULL, "sizes for people", option_true, offsetof(struct df_options, human) },
	{ 'i', "inodes", NULL, "numbers of files instead of space", option_true, offsetof(struct df_options, inodes) },
	{ 0, "json", NULL, "as JSON", option_true, offsetof(struct df_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus df -h disk.img", "of its file system, or of all its partitions" },
	{ "rumpus df -i -p 2 *.img", "files, in the second partition of each" },
	{ 0 },
};

const struct subcommand subcommand_df = {
	.name = "df",
	.arguments = "IMAGE...",
	.summary = "tell how much space file systems have left, in KiB",
	.help = "Of several images, those that cannot be opened or mounted are told of, and the others are looked at.",
	.options = options,
	.options_size = sizeof(struct df_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.unmounted = true,
	.each = true,
	.apart = true,
	.record = record,
	.finish = finish,
};
