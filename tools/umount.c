// SPDX-License-Identifier: BSD-2-Clause
/* rumpus umount: end mounts, and wait until their images are clean */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../io/process.h"
#include "command.h"
#include "connection.h"
#include "registry.h"

/* Processes that are named when a mount is in use. */
#define USERS_MAX 8

struct umount_options {
	bool lazy, ignored;
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (command->directory)
		return usage_error(command, "directories of the host cannot be named in a shell; leave it to unmount");
	if (!argc)
		return usage_error(command, "unmount what?");
	return operands_take(command, argc, argv, OPERAND_ANY);
}

/* ---- who uses it ---- */

/* A blank: what was removed is told as "PATH (deleted)". */
static bool is_below(const char *path, const char *dir)
{
	size_t prefix = strlen(dir);

	return !strncmp(path, dir, prefix) && (!path[prefix] || strchr("/ \n", path[prefix]));
}

static bool leads_below(const char *link, const char *dir)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length <= 0)
		return false;
	target[length] = 0;
	return is_below(target, dir);
}

static bool has_open(const char *process, const char *dir)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	fds = opendir(path);
	while (fds && !found && (entry = readdir(fds))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", process, entry->d_name);
		found = leads_below(path, dir);
	}
	if (fds)
		closedir(fds);
	return found;
}

/* A file may be mapped and not open any more: "55d0-55e0 r--p 0000 08:01 1234    /path". */
static bool has_mapped(const char *process, const char *dir)
{
	char path[PATH_MAX], *line = NULL;
	bool found = false;
	size_t room = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%s/maps", process);
	maps = fopen(path, "re");
	while (maps && !found && getline(&line, &room, maps) > 0) {
		const char *file = strchr(line, '/');

		found = file && is_below(file, dir);
	}
	if (maps)
		fclose(maps);
	free(line);
	return found;
}

static bool uses(const char *process, const char *dir)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "/proc/%s/%s", process, links[i]);
		if (leads_below(path, dir))
			return true;
	}
	return has_open(process, dir) || has_mapped(process, dir);
}

/* "1234 (bash), 1240 (less)"; processes of others are not seen by who is not root. */
static void list_users(const char *dir, char *text, size_t size)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	unsigned int count = 0;
	size_t used = 0;
	char one[96];

	*text = 0;
	while (processes && (entry = readdir(processes)) && used < size - sizeof(one)) {
		if (!isdigit((unsigned char)*entry->d_name) || !uses(entry->d_name, dir))
			continue;
		io_process_name(atoi(entry->d_name), one, sizeof(one));
		if (count++ == USERS_MAX) {
			snprintf(text + used, size - used, ", and more");
			break;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", one);
	}
	if (processes)
		closedir(processes);
}

/* What is mounted below it, the first one if there are several. Return: false when nothing is */
static bool find_inner(const char *dir, char *text, size_t size)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;
	bool found = false;

	while (table && !found && (entry = getmntent(table))) {
		found = strcmp(entry->mnt_dir, dir) && is_below(entry->mnt_dir, dir);
		if (found)
			snprintf(text, size, "%s", entry->mnt_dir);
	}
	if (table)
		endmntent(table);
	return found;
}

/* ---- the end ---- */

static void explain(struct command *command, const char *dir, int error, const char *why)
{
	char users[1000], inner[PATH_MAX];

	if (error != -EBUSY) {
		report_error(command->report, dir, "cannot be unmounted: %s", *why ? why : report_errno(error));
		return;
	}
	if (find_inner(dir, inner, sizeof(inner))) {
		report_error(command->report, dir, "has another mount in it: unmount %s first", text_clean(inner));
		return;
	}
	list_users(dir, users, sizeof(users));
	report_error(command->report, dir, "is in use by %s; end that first, or use -l to detach it now",
		     *users ? users : "processes of other users");
}

/* The supervisor says when the image is clean and closed. */
static void await(struct command *command, const char *dir, const struct registry_entry *entry)
{
	char message[1100];
	int status = registry_wait(entry->fd, message, sizeof(message));

	if (status < 0)
		report_error(command->report, dir, "process %d, which served it, ended without a word; check the image",
			     (int)entry->pid);
	else if (status)
		report_error(command->report, *message ? NULL : dir, "%s",
			     *message ? message : "was not unmounted cleanly; check the image");
}

static void umount_one(struct command *command, const char *name)
{
	const struct umount_options *own = command->own;
	char *dir = connection_dir(name), why[256];
	struct registry_entry entry;
	int error, mount = dir ? connection_find(dir) : 0;
	bool served;

	if (!mount) {
		report_error(command->report, name, "is no mount of rumpus; \"rumpus mounts\" lists them");
		free(dir);
		return;
	}
	/* First, or it might have ended before it can be asked. */
	served = !registry_find(dir, mount, &entry);
	error = connection_end(dir, own->lazy, why, sizeof(why));
	if (error)
		explain(command, dir, error, why);
	else if (served && !own->lazy)
		await(command, dir, &entry);
	if (served)
		close(entry.fd);
	free(dir);
}

static int alone(struct command *command)
{
	for (unsigned int i = 0; i < command->operand_count; i++)
		umount_one(command, command->operands[i].text);
	return command->report->outcome ? EXIT_PROBLEM : EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 'l', "lazy", NULL, "detach it now and end it when nobody uses it any more", option_true,
	  offsetof(struct umount_options, lazy) },
	{ 'f', NULL, NULL, NULL, option_true, offsetof(struct umount_options, ignored) }, /* of umount(8) */
	{ 'n', NULL, NULL, NULL, option_true, offsetof(struct umount_options, ignored) },
	{ 'r', NULL, NULL, NULL, option_true, offsetof(struct umount_options, ignored) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus umount dir", "returns when the image is clean and closed" },
	{ 0 },
};

const struct subcommand subcommand_umount = {
	.name = "umount",
	.arguments = "DIRECTORY...",
	.summary = "end what \"rumpus mount\" began, and wait until the image is clean",
	.options = options,
	.options_size = sizeof(struct umount_options),
	.examples = examples,
	.prepare = prepare,
	.alone = alone,
};
