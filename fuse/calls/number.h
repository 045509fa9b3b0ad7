/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers of nodes that lead back to the inode, so that a handle that the client made of one works as long as the file
 * does, and needs no memory here.
 *
 * Drivers have handles, by which open_by_handle_at(2) finds an inode. Those of most are an inode's number and its
 * generation, 32 bits each, and both fit into the number of a node. Of others the generation is left out, which their
 * drivers take for "any"; the client has it beside the number, and compares. Numbers whose lower half is 0 lead
 * nowhere: the table gives them to inodes whose handles do not fit, or that have none.
 */
#ifndef FUSE_CALLS_NUMBER_H
#define FUSE_CALLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/** NODE_HANDLE_MAX - bytes; inodes whose handles are longer stay in memory */
#define NODE_HANDLE_MAX 32

/** struct node_handle - what open_by_handle_at(2) takes. @size: bytes */
struct node_handle {
	unsigned int size;
	int type;
	uint32_t words[NODE_HANDLE_MAX / sizeof(uint32_t)];
};

/** struct node_id - what a client knows a node by; of two nodes that have one number, one after the other, the
 * generations differ */
struct node_id {
	uint64_t number;
	uint32_t generation;
};

/** node_number_start() - @fd: an open directory of the file system, which stays open. Return: 0 or a negative errno */
int node_number_start(int fd);
/** node_handles_last() - are inodes found by handles when the driver has put them out of memory? */
bool node_handles_last(void);
/** node_has_subvolumes() - may an entry of a directory be the root of a tree with inode numbers of its own? */
bool node_has_subvolumes(void);
/** node_number_of() - @fd: of an inode. Return: its id; number 0 when there is none that leads back to it */
struct node_id node_number_of(int fd);
/** node_number_open() - Return: an O_PATH descriptor of the inode, or a negative errno: ESTALE when there is none */
long node_number_open(uint64_t number);

/** node_handle_get() - of the inode of @fd. Return: 0 or a negative errno */
int node_handle_get(int fd, struct node_handle *handle);
/** node_handle_open() - Return: an O_PATH descriptor, or a negative errno */
long node_handle_open(const struct node_handle *handle);

#endif
