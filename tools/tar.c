// SPDX-License-Identifier: BSD-2-Clause
/* rumpus tar: what is in images as a pax archive */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tar.h"

/**
 * struct tar_options - of the command line
 * @compression: NULL: none
 * @dir:      "-C"
 */
struct tar_options {
	const char *file, *dir;
	const struct compression *compression;
	bool by_name, create, one_fs;
	struct pattern_list exclude;
};

/* Compressions that libarchive makes by itself, without a program of the host's. */
static const struct compression {
	const char *name;
	int (*add)(struct archive *archive);
	const char *endings[3];
} compressions[] = {
	{ "gzip", archive_write_add_filter_gzip, { ".gz", ".tgz" } },
	{ "zstd", archive_write_add_filter_zstd, { ".zst", ".tzst" } },
	{ "xz", archive_write_add_filter_xz, { ".xz", ".txz" } },
	{ "bzip2", archive_write_add_filter_bzip2, { ".bz2", ".tbz2", ".tbz" } },
	{ "lz4", archive_write_add_filter_lz4, { ".lz4" } },
};

#define COMPRESSIONS (sizeof(compressions) / sizeof(*compressions))

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), part = strlen(end);

	return length >= part && !strcmp(text + length - part, end);
}

/* Return: NULL for none */
static const struct compression *by_name(const char *file)
{
	for (size_t i = 0; i < COMPRESSIONS; i++) {
		for (size_t e = 0; e < 3 && compressions[i].endings[e]; e++) {
			if (ends_with(file, compressions[i].endings[e]))
				return &compressions[i];
		}
	}
	return NULL;
}

