// SPDX-License-Identifier: BSD-2-Clause
/* rumpus truncate: sizes of files in images */
#include <errno.h>
#include <string.h>

#include "quantity.h"
#include "reference.h"

struct truncate_options {
	const char *size, *reference_text;
	bool existing;
	/* understood from these */
	struct reference reference;
	char operator; /* of "+-<>/%", or 0 */
	int64_t amount;
};

static int read_size(const struct command *command)
{
	struct truncate_options *options = command->own;
	const char *digits = options->size + strspn(options->size, " ");
	int error;

	if (*digits && strchr("+-<>/%", *digits))
		options->operator= * digits++;
	error = quantity_size(digits, &options->amount);
	if (error == -ERANGE)
		return usage_error(command, "size \"%s\" is more than any file can have", options->size);
	if (error)
		return usage_error(command, "size \"%s\" is not understood; write it as 10M, +4K or %%512",
				   options->size);
	if ((options->operator== '/' || options->operator== '%') && !options->amount)
		return usage_error(command, "size \"%s\": there are no multiples of 0", options->size);
	if (options->reference_text && !options->operator)
		return usage_error(command, "beside -r, the size must be relative: +, -, <, >, / or %%");
	return EXIT_DONE;
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct truncate_options *options = command->own;
	int result = EXIT_DONE;

	if (!argc)
		return usage_error(command, "make what shorter or longer?");
	if (!options->size && !options->reference_text)
		return usage_error(command, "to which size? Give -s or -r");
	if (options->size)
		result = read_size(command);
	if (!result)
		result = operands_take_writable(command, argc, argv);
	if (!result && options->reference_text)
		result = reference_take(command, options->reference_text, &options->reference);
	return result;
}

/* @base: the size that a relative one starts from. Return: 0, -EFBIG */
static long new_size(const struct truncate_options *options, int64_t base, int64_t *size)
{
	int64_t amount = options->amount, over;

	*size = base;
	switch (options->operator) {
	case 0:
		*size = options->size ? amount : base;
		return 0;
	case '+':
		return __builtin_add_overflow(base, amount, size) ? -EFBIG : 0;
	case '-':
		*size = base > amount ? base - amount : 0;
		return 0;
	case '<':
		*size = base < amount ? base : amount;
		return 0;
	case '>':
		*size = base > amount ? base : amount;
		return 0;
	case '/':
		*size = base - base % amount;
		return 0;
	}
	over = base % amount;
	return over && __builtin_add_overflow(base, amount - over, size) ? -EFBIG : 0;
}

static long resize(struct worker *worker, const struct operand *operand)
{
	const struct truncate_options *options = worker->command->own;
	struct statx st;
	int64_t size;
	long error, fd = worker_open(operand->image, operand->path, O_WRONLY | O_NONBLOCK | O_NOCTTY);

	if (fd == -ENOENT && options->existing)
		return 0;
	if (fd == -ENOENT)
		fd = worker_create(operand->image, operand->path, O_WRONLY | O_NONBLOCK, 0666 & ~worker->umask);
	if (fd < 0)
		return fd;
	error = fs_statx(&fs_image, (int)fd, "", &st);
	if (!error)
		error = new_size(options,
				 (int64_t)(options->reference_text ? options->reference.st.stx_size : st.stx_size),
				 &size);
	if (!error)
		error = fs_ftruncate(&fs_image, (int)fd, size);
	fs_close(&fs_image, (int)fd);
	return error;
}

static int work(struct worker *worker)
{
	struct truncate_options *options = worker->command->own;
	int result = options->reference_text ? reference_read(worker, &options->reference) : 0;

	for (unsigned int i = 0; i < worker->command->operand_count && !result; i++) {
		const struct operand *operand = &worker->command->operands[i];
		long error = resize(worker, operand);

		if (error)
			result = worker_failed(worker, operand->text,
					       error == -ENOENT ? "a directory on the way is missing"
								: "cannot change the size",
					       error);
	}
	return result;
}

static const struct option_rule options[] = {
	{ 'c', "no-create", NULL, "make no files", option_true, offsetof(struct truncate_options, existing) },
	{ 'r', "reference", "FILE", "the size of that file, in an image or on the host", option_text,
	  offsetof(struct truncate_options, reference_text) },
	{ 's', "size", "SIZE", "bytes, or with K, M, G; + - < > / % make it relative", option_text,
	  offsetof(struct truncate_options, size) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus truncate -s 0 disk.img:/var/log/syslog", "empty it" },
	{ "rumpus truncate -s +1G disk.img:/swap", "longer, by a hole" },
	{ "rumpus truncate -s %4K disk.img:/data", "up to a multiple" },
	{ 0 },
};

const struct subcommand subcommand_truncate = {
	.name = "truncate",
	.arguments = "IMAGE:/FILE...",
	.summary = "make files shorter or longer",
	.help = "SIZE: K, M, G, T, P, E are powers of 1024, with B after them powers of 1000. Before it: + and - change the\n"
		"size by that, < and > make it at most and at least that, / and % round it down and up to a multiple.\n"
		"A file that is missing is made.",
	.options = options,
	.options_size = sizeof(struct truncate_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
};
