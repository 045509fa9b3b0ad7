// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: the parent's half, which takes lines and hands them to the worker */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell.h"

static const struct shell_options *options_of(const struct command *command)
{
	return command->own;
}

static int prepare(struct command *command, int argc, char **argv)
{
	int result;

	if (argc != 1)
		return usage_error(command, "sh takes one image");
	result = operands_take(command, argc, argv, OPERAND_IMAGE);
	command->images[0].writable = options_of(command)->write;
	return result;
}

/* ---- one line for the worker ---- */

/* What holds for the shell as a whole cannot be another thing for a line. */
static int check_parsed(const struct shell *shell, const struct command *line)
{
	const struct options *all = &shell->command->options, *own = &line->options;

	if (line->sub == shell->command->sub)
		return usage_error(line, "this is a shell already; \"exit\" leaves it");
	if (own->type != all->type || own->partition != all->partition || own->mount_options != all->mount_options)
		return usage_error(line, "--type, --partition and --options are given when the shell is started");
	if (own->sector != all->sector)
		return usage_error(line, "--sector is given when the shell is started");
	if (own->layers.count != all->layers.count || own->upper != all->upper)
		return usage_error(line, "--lower and --upper are given when the shell is started");
	if (own->points.count != all->points.count)
		return usage_error(line, "--at is given when the shell is started");
	if (line->images[0].writable && !shell->command->images[0].writable) {
		report_error(line->report, line->images[0].path,
			     "is open for reading; leave, and start the shell with \"rumpus sh -w\"");
		return EXIT_PROBLEM;
	}
	return EXIT_DONE;
}

int shell_parse(struct shell *shell, struct command *line, int argc, char **argv)
{
	const struct command *own = shell->command;
	char **words = malloc(((size_t)argc + 1) * sizeof(*words));
	int result;

	if (!words)
		abort();
	/* Parsing changes their order; the worker gets them as they were. */
	memcpy(words, argv, (size_t)argc * sizeof(*words));
	words[argc] = NULL;
	*line = (struct command){
		.report = own->report,
		.options = own->options,
		.directory = shell->directory,
		.images = { own->images[0] },
		.image_count = 1,
		.started = clock_now(),
	};
	line->images[0].writable = false;
	result = command_parse(line, argc, words);
	if (!result && !line->options.help && !line->options.version)
		result = check_parsed(shell, line);
	free(words);
	return result;
}

static int send_words(struct wire *wire, const char *directory, int argc, char **argv)
{
	int error = 0;

	for (int i = 0; i < argc && !error; i++) {
		if (strlen(argv[i]) >= WIRE_INLINE_MAX)
			return -E2BIG;
		error = wire_begin(wire, WIRE_WORD, strlen(argv[i]) + 8);
		if (error)
			return error;
		wire_put_string(wire, argv[i]);
		error = wire_end(wire, -1);
	}
	if (!error)
		error = wire_begin(wire, WIRE_LINE, strlen(directory) + 8);
	if (error)
		return error;
	wire_put_string(wire, directory);
	error = wire_end(wire, -1);
	return error ? error : wire_flush(wire);
}

/* Has the program that standard output goes to ended? */
static bool reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* Nothing that is still to come can be used: have the worker stop, and take what it says meanwhile. */
static int give_up(struct session *session, int error)
{
	if (!supervise_signal() && !reader_is_gone() && error != -ECANCELED)
		report_error(session->report, "standard output", "%s", report_errno(error));
	if (!supervise_signal())
		supervise_ask(SIGPIPE);
	session->deaf = true;
	return session->finished ? 0 : session_converse(session);
}

/* What is still in the buffer. Return: true after a message */
static bool flush_output(struct shell *shell)
{
	bool failed = (fflush(stdout) || ferror(stdout)) && !reader_is_gone();

	if (failed)
		report_error(shell->session->report, "standard output", "%s", report_errno(-errno));
	clearerr(stdout);
	return failed;
}

static bool is_fatal(int error)
{
	return error == -ECONNRESET || error == -EPROTO;
}

static int converse(struct session *session, const char *directory, int argc, char **argv)
{
	int error = argc ? send_words(&session->wire, directory, argc, argv) : 0;

	if (error == -E2BIG) {
		report_error(session->report, NULL, "a word is too long");
		return 0;
	}
	if (error == -EPIPE)
		return -ECONNRESET;
	/* A signal that came before the worker knew of the line is one for the line. */
	if (!error || error == -EINTR)
		error = session_converse(session);
	return error && !is_fatal(error) ? give_up(session, error) : error;
}

