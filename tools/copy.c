// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: moving the contents of a file from one side to the other */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "progress.h"
#include "tree.h"

/* Large enough that system calls do not count, small enough to stay in the second-level cache. */
#define BUFFER_SIZE (512U << 10)

/* One for the process, made at the first use. */
static void *buffer(void)
{
	static void *memory;

	if (!memory) {
		memory = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
			      0);
		if (memory == MAP_FAILED)
			memory = NULL;
	}
	return memory;
}

bool tree_fatal(long error)
{
	return error == -ENOSPC || error == -EROFS || error == -EDQUOT || error == -ESHUTDOWN || error == -EINTR ||
	       error == -EPIPE || error == -EPROTO || error == -ENOMEM;
}

/* @offset as above, @size: how much, at most; ends early at the end of the file */
static long copy_range(struct tree_end from, struct tree_end to, int64_t offset, int64_t size,
		       struct tree_copied *copied)
{
	char *memory = buffer();
	bool seekable = offset >= 0;

	if (!memory)
		return -ENOMEM;
	while (size > 0) {
		size_t piece = size < (int64_t)BUFFER_SIZE ? (size_t)size : BUFFER_SIZE;
		long error, n;

		if (stop_requested())
			return -EINTR;
		copied->writing = false;
		n = seekable ? fs_pread(from.fs, from.fd, memory, piece, offset)
			     : fs_read(from.fs, from.fd, memory, piece);
		if (n == -EINTR && !stop_requested())
			continue;
		if (n <= 0)
			return n;
		copied->writing = true;
		error = fs_write_all(to.fs, to.fd, memory, (size_t)n, seekable ? offset : -1);
		if (error)
			return error;
		copied->bytes += n;
		progress_bytes((uint64_t)n);
		size -= n;
		if (seekable)
			offset += n;
	}
	return 0;
}

/* By the one call for this that the worker may make of the host, too. */
static bool is_regular(struct tree_end end)
{
	struct stat st;

	return !end.fs->call(SYS_fstat, end.fd, (long)&st, 0, 0, 0, 0) && S_ISREG(st.st_mode);
}

long tree_copy(struct tree_end from, struct tree_end to, int64_t size, struct tree_copied *copied)
{
	int64_t at = 0, begin, end;
	long error;

	*copied = (struct tree_copied){ 0 };
	/* A fifo or device as target has neither positions nor holes: they are read, and written as zeroes. */
	if (size < 0 || !is_regular(to))
		return copy_range(from, to, -1, size < 0 ? INT64_MAX : size, copied);
	while (at < size && tree_next_data(from, at, size, &begin, &end) != TREE_NONE) {
		if (stop_requested())
			return -EINTR;
		error = copy_range(from, to, begin, end - begin, copied);
		if (error)
			return error;
		at = end;
	}
	copied->writing = true;
	return fs_ftruncate(to.fs, to.fd, size);
}
