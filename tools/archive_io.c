// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the host's end of an archive: handed over by the parent, read and written by the worker */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"

int archive_file_send(struct session *session, int fd)
{
	int error = wire_begin(&session->wire, WIRE_HOST_FILE, 8);

	if (!error)
		error = wire_end(&session->wire, fd);
	return error ? error : wire_flush(&session->wire);
}

int archive_file_receive(struct worker *worker, struct archive_file *file)
{
	struct wire_record record;
	int error;

	*file = (struct archive_file){ .worker = worker, .fd = -1 };
	do
		error = wire_next(&worker->wire, &record);
	while (error == -EINTR && !stop_requested());
	if (error <= 0)
		return error ? error : -EPIPE;
	if (record.type != WIRE_HOST_FILE)
		return -EPROTO;
	file->fd = record.fd;
	record.fd = -1;
	file->block = malloc(ARCHIVE_BLOCK);
	if (file->block)
		return 0;
	archive_file_close(file);
	return -ENOMEM;
}

void archive_file_close(struct archive_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->block);
	file->fd = -1;
	file->block = NULL;
}

static la_ssize_t fail(struct archive *archive, struct archive_file *file, int error)
{
	file->error = error;
	archive_set_error(archive, -error, "%s", report_errno(error));
	return ARCHIVE_FATAL;
}

static la_ssize_t take(struct archive *archive, void *arg, const void **bytes)
{
	struct archive_file *file = arg;
	long n;

	do {
		if (stop_requested())
			return fail(archive, file, -EINTR);
		n = fs_read(&fs_host, file->fd, file->block, ARCHIVE_BLOCK);
	} while (n == -EINTR);
	if (n < 0)
		return fail(archive, file, (int)n);
	*bytes = file->block;
	progress_bytes((uint64_t)n);
	return n;
}

/* What cannot be skipped is read. */
static la_int64_t skip(struct archive *archive, void *arg, la_int64_t bytes)
{
	struct archive_file *file = arg;
	long before = fs_lseek(&fs_host, file->fd, 0, SEEK_CUR), end, to;

	if (before < 0)
		return 0;
	/* Beyond the end is where truncated archives would lead: libarchive is to find that out by reading. */
	end = fs_lseek(&fs_host, file->fd, 0, SEEK_END);
	to = end - before < bytes ? before : before + bytes;
	if (end < 0 || fs_lseek(&fs_host, file->fd, to, SEEK_SET) < 0)
		return fail(archive, file, -EIO);
	progress_bytes((uint64_t)(to - before));
	return to - before;
}

static la_int64_t seek(struct archive *archive, void *arg, la_int64_t offset, int whence)
{
	struct archive_file *file = arg;
	long at = fs_lseek(&fs_host, file->fd, offset, whence);

	return at < 0 ? fail(archive, file, (int)at) : at;
}

int archive_file_read(struct archive *archive, struct archive_file *file)
{
	archive_read_set_read_callback(archive, take);
	archive_read_set_callback_data(archive, file);
	if (fs_lseek(&fs_host, file->fd, 0, SEEK_CUR) >= 0) {
		struct stat st;

		if (!fstat(file->fd, &st))
			progress_total((uint64_t)st.st_size);
		archive_read_set_skip_callback(archive, skip);
		archive_read_set_seek_callback(archive, seek);
	}
	return archive_read_open1(archive);
}

/* By way of the parent. */
static long send_piece(struct archive_file *file, const void *bytes, size_t size)
{
	struct wire *wire = &file->worker->wire;
	size_t piece = size < WIRE_INLINE_MAX ? size : WIRE_INLINE_MAX;
	int error = wire_begin(wire, WIRE_DATA, piece + 8);

	if (error)
		return error;
	wire_put_blob(wire, bytes, piece);
	error = wire_end(wire, -1);
	while (!error || (error == -EINTR && !stop_requested())) {
		error = wire_flush(wire);
		if (!error)
			return (long)piece;
	}
	return error;
}

static la_ssize_t give(struct archive *archive, void *arg, const void *bytes, size_t size)
{
	struct archive_file *file = arg;
	long n;

	do {
		if (stop_requested())
			return fail(archive, file, -EINTR);
		n = file->fd < 0 ? send_piece(file, bytes, size) : fs_write(&fs_host, file->fd, bytes, size);
	} while (n == -EINTR);
	if (n <= 0)
		return fail(archive, file, n ? (int)n : -EIO);
	return n;
}

int archive_file_write(struct archive *archive, struct archive_file *file)
{
	archive_write_set_bytes_per_block(archive, ARCHIVE_BLOCK);
	/* Without padding: a compressed archive must end where it ends, and no reader needs it. */
	archive_write_set_bytes_in_last_block(archive, 1);
	return archive_write_open(archive, file, NULL, give, NULL);
}
