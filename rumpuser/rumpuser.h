/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rumpuser(3), revision 17: what NetBSD's rump kernels ask of their host, exact in names, signatures and layouts.
 *
 * Contract of every call, unless it says otherwise:
 *  - The calling thread holds a virtual CPU of the rump kernel. A call that sleeps gives it back first by
 *    hyp_backend_unschedule() and has one again, by hyp_backend_schedule(), before it returns ("blocks" below).
 *  - An int is 0 or a positive NetBSD errno. Out-parameters stay untouched on failure.
 *  - rumpuser_init() comes first; only rumpuser_daemonize_begin(), rumpuser_getparam(), rumpuser_dprintf(),
 *    rumpuser_putchar() and rumpuser_exit() may be called before it.
 *  - One rump kernel a process. In a forked child only rumpuser_exit() and the output calls work.
 */
#ifndef RUMPUSER_RUMPUSER_H
#define RUMPUSER_RUMPUSER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** RUMPUSER_VERSION - the one revision that is served */
#define RUMPUSER_VERSION 17

struct lwp;
struct modinfo;
struct rump_component;
struct rumpuser_mtx;
struct rumpuser_rw;
struct rumpuser_cv;

/**
 * struct rumpuser_hyperup - upcalls into the rump kernel
 * @hyp_schedule:   take a virtual CPU, and a temporary lwp when the thread has none; blocks
 * @hyp_unschedule: the reverse
 * @hyp_backend_unschedule: give back the virtual CPU (and @nlocks more levels of the kernel lock) before sleeping;
 *                  *@countp is what hyp_backend_schedule() wants. When @interlock is the kernel's own scheduler mutex
 *                  it is *taken* and still held on return.
 * @hyp_backend_schedule: take a virtual CPU again; drops @interlock when it is the scheduler's mutex
 * @hyp_lwproc_switch: make @l current
 * @hyp_lwproc_release: end the current lwp (and its process with the last one)
 * @hyp_lwproc_rfork: make a process with one lwp, which becomes current; @priv is the proxy's handle of the client
 * @hyp_lwproc_newlwp: make an lwp of process @pid and make it current
 * @hyp_lwproc_curlwp: the current lwp
 * @hyp_syscall:    system call @num of the current lwp; @retval has two values
 * @hyp_lwpexit:    the current process is about to end: all its lwps are to leave
 * @hyp_execnotify: the current process has executed @comm
 * @hyp_getpid:     of the current process
 * @reserved:       NULL
 *
 * Copied by rumpuser_init().
 */
struct rumpuser_hyperup {
	void (*hyp_schedule)(void);
	void (*hyp_unschedule)(void);
	void (*hyp_backend_unschedule)(int nlocks, int *countp, void *interlock);
	void (*hyp_backend_schedule)(int nlocks, void *interlock);
	void (*hyp_lwproc_switch)(struct lwp *l);
	void (*hyp_lwproc_release)(void);
	int (*hyp_lwproc_rfork)(void *priv, int flags, const char *comm);
	int (*hyp_lwproc_newlwp)(pid_t pid);
	struct lwp *(*hyp_lwproc_curlwp)(void);
	int (*hyp_syscall)(int num, void *arg, long *retval);
	void (*hyp_lwpexit)(void);
	void (*hyp_execnotify)(const char *comm);
	pid_t (*hyp_getpid)(void);
	void *reserved[8];
};

/** struct rumpuser_iovec - a piece of memory: first byte and bytes */
struct rumpuser_iovec {
	void *iov_base;
	size_t iov_len;
};

_Static_assert(sizeof(struct rumpuser_hyperup) == 21 * sizeof(void *), "ABI: 13 upcalls and 8 spare pointers");
_Static_assert(offsetof(struct rumpuser_hyperup, hyp_getpid) == 12 * sizeof(void *), "ABI: order of the upcalls");
_Static_assert(offsetof(struct rumpuser_hyperup, reserved) == 13 * sizeof(void *), "ABI: order of the upcalls");
_Static_assert(sizeof(struct rumpuser_iovec) == 2 * sizeof(void *), "ABI: same layout as the host's struct iovec");
_Static_assert(offsetof(struct rumpuser_iovec, iov_len) == sizeof(void *), "ABI");
_Static_assert(sizeof(pid_t) == 4, "ABI: NetBSD's pid_t");

