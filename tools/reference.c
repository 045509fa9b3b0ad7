// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: a file that others are to be like */
#include <errno.h>

#include "reference.h"

int reference_take(struct command *command, const char *text, struct reference *reference)
{
	/* The worker of a shell, which does this as well, reaches no file of the host. */
	enum operand_kind kind = command->directory ? OPERAND_IMAGE : OPERAND_ANY;
	int result = operand_take(command, text, kind, &reference->operand);
	long fd, error;

	if (result || reference->operand.image)
		return result;
	/* There the worker parses lines, too, and has no host to look at. */
	if (command->directory)
		return usage_error(command, "\"%s\": here it must be a file of the image", text);
	fd = fs_openat(&fs_host, AT_FDCWD, text, O_PATH, 0);
	error = fd < 0 ? fd : fs_statx(&fs_host, (int)fd, "", &reference->st);
	if (fd >= 0)
		fs_close(&fs_host, (int)fd);
	if (!error)
		return EXIT_DONE;
	report_error(command->report, text, "cannot examine: %s; write IMAGE:/PATH for what is in an image",
		     report_errno(error));
	return EXIT_PROBLEM;
}

int reference_read(struct worker *worker, struct reference *reference)
{
	const struct operand *operand = &reference->operand;
	long fd, error;

	if (!operand->image)
		return 0;
	fd = worker_open(operand->image, operand->path, O_PATH);
	error = fd < 0 ? fd : fs_statx(&fs_image, (int)fd, "", &reference->st);
	if (fd >= 0)
		fs_close(&fs_image, (int)fd);
	if (error)
		report_error(&worker->report, operand->text, "cannot examine: %s", report_errno(error));
	return (int)error;
}
