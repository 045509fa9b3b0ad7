// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: images that have nothing to do with each other
 *
 * Each gets its turn, with a worker and a kernel of its own: one that cannot be opened or mounted, or that ends its
 * kernel, keeps nobody from looking at the next one, and nothing that a hostile one does to its worker reaches another
 * image's. A turn has the operands that name one image, as far as they follow each other; there may be any number. What
 * follows the operands, as the expression of "find", belongs to each turn.
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

/* How many words may name images. */
static int path_count(const struct command *command, int argc, char **argv)
{
	return command->sub->paths ? command->sub->paths(argc, argv) : argc;
}

/*
 * One turn's operands, @length words from number @first on, and what follows the last one of all. Return: EXIT_DONE; an exit
 * code after a message
 */
static int take(const struct command *command, struct command *turn, int first, int length, int argc, char **argv)
{
	const int paths = path_count(command, argc, argv), rest = argc - paths;
	char **words = calloc((size_t)(length + rest) + 1, sizeof(*words));
	int result;

	if (!words)
		abort();
	memcpy(words, argv + first, (size_t)length * sizeof(*words));
	memcpy(words + length, argv + paths, (size_t)rest * sizeof(*words));
	*turn = without_operands(command);
	result = command->sub->prepare(turn, length + rest, words);
	free(words);
	return result;
}

int turns_take(struct command *command, int argc, char **argv)
{
	const int paths = path_count(command, argc, argv);
	int first = 0, result = EXIT_DONE;

	while (first < paths && !result) {
		int length = turn_length(command, paths - first, argv + first);
		struct command turn;

		result = length ? take(command, &turn, first, length, argc, argv) : EXIT_USAGE;
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

static void parts_forget(struct session_part *parts)
{
	for (struct session_part *part = parts; part->number; part++) {
		free(part->other);
		*part = (struct session_part){ 0 };
	}
}

static void run_turn(struct session *session, struct command *turn)
{
	session->command = turn;
	session->answered = false;
	parts_forget(session->parts);
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

static bool is_over(const struct session *session)
{
	return supervise_signal() || session->enough || is_unread(session->command);
}

/* As if it had been named. */
static void run_part(struct session *session, struct command *turn, const struct session_part *part)
{
	struct image *image = &turn->images[0];
	const char *whole = image->path;
	char number[16], *path;

	snprintf(number, sizeof(number), "%u", part->number);
	if (asprintf(&path, "%s@%s", image->file, number) < 0)
		abort();
	image->path = path;
	image->partition = number;
	if (part->other)
		turn->sub->other(session, path, part->other);
	else
		run_turn(session, turn);
	image->path = whole;
	image->partition = NULL;
	free(path);
}

/* The partitions that the worker has told of. */
static void run_parts(struct session *session, struct command *turn)
{
	struct session_part parts[PARTITIONS_MAX + 1];

	memcpy(parts, session->parts, sizeof(parts));
	memset(session->parts, 0, sizeof(session->parts));
	for (unsigned int i = 0; parts[i].number && !is_over(session); i++)
		run_part(session, turn, &parts[i]);
	parts_forget(parts);
	parts_forget(session->parts); /* of a worker that tells of some for no reason */
}

int turns_run(struct command *command)
{
	struct session session = { .command = command, .report = command->report, .cwd = -1, .more = true };
	const int paths = path_count(command, command->word_count, command->words);
	int first = 0;

	while (first < paths && !is_over(&session)) {
		int length = turn_length(command, paths - first, command->words + first);
		struct command turn;

		if (!length || take(command, &turn, first, length, command->word_count, command->words))
			break; /* not so before */
		first += length;
		run_turn(&session, &turn);
		run_parts(&session, &turn);
		session.command = command;
		free(turn.operands);
	}
	session.more = false;
	session.finished = !supervise_signal();
	if (command->sub->finish)
		command->sub->finish(&session);
	return session_end(&session);
}
