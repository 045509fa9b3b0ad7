// SPDX-License-Identifier: BSD-2-Clause
/* rumpus untar: what is in an archive into an image */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "untar.h"

/**
 * struct untar_options - of the command line
 * @dir:     "-C"
 * @extract: said for habit's sake
 * @members: operands after the first
 */
struct untar_options {
	const char *file, *dir;
	bool extract;
	struct option_number strip;
	struct pattern_list exclude, members;
};

/**
 * struct untar - the worker's
 * @entry:   the one that was read last
 * @path:    its path below the target; of @room bytes
 * @xattrs:  its extended attributes
 */
struct untar {
	struct untar_options *options;
	struct report *report;
	struct archive *archive;
	struct archive_file file;
	struct archive_entry *entry;
	struct tree_build build;
	struct place place;
	struct archive_xattrs xattrs;
	char *path;
	size_t room;
};

static bool is_stdin(const char *file)
{
	return !file || !strcmp(file, "-");
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct untar_options *options = command->own;
	int result;

	if (!argc)
		return usage_error(command, "into which image?");
	if (is_stdin(options->file) && isatty(STDIN_FILENO))
		return usage_error(command, "no archive comes from a terminal; use -f FILE, or a pipe");
	result = operands_take(command, 1, argv, OPERAND_IMAGE);
	for (int i = 1; i < argc; i++)
		pattern_add(&options->members, argv[i]);
	if (!result)
		command->images[0].writable = true;
	return result;
}

/* The parent's half. */

/* What the worker gets must only be read: no terminal, nobody's socket. */
static int take_stdin(struct session *session)
{
	int flags = fcntl(STDIN_FILENO, F_GETFL), fd;

	if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	fd = open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0 && lseek(STDIN_FILENO, 0, SEEK_CUR) >= 0)
		lseek(fd, lseek(STDIN_FILENO, 0, SEEK_CUR), SEEK_SET);
	if (fd >= 0)
		return fd;
	report_error(session->report, "standard input", "%s",
		     flags < 0 ? "is closed; give the archive with -f FILE, or by a pipe"
			       : "can be written to as well, and is not handed to the worker; use a pipe");
	return -ECANCELED;
}

