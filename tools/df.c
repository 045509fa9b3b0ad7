// SPDX-License-Identifier: BSD-2-Clause
/* rumpus df: how much space file systems in images have */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "place.h"

struct df_options {
	bool human, inodes, json;
};

#define COLUMNS 6
#define TEXT_MAX 24

/* One line, kept until all widths are known. */
struct row {
	char *name;
	char cells[COLUMNS - 1][TEXT_MAX];
};

struct table {
	struct row *rows;
	size_t count;
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

static struct row *add_row(struct table *table)
{
	struct row *rows = realloc(table->rows, (table->count + 1) * sizeof(*rows));

	if (!rows)
		abort();
	table->rows = rows;
	rows[table->count] = (struct row){ 0 };
	return &rows[table->count++];
}

static void cell_size(const struct df_options *options, uint64_t bytes, char cell[TEXT_MAX])
{
	if (options->human)
		text_size_short(bytes, cell, TEXT_MAX);
	else
		snprintf(cell, TEXT_MAX, "%llu", (unsigned long long)(bytes / 1024));
}

static void cell_count(uint64_t count, char cell[TEXT_MAX])
{
	snprintf(cell, TEXT_MAX, "%llu", (unsigned long long)count);
}

/* Rounded up, of what can be used at all. */
static void cell_share(uint64_t used, uint64_t available, char cell[TEXT_MAX])
{
	double share = used + available ? (double)used * 100 / (double)(used + available) : 0;
	unsigned int whole = (unsigned int)share;

	if (used + available)
		snprintf(cell, TEXT_MAX, "%u%%", whole + (share > whole));
	else
		snprintf(cell, TEXT_MAX, "-");
}

static void fill(const struct df_options *options, struct row *row, const struct place *place, const char *type)
{
	snprintf(row->cells[0], TEXT_MAX, "%s", *type ? type : "-");
	for (unsigned int i = 1; i < COLUMNS - 1 && !place->mounted; i++)
		strcpy(row->cells[i], "-");
	if (!place->mounted)
		return;
	if (options->inodes) {
		cell_count(place->files, row->cells[1]);
		cell_count(place->files_used, row->cells[2]);
		cell_count(place->files - place->files_used, row->cells[3]);
		cell_share(place->files_used, place->files - place->files_used, row->cells[4]);
		return;
	}
	cell_size(options, place->total, row->cells[1]);
	cell_size(options, place->used, row->cells[2]);
	cell_size(options, place->available, row->cells[3]);
	cell_share(place->used, place->available, row->cells[4]);
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
	json_bool(json, "mounted", place->mounted);
	if (place->mounted) {
		json_unsigned(json, "size", place->total);
		json_unsigned(json, "used", place->used);
		json_unsigned(json, "available", place->available);
		json_unsigned(json, "inodes", place->files);
		json_unsigned(json, "inodes_used", place->files_used);
	}
	json_close(json, '}');
}

static int record(struct session *session, struct wire_record *record)
{
	const struct command *command = session->command;
	const struct df_options *options = command->own;
	struct table *table = session->state;
	struct place_names names;
	struct place place;
	struct row *row;

	if (record->type != WIRE_PLACE)
		return -EPROTO;
	place_get(record, &place, &names);
	if (record->bad || place.image >= command->image_count)
		return -EPROTO;
	/* Why was told already. */
	if (!place.number && !place.mounted)
		return 0;
	if (options->json) {
		print_json(command->images[place.image].path, &place, &names);
		return 0;
	}
	if (!table)
		table = session->state = calloc(1, sizeof(*table));
	if (!table || table->count > IMAGES_MAX * PARTITIONS_MAX)
		return table ? -EPROTO : -ENOMEM;
	row = add_row(table);
	if (asprintf(&row->name, place.number ? "%s p%u" : "%s", command->images[place.image].path, place.number) < 0)
		abort();
	text_clean(row->name);
	fill(options, row, &place, names.type);
	text_clean(row->cells[0]);
	return 0;
}

static void print(const struct df_options *options, const struct table *table)
{
	const char *const heads[COLUMNS] = {
		"Image",
		"Type",
		options->inodes	 ? "Inodes"
		: options->human ? "Size"
				 : "1K-blocks",
		options->inodes ? "IUsed" : "Used",
		options->inodes ? "IFree" : "Available",
		options->inodes ? "IUse%" : "Use%",
	};
	int widths[COLUMNS];

	for (unsigned int column = 0; column < COLUMNS; column++) {
		widths[column] = (int)strlen(heads[column]);
		for (size_t i = 0; i < table->count; i++) {
			const char *text = column ? table->rows[i].cells[column - 1] : table->rows[i].name;

			if ((int)strlen(text) > widths[column])
				widths[column] = (int)strlen(text);
		}
	}
	for (size_t i = 0; i <= table->count; i++) {
		const struct row *row = i ? &table->rows[i - 1] : NULL;

		for (unsigned int column = 0; column < COLUMNS; column++) {
			const char *text = !row ? heads[column] : column ? row->cells[column - 1] : row->name;

			printf("%s%*s", column ? " " : "", column < 2 ? -widths[column] : widths[column], text);
		}
		putchar('\n');
	}
}

static void finish(struct session *session)
{
	const struct df_options *options = session->command->own;
	struct table *table = session->state;

	if (options->json && session->finished)
		json_list_end();
	if (table && session->finished)
		print(options, table);
	while (table && table->count)
		free(table->rows[--table->count].name);
	if (table)
		free(table->rows);
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
	.options = options,
	.options_size = sizeof(struct df_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.unmounted = true,
	.record = record,
	.finish = finish,
};