unsigned int shell_converse(struct shell *shell, struct command *line, int argc, char **argv)
{
	struct session *session = shell->session;
	struct command *own = session->command;
	unsigned int outcome;

	session->command = line;
	session->report->arg = line;
	session->report->outcome = 0;
	session->finished = session->deaf = false;
	session->state = NULL;
	session->build = NULL;
	shell->fatal = converse(session, shell->directory, argc, argv);
	if (line->sub->finish)
		line->sub->finish(session);
	if (!session->deaf)
		flush_output(shell);
	clearerr(stdout);
	outcome = session->report->outcome;
	session->command = own;
	session->report->arg = own;
	session->finished = session->ended;
	return outcome;
}

/* ---- lines ---- */

/* The signal that came during a line is dealt with. Return: status */
static int end_signal(struct shell *shell, int status)
{
	int number = supervise_signal();

	if (!number)
		return status;
	if (number != SIGPIPE)
		status = 128 + number;
	if (number == SIGPIPE || (number == SIGINT && shell->edit))
		supervise_forget();
	else
		shell->leaving = true;
	return status;
}

static int run_command(struct shell *shell, int argc, char **argv)
{
	struct command line;
	int status = shell_parse(shell, &line, argc, argv);

	if (!status) {
		int answered = command_answer(&line);

		if (answered >= 0)
			status = answered;
		else if (line.sub->alone)
			status = line.sub->alone(&line);
		else
			status = session_code(&line, shell_converse(shell, &line, argc, argv));
	}
	command_free(&line);
	return status;
}

static int run_words(struct shell *shell, int argc, char **argv)
{
	const struct shell_word *word = argc ? shell_word_find(argv[0]) : NULL;
	int status;

	if (!argc)
		return shell->status; /* "> file" alone makes it */
	if (!word)
		return run_command(shell, argc, argv);
	status = word->run(shell, argc, argv);
	return flush_output(shell) && !status ? EXIT_PROBLEM : status;
}

static void run_line(struct shell *shell, const struct line *line)
{
	struct shell_host host;
	int argc, status, program;
	char **argv = shell_expand(shell, line, &argc);

	if (!argv)
		abort();
	status = shell->fatal ? EXIT_PROBLEM : shell_host_begin(shell, line, &host);
	if (!status) {
		status = run_words(shell, argc, argv);
		program = shell_host_end(shell, &host);
		status = status ? status : program;
	}
	shell->status = end_signal(shell, status);
	shell_free_words(argv);
}

void shell_text(struct shell *shell, const char *text)
{
	while (*text && !shell->leaving && !shell->fatal && !shell->session->ended) {
		const char *error;
		struct line line;

		if (text[strspn(text, " \t")] == '!') {
			/* All of it is the host's. */
			shell->status = end_signal(shell, shell_host_run(shell, text + strspn(text, " \t") + 1));
			return;
		}
		if (line_parse(text, &line, &text, &error)) {
			fprintf(stderr, "rumpus: %s\n", error ? error : "no memory");
			shell->status = EXIT_USAGE;
			text = "";
		} else if (line.count || line.input || line.output) {
			run_line(shell, &line);
		}
		line_free(&line);
		if (shell->status && options_of(shell->command)->stop)
			shell->leaving = true;
	}
}

/* ---- the session ---- */

/* Lines of a script. One byte at a time is taken from standard input, as the rest may be for a program that reads it.
 */
static void read_script(struct shell *shell)
{
	char *text = NULL;
	size_t room = 0;

	setvbuf(stdin, NULL, _IONBF, 0);
	while (!shell->leaving && !shell->fatal && !shell->session->ended) {
		if (getline(&text, &room, stdin) >= 0)
			shell_text(shell, text);
		else if (errno == EINTR && ferror(stdin) && !supervise_signal())
			clearerr(stdin);
		else
			break;
	}
	if (supervise_signal())
		shell->leaving = true;
	free(text);
}

static void read_terminal(struct shell *shell)
{
	const char *text;

	supervise_patiently();
	while (!shell->leaving && !shell->fatal && !shell->session->ended && (text = edit_line(shell->edit)))
		shell_text(shell, text);
}