/* What is declared here is exported, all else hidden. */
#pragma GCC visibility push(default)

/* Initialisation, parameters, end */

/**
 * rumpuser_init() - connect a rump kernel with the host
 * @version: RUMPUSER_VERSION
 * @upcalls: copied
 * Return: 0; nonzero with a message on standard error for another version, or when the host has no memory
 */
int rumpuser_init(int version, const struct rumpuser_hyperup *upcalls);

typedef void (*rump_modinit_fn)(const struct modinfo *const *modinfos, size_t count);
typedef int (*rump_symload_fn)(void *symtab, uint64_t symtab_size, char *strtab, uint64_t strtab_size);
typedef void (*rump_compload_fn)(const struct rump_component *component);

/**
 * rumpuser_dl_bootstrap() - hand over what the loaded objects bring along
 * @modinit:  gets each object's link set "modules"
 * @symload:  gets one table of the kernel's symbols, for loading modules; both tables stay for good
 * @compload: gets each element of each object's link set "rump_components"
 */
void rumpuser_dl_bootstrap(rump_modinit_fn modinit, rump_symload_fn symload, rump_compload_fn compload);

/** Mandatory parameters of rumpuser_getparam() */
#define RUMPUSER_PARAM_NCPU "_RUMPUSER_NCPU"
#define RUMPUSER_PARAM_HOSTNAME "_RUMPUSER_HOSTNAME"

/**
 * rumpuser_getparam() - value of a parameter, as a string
 * @name: a mandatory one, or the name of an environment variable
 * @buf:  gets the value with its terminator
 * @size: bytes of @buf
 * Return: 0, ENOENT when it is not set, EINVAL for an unknown mandatory one, E2BIG when @buf is too small
 */
int rumpuser_getparam(const char *name, void *buf, size_t size);

/** rumpuser_seterrno() - set the host thread's errno; @error is not translated */
void rumpuser_seterrno(int error);

/** RUMPUSER_PID_SELF - for rumpuser_kill(): this process */
#define RUMPUSER_PID_SELF ((int64_t)-1)

/**
 * rumpuser_kill() - send a signal to the host process
 * @pid: RUMPUSER_PID_SELF, or a process of the host
 * @sig: NetBSD's number
 * Return: 0, EINVAL for a signal that the host does not have, ESRCH, EPERM
 */
int rumpuser_kill(int64_t pid, int sig);

/** RUMPUSER_PANIC - for rumpuser_exit(): leave a core dump */
#define RUMPUSER_PANIC (-1)

/** rumpuser_exit() - end the process with @status, or with abort(3) for RUMPUSER_PANIC */
void rumpuser_exit(int status) __attribute__((noreturn));

/** rumpuser_putchar() - console output; written when a line ends, at 256 characters, and at the end */
void rumpuser_putchar(int character);

/** rumpuser_dprintf() - message to standard error, in one piece; no upcalls, at any time */
void rumpuser_dprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Flags of rumpuser_getrandom() */
#define RUMPUSER_RANDOM_HARD 1	 /* from the source behind /dev/random */
#define RUMPUSER_RANDOM_NOWAIT 2 /* what is there, even nothing */

/**
 * rumpuser_getrandom() - random bytes of the host's, of any length
 * @got: out: bytes written; fewer than @size only with RUMPUSER_RANDOM_NOWAIT
 * Return: 0, EAGAIN when there was none with RUMPUSER_RANDOM_NOWAIT, EINVAL for unknown flags, EIO. Blocks without
 * RUMPUSER_RANDOM_NOWAIT when the host is not ready.
 */
int rumpuser_getrandom(void *buf, size_t size, int flags, size_t *got);

