/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copying trees: a walk makes entries of what it finds, a sink takes them.
 *
 *   host to image    walk(host) -> wire | wire -> build(image)      parent | worker
 *   image to host    walk(image) -> wire | wire -> build(host)      worker | parent
 *   image to image   walk(image) -> build(image)                    worker
 *
 * Walk and build are written once over struct fs. Contents of large files never pass the wire: whichever process walks,
 * the worker gets the host's descriptor and moves the bytes, because only it reaches both sides.
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs.h"
#include "report.h"
#include "wire.h"

/** TREE_DEPTH_MAX - directories within each other; each costs a descriptor on both sides */
#define TREE_DEPTH_MAX 2000U

/** enum tree_kind - of an entry */
enum tree_kind {
	TREE_ENTER = 1,	 /* a directory; its entries follow */
	TREE_LEAVE,	 /* its end, with its metadata: applied last, as entries change it */
	TREE_FILE,	 /* a regular file with its contents */
	TREE_STREAM,	 /* a file whose contents are moved by descriptor */
	TREE_STREAM_END, /* from the worker: the contents of the last TREE_STREAM are there, or are not */
	TREE_LINK,	 /* another name of an earlier file */
	TREE_SPECIAL,	 /* symbolic link, device node, fifo, socket */
};

/** struct tree_meta - what else a file has; times in seconds and nanoseconds since 1970 */
struct tree_meta {
	uint32_t mode; /* as st_mode */
	uint32_t uid, gid;
	uint32_t rdev_major, rdev_minor;
	uint32_t atime_ns, mtime_ns;
	uint32_t dev_major, dev_minor; /* with ino: which file it is, on its own side */
	uint32_t blocks_short;	       /* fewer blocks than its size needs: has holes */
	int64_t atime, mtime;
	uint64_t size, ino;
};

/**
 * struct tree_entry - one step of a walk; pointers are valid during the call that passes it
 * @source: number of the command's source that it comes from; names its target at the top, where @name is not used
 * @link:   0, or a number that later TREE_LINKs refer to
 * @status: TREE_STREAM_END: 0 or a negative errno
 * @fd:     TREE_STREAM on its way to the worker: the host's file; else -1
 * @target: TREE_SPECIAL: of a symbolic link
 * @xattrs: extended attributes: key with its zero byte, 32-bit length, value, and so on; empty: none
 * @implied: TREE_LEAVE: nothing is known about the directory but its mode
 * @xattrs_lost: 0, or why there are more: the first negative errno of reading them, -E2BIG for what did not fit
 */
struct tree_entry {
	enum tree_kind kind;
	uint32_t source;
	uint32_t link;
	int32_t status;
	int fd;
	int32_t xattrs_lost;
	bool implied;
	struct tree_meta meta;
	const char *name;
	const char *target;
	const void *xattrs;
	size_t xattrs_size;
	const void *data;
	size_t data_size;
};

/** struct tree_end - an open file on one side */
struct tree_end {
	const struct fs *fs;
	int fd;
};

/**
 * struct tree_sink - takes entries; 0 or a negative errno that ends the walk, other failures are reported, not returned
 * @take:  any entry but TREE_STREAM and TREE_STREAM_END
 * @begin: TREE_STREAM: opens the target. @end->fd is -1 when that failed and was reported.
 * @finish: TREE_STREAM_END, after @begin gave a descriptor
 * @stream: instead of @begin and @finish, when it wants to read the contents itself; NULL: it does not
 * @passes_fd: walks of the host attach the descriptor to TREE_STREAM and call take() instead of the two
 */
struct tree_sink {
	int (*take)(struct tree_sink *sink, const struct tree_entry *entry);
	int (*begin)(struct tree_sink *sink, const struct tree_entry *entry, struct tree_end *end);
	int (*finish)(struct tree_sink *sink, const struct tree_entry *entry);
	int (*stream)(struct tree_sink *sink, const struct tree_entry *entry, struct tree_end from, const char *label);
	bool passes_fd;
};

/** tree_put() - write an entry to the wire; closes @entry->fd. Return: as wire_end() */
int tree_put(struct wire *wire, const struct tree_entry *entry);
/** tree_get() - read one from a record; takes its descriptor. Return: 0, -EPROTO */
int tree_get(struct wire_record *record, struct tree_entry *entry);

/** tree_put_done() - the parent: the walk is over; tree_receive() returns. Return: 0, negative errno */
int tree_put_done(struct wire *wire);
/** tree_take() - what is done with one entry; @arg: as given. Return: 0, or a negative errno to end with */
typedef int tree_take(void *arg, const struct tree_entry *entry);
/**
 * tree_receive() - take the entries of the other process's walk, up to WIRE_TREE_DONE
 * @take: called for each; a TREE_STREAM has a descriptor, which is closed afterwards. May not use @wire
 * Return: 0; -EINTR when stop_requested(); -EPIPE, -EPROTO, or what @take returned
 */
