// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the command line */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

/* By name: help lists them so. One a line, so that additions do not meet. */
// clang-format off
const struct subcommand *const subcommands[] = {
	&subcommand_cat,
	&subcommand_check,
	&subcommand_chmod,
	&subcommand_chown,
	&subcommand_complete,
	&subcommand_cp,
	&subcommand_df,
	&subcommand_diff,
	&subcommand_dmesg,
	&subcommand_doctor,
	&subcommand_du,
	&subcommand_find,
	&subcommand_getfattr,
	&subcommand_info,
	&subcommand_ln,
	&subcommand_look,
	&subcommand_ls,
	&subcommand_mkdir,
	&subcommand_mount,
	&subcommand_mounts,
	&subcommand_mv,
	&subcommand_net_demo,
	&subcommand_parts,
	&subcommand_rm,
	&subcommand_setfattr,
	&subcommand_sh,
	&subcommand_stat,
	&subcommand_tar,
	&subcommand_touch,
	&subcommand_tree,
	&subcommand_truncate,
	&subcommand_try,
	&subcommand_umount,
	&subcommand_untar,
	NULL,
};
// clang-format on

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int usage_error(const struct command *command, const char *format, ...)
{
	/* In a shell, that is what it is called by. */
	const char *program = command->directory ? "" : "rumpus ";
	char usage[512];
	va_list args;

	fputs("rumpus: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (command->sub)
		fprintf(stderr, "\n%s\n\"%shelp %s\" has its options and examples\n",
			help_usage(command->sub, usage, sizeof(usage)), program, command->sub->name);
	else
		fprintf(stderr, "; \"%shelp\" lists what there is\n", program);
	return EXIT_USAGE;
}

int exit_trouble(const struct command *command)
{
	return command->sub->trouble ? command->sub->trouble : EXIT_PROBLEM;
}

const struct subcommand *subcommand_named(const char *name)
{
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		if (!strcmp((*sub)->name, name))
			return *sub;
	}
	return NULL;
}

static int no_subcommand(const struct command *command, const char *name)
{
	const char *nearest = help_nearest(name);

	return nearest ? usage_error(command, "no subcommand \"%s\" (do you mean \"%s\"?)", name, nearest)
		       : usage_error(command, "no subcommand \"%s\"", name);
}

static int help(const struct command *command, const char *name)
{
	const struct subcommand *sub = name ? subcommand_named(name) : NULL;

	if (!name)
		return help_list();
	return sub ? help_subcommand(sub) : no_subcommand(command, name);
}

static int version(void)
{
	puts("rumpus " RUMPUS_VERSION);
	return help_written();
}

/* May a line of a shell leave out its operands, as they are one image as a whole, or as much of it as one likes? */
static bool takes_image(const struct subcommand *sub)
{
	return !strncmp(sub->arguments, "IMAGE", 5) && (!sub->arguments[5] || strchr("[ .", sub->arguments[5]));
}

static bool takes_turns(const struct command *command, int argc, char **argv)
{
	const struct subcommand *sub = command->sub;

	/* Of a shell, and of layers, all lines are about one image. */
	if (!sub->each || command->directory || command->options.layers.count || command->options.upper ||
	    (command->options.points.count && !sub->apart))
		return false;
	return (sub->paths ? sub->paths(argc, argv) : argc) > 0;
}

int command_parse(struct command *command, int argc, char **argv)
{
	static char here[] = ".", *const nothing[] = { here };
	int first, result;

	char **words;

	command->sub = subcommand_named(argv[0]);
	if (!command->sub)
		return no_subcommand(command, argv[0]);
	command->own = calloc(1, command->sub->options_size + 1);
	if (!command->own)
		abort();
	result = options_parse(command, argc, argv, &first);
	if (result || command->options.help || command->options.version)
		return result;
	if (command->directory && first == argc && takes_image(command->sub))
		return command->sub->prepare(command, 1, (char **)nothing);
	argc -= first;
	words = argv + first;
	if (command->sub->apart && argc && !command->directory && command->options.points.count) {
		words = at_words(command, &argc, words);
		if (!words)
			return EXIT_USAGE;
	}
	if (takes_turns(command, argc, words))
		return turns_take(command, argc, words);
	result = command->sub->prepare(command, argc, words);
	/* Layers, and what is in a directory, are mounted when a shell starts. */
	if (!result && !command->directory)
		result = at_take(command);
	return result || command->directory ? result : layers_take(command);
}

void command_free(struct command *command)
{
	/* Of an address, the path is a part. */
	for (unsigned int i = 0; i < command->operand_count && command->directory; i++)
		free((char *)command->operands[i].path);
	free(command->operands);
	free(command->own);
}

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	const struct command *command = arg;
	char clean_subject[4200], clean_text[1100];

	if ((severity == SEVERITY_WARNING && command->options.quiet) ||
	    (severity == SEVERITY_DETAIL && !command->options.verbose))
		return;
	snprintf(clean_subject, sizeof(clean_subject), "%s", subject);
	snprintf(clean_text, sizeof(clean_text), "%s", text);
	progress_bar_pause();
	fprintf(stderr, "rumpus: %s%s%s\n", text_clean(clean_subject), *subject ? ": " : "", text_clean(clean_text));
	progress_bar_resume();
}

int command_answer(const struct command *command)
{
	if (command->options.version)
		return version();
	if (command->options.help)
		return command->sub ? help_subcommand(command->sub) : help_list();
	return -1;
}

/* mount(8) and umount(8) call "mount.rumpus" and the like, which are this program: the word is in the name. */
static bool take_helper_name(int *argc, char ***argv)
{
	static char mount[] = "mount", umount[] = "umount";
	const char *slash = strrchr(**argv, '/'), *name = slash ? slash + 1 : **argv;
	char *word = !strncmp(name, "mount.", 6) ? mount : !strncmp(name, "umount.", 7) ? umount : NULL;
	char **line = word ? calloc((size_t)*argc + 2, sizeof(*line)) : NULL;

	if (!line)
		return false;
	line[0] = **argv;
	line[1] = word;
	memcpy(line + 2, *argv + 1, (size_t)(*argc - 1) * sizeof(*line));
	*argv = line;
	++*argc;
	return true;
}

/*
 * Where the caller has closed standard input, output or error, the next file to be opened would take its place: an
 * image that messages are written to. What stands there instead fails for what a program does with it.
 */
static int fill_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct report report = { .say = say };
	struct command command = { .report = &report, .started = clock_now() };
	int first, result, answered;

	report.arg = &command;
	if (fill_standard_files())
		return EXIT_PROBLEM; /* nor is there a place to say why */
	command.helper = take_helper_name(&argc, &argv);
	result = options_parse(&command, argc, argv, &first);
	if (result)
		return result;
	answered = command_answer(&command);
	if (answered >= 0)
		return answered;
	if (first == argc)
		return usage_error(&command, "no subcommand");
	if (!strcmp(argv[first], "help"))
		return help(&command, argv[first + 1]);
	result = command_parse(&command, argc - first, argv + first);
	if (result)
		return result;
	answered = command_answer(&command);
	if (answered >= 0)
		return answered;
	if (command.sub->alone)
		return command.sub->alone(&command);
	if (command.turn_count)
		return turns_run(&command);
	result = images_open(&command);
	return result ? exit_trouble(&command) : session_run(&command);
}
