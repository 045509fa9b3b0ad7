/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rumpus command: what its command line says, its two processes, its subcommands.
 *
 * A subcommand is one file with its two halves: what the parent does with the command line and with records, and what
 * the worker does with the mounted image. The worker is forked after the command line was understood and before a byte
 * of an image was read, so both know the same struct command.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../fuse/server.h"
#include "fs.h"
#include "option.h"
#include "progress.h"
#include "report.h"
#include "wire.h"

struct rumpus;
struct hyp_blk;
struct tree_build;

/** enum exit_code - of the command; documented in rumpus(1) */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_PROBLEM = 1,   /* something was not done; a message says what */
	EXIT_DIFFERENT = 1, /* diff: all was compared, and is not the same */
	EXIT_USAGE = 2,
	EXIT_LOSSY = 3, /* all was done, but owners, modes, times or attributes were lost */
};

#define IMAGES_MAX 8U
#define PARTITIONS_MAX 128U

/** DATA_NEEDED - bytes of the limit of data (ulimit -d) that a worker wants; most of its memory does not count for it */
#define DATA_NEEDED (16ULL << 20)

/**
 * struct image - one disk image that the command works on
 * @path:     as given, with its partition: what messages call it
 * @file:     the host's
 * @partition: of the file, by number, name or UUID; NULL: what --partition says
 * @fd:       the parent's; the worker holds it by the disk only
 * @look:     the same image, opened for looking at it when the disk's own is for direct I/O; -1: @fd serves for both
 * @writable: the command changes it: no overlay
 * @lower:    only a lower layer of another one, or mounted in it: found by itself, whatever --type and --options say
 * @is_device: a block device
 * @dev, @ino: which file it is
 * @size:     bytes
 * @sector:   bytes of the device's sectors; for a file those that are asked for, or 512
 * @sector_given: they are asked for: nothing in the image is to tell otherwise
 * @start, @end: the worker's: bytes of the file in which its file system is, when it has been mounted
 * @part:     the worker's: its disk is locked when it is known which partition of it is used
 * @disk, @node, @type, @root: the worker's: device, its name in the kernel, file-system type, open root directory
 */
struct image {
	const char *path, *file, *partition;
	int fd, look;
	bool writable, lower, is_device, sector_given, part;
	dev_t dev;
	ino_t ino;
	uint64_t size, start, end;
	unsigned int sector;
	struct hyp_blk *disk;
	char node[48];
	char type[64];
	int root;
};

/**
 * struct operand - an argument that names files
 * @image: where; NULL: on the host
 * @path:  there; absolute within an image
 * @text:  as given, for messages
 */
struct operand {
	struct image *image;
	const char *path;
	const char *text;
};

struct command;
struct session;
struct worker;

/**
 * struct subcommand - one file tools/NAME.c
 * @arguments: operands, for the usage line
 * @summary:   for the list in "help"; no full stop
 * @help:      more than that, for its own help: what its operands mean; NULL: nothing
 * @options:   its own; NULL: none
 * @options_size: of the struct that they are stored in, which begins as zeroes
 * @ordered:   options end at the first operand, since later words may begin with a minus
 * @examples:  two or three
 * @hidden:    of no use to people: in no list
 * @progress:  it may take long: show how far it is
 * @trouble:   exit code when something was not done; 0: EXIT_PROBLEM
 * @prepare:   parent: takes the operands. Return: EXIT_DONE or what to exit with; has said why. In a shell the worker
 *             calls it, too, with the same words: it opens nothing, and notes down no descriptors
 * @alone:     instead of @work: needs neither image nor worker. Return: what to exit with
 * @work:      worker, with images mounted. Return: 0 or a negative errno that was not reported yet
 * @unmounted: @work is called before anything is mounted, and mounts itself if it wants
 * @each:      images have nothing to do with each other: turns.c has a worker for each. All of its operands are
 *             images or paths in them, and @prepare is called for some of them at a time, more than once, too. Not for
 *             what writes
 * @paths:     with @each: how many of the words are images or paths in them; the words after those belong to each turn.
 *             0: no turns, it writes. NULL: all are
 * @apart:     images are looked at as they are, one by one: what --at names is one more of them
 * @disks:     with @each: of an image that is no file system but has partitions, each of these has its turn: the worker
 *             has sent them by places_list()
 * @record:    parent: one record that is the subcommand's own. Return: 0, or a negative errno to end the worker for
 * @drive:     parent: sends records, after the worker started. Return: as @record
 * @finish:    parent: the worker has ended, well if @finished is set; ends what @record began. With @each: the last one
 * @missed:    parent, with @each: nothing was recorded of this image, which was told; NULL: no more is to be said of it
 * @other:     parent, with @disks: the partition that is called @path has no turn, as it holds @other; "" for nothing known
 * @again:     parent: after @finish, with images closed; has opened them again if another worker is to do the command
 * once more. Return: is it? NULL: never
 */