int tree_receive(struct wire *wire, tree_take *take, void *arg);

/** struct tree_wire_sink - a sink that writes to the wire */
struct tree_wire_sink {
	struct tree_sink sink;
	struct wire *wire;
};

/** tree_wire_sink_init() - @passes_fd: this is the parent */
void tree_wire_sink_init(struct tree_wire_sink *sink, struct wire *wire, bool passes_fd);

struct tree_links;

/**
 * struct tree_room - what the files of a source can have together; begins with @bytes and @exempt
 * @bytes:  of data, without holes; 0: nothing is known
 * @exempt: STATX_ATTR_* of files that may have more
 * @sizes, @data: private: of files that were counted, by their sizes alone, and by their data
 * @zeroes: private: bytes that were read to find data
 */
struct tree_room {
	uint64_t bytes, exempt, sizes, data, zeroes;
};

/**
 * struct tree_walk - the source side of a copy
 * @fs, @sink, @report: where from, where to, where messages go
 * @preserve:  look for hard links and extended attributes
 * @wanted:    NULL, or asked with @wanted_arg about everything below the source, by its path there: false leaves it out
 * @one_fs:    what is mounted below the source, and subvolumes, are directories without entries
 * @sorted:    directories in the order of bytes of the names in them, rather than as the file system has them
 * @room:      what the files of the next source can have
 * @enter_xattrs: directories have their extended attributes at TREE_ENTER already
 * @avoid:     not to be entered: the directory that is being built, when it is on the same side; ino 0: none
 */
struct tree_walk {
	const struct fs *fs;
	struct tree_sink *sink;
	struct report *report;
	bool preserve;
	const struct tree_meta *avoid;
	bool (*wanted)(void *arg, const char *path);
	void *wanted_arg;
	bool enter_xattrs, one_fs, sorted;
	struct tree_room room;
	/* private */
	uint32_t dev_major, dev_minor;
	uint32_t source;
	size_t label_length;
	unsigned int depth;
	struct path path;
	struct tree_links *links, *dirs;
	unsigned char *xattrs, *data;
};

int tree_walk_init(struct tree_walk *walk);
/**
 * tree_walk() - copy one source with all that is below it; symbolic links as such
 * @dir, @name: where it is; @name "." for @dir itself
 * @label:      what to call it in messages
 */
int tree_walk(struct tree_walk *walk, uint32_t source, int dir, const char *name, const char *label);
/** tree_walk_file() - copy the contents of one open file, whatever it is but a directory; closes @fd */
int tree_walk_file(struct tree_walk *walk, uint32_t source, int fd, const char *label);
void tree_walk_fini(struct tree_walk *walk);

/* Paths of files with several names, in names.c */
struct tree_name;

/** struct tree_names - paths by the numbers of tree_entry.link; begins as zeroes */
struct tree_names {
	struct tree_name *list; /* sorted by number */
	size_t count, room;
};

/** tree_names_set() - from now on @number is at @path; forgotten when there is no memory, or numbers do not grow */
void tree_names_set(struct tree_names *names, uint32_t number, const char *path);
/** tree_names_get() - Return: the path, or NULL */
const char *tree_names_get(const struct tree_names *names, uint32_t number);
void tree_names_free(struct tree_names *names);

struct tree_level;

/** struct build_made - hashes of what was made, with its directory: open addressing, 0 for a free slot */
struct build_made {
	uint64_t *slots;
	size_t size, used; /* the first one is a power of two */
};

/**
 * struct tree_build - the target side of a copy: a sink that makes files on one side
 * @fs, @report: where
 * @base:     directory that targets are made in
 * @targets:  name in @base for each source, "." for @base itself; never taken from entries
 * @target_count: how many
 * @label:    what to call @base in messages
 * @preserve: owners, modes, times, hard links and extended attributes; else permissions, cut by @umask
 * @exact:    the one target was named in full: an existing file is written in place, whatever it is
 * @same_fs:  the walk is on the same side
 * @follow:   entries come from an archive: at the top they have names of their own; what the target has in place of a
 *            directory may be a symbolic link, which leads on with @base as root; and a TREE_LINK without a number has
 *            the path of the other name, without "..", in its target
 */
struct tree_build {
	struct tree_sink sink;
	const struct fs *fs;
	struct report *report;
	int base;
	const char *const *targets;
	uint32_t target_count;
	const char *label;
	bool preserve, exact, same_fs, follow;
	uint32_t umask;
	/* private */
	struct tree_meta own; /* the first directory made: not to be copied into itself */
	struct path path;
	struct tree_level *levels;
	unsigned int depth, levels_room, skip;
	struct tree_names linked;
	struct tree_links *finished; /* directories that were left with their metadata; with @follow */
	struct build_made made;
	struct fs_names listed; /* names in the directory whose hash is @listed_dir */
	uint64_t listed_dir;
	char alike[FS_NAME_SIZE]; /* what was made under a name that is the same to the target */
	int file;
	bool file_created, file_regular;
	char file_name[FS_NAME_SIZE];
};