/**
 * rumpuser_daemonize_begin() - fork; the child returns and goes on as a session leader, the parent waits for its word
 *
 * Before rumpuser_init(). The parent never returns: it exits with what the child passes to rumpuser_daemonize_done(),
 * or with 1 and a message when the child ends without a word.
 */
int rumpuser_daemonize_begin(void);
/** rumpuser_daemonize_done() - release the parent; with @error 0, leave the terminal (0, 1, 2 become /dev/null) */
int rumpuser_daemonize_done(int error);

/* Memory */

/**
 * rumpuser_malloc() - memory
 * @align: a power of two; 0: 16
 * Return: 0, ENOMEM, EINVAL for @align. What is returned is really there: touching it cannot fail.
 */
int rumpuser_malloc(size_t size, int align, void **memory);
/** rumpuser_free() - @size as it was allocated; NULL is ignored */
void rumpuser_free(void *memory, size_t size);
/**
 * rumpuser_anonmmap() - zeroed pages
 * @preferred: a wish, or NULL
 * @align_bit: aligned to 2^@align_bit; 0: a page
 * @executable: nonzero: may also be executed
 * Return: 0, ENOMEM, EINVAL
 */
int rumpuser_anonmmap(void *preferred, size_t size, int align_bit, int executable, void **memory);
/** rumpuser_unmap() - give a whole mapping of rumpuser_anonmmap() back */
void rumpuser_unmap(void *memory, size_t size);

/* Files and block I/O */

/** Flags of rumpuser_open(); the access mode are the lowest two bits */
#define RUMPUSER_OPEN_RDONLY 0x00
#define RUMPUSER_OPEN_WRONLY 0x01
#define RUMPUSER_OPEN_RDWR 0x02
#define RUMPUSER_OPEN_ACCMODE 0x03
#define RUMPUSER_OPEN_CREATE 0x04
#define RUMPUSER_OPEN_EXCL 0x08
#define RUMPUSER_OPEN_BIO 0x10

/**
 * rumpuser_open() - open a file of the host's
 * @path:  with RUMPUSER_OPEN_BIO also "rumpus:SPECIFICATION" of a block device (doc/netbsd.md)
 * @flags: RUMPUSER_OPEN_*
 * @fd:    out: for the calls below and for no others
 * Return: 0, or an errno as open(2); EBUSY when someone else writes to the image. Blocks.
 */
int rumpuser_open(const char *path, int flags, int *fd);
/** rumpuser_close() - no I/O is under way. Return: 0, EBADF. Blocks. */
int rumpuser_close(int fd);

/** What rumpuser_getfileinfo() says of a file */
#define RUMPUSER_FT_OTHER 0
#define RUMPUSER_FT_DIR 1
#define RUMPUSER_FT_REG 2
#define RUMPUSER_FT_BLK 3
#define RUMPUSER_FT_CHR 4

/** rumpuser_getfileinfo() - size in bytes and RUMPUSER_FT_*; each may be NULL. Return: 0, or as stat(2). Blocks. */
int rumpuser_getfileinfo(const char *path, uint64_t *size, int *type);

/** RUMPUSER_IOV_NOSEEK - offset: the stream position */
#define RUMPUSER_IOV_NOSEEK (-1)

/**
 * rumpuser_iovread(), rumpuser_iovwrite() - transfer between a file and pieces of memory
 * @offset: bytes, or RUMPUSER_IOV_NOSEEK
 * @done:   out: bytes; fewer than asked for at the end of the file
 * Return: 0, or as read(2) or write(2). Blocks.
 */
int rumpuser_iovread(int fd, struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done);
int rumpuser_iovwrite(int fd, const struct rumpuser_iovec *iov, size_t iovcnt, int64_t offset, size_t *done);

/** Operations of rumpuser_bio(), or-ed with RUMPUSER_BIO_SYNC */
#define RUMPUSER_BIO_READ 0x01
#define RUMPUSER_BIO_WRITE 0x02
#define RUMPUSER_BIO_SYNC 0x04

