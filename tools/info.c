// SPDX-License-Identifier: BSD-2-Clause
/* rumpus info: what an image holds */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <rumpus/hyp_blk.h>
#include <rumpus/rumpus.h>

#include "../sandbox/sandbox.h"
#include "command.h"
#include "foreign.h"
#include "json.h"
#include "place.h"
#include "table.h"

/* The first fact of each image */
#define IMAGE_FACT "Image"

struct info_options {
	bool json;
};

/* What a fact is beside its text. */
struct fact {
	uint64_t number;
	uint32_t has_number, padding;
};

/* A place and its texts, kept until all are there. */
struct kept {
	struct place place;
	struct place_names names;
};

/* The parent's. */
struct info_state {
	struct kept places[PARTITIONS_MAX + 1];
	unsigned int count;
	bool began; /* something was printed */
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc)
		return usage_error(command, "info about which image?");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static void send_fact(struct worker *worker, const char *name, const char *value, const struct fact *fact)
{
	/* A failure to send shows itself at the last record at the latest. */
	if (!*value || wire_begin(&worker->wire, WIRE_FACT, strlen(name) + strlen(value) + sizeof(*fact) + 16))
		return;
	wire_put(&worker->wire, fact, sizeof(*fact));
	wire_put_string(&worker->wire, name);
	wire_put_string(&worker->wire, value);
	wire_end(&worker->wire, -1);
}

static void tell(struct worker *worker, const char *name, const char *value)
{
	const struct fact fact = { 0 };

	send_fact(worker, name, value, &fact);
}

static void tell_size(struct worker *worker, const char *name, uint64_t bytes)
{
	const struct fact fact = { .number = bytes, .has_number = true };
	char size[32], value[80];

	snprintf(value, sizeof(value), "%s (%llu bytes)", text_size(bytes, size, sizeof(size)),
		 (unsigned long long)bytes);
	send_fact(worker, name, value, &fact);
}

static void tell_sector(struct worker *worker, unsigned int bytes)
{
	const struct fact fact = { .number = bytes, .has_number = true };
	char value[32];

	snprintf(value, sizeof(value), "%u bytes", bytes);
	send_fact(worker, "Sector size", value, &fact);
}

/* A format is only what nothing else is found in: an archive may be part of a file system. */
static const struct foreign *packed(const struct image *image, const struct probe_table *table)
{
	struct probe probe;

	return *table->type || !probe_place(image, 0, 0, &probe) ? NULL : foreign_format(image);
}

static void tell_image(struct worker *worker, const struct image *image)
{
	const struct foreign *format;
	struct probe_table table;
	int error = probe_partitions(image, &table);

	format = packed(image, &table);
	tell(worker, IMAGE_FACT, image->file);
	tell(worker, "Format", format ? format->type : image->is_device ? "block device" : "raw");
	tell_size(worker, "Size", image->size);
	if (error)
		return;
	tell(worker, "Partition table", table.type);
	tell(worker, "Table UUID", table.uuid);
	tell_sector(worker, probe_sector(image));
}

static void tell_means(struct worker *worker, const struct image *image)
{
	unsigned int layers = atomic_load(&worker->shared->layers);
	char text[512] = "";
	size_t used = 0;

	tell(worker, "Kernel", rumpus_version(worker->kernel));
	image->disk->ops->describe(image->disk, text, sizeof(text));
	tell(worker, "Engine", text);
	for (unsigned int i = 0; i < SANDBOX_LAYERS; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s", i ? ", " : "",
					 layers & (1U << i) ? "" : "no ", sandbox_layer_name(i));
	}
	tell(worker, "Sandbox", text);
}

static int work(struct worker *worker)
{
	struct image *image = &worker->command->images[0];
	int error;

	tell_image(worker, image);
	error = places_send(worker, image, 0);
	if (!error)
		tell_means(worker, image);
	return error;
}

/* Parent */

