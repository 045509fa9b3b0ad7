/* SPDX-License-Identifier: GPL-2.0-only */
/* What versions of the tree want otherwise of memory, files and CPUs; to be included last. drivers/tree.h has the block layer. */
#ifndef _RUMP_KERNEL_TREE_H
#define _RUMP_KERNEL_TREE_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uio.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)

static inline int tree_import_buffer(int direction, void __user *buffer, size_t size, struct iovec *room,
				     struct iov_iter *iter)
{
	return import_ubuf(direction, buffer, size, iter);
}

static inline ssize_t tree_iter_write(struct file *file, struct iov_iter *iter, loff_t *pos, rwf_t flags)
{
	return vfs_iter_write(file, iter, pos, flags);
}

#else

#define fd_file(f) ((f).file)
#define arch_smp_send_reschedule(cpu) smp_send_reschedule(cpu)

/* The last argument came later: neither definitions nor calls have it here. */
#define arch_get_unmapped_area(file, addr, len, pgoff, flags, vm_flags) \
	arch_get_unmapped_area(file, addr, len, pgoff, flags)
#define arch_remove_memory(start, size, altmap, pgmap) arch_remove_memory(start, size, altmap)
#define __remove_pages(pfn, pages, altmap, pgmap) __remove_pages(pfn, pages, altmap)

/* @room: the iterator points to it */
static inline int tree_import_buffer(int direction, void __user *buffer, size_t size, struct iovec *room,
				     struct iov_iter *iter)
{
	return import_single_range(direction, buffer, size, room, iter);
}

/* That the file system may be frozen was the caller's business. */
static inline ssize_t tree_iter_write(struct file *file, struct iov_iter *iter, loff_t *pos, rwf_t flags)
{
	ssize_t done;

	file_start_write(file);
	done = vfs_iter_write(file, iter, pos, flags);
	file_end_write(file);
	return done;
}

#endif
#endif
