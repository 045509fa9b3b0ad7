// SPDX-License-Identifier: BSD-2-Clause
/* rumpus chown: owners and groups of files in images */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "found.h"
#include "reference.h"

/* What leaves an owner or group as it is. */
#define KEEP UINT32_MAX

struct chown_options {
	const char *reference_text;
	bool recursive, links;
	/* understood from these and the first operand */
	struct reference reference;
	const char *user, *group; /* NULL: to be kept */
};

/* The worker's: numbers in the image that is visited. */
struct owners {
	uint32_t uid, gid;
};

static int parse_owners(struct command *command, const char *text)
{
	struct chown_options *options = command->own;
	char *user = strdup(text), *colon;

	if (!user)
		abort();
	colon = strchr(user, ':');
	if (colon)
		*colon = 0;
	options->user = *user ? user : NULL;
	options->group = colon && colon[1] ? colon + 1 : NULL;
	if (colon && !options->group)
		return usage_error(command, "\"%s\": a group must follow the colon", text);
	return options->user || options->group ? EXIT_DONE : usage_error(command, "\"%s\" names no owner", text);
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct chown_options *options = command->own;
	int result = EXIT_DONE;

	if (argc < (options->reference_text ? 1 : 2))
		return usage_error(command, "which owner, and of what?");
	if (!options->reference_text) {
		result = parse_owners(command, argv[0]);
		argc--;
		argv++;
	}
	if (!result)
		result = operands_take_writable(command, argc, argv);
	if (!result && options->reference_text)
		result = reference_take(command, options->reference_text, &options->reference);
	return result;
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct chown_options *options = visit->worker->command->own;
	const struct owners *owners = visit->arg;
	long error = fs_chown(&fs_image, file->dir, file->name, owners->uid, owners->gid);

	if (error)
		error = visit_failed(visit, "cannot change the owner", error);
	return error ? (int)error : options->recursive ? VISIT_ENTER : VISIT_SKIP;
}

/* A name means what the image says that it means. Return: false after a message */
static bool look_up(struct worker *worker, const struct operand *operand, bool group, const char *name, uint32_t *id)
{
	*id = KEEP;
	if (!name || !accounts_find(operand->image, group, name, id))
		return true;
	if (!name[strspn(name, "0123456789")])
		report_error(&worker->report, operand->text, "%s %s: the largest number is %u", group ? "group" : "user", name,
			     KEEP - 1);
	else
		report_error(&worker->report, operand->text, "no %s \"%s\" in the image's %s; give a number",
			     group ? "group" : "user", name, group ? "/etc/group" : "/etc/passwd");
	return false;
}

static int work(struct worker *worker)
{
	struct chown_options *options = worker->command->own;
	struct owners owners = { 0 };
	struct visit visit = {
		.worker = worker,
		.enter = enter,
		.follow = !options->links && !options->recursive,
		.arg = &owners,
	};
	int error = options->reference_text ? reference_read(worker, &options->reference) : 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++) {
		const struct operand *operand = &worker->command->operands[i];

		if (options->reference_text)
			owners = (struct owners){ options->reference.st.stx_uid, options->reference.st.stx_gid };
		else if (!look_up(worker, operand, false, options->user, &owners.uid) ||
			 !look_up(worker, operand, true, options->group, &owners.gid))
			continue;
		error = visit_operand(&visit, operand);
	}
	visit_end(&visit);
	return error;
}

static const struct option_rule options[] = {
	{ 'R', "recursive", NULL, "directories with all that is in them; implies -h", option_true,
	  offsetof(struct chown_options, recursive) },
	{ 'h', "no-dereference", NULL, "symbolic links themselves, not what they lead to", option_true,
	  offsetof(struct chown_options, links) },
	{ 0, "reference", "FILE", "owner and group of that file, in an image or on the host, instead of OWNER",
	  option_text, offsetof(struct chown_options, reference_text) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus chown 1000:1000 disk.img:/home/me", "by number" },
	{ "rumpus chown -R www-data:adm disk.img:/srv/www", "by names of the image, with all that is below" },
	{ "rumpus chown :adm disk.img:/var/log/syslog", "only the group" },
	{ 0 },
};

const struct subcommand subcommand_chown = {
	.name = "chown",
	.arguments = "OWNER[:GROUP] IMAGE:/FILE...",
	.summary = "change owners and groups",
	.help = "OWNER and GROUP are numbers, or names in the image's own /etc/passwd and /etc/group: what the host calls\n"
		"its users has nothing to do with the files of an image. \":GROUP\" changes only the group.",
	.options = options,
	.options_size = sizeof(struct chown_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
