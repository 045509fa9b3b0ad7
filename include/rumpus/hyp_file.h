/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O hypercalls for named host files: kernel images, components, firmware.
 *
 * A directory is opened once on the host side and handed on; whoever has it reaches the files below it and no others.
 * Errors, units and out-parameters are as in hyp.h; the form is that of hyp_blk.h, but the calls are synchronous: they
 * serve what is read whole and seldom. Bulk data of the host's goes through hyp_blk.h.
 */
#ifndef RUMPUS_HYP_FILE_H
#define RUMPUS_HYP_FILE_H

#include <rumpus/hyp.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HYP_FILE_VERSION 1U

/** enum hyp_file_type - in struct hyp_file_info */
enum hyp_file_type {
	HYP_FILE_OTHER,
	HYP_FILE_DIRECTORY,
	HYP_FILE_REGULAR,
};

/**
 * struct hyp_file_info - about one file
 * @size: bytes
 * @type: enum hyp_file_type
 * @reserved: 0
 */
struct hyp_file_info {
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

struct hyp_file;

/**
 * struct hyp_file_ops - a backend
 * @version: HYP_FILE_VERSION of the backend
 * @size:    sizeof(struct hyp_file_ops) of the backend
 * @name:    "host", "mem", ...; for messages
 *
 * All calls may block; the kernel makes them on a thread that holds no virtual CPU.
 */
struct hyp_file_ops {
	uint32_t version;
	uint32_t size;
	const char *name;

	/**
	 * open() - open a file below a directory for reading
	 * @dir:  an open directory
	 * @name: relative path; never leads out of @dir, neither by ".." nor by symbolic links
	 * @file: out: the file; closed independently of @dir
	 * Return: 0, -HYP_ENOENT, -HYP_EACCES, -HYP_ENOTDIR, -HYP_ENOMEM, -HYP_EMFILE
	 */
	int (*open)(struct hyp_file *dir, const char *name, struct hyp_file **file);
	/** info() - size and type. Return: 0, -HYP_EIO */
	int (*info)(struct hyp_file *file, struct hyp_file_info *info);
	/** read() - up to @size bytes from @offset. Return: bytes, 0 at the end, -HYP_EIO, -HYP_EISDIR */
	long (*read)(struct hyp_file *file, void *buf, size_t size, uint64_t offset);
	/**
	 * map() - place a private copy of a part of the file at addresses of a reservation
	 * @addr:   page-aligned, within a reservation of mem_reserve()
	 * @size:   bytes; a last page that the file only begins is filled with zeroes
	 * @offset: multiple of the page size
	 * @prot:   enum hyp_prot, or-ed; stores stay in the copy; with HYP_PROT_EXEC every thread sees the instructions
	 *
	 * The file may be closed afterwards, and must not be shortened while the mapping lives.
	 * Return: 0, -HYP_ENOMEM, -HYP_EINVAL, -HYP_EIO
	 */
	int (*map)(struct hyp_file *file, void *addr, size_t size, uint64_t offset, uint32_t prot);
	/**
	 * list() - call @each for every name in a directory but "." and "..", in no order
	 * @each: returns true to go on
	 * Return: 0, -HYP_ENOTDIR, -HYP_EIO
	 */
	int (*list)(struct hyp_file *dir, bool (*each)(void *arg, const char *name, uint32_t type), void *arg);
	/** close() - free the file; mappings stay */
	void (*close)(struct hyp_file *file);
};

/**
 * struct hyp_file - an open file or directory; the backend's own data follows
 * @ops: its backend
 */
struct hyp_file {
	const struct hyp_file_ops *ops;
};

/**
 * hyp_file_open() - open a host file or directory; host side, a kernel never calls it; blocks
 * @path: of the host; "/proc/self/fd/N" and "/dev/fd/N", and what is below them, also without /proc
 * @file: out: caller closes it with file->ops->close()
 * Return: 0, or as open(2)
 */
int hyp_file_open(const char *path, struct hyp_file **file);

/**
 * hyp_file_open_mem() - the same for bytes in memory, such as an embedded kernel image
 * @base: page-aligned where map() is to avoid a copy; stays valid and unchanged until close() and for every map()
 * @size: bytes
 * Return: 0, -HYP_ENOMEM
 */
int hyp_file_open_mem(const void *base, size_t size, struct hyp_file **file);

HYP_ASSERT(sizeof(struct hyp_file_info) == 16, "crosses a boundary");
HYP_ASSERT(sizeof(struct hyp_file_ops) == 8 + 7 * sizeof(void *), "crosses a boundary");

#ifdef __cplusplus
}
#endif

#endif
