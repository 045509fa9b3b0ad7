/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes made of system calls: each is an O_PATH descriptor of the rump kernel's.
 *
 * An O_PATH descriptor follows its inode through renames and unlinking, and keeps its number from being given to
 * another. What such a descriptor cannot do itself is done through its entry in the kernel's /proc/self/fd.
 *
 * It also keeps the inode in memory, and clients remember nodes by the hundred thousand. So when there are many, those
 * that were not used lately exchange the descriptor for the inode's handle, by which it is opened again: they are cold.
 * That happens while no request is under way (vnode_begin()); during one, a descriptor stays. An inode that loses a
 * name keeps its descriptor, for by handle only those are found that have names.
 */
#ifndef FUSE_CALLS_NODE_H
#define FUSE_CALLS_NODE_H

#include <stdatomic.h>

#include "../vnode.h"
#include "number.h"

struct rumpus_process;
struct statx;

/**
 * struct vnode - see vnode.h
 * @next, @next_number: in its chains of the table; table lock
 * @lookups:    that the client has not dropped yet; table lock
 * @place:      among the forgotten ones, while there are none; table lock
 * @dev, @ino:  which inode it is; constant
 * @show:       added to inode numbers: Btrfs uses the same ones in each subvolume; constant
 * @id:         what the client knows it by; constant
 * @leads_back: the inode is found by the number; constant
 * @fd:         -1 while it is cold, which it becomes only between requests
 * @used:       since nodes were last put away
 * @keep:       never cold
 * @handle:     of its inode, while it is cold
 */
struct vnode {
	struct vnode *next, *next_number;
	uint64_t lookups;
	uint64_t dev, ino;
	uint64_t show;
	struct node_id id;
	unsigned int place;
	_Atomic int fd;
	bool leads_back;
	_Atomic bool used, keep;
	struct node_handle handle;
};

/** struct vnode_file - see vnode.h */
struct vnode_file {
	int fd;
};

/**
 * node_process - the process of the kernel's that serves: all descriptors are its own, and go with it
 * node_proc - descriptor of its /proc/self/fd
 */
extern struct rumpus_process *node_process;
extern int node_proc;

/** NODE_PATH_MAX - bytes of a path below /proc/self/fd */
#define NODE_PATH_MAX 32

/** node_fd() - its descriptor, until the end of the request. Return: -1, which no call takes, when it cannot be opened
 */
int node_fd(const struct vnode *node);
/** node_enter() - takes @fd, an O_PATH descriptor: it becomes a node, or is one that is known already */
int node_enter(int fd, struct vnode_entry *entry);
/** node_keep() - an entry is about to go: what it names must stay at hand */
void node_keep(const struct vnode *dir, const char *name);
/** node_path() - its path in the kernel, for calls that take no descriptor. Return: @path */
const char *node_path(const struct vnode *node, char path[NODE_PATH_MAX]);
/** node_name() - the last component of node_path(), relative to @node_proc. Return: within @path */
const char *node_name(const struct vnode *node, char path[NODE_PATH_MAX]);
/** node_stat_from() - what the client is to see. @show: of struct vnode */
void node_stat_from(struct stat *st, const struct statx *stx, uint64_t show);

#endif
