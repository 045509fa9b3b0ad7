// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mount: its mount options */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mounting.h"

/* Seconds that a kernel may do nothing while requests wait, and the most that one may ask for. */
#define WATCHDOG 60U
#define WATCHDOG_MAX 86400U

static int share(struct mounting *mounting)
{
	mounting->connection.private = false;
	return EXIT_DONE;
}

static int hide(struct mounting *mounting)
{
	mounting->nonempty = true;
	return EXIT_DONE;
}

static int restart(struct mounting *mounting)
{
	mounting->restart = true;
	return EXIT_DONE;
}

static int map_owners(struct mounting *mounting)
{
	mounting->as_caller = true;
	return EXIT_DONE;
}

static int ignore(struct mounting *mounting)
{
	return EXIT_DONE;
}

/* Whole words that are for us alone, and those of fstab that are for other programs. */
static const struct {
	const char *name;
	int (*take)(struct mounting *mounting);
} words[] = {
	{ "allow_other", share },
	{ "nonempty", hide },
	{ "restart", restart },
	{ "idmap", map_owners },
	{ "default_permissions", ignore },
	{ "auto", ignore },
	{ "noauto", ignore },
	{ "user", ignore },
	{ "nouser", ignore },
	{ "users", ignore },
	{ "owner", ignore },
	{ "group", ignore },
	{ "nofail", ignore },
	{ "_netdev", ignore },
};

/* "watchdog=60". Return: EXIT_DONE, EXIT_USAGE */
static int take_watchdog(const struct command *command, struct mounting *mounting, const char *word)
{
	const char *text = strchr(word, '=') + 1;
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > WATCHDOG_MAX)
		return usage_error(command, "mount option \"%s\": give seconds, at most %u, 0 for no watchdog", word,
				   WATCHDOG_MAX);
	mounting->watchdog = (unsigned int)value;
	return EXIT_DONE;
}

/* "partition=2": as -p, which mount(8) and fstab cannot say. Return: EXIT_DONE, EXIT_USAGE */
static int take_partition(struct command *command, const char *word)
{
	const char *text = strchr(word, '=') + 1;

	if (!*text)
		return usage_error(command, "mount option \"%s\": give a number, a name or a UUID", word);
	command->options.partition = strdup(text);
	if (!command->options.partition)
		abort();
	return EXIT_DONE;
}

/* "sector=4096": as --sector. Return: EXIT_DONE, EXIT_USAGE */
static int take_sector(struct command *command, const char *word)
{
	return option_sector(command, NULL, &command->options.sector, strchr(word, '=') + 1);
}

/* "uid=1000". Return: EXIT_DONE, EXIT_USAGE; -1 when it is none of these */
static int take_owner(const struct command *command, struct mounting *mounting, const char *word)
{
	const char *text = strchr(word, '=');
	char *end;
	unsigned long value;
	bool octal = !strncmp(word, "umask=", 6);

	if (!octal && strncmp(word, "uid=", 4) && strncmp(word, "gid=", 4))
		return -1;
	value = strtoul(++text, &end, octal ? 8 : 10);
	if (*text < '0' || *text > '9' || *end || value > (octal ? 0777UL : 0xfffffffeUL))
		return usage_error(command, "mount option \"%s\": give a%s number", word, octal ? "n octal" : "");
	mounting->owner.mapped = true;
	if (octal)
		mounting->owner.mask = (mode_t)value;
	else if (*word == 'u')
		mounting->owner.uid = (uid_t)value;
	else
		mounting->owner.gid = (gid_t)value;
	return EXIT_DONE;
}

/* mount(8) asks for it with what the mount has and is to have. Return: EXIT_PROBLEM */
static int refuse_remount(const struct command *command)
{
	report_error(command->report, NULL,
		     "the options of a mount cannot be changed; unmount it, and mount it again with the new ones");
	return EXIT_PROBLEM;
}

/* Return: EXIT_DONE; EXIT_USAGE, EXIT_PROBLEM after a message; -1 when it is not ours */
static int take_word(struct command *command, struct mounting *mounting, const char *word)
{
	if (!strncmp(word, "x-", 2) || !strncmp(word, "comment=", 8))
		return EXIT_DONE;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(words[i].name, word))
			return words[i].take(mounting);
	}
	if (!strcmp(word, "ro") || !strcmp(word, "rw")) {
		mounting->read_only = word[1] == 'o';
		mounting->read_write = !mounting->read_only;
		return -1; /* the driver's, too */
	}
	if (!strcmp(word, "remount"))
		return refuse_remount(command);
	if (!strncmp(word, "watchdog=", 9))
		return take_watchdog(command, mounting, word);
	if (!strncmp(word, "partition=", 10))
		return take_partition(command, word);
	if (!strncmp(word, "sector=", 7))
		return take_sector(command, word);
	return take_owner(command, mounting, word);
}

/* Is @word one of the options? */
static bool has_word(const char *options, const char *word)
{
	const size_t length = strlen(word);

	for (; options; options = strchr(options, ',') ? strchr(options, ',') + 1 : NULL) {
		if (!strncmp(options, word, length) && (!options[length] || options[length] == ','))
			return true;
	}
	return false;
}

/* Flags that the host's mount gets as well. */
static void take_flags(struct mounting *mounting, const char *options)
{
	unsigned long host = MS_NOEXEC | MS_NOSUID | MS_NODEV;
	char *data = malloc(strlen(options) + 1);

	if (!data)
		abort();
	mounting->connection.flags = mount_options_parse(options, data) & (host | MS_RDONLY | MS_NOATIME);
	free(data);
	/* A mount of anybody's may neither raise rights nor give access to devices; one of root's may when it is asked
	 * to. */
	if (geteuid() || !has_word(options, "suid"))
		mounting->connection.flags |= MS_NOSUID;
	if (geteuid() || !has_word(options, "dev"))
		mounting->connection.flags |= MS_NODEV;
}

int mounting_options(struct command *command, struct mounting *mounting)
{
	const char *options = command->options.mount_options ? command->options.mount_options : "";
	char *copy = strdup(options), *rest = calloc(1, strlen(options) + 1), *next = copy, *word;
	int result = EXIT_DONE;

	if (!copy || !rest)
		abort();
	mounting->owner.uid = getuid();
	mounting->owner.gid = getgid();
	mounting->connection.private = geteuid() != 0;
	mounting->watchdog = WATCHDOG;
	while ((word = strsep(&next, ",")) && result <= EXIT_DONE) {
		result = take_word(command, mounting, word);
		if (result < 0)
			sprintf(rest + strlen(rest), "%s%s", *rest ? "," : "", word);
	}
	free(copy);
	if (result > EXIT_DONE)
		return result;
	mounting->owner.mapped |= mounting->as_caller;
	take_flags(mounting, rest);
	command->options.mount_options = rest;
	return EXIT_DONE;
}
