// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mounts: what is mounted, and how it fares */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "connection.h"
#include "registry.h"

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
	char type[sizeof(served->type)];

	snprintf(dir, sizeof(dir), "%s", entry->dir);
	snprintf(image, sizeof(image), "%s", entry->source);
	text_clean(dir);
	text_clean(image);
	if (served && served->restarts)
		snprintf(restarts, sizeof(restarts), "served again %llu times, ", served->restarts);
	printf("%s on %s, by %s", image, dir, owner(entry->options, user, sizeof(user)));
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

static int alone(struct command *command)
{
	struct served served = { 0 };
	int error = registry_list(keep, &served);

	if (!error)
		connection_list(show, &served);
	else
		report_error(command->report, NULL, "%s", report_errno(error));
	free(served.entries);
	return error || fflush(stdout) ? EXIT_PROBLEM : EXIT_DONE;
}

static const struct option_example examples[] = {
	{ "rumpus mounts", "yours with how they fare, those of others by name" },
	{ 0 },
};

const struct subcommand subcommand_mounts = {
	.name = "mounts",
	.arguments = "",
	.summary = "list what \"rumpus mount\" has mounted",
	.examples = examples,
	.prepare = prepare,
	.alone = alone,
};
