// SPDX-License-Identifier: BSD-2-Clause
/* rumpus stat: all that is known about files in images */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "found.h"

struct stat_options {
	const char *format, *printf;
	bool follow, json;
};

/* What a directive is about. */
struct subject {
	const struct found *found;
	const struct found_names *names;
};

static void put_quoted(const struct format_field *field, const struct subject *subject)
{
	char *text;

	if (asprintf(&text, S_ISLNK(subject->found->mode) ? "'%s' -> '%s'" : "'%s'", subject->names->path,
		     subject->names->target) < 0)
		abort();
	format_text(field, text);
	free(text);
}

static void put_time(const struct format_field *field, const struct found_time *when)
{
	char text[96];

	format_text(field, found_time(when, text, sizeof(text)));
}

static void put_name(const struct format_field *field, const char *name)
{
	format_text(field, *name ? name : "UNKNOWN");
}

static uint64_t device(uint32_t major, uint32_t minor)
{
	return (uint64_t)major << 8 | (minor & 0xff) | (uint64_t)(minor & ~0xffU) << 12;
}

/* What is a number. Return: false for a letter that is something else */
static bool put_number(const struct format_field *field, const struct found *found)
{
	switch (field->letter) {
	case 'a':
		format_octal(field, found->mode & 07777);
		return true;
	case 'b':
		format_number(field, found->blocks);
		return true;
	case 'B':
		format_number(field, 512);
		return true;
	case 'f':
		format_hex(field, found->mode);
		return true;
	case 'g':
		format_number(field, found->gid);
		return true;
	case 'h':
		format_number(field, found->nlink);
		return true;
	case 'i':
		format_number(field, found->ino);
		return true;
	case 'o':
		format_number(field, found->block_size);
		return true;
	case 'r':
		format_number(field, device(found->rdev_major, found->rdev_minor));
		return true;
	case 's':
		format_number(field, found->size);
		return true;
	case 't':
		format_hex(field, found->rdev_major);
		return true;
	case 'T':
		format_hex(field, found->rdev_minor);
		return true;
	case 'u':
		format_number(field, found->uid);
		return true;
	}
	return false;
}

static const struct found_time *time_of(const struct found *found, char letter)
{
	switch (letter) {
	case 'w':
	case 'W':
		return &found->birth;
	case 'x':
	case 'X':
		return &found->access;
	case 'y':
	case 'Y':
		return &found->modify;
	default:
		return &found->change;
	}
}

static void put(const struct format_field *field, const void *arg)
{
	const struct subject *subject = arg;
	const struct found *found = subject->found;
	char mode[11];

	if (put_number(field, found))
		return;
	switch (field->letter) {
	case 'A':
		found_mode(found->mode, mode);
		format_text(field, mode);
		break;
	case 'F':
		format_text(field,
			    S_ISREG(found->mode) && !found->size ? "regular empty file" : found_type(found->mode));
		break;
	case 'G':
		put_name(field, subject->names->group);
		break;
	case 'n':
		format_text(field, subject->names->path);
		break;
	case 'N':
		put_quoted(field, subject);
		break;
	case 'U':
		put_name(field, subject->names->user);
		break;
	case 'W':
	case 'X':
	case 'Y':
	case 'Z':
		format_seconds(field, time_of(found, field->letter));
		break;
	default:
		put_time(field, time_of(found, field->letter));
	}
}

static const struct format_rules rules = {
	.letters = "aAbBfFgGhinNorstTuUwWxXyYzZ",
	.pairs = "",
	.seconds = "",
	.put = put,
};

static void print_all(const struct subject *subject)
{
	static const char head[] = "\n"
				   "  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n"
				   " Inode: %-11i Links: %h\n";
	static const char devices[] = "Device type: %t,%T (hexadecimal)\n";
	static const char rest[] = "Access: (%04a/%A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n"
				   "Access: %x\nModify: %y\nChange: %z\n Birth: %w\n";
	uint32_t mode = subject->found->mode;

	format_run(&rules, "  File: %n", false, subject);
	if (S_ISLNK(mode)) {
		fputs(" -> ", stdout);
		text_put(subject->names->target);
	}
	format_run(&rules, head, false, subject);
	if (S_ISCHR(mode) || S_ISBLK(mode))
		format_run(&rules, devices, false, subject);
	format_run(&rules, rest, false, subject);
}

static int prepare(struct command *command, int argc, char **argv)
{
	const struct stat_options *options = command->own;
	const char *format = options->printf ? options->printf : options->format;
	const char *wrong = format ? format_check(&rules, format) : NULL;

	if (!argc)
		return usage_error(command, "tell about what?");
	if (wrong)
		return usage_error(command, "format \"%s\": \"%.3s\" is not understood; it knows %%%s", format, wrong,
				   rules.letters);
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static int enter(struct visit *visit, struct visit_file *file)
{
	int error = found_send(visit, file, 0);

	return error ? error : VISIT_SKIP;
}

static int work(struct worker *worker)
{
	const struct stat_options *options = worker->command->own;
	struct visit visit = { .worker = worker, .enter = enter, .follow = options->follow };

	return visit_operands(&visit, 0);
}

static int record(struct session *session, struct wire_record *record)
{
	const struct stat_options *options = session->command->own;
	struct found found;
	struct found_names names;
	const struct subject subject = { &found, &names };

	if (record->type != WIRE_FOUND)
		return -EPROTO;
	found_get(record, &found, &names);
	if (options->json)
		found_json(json_list_next(), &found, &names);
	else if (options->printf)
		format_run(&rules, options->printf, true, &subject);
	else if (options->format && format_run(&rules, options->format, false, &subject))
		putchar('\n');
	else if (!options->format)
		print_all(&subject);
	return ferror(stdout) ? -EIO : 0;
}

static void finish(struct session *session)
{
	const struct stat_options *options = session->command->own;

	if (options->json && session->finished)
		json_list_end();
}

static const struct option_rule options[] = {
	{ 'c', "format", "FORMAT", "this instead, and a new line", option_text, offsetof(struct stat_options, format) },
	{ 0, "printf", "FORMAT", "the same with escapes as \\n, and no new line", option_text,
	  offsetof(struct stat_options, printf) },
	{ 'L', "dereference", NULL, "of what a symbolic link leads to", option_true,
	  offsetof(struct stat_options, follow) },
	{ 0, "json", NULL, "as JSON", option_true, offsetof(struct stat_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus stat disk.img:/etc/passwd", "all about a file" },
	{ "rumpus stat -c '%a %U:%G %s' disk.img:/etc/shadow", "mode, owners and size" },
	{ 0 },
};

const struct subcommand subcommand_stat = {
	.name = "stat",
	.arguments = "IMAGE:/FILE...",
	.summary = "tell all that is known about files",
	.help = "Directives of FORMAT, as in stat(1): %a mode in octal, %A for people, %b blocks of %B bytes, %f mode in\n"
		"hexadecimal, %F type, %g %G group, %h links, %i inode, %n name, %N with its link, %o size of blocks for\n"
		"I/O, %r %t %T device number, %s size, %u %U owner, %w %x %y %z times of birth, access, modification and\n"
		"change, %W %X %Y %Z the same in seconds, %% a percent sign. Names are those in the image's /etc/passwd.",
	.options = options,
	.options_size = sizeof(struct stat_options),
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.each = true,
	.record = record,
	.finish = finish,
};
