/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpus sh: many lines, one worker, one mount.
 *
 * The parent takes a line apart, finds the subcommand and parses its options by the same tables as the command line's.
 * When that went well, the words go to the worker (WIRE_WORD each, then WIRE_LINE), which parses them once more by the
 * same code and does the work; WIRE_DONE is its answer. What one side still sends of a line that the other has given up
 * is read and dropped. So each subcommand is one of the shell as well, without knowing it.
 */
#ifndef TOOLS_SHELL_H
#define TOOLS_SHELL_H

#include <stdbool.h>
#include <sys/types.h>

#include "command.h"
#include "line.h"
#include "look.h"

struct edit;

/** struct shell_options - of the subcommand */
struct shell_options {
	const char *line;
	bool stop, write;
};

/**
 * struct shell - the parent's
 * @command:   of the shell itself; that of @session is the line's, as long as one is being done
 * @directory: where paths start: "" for the root, else "/NAME..."
 * @status:    of the last line
 * @leaving:   no more lines
 * @fatal:     the worker is gone, or to be ended: what session_converse() gave
 * @edit:      of an interactive shell, else NULL
 */
struct shell {
	struct session *session;
	const struct command *command;
	char *directory;
	int status;
	bool leaving;
	int fatal;
	struct edit *edit;
};

/** shell_text() - do the commands of a text, until one of them ends the shell; sets @shell->status */
void shell_text(struct shell *shell, const char *text);
/**
 * shell_parse() - understand a line of the worker's, as command_parse()
 * @line: out, to be freed by command_free()
 */
int shell_parse(struct shell *shell, struct command *line, int argc, char **argv);
/**
 * shell_converse() - have the worker do a line; sets @shell->fatal
 * @argc: 0: the worker does something anyway, and will say when it is done
 * Return: enum outcome
 */
unsigned int shell_converse(struct shell *shell, struct command *line, int argc, char **argv);

/* shell_path.c */
/** shell_look() - look at a path; @option: "-d", "-l" or NULL. Return: 0, -ENOMEM, -EIO when the line failed */
int shell_look(struct shell *shell, const char *path, const char *option, struct look *look);
/** shell_enter() - @directory after "cd @path", which is not looked at. Caller frees; NULL without memory */
char *shell_enter(const char *directory, const char *path);
/** shell_expand() - words of a line with their patterns replaced by names. Return: a list that ends with NULL, as are
 *  its strings the caller's; NULL without memory
 */
char **shell_expand(struct shell *shell, const struct line *line, int *count);
void shell_free_words(char **words);

/* shell_word.c: what is done in the parent alone */
/** struct shell_word - @run: Return: status */
struct shell_word {
	const char *name, *arguments, *summary;
	int (*run)(struct shell *shell, int argc, char **argv);
};

extern const struct shell_word shell_words[]; /* ends with one without a name */
const struct shell_word *shell_word_find(const char *name);

/* shell_host.c: files and programs of the host */
/** struct shell_host - what a line has taken of standard input and output, and the program that its output goes to */
struct shell_host {
	int input, output;
	pid_t program;
};

/** shell_host_begin() - redirect as @line says. Return: 0; 1 after a message, with nothing redirected */
int shell_host_begin(struct shell *shell, const struct line *line, struct shell_host *host);
/** shell_host_end() - the reverse; waits for the program. Return: its status, 0 for none */
int shell_host_end(struct shell *shell, struct shell_host *host);
/** shell_host_run() - a line for the host's sh. Return: its status */
int shell_host_run(struct shell *shell, const char *text);

/* edit.c: lines from a terminal, by libedit */
/** edit_new() - NULL when standard input or error is no terminal */
struct edit *edit_new(struct shell *shell);
/** edit_line() - the next line; NULL at the end of file, and when @shell->fatal was set or a signal ends the shell */
const char *edit_line(struct edit *edit);
void edit_free(struct edit *edit);

/* shell_worker.c */
/** shell_work() - the worker's half: lines until there are no more */
int shell_work(struct worker *worker);

#endif
