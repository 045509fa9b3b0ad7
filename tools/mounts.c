// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mounts: what is mounted, and how it fares */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "connection.h"
#include "json.h"
#include "registry.h"

struct mounts_options {
	bool json;
};

static int prepare(struct command *command, int argc, char **argv)
{
	return argc ? usage_error(command, "mounts takes no arguments") : EXIT_DONE;
}

/* Who mounted, as the host's table says. */
static const char *owner(const char *options, char *text, size_t size)
{
	const char *id = strstr(options, "user_id=");
	const struct passwd *user = id ? getpwuid((uid_t)strtoul(id + 8, NULL, 10)) : NULL;

	snprintf(text, size, "%.*s", id ? (int)strcspn(id + 8, ",") : 1, id ? id + 8 : "?");
	return user ? user->pw_name : text;
}

/** struct served - what all supervisors say, each asked once: there may be many */
struct served {
	struct registry_entry *entries;
	size_t count;
};

static int keep(void *arg, const struct registry_entry *entry)
{
	struct served *served = arg;
	struct registry_entry *more = reallocarray(served->entries, served->count + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	served->entries = more;
	more[served->count++] = *entry;
	return 0;
}

static const struct registry_entry *find(const struct served *all, const char *dir)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!strcmp(all->entries[i].dir, dir))
			return &all->entries[i];
	}
	return NULL;
}

static int show(void *arg, const struct connection_entry *entry)
{
	const struct registry_entry *served = find(arg, entry->dir);
	char memory[32], user[32], restarts[48] = "", dir[sizeof(entry->dir)], image[sizeof(entry->source)];
	char type[sizeof(served->type)], partition[sizeof(served->partition) + 16] = "";

	snprintf(dir, sizeof(dir), "%s", entry->dir);
	snprintf(image, sizeof(image), "%s", entry->source);
	text_clean(dir);
	text_clean(image);
	if (served && served->restarts)
		snprintf(restarts, sizeof(restarts), "served again %llu times, ", served->restarts);
	if (served && *served->partition)
		snprintf(partition, sizeof(partition), ", partition %s,", served->partition);
	printf("%s%s on %s, by %s", image, text_clean(partition), dir, owner(entry->options, user, sizeof(user)));
	if (!served) {
		printf(": %.2s\n", entry->options);
		return 0;
	}
	snprintf(type, sizeof(type), "%s", served->type);
	printf(": %s, %s, %llu requests, %llu errors, %s of memory, %sprocess %d\n", text_clean(type), served->mode,
	       served->requests, served->errors, text_size(served->memory, memory, sizeof(memory)), restarts,
	       (int)served->pid);
	return 0;
}

/* The first members are known of all mounts, the others of those whose supervisor answers this user. */
static int show_json(void *arg, const struct connection_entry *entry)
{
	const struct registry_entry *served = find(arg, entry->dir);
	struct json *json = json_list_next();
	char user[32];

	json_open(json, NULL, '{');
	json_string(json, "image", entry->source);
	json_string(json, "directory", entry->dir);
	json_string(json, "user", owner(entry->options, user, sizeof(user)));
	json_bool(json, "read_only", !strncmp(entry->options, "ro", 2));
	if (served) {
		if (*served->partition)
			json_string(json, "partition", served->partition);
		json_string(json, "type", served->type);
		json_unsigned(json, "requests", served->requests);
		json_unsigned(json, "errors", served->errors);
		json_unsigned(json, "memory", served->memory);
		json_unsigned(json, "restarts", served->restarts);
		json_signed(json, "process", served->pid);
	}
	json_close(json, '}');
	return 0;
}

static int alone(struct command *command)
{
	const struct mounts_options *own = command->own;
	struct served served = { 0 };
	int error = registry_list(keep, &served);

	if (!error)
		connection_list(own->json ? show_json : show, &served);
	else
		report_error(command->report, NULL, "%s", report_errno(error));
	free(served.entries);
	if (own->json)
		json_list_end();
	return error || fflush(stdout) ? EXIT_PROBLEM : EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "an array of objects, memory in bytes", option_true, offsetof(struct mounts_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus mounts", "yours with how they fare, those of others by name" },
	{ "rumpus mounts --json | jq -r '.[].directory'", "for programs" },
	{ 0 },
};

const struct subcommand subcommand_mounts = {
	.name = "mounts",
	.arguments = "",
	.summary = "list what \"rumpus mount\" has mounted",
	.options = options,
	.options_size = sizeof(struct mounts_options),
	.examples = examples,
	.prepare = prepare,
	.alone = alone,
};