struct subcommand {
	const char *name, *arguments, *summary, *help;
	const struct option_rule *options;
	size_t options_size;
	bool ordered;
	const struct option_example *examples;
	bool hidden;
	bool progress;
	int trouble;
	int (*prepare)(struct command *command, int argc, char **argv);
	int (*alone)(struct command *command);
	int (*work)(struct worker *worker);
	bool unmounted;
	bool each, apart, disks;
	int (*paths)(int argc, char **argv);
	int (*record)(struct session *session, struct wire_record *record);
	int (*drive)(struct session *session);
	void (*finish)(struct session *session);
	void (*missed)(struct session *session);
	void (*other)(struct session *session, const char *path, const char *other);
	bool (*again)(struct command *command);
};

extern const struct subcommand subcommand_cat;
extern const struct subcommand subcommand_check;
extern const struct subcommand subcommand_chmod;
extern const struct subcommand subcommand_chown;
extern const struct subcommand subcommand_complete;
extern const struct subcommand subcommand_cp;
extern const struct subcommand subcommand_df;
extern const struct subcommand subcommand_diff;
extern const struct subcommand subcommand_dmesg;
extern const struct subcommand subcommand_doctor;
extern const struct subcommand subcommand_du;
extern const struct subcommand subcommand_find;
extern const struct subcommand subcommand_getfattr;
extern const struct subcommand subcommand_info;
extern const struct subcommand subcommand_ln;
extern const struct subcommand subcommand_look;
extern const struct subcommand subcommand_ls;
extern const struct subcommand subcommand_mkdir;
extern const struct subcommand subcommand_mount;
extern const struct subcommand subcommand_mounts;
extern const struct subcommand subcommand_mv;
extern const struct subcommand subcommand_net_demo;
extern const struct subcommand subcommand_parts;
extern const struct subcommand subcommand_rm;
extern const struct subcommand subcommand_sh;
extern const struct subcommand subcommand_setfattr;
extern const struct subcommand subcommand_stat;
extern const struct subcommand subcommand_tar;
extern const struct subcommand subcommand_touch;
extern const struct subcommand subcommand_tree;
extern const struct subcommand subcommand_truncate;
extern const struct subcommand subcommand_try;
extern const struct subcommand subcommand_umount;
extern const struct subcommand subcommand_untar;
extern const struct subcommand *const subcommands[]; /* ends with NULL */

/**
 * struct command - a command line, understood
 * @own: options of the subcommand: its own struct
 * @directory: in a shell: where paths start, in the one image; NULL: operands name their image
 * @layers: what images[0] is laid over, the topmost first; layers_take() has found them
 * @points: what is mounted at directories of images[0], in that order; at_take() has found them
 * @words, @word_count: of several turns: their operands, not taken yet
 * @turn_count: how many turns there are; 0: all images are one worker's
 * @helper: called by mount(8) or umount(8), by one of their names for it
 * @resident: the worker is to live for long
 * @either: the image is written to if that can be, else only read: a worker that finds that it cannot says so, and ends
 * @cpus, @cache: of the worker's kernel, as struct rumpus_config; 0: what suits a short command
 */
struct command {
	const struct subcommand *sub;
	struct options options;
	void *own;
	const char *directory;
	struct image images[IMAGES_MAX];
	unsigned int image_count;
	struct operand *operands;
	unsigned int operand_count;
	struct operand layers[LAYERS_MAX];
	unsigned int layer_count;
	struct operand points[POINTS_MAX];
	unsigned int point_count;
	char **words;
	int word_count;
	unsigned int turn_count;
	struct report *report;
	uint64_t started; /* nanoseconds, CLOCK_MONOTONIC */
	bool helper, resident, either;
	unsigned int cpus;
	uint64_t cache;
};

/* main.c */
/** exit_trouble() - exit code of a command that did not do all */
int exit_trouble(const struct command *command);
/** subcommand_named() - by its name. Return: NULL for none */
const struct subcommand *subcommand_named(const char *name);
/**
 * command_parse() - understand a line that begins with the name of a subcommand
 * @command: with @report and, as far as they are known, common options
 * Return: EXIT_DONE, also when help or version is asked for; an exit code after a message
 */
