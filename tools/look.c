// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: look at a path in an image, or for its partitions, for the shell and for completion */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "foreign.h"
#include "look.h"
#include "place.h"

#define NAMES_SIZE (32U << 10)
/* Names that the parent takes; a worker that sends more is stopped. */
#define NAMES_MAX (4U << 20)

static int prepare(struct command *command, int argc, char **argv)
{
	if (argc != 1)
		return usage_error(command, "look at one path");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* ---- the worker ---- */

static int send_name(struct worker *worker, const char *name, uint32_t mode)
{
	int error = wire_begin(&worker->wire, WIRE_NAME, strlen(name) + 16);

	if (error)
		return error;
	wire_put_u32(&worker->wire, mode);
	wire_put_string(&worker->wire, name);
	return wire_end(&worker->wire, -1);
}

/* Where a directory does not tell, and for links to directories, which are as good as those. */
static uint32_t examine(int dir, const struct fs_dirent *dirent)
{
	struct statx st;

	if (dirent->type != DT_UNKNOWN && dirent->type != DT_LNK)
		return DTTOIF(dirent->type);
	if (fs_image.call(SYS_statx, dir, (long)dirent->name, 0, STATX_TYPE, (long)&st, 0) || !S_ISDIR(st.stx_mode))
		return fs_statx(&fs_image, dir, dirent->name, &st) ? 0 : st.stx_mode & S_IFMT;
	return S_IFDIR;
}

static int send_names(struct worker *worker, int dir)
{
	struct fs_reading reading = { 0 };
	char *names = malloc(NAMES_SIZE);
	long size = names ? 1 : -ENOMEM, error = 0;

	while (size > 0 && !error) {
		size = stop_requested() ? -EINTR : fs_read_dir(&fs_image, dir, &reading, names, NAMES_SIZE);
		for (long at = 0; at < size && !error;) {
			const struct fs_dirent *dirent = (const void *)(names + at);

			at += dirent->size;
			if (!fs_is_dots(dirent->name))
				error = send_name(worker, dirent->name, examine(dir, dirent));
		}
	}
	free(names);
	return (int)(error ? error : size);
}

static int work(struct worker *worker)
{
	const struct operand *operand = &worker->command->operands[0];
	const struct look_options *options = worker->command->own;
	int flags = options->names ? O_RDONLY | O_DIRECTORY : O_PATH | (options->link ? O_NOFOLLOW : 0);
	long fd = worker_open(operand->image, operand->path, flags);
	struct statx st;
	int error;

	if (fd < 0)
		return fd == -EINTR || fd == -ESHUTDOWN ? (int)fd : 0;
	error = (int)fs_statx(&fs_image, (int)fd, "", &st);
	if (!error)
		error = send_name(worker, "", st.stx_mode);
	if (!error && options->names)
		error = send_names(worker, (int)fd);
	fs_close(&fs_image, (int)fd);
	return error == -EINTR || error == -ESHUTDOWN ? error : 0;
}

/* ---- the parent ---- */

static int add_name(struct look *look, const char *text, const char *note, uint32_t mode)
{
	if (look->count == look->room) {
		size_t room = 2 * look->room + 64;
		struct look_name *names = realloc(look->names, room * sizeof(*names));

		if (!names)
			return -ENOMEM;
		look->names = names;
		look->room = room;
	}
	look->names[look->count] = (struct look_name){
		.text = strdup(text),
		.note = note ? strdup(note) : NULL,
		.mode = mode & S_IFMT,
	};
	if (!look->names[look->count].text) {
		free(look->names[look->count].note);
		return -ENOMEM;
	}
	look->count++;
	return 0;
}

static int record(struct session *session, struct wire_record *record)
{
	struct look *look = ((struct look_options *)session->command->own)->look;
	uint32_t mode;
	const char *name;

	if (record->type != WIRE_NAME || !look)
		return -EPROTO;
	mode = wire_get_u32(record);
	name = wire_get_string(record);
	if (record->bad)
		return -EPROTO;
	if (!look->found) {
		look->found = true;
		look->mode = mode;
		return *name ? -EPROTO : 0;
	}
	if (!fs_name_is_entry(name) || look->count == NAMES_MAX)
		return -EPROTO;
	return add_name(look, name, NULL, mode);
}

void look_free(struct look *look)
{
	while (look->count) {
		free(look->names[--look->count].text);
		free(look->names[look->count].note);
	}
	free(look->names);
	*look = (struct look){ 0 };
}

static const struct option_rule options[] = {
	{ 'd', NULL, NULL, "what is in the directory", option_true, offsetof(struct look_options, names) },
	{ 'l', NULL, NULL, "follow no symbolic link", option_true, offsetof(struct look_options, link) },
	{ 0 },
};

const struct subcommand subcommand_look = {
	.name = LOOK_WORD,
	.arguments = "IMAGE[:/PATH]",
	.summary = "look at a path, for the shell and for completion",
	.hidden = true,
	.options = options,
	.options_size = sizeof(struct look_options),
	.prepare = prepare,
	.work = work,
	.record = record,
};

/* ---- partitions ---- */

static int work_parts(struct worker *worker)
{
	int result = places_list(worker, &worker->command->images[0], 0);

	return result < 0 ? result : 0;
}

static int record_part(struct session *session, struct wire_record *record)
{
	struct look *look = ((struct look_options *)session->command->own)->look;
	char number[16], note[512], size[32], contents[128];
	const struct foreign *foreign;
	struct place_names names;
	struct place place;
	int error;

	if (record->type != WIRE_PLACE || !look || look->count >= 2 * PARTITIONS_MAX)
		return -EPROTO;
	place_get(record, &place, &names);
	if (record->bad)
		return -EPROTO;
	foreign = foreign_type(names.type);
	snprintf(note, sizeof(note), "%s, %s%s%.128s",
		 foreign	? foreign_name(foreign, names.version, contents, sizeof(contents))
		 : *names.type ? names.type
			       : "no file system",
		 text_size(place.size, size, sizeof(size)), *names.partition_name ? ", " : "", names.partition_name);
	snprintf(number, sizeof(number), "%u", place.number);
	error = add_name(look, number, text_clean(note), 0);
	/* What a shell or an address would take for something else is left to its number. */
	if (!error && *names.partition_name && !strpbrk(names.partition_name, "/:@"))
		error = add_name(look, names.partition_name, note, 0);
	look->found = true;
	return error;
}

const struct subcommand subcommand_parts = {
	.name = LOOK_PARTS_WORD,
	.arguments = "IMAGE",
	.summary = "look for partitions, for completion",
	.hidden = true,
	.options = options,
	.options_size = sizeof(struct look_options),
	.prepare = prepare,
	.work = work_parts,
	.unmounted = true,
	.record = record_part,
};