int tree_build_init(struct tree_build *build);
/** tree_build_fini() - free everything, also in the middle of a tree */
void tree_build_fini(struct tree_build *build);

/** struct tree_copied - how a copy of contents ended */
struct tree_copied {
	int64_t bytes; /* of data; holes do not count */
	bool writing;  /* it failed while writing */
};

/**
 * tree_copy() - move contents, keeping holes
 * @size: of the source; -1: not a regular file, read to its end
 * Return: 0; a negative errno; -EINTR only when stop_requested()
 */
long tree_copy(struct tree_end from, struct tree_end to, int64_t size, struct tree_copied *copied);

/* Holes, in holes.c */
/** enum tree_found - what tree_next_data() has found */
enum tree_found {
	TREE_NONE,   /* only a hole is left */
	TREE_DATA,   /* data, which may be zeroes */
	TREE_ZEROES, /* up to @end, where @begin is, too, zeroes were read: their driver cannot tell holes */
};

/**
 * tree_next_data() - the next piece of data of a regular file at or after @at
 * @begin, @end: out: where it is
 *
 * Takes back that a whole file is data, as drivers say that know no better, when it has fewer blocks than it needs: it
 * is read, and its zeroes are holes. To have passed some is told from time to time, as a file may claim any number of
 * them; who does not mind goes on at @end.
 */
enum tree_found tree_next_data(struct tree_end from, int64_t at, int64_t size, int64_t *begin, int64_t *end);

/**
 * tree_size_possible() - can a regular file be as large as it claims, or is that more than its file system ever holds?
 *
 * Leaves the position of the file at its beginning.
 */
bool tree_size_possible(struct tree_end file, uint64_t size);
/* What is said then, with the size as unsigned long long. */
#define TREE_SIZE_IMPOSSIBLE "claims %llu bytes, more than a file of this file system can have; not read"

/* room.c */
/**
 * tree_data_fits() - can a file have as much data as it claims, with what others have that were counted before?
 * @counted: no other name of it was or will be: add it to them
 *
 * Sound where no block is used twice: sizes are added up as long as they fit, and from then on what is data. Where that
 * takes reading, TREE_ZEROES_MOST is read of zeroes of all files, and the rest of a file may be more than it says.
 * Leaves the position of the file at its beginning.
 */
bool tree_data_fits(struct tree_room *room, struct tree_end file, const struct statx *st, bool counted);
/* Zeroes, in bytes, after which it is no longer likely that they are worth reading. */
#define TREE_ZEROES_MOST (2ULL << 30)
/* What is said when it cannot. */
#define TREE_DATA_IMPOSSIBLE \
	"has more data than its file system has room for, by itself or with the files before it: blocks are used more than once; not read"

/** tree_fatal() - is there no sense in going on with other files after this negative errno of a target? */
bool tree_fatal(long error);

/* Metadata, in meta.c */
void tree_meta_from(struct tree_meta *meta, const struct statx *st);
/**
 * tree_xattrs_read() - of @fd, or of @name in @dir when that is negative; fills @buf of WIRE_INLINE_MAX bytes
 * @lost: out: as in struct tree_entry
 */
size_t tree_xattrs_read(const struct fs *fs, int fd, int dir, const char *name, unsigned char *buf, int32_t *lost);
/** struct tree_xattr - one extended attribute of an entry */
struct tree_xattr {
	const char *key;
	const void *value;
	size_t size;
};
/** tree_xattr_next() - the one at @at, which begins as @entry->xattrs and moves on. Return: false at the end */
bool tree_xattr_next(const struct tree_entry *entry, const char **at, struct tree_xattr *xattr);
/** tree_meta_apply() - set all that @entry has on @fd, or on @name in @dir when that is negative; reports losses */
void tree_meta_apply(const struct fs *fs, int fd, int dir, const char *name, const struct tree_entry *entry,
		     struct report *report, const char *label);

/* Hard links, in links.c */
struct tree_links *tree_links_new(void);
/** tree_links_number() - of a file, counted from 1. @first: out: it was not known. Return: 0 without memory */
uint32_t tree_links_number(struct tree_links *links, const struct tree_meta *meta, bool *first);
/** tree_links_knows() - has it a number? */
bool tree_links_knows(const struct tree_links *links, const struct tree_meta *meta);
void tree_links_free(struct tree_links *links);
/**
 * tree_dir_again() - has an open directory been found before in this walk of an image, by another path?
 * @dirs: of the walk
 *
 * Only damage or malice makes that so, and there may be 2^n paths through n directories. On the host it means nothing.
 */
bool tree_dir_again(struct tree_links *dirs, const struct fs *fs, int fd);
/* What is said then. */
#define TREE_DIR_AGAIN "is a directory that was found before, by another name; what is in it is left out here"

#endif
