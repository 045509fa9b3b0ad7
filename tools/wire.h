/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between the two processes of one command.
 *
 * Records are packed into packets of a SOCK_SEQPACKET socket pair, many to a packet, so that ten thousand small files
 * cost some hundred packets. Both sides are the same program, forked, so there are no versions; but either side may be
 * hostile to the other, so every length is checked and a record that does not parse ends the conversation.
 */
#ifndef TOOLS_WIRE_H
#define TOOLS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** WIRE_PACKET_MAX - bytes in a packet, and so in a record; below the default send buffer of Linux */
#define WIRE_PACKET_MAX (160U << 10)
/** WIRE_PACKET_GOOD - a packet this long is sent without waiting for more records */
#define WIRE_PACKET_GOOD (48U << 10)
/** WIRE_INLINE_MAX - bytes of one variable field; files up to this size travel inside records */
#define WIRE_INLINE_MAX (64U << 10)
/** WIRE_FDS_MAX - descriptors in a packet */
#define WIRE_FDS_MAX 16U

/** enum wire_type - what a record says; W: from the worker, P: from the parent */
enum wire_type {
	WIRE_MESSAGE = 1, /* W: severity, subject, text: something for people */
	WIRE_FINISH,	  /* W: enum outcome; the last record */
	WIRE_HELD,	  /* W: number of an image, offset, size: bytes that somebody else has locked */
	WIRE_FACT,	  /* W: a line of "info": name, value */
	WIRE_LISTING,	  /* W: a directory of "ls" begins: its title */
	WIRE_USAGE,	  /* W: a line of "du" */
	WIRE_MATCH,	  /* W: a line of "find": number of its action, path */
	WIRE_QUIT,	  /* W: what "find" was looking for is found: no other image is to be looked at */
	WIRE_XATTR,	  /* W: an extended attribute: path, name, value */
	WIRE_PLACE,	  /* W: a place of an image; see place.h */
	WIRE_FOUND,	  /* W: a file and what is known of it; see found.h */
	WIRE_DATA,	  /* W: bytes for standard output */
	WIRE_TREE,	  /* both: one entry of a tree that is copied; see tree.h */
	WIRE_TREE_READY,  /* P: answers a TREE_STREAM: errno, descriptor when that is 0 */
	WIRE_MOVED,	  /* W: may what was copied be removed? P: answers: 1 or 0 */
	WIRE_TREE_DONE,	  /* P: no more entries */
	WIRE_CHECKED,	  /* W: counts of "check": image, struct, type, what was verified */
	WIRE_DIFFERENCE,  /* W: a line of "diff": path, what, flags, first, second */
	WIRE_HOST_FILE,	  /* P: descriptor of an archive; none: records of WIRE_DATA are its contents */
	WIRE_WORD,	  /* P: a word of the next line of a shell; see shell.h */
	WIRE_LINE,	  /* P: do the line in this directory */
	WIRE_LEAVE,	  /* P: no more lines */
	WIRE_DONE,	  /* W: enum outcome; a line is done, or the shell may begin */
	WIRE_NAME,	  /* W: a name in a directory, and its type */
	WIRE_MOUNT_READY, /* W: the image is mounted in the kernel: its type */
	WIRE_MOUNT_RO,	  /* W: instead: the file system can only be read */
	WIRE_MOUNT_FUSE,  /* P: answers that: the device to serve */
	WIRE_MOUNT_WORKS, /* W: the host can use it */
	WIRE_MOUNT_END,	  /* P: serve no more */
};

/**
 * struct wire - one end of a conversation
 * @fd:       socket
 * @drain:    called when sending would block while the other side has something to say: it must receive one packet
 *            and deal with all its records; NULL: sending just waits
 * @arg:      its argument
 *
 * The rest is private. One thread at a time.
 */
struct wire {
	int fd;
	int (*drain)(void *arg);
	void *arg;
	unsigned char *out;
	size_t out_size, out_record;
	int out_fds[WIRE_FDS_MAX];
	unsigned int out_fd_count;
	unsigned char *in;
	size_t in_size, in_at;
	int in_fds[WIRE_FDS_MAX];
	unsigned int in_fd_count, in_fd_at;
};

/**
 * struct wire_record - a record that was received; points into the wire until the next wire_next()
 * @type: enum wire_type, or anything a hostile sender likes
 * @fd:   descriptor that came with it, or -1; the receiver takes it by setting this to -1, else it is closed
 * @bad:  a get function went beyond the end or found a malformed field; stays set
 */
struct wire_record {
	uint32_t type;
	int fd;
	bool bad;
	const unsigned char *at, *end;
};

/** wire_init() - begin a conversation over @fd. Return: 0, -ENOMEM */
int wire_init(struct wire *wire, int fd);
/** wire_fini() - free what it has; closes received descriptors that nobody took, not the socket */
void wire_fini(struct wire *wire);

/**
 * wire_begin() - start a record, sending what is waiting if @size more bytes might not fit
 * @size: upper bound of the bytes that will be put; at most WIRE_PACKET_MAX - 64
 * Return: 0, or as wire_flush()
 */
int wire_begin(struct wire *wire, enum wire_type type, size_t size);
void wire_put(struct wire *wire, const void *bytes, size_t size);
void wire_put_u32(struct wire *wire, uint32_t value);
/** wire_put_blob() - a length and bytes */
void wire_put_blob(struct wire *wire, const void *bytes, size_t size);
/** wire_put_string() - a blob that ends with a zero byte */
void wire_put_string(struct wire *wire, const char *text);
/** wire_reserve() - room for a blob of up to @size bytes, to be filled in place and then put by wire_commit() */
void *wire_reserve(struct wire *wire, size_t size);
void wire_commit(struct wire *wire, size_t size);
/** wire_end() - finish the record. @fd: goes with it and is closed here then, or -1. Return: as wire_flush() */
int wire_end(struct wire *wire, int fd);
/**
 * wire_flush() - send what is waiting
 * Return: 0; -EPIPE when the other side has gone; -EINTR when a signal came, nothing is lost and it may be called
 * again; what @drain returned, if negative
 */
int wire_flush(struct wire *wire);

/**
 * wire_next() - the next record; waits for it unless one is here
 * Return: 1; 0 when the other side has gone; -EINTR; -EPROTO for a malformed packet
 */
int wire_next(struct wire *wire, struct wire_record *record);
/** wire_pending() - is there a record that wire_next() would return without waiting? */
bool wire_pending(const struct wire *wire);

void wire_get(struct wire_record *record, void *bytes, size_t size);
uint32_t wire_get_u32(struct wire_record *record);
/** wire_get_blob() - Return: its first byte, valid as long as the record; NULL when bad */
const void *wire_get_blob(struct wire_record *record, size_t *size);
/** wire_get_string() - Return: terminated, without zero bytes inside; "" when bad */
const char *wire_get_string(struct wire_record *record);

#endif