/* The worker says that the image is mounted, or why it is not. */
static void await(struct shell *shell)
{
	struct command line = *shell->command;

	line.sub = &subcommand_look;
	shell->session->report->outcome |= shell_converse(shell, &line, 0, NULL);
}

static void enter_operand(struct shell *shell)
{
	const struct operand *operand = &shell->command->operands[0];
	char *directory = shell_enter("", operand->path);
	struct look look = { 0 };

	if (!directory)
		abort();
	if (shell_look(shell, *directory ? directory : "/", NULL, &look) || !look.found || !S_ISDIR(look.mode)) {
		if (!shell->fatal)
			report_error(shell->session->report, operand->text, "is no directory to start in");
		shell->status = EXIT_PROBLEM;
		shell->leaving = true;
	}
	look_free(&look);
	free(shell->directory);
	shell->directory = directory;
}

static int leave(struct shell *shell)
{
	struct session *session = shell->session;
	int error;

	session->code = shell->status;
	session->report->outcome = shell->leaving && supervise_signal() ? OUTCOME_STOPPED : 0;
	error = wire_begin(&session->wire, WIRE_LEAVE, 8);
	if (!error)
		error = wire_end(&session->wire, -1);
	while (!error && (error = wire_flush(&session->wire)) == -EINTR)
		error = 0;
	return error;
}

static int drive(struct session *session)
{
	const struct shell_options *options = options_of(session->command);
	struct shell shell = { .session = session, .command = session->command, .directory = strdup("") };
	int error;

	if (!shell.directory)
		abort();
	session->shell = true;
	/* A program that does not read to the end must not end the shell. */
	signal(SIGPIPE, SIG_IGN);
	await(&shell);
	if (!shell.fatal && !session->ended)
		enter_operand(&shell);
	if (!options->line && !shell.leaving && !shell.fatal && !session->ended)
		shell.edit = edit_new(&shell);
	session->interactive = shell.edit;
	if (options->line)
		shell_text(&shell, options->line);
	else if (shell.edit)
		read_terminal(&shell);
	else
		read_script(&shell);
	error = shell.fatal || session->ended ? shell.fatal : leave(&shell);
	edit_free(shell.edit);
	free(shell.directory);
	return error;
}

static void finish(struct session *session)
{
	const struct command *command = session->command;

	if (session->finished && session->interactive && command->images[0].writable && !command->options.quiet &&
	    !(session->report->outcome & OUTCOME_FAILED))
		fprintf(stderr, "rumpus: %s: unmounted; all changes are in the image\n", command->images[0].path);
}

static const struct option_rule options[] = {
	{ 'c', "command", "LINE", "do this line, and leave", option_text, offsetof(struct shell_options, line) },
	{ 'e', "exit-on-error", NULL, "leave after the first line that fails", option_true,
	  offsetof(struct shell_options, stop) },
	{ 'w', "write", NULL, "for writing, too; without it the image is not changed", option_true,
	  offsetof(struct shell_options, write) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus sh disk.img", "look around; \"help\" lists the words" },
	{ "rumpus sh -w disk.img:/etc", "and change things, from /etc on" },
	{ "rumpus sh -c 'cd /var/log; ls -l | less' disk.img", "one line of it" },
	{ "rumpus sh -ew disk.img < script", "many, until one fails" },
	{ 0 },
};

const struct subcommand subcommand_sh = {
	.name = "sh",
	.arguments = "IMAGE[:/DIRECTORY]",
	.summary = "a shell inside an image: the same words, one mount for all",
	.help = "Words are those of the command line, and their paths those of the image: \"ls -l etc\". In cp and its like,\n"
		"host:PATH is a file of the host. \"cd\", \"pwd\", \"lcd\", \"lpwd\", \"help\", \"exit\" are the shell's own.\n"
		"\"| COMMAND\", \"> FILE\", \">> FILE\", \"< FILE\" and \"! COMMAND\" are about programs and files of the host.\n"
		"Quoting and patterns (* ? []) are as in sh(1); there are no variables. The tab key completes.",
	.options = options,
	.options_size = sizeof(struct shell_options),
	.examples = examples,
	.prepare = prepare,
	.work = shell_work,
	.drive = drive,
	.finish = finish,
};