int command_parse(struct command *command, int argc, char **argv);
/** command_answer() - the help or version that the line asks for. Return: exit code; -1: it does not */
int command_answer(const struct command *command);
/** command_free() - what command_parse() has made; not what is open, nor the struct itself */
void command_free(struct command *command);
/** usage_error() - say what is wrong with the command line. Return: EXIT_USAGE */
int usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t clock_now(void);

/* operand.c */
/** enum operand_kind - what an argument may be */
enum operand_kind {
	OPERAND_IMAGE, /* IMAGE or IMAGE:/PATH */
	OPERAND_ANY,   /* IMAGE:/PATH or a host path */
	OPERAND_TREE,  /* IMAGE, IMAGE:/PATH or a directory of the host */
};

/** image_named() - does @text name an image: a file, or "FILE@PARTITION" with a file that exists? */
bool image_named(const char *text);
/** operand_take() - understand one argument, opening nothing. Return: as operands_take() */
int operand_take(struct command *command, const char *argument, enum operand_kind kind, struct operand *operand);
/** HOST_PREFIX - in a shell, before a path of the host */
#define HOST_PREFIX "host:"

/**
 * operand_label() - what it and all below it are shown as; "IMAGE" and "IMAGE:" as "IMAGE:/", which is what they mean
 * Return: caller frees; NULL without memory
 */
char *operand_label(const struct command *command, const struct operand *operand);
/**
 * operands_take() - understand arguments and add them to the command, opening nothing
 * Return: EXIT_DONE, EXIT_USAGE, EXIT_PROBLEM; has said why
 */
int operands_take(struct command *command, int argc, char **argv, enum operand_kind kind);
/** operands_take_writable() - the same, in images that the command changes */
int operands_take_writable(struct command *command, int argc, char **argv);
/** images_open() - open all images, for writing where @writable is set. Return: EXIT_DONE, EXIT_PROBLEM */
int images_open(struct command *command);
/** images_close() - as far as they are open */
void images_close(struct command *command);

/* lock.c */
/** image_flags() - enum hyp_blk_open_flags for an image */
uint32_t image_flags(const struct command *command, const struct image *image);
/** image_lock() - parent: lock an open image against others. Return: EXIT_DONE, EXIT_PROBLEM; has said why */
int image_lock(const struct command *command, const struct image *image);
/**
 * image_claim() - worker: lock the partition that the command works on, once the disk is attached, unless all of it is locked
 * @size: bytes; 0: all that follows
 * Return: 0; a negative errno, of which the user is told
 */
int image_claim(struct worker *worker, const struct image *image, uint64_t offset, uint64_t size);
/** image_held() - parent: tell who has what the worker could not lock. Return: 0, -EPROTO */
int image_held(struct session *session, struct wire_record *record);

/** struct disk_count - requests of the kernel's to its disk; may lie in memory that another process reads */
struct disk_count {
	_Atomic uint64_t taken, done;
};

/**
 * struct shared - memory that both processes see; the parent believes nothing in it
 * @layers:   enum sandbox_layer that are active
 * @stopping: the worker has begun to unmount, by itself or because it was asked to: it needs no further asking
 * @ended:    the kernel ended by itself; @reason is there
 * @progress: how far the command is
 * @log_end:  bytes of kernel messages so far; the last ones are in @log, a ring
 * @served:   what "mount" has done so far
 * @disk:     what its disk has
 * @start, @end: bytes of the last partition that it has locked; 0: the image
 */
struct shared {
	_Atomic uint32_t layers;
	_Atomic uint32_t stopping;
	_Atomic uint32_t ended;
	char reason[256];
	struct progress progress;
	_Atomic uint64_t log_end;
	char log[16384];
	struct fuse_count served;
	struct disk_count disk;
	_Atomic uint64_t start, end;
};

/* session.c: the parent */
/** struct session_part - @number: of a partition; @other: what it holds that is no file system, NULL: it is to have a turn */
struct session_part {
	unsigned int number;
	char *other;
};

