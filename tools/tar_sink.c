// SPDX-License-Identifier: BSD-2-Clause
/* rumpus tar: a sink that writes what a walk finds to an archive */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tar.h"

/* Bytes of a hole that are passed at a time. libarchive counts them and never looks at them. */
#define HOLE_PIECE (1LL << 30)

int tar_sink_start(struct tar_sink *sink, const char *name)
{
	sink->depth = 0;
	return path_set(&sink->path, name);
}

/* The archive cannot be written any further: the one failure that ends the walk. */
static int broken(struct tar_sink *sink)
{
	int error = archive_errno(sink->archive);

	return error > 0 ? -error : -EIO;
}

/* What libarchive thinks of an entry. @written: out: its contents may follow */
static int judge(struct tar_sink *sink, int result, bool *written)
{
	const char *why = archive_error_string(sink->archive);

	*written = result == ARCHIVE_OK || result == ARCHIVE_WARN;
	if (result == ARCHIVE_FATAL)
		return broken(sink);
	if (result == ARCHIVE_WARN && !archive_charset_warns(sink->archive))
		report_loss(sink->report, sink->path.text, "%s", why ? why : "not all of it can be archived");
	else if (!*written)
		report_error(sink->report, sink->path.text, "cannot be archived: %s", why ? why : "no reason given");
	return 0;
}

static void describe(struct tar_sink *sink, const struct tree_entry *from)
{
	archive_entry_clear(sink->entry);
	archive_entry_copy_pathname(sink->entry, sink->path.text);
	archive_put_meta(sink->entry, from, sink->report, sink->path.text);
}

static void remember(struct tar_sink *sink, const struct tree_entry *from)
{
	if (from->link)
		tree_names_set(&sink->linked, from->link, sink->path.text);
}

static int put_header(struct tar_sink *sink, bool *written)
{
	return judge(sink, archive_write_header(sink->archive, sink->entry), written);
}

static int put_directory(struct tar_sink *sink, const struct tree_entry *from)
{
	bool written;

	describe(sink, from);
	return put_header(sink, &written);
}

