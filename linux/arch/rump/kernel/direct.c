// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct I/O on memory that the kernel does not manage: through pages of its own
 *
 * The tree pins the pages of a buffer and fails with EFAULT where it knows none: outside of the process's window. Such a
 * call is made again here, a piece at a time. A bad pointer fails again, with the same error. Whether a file was opened for
 * direct I/O says nothing: 9P and SMB do without the page cache as their mount options have it.
 */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/syscalls.h>
#include <linux/uio.h>
#include <asm/unistd.h>
#include "rump.h"
#include "tree.h"

#define PIECE_PAGES 256

/* Pages between the program's memory and a file. */
struct bounce {
	unsigned int pages;
	struct bio_vec vec[PIECE_PAGES];
};

static void bounce_free(struct bounce *bounce)
{
	while (bounce->pages)
		__free_page(bounce->vec[--bounce->pages].bv_page);
	kfree(bounce);
}

static struct bounce *bounce_alloc(size_t size)
{
	struct bounce *bounce = kzalloc(sizeof(*bounce), GFP_KERNEL);
	unsigned int wanted = min_t(size_t, DIV_ROUND_UP(size, PAGE_SIZE), PIECE_PAGES);

	while (bounce && bounce->pages < wanted) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page) {
			bounce_free(bounce);
			return NULL;
		}
		bvec_set_page(&bounce->vec[bounce->pages++], page, PAGE_SIZE, 0);
	}
	return bounce;
}

/* Copies @size bytes between the pages and the program; returns how many could be. */
static size_t bounce_copy(struct bounce *bounce, struct iov_iter *user, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = min_t(size_t, size - done, PAGE_SIZE), n;
		struct page *page = bounce->vec[done / PAGE_SIZE].bv_page;

		n = iov_iter_rw(user) == WRITE ? copy_page_from_iter(page, 0, part, user) :
						 copy_page_to_iter(page, 0, part, user);
		done += n;
		if (n < part)
			break;
	}
	return done;
}

static ssize_t bounce_piece(struct file *file, struct bounce *bounce, struct iov_iter *user, size_t size, loff_t *pos,
			    rwf_t flags)
{
	struct iov_iter iter;
	loff_t start = *pos;
	ssize_t done;
	size_t n;

	if (iov_iter_rw(user) == WRITE) {
		if (bounce_copy(bounce, user, size) != size)
			return -EFAULT;
		iov_iter_bvec(&iter, ITER_SOURCE, bounce->vec, bounce->pages, size);
		return tree_iter_write(file, &iter, pos, flags);
	}
	iov_iter_bvec(&iter, ITER_DEST, bounce->vec, bounce->pages, size);
	done = vfs_iter_read(file, &iter, pos, flags);
	if (done <= 0)
		return done;
	n = bounce_copy(bounce, user, done);
	if (n < done)
		*pos = start + n; /* the program has read no more */
	return n ?: -EFAULT;
}

static ssize_t bounce_all(struct file *file, struct iov_iter *user, loff_t *pos, rwf_t flags)
{
	struct bounce *bounce = bounce_alloc(iov_iter_count(user));
	ssize_t done = 0, n = 0;

	if (!bounce)
		return -ENOMEM;
	while (iov_iter_count(user)) {
		size_t size = min_t(size_t, iov_iter_count(user), PIECE_PAGES * PAGE_SIZE);

		n = bounce_piece(file, bounce, user, size, pos, flags);
		if (n > 0)
			done += n;
		if (n < (ssize_t)size)
			break;
	}
	bounce_free(bounce);
	return done ?: n;
}

/**
 * struct transfer - a call that reads or writes
 * @direction: ITER_DEST or ITER_SOURCE
 * @vector:    its buffer is a vector; else an address and a size
 * @offset:    the fourth argument is an offset; with @flags, -1 means the file's own
 * @flags:     the sixth argument is of RWF flags
 */
struct transfer {
	int direction;
	bool vector;
	bool offset;
	bool flags;
};

static bool is_transfer(long number, struct transfer *transfer)
{
	switch (number) {
	case __NR_read:
		*transfer = (struct transfer){ ITER_DEST, false, false, false };
		return true;
	case __NR_write:
		*transfer = (struct transfer){ ITER_SOURCE, false, false, false };
		return true;
	case __NR_pread64:
		*transfer = (struct transfer){ ITER_DEST, false, true, false };
		return true;
	case __NR_pwrite64:
		*transfer = (struct transfer){ ITER_SOURCE, false, true, false };
		return true;
	case __NR_readv:
		*transfer = (struct transfer){ ITER_DEST, true, false, false };
		return true;
	case __NR_writev:
		*transfer = (struct transfer){ ITER_SOURCE, true, false, false };
		return true;
	case __NR_preadv:
		*transfer = (struct transfer){ ITER_DEST, true, true, false };
		return true;
	case __NR_pwritev:
		*transfer = (struct transfer){ ITER_SOURCE, true, true, false };
		return true;
	case __NR_preadv2:
		*transfer = (struct transfer){ ITER_DEST, true, true, true };
		return true;
	case __NR_pwritev2:
		*transfer = (struct transfer){ ITER_SOURCE, true, true, true };
		return true;
	}
	return false;
}

static ssize_t transfer_user(struct file *file, const struct transfer *transfer, const long *args, loff_t *pos)
{
	struct iovec fast[UIO_FASTIOV], *vec = NULL;
	struct iov_iter user;
	ssize_t ret;

	if (transfer->vector) {
		vec = fast;
		ret = import_iovec(transfer->direction, (const struct iovec __user *)args[1], args[2], UIO_FASTIOV, &vec,
				   &user);
	} else {
		ret = tree_import_buffer(transfer->direction, (void __user *)args[1], args[2], fast, &user);
	}
	if (ret < 0)
		return ret;
	ret = bounce_all(file, &user, pos, transfer->flags ? args[5] : 0);
	kfree(vec); /* import_iovec() has made it NULL if it was enough */
	return ret;
}

/* Pipes have a mode of that name, too, and nothing that could be read twice. */
static bool may_be_direct(const struct file *file)
{
	umode_t mode = file_inode(file)->i_mode;

	return (file->f_mode & FMODE_CAN_ODIRECT) && (S_ISREG(mode) || S_ISBLK(mode));
}

static ssize_t transfer_here(struct file *file, const struct transfer *transfer, const long *args)
{
	loff_t pos = file->f_pos;
	ssize_t done = may_be_direct(file) ? transfer_user(file, transfer, args, &pos) : -EFAULT;

	if (done > 0)
		file->f_pos = pos;
	return done;
}

static ssize_t transfer_at(struct file *file, const struct transfer *transfer, const long *args)
{
	loff_t pos = args[3];

	if (!may_be_direct(file))
		return -EFAULT;
	return pos < 0 ? -EINVAL : transfer_user(file, transfer, args, &pos);
}

/**
 * rump_direct_again() - a call failed with EFAULT: make it again if it may have been direct I/O
 * Return: its result; -EFAULT if it was something else
 */
long rump_direct_again(long number, const long *args)
{
	struct transfer transfer;
	bool own;
	ssize_t ret = -EBADF;
	struct fd f;

	if (!is_transfer(number, &transfer))
		return -EFAULT;
	own = !transfer.offset || (transfer.flags && args[3] == -1);
	f = own ? fdget_pos(args[0]) : fdget(args[0]);
	if (!fd_file(f))
		return ret;
	if (own) {
		ret = transfer_here(fd_file(f), &transfer, args);
		fdput_pos(f);
	} else {
		ret = transfer_at(fd_file(f), &transfer, args);
		fdput(f);
	}
	return ret;
}
