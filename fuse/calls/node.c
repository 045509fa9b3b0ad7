// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: the table of inodes that the client knows */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "node.h"

/* Descriptors that the process may have: one for each node. The kernel's own limit (fs.nr_open). */
#define DESCRIPTORS (1U << 20)
#define DEVICES_MAX 256U
/* Chains at first. */
#define TABLE_SIZE 1024U
/* Inode numbers of other devices of the file system differ in the bits from here on. */
#define SHOW_SHIFT 56

/* Nodes with descriptors beyond which those that were not used lately give theirs up, and how many are left then. */
#define WARM_MAX 16384U
#define WARM_LEFT 12288U

/* Shared by requests, so that who puts nodes away can be alone. Taken before the table's lock. */
static pthread_rwlock_t requests = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Atomic size_t warm; /* nodes with a descriptor */
static int mount_fd = -1;   /* an open directory of the file system, by which handles are opened */

/* All but @root is guarded by @lock; a node's descriptor may be used by whoever holds a look-up of it. */
static struct {
	pthread_mutex_t lock;
	struct vnode **chains;
	size_t count, size; /* @size is a power of two */
	uint64_t devices[DEVICES_MAX];
	unsigned int device_count;
	struct vnode *root;
	size_t hand; /* the chain where nodes are put away next */
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

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

static size_t chain_of(uint64_t dev, uint64_t ino)
{
	return (size_t)((ino * 0x9e3779b97f4a7c15ULL) >> 20 ^ dev) & (table.size - 1);
}

/* With the lock. Without memory the chains just get longer. */
static void grow(void)
{
	size_t old_size = table.size;
	struct vnode **old = table.chains, **chains = calloc(2 * old_size, sizeof(*chains));

	if (!chains)
		return;
	table.chains = chains;
	table.size = 2 * old_size;
	for (size_t i = 0; i < old_size; i++) {
		for (struct vnode *node = old[i], *next; node; node = next) {
			struct vnode **chain = &chains[chain_of(node->dev, node->ino)];

			next = node->next;
			node->next = *chain;
			*chain = node;
		}
	}
	free(old);
}

/* With the lock: what to add to inode numbers of this device. The root's own numbers are shown as they are. */
static uint64_t show_for(uint64_t dev)
{
	unsigned int i;

	for (i = 0; i < table.device_count; i++) {
		if (table.devices[i] == dev)
			return (uint64_t)i << SHOW_SHIFT;
	}
	/* So many subvolumes share the last distinction: numbers may then appear twice, which harms nothing in here. */
	if (i == DEVICES_MAX)
		return (uint64_t)(DEVICES_MAX - 1) << SHOW_SHIFT;
	table.devices[table.device_count++] = dev;
	return (uint64_t)i << SHOW_SHIFT;
}

/* With the lock. Return: a node with one look-up more, or NULL */
static struct vnode *find(uint64_t dev, uint64_t ino)
{
	struct vnode *node;

	for (node = table.chains[chain_of(dev, ino)]; node; node = node->next) {
		if (node->ino == ino && node->dev == dev) {
			node->lookups++;
			return node;
		}
	}
	return NULL;
}

/* Room for a handle of the size that a node can hold. */
union handle {
	struct file_handle handle;
	unsigned char bytes[sizeof(struct file_handle) + NODE_HANDLE_MAX];
};

/* Gives @fd to a node that has none. Return: false when another thread was first */
static bool warm_up(struct vnode *node, int fd)
{
	int none = -1;

	if (!atomic_compare_exchange_strong(&node->fd, &none, fd))
		return false;
	atomic_fetch_add(&warm, 1);
	return true;
}

/* Opens a cold node. Return: as open_by_handle_at() */
static long reopen(const struct vnode *node)
{
	union handle buffer;

	buffer.handle.handle_bytes = node->handle_size;
	buffer.handle.handle_type = node->handle_type;
	memcpy(buffer.handle.f_handle, node->handle, node->handle_size);
	return rumpus_sys_open_by_handle_at(mount_fd, &buffer.handle, O_PATH | O_NOFOLLOW | O_CLOEXEC);
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
	opened = reopen(node);
	if (opened < 0)
		return -1;
	if (warm_up(node, (int)opened))
		return (int)opened;
	rumpus_sys_close((int)opened);
	return atomic_load(&node->fd);
}

/* With the lock; takes @fd. Return: it, or NULL without memory */
static struct vnode *add(int fd, uint64_t dev, uint64_t ino)
{
	struct vnode *node = malloc(sizeof(*node)), **chain;