/** typedef rump_biodone_fn - a transfer has ended: bytes done, NetBSD errno; called with a virtual CPU held */
typedef void (*rump_biodone_fn)(void *arg, size_t done, int error);

/**
 * rumpuser_bio() - begin a transfer and return
 * @fd:     opened with RUMPUSER_OPEN_BIO
 * @op:     RUMPUSER_BIO_READ or RUMPUSER_BIO_WRITE; with RUMPUSER_BIO_SYNC the data, and what had been written to the
 *          device before, are on stable storage at the end
 * @data:   untouched until @biodone
 * @size:   bytes, a multiple of 512
 * @offset: bytes, a multiple of 512
 *
 * @biodone runs on a thread of ours, or on the calling one before this returns: hold no lock that it takes. Any number
 * of transfers is under way at one time; they end in any order. Blocks when there is no memory for a request.
 */
void rumpuser_bio(int fd, int op, void *data, size_t size, int64_t offset, rump_biodone_fn biodone, void *arg);

/** Flags of rumpuser_syncfd() */
#define RUMPUSER_SYNCFD_READ 0x01
#define RUMPUSER_SYNCFD_WRITE 0x02
#define RUMPUSER_SYNCFD_BOTH 0x03
#define RUMPUSER_SYNCFD_BARRIER 0x04
#define RUMPUSER_SYNCFD_SYNC 0x08

/**
 * rumpuser_syncfd() - order or make durable what was written
 * @start, @size: bytes that matter; size 0: to the end; all may be synced
 *
 * WRITE with SYNC: all completed writes are on stable storage on return. WRITE with BARRIER: they get there before any
 * later one. READ alone does nothing: what the host caches is what its files hold.
 * Return: 0, EINVAL for unknown flags, EBADF, EIO. Blocks.
 */
int rumpuser_syncfd(int fd, int flags, uint64_t start, uint64_t size);

/* Time */

/** Clocks */
#define RUMPUSER_CLOCK_RELWALL 0
#define RUMPUSER_CLOCK_ABSMONO 1

/** rumpuser_clock_gettime() - RELWALL: since 1970; ABSMONO: never goes back. Return: 0, EINVAL */
int rumpuser_clock_gettime(int clock, int64_t *seconds, long *nanoseconds);
/** rumpuser_clock_sleep() - RELWALL: this long; ABSMONO: until then. Return: 0, EINVAL; never EINTR. Blocks. */
int rumpuser_clock_sleep(int clock, int64_t seconds, long nanoseconds);

/* Threads */

/**
 * rumpuser_thread_create() - start @fn(@arg) on a host thread that has no virtual CPU and no lwp
 * @name:     for the host's tools; may be NULL
 * @mustjoin: nonzero: rumpuser_thread_join() will be called, with *@thread
 * @priority, @cpu: hints, without effect here
 * @thread:   out; may be NULL unless @mustjoin
 * Return: 0, EAGAIN, ENOMEM, EINVAL
 */
int rumpuser_thread_create(void *(*fn)(void *arg), void *arg, const char *name, int mustjoin, int priority, int cpu,
			   void **thread);
/** rumpuser_thread_exit() - end the calling thread, which rumpuser_thread_create() made; no virtual CPU is held */
void rumpuser_thread_exit(void) __attribute__((noreturn));
/** rumpuser_thread_join() - wait for the end of a thread. Return: 0, EDEADLK for the caller itself. Blocks. */
int rumpuser_thread_join(void *thread);

/** Operations of rumpuser_curlwpop() */
#define RUMPUSER_LWP_CREATE 0
#define RUMPUSER_LWP_DESTROY 1
#define RUMPUSER_LWP_SET 2
#define RUMPUSER_LWP_CLEAR 3

/**
 * rumpuser_curlwpop() - tell of the life of an lwp, or bind one to the calling host thread
 * @op: RUMPUSER_LWP_*: SET when none is bound, CLEAR of the very one that is; anything else ends the process with a
 *      message
 */
