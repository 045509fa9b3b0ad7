// SPDX-License-Identifier: BSD-2-Clause
/* rumpus chmod: modes of files in images */
#include <errno.h>
#include <string.h>

#include "mode.h"
#include "reference.h"
#include "visit.h"

struct chmod_options {
	const char *reference_text;
	bool recursive;
	/* understood from these and the first operand */
	struct reference reference;
	struct mode_change change;
};

static int prepare(struct command *command, int argc, char **argv)
{
	struct chmod_options *options = command->own;
	int result;

	if (argc < (options->reference_text ? 1 : 2))
		return usage_error(command, "which mode, and of what?");
	if (!options->reference_text && mode_parse(argv[0], &options->change))
		return usage_error(command, "mode \"%s\" is not understood; write it as 644 or u+x,go-w", argv[0]);
	if (!options->reference_text) {
		argc--;
		argv++;
	}
	result = operands_take_writable(command, argc, argv);
	if (!result && options->reference_text)
		result = reference_take(command, options->reference_text, &options->reference);
	return result;
}

static uint32_t mode_for(const struct visit *visit, const struct visit_file *file)
{
	const struct chmod_options *options = visit->worker->command->own;

	if (options->reference_text)
		return options->reference.st.stx_mode & 07777;
	return mode_apply(&options->change, file->st.stx_mode, file->type == DT_DIR, visit->worker->umask);
}

static int enter(struct visit *visit, struct visit_file *file)
{
	const struct chmod_options *options = visit->worker->command->own;
	int examined;
	long error;

	/* It has no mode, and what it leads to is visited by its own name, or is not below. */
	if (file->type == DT_LNK)
		return VISIT_SKIP;
	examined = visit_examine(visit, file);
	if (examined)
		return examined < 0 ? examined : VISIT_SKIP;
	error = fs_chmod(&fs_image, file->dir, file->name, mode_for(visit, file));
	if (error)
		error = visit_failed(visit, "cannot change the mode", error);
	return error ? (int)error : options->recursive ? VISIT_ENTER : VISIT_SKIP;
}

static int work(struct worker *worker)
{
	struct chmod_options *options = worker->command->own;
	struct visit visit = { .worker = worker, .enter = enter, .follow = true };
	int error = options->reference_text ? reference_read(worker, &options->reference) : 0;

	return error ? error : visit_operands(&visit, 0);
}

static const struct option_rule options[] = {
	{ 'R', "recursive", NULL, "directories with all that is in them; symbolic links there are left alone",
	  option_true, offsetof(struct chmod_options, recursive) },
	{ 0, "reference", "FILE", "the mode of that file, in an image or on the host, instead of MODE", option_text,
	  offsetof(struct chmod_options, reference_text) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus chmod 600 disk.img:/etc/ssh/ssh_host_rsa_key", "for its owner alone" },
	{ "rumpus chmod -R u=rwX,go=rX disk.img:/srv", "to be read by all, with directories to be entered" },
	{ "rumpus chmod -- -x disk.img:/etc/rc.local", "a mode that begins with a minus" },
	{ 0 },
};

const struct subcommand subcommand_chmod = {
	.name = "chmod",
	.arguments = "MODE IMAGE:/FILE...",
	.summary = "change modes",
	.help = "MODE is octal, or as in chmod(1): classes of \"ugoa\", one of \"+-=\", permissions of \"rwxXst\" or a class;\n"
		"several separated by commas. Without classes the umask counts. Directories keep their set-ID bits\n"
		"unless these are named, as by u-s or 00755.",
	.options = options,
	.options_size = sizeof(struct chmod_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