	if (!node)
		return NULL;
	if (table.count >= table.size)
		grow();
	chain = &table.chains[chain_of(dev, ino)];
	*node = (struct vnode){
		.next = *chain,
		.lookups = 1,
		.dev = dev,
		.ino = ino,
		.show = show_for(dev),
		.fd = fd,
		.used = true,
	};
	atomic_fetch_add(&warm, 1);
	*chain = node;
	table.count++;
	return node;
}

int node_enter(int fd, struct vnode_entry *entry)
{
	struct vnode *node;
	struct statx stx;
	int error = (int)rumpus_sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx);
	bool known = true;
	uint64_t dev;

	if (error) {
		rumpus_sys_close(fd);
		return error;
	}
	dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	pthread_mutex_lock(&table.lock);
	node = find(dev, stx.stx_ino);
	if (!node) {
		known = false;
		node = add(fd, dev, stx.stx_ino);
	}
	pthread_mutex_unlock(&table.lock);
	if (!node || (known && !warm_up(node, fd)))
		rumpus_sys_close(fd);
	if (!node)
		return -ENOMEM;
	entry->node = node;
	node_stat_from(&entry->st, &stx, node->show);
	return 0;
}

int vnode_lookup(struct vnode *dir, const char *name, struct vnode_entry *entry)
{
	long fd;

	/* What lies above the root is the kernel's own, not the image's. */
	if (dir == table.root && !strcmp(name, ".."))
		name = ".";
	fd = rumpus_sys_openat(node_fd(dir), name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	return fd < 0 ? (int)fd : node_enter((int)fd, entry);
}

void vnode_forget(struct vnode *node, uint64_t count)
{
	struct vnode **link;

	if (node == table.root)
		return;
	pthread_mutex_lock(&table.lock);
	node->lookups -= count < node->lookups ? count : node->lookups;
	if (node->lookups) {
		pthread_mutex_unlock(&table.lock);
		return;
	}
	for (link = &table.chains[chain_of(node->dev, node->ino)]; *link != node; link = &(*link)->next)
		continue;
	*link = node->next;
	table.count--;
	pthread_mutex_unlock(&table.lock);
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
	pthread_mutex_lock(&table.lock);
	node = find(makedev(stx.stx_dev_major, stx.stx_dev_minor), stx.stx_ino);
	pthread_mutex_unlock(&table.lock);
	if (!node)
		return;
	atomic_store(&node->keep, true);
	node_fd(node);
	vnode_forget(node, 1);
}

/* Alone. Exchanges the descriptor of a node for a handle, if its file system has them. */
static void cool_down(struct vnode *node)
{
	union handle buffer;
	int mount;

	buffer.handle.handle_bytes = NODE_HANDLE_MAX;
	if (rumpus_sys_name_to_handle_at(node->fd, "", &buffer.handle, &mount, AT_EMPTY_PATH))
		return;
	node->handle_size = (unsigned char)buffer.handle.handle_bytes;
	node->handle_type = buffer.handle.handle_type;
	memcpy(node->handle, buffer.handle.f_handle, node->handle_size);
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
	for (size_t i = 0; i < 2 * table.size && warm > WARM_LEFT; i++)
		trim_chain(table.chains[table.hand++ & (table.size - 1)]);
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
	size_t count;

	pthread_mutex_lock(&table.lock);
	count = table.count;
	pthread_mutex_unlock(&table.lock);
	return count;
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
	struct vnode_entry entry;
	long result = rumpus_sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL);

	if (!result)
		result = open_proc();
	if (!result)
		result = rumpus_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (result >= 0)
		result = node_enter((int)result, &entry);
	if (result)
		return (int)result;
	table.root = entry.node;
	table.root->keep = true;
	result = rumpus_sys_openat(table.root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (result < 0)
		return (int)result;
	mount_fd = (int)result;
	return 0;
}

int vnode_start(struct rumpus *kernel, const char *path, struct vnode **root)
{
	int error;

	table.size = TABLE_SIZE;
	table.chains = calloc(table.size, sizeof(*table.chains));
	error = table.chains ? rumpus_process_create(kernel, &node_process) : -ENOMEM;
	if (!error)
		error = rumpus_process_enter(node_process);
	if (!error)
		error = open_root(path);
	rumpus_process_enter(rumpus_process_first(kernel));
	if (error)
		vnode_stop();
	else
		*root = table.root;
	return error;
}

void vnode_stop(void)
{
	if (node_process)
		rumpus_process_destroy(node_process);
	node_process = NULL;
	node_proc = -1;
	for (size_t i = 0; i < table.size; i++) {
		for (struct vnode *node = table.chains ? table.chains[i] : NULL, *next; node; node = next) {
			next = node->next;
			free(node);
		}
	}
	free(table.chains);
	table.chains = NULL;
	table.size = table.count = table.hand = table.device_count = 0;
	warm = 0;
	mount_fd = -1;
	table.root = NULL;
}
