// SPDX-License-Identifier: BSD-2-Clause
/* Errors of bad arguments: each call must fail, or not, as it does on the host. */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "side.h"

/* In place of a descriptor: these are made on each side. */
enum {
	FD_FILE = 0x7e000000,
	FD_READ_ONLY,
	FD_DIR,
	FD_PIPE_READ,
	FD_PIPE_WRITE,
	FD_EPOLL,
	FD_END,
};

#define BAD_POINTER 0x10L /* below any mapping */
#define NONCANONICAL ((long)0x0fff000000000000)

static char long_name[300];
static char long_path[PATH_MAX + 10];
static char buffer[256];
static uint32_t word = 7;
static const struct timespec bad_time = { 0, 1000000000 };
static const struct timespec negative_time = { -1, 0 };
static const struct timespec no_time = { 0, 0 };
static const struct iovec bad_vector[2] = { { (void *)BAD_POINTER, 10 }, { buffer, 10 } };

static const struct {
	const char *name;
	long number;
	long args[6];
} calls[] = {
	{ "no such call", 9999, { 0 } },
	{ "a negative number", -1, { 0 } },
	{ "a more negative number", -2, { 0 } },
	{ "close: none", SYS_close, { -1 } },
	{ "close: never opened", SYS_close, { 1000 } },
	{ "read: no descriptor", SYS_read, { -1, (long)buffer, 1 } },
	{ "read: bad pointer", SYS_read, { FD_FILE, BAD_POINTER, 10 } },
	{ "read: noncanonical", SYS_read, { FD_FILE, NONCANONICAL, 10 } },
	{ "read: kernel address", SYS_read, { FD_FILE, -4096, 10 } },
	{ "read: a directory", SYS_read, { FD_DIR, (long)buffer, 10 } },
	{ "read: write end of a pipe", SYS_read, { FD_PIPE_WRITE, (long)buffer, 1 } },
	{ "write: bad pointer", SYS_write, { FD_PIPE_WRITE, BAD_POINTER, 10 } },
	{ "write: not open for it", SYS_write, { FD_READ_ONLY, (long)buffer, 1 } },
	{ "write: nothing", SYS_write, { FD_FILE, BAD_POINTER, 0 } },
	{ "readv: bad vector", SYS_readv, { FD_FILE, BAD_POINTER, 2 } },
	{ "readv: bad base", SYS_readv, { FD_FILE, (long)bad_vector, 2 } },
	{ "readv: too many", SYS_readv, { FD_FILE, (long)bad_vector, 1025 } },
	{ "pread64: negative offset", SYS_pread64, { FD_FILE, (long)buffer, 1, -1 } },
	{ "pread64: a pipe", SYS_pread64, { FD_PIPE_READ, (long)buffer, 1, 0 } },
	{ "preadv2: unknown flags", SYS_preadv2, { FD_FILE, (long)bad_vector, 1, 0, 0, 1 << 30 } },
	{ "lseek: bad whence", SYS_lseek, { FD_FILE, 0, 99 } },
	{ "lseek: a pipe", SYS_lseek, { FD_PIPE_READ, 0, SEEK_SET } },
	{ "lseek: negative", SYS_lseek, { FD_FILE, -1, SEEK_SET } },
	{ "openat: empty path", SYS_openat, { AT_FDCWD, (long)"", O_RDONLY } },
	{ "openat: NULL", SYS_openat, { AT_FDCWD, 0, O_RDONLY } },
	{ "openat: bad pointer", SYS_openat, { AT_FDCWD, BAD_POINTER, O_RDONLY } },
	{ "openat: noncanonical", SYS_openat, { AT_FDCWD, NONCANONICAL, O_RDONLY } },
	{ "openat: missing", SYS_openat, { AT_FDCWD, (long)"missing", O_RDONLY } },
	{ "openat: O_EXCL", SYS_openat, { AT_FDCWD, (long)"file", O_CREAT | O_EXCL | O_RDWR, 0600 } },
	{ "openat: O_DIRECTORY", SYS_openat, { AT_FDCWD, (long)"file", O_DIRECTORY } },
	{ "openat: O_NOFOLLOW", SYS_openat, { AT_FDCWD, (long)"link", O_NOFOLLOW } },
	{ "openat: a loop", SYS_openat, { AT_FDCWD, (long)"loop", O_RDONLY } },
	{ "openat: directory for writing", SYS_openat, { AT_FDCWD, (long)"dir", O_WRONLY } },
	{ "openat: no directory", SYS_openat, { FD_FILE, (long)"file", O_RDONLY } },
	{ "openat: through a file", SYS_openat, { AT_FDCWD, (long)"file/x", O_RDONLY } },
	{ "openat: long name", SYS_openat, { AT_FDCWD, (long)long_name, O_RDONLY } },
	{ "openat: long path", SYS_openat, { AT_FDCWD, (long)long_path, O_RDONLY } },
	{ "openat2: size 0", SYS_openat2, { AT_FDCWD, (long)"file", (long)buffer, 0 } },
	{ "mkdirat: exists", SYS_mkdirat, { AT_FDCWD, (long)"dir", 0700 } },
	{ "mkdirat: no parent", SYS_mkdirat, { AT_FDCWD, (long)"missing/dir", 0700 } },
	{ "unlinkat: a directory", SYS_unlinkat, { AT_FDCWD, (long)"dir", 0 } },
	{ "unlinkat: not empty", SYS_unlinkat, { AT_FDCWD, (long)"dir", AT_REMOVEDIR } },
	{ "unlinkat: no directory", SYS_unlinkat, { AT_FDCWD, (long)"file", AT_REMOVEDIR } },
	{ "unlinkat: unknown flags", SYS_unlinkat, { AT_FDCWD, (long)"file", 1 } },
	{ "renameat2: missing", SYS_renameat2, { AT_FDCWD, (long)"missing", AT_FDCWD, (long)"new" } },
	{ "renameat2: into itself", SYS_renameat2, { AT_FDCWD, (long)"dir", AT_FDCWD, (long)"dir/new" } },
	{ "renameat2: file over directory", SYS_renameat2, { AT_FDCWD, (long)"file", AT_FDCWD, (long)"dir" } },
	{ "renameat2: no replace",
	  SYS_renameat2,
	  { AT_FDCWD, (long)"file", AT_FDCWD, (long)"link", RENAME_NOREPLACE } },
	{ "renameat2: unknown flags", SYS_renameat2, { AT_FDCWD, (long)"file", AT_FDCWD, (long)"new", 1 << 20 } },
	{ "linkat: a directory", SYS_linkat, { AT_FDCWD, (long)"dir", AT_FDCWD, (long)"new" } },
	{ "linkat: unknown flags", SYS_linkat, { AT_FDCWD, (long)"file", AT_FDCWD, (long)"new", 1 << 20 } },
	{ "symlinkat: empty target", SYS_symlinkat, { (long)"", AT_FDCWD, (long)"new" } },
	{ "symlinkat: exists", SYS_symlinkat, { (long)"x", AT_FDCWD, (long)"file" } },
	{ "readlinkat: a file", SYS_readlinkat, { AT_FDCWD, (long)"file", (long)buffer, sizeof(buffer) } },
	{ "readlinkat: no room", SYS_readlinkat, { AT_FDCWD, (long)"link", (long)buffer, 0 } },
	{ "readlinkat: bad pointer", SYS_readlinkat, { AT_FDCWD, (long)"link", BAD_POINTER, 10 } },
	{ "newfstatat: bad pointer", SYS_newfstatat, { AT_FDCWD, (long)"file", BAD_POINTER, 0 } },
	{ "newfstatat: unknown flags", SYS_newfstatat, { AT_FDCWD, (long)"file", (long)buffer, 1 << 30 } },
	{ "statx: unknown flags", SYS_statx, { AT_FDCWD, (long)"file", 1 << 30, STATX_SIZE, (long)buffer } },
	{ "statx: reserved mask", SYS_statx, { AT_FDCWD, (long)"file", 0, 0x80000000, (long)buffer } },
	{ "fchownat: unknown flags", SYS_fchownat, { AT_FDCWD, (long)"file", -1, -1, 1 << 30 } },
	{ "fchmodat: missing", SYS_fchmodat, { AT_FDCWD, (long)"missing", 0600 } },
	{ "faccessat: bad mode", SYS_faccessat, { AT_FDCWD, (long)"file", 99 } },
	{ "faccessat2: unknown flags", SYS_faccessat2, { AT_FDCWD, (long)"file", 0, 1 << 30 } },
	{ "utimensat: bad time", SYS_utimensat, { AT_FDCWD, (long)"file", (long)&bad_time, 0 } },
	{ "utimensat: unknown flags", SYS_utimensat, { AT_FDCWD, (long)"file", 0, 1 << 30 } },
	{ "truncate: negative", SYS_truncate, { (long)"file", -1 } },
	{ "truncate: a directory", SYS_truncate, { (long)"dir", 0 } },
	{ "ftruncate: not open for it", SYS_ftruncate, { FD_READ_ONLY, 0 } },
	{ "fallocate: no length", SYS_fallocate, { FD_FILE, 0, 0, 0 } },
	{ "fallocate: a pipe", SYS_fallocate, { FD_PIPE_WRITE, 0, 0, 1 } },
	{ "fadvise64: unknown", SYS_fadvise64, { FD_FILE, 0, 0, 99 } },
	{ "fadvise64: a pipe", SYS_fadvise64, { FD_PIPE_READ, 0, 0, 0 } },
	{ "sync_file_range: unknown flags", SYS_sync_file_range, { FD_FILE, 0, 0, 99 } },
	{ "fsync: a pipe", SYS_fsync, { FD_PIPE_READ } },
	{ "copy_file_range: flags", SYS_copy_file_range, { FD_READ_ONLY, 0, FD_FILE, 0, 1, 1 } },
	{ "splice: no pipe", SYS_splice, { FD_READ_ONLY, 0, FD_FILE, 0, 1, 0 } },
	{ "tee: no pipe", SYS_tee, { FD_FILE, FD_FILE, 1, 0 } },
	{ "sendfile: a pipe as source", SYS_sendfile, { FD_FILE, FD_PIPE_READ, 0, 1 } },
	{ "ioctl: not for files", SYS_ioctl, { FD_FILE, 0x5401 /* TCGETS */, (long)buffer } },
	{ "getdents64: no directory", SYS_getdents64, { FD_FILE, (long)buffer, sizeof(buffer) } },
	{ "getdents64: no room", SYS_getdents64, { FD_DIR, (long)buffer, 1 } },
	{ "chdir: a file", SYS_chdir, { (long)"file" } },
	{ "fchdir: a file", SYS_fchdir, { FD_FILE } },
	{ "getcwd: no room", SYS_getcwd, { (long)buffer, 1 } },
	{ "getcwd: bad pointer", SYS_getcwd, { BAD_POINTER, 100 } },
	{ "fcntl: unknown", SYS_fcntl, { FD_FILE, 9999, 0 } },
	{ "fcntl: F_DUPFD too large", SYS_fcntl, { FD_FILE, F_DUPFD, 1 << 30 } },
	{ "fcntl: bad pointer", SYS_fcntl, { FD_FILE, F_GETLK, BAD_POINTER } },
	{ "flock: unknown", SYS_flock, { FD_FILE, 99 } },
	{ "dup3: the same", SYS_dup3, { FD_FILE, FD_FILE, 0 } },
	{ "dup3: unknown flags", SYS_dup3, { FD_FILE, 900, 1 } },
	{ "pipe2: unknown flags", SYS_pipe2, { (long)buffer, 1 } },
	{ "pipe2: bad pointer", SYS_pipe2, { BAD_POINTER, 0 } },
	{ "close_range: reversed", SYS_close_range, { 901, 900, 0 } },
	{ "getxattr: none", SYS_getxattr, { (long)"file", (long)"user.none", (long)buffer, 1 } },
	{ "setxattr: unknown flags", SYS_setxattr, { (long)"file", (long)"user.x", (long)buffer, 1, 99 } },
	{ "ppoll: too many", SYS_ppoll, { (long)buffer, 1 << 30, (long)&no_time } },
	{ "ppoll: bad pointer", SYS_ppoll, { BAD_POINTER, 1, (long)&no_time } },
	{ "ppoll: bad time", SYS_ppoll, { 0, 0, (long)&bad_time } },
	{ "pselect6: negative", SYS_pselect6, { -1, 0, 0, 0, (long)&no_time } },
	{ "epoll_create1: unknown flags", SYS_epoll_create1, { 1 } },
	{ "epoll_ctl: itself", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_ADD, FD_EPOLL, (long)buffer } },
	{ "epoll_ctl: a file", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_ADD, FD_FILE, (long)buffer } },
	{ "epoll_ctl: bad pointer", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_ADD, FD_PIPE_READ, BAD_POINTER } },
	{ "epoll_ctl: not there", SYS_epoll_ctl, { FD_EPOLL, EPOLL_CTL_DEL, FD_PIPE_READ, 0 } },
	{ "epoll_pwait: no room", SYS_epoll_pwait, { FD_EPOLL, (long)buffer, 0, 0 } },
	{ "epoll_pwait: kernel address", SYS_epoll_pwait, { FD_EPOLL, -4096, 1, 0 } },
	{ "eventfd2: unknown flags", SYS_eventfd2, { 0, 2 } },
	{ "timerfd_create: unknown clock", SYS_timerfd_create, { 99, 0 } },
	{ "timerfd_settime: no timer", SYS_timerfd_settime, { FD_FILE, 0, (long)buffer, 0 } },
	{ "signalfd4: size", SYS_signalfd4, { -1, (long)buffer, 16, 0 } },
	{ "inotify_add_watch: no inotify", SYS_inotify_add_watch, { FD_FILE, (long)".", 1 } },
	{ "inotify_init1: unknown flags", SYS_inotify_init1, { 1 } },
	{ "memfd_create: unknown flags", SYS_memfd_create, { (long)"x", 1 << 20 } },
	{ "clock_gettime: unknown clock", SYS_clock_gettime, { 99, (long)buffer } },
	{ "clock_gettime: bad pointer", SYS_clock_gettime, { CLOCK_REALTIME, BAD_POINTER } },
	{ "clock_nanosleep: unknown clock", SYS_clock_nanosleep, { 99, 0, (long)&no_time, 0 } },
	{ "nanosleep: bad time", SYS_nanosleep, { (long)&bad_time, 0 } },
	{ "nanosleep: negative", SYS_nanosleep, { (long)&negative_time, 0 } },
	{ "timer_create: unknown clock", SYS_timer_create, { 99, 0, (long)buffer } },
	{ "timer_gettime: none", SYS_timer_gettime, { 12345, (long)buffer } },
	{ "getitimer: unknown", SYS_getitimer, { 9, (long)buffer } },
	{ "getrlimit: unknown", SYS_getrlimit, { 99, (long)buffer } },
	{ "getrusage: unknown", SYS_getrusage, { 99, (long)buffer } },
	{ "getpriority: unknown", SYS_getpriority, { 9, 0 } },
	{ "sched_getscheduler: negative", SYS_sched_getscheduler, { -1 } },
	{ "sched_get_priority_max: unknown", SYS_sched_get_priority_max, { 99 } },
	{ "sched_setscheduler: unknown", SYS_sched_setscheduler, { 0, 99, (long)buffer } },
	{ "sched_getaffinity: no room", SYS_sched_getaffinity, { 0, 1, (long)buffer } },
	{ "kill: no such process", SYS_kill, { 0x3fffffff, 0 } },
	{ "tgkill: negative", SYS_tgkill, { -1, -1, 0 } },
	{ "tgkill: unknown signal", SYS_tgkill, { 1, 1, 99 } },
	{ "rt_sigaction: SIGKILL", SYS_rt_sigaction, { SIGKILL, (long)buffer, 0, 8 } },
	{ "rt_sigaction: size", SYS_rt_sigaction, { SIGHUP, 0, 0, 128 } },
	{ "rt_sigprocmask: unknown", SYS_rt_sigprocmask, { 9, (long)buffer, 0, 8 } },
	{ "rt_sigtimedwait: bad time", SYS_rt_sigtimedwait, { (long)buffer, 0, (long)&bad_time, 8 } },
	{ "wait4: unknown options", SYS_wait4, { -1, 0, 1 << 20, 0 } },
	{ "waitid: no options", SYS_waitid, { P_ALL, 0, 0, 0 } },
	{ "pidfd_open: none", SYS_pidfd_open, { 0x3fffffff, 0 } },
	{ "getgroups: negative", SYS_getgroups, { -1, 0 } },
	{ "getpgid: none", SYS_getpgid, { 0x3fffffff } },
	{ "prctl: unknown", SYS_prctl, { 9999 } },
	{ "personality", SYS_personality, { 0xffffffff } },
	{ "getrandom: unknown flags", SYS_getrandom, { (long)buffer, 1, 99 } },
	{ "getrandom: bad pointer", SYS_getrandom, { BAD_POINTER, 16, 0 } },
	{ "uname: bad pointer", SYS_uname, { BAD_POINTER } },
	{ "sysinfo: bad pointer", SYS_sysinfo, { BAD_POINTER } },
	{ "statfs: bad pointer", SYS_statfs, { (long)".", BAD_POINTER } },
	{ "umount2: unknown flags", SYS_umount2, { (long)".", 1 << 20 } },
	{ "msgget: none", SYS_msgget, { 0x12345678, 0 } },
	{ "msgsnd: none", SYS_msgsnd, { 0x7fffffff, (long)buffer, 1, 0 } },
	{ "msgctl: unknown", SYS_msgctl, { 0x7fffffff, 99, 0 } },
	{ "semget: negative", SYS_semget, { IPC_PRIVATE, -1, 0600 } },
	{ "semop: nothing", SYS_semop, { 0x7fffffff, (long)buffer, 0 } },
	{ "shmget: no size", SYS_shmget, { IPC_PRIVATE, 0, 0600 } },
	{ "futex: unknown", SYS_futex, { (long)&word, 99, 0, 0, 0, 0 } },
	{ "futex: another value", SYS_futex, { (long)&word, FUTEX_WAIT_PRIVATE, 8, 0, 0, 0 } },
	{ "futex: time is over", SYS_futex, { (long)&word, FUTEX_WAIT_PRIVATE, 7, (long)&no_time, 0, 0 } },
	{ "futex: nobody waits", SYS_futex, { (long)&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0 } },
	{ "futex: unaligned", SYS_futex, { (long)&word + 1, FUTEX_WAIT_PRIVATE, 7, 0, 0, 0 } },
	{ "futex: bad pointer", SYS_futex, { BAD_POINTER, FUTEX_WAIT_PRIVATE, 7, 0, 0, 0 } },
	{ "name_to_handle_at: unknown flags",
	  SYS_name_to_handle_at,
	  { AT_FDCWD, (long)"file", (long)buffer, (long)buffer, 1 << 30 } },