static int open_input(struct session *session, const char *file)
{
	int fd;

	if (is_stdin(file))
		return take_stdin(session);
	fd = openat(session->cwd, file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		return fd;
	report_error(session->report, file, "cannot be opened: %s", report_errno(-errno));
	return -ECANCELED;
}

static int drive(struct session *session)
{
	const struct untar_options *options = session->command->own;
	int fd = open_input(session, options->file);

	return fd < 0 ? fd : archive_file_send(session, fd);
}

/* The worker's half. */

/* Everything that libarchive reads by itself, without a program of the host's. */
static struct archive *new_reader(void)
{
	static int (*const parts[])(struct archive *) = {
		archive_read_support_format_tar,      archive_read_support_format_cpio,
		archive_read_support_format_zip,      archive_read_support_format_7zip,
		archive_read_support_format_rar,      archive_read_support_format_rar5,
		archive_read_support_format_cab,      archive_read_support_format_lha,
		archive_read_support_format_ar,	      archive_read_support_format_iso9660,
		archive_read_support_filter_gzip,     archive_read_support_filter_bzip2,
		archive_read_support_filter_xz,	      archive_read_support_filter_lzma,
		archive_read_support_filter_lzip,     archive_read_support_filter_zstd,
		archive_read_support_filter_lz4,      archive_read_support_filter_rpm,
		archive_read_support_filter_compress, archive_read_support_filter_uu,
	};
	struct archive *archive = archive_read_new();

	for (size_t i = 0; archive && i < sizeof(parts) / sizeof(*parts); i++) {
		if (parts[i](archive) == ARCHIVE_OK)
			continue;
		archive_read_free(archive);
		archive = NULL;
	}
	return archive;
}

static const char *archive_name(const struct untar *untar)
{
	return is_stdin(untar->options->file) ? "standard input" : untar->options->file;
}

/* The archive cannot be read any further. Return: -EINTR, or -ECANCELED after a message */
static int broken(struct untar *untar)
{
	const char *why = archive_error_string(untar->archive);

	if (untar->file.error == -EINTR)
		return -EINTR;
	report_error(untar->report, archive_name(untar), "%s; %s", why ? why : "is no archive that can be read",
		     archive_file_count(untar->archive) ? "what came before it is there" : "nothing was unpacked");
	return -ECANCELED;
}

/**
 * struct block - a piece of contents, as libarchive has it
 * @status: ARCHIVE_EOF: there is none
 */
struct block {
	int status;
	const void *bytes;
	size_t size;
	la_int64_t offset;
};

static void next_block(struct untar *untar, struct block *block)
{
	do
		block->status = archive_read_data_block(untar->archive, &block->bytes, &block->size, &block->offset);
	while (block->status == ARCHIVE_RETRY);
	if (block->status == ARCHIVE_EOF)
		*block = (struct block){ .status = ARCHIVE_EOF };
}

/* Holes are where no block is. @error: out: of the image. Return: 0, or as broken() */
static int put_blocks(struct untar *untar, struct block *block, int fd, long *error)
{
	for (; block->status == ARCHIVE_OK || block->status == ARCHIVE_WARN; next_block(untar, block)) {
		if (stop_requested())
			return -EINTR;
		*error = fs_write_all(untar->build.fs, fd, block->bytes, block->size, block->offset);
		if (*error)
			return 0;
	}
	return block->status == ARCHIVE_EOF ? 0 : broken(untar);
}

/* A file whose contents come in several pieces, or with holes. */
static int stream(struct untar *untar, struct tree_entry *entry, struct block *block)
{
	struct tree_sink *sink = &untar->build.sink;
	struct tree_end to;
	long error = 0;
	int result, finished;

	entry->kind = TREE_STREAM;
	result = sink->begin(sink, entry, &to);
	if (result || to.fd < 0)
		return result;
	result = put_blocks(untar, block, to.fd, &error);
	if (!result && !error && archive_entry_size_is_set(untar->entry))
		error = fs_ftruncate(to.fs, to.fd, (int64_t)entry->meta.size);
	if (error && error != -EINTR)
		report_error(untar->report, untar->path, "cannot write: %s", report_errno(error));
	entry->kind = TREE_STREAM_END;
	entry->status = result ? result : (int32_t)error;
	finished = sink->finish(sink, entry);
	if (!result)
		result = finished ? finished : tree_fatal(error) ? (int)error : 0;
	return result;
}

static int put_file(struct untar *untar, struct tree_entry *entry)
{
	struct block block;

	next_block(untar, &block);
	if (block.status != ARCHIVE_OK && block.status != ARCHIVE_WARN && block.status != ARCHIVE_EOF)
		return broken(untar);
	if (!archive_entry_size_is_set(untar->entry) || block.offset || block.size != entry->meta.size)
		return stream(untar, entry, &block);
	entry->kind = TREE_FILE;
	entry->data = block.bytes;
	entry->data_size = block.size;
	return untar->build.sink.take(&untar->build.sink, entry);
}

/* Below the target; NULL for what leads out of it, after a message. Caller frees. */
static char *link_target(struct untar *untar, const char *target)
{
	char *clean = malloc(strlen(target) + 1);

	if (clean && !place_clean(target, untar->options->strip.value, clean) && *clean)
		return clean;
	free(clean);
	report_error(untar->report, untar->path, "is a hard link to \"%s\", which is not below the target; left out",
		     target);
	return NULL;
}

/* Some formats have the contents with the last of all names. */
static int fill_link(struct untar *untar, const struct tree_entry *entry)
{
	const struct open_how how = {
		.flags = O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	const struct fs *fs = untar->build.fs;
	struct block block;
	long fd, error = 0;
	int result;

	next_block(untar, &block);
	if (block.status == ARCHIVE_EOF)
		return 0;
	fd = fs_openat2(fs, untar->build.base, untar->path, &how);
	if (fd < 0) {
		report_error(untar->report, untar->path, "cannot write: %s", report_errno(fd));
		return 0;
	}
	result = put_blocks(untar, &block, (int)fd, &error);
	if (error)
		report_error(untar->report, untar->path, "cannot write: %s", report_errno(error));
	tree_meta_apply(fs, (int)fd, -1, NULL, entry, untar->report, untar->path);
	fs_close(fs, (int)fd);
	return result ? result : tree_fatal(error) ? (int)error : 0;
}

static int put_link(struct untar *untar, struct tree_entry *entry)
{
	char *target = link_target(untar, archive_entry_hardlink(untar->entry));
	int error;

	if (!target)
		return 0;
	entry->kind = TREE_LINK;
	entry->target = target;
	error = untar->build.sink.take(&untar->build.sink, entry);
	free(target);
	return error || !entry->meta.size ? error : fill_link(untar, entry);
}

static int put_special(struct untar *untar, struct tree_entry *entry)
{
	entry->kind = TREE_SPECIAL;
	if (S_ISLNK(entry->meta.mode)) {
		entry->target = archive_entry_symlink(untar->entry);
		if (!entry->target || !*entry->target) {
			report_error(untar->report, untar->path, "is a symbolic link to nothing; left out");
			return 0;
		}
	}
	return untar->build.sink.take(&untar->build.sink, entry);
}

/* What is no directory, into the directory that its path says. */
static int put_below(struct untar *untar, struct tree_entry *entry)
{
	const char *slash = strrchr(untar->path, '/');
	int error = place_enter(&untar->place, untar->path, slash ? (size_t)(slash - untar->path) : 0);

	if (error)
		return error;
	entry->name = slash ? slash + 1 : untar->path;
	if (archive_entry_hardlink(untar->entry))
		return put_link(untar, entry);
	switch (entry->meta.mode & S_IFMT) {
	case S_IFREG:
		return put_file(untar, entry);
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return put_special(untar, entry);
	default:
		report_error(untar->report, untar->path, "is of a kind that no file system has; left out");
		return 0;
	}
}

static int reserve_path(struct untar *untar, const char *name)
{
	size_t room = strlen(name) + 1;
	char *path;

	if (room <= untar->room)
		return 0;
	path = realloc(untar->path, 2 * room);
	if (!path)
		return -ENOMEM;
	untar->path = path;
	untar->room = 2 * room;
	return 0;
}

/* Where the entry goes, into @untar->path. Return: 1; 0 when it is left out, perhaps after a message; -ENOMEM */
static int choose(struct untar *untar)
{
	struct untar_options *options = untar->options;
	const char *name = archive_entry_pathname(untar->entry);
	int error;

	if (!name || !*name) {
		report_error(untar->report, archive_name(untar), "has an entry without a name; left out");
		return 0;
	}
	error = reserve_path(untar, name);
	if (error)
		return error;
	error = place_clean(name, 0, untar->path);
	if (!error &&
	    (!pattern_includes(&options->members, untar->path) || pattern_excludes(&options->exclude, untar->path)))
		return 0;
	if (!error && options->strip.value)
		error = place_clean(name, options->strip.value, untar->path);
	if (error == -EINVAL)
		report_error(untar->report, name, "has a \"..\" in its path, which could lead out; left out");
	else if (error == -ENAMETOOLONG)
		report_error(untar->report, name, "a name in its path is longer than %u bytes; left out", FS_NAME_MAX);
	/* Of what was stripped in full nothing is to be seen. */
	if (error || *untar->path || options->strip.value)
		return !error && *untar->path;
	if (archive_entry_filetype(untar->entry) == AE_IFDIR)
		return 1;
	report_error(untar->report, name, "is the target itself, but not a directory; left out");
	return 0;
}

static int put_entry(struct untar *untar)
{
	struct tree_entry entry = { .fd = -1 };
	int chosen = choose(untar), error;

	if (chosen <= 0)
		return chosen;
	progress_file(untar->path);
	archive_get_meta(&entry, untar->entry, &untar->xattrs, untar->report);
	if (S_ISDIR(entry.meta.mode) && !archive_entry_hardlink(untar->entry))
		error = place_directory(&untar->place, untar->path, &entry);
	else
		error = put_below(untar, &entry);
	if (error != -ELOOP)
		return error;
	report_error(untar->report, untar->path, "nested more than %u directories deep; left out", TREE_DEPTH_MAX);
	return 0;
}

static int put_entries(struct untar *untar)
{
	int status, error = 0;

	while (!error) {
		if (stop_requested())
			return -EINTR;
		status = archive_read_next_header2(untar->archive, untar->entry);
		if (status == ARCHIVE_EOF)
			return 0;
		if (status == ARCHIVE_RETRY)
			continue;
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return broken(untar);
		if (status == ARCHIVE_WARN && !archive_charset_warns(untar->archive))
			report_warning(untar->report, archive_name(untar), "%s", archive_error_string(untar->archive));
		error = put_entry(untar);
	}
	return error;
}

static void tell_missing(const struct untar *untar)
{
	const struct pattern_list *members = &untar->options->members;

	for (unsigned int i = 0; i < members->count; i++) {
		if (!members->used[i])
			report_error(untar->report, members->words[i], "is not in the archive");
	}
}

static int open_target(struct untar *untar, const struct operand *target)
{
	char *path;
	long dir;

	if (asprintf(&path, "%s/%s", target->path, untar->options->dir ? untar->options->dir : "") < 0)
		return -ENOMEM;
	dir = worker_open(target->image, path, O_RDONLY | O_DIRECTORY);
	free(path);
	if (dir < 0) {
		report_error(untar->report, target->text, "the directory cannot be opened: %s%s", report_errno(dir),
			     dir == -ENOENT ? "; make it with \"rumpus mkdir\"" : "");
		return (int)dir;
	}
	untar->build.base = (int)dir;
	return tree_build_init(&untar->build);
}

static int unpack(struct untar *untar, const struct operand *target)
{
	int error = archive_file_read(untar->archive, &untar->file) == ARCHIVE_OK ? 0 : broken(untar), left;

	if (error)
		return error;
	error = open_target(untar, target);
	if (error)
		return error;
	archive_charset_begin(untar->archive, false);
	error = put_entries(untar);
	archive_charset_begin(NULL, false);
	left = place_fini(&untar->place);
	tree_build_fini(&untar->build);
	fs_close(&fs_image, untar->build.base);
	if (!error)
		tell_missing(untar);
	return error ? error : left;
}

static int work(struct worker *worker)
{
	const struct operand *target = &worker->command->operands[0];
	char *label = operand_label(worker->command, target);
	struct untar untar = {
		.options = worker->command->own,
		.report = &worker->report,
		.build = { .fs = &fs_image,
			   .report = &worker->report,
			   .label = label,
			   .preserve = true,
			   .follow = true,
			   .base = -1 },
		.place.build = &untar.build,
	};
	int error = label ? archive_file_receive(worker, &untar.file) : -ENOMEM;

	if (error) {
		free(label);
		return error;
	}
	untar.archive = new_reader();
	untar.entry = archive_entry_new();
	error = untar.archive && untar.entry ? unpack(&untar, target) : -ENOMEM;
	archive_entry_free(untar.entry);
	archive_read_free(untar.archive);
	archive_file_close(&untar.file);
	free(untar.xattrs.bytes);
	free(untar.path);
	free(label);
	return error;
}

static const struct option_rule options[] = {
	{ 'x', "extract", NULL, "what is done anyway", option_true, offsetof(struct untar_options, extract) },
	{ 'f', "file", "FILE", "read the archive from there instead of from standard input", option_text,
	  offsetof(struct untar_options, file) },
	{ 'C', "directory", "DIR", "put files into this directory below the target", option_text,
	  offsetof(struct untar_options, dir) },
	{ 0, "strip-components", "N", "leave out the first N directories of all paths", option_number,
	  offsetof(struct untar_options, strip) },
	{ 0, "exclude", "PATTERN", "leave out what matches, with all below it; may be repeated", tar_exclude_option,
	  offsetof(struct untar_options, exclude) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus untar -f root.tar.xz disk.img", "everything, with all metadata" },
	{ "tar -c photos | rumpus untar disk.img:/home", "from another program" },
	{ "rumpus untar -f src.tgz --strip-components 1 disk.img:/src 'linux-*/fs'", "a part of it" },
	{ 0 },
};

const struct subcommand subcommand_untar = {
	.name = "untar",
	.arguments = "IMAGE[:/DIRECTORY] [MEMBER...]",
	.summary = "unpack an archive into an image",
	.help = "Reads tar in all its forms, cpio, zip, 7-Zip, RAR, cabinets, LHA, ar and ISO 9660, compressed by gzip,\n"
		"bzip2, xz, lzma, lzip, zstd, lz4 or compress, and keeps all metadata that there is. Owners are those\n"
		"numbers that the archive has. Nothing leaves the target directory: symbolic links there lead on as if\n"
		"it were the root.",
	.options = options,
	.options_size = sizeof(struct untar_options),
	.examples = examples,
	.progress = true,
	.prepare = prepare,
	.work = work,
	.drive = drive,
};
