// SPDX-License-Identifier: BSD-2-Clause
/* rumpus cat: contents of files in images to standard output */
#include <errno.h>
#include <unistd.h>

#include "command.h"
#include "tree.h"

static int prepare(struct command *command, int argc, char **argv)
{
	if (!argc)
		return usage_error(command, "cat what?");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* Where the parent has not passed its standard output: a terminal, or something that could also be read. */
static long send_contents(struct worker *worker, int fd)
{
	long error, size;

	do {
		error = stop_requested() ? -EINTR : wire_begin(&worker->wire, WIRE_DATA, WIRE_INLINE_MAX + 8);
		if (error)
			return error;
		size = fs_read(&fs_image, fd, wire_reserve(&worker->wire, WIRE_INLINE_MAX), WIRE_INLINE_MAX);
		wire_commit(&worker->wire, size > 0 ? (size_t)size : 0);
		error = wire_end(&worker->wire, -1);
		if (!error)
			error = wire_flush(&worker->wire);
	} while (!error && size > 0);
	return error ? error : size;
}

/* @writing: out: the failure is one of standard output */
static long pass_contents(struct worker *worker, int fd, bool *writing)
{
	struct tree_copied copied = { 0 };
	long error;

	/* Standard output may be a pipe, or be opened for appending: its own position counts, and holes are zeroes. */
	error = tree_copy((struct tree_end){ &fs_image, fd }, (struct tree_end){ &fs_host, worker->stdout_fd }, -1,
			  &copied);
	*writing = error && copied.writing;
	return error;
}

/* Of a damaged file that claims more than there can be, zeroes would be shown for hours. Return: false after a message */
static bool can_be_shown(struct worker *worker, const struct operand *operand, int fd)
{
	const struct tree_end file = { &fs_image, fd };
	struct tree_room room;
	struct statx st;

	if (fs_statx(&fs_image, fd, "", &st) || !S_ISREG(st.stx_mode))
		return true;
	if (!tree_size_possible(file, st.stx_size)) {
		report_error(&worker->report, operand->text, TREE_SIZE_IMPOSSIBLE, (unsigned long long)st.stx_size);
		return false;
	}
	image_room(worker, operand->image, &room);
	if (tree_data_fits(&room, file, &st, true))
		return true;
	report_error(&worker->report, operand->text, "%s", TREE_DATA_IMPOSSIBLE);
	return false;
}

static int show(struct worker *worker, const struct operand *operand)
{
	long fd = worker_open(operand->image, operand->path, O_RDONLY | O_NONBLOCK | O_NOCTTY), error = fd < 0 ? fd : 0;
	bool writing = false;

	if (fd >= 0 && can_be_shown(worker, operand, (int)fd))
		error = worker->stdout_fd < 0 ? send_contents(worker, (int)fd)
					      : pass_contents(worker, (int)fd, &writing);
	if (fd >= 0)
		fs_close(&fs_image, (int)fd);
	if (error == -EPIPE && writing)
		worker->report.outcome |= OUTCOME_PIPE;
	else if (error == -EISDIR)
		report_error(&worker->report, operand->text, "is a directory; list it with \"rumpus ls\"");
	else if (error && error != -EINTR)
		report_error(&worker->report, writing ? "standard output" : operand->text, "%s", report_errno(error));
	return writing || error == -EINTR || error == -ESHUTDOWN ? (int)error : 0;
}

static int work(struct worker *worker)
{
	int error = 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++)
		error = show(worker, &worker->command->operands[i]);
	return error;
}

static const struct option_example examples[] = {
	{ "rumpus cat disk.img:/etc/fstab", "a file of the image" },
	{ "rumpus cat -p 2 disk.img:/var/log/syslog | tail", "one in its second partition" },
	{ 0 },
};

const struct subcommand subcommand_cat = {
	.name = "cat",
	.arguments = "IMAGE:/FILE...",
	.summary = "write files to standard output",
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
};