void rumpuser_curlwpop(int op, struct lwp *l);
/** rumpuser_curlwp() - the lwp bound to the calling thread, or NULL; any thread, with or without a virtual CPU */
struct lwp *rumpuser_curlwp(void);

/* Locks. The kernel's use of them is not checked, but in the debug build (doc/netbsd.md). */

/** Flags of rumpuser_mutex_init() */
#define RUMPUSER_MTX_SPIN 0x01	 /* the virtual CPU is kept while waiting */
#define RUMPUSER_MTX_KMUTEX 0x02 /* the owner is known */

/** rumpuser_mutex_init() - a new mutex, free; ends the process when there is no memory */
void rumpuser_mutex_init(struct rumpuser_mtx **mtx, int flags);
/** rumpuser_mutex_destroy() - free a mutex that nobody holds */
void rumpuser_mutex_destroy(struct rumpuser_mtx *mtx);
/** rumpuser_mutex_enter() - lock; not recursive; blocks, but on a SPIN mutex it keeps the virtual CPU */
void rumpuser_mutex_enter(struct rumpuser_mtx *mtx);
/** rumpuser_mutex_enter_nowrap() - lock and keep the virtual CPU while waiting; also without one */
void rumpuser_mutex_enter_nowrap(struct rumpuser_mtx *mtx);
/** rumpuser_mutex_tryenter() - lock if it is free. Return: 0, EBUSY */
int rumpuser_mutex_tryenter(struct rumpuser_mtx *mtx);
/** rumpuser_mutex_exit() - unlock */
void rumpuser_mutex_exit(struct rumpuser_mtx *mtx);
/** rumpuser_mutex_owner() - the lwp that holds a KMUTEX mutex, or NULL; others end the process */
void rumpuser_mutex_owner(struct rumpuser_mtx *mtx, struct lwp **owner);

/** Kinds of hold on a read-write lock */
#define RUMPUSER_RW_READER 0
#define RUMPUSER_RW_WRITER 1

/** rumpuser_rw_init() - a new lock, free; ends the process when there is no memory */
void rumpuser_rw_init(struct rumpuser_rw **rw);
/** rumpuser_rw_destroy() - free a lock that nobody holds */
void rumpuser_rw_destroy(struct rumpuser_rw *rw);
/** rumpuser_rw_enter() - lock; a reader also waits while a writer does; not recursive; blocks */
void rumpuser_rw_enter(int kind, struct rumpuser_rw *rw);
/** rumpuser_rw_tryenter() - lock if that needs no waiting. Return: 0, EBUSY */
int rumpuser_rw_tryenter(int kind, struct rumpuser_rw *rw);
/** rumpuser_rw_tryupgrade() - from the only reader to the writer. Return: 0, EBUSY: still a reader */
int rumpuser_rw_tryupgrade(struct rumpuser_rw *rw);
/** rumpuser_rw_downgrade() - from writer to reader; no writer gets between */
void rumpuser_rw_downgrade(struct rumpuser_rw *rw);
/** rumpuser_rw_exit() - unlock, whichever kind it was */
void rumpuser_rw_exit(struct rumpuser_rw *rw);
/** rumpuser_rw_held() - WRITER: does the calling lwp hold it so? READER: does anyone? @held: out: 0 or 1 */
void rumpuser_rw_held(int kind, struct rumpuser_rw *rw, int *held);

/** rumpuser_cv_init() - a new condition variable; ends the process when there is no memory */
void rumpuser_cv_init(struct rumpuser_cv **cv);
/** rumpuser_cv_destroy() - free one that nobody waits on; all may have been signalled and not have returned yet */
void rumpuser_cv_destroy(struct rumpuser_cv *cv);
/**
 * rumpuser_cv_wait() - unlock @mtx, sleep until signalled, lock @mtx; blocks
 *
 * @mtx is passed on to the upcalls as interlock; when it is the scheduler's own it is not held on entry, but by then.
 * A SPIN|KMUTEX mutex is locked again after the virtual CPU is held, others before.
 */
