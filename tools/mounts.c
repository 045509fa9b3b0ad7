// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mounts: what is mounted, and how it fares */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int show(void *arg, const struct connection_entry *entry)
{
	struct registry_entry served = { 0 };
	char memory[32], user[32], restarts[48] = "", dir[sizeof(entry->dir)], image[sizeof(entry->source)];
	bool known = !registry_find(entry->dir, &served);

	snprintf(dir, sizeof(dir), "%s", entry->dir);
	snprintf(image, sizeof(image), "%s", entry->source);
	text_clean(dir);
	text_clean(image);
	if (served.restarts)
		snprintf(restarts, sizeof(restarts), "served again %llu times, ", served.restarts);
	printf("%s on %s, by %s", image, dir, owner(entry->options, user, sizeof(user)));
	if (known)
		printf(": %s, %s, %llu requests, %llu errors, %s of memory, %sprocess %d\n", text_clean(served.type),
		       served.mode, served.requests, served.errors, text_size(served.memory, memory, sizeof(memory)),
		       restarts, (int)served.pid);
	else
		printf(": %.2s\n", entry->options);
	if (known)
		close(served.fd);
	return 0;
}

static int alone(struct command *command)
{
	connection_list(show, NULL);
	return fflush(stdout) ? EXIT_PROBLEM : EXIT_DONE;
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
