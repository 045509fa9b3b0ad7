// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: the words that are the shell's own */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell.h"

static int refuse(const char *word, const char *what)
{
	fprintf(stderr, "rumpus: %s: %s\n", word, what);
	return EXIT_USAGE;
}

static int change_directory(struct shell *shell, int argc, char **argv)
{
	char *directory = shell_enter(shell->directory, argc > 1 ? argv[1] : "/");
	struct look look = { 0 };
	int error;

	if (!directory)
		abort();
	if (argc > 2) {
		free(directory);
		return refuse(argv[0], "takes one directory");
	}
	error = shell_look(shell, *directory ? directory : "/", NULL, &look);
	if (!error && look.found && S_ISDIR(look.mode)) {
		free(shell->directory);
		shell->directory = directory;
		return EXIT_DONE;
	}
	free(directory);
	if (!error)
		report_error(shell->session->report, argc > 1 ? argv[1] : "/", "%s",
			     report_errno(look.found ? -ENOTDIR : -ENOENT));
	return EXIT_PROBLEM;
}

static int print_directory(struct shell *shell, int argc, char **argv)
{
	char *text;

	if (argc > 1)
		return refuse(argv[0], "takes no arguments");
	text = strdup(*shell->directory ? shell->directory : "/");
	if (!text)
		abort();
	puts(text_on_terminal() ? text_clean(text) : text);
	free(text);
	return EXIT_DONE;
}

/* Everything that is relative on the host starts here: redirections, programs, host:PATH. */
static int change_host_directory(struct shell *shell, int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : getenv("HOME");
	int cwd;

	if (argc > 2)
		return refuse(argv[0], "takes one directory");
	if (!path)
		return refuse(argv[0], "there is no HOME to go to; name a directory");
	cwd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd < 0 || fchdir(cwd)) {
		report_error(shell->session->report, path, "%s", report_errno(-errno));
		if (cwd >= 0)
			close(cwd);
		return EXIT_PROBLEM;
	}
	close(shell->session->cwd);
	shell->session->cwd = cwd;
	return EXIT_DONE;
}

static int print_host_directory(struct shell *shell, int argc, char **argv)
{
	char *path;

	if (argc > 1)
		return refuse(argv[0], "takes no arguments");
	path = getcwd(NULL, 0);
	if (!path) {
		report_error(shell->session->report, NULL, "the directory on the host is gone: %s; lcd to another one",
			     report_errno(-errno));
		return EXIT_PROBLEM;
	}
	puts(path);
	free(path);
	return EXIT_DONE;
}

static void list_words(void)
{
	puts("Words, with paths of the image; \"help WORD\" tells more:\n");
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		if (!(*sub)->hidden && *sub != &subcommand_sh)
			printf("  %-10s %s\n", (*sub)->name, (*sub)->summary);
	}
	puts("\nThe shell's own:\n");
	for (const struct shell_word *word = shell_words; word->name; word++)
		printf("  %-4s %-11s %s\n", word->name, word->arguments, word->summary);
	puts("\n"
	     "  ... | COMMAND    output to a program of the host\n"
	     "  ... > FILE       to a file of the host; >> appends, < is input\n"
	     "  ! COMMAND        a program of the host\n"
	     "  cp a host:b      in cp and its like, host: is before a path of the host\n");
}

static int help(struct shell *shell, int argc, char **argv)
{
	const struct subcommand *sub = argc == 2 ? subcommand_named(argv[1]) : NULL;
	const struct shell_word *word = argc == 2 ? shell_word_find(argv[1]) : NULL;

	if (argc > 2)
		return refuse(argv[0], "takes one word");
	if (argc == 1)
		list_words();
	else if (sub && !sub->hidden)
		return help_subcommand(sub);
	else if (word)
		printf("%s %s\n%s\n", word->name, word->arguments, word->summary);
	else
		return refuse(argv[1], "no such word; \"help\" lists them");
	return EXIT_DONE;
}

static int leave(struct shell *shell, int argc, char **argv)
{
	char *end = NULL;
	unsigned long status = argc > 1 ? strtoul(argv[1], &end, 10) : (unsigned long)shell->status;

	if (argc > 2 || (end && (*end || end == argv[1] || status > 255)))
		return refuse(argv[0], "takes a status from 0 to 255");
	shell->leaving = true;
	return (int)status;
}

const struct shell_word shell_words[] = {
	{ "cd", "[DIRECTORY]", "go to a directory of the image, or to its root", change_directory },
	{ "pwd", "", "where in the image this is", print_directory },
	{ "lcd", "[DIRECTORY]", "go to a directory of the host", change_host_directory },
	{ "lpwd", "", "where on the host this is", print_host_directory },
	{ "help", "[WORD]", "all words, or one of them", help },
	{ "exit", "[STATUS]", "unmount and leave; so does the end of the file", leave },
	{ 0 },
};

const struct shell_word *shell_word_find(const char *name)
{
	for (const struct shell_word *word = shell_words; word->name; word++) {
		if (!strcmp(word->name, name))
			return word;
	}
	return NULL;
}
