// SPDX-License-Identifier: BSD-2-Clause
/* rumpus getfattr: extended attributes of files in images */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "xattr.h"

#define NAMES_MAX 65536U

struct getfattr_options {
	bool dump, links, recursive, only_values, absolute, json;
	const char *name, *match, *encoding_name;
	/* understood from these */
	enum xattr_encoding encoding;
	regex_t pattern;
	bool all;
};

/* The parent's: @path: of the file that lines were last written of */
struct getfattr_state {
	char *path;
};

static int prepare(struct command *command, int argc, char **argv)
{
	static const char *const names[] = { [XATTR_TEXT] = "text", [XATTR_HEX] = "hex", [XATTR_BASE64] = "base64" };
	struct getfattr_options *options = command->own;
	const char *match = options->match ? options->match : "^user\\.";

	if (!argc)
		return usage_error(command, "attributes of what?");
	for (unsigned int i = XATTR_TEXT; i <= XATTR_BASE64 && options->encoding_name; i++) {
		if (!strcmp(options->encoding_name, names[i]))
			options->encoding = (enum xattr_encoding)i;
	}
	if (options->encoding_name && !options->encoding)
		return usage_error(command, "-e \"%s\": give text, hex or base64", options->encoding_name);
	options->all = !strcmp(match, "-");
	if (!options->all && regcomp(&options->pattern, match, REG_EXTENDED | REG_NOSUB))
		return usage_error(command, "-m \"%s\" is no regular expression; \"-\" matches all names", match);
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* Worker */

static int send_attribute(struct visit *visit, const char *key, const void *value, size_t size)
{
	const struct getfattr_options *options = visit->worker->command->own;
	struct wire *wire = &visit->worker->wire;
	/* As in a dump of getfattr(1): paths start at the root, without its slash. */
	const char *path = options->json ? visit->path.text : visit_image_path(visit) + !options->absolute;
	int error;

	if (strlen(path) > WIRE_PACKET_MAX / 4)
		return visit_failed(visit, "cannot be shown", -ENAMETOOLONG);
	error = wire_begin(wire, WIRE_XATTR, strlen(path) + strlen(key) + size + 32);
	if (error)
		return error;
	wire_put_string(wire, *path ? path : ".");
	wire_put_string(wire, key);
	wire_put_blob(wire, value, size);
	return wire_end(wire, -1);
}

static int show_one(struct visit *visit, const struct xattr_place *place, const char *key)
{
	const struct getfattr_options *options = visit->worker->command->own;
	bool wanted = options->dump || options->name || options->only_values || options->json;
	char *value = wanted ? malloc(XATTR_VALUE_MAX) : NULL;
	long size = 0;
	int error;

	if (wanted && !value)
		return -ENOMEM;
	if (wanted)
		size = fs_xattr_get(&fs_image, place->fd, place->dir, *place->name ? place->name : ".", key, value,
				    XATTR_VALUE_MAX);
	if (size < 0) {
		report_error(&visit->worker->report, visit->path.text, "%s: %s", key,
			     size == -ENODATA ? "no such attribute" : report_errno(size));
		error = size == -EINTR || size == -ESHUTDOWN ? (int)size : 0;
	} else {
		error = send_attribute(visit, key, value, (size_t)size);
	}
	free(value);
	return error;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, of those that match. */
static int show_matching(struct visit *visit, const struct xattr_place *place, const char *names, long size)
{
	const struct getfattr_options *options = visit->worker->command->own;
	const char **list = calloc((size_t)size / 2 + 1, sizeof(*list));
	size_t count = 0;
	int error = list ? 0 : -ENOMEM;

	for (const char *name = names; list && name < names + size; name += strlen(name) + 1) {
		if (options->all || !regexec(&options->pattern, name, 0, NULL, 0))
			list[count++] = name;
	}
	if (count)
		qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count && !error; i++)
		error = show_one(visit, place, list[i]);
	free(list);
	return error;
}

static int show(struct visit *visit, const struct xattr_place *place)
{
	const struct getfattr_options *options = visit->worker->command->own;
	char *names;
	long size;
	int error;

	if (options->name)
		return show_one(visit, place, options->name);
	names = malloc(NAMES_MAX + 1);
	if (!names)
		return -ENOMEM;
	size = fs_xattr_list(&fs_image, place->fd, place->dir, *place->name ? place->name : ".", names, NAMES_MAX);
	if (size < 0) {
		error = size == -EOPNOTSUPP ? 0 : visit_failed(visit, "cannot list its extended attributes", size);
	} else {
		names[size] = 0;
		error = show_matching(visit, place, names, size);
	}
	free(names);
	return error;
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct getfattr_options *options = visit->worker->command->own;
	struct xattr_place place;
	int error = xattr_place(visit, file, options->links, &place);

	if (error)
		return error < 0 ? error : VISIT_SKIP;
	error = show(visit, &place);
	xattr_leave(&place);
	return error ? error : options->recursive ? VISIT_ENTER : VISIT_SKIP;
}

static int work(struct worker *worker)
{
	struct visit visit = { .worker = worker, .enter = enter };

	return visit_operands(&visit, 0);
}

/* Parent */

static void print_json(const char *path, const char *name, const void *value, size_t size)
{
	struct json *json = json_list_next();

	json_open(json, NULL, '{');
	json_string(json, "path", path);
	json_string(json, "name", name);
	json_base64(json, "value_base64", value, size);
	json_close(json, '}');
}

/* The line before those of one file, and the empty one after them. */
static int begin_file(struct getfattr_state *state, const char *path)
{
	if (state->path && !strcmp(state->path, path))
		return 0;
	if (state->path)
		putchar('\n');
	free(state->path);
	state->path = strdup(path);
	fputs("# file: ", stdout);
	xattr_print_name(path, "");
	putchar('\n');
	return state->path ? 0 : -ENOMEM;
}

static int record(struct session *session, struct wire_record *record)
{
	const struct getfattr_options *options = session->command->own;
	struct getfattr_state *state = session->state;
	const char *path, *name;
	const void *value;
	size_t size;
	int error = 0;

	if (!state)
		state = session->state = calloc(1, sizeof(*state));
	if (!state || record->type != WIRE_XATTR)
		return state ? -EPROTO : -ENOMEM;
	path = wire_get_string(record);
	name = wire_get_string(record);
	value = wire_get_blob(record, &size);
	if (record->bad)
		return -EPROTO;
	if (options->json) {
		print_json(path, name, value, size);
	} else if (options->only_values) {
		fwrite(value, 1, size, stdout);
	} else {
		error = begin_file(state, path);
		if (options->dump || options->name) {
			xattr_print(name, value, size, options->encoding);
		} else {
			xattr_print_name(name, "=");
			putchar('\n');
		}
	}
	return error ? error : ferror(stdout) ? -EIO : 0;
}

static void finish(struct session *session)
{
	const struct getfattr_options *options = session->command->own;
	struct getfattr_state *state = session->state;

	if (state && state->path && session->finished)
		putchar('\n');
	if (options->json && session->finished)
		json_list_end();
	if (state)
		free(state->path);
	free(state);
	session->state = NULL;
}

static const struct option_rule options[] = {
	{ 'd', "dump", NULL, "values, too, as \"setfattr --restore\" takes them", option_true,
	  offsetof(struct getfattr_options, dump) },
	{ 'e', "encoding", "ENCODING", "of values: text, hex or base64", option_text,
	  offsetof(struct getfattr_options, encoding_name) },
	{ 'h', "no-dereference", NULL, "of symbolic links themselves", option_true,
	  offsetof(struct getfattr_options, links) },
	{ 'm', "match", "PATTERN", "names that match, instead of ^user\\.; - for all", option_text,
	  offsetof(struct getfattr_options, match) },
	{ 'n', "name", "NAME", "this one, with its value", option_text, offsetof(struct getfattr_options, name) },
	{ 'R', "recursive", NULL, "directories with all that is in them", option_true,
	  offsetof(struct getfattr_options, recursive) },
	{ 0, "absolute-names", NULL, "paths with the slash that they begin with", option_true,
	  offsetof(struct getfattr_options, absolute) },
	{ 0, "only-values", NULL, "values as they are, and nothing else", option_true,
	  offsetof(struct getfattr_options, only_values) },
	{ 0, "json", NULL, "as JSON, values in Base64", option_true, offsetof(struct getfattr_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus getfattr -d disk.img:/srv/file", "names and values" },
	{ "rumpus getfattr -R -d -m - disk.img >attributes", "all of the image, to restore them" },
	{ "rumpus getfattr -n security.capability -e hex disk.img:/bin/ping", "one of the system's" },
	{ 0 },
};

const struct subcommand subcommand_getfattr = {
	.name = "getfattr",
	.arguments = "IMAGE:/FILE...",
	.summary = "show extended attributes",
	.help = "ACLs are system.posix_acl_access and system.posix_acl_default.",
	.options = options,
	.options_size = sizeof(struct getfattr_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.record = record,
	.finish = finish,
};