/**
 * struct session - the parent's side of one command
 * @cwd:    working directory of the command; relative host paths start here, as the process may change its own
 * @shell:  the worker does one line after the other
 * @interactive: its lines come from a terminal
 * @ended:  the worker is about to end: there will be no more lines
 * @more:   another worker follows, which goes on with what this one began
 * @answered: the worker has sent a record of the subcommand's own
 * @enough: no more turns
 * @parts: partitions of this image, in order; number 0 ends them
 * @deaf:   what the worker still sends of this line is of no use any more
 * @build:  cp: files that are being made on the host; NULL when none
 * @mask:  umask of the command
 * @code:   what to exit with when nothing else went wrong
 * @state:  the subcommand's own
 */
struct session {
	struct command *command;
	struct report *report;
	struct wire wire;
	struct shared *shared;
	pid_t worker;
	mode_t mask;
	int cwd;
	bool finished, shell, interactive, ended, deaf, more, answered, enough;
	struct session_part parts[PARTITIONS_MAX + 1];
	int code;
	struct tree_build *build;
	void *state;
};

/** session_run() - do the command. Return: exit code; does not return when a signal is to end the process */
int session_run(struct command *command);
/** session_work() - one worker's life, with images open, which are closed. Return: 0; -EIO after a message: it had none */
int session_work(struct session *session);
/** session_end() - after the last worker, and what it began. Return: as session_run() */
int session_end(struct session *session);

/* turns.c: a worker for each image */
/** turns_take() - take operands in turns, or as usual if there is only one. Return: EXIT_DONE; an exit code; has said why */
int turns_take(struct command *command, int argc, char **argv);
/** turns_run() - do the command for one image after the other. Return: as session_run() */
int turns_run(struct command *command);
/** session_receive() - deal with all records of one packet. Return: 0; -ECONNRESET at the end; what a record gave */
int session_receive(struct session *session);
/** kernel_open() - the kernel image. @path: out, also on failure: @size bytes, at least 128. Return: fd, negative errno
 */
int kernel_open(char *path, size_t size);
/** session_dispatch() - deal with one record */
int session_dispatch(struct session *session, struct wire_record *record);
/**
 * session_converse() - drive the subcommand, and deal with the worker's records until it has finished
 * Return: 0; -ECONNRESET when the worker is gone; -EPROTO when it breaks the rules; what @record or @drive gave
 */
int session_converse(struct session *session);
/** session_subject() - the image that a worker has to do with; NULL: several */
const char *session_subject(const struct session *session);
/** session_code() - what an enum outcome is worth as an exit code, signals apart */
int session_code(const struct command *command, unsigned int outcome);
/** stdout_for_worker() - is standard output something that a worker may have: no way to read, nothing to overwrite? */
bool stdout_for_worker(void);
/** worker_takes_stdout() - does the worker write standard output itself, from the beginning? */
bool worker_takes_stdout(const struct command *command);

/* supervise.c: signals, and how the worker ended */
/** supervise_start() - from now on signals are passed on to @worker. Return: 0, negative errno */
int supervise_start(pid_t worker);
/** supervise_wait() - the worker is done or has to end: wait for it. Return: its wait status */
int supervise_wait(struct session *session);
/** supervise_explain() - report a worker that ended without saying that it was done */
void supervise_explain(struct session *session, int status);
/** supervise_patiently() - a second SIGINT ends the worker only when the user was told that it takes long */
void supervise_patiently(void);
/** supervise_ask() - ask the worker to stop what it does, as after @signal */
void supervise_ask(int signal);
/** supervise_forget() - a line has ended: what was asked of the worker counts no more */
void supervise_forget(void);
/** supervise_signal() - number of the signal that asked to stop, or 0 */
int supervise_signal(void);
/** supervise_nudge() - ask again a worker that may have missed the request to stop */
void supervise_nudge(struct session *session);
/** supervise_hung() - say that the worker does not get on, with what its kernel says, and end it. @seconds: for how
 * long */
void supervise_hung(struct session *session, unsigned int seconds);
/** supervise_kill() - end the worker at once: it broke the rules, or nothing is left for it to do */
void supervise_kill(void);

/* disk_count.c */
/**
 * disk_counted() - a disk that counts what goes through it
 * @lower: what it stands on; closed with it
 * Return: NULL without memory; @lower is untouched then
 */
struct hyp_blk *disk_counted(struct hyp_blk *lower, struct disk_count *count);

/* worker.c: the worker */
/**
 * struct worker - the worker's side of one command
 * @stdout_fd: standard output, or -1 to send WIRE_DATA
 * @umask:     of the command
 * @mounted:   how many images are
 * @merged:    the first one lies over others
 * @points:    descriptors of the roots of what is mounted in it, @point_count of them
 */
