// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: images that have nothing to do with each other
 *
 * Each gets its turn, with a worker and a kernel of its own: one that cannot be opened or mounted, or that ends its
 * kernel, keeps nobody from looking at the next one, and nothing that a hostile one does to its worker reaches another
 * image's. A turn has the operands that name one image, as far as they follow each other; there may be any number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

/* The same command, before its operands were taken. */
static struct command without_operands(const struct command *command)
{
	struct command turn = *command;

	turn.operands = NULL;
	turn.operand_count = turn.image_count = 0;
	return turn;
}

/* How many words from the first one on name the same image as it does. Return: 0 after a message */
static int turn_length(const struct command *command, int argc, char **argv)
{
	struct command turn = without_operands(command);
	int length = 0;

	while (length < argc) {
		struct operand operand;

		if (operand_take(&turn, argv[length], OPERAND_IMAGE, &operand))
			return 0;
		if (turn.image_count > 1)
			break;
		length++;
	}
	return length;
}

/* One turn's operands. Return: EXIT_DONE; an exit code after a message */
static int take(const struct command *command, struct command *turn, int length, char **words)
{
	*turn = without_operands(command);
	return command->sub->prepare(turn, length, words);
}

int turns_take(struct command *command, int argc, char **argv)
{
	int first = 0, result = EXIT_DONE;

	while (first < argc && !result) {
		int length = turn_length(command, argc - first, argv + first);
		struct command turn;

		result = length ? take(command, &turn, length, argv + first) : EXIT_USAGE;
		if (length)
			free(turn.operands);
		first += length;
		command->turn_count++;
	}
	/* One that tells what it has missed does so of a single image, too. */
	if (result || command->turn_count > 1 || command->sub->missed) {
		command->words = argv;
		command->word_count = argc;
		return result;
	}
	command->turn_count = 0;
	return command->sub->prepare(command, argc, argv);
}

static void run_turn(struct session *session, struct command *turn)
{
	session->command = turn;
	session->answered = false;
	if (!images_open(turn))
		session_work(session);
	else
		images_close(turn);
	if (!session->answered && turn->sub->missed && !supervise_signal())
		turn->sub->missed(session);
	fflush(stdout); /* an answer is there when it is known; a failure is kept for the end */
}

/* Nobody reads what the workers write. Where they do not, it is nothing that one of them can know. */
static bool is_unread(const struct command *command)
{
	return worker_takes_stdout(command) && command->report->outcome & OUTCOME_PIPE;
}

int turns_run(struct command *command)
{
	struct session session = { .command = command, .report = command->report, .cwd = -1, .more = true };
	int first = 0;

	while (first < command->word_count && !supervise_signal() && !is_unread(command)) {
		int length = turn_length(command, command->word_count - first, command->words + first);
		struct command turn;

		if (!length || take(command, &turn, length, command->words + first))
			break; /* not so before */
		first += length;
		run_turn(&session, &turn);
		free(turn.operands);
	}
	session.command = command;
	session.more = false;
	session.finished = !supervise_signal();
	if (command->sub->finish)
		command->sub->finish(&session);
	return session_end(&session);
}