static int put_bytes(struct tar_sink *sink, const void *bytes, size_t size)
{
	while (size) {
		la_ssize_t n = archive_write_data(sink->archive, bytes, size);

		if (n <= 0)
			return broken(sink);
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
	return 0;
}

static int put_file(struct tar_sink *sink, const struct tree_entry *from)
{
	bool written;
	int error;

	describe(sink, from);
	archive_entry_set_size(sink->entry, (la_int64_t)from->data_size);
	error = put_header(sink, &written);
	if (!error && written)
		error = put_bytes(sink, from->data, from->data_size);
	if (!error && written)
		remember(sink, from);
	return error;
}

static int put_link(struct tar_sink *sink, const struct tree_entry *from)
{
	const char *first = tree_names_get(&sink->linked, from->link);
	bool written;

	if (!first) {
		report_error(sink->report, sink->path.text, "is another name of a file that was not archived");
		return 0;
	}
	describe(sink, from);
	archive_entry_copy_hardlink(sink->entry, first);
	archive_entry_set_size(sink->entry, 0);
	return put_header(sink, &written);
}

static int put_special(struct tar_sink *sink, const struct tree_entry *from)
{
	bool written;
	int error;

	if (S_ISSOCK(from->meta.mode)) {
		report_warning(sink->report, sink->path.text, "is a socket, which no archive can hold; left out");
		return 0;
	}
	describe(sink, from);
	if (S_ISLNK(from->meta.mode))
		archive_entry_copy_symlink(sink->entry, from->target);
	archive_entry_set_size(sink->entry, 0);
	error = put_header(sink, &written);
	if (!error && written)
		remember(sink, from);
	return error;
}

static int put(struct tar_sink *sink, const struct tree_entry *from)
{
	switch (from->kind) {
	case TREE_ENTER:
		return put_directory(sink, from);
	case TREE_FILE:
		return put_file(sink, from);
	case TREE_LINK:
		return put_link(sink, from);
	case TREE_SPECIAL:
		return put_special(sink, from);
	default:
		return -EPROTO;
	}
}

/* The source itself is called as tar_sink_start() said; what is below it adds its name. */
static long go_down(struct tar_sink *sink, const char *name)
{
	return sink->depth ? path_push(&sink->path, name) : (long)sink->path.length;
}

static int take(struct tree_sink *base, const struct tree_entry *from)
{
	struct tar_sink *sink = (struct tar_sink *)base;
	long length;
	int error;

	if (from->kind == TREE_LEAVE) {
		sink->depth--;
		if (sink->depth)
			path_pop(&sink->path, strrchr(sink->path.text, '/') - sink->path.text);
		return 0;
	}
	length = go_down(sink, from->name);
	if (length < 0)
		return (int)length;
	error = put(sink, from);
	if (from->kind == TREE_ENTER && !error)
		sink->depth++;
	else
		path_pop(&sink->path, length);
	return error;
}

/* Where its data lie; a file without any has one piece of no length, which tells libarchive that there is a hole. */
static void map_holes(struct tar_sink *sink, struct tree_end from, int64_t size)
{
	int64_t at = 0, begin, end;
	enum tree_found found;
	bool data = false;

	while (at < size && !stop_requested() && (found = tree_next_data(from, at, size, &begin, &end)) != TREE_NONE) {
		if (found == TREE_DATA)
			archive_entry_sparse_add_entry(sink->entry, begin, end - begin);
		data |= found == TREE_DATA;
		at = end;
	}
	if (!data && size)
		archive_entry_sparse_add_entry(sink->entry, 0, 0);
}

static int put_hole(struct tar_sink *sink, int64_t size)
{
	static void *nothing;
	int error = 0;

	/* Address space only, for the sake of a pointer that is valid. */
	if (!nothing)
		nothing = mmap(NULL, HOLE_PIECE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (nothing == MAP_FAILED) {
		nothing = NULL;
		return -ENOMEM;
	}
	while (size > 0 && !error) {
		int64_t piece = size < HOLE_PIECE ? size : HOLE_PIECE;

		if (stop_requested())
			return -EINTR;
		error = put_bytes(sink, nothing, (size_t)piece);
		size -= piece;
	}
	return error;
}

/* A file that became shorter meanwhile, or cannot be read, is filled up with zeroes: its header is written already. */
static int put_range(struct tar_sink *sink, struct tree_end from, int64_t begin, int64_t end, long *failed)
{
	int error = 0;

	while (begin < end && !error) {
		size_t piece = end - begin < ARCHIVE_BLOCK ? (size_t)(end - begin) : ARCHIVE_BLOCK;
		long n = *failed ? 0 : fs_pread(from.fs, from.fd, sink->buffer, piece, begin);

		if (stop_requested())
			return -EINTR;
		if (n == -EINTR)
			continue;
		if (n <= 0) {
			*failed = n < 0 ? n : *failed;
			memset(sink->buffer, 0, piece);
			n = (long)piece;
		}
		error = put_bytes(sink, sink->buffer, (size_t)n);
		progress_bytes((uint64_t)n);
		begin += n;
	}
	return error;
}

static int put_contents(struct tar_sink *sink, struct tree_end from, int64_t size, bool holes, long *failed)
{
	int64_t at = 0, begin = 0, end = size;
	int error = 0;

	while (at < size && !error && (!holes || tree_next_data(from, at, size, &begin, &end) != TREE_NONE)) {
		error = put_hole(sink, begin - at);
		if (!error)
			error = put_range(sink, from, begin, end, failed);
		at = end;
	}
	return error ? error : put_hole(sink, size - at);
}

/* A large file, or one with holes. */
static int stream(struct tree_sink *base, const struct tree_entry *from, struct tree_end end, const char *label)
{
	struct tar_sink *sink = (struct tar_sink *)base;
	int64_t size = (int64_t)from->meta.size;
	bool holes, written;
	long length = go_down(sink, from->name), failed = 0;
	int error;

	if (length < 0)
		return (int)length;
	describe(sink, from);
	archive_entry_set_size(sink->entry, size);
	map_holes(sink, end, size);
	/* One piece from beginning to end is no hole after all; libarchive drops it. */
	holes = archive_entry_sparse_count(sink->entry) > 0;
	error = put_header(sink, &written);
	if (!error && written)
		error = put_contents(sink, end, size, holes, &failed);
	if (failed)
		report_error(sink->report, label, "cannot read: %s; the rest of it is zeroes in the archive",
			     report_errno(failed));
	if (!error && written)
		remember(sink, from);
	path_pop(&sink->path, length);
	return error;
}

int tar_sink_init(struct tar_sink *sink, struct archive *archive, struct report *report)
{
	*sink = (struct tar_sink){
		.sink = { .take = take, .stream = stream },
		.archive = archive,
		.report = report,
		.entry = archive_entry_new(),
		.buffer = malloc(ARCHIVE_BLOCK),
	};
	if (sink->entry && sink->buffer)
		return 0;
	tar_sink_fini(sink);
	return -ENOMEM;
}

void tar_sink_fini(struct tar_sink *sink)
{
	archive_entry_free(sink->entry);
	free(sink->buffer);
	path_free(&sink->path);
	tree_names_free(&sink->linked);
}
