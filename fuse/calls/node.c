// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: descriptors of nodes, and how they are found */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "table.h"

/* Descriptors that the process may have: one for each node. The kernel's own limit (fs.nr_open). */
#define DESCRIPTORS (1U << 20)
/* Nodes with descriptors beyond which those that were not used lately give theirs up, and how many are left then. */
#define WARM_MAX 16384U
#define WARM_LEFT 12288U

/* Shared by requests, so that who puts nodes away can be alone. Taken before the table's lock. */
static pthread_rwlock_t requests = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Atomic size_t warm; /* nodes with a descriptor */

static struct vnode *root;
/* In place of nodes that are not known: it has no inode, and what is asked of it fails with EBADF. */
static struct vnode nobody = { .fd = -1, .handle.type = -1, .used = true };

struct rumpus_process *node_process;
int node_proc = -1;

const char *node_path(const struct vnode *node, char path[NODE_PATH_MAX])
{
	snprintf(path, NODE_PATH_MAX, "/proc/self/fd/%d", node_fd(node));
	return path;
}

const char *node_name(const struct vnode *node, char path[NODE_PATH_MAX])
{
	snprintf(path, NODE_PATH_MAX, "%d", node_fd(node));
	return path;
}

static struct timespec time_from(const struct statx_timestamp *time)
{
	return (struct timespec){ .tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec };
}

void node_stat_from(struct stat *st, const struct statx *stx, uint64_t show)
{
	*st = (struct stat){
		.st_dev = makedev(stx->stx_dev_major, stx->stx_dev_minor),
		.st_ino = stx->stx_ino + show,
		.st_mode = stx->stx_mode,
		.st_nlink = stx->stx_nlink,
		.st_uid = stx->stx_uid,
		.st_gid = stx->stx_gid,
		.st_rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.st_size = (off_t)stx->stx_size,
		.st_blksize = (blksize_t)stx->stx_blksize,
		.st_blocks = (blkcnt_t)stx->stx_blocks,
		.st_atim = time_from(&stx->stx_atime),
		.st_mtim = time_from(&stx->stx_mtime),
		.st_ctim = time_from(&stx->stx_ctime),
	};
}

/* Gives @fd to a node that has none. Return: false when another thread was first */
static bool warm_up(struct vnode *node, int fd)
{
	int none = -1;

	if (!atomic_compare_exchange_strong(&node->fd, &none, fd))
		return false;
	atomic_fetch_add(&warm, 1);
	return true;
}

int node_fd(const struct vnode *constant)
{
	struct vnode *node = (struct vnode *)constant; /* what changes is no part of what callers see */
	int fd = atomic_load(&node->fd);
	long opened;

	if (!atomic_load_explicit(&node->used, memory_order_relaxed))
		atomic_store_explicit(&node->used, true, memory_order_relaxed);
	if (fd >= 0)
		return fd;
	opened = node_handle_open(&node->handle);
	if (opened < 0)
		return -1;
	if (warm_up(node, (int)opened))
		return (int)opened;
	rumpus_sys_close((int)opened);
	return atomic_load(&node->fd);
}

/* Takes @fd. @id: of the node, should it be a new one; NULL for that which leads to it */
static int enter(int fd, const struct node_id *id, struct vnode_entry *entry)
{
	struct vnode *node;
	struct node_id own;
	struct statx stx;
	int error = (int)rumpus_sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx);
	uint64_t dev;

	if (error) {
		rumpus_sys_close(fd);
		return error;
	}
	dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	node = node_table_get(dev, stx.stx_ino);
	if (!node) {
		own = id ? *id : node_number_of(fd);
		node = node_table_add(fd, dev, stx.stx_ino, &own);
	}
	if (node && atomic_load(&node->fd) == fd)
		atomic_fetch_add(&warm, 1);
	else if (!node || !warm_up(node, fd))
		rumpus_sys_close(fd);
	if (!node)
		return -ENOMEM;
	entry->node = node;
	node_stat_from(&entry->st, &stx, node->show);
	return 0;
}

int node_enter(int fd, struct vnode_entry *entry)
{
	return enter(fd, NULL, entry);
}

