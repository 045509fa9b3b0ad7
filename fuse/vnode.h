/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the FUSE server needs of a file system: nodes, not paths.
 *
 * A folder beside this header implements it (calls/: by system calls of the rump kernel); the makefile chooses.
 * Functions return 0 or more for success and a negative errno for failure, and are safe on any thread that called
 * vnode_attach(). They act with all rights: who may do what is decided by the host's kernel (default_permissions)
 * before a request comes.
 */
#ifndef FUSE_VNODE_H
#define FUSE_VNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

struct rumpus;

/** struct vnode - an inode that the client knows; the same pointer for all its names, until it is forgotten */
struct vnode;
/** struct vnode_file - an open file */
struct vnode_file;
/** struct vnode_dir - an open directory; one thread at a time */
struct vnode_dir;

/** struct vnode_entry - a name that was looked up or made: its inode, which has been looked up once more, and its
 * status */
struct vnode_entry {
	struct vnode *node;
	struct stat st;
};

/** struct vnode_dirent - a name in a directory. @next: where the following one is */
struct vnode_dirent {
	const char *name;
	uint64_t ino;
	unsigned int type; /* as d_type */
	off_t next;
};

/**
 * vnode_start() - begin to serve a mounted file system; once at a time
 * @kernel: where
 * @path:   of its root in the kernel
 * @root:   out: never forgotten
 */
int vnode_start(struct rumpus *kernel, const char *path, struct vnode **root);
/** vnode_stop() - close and forget everything; threads that attached have ended */
void vnode_stop(void);
/** vnode_attach() - prepare the calling thread, until it ends */
int vnode_attach(void);
/** vnode_begin() - a request is under way on this thread: what it uses of nodes stays at hand until vnode_end() */
void vnode_begin(void);
/** vnode_end() - the request is done; may put away what was not used for long */
void vnode_end(void);
/** vnode_act_as() - who owns what this thread makes from now on, and whose space is used. @mask: of new files' modes */
int vnode_act_as(uid_t uid, gid_t gid, mode_t mask);

/** VNODE_ROOT - number of the root; 0 is nobody's */
#define VNODE_ROOT 1

/** vnode_number() - what the client knows a node by: nobody else's as long as it is not forgotten */
uint64_t vnode_number(const struct vnode *node);
/** vnode_generation() - two inodes that have one number, one after the other, differ in it; 0 for the root */
uint32_t vnode_generation(const struct vnode *node);
/** vnode_of() - the node of a number. Return: never NULL; what is asked of one that is not known fails with EBADF */
struct vnode *vnode_of(uint64_t number);
/**
 * vnode_lookup_number() - look up by number what may have been forgotten, since there are handles of it
 * Return: 0; -ESTALE when there is no such inode any more, or when it cannot be found by number
 */
int vnode_lookup_number(uint64_t number, struct vnode_entry *entry);
int vnode_lookup(struct vnode *dir, const char *name, struct vnode_entry *entry);
/** vnode_forget() - the client has dropped @count of its look-ups; @node may be gone afterwards */
void vnode_forget(struct vnode *node, uint64_t count);
/** vnode_count() - nodes that clients know */
size_t vnode_count(void);

/** vnode_stat() - @file: open, spares the way by the node; or NULL */
int vnode_stat(const struct vnode *node, const struct vnode_file *file, struct stat *st);
/** vnode_stat_birth() - the same, and when the inode was made. Return: 1; 0 when that is not known, @birth is untouched
 */
int vnode_stat_birth(const struct vnode *node, const struct vnode_file *file, struct stat *st, struct timespec *birth);
int vnode_chmod(const struct vnode *node, mode_t mode);
/** vnode_chown() - -1 for what stays */
int vnode_chown(const struct vnode *node, uid_t uid, gid_t gid);
int vnode_truncate(const struct vnode *node, const struct vnode_file *file, off_t size);
/** vnode_times() - access and modification, with UTIME_NOW and UTIME_OMIT */
int vnode_times(const struct vnode *node, const struct timespec times[2]);
/** vnode_readlink() - Return: length, not terminated */
long vnode_readlink(const struct vnode *node, char *text, size_t size);
int vnode_statvfs(const struct vnode *node, struct statvfs *st);

/** vnode_mknod() - anything but a directory, symbolic link or open file */
int vnode_mknod(struct vnode *dir, const char *name, mode_t mode, dev_t rdev, struct vnode_entry *entry);
int vnode_mkdir(struct vnode *dir, const char *name, mode_t mode, struct vnode_entry *entry);
int vnode_symlink(struct vnode *dir, const char *name, const char *target, struct vnode_entry *entry);
int vnode_link(const struct vnode *node, struct vnode *dir, const char *name, struct vnode_entry *entry);
int vnode_unlink(const struct vnode *dir, const char *name);
int vnode_rmdir(const struct vnode *dir, const char *name);
/** vnode_rename() - @flags: as renameat2(2) */
int vnode_rename(const struct vnode *dir, const char *name, const struct vnode *to, const char *to_name,
		 unsigned int flags);

/** vnode_xattr_get() - Return: length; @size 0 asks only for it */
long vnode_xattr_get(const struct vnode *node, const char *name, void *value, size_t size);
long vnode_xattr_list(const struct vnode *node, char *names, size_t size);
int vnode_xattr_set(const struct vnode *node, const char *name, const void *value, size_t size, int flags);
int vnode_xattr_remove(const struct vnode *node, const char *name);

/** vnode_open() - @flags: as open(2), without O_CREAT */
int vnode_open(const struct vnode *node, int flags, struct vnode_file **file);
/** vnode_create() - make and open a file */
int vnode_create(struct vnode *dir, const char *name, int flags, mode_t mode, struct vnode_entry *entry,
		 struct vnode_file **file);
/** vnode_tmpfile() - make and open a file without a name, in the file system of @dir */
int vnode_tmpfile(const struct vnode *dir, int flags, mode_t mode, struct vnode_entry *entry, struct vnode_file **file);
void vnode_close(struct vnode_file *file);
long vnode_read(const struct vnode_file *file, void *data, size_t size, off_t offset);
/** vnode_write() - all of it, unless an error comes: then what was written before, if anything was */
long vnode_write(const struct vnode_file *file, const void *data, size_t size, off_t offset);
int vnode_sync(const struct vnode_file *file, bool data_only);
int vnode_allocate(const struct vnode_file *file, int mode, off_t offset, off_t size);
/** vnode_seek() - SEEK_HOLE, SEEK_DATA */
off_t vnode_seek(const struct vnode_file *file, off_t offset, int whence);
long vnode_copy(const struct vnode_file *from, off_t from_offset, const struct vnode_file *to, off_t to_offset,
		size_t size);
/** vnode_ioctl() - of those whose @data is one fixed structure, in and out */
long vnode_ioctl(const struct vnode_file *file, unsigned int command, void *data);
long vnode_dir_ioctl(const struct vnode_dir *dir, unsigned int command, void *data);

int vnode_opendir(const struct vnode *node, struct vnode_dir **dir);
/**
 * vnode_dir_entry() - the entry at an offset
 * @offset: 0 or @next of an earlier entry
 * @entry:  out: its name is valid until the next call for @dir
 * Return: 1; 0 at the end; a negative errno
 */
int vnode_dir_entry(struct vnode_dir *dir, off_t offset, struct vnode_dirent *entry);
int vnode_dir_sync(const struct vnode_dir *dir, bool data_only);
void vnode_closedir(struct vnode_dir *dir);

#endif