void rumpuser_cv_wait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
/** rumpuser_cv_wait_nowrap() - the same without upcalls; also for threads without a virtual CPU */
void rumpuser_cv_wait_nowrap(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx);
/** rumpuser_cv_timedwait() - rumpuser_cv_wait() for at most this long. Return: 0 when signalled, ETIMEDOUT. Blocks. */
int rumpuser_cv_timedwait(struct rumpuser_cv *cv, struct rumpuser_mtx *mtx, int64_t seconds, int64_t nanoseconds);
/** rumpuser_cv_signal() - end the wait of the thread that has waited longest; with or without the mutex */
void rumpuser_cv_signal(struct rumpuser_cv *cv);
/** rumpuser_cv_broadcast() - end all waits */
void rumpuser_cv_broadcast(struct rumpuser_cv *cv);
/** rumpuser_cv_has_waiters() - @waiters: out: how many wait and are not signalled yet */
void rumpuser_cv_has_waiters(struct rumpuser_cv *cv, int *waiters);

/* System-call proxy: the server side of the rump_sp protocol. @client is what hyp_lwproc_rfork() was given as priv. */

/**
 * rumpuser_sp_init() - serve remote clients
 * @url:        "unix://PATH" or "tcp://ADDRESS:PORT/"
 * @ostype, @osrelease, @machine: for the banner
 * Return: 0; EINVAL for @url; as socket(2), bind(2) and listen(2)
 */
int rumpuser_sp_init(const char *url, const char *ostype, const char *osrelease, const char *machine);
/** rumpuser_sp_fini() - answer the client that is waiting for its reboot call, if @client is not NULL; stop serving */
void rumpuser_sp_fini(void *client);
/** rumpuser_sp_copyin() - read @size bytes at @remote of the client. Return: 0, EFAULT. Blocks. */
int rumpuser_sp_copyin(void *client, const void *remote, void *local, size_t size);
/** rumpuser_sp_copyinstr() - the same up to a terminator; *@size: room, out: bytes with terminator. Blocks. */
int rumpuser_sp_copyinstr(void *client, const void *remote, void *local, size_t *size);
/** rumpuser_sp_copyout() - write @size bytes to @remote of the client. Return: 0, EFAULT. Blocks. */
int rumpuser_sp_copyout(void *client, const void *local, void *remote, size_t size);
/** rumpuser_sp_copyoutstr() - the same up to a terminator; *@size: room at @remote, out: bytes. Blocks. */
int rumpuser_sp_copyoutstr(void *client, const void *local, void *remote, size_t *size);
/** rumpuser_sp_anonmmap() - map anonymous memory in the client. @remote: out: where. Return: 0, ENOMEM. Blocks. */
int rumpuser_sp_anonmmap(void *client, size_t size, void **remote);
/** rumpuser_sp_raise() - send a signal (NetBSD's number) to the client. Return: 0, or why not */
int rumpuser_sp_raise(void *client, int sig);

/* For the host halves of components, which run on any thread */

/** rumpuser_component_unschedule() - give the virtual CPU back before a blocking call of the host's */
void *rumpuser_component_unschedule(void);
/** rumpuser_component_schedule() - and have one again; @cookie is what rumpuser_component_unschedule() returned */
void rumpuser_component_schedule(void *cookie);
/** rumpuser_component_kthread() - let a host thread become one of the kernel's: gives it an lwp */
void rumpuser_component_kthread(void);
/** rumpuser_component_kthread_release() - end the lwp of rumpuser_component_kthread() */
void rumpuser_component_kthread_release(void);
/** rumpuser_component_curlwp() - the current lwp, for rumpuser_component_switchlwp() on another thread */
struct lwp *rumpuser_component_curlwp(void);
/** rumpuser_component_switchlwp() - make @l current */
void rumpuser_component_switchlwp(struct lwp *l);
/** rumpuser_component_errtrans() - NetBSD's number of a host errno; EINVAL for one that NetBSD does not have */
int rumpuser_component_errtrans(int host_errno);

#pragma GCC visibility pop

#endif