int vnode_lookup(struct vnode *dir, const char *name, struct vnode_entry *entry)
{
	long fd;

	/* What lies above the root is the kernel's own, not the image's. */
	if (dir == root && !strcmp(name, ".."))
		name = ".";
	fd = rumpus_sys_openat(node_fd(dir), name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	return fd < 0 ? (int)fd : node_enter((int)fd, entry);
}

struct vnode *vnode_of(uint64_t number)
{
	struct vnode *node = number == VNODE_ROOT ? root : node_table_find_number(number);

	return node ? node : &nobody;
}

uint64_t vnode_number(const struct vnode *node)
{
	return node->id.number;
}

uint32_t vnode_generation(const struct vnode *node)
{
	return node->id.generation;
}

/* A node that has been looked up once more, and is not forgotten yet. */
static int remembered(struct vnode *node, struct vnode_entry *entry)
{
	int error = vnode_stat(node, NULL, &entry->st);

	entry->node = node;
	return error;
}

int vnode_lookup_number(uint64_t number, struct vnode_entry *entry)
{
	struct vnode *node = node_table_get_number(number);
	long fd;
	int error;

	if (node) {
		error = remembered(node, entry);
	} else {
		fd = node_number_open(number);
		error = fd < 0 ? (int)fd : node_enter((int)fd, entry);
		if (error)
			return error;
		node = entry->node;
	}
	/* Of a file without names the client has heard before it asks; who removed the last one may not be done yet. */
	if (!error && (node->id.number != number || !entry->st.st_nlink))
		error = -ESTALE;
	if (error)
		vnode_forget(node, 1);
	return error;
}

void vnode_forget(struct vnode *node, uint64_t count)
{
	if (node == root)
		return;
	node = node_table_put(node, count);
	if (!node)
		return;
	if (node->fd >= 0) {
		rumpus_sys_close(node->fd);
		atomic_fetch_sub(&warm, 1);
	}
	free(node);
}

void node_keep(const struct vnode *dir, const char *name)
{
	struct vnode *node;
	struct statx stx;

	/* What cannot be looked at cannot be removed either. */
	if (rumpus_sys_statx(node_fd(dir), name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stx))
		return;
	node = node_table_get(makedev(stx.stx_dev_major, stx.stx_dev_minor), stx.stx_ino);
	if (!node)
		return;
	atomic_store(&node->keep, true);
	node_fd(node);
	vnode_forget(node, 1);
}

/* Alone. Exchanges the descriptor of a node for a handle, if its file system has them. */
static void cool_down(struct vnode *node)
{
	if (!node_handles_last() || node_handle_get(node->fd, &node->handle))
		return;
	rumpus_sys_close(node->fd);
	node->fd = -1;
	atomic_fetch_sub(&warm, 1);
}

static void trim_chain(struct vnode *node)
{
	for (; node; node = node->next) {
		if (node->fd < 0 || node->keep)
			continue;
		if (node->used)
			node->used = false;
		else
			cool_down(node);
	}
}

void vnode_begin(void)
{
	pthread_rwlock_rdlock(&requests);
}

/* Alone: twice around, as all may have been used. Return: with how many descriptors to do it again */
static size_t trim(void)
{
	static size_t hand;

	for (size_t i = 0; i < 2 * node_table_chains() && warm > WARM_LEFT; i++)
		trim_chain(node_table_chain(hand++));
	/* Without handles, or with everything kept, there is no sense in trying each time. */
	return warm > WARM_LEFT ? 2 * warm : WARM_MAX;
}

void vnode_end(void)
{
	static _Atomic size_t limit = WARM_MAX;
	size_t count = warm, most = limit;

	pthread_rwlock_unlock(&requests);
	/* At a moment when nobody else is at work, if there is one in time. */
	if (count <= most || (count <= 2 * most && pthread_rwlock_trywrlock(&requests)))
		return;
	if (count > 2 * most)
		pthread_rwlock_wrlock(&requests);
	limit = trim();
	pthread_rwlock_unlock(&requests);
}

size_t vnode_count(void)
{
	return node_table_known();
}

/* In the server's own process. */
static int open_proc(void)
{
	long fd = rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0555);

	if (!fd || fd == -EEXIST)
		fd = rumpus_sys_mount("proc", "/proc", "proc", 0, NULL);
	if (fd && fd != -EBUSY)
		return (int)fd;
	fd = rumpus_sys_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return (int)fd;
	node_proc = (int)fd;
	return 0;
}

static int open_root(const char *path)
{
	const struct rlimit64 limit = { DESCRIPTORS, DESCRIPTORS };
	const struct node_id id = { .number = VNODE_ROOT };
	struct vnode_entry entry;
	long result = rumpus_sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL);

	if (!result)
		result = open_proc();
	if (!result)
		result = rumpus_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (result >= 0)
		result = enter((int)result, &id, &entry);
	if (result)
		return (int)result;
	root = entry.node;
	root->keep = true;
	result = rumpus_sys_openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return result < 0 ? (int)result : node_number_start((int)result);
}

/* Where numbers begin is any place, so that no handle of an earlier mount means a node of this one. */
static int start_table(void)
{
	uint64_t serial;
	long n = rumpus_sys_getrandom(&serial, sizeof(serial), GRND_INSECURE);

	return n < 0 ? (int)n : node_table_start(serial);
}

int vnode_start(struct rumpus *kernel, const char *path, struct vnode **out)
{
	int error = rumpus_process_create(kernel, &node_process);

	if (!error)
		error = rumpus_process_enter(node_process);
	if (!error)
		error = start_table();
	if (!error)
		error = open_root(path);
	rumpus_process_enter(rumpus_process_first(kernel));
	if (error)
		vnode_stop();
	else
		*out = root;
	return error;
}

void vnode_stop(void)
{
	if (node_process)
		rumpus_process_destroy(node_process);
	node_process = NULL;
	node_proc = -1;
	node_table_stop();
	warm = 0;
	root = NULL;
}