/* Types of partitions that people know; others are shown by their number. */
static const char *type_name(const char *type)
{
	static const struct {
		const char *type, *name;
	} types[] = {
		{ "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux" },
		{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)" },
		{ "b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM64)" },
		{ "933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home" },
		{ "bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux boot" },
		{ "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap" },
		{ "e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM" },
		{ "a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID" },
		{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system" },
		{ "21686148-6449-6e6f-744e-656564454649", "BIOS boot" },
		{ "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Microsoft data" },
		{ "0x83", "Linux" },
		{ "0x82", "Linux swap" },
		{ "0x8e", "Linux LVM" },
		{ "0xfd", "Linux RAID" },
		{ "0xef", "EFI system" },
		{ "0x07", "NTFS or exFAT" },
		{ "0x0b", "FAT32" },
		{ "0x0c", "FAT32" },
		{ "0x0e", "FAT16" },
		{ "0x06", "FAT16" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!strcasecmp(types[i].type, type))
			return types[i].name;
	}
	return type;
}

/* "LUKS encryption, version 2" rather than "crypto_LUKS". Return: @text */
static const char *contents_name(const struct place_names *names, char *text, size_t size)
{
	const struct foreign *foreign = foreign_type(names->type);

	if (foreign)
		return foreign_name(foreign, names->version, text, size);
	snprintf(text, size, "%s", *names->type ? names->type : "none known");
	return text;
}

static void print_fact(const char *name, const char *value)
{
	char label[64], clean[1100];

	snprintf(label, sizeof(label), "%s:", name);
	snprintf(clean, sizeof(clean), "%s", value);
	if (*value)
		printf("%-17s %s\n", text_clean(label), text_clean(clean));
}

static void print_space(const struct place *place)
{
	char used[32], rest[32], all[32], text[160];

	if (!place->mounted)
		return;
	snprintf(text, sizeof(text), "%s used, %s free of %s, in blocks of %u bytes",
		 text_size(place->used, used, sizeof(used)), text_size(place->available, rest, sizeof(rest)),
		 text_size(place->total, all, sizeof(all)), place->block);
	print_fact("Space", text);
	snprintf(text, sizeof(text), "%llu used, %llu free", (unsigned long long)place->files_used,
		 (unsigned long long)(place->files - place->files_used));
	if (place->files)
		print_fact("Files", text);
}

/* The whole image, or the partition that was asked for. */
static void print_one(const struct kept *kept)
{
	const struct place *place = &kept->place;
	const struct place_names *names = &kept->names;
	char text[1024], size[32];

	if (place->number) {
		snprintf(text, sizeof(text), "%u, %s at %llu, %s%s%s", place->number,
			 text_size(place->size, size, sizeof(size)), (unsigned long long)place->offset,
			 type_name(names->partition_type), *names->partition_name ? ", name " : "",
			 names->partition_name);
		print_fact("Partition", text);
		print_fact("Partition UUID", names->partition_uuid);
	}
	if (foreign_type(names->type)) {
		print_fact("Holds", contents_name(names, text, sizeof(text)));
	} else {
		snprintf(text, sizeof(text), "%s%s%s", names->type, *names->version ? ", version " : "",
			 names->version);
		print_fact("File system", text);
	}
	print_fact("Not mounted", names->reason);
	print_fact("Label", names->label);
	print_fact("UUID", names->uuid);
	print_space(place);
}

/* Why nothing is used in some of the partitions. */
static void print_reasons(const struct info_state *state)
{
	char name[32];
	bool some = false;

	for (const struct kept *kept = state->places; kept < state->places + state->count; kept++) {
		if (kept->place.mounted || !*kept->names.reason)
			continue;
		snprintf(name, sizeof(name), "Not mounted, %u", kept->place.number);
		print_fact(name, kept->names.reason);
		some = true;
	}
	if (some)
		putchar('\n');
}

static void print_table(const struct info_state *state)
{
	static const struct table_column columns[] = {
		{ "#", true },	    { "Start", true }, { "Size", true },  { "Used", true },  { "Holds", false },
		{ "Label", false }, { "Name", false }, { "Type", false }, { "UUID", false }, { 0 },
	};
	struct table table = { .columns = columns, .gap = 2 };
	char size[32], contents[128];

	for (const struct kept *kept = state->places; kept < state->places + state->count; kept++) {
		const struct place *place = &kept->place;
		const struct place_names *names = &kept->names;

		table_add(&table, place->number ? "%u" : "all", place->number);
		table_add(&table, "%s", text_size(place->offset, size, sizeof(size)));
		table_add(&table, "%s", text_size(place->size, size, sizeof(size)));
		table_add(&table, "%s", place->mounted ? text_size(place->used, size, sizeof(size)) : "");
		table_add(&table, "%s", contents_name(names, contents, sizeof(contents)));
		table_add(&table, "%s", *names->label ? names->label : "-");
		table_add(&table, "%s", *names->partition_name ? names->partition_name : "-");
		table_add(&table, "%s", *names->partition_type ? type_name(names->partition_type) : "-");
		table_add(&table, "%s", *names->uuid ? names->uuid : "-");
	}
	putchar('\n');
	table_print(&table);
	putchar('\n');
	table_free(&table);
	print_reasons(state);
}

static void json_text(struct json *json, const char *name, const char *text)
{
	if (*text)
		json_string(json, name, text);
}

static void json_place(struct json *json, const struct kept *kept)
{
	const struct place *place = &kept->place;
	const struct place_names *names = &kept->names;

	json_line(json);
	json_open(json, NULL, '{');
	if (place->number)
		json_unsigned(json, "number", place->number);
	json_unsigned(json, "offset", place->offset);
	json_unsigned(json, "size", place->size);
	json_text(json, "partition_type", names->partition_type);
	json_text(json, "partition_name", names->partition_name);
	json_text(json, "partition_uuid", names->partition_uuid);
	json_text(json, "file_system", names->type);
	json_text(json, "version", names->version);
	json_text(json, "label", names->label);
	json_text(json, "uuid", names->uuid);
	json_text(json, "reason", names->reason);
	place_json(json, place, "total");
	json_close(json, '}');
}

static void free_names(struct place_names *names)
{
	free((char *)names->type);
	free((char *)names->version);
	free((char *)names->label);
	free((char *)names->uuid);
	free((char *)names->partition_type);
	free((char *)names->partition_name);
	free((char *)names->partition_uuid);
	free((char *)names->reason);
}

/* All places have come. */
static void print_places(const struct session *session, struct info_state *state)
{
	const struct info_options *options = session->command->own;

	if (options->json && state->count) {
		json_open(json_document(), "places", '[');
		for (unsigned int i = 0; i < state->count; i++)
			json_place(json_document(), &state->places[i]);
		json_close(json_document(), ']');
	} else if (state->count == 1 &&
		   (!state->places[0].place.number || image_partition(session->command, session->command->images))) {
		print_one(&state->places[0]);
	} else if (state->count) {
		print_table(state);
	}
	while (state->count)
		free_names(&state->places[--state->count].names);
}

static int take_place(struct info_state *state, struct wire_record *record)
{
	struct kept *kept = &state->places[state->count];
	struct place_names names;

	if (state->count > PARTITIONS_MAX)
		return -EPROTO;
	place_get(record, &kept->place, &names);
	if (record->bad)
		return -EPROTO;
	kept->names = (struct place_names){
		.type = strdup(names.type),
		.version = strdup(names.version),
		.label = strdup(names.label),
		.uuid = strdup(names.uuid),
		.partition_type = strdup(names.partition_type),
		.partition_name = strdup(names.partition_name),
		.partition_uuid = strdup(names.partition_uuid),
		.reason = strdup(names.reason),
	};
	state->count++;
	return 0;
}

/* "Partition table" becomes "partition_table". */
static void json_fact(const char *name, const char *value, const struct fact *fact)
{
	char key[64];

	snprintf(key, sizeof(key), "%s", name);
	for (char *at = key; *at; at++)
		*at = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '_';
	json_line(json_document());
	if (fact->has_number)
		json_unsigned(json_document(), key, fact->number);
	else
		json_string(json_document(), key, value);
}

/* One image after the other: an empty line between them, or an object for each. */
static void begin_image(const struct session *session, struct info_state *state)
{
	const struct info_options *options = session->command->own;

	if (state->began && options->json)
		json_document_end();
	else if (state->began)
		putchar('\n');
	state->began = true;
}

static int record(struct session *session, struct wire_record *record)
{
	const struct info_options *options = session->command->own;
	struct info_state *state = session->state;
	const char *name, *value;
	struct fact fact;

	if (!state)
		state = session->state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	if (record->type == WIRE_PLACE)
		return take_place(state, record);
	if (record->type != WIRE_FACT)
		return -EPROTO;
	print_places(session, state);
	wire_get(record, &fact, sizeof(fact));
	name = wire_get_string(record);
	value = wire_get_string(record);
	if (record->bad)
		return -EPROTO;
	if (!strcmp(name, IMAGE_FACT))
		begin_image(session, state);
	if (options->json)
		json_fact(name, value, &fact);
	else
		print_fact(name, value);
	return ferror(stdout) ? -EIO : 0;
}

static void finish(struct session *session)
{
	const struct info_options *options = session->command->own;
	struct info_state *state = session->state;

	if (state)
		print_places(session, state);
	if (options->json && session->finished && (!state || state->began))
		json_document_end();
	free(state);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "as JSON, an object for each image", option_true, offsetof(struct info_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus info disk.img", "what is in this file?" },
	{ "rumpus info -p root disk.img", "only its partition \"root\"" },
	{ "rumpus info --json *.img | jq .places", "for programs, of several images" },
	{ 0 },
};

const struct subcommand subcommand_info = {
	.name = "info",
	.arguments = "IMAGE...",
	.summary = "show what an image holds",
	.options = options,
	.options_size = sizeof(struct info_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.apart = true,
	.unmounted = true,
	.record = record,
	.finish = finish,
};