struct worker {
	struct command *command;
	struct report report;
	struct wire wire;
	struct shared *shared;
	struct rumpus *kernel;
	int stdout_fd;
	mode_t umask;
	unsigned int mounted;
	bool merged;
	int points[POINTS_MAX];
	unsigned int point_count;
};

/**
 * struct kernel_files - what the worker boots from, as descriptors
 * @image: the kernel image
 * @dir:   the directory that it is in, for its components; -1: there is none
 * @needs: where needs_probe() tells what it has found; -1: nobody looks
 */
struct kernel_files {
	int image, dir, needs;
};

/** worker_main() - the whole life of the worker. Return: exit status of its process */
int worker_main(struct command *command, int socket, const struct kernel_files *files, struct shared *shared,
		mode_t mask, unsigned int layers);
/** worker_work() - do the command's work, and report what was not */
void worker_work(struct worker *worker);
/** worker_open() - open a path in an image, within its root whatever symbolic links say */
long worker_open(const struct image *image, const char *path, int flags);
/** worker_create() - the same for a file that is missing, with exactly @mode */
long worker_create(const struct image *image, const char *path, int flags, mode_t mode);
/** worker_failed() - report a failure with @text. Return: 0; @error when there is no sense in going on with other files
 */
int worker_failed(struct worker *worker, const char *text, const char *what, long error);
/**
 * worker_open_parent() - open the directory that holds the last component of a path
 * @last: buffer of FS_NAME_SIZE bytes; "." when the path is the root or ends in a dot
 * Return: descriptor or a negative errno
 */
long worker_open_parent(const struct image *image, const char *path, char *last);

/* needs.c: components, which must be loaded before the worker may look at an image */
/**
 * needs_open() - a pipe from the process that looks to the worker
 * @ends: out: for needs_load() and for needs_probe(); both -1 when there is nothing to find out, or no pipe to be had
 */
void needs_open(const struct command *command, int ends[2]);
/**
 * needs_probe() - find out in a process of its own, sealed and without a kernel, what images hold
 * @out: of needs_open(); closed
 *
 * Forked after the worker, which needs its answer late, and not waited for: it ends before the worker goes on, or with
 * us.
 */
void needs_probe(const struct command *command, int out);
/** needs_reap() - what looked has ended: for who lives longer than a worker */
void needs_reap(void);
/** needs_load() - load the components for what the images hold, as far as there are any; closes @needs */
void needs_load(struct worker *worker, int needs);

/* mount.c, explain.c */
/** image_partition() - the partition that is asked for: its own, or that of all images. Return: NULL for none */
const char *image_partition(const struct command *command, const struct image *image);
/** image_find() - where the file system of an image is, by the command's options. Return: 0, or a negative errno */
int image_find(const struct command *command, const struct image *image, uint64_t *offset, uint64_t *size);
/** driver_of() - the name of the kernel's driver for a type of file system, where they differ */
const char *driver_of(const char *type);
/** image_mount() - find the file system of an attached image and mount it; has said why when it fails */
int image_mount(struct worker *worker, struct image *image, unsigned int number);
/** image_unmount() - the reverse, with everything on stable storage */
int image_unmount(struct worker *worker, struct image *image, unsigned int number);
/** image_mount_point() - path of an image's root in the kernel */
void image_mount_point(unsigned int number, char path[16]);
/** mount_options_parse() - as mount(8): flags for the kernel in general, @data for the driver (room for strlen + 1) */
unsigned long mount_options_parse(const char *options, char *data);
/** kernel_last_words() - the last line of the kernel's messages that says something; "" when there is none */
const char *kernel_last_words(const struct shared *shared, uint64_t since, char *line, size_t size);

/* layers.c: an image that lies over others; its root is that of the merged tree while it is mounted */
/** layers_take() - understand --lower and --upper, opening nothing. Return: EXIT_DONE, EXIT_USAGE; has said why */
int layers_take(struct command *command);
/** layers_mount() - lay the first image over the others, all of which are mounted. Return: 0, negative errno; has said why */
int layers_mount(struct worker *worker);
/** layers_mount_point() - path of the tree in the kernel: the merged one, or that of the first image */
void layers_mount_point(const struct worker *worker, char path[16]);
/** layers_unmount() - the reverse of layers_mount(), with everything written to the first image, which stays mounted. Return: as above */
int layers_unmount(struct worker *worker);