#ifdef SYS_open
	{ "open: missing", SYS_open, { (long)"missing", O_RDONLY } },
	{ "creat: a directory", SYS_creat, { (long)"dir", 0600 } },
	{ "poll: nothing", SYS_poll, { 0, 0, 0 } },
	{ "epoll_create: no size", SYS_epoll_create, { 0 } },
	{ "utimes: bad pointer", SYS_utimes, { (long)"file", BAD_POINTER } },
	{ "link: exists", SYS_link, { (long)"file", (long)"link" } },
#endif
};

static void set_up(struct side *side, long fds[FD_END - FD_FILE])
{
	int ends[2] = { -1, -1 };

	for (size_t i = 0; i < sizeof(long_name) - 1; i++)
		long_name[i] = 'n';
	for (size_t i = 0; i < sizeof(long_path) - 1; i++)
		long_path[i] = i % 2 ? '/' : '.';
	sys(side, SYS_symlinkat, (long)"file", AT_FDCWD, (long)"link");
	sys(side, SYS_symlinkat, (long)"loop", AT_FDCWD, (long)"loop");
	sys(side, SYS_pipe2, (long)ends, O_NONBLOCK);
	fds[FD_FILE - FD_FILE] = sys(side, SYS_openat, AT_FDCWD, (long)"file", O_RDWR);
	fds[FD_READ_ONLY - FD_FILE] = sys(side, SYS_openat, AT_FDCWD, (long)"file", O_RDONLY);
	fds[FD_DIR - FD_FILE] = sys(side, SYS_openat, AT_FDCWD, (long)"dir", O_RDONLY | O_DIRECTORY);
	fds[FD_PIPE_READ - FD_FILE] = ends[0];
	fds[FD_PIPE_WRITE - FD_FILE] = ends[1];
	fds[FD_EPOLL - FD_FILE] = sys(side, SYS_epoll_create1, 0);
}

void errors_gather(struct side *side)
{
	long fds[FD_END - FD_FILE];

	set_up(side, fds);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long args[6];

		for (int j = 0; j < 6; j++) {
			args[j] = calls[i].args[j];
			if (args[j] >= FD_FILE && args[j] < FD_END)
				args[j] = fds[args[j] - FD_FILE];
		}
		for (size_t j = 0; j < sizeof(buffer); j++)
			buffer[j] = 0;
		side_fact(side, side->call(calls[i].number, args), "%s", calls[i].name);
	}
	for (int i = 0; i < FD_END - FD_FILE; i++)
		sys(side, SYS_close, fds[i]);
}
