/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mounted file system of a rump kernel as a FUSE server.
 *
 * The connection is made elsewhere: the server gets the open device and needs nothing else of the host but to read and
 * write it. The client, a kernel, is trusted; the file system is not, and all that runs here may be in its hands.
 */
#ifndef FUSE_SERVER_H
#define FUSE_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rumpus;

/**
 * struct fuse_owner - whose files appear to be
 * @mapped: all files belong to @uid and @gid, and new ones to whom their directory belongs; else owners are as they are
 * @mask:   permissions that nobody is shown; with @mapped
 */
struct fuse_owner {
	bool mapped;
	uid_t uid;
	gid_t gid;
	mode_t mask;
};

/** struct fuse_count - what has been done so far; may lie in memory that another process reads */
struct fuse_count {
	_Atomic uint64_t requests;
	_Atomic uint64_t errors; /* of the disk or of what is on it: EIO, EUCLEAN, EBADMSG */
	_Atomic uint64_t nodes;
	_Atomic uint64_t taken; /* from the client, those that want no reply included */
	_Atomic uint64_t done;	/* of these */
};

/**
 * struct fuse_server_config - what to serve
 * @kernel:  where the file system is mounted
 * @root:    path of its root there; the caller's
 * @device:  /dev/fuse of a connection; the server's from now on, also on failure
 * @threads: how many serve
 * @owner:   copied
 * @count:   the caller's
 * @ready:   the client has agreed on a protocol and may be used; on any thread
 * @ended:   nobody serves any more: the client unmounted, or fuse_server_stop(); on any thread
 * @arg:     argument of both
 */
struct fuse_server_config {
	struct rumpus *kernel;
	const char *root;
	int device;
	unsigned int threads;
	struct fuse_owner owner;
	struct fuse_count *count;
	void (*ready)(void *arg);
	void (*ended)(void *arg);
	void *arg;
};

struct fuse_server;

/** fuse_server_start() - serve, on threads of its own. Return: 0 or a negative errno */
int fuse_server_start(const struct fuse_server_config *config, struct fuse_server **server);

/**
 * fuse_server_stop() - have it end, wait until it has, and free it; blocks
 *
 * What the client asks meanwhile fails with ENOTCONN. Nothing is open in the file system afterwards.
 */
void fuse_server_stop(struct fuse_server *server);

#endif
