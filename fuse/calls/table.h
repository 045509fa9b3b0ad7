/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of nodes, by the numbers that the client uses and by inode.
 *
 * A node is in it as long as the client has look-ups of it. When those are gone, a node whose number leads back to its
 * inode (number.h) is gone, too. Others stay for a while, since the client may hold handles that name them by number:
 * the last NODE_FORGOTTEN_MAX of them. They do not stay when they have lost a name, for the space of a file without
 * names is free only when nobody has it open.
 */
#ifndef FUSE_CALLS_TABLE_H
#define FUSE_CALLS_TABLE_H

#include "node.h"
#include "number.h"

/** NODE_FORGOTTEN_MAX - nodes that stay though the client has no look-up of them */
#define NODE_FORGOTTEN_MAX 4096U

/** node_table_start() - @serial: where numbers begin that lead nowhere; no earlier mount's. Return: 0, -ENOMEM */
int node_table_start(uint64_t serial);
/** node_table_stop() - free all nodes; their descriptors go with the process that has them */
void node_table_stop(void);

/** node_table_get() - Return: the node of an inode, with one look-up more, or NULL */
struct vnode *node_table_get(uint64_t dev, uint64_t ino);
/** node_table_get_number() - Return: the node of a number, with one look-up more, or NULL */
struct vnode *node_table_get_number(uint64_t number);
/** node_table_find_number() - Return: the node of a number, as long as its look-ups last, or NULL */
struct vnode *node_table_find_number(uint64_t number);
/**
 * node_table_add() - a node with one look-up
 * @fd: taken when the node is new; then it is the node's
 * @id: its number is 0 if none leads to the inode
 * Return: the node, which another thread may have added just before; NULL without memory
 */
struct vnode *node_table_add(int fd, uint64_t dev, uint64_t ino, const struct node_id *id);
/**
 * node_table_put() - @count look-ups fewer
 * Return: a node that is no longer in the table, which the caller frees; it need not be the same one; or NULL
 */
struct vnode *node_table_put(struct vnode *node, uint64_t count);

/** node_table_show() - what is added to inode numbers of a device, as @show of its nodes */
uint64_t node_table_show(uint64_t dev);

/** node_table_known() - nodes that the client has look-ups of */
size_t node_table_known(void);
/** node_table_chains() - how many chains there are. Only while no request is under way, as the next one */
size_t node_table_chains(void);
/** node_table_chain() - one of them, linked by @next */
struct vnode *node_table_chain(size_t i);

#endif