static bool is_stdout(const char *file)
{
	return !file || !strcmp(file, "-");
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct tar_options *options = command->own;

	if (!argc)
		return usage_error(command, "archive what?");
	if (is_stdout(options->file) && isatty(STDOUT_FILENO))
		return usage_error(command, "an archive is nothing for a terminal; use -f FILE, or a pipe");
	if (options->by_name && is_stdout(options->file))
		return usage_error(command, "-a goes by the name of the archive, which -f FILE gives");
	if (options->by_name && !options->compression)
		options->compression = by_name(options->file);
	if (options->by_name && !options->compression && !ends_with(options->file, ".tar"))
		return usage_error(command,
				   "-a does not know what \"%s\" ends in; call it .tar, .tar.gz, .tar.zst, .tar.xz, "
				   ".tar.bz2 or .tar.lz4",
				   options->file);
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

/* The parent's half: the file that the archive becomes. A descriptor that can only be written to, or none. */
static int open_output(struct session *session, const char *file)
{
	int fd;

	if (is_stdout(file))
		return stdout_for_worker() ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
	fd = openat(session->cwd, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666 & ~session->mask);
	if (fd >= 0)
		return fd;
	report_error(session->report, file, "cannot be written: %s", report_errno(-errno));
	return -ECANCELED;
}

static int drive(struct session *session)
{
	const struct tar_options *options = session->command->own;
	int fd = open_output(session, options->file);

	return fd == -ECANCELED ? fd : archive_file_send(session, fd);
}

/* The worker's half. */

/* Where a source is in the image. What "-C" names comes before it, and in a shell the present directory before both.
 * Caller frees. */
static char *source_path(const struct command *command, const struct operand *source)
{
	const char *dir = ((const struct tar_options *)command->own)->dir, *cwd = command->directory;
	char *path;
	int made;

	if (!dir)
		made = asprintf(&path, "%s", source->path);
	else if (!cwd)
		made = asprintf(&path, "%s/%s", dir, source->path);
	else
		made = asprintf(&path, "%s/%s/%s", *dir == '/' ? "" : cwd, dir, source->text);
	if (made < 0)
		abort();
	return path;
}

/* What a source is called in the archive: its path without slashes at the ends, "." for the root; up to the last "..",
 * it says nothing that holds elsewhere. Caller frees. */
static char *member_name(const char *path)
{
	struct path name = { 0 };
	char *copy = strdup(path), *rest = copy, *word;

	if (!copy || path_set(&name, ""))
		abort();
	while ((word = strsep(&rest, "/"))) {
		if (!strcmp(word, ".."))
			path_pop(&name, 0);
		else if (*word && strcmp(word, ".") && path_push(&name, word) < 0)
			abort();
	}
	if (!name.length && path_push(&name, ".") < 0)
		abort();
	free(copy);
	return name.text;
}

static bool is_wanted(void *arg, const char *path)
{
	return !pattern_excludes(arg, path);
}

static int add_source(struct worker *worker, struct tree_walk *walk, struct tar_sink *sink, unsigned int number)
{
	const struct command *command = worker->command;
	const struct operand *source = &command->operands[number];
	char *path = source_path(command, source), last[FS_NAME_SIZE];
	/* In a shell as it was typed, like tar(1), not from the root on. */
	char *name = member_name(command->directory ? source->text : source->path);
	long dir = worker_open_parent(source->image, path, last);
	int error = 0;

	if (dir < 0)
		report_error(&worker->report, source->text, "cannot open: %s", report_errno(dir));
	else {
		image_room(worker, source->image, &walk->room);
		error = tar_sink_start(sink, name);
		if (!error)
			error = tree_walk(walk, number, (int)dir, last, source->text);
		fs_close(&fs_image, (int)dir);
	}
	free(path);
	free(name);
	return error ? error : dir == -EINTR || dir == -ESHUTDOWN ? (int)dir : 0;
}

static int add_sources(struct worker *worker, struct archive *archive)
{
	struct tar_options *options = worker->command->own;
	struct tar_sink sink;
	struct tree_walk walk = {
		.fs = &fs_image,
		.sink = &sink.sink,
		.report = &worker->report,
		.preserve = true,
		.enter_xattrs = true,
		.one_fs = options->one_fs,
		.wanted = options->exclude.count ? is_wanted : NULL,
		.wanted_arg = &options->exclude,
	};
	int error = tar_sink_init(&sink, archive, &worker->report);

	if (error)
		return error;
	error = tree_walk_init(&walk);
	for (unsigned int i = 0; i < worker->command->operand_count && !error; i++)
		error = add_source(worker, &walk, &sink, i);
	tree_walk_fini(&walk);
	tar_sink_fini(&sink);
	return error;
}

static int open_archive(struct worker *worker, struct archive *archive, struct archive_file *file)
{
	const struct tar_options *options = worker->command->own;
	int result = archive_write_set_format_pax(archive);

	if (result == ARCHIVE_OK)
		result = archive_write_set_options(archive, "xattrheader=SCHILY");
	if (result == ARCHIVE_OK && options->compression)
		result = options->compression->add(archive);
	if (result == ARCHIVE_OK)
		result = archive_file_write(archive, file);
	return result == ARCHIVE_OK ? 0 : -EIO;
}

static void explain(struct worker *worker, const struct archive_file *file, struct archive *archive, int error)
{
	const struct tar_options *options = worker->command->own;
	const char *why = archive_error_string(archive);

	if (file->error == -EPIPE && is_stdout(options->file))
		worker->report.outcome |= OUTCOME_PIPE;
	else if (error != -EINTR)
		report_error(&worker->report, is_stdout(options->file) ? "standard output" : options->file,
			     "cannot be written: %s",
			     file->error ? report_errno(file->error)
			     : why	 ? why
					 : report_errno(error));
}

static int work(struct worker *worker)
{
	struct archive *archive = archive_write_new();
	struct archive_file file;
	int error = archive_file_receive(worker, &file);

	if (!archive)
		error = error ? error : -ENOMEM;
	if (!error) {
		archive_charset_begin(archive, true);
		error = open_archive(worker, archive, &file);
		if (!error)
			error = add_sources(worker, archive);
		/* What was begun is not ended well: whoever reads it is to notice. */
		if (error)
			archive_write_fail(archive);
		else if (archive_write_close(archive) != ARCHIVE_OK)
			error = -EIO;
		if (error)
			explain(worker, &file, archive, error);
		archive_charset_begin(NULL, false);
		archive_file_close(&file);
	}
	archive_write_free(archive);
	return error;
}

static int take_compression(const struct command *command, const struct option_rule *rule, void *target,
			    const char *argument)
{
	const struct compression **compression = target;

	for (size_t i = 0; i < COMPRESSIONS; i++) {
		if (!strcmp(compressions[i].name, rule->name))
			*compression = &compressions[i];
	}
	return EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 'c', "create", NULL, "what is done anyway", option_true, offsetof(struct tar_options, create) },
	{ 'f', "file", "FILE", "write the archive there instead of to standard output", option_text,
	  offsetof(struct tar_options, file) },
	{ 'C', "directory", "DIR", "paths are taken, and members named, from this directory of the image on",
	  option_text, offsetof(struct tar_options, dir) },
	{ 0, "exclude", "PATTERN", "leave out what matches, with all below it; may be repeated", tar_exclude_option,
	  offsetof(struct tar_options, exclude) },
	{ 0, "one-file-system", NULL, "of what is mounted in a source, and of subvolumes, only the directory", option_true,
	  offsetof(struct tar_options, one_fs) },
	{ 'a', "auto-compress", NULL, "compress as the name of the archive says", option_true,
	  offsetof(struct tar_options, by_name) },
	{ 'z', "gzip", NULL, "compress with gzip", take_compression, offsetof(struct tar_options, compression) },
	{ 'j', "bzip2", NULL, "with bzip2", take_compression, offsetof(struct tar_options, compression) },
	{ 'J', "xz", NULL, "with xz", take_compression, offsetof(struct tar_options, compression) },
	{ 0, "zstd", NULL, "with zstd", take_compression, offsetof(struct tar_options, compression) },
	{ 0, "lz4", NULL, "with lz4", take_compression, offsetof(struct tar_options, compression) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus tar --zstd -f root.tar.zst disk.img", "everything, with all metadata" },
	{ "rumpus tar disk.img:/home | tar -tv", "one directory, to another program" },
	{ "rumpus tar old.img | rumpus untar new.img", "from one file system to another" },
	{ 0 },
};

const struct subcommand subcommand_tar = {
	.name = "tar",
	.arguments = "IMAGE[:/PATH]...",
	.summary = "write files as a tar archive",
	.help = "The archive has the pax format and holds owners by number, modes, times to the nanosecond, extended\n"
		"attributes, ACLs, hard links, holes and device nodes. Sockets are left out with a warning.\n"
		"Members are called by their path without the leading slash; an image's root is \"./\".",
	.options = options,
	.options_size = sizeof(struct tar_options),
	.examples = examples,
	.progress = true,
	.prepare = prepare,
	.work = work,
	.drive = drive,
};
