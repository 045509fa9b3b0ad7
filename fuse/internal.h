/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the FUSE server share. */
#ifndef FUSE_INTERNAL_H
#define FUSE_INTERNAL_H

#include <pthread.h>
#include <semaphore.h>

#include <fuse3/fuse_lowlevel.h>
#include <sys/uio.h>

#include "server.h"
#include "vnode.h"

/** FUSE_REQUEST_MAX - bytes of contents that one request carries; the protocol's own limit */
#define FUSE_REQUEST_MAX (1U << 20)

/**
 * struct fuse_readers - who reads from the device; see readers.c
 * @reading: a thread does, or is about to
 * @standby: threads that wait for @call, or are about to
 */
struct fuse_readers {
	_Atomic bool reading;
	_Atomic unsigned int standby;
	sem_t call;
};

/**
 * struct fuse_server - all constant while threads run, but what the first request sets, @stop and @running
 * @setid_offer: number of the client's first request, when it lets the server clear set-id bits, until the reply
 * @setid_flags: what that request offered and the reply took; constant from then on
 * @stop:    threads are to end
 * @running: threads that have not ended
 */
struct fuse_server {
	struct fuse_server_config config;
	struct fuse_session *session;
	struct vnode *root;
	struct fuse_readers readers;
	_Atomic uint64_t setid_offer;
	_Atomic uint32_t setid_flags;
	_Atomic bool stop;
	_Atomic unsigned int running;
	unsigned int thread_count;
	pthread_t threads[];
};

/** BELIEVE - seconds that the client may believe what it was told: nobody else changes the file system */
#define BELIEVE 86400.0

/** op_*() - the operations by subject; they fill in their part of the table */
void ops_node_fill(struct fuse_lowlevel_ops *ops);
void ops_entry_fill(struct fuse_lowlevel_ops *ops);
void ops_file_fill(struct fuse_lowlevel_ops *ops);
void ops_dir_fill(struct fuse_lowlevel_ops *ops);
void ops_xattr_fill(struct fuse_lowlevel_ops *ops);

static inline struct fuse_server *server_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/** server_buffer() - memory of the calling thread for one reply. Return: NULL when there is none */
void *server_buffer(size_t size);

/** server_write() - a reply, header first. Return: as writev(2) */
ssize_t server_write(int fd, struct iovec *iov, int pieces, void *server);

/* readers.c */
int readers_init(struct fuse_readers *readers);
void readers_destroy(struct fuse_readers *readers);
/** readers_join() - the calling thread is going to serve */
void readers_join(struct fuse_server *server);
/** readers_turn() - is the calling thread to read a request? Blocks while others do that; false: ask again */
bool readers_turn(struct fuse_server *server);
/** readers_took() - the calling thread has read, in vain or not */
void readers_took(struct fuse_server *server);
/** readers_done() - its request is done */
void readers_done(void);
/** readers_leave() - the calling thread serves no more */
void readers_leave(struct fuse_server *server);

/* setid.c */
/** setid_see() - a request has come: does it ask to clear set-id bits? Its header is all there; it may be cut */
void setid_see(struct fuse_server *server, struct fuse_buf *request);
/** setid_accept() - a reply goes out: in the one that agrees on the protocol, take the client's offer */
void setid_accept(struct fuse_server *server, const struct iovec *iov, int pieces);
/** setid_clear() - clear them if the request asks for it, before what it changes. @file: if it is open */
int setid_clear(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file);
/** setid_clear_for_list() - the same of a directory, too, for the list @name that was set, if the request asks for it
 */
int setid_clear_for_list(fuse_req_t req, fuse_ino_t ino, const char *name);
/** setid_clear_for_caller() - in requests that cannot ask: if the caller is not root */
int setid_clear_for_caller(fuse_req_t req, fuse_ino_t ino, const struct vnode_file *file);

/* extra.c */
/** extra_serve() - a request that the library does not know. Return: is it answered? If not, it is the library's */
bool extra_serve(struct fuse_server *server, struct fuse_buf *request);

/* reply.c */
/** client_error() - @error: 0 or a negative errno. Return: the same in words that a client knows */
int client_error(long error);
/** show_owner() - whom a file appears to belong to */
void show_owner(const struct fuse_owner *owner, struct stat *st);
/** act_as_caller() - what this thread makes belongs to who asks. @dir: where it is made. Return: 0, negative errno */
int act_as_caller(fuse_req_t req, const struct vnode *dir);
/** reply_error() - @error: 0 or a negative errno, in words that a client knows */
void reply_error(fuse_req_t req, long error);
/** reply_entry() - a name was looked up or made, or not; takes the look-up */
void reply_entry(fuse_req_t req, int error, const struct vnode_entry *entry);
/** entry_fill() - what the client is told of an entry. @param: all of it is set */
void entry_fill(fuse_req_t req, const struct vnode_entry *entry, struct fuse_entry_param *param);
/** reply_stat() - the status of a node. @file: if it is open */
void reply_stat(fuse_req_t req, struct vnode *node, const struct vnode_file *file);

static inline struct vnode_file *file_of(const struct fuse_file_info *info)
{
	return info ? (struct vnode_file *)(uintptr_t)info->fh : NULL;
}

#endif