/* at.c: images that are mounted at directories of the first one, or of the merged tree */
/** at_take() - understand --at, opening nothing. Return: EXIT_DONE, EXIT_USAGE; has said why */
int at_take(struct command *command);
/**
 * at_words() - the same words, and the images that --at names, for what looks at each by itself
 * @argc: in and out
 * Return: for as long as the command lasts; NULL after a message
 */
char **at_words(struct command *command, int *argc, char **argv);
/** at_names() - is an image one of those words? */
bool at_names(const struct command *command, const char *path);
/** at_point() - the directory of --at that a path leads into, as it is written; "" for none. Two that are the same are the same pointer */
const char *at_point(const struct command *command, const char *path);
/** at_mount() - mount them, with all images mounted by themselves. Return: 0, negative errno; has said why */
int at_mount(struct worker *worker);
/** at_unmount() - the reverse; the images remain mounted by themselves. Return: as above */
int at_unmount(struct worker *worker);

struct tree_room;
/* room.c */
/** image_room() - what the files of a mounted image can have together. @room: out */
void image_room(const struct worker *worker, const struct image *image, struct tree_room *room);
/** EXT4_FEATURES - in the superblock of ext4, which is at 1 KiB: those that do not keep from reading; little-endian */
#define EXT4_FEATURES 0x464
/** superblock_field() - of a mounted image, by way of its disk in the kernel. Return: 0 when it cannot be read */
uint32_t superblock_field(const struct image *image, int64_t offset, size_t size);

/* probe.c */
#define PROBE_TEXT 64

/** struct probe - what is found at a place in an image; empty strings for what is not */
struct probe {
	char type[PROBE_TEXT], version[PROBE_TEXT], label[256], uuid[PROBE_TEXT], usage[PROBE_TEXT];
	unsigned int block; /* bytes that its driver reads at least; 0: not known */
};

/** struct probe_partition - sizes in bytes */
struct probe_partition {
	int number;
	uint64_t offset, size;
	char type[PROBE_TEXT], name[256], uuid[PROBE_TEXT];
};

/** struct probe_table - a partition table */
struct probe_table {
	char type[PROBE_TEXT], uuid[PROBE_TEXT];
	unsigned int count;
	struct probe_partition partitions[PARTITIONS_MAX];
};

/** probe_place() - look for a file system. @size: 0 for all that follows. Return: 0, -ENOENT for none, -EEXIST for two
 */
int probe_place(const struct image *image, uint64_t offset, uint64_t size, struct probe *probe);
/**
 * probe_sector() - bytes of the sectors that an image counts in: those of its GPT, which has headers in the second and the last one; else
 * of the block device, or 512
 *
 * Compares a few bytes at fixed places, and takes nothing from the image but a yes or a no.
 */
unsigned int probe_sector(const struct image *image);
/** probe_has_bytes() - are these bytes there? @size: at most 32 */
bool probe_has_bytes(const struct image *image, uint64_t offset, const char *bytes, size_t size);
/** probe_partitions() - look for a partition table. Return: 0, -ENOENT */
int probe_partitions(const struct image *image, struct probe_table *table);
/** probe_choose() - find a partition by "2", "p2", its name or its UUID. Return: it, or NULL */
const struct probe_partition *probe_choose(const struct probe_table *table, const char *wish);

/* fstat.c */
/** fstat_pretend() - until called with 0, fstat(3) says that every descriptor is a regular file of @size bytes */
void fstat_pretend(uint64_t size);

/* text.c: what untrusted bytes may do to a terminal, and sizes for people */
/** text_clean() - replace everything that is not printable UTF-8 by "?"; in place. Return: @text */
char *text_clean(char *text);
/** text_on_terminal() - is standard output one? */
bool text_on_terminal(void);
/** text_redirected() - standard output has become another file: ask again */
void text_redirected(void);
/** text_put() - write to standard output: as it is, but to a terminal with "\n" or "\033" for what may control it */
void text_put(const char *text);
/** text_sequence() - length of the UTF-8 sequence that @text, which is not empty, begins with; 0 for none */
unsigned int text_sequence(const char *text);
/** text_valid() - is it UTF-8 throughout, whatever it does to a terminal? */
bool text_valid(const char *text);
/** text_size() - "1.5 GiB". Return: @buf */
const char *text_size(uint64_t bytes, char *buf, size_t size);
/** text_size_short() - "1.5G", rounded up, as du(1) and df(1) have it. Return: @buf */
const char *text_size_short(uint64_t bytes, char *buf, size_t size);

#endif
