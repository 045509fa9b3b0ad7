// SPDX-License-Identifier: BSD-2-Clause
/* Structures that cross the system-call boundary, as the host's C library has them: sizes, offsets and constants. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/stat.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "side.h"

#define KERNEL_SIGSET 8 /* bytes */
#define SIGBIT(number) (UINT64_C(1) << ((number)-1))

/* As <asm/signal.h> has it; the C library has another of this name. */
struct kernel_action {
	unsigned long handler;
	unsigned long flags;
#ifdef SA_RESTORER
	unsigned long restorer;
#elif defined(__x86_64__)
	unsigned long restorer;
#endif
	uint64_t mask;
};

/* Calls that fill one structure and read none of it; index is the argument that names it. */
static void extents(struct side *side)
{
	const struct {
		const char *name;
		long number;
		long args[6];
		unsigned int index;
	} calls[] = {
		{ "uname", SYS_uname, { 0 }, 0 },
		{ "newfstatat", SYS_newfstatat, { AT_FDCWD, (long)"." }, 2 },
		{ "statx", SYS_statx, { AT_FDCWD, (long)".", 0, STATX_BASIC_STATS }, 4 },
		{ "statfs", SYS_statfs, { (long)"." }, 1 },
		{ "sysinfo", SYS_sysinfo, { 0 }, 0 },
		{ "times", SYS_times, { 0 }, 0 },
		{ "getrusage", SYS_getrusage, { RUSAGE_SELF }, 1 },
		{ "getrlimit", SYS_getrlimit, { RLIMIT_NOFILE }, 1 },
		{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_NOFILE, 0 }, 3 },
		{ "gettimeofday", SYS_gettimeofday, { 0 }, 0 },
		{ "gettimeofday, zone", SYS_gettimeofday, { 0 }, 1 },
		{ "clock_gettime", SYS_clock_gettime, { CLOCK_REALTIME }, 1 },
		{ "clock_getres", SYS_clock_getres, { CLOCK_MONOTONIC }, 1 },
		{ "getitimer", SYS_getitimer, { ITIMER_REAL }, 1 },
		{ "sched_getparam", SYS_sched_getparam, { 0 }, 1 },
		{ "sched_getattr", SYS_sched_getattr, { 0, 0, 48 }, 1 },
		{ "rt_sigaction", SYS_rt_sigaction, { SIGURG, 0, 0, KERNEL_SIGSET }, 2 },
		{ "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_BLOCK, 0, 0, KERNEL_SIGSET }, 2 },
		{ "rt_sigpending", SYS_rt_sigpending, { 0, KERNEL_SIGSET }, 0 },
		{ "getresuid", SYS_getresuid, { 0 }, 0 },
		{ "getcpu", SYS_getcpu, { 0 }, 0 },
		{ "pipe2", SYS_pipe2, { 0 }, 0 },
#ifdef SYS_stat
		{ "stat", SYS_stat, { (long)"." }, 1 },
		{ "lstat", SYS_lstat, { (long)"." }, 1 },
		{ "time", SYS_time, { 0 }, 0 },
		{ "pipe", SYS_pipe, { 0 }, 0 },
#endif
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		side_fact(side, side_extent(side, calls[i].number, calls[i].args, calls[i].index), "bytes of %s",
			  calls[i].name);
}

static void names(struct side *side)
{
	struct utsname uts;

	memset(&uts, 0, sizeof(uts));
	sys(side, SYS_uname, (long)&uts);
	side_fact(side, strcmp(uts.sysname, "Linux"), "uname: sysname is Linux");
	for (size_t i = 0; i < sizeof(uts.machine); i += sizeof(long))
		side_fact(side, *(long *)&uts.machine[i], "uname: machine, bytes %zu on", i);
}

static void files(struct side *side)
{
	const struct timespec times[2] = { { 1000000001, 7 }, { 1000000002, 123456789 } };
	long fd = sys(side, SYS_openat, AT_FDCWD, (long)"file", O_CREAT | O_RDWR | O_EXCL, 0640);
	struct statx extended;
	struct statfs fs;
	struct stat status;

	side_fact(side, fd >= 0, "openat: O_CREAT, O_EXCL");
	side_fact(side, sys(side, SYS_pwrite64, fd, (long)"x", 1, 12344), "pwrite64");
	side_fact(side, sys(side, SYS_utimensat, AT_FDCWD, (long)"file", (long)times, 0), "utimensat");
	memset(&status, 0, sizeof(status));
	side_fact(side, sys(side, SYS_fstat, fd, (long)&status), "fstat");
	side_fact(side, status.st_size, "stat: st_size");
	side_fact(side, status.st_mode, "stat: st_mode");
	side_fact(side, (long)status.st_nlink, "stat: st_nlink");
	side_fact(side, (long)status.st_rdev, "stat: st_rdev");
	side_fact(side, status.st_atim.tv_sec, "stat: st_atim.tv_sec");
	side_fact(side, status.st_atim.tv_nsec, "stat: st_atim.tv_nsec");
	side_fact(side, status.st_mtim.tv_sec, "stat: st_mtim.tv_sec");
	side_fact(side, status.st_mtim.tv_nsec, "stat: st_mtim.tv_nsec");
	side_fact(side, status.st_blksize >= 512 && status.st_ctim.tv_sec > 1000000002, "stat: st_blksize, st_ctim");
	memset(&extended, 0, sizeof(extended));
	side_fact(side, sys(side, SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_BASIC_STATS, (long)&extended), "statx");
	side_fact(side, (extended.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS, "statx: stx_mask");
	side_fact(side, (long)extended.stx_size, "statx: stx_size");
	side_fact(side, extended.stx_mode, "statx: stx_mode");
	side_fact(side, extended.stx_nlink, "statx: stx_nlink");
	side_fact(side, extended.stx_mtime.tv_sec, "statx: stx_mtime.tv_sec");
	side_fact(side, extended.stx_mtime.tv_nsec, "statx: stx_mtime.tv_nsec");
	memset(&fs, 0, sizeof(fs));
	side_fact(side, sys(side, SYS_fstatfs, fd, (long)&fs), "fstatfs");
	side_fact(side, fs.f_bsize > 0 && fs.f_namelen == 255, "statfs: f_bsize, f_namelen");
	side_fact(side, sys(side, SYS_fcntl, fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), "fcntl: F_GETFL");
	side_fact(side, sys(side, SYS_fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK), "fcntl: F_SETFL");
	side_fact(side, sys(side, SYS_fcntl, fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), "fcntl: flags set");
	side_fact(side, sys(side, SYS_fcntl, fd, F_GETFD), "fcntl: F_GETFD");
	side_fact(side, sys(side, SYS_close, fd), "close");
}

static void locks(struct side *side)
{
	long one = sys(side, SYS_openat, AT_FDCWD, (long)"file", O_RDWR);
	long other = sys(side, SYS_openat, AT_FDCWD, (long)"file", O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 50 };

	side_fact(side, sys(side, SYS_fcntl, one, F_OFD_SETLK, (long)&lock), "flock: F_OFD_SETLK");
	lock = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 1000 };
	side_fact(side, sys(side, SYS_fcntl, other, F_OFD_SETLK, (long)&lock), "flock: conflict");
	side_fact(side, sys(side, SYS_fcntl, other, F_OFD_GETLK, (long)&lock), "flock: F_OFD_GETLK");
	side_fact(side, lock.l_type, "flock: l_type");
	side_fact(side, lock.l_start, "flock: l_start");
	side_fact(side, lock.l_len, "flock: l_len");
	side_fact(side, lock.l_pid, "flock: l_pid");
	sys(side, SYS_close, one);
	sys(side, SYS_close, other);
}

static void directories(struct side *side)
{
	char buf[1024];
	long fd, len, records = 0, aligned = 1, found = 0;

	side_fact(side, sys(side, SYS_mkdirat, AT_FDCWD, (long)"dir", 0755), "mkdirat");
	sys(side, SYS_close, sys(side, SYS_openat, AT_FDCWD, (long)"dir/entry", O_CREAT | O_WRONLY, 0600));
	fd = sys(side, SYS_openat, AT_FDCWD, (long)"dir", O_RDONLY | O_DIRECTORY);
	len = sys(side, SYS_getdents64, fd, (long)buf, sizeof(buf));
	for (long i = 0; i < len;) {
		const struct dirent64 *entry = (const struct dirent64 *)&buf[i];

		records++;
		aligned &= entry->d_reclen % 8 == 0 && entry->d_ino != 0;
		found += strcmp(entry->d_name, "entry") == 0 && entry->d_type == DT_REG;
		i += entry->d_reclen ? entry->d_reclen : 1024;
	}
	side_fact(side, len, "getdents64");
	side_fact(side, records, "dirent64: d_reclen");
	side_fact(side, aligned, "dirent64: aligned, d_ino");
	side_fact(side, found, "dirent64: d_type, d_name");
	sys(side, SYS_close, fd);
}

static void limits(struct side *side)
{
	struct rlimit old = { 0, 0 }, now = { 0, 0 };

	sys(side, SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)&old);
	now.rlim_max = old.rlim_max;
	side_fact(side, sys(side, SYS_prlimit64, 0, RLIMIT_CORE, (long)&now, 0), "prlimit64: set");
	now.rlim_cur = 99;
	sys(side, SYS_getrlimit, RLIMIT_CORE, (long)&now);
	side_fact(side, (long)now.rlim_cur, "rlimit: rlim_cur");
	side_fact(side, now.rlim_max == old.rlim_max, "rlimit: rlim_max");
	sys(side, SYS_prlimit64, 0, RLIMIT_CORE, (long)&old, 0);
}

static void statistics(struct side *side)
{
	struct sysinfo info = { 0 };
	struct rusage usage;
	struct timex timex = { 0 };
	struct timespec now = { 0, 0 };

	side_fact(side, sys(side, SYS_sysinfo, (long)&info), "sysinfo");
	side_fact(side, info.mem_unit, "sysinfo: mem_unit");
	side_fact(side, info.totalram >= info.freeram && info.freeram > 0 && info.procs > 0,
		  "sysinfo: totalram, procs");
	memset(&usage, 0xff, sizeof(usage));
	side_fact(side, sys(side, SYS_getrusage, RUSAGE_SELF, (long)&usage), "getrusage");
	side_fact(side, usage.ru_utime.tv_usec < 1000000 && usage.ru_nvcsw >= 0 && usage.ru_nivcsw >= 0,
		  "rusage: ru_utime, ru_nvcsw, ru_nivcsw");
	side_fact(side, sys(side, SYS_adjtimex, (long)&timex) >= 0, "adjtimex");
	side_fact(side, timex.tick >= 9000 && timex.tick <= 11000, "timex: tick");
	side_fact(side, timex.time.tv_sec > 1600000000, "timex: time");
	sys(side, SYS_clock_gettime, CLOCK_REALTIME, (long)&now);
	side_fact(side, now.tv_sec > 1600000000 && now.tv_nsec < 1000000000, "clock_gettime: CLOCK_REALTIME");
	side_fact(side, sys(side, SYS_clock_gettime, CLOCK_BOOTTIME, (long)&now), "clock_gettime: CLOCK_BOOTTIME");
	side_fact(side, sys(side, SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&now),
		  "clock_gettime: thread's time");
}

static void polling(struct side *side)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.u64 = 0x1122334455667788 }, got[2];
	uint64_t counter = 5;
	long fd = sys(side, SYS_eventfd2, 5, EFD_NONBLOCK);
	long epoll = sys(side, SYS_epoll_create1, EPOLL_CLOEXEC);
	struct pollfd fds[2] = { { (int)fd, POLLIN | POLLOUT, 0 }, { -1, POLLIN, 0x7f } };
	const struct timespec none = { 0, 0 };

	side_fact(side, sys(side, SYS_ppoll, (long)fds, 2, (long)&none), "ppoll");
	side_fact(side, fds[0].revents, "pollfd: revents");
	side_fact(side, fds[1].revents, "pollfd: revents of none");
	side_fact(side, sys(side, SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fd, (long)&event), "epoll_ctl");
	memset(got, 0, sizeof(got));
	side_fact(side, sys(side, SYS_epoll_pwait, epoll, (long)got, 2, 0, 0, KERNEL_SIGSET), "epoll_pwait");
	side_fact(side, got[0].events, "epoll_event: events");
	side_fact(side, (long)got[0].data.u64, "epoll_event: data");
	side_fact(side, (long)got[1].data.u64, "epoll_event: size");
	side_fact(side, sys(side, SYS_read, fd, (long)&counter, 8), "eventfd: read");
	side_fact(side, (long)counter, "eventfd: value");
	side_fact(side, sys(side, SYS_read, fd, (long)&counter, 8), "eventfd: empty");
	side_fact(side, sys(side, SYS_fcntl, epoll, F_GETFD), "epoll_create1: EPOLL_CLOEXEC");
	sys(side, SYS_close, epoll);
	sys(side, SYS_close, fd);
}

static void vectors(struct side *side)
{
	char one[4] = "abc", two[8] = "defghij", in[16] = "";
	const struct iovec out[2] = { { one, 3 }, { two, 7 } };
	const struct iovec back[2] = { { in, 5 }, { in + 8, 5 } };
	int ends[2] = { -1, -1 };
	int waiting = 0;

	sys(side, SYS_pipe2, (long)ends, O_NONBLOCK);
	side_fact(side, sys(side, SYS_writev, ends[1], (long)out, 2), "writev");
	side_fact(side, sys(side, SYS_ioctl, ends[0], 0x541b /* FIONREAD */, (long)&waiting), "ioctl: FIONREAD");
	side_fact(side, waiting, "FIONREAD: bytes");
	side_fact(side, sys(side, SYS_readv, ends[0], (long)back, 2), "readv");
	side_fact(side, memcmp(in, "abcde\0\0\0fghij", 13), "iovec: bytes");
	side_fact(side, sys(side, SYS_read, ends[0], (long)in, 1), "pipe: O_NONBLOCK");
	side_fact(side, sys(side, SYS_fcntl, ends[0], F_GETPIPE_SZ) >= 4096, "fcntl: F_GETPIPE_SZ");
	sys(side, SYS_close, ends[0]);
	sys(side, SYS_close, ends[1]);
}

static void timers(struct side *side)
{
	const struct itimerspec set = { { 5, 6 }, { 1000, 7 } };
	struct itimerspec got = { { 0, 0 }, { 0, 0 } };
	struct itimerval value = { { 0, 0 }, { 5000, 0 } };
	struct sigevent none = { .sigev_notify = SIGEV_NONE };
	long fd = sys(side, SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
	int timer = -1;

	side_fact(side, sys(side, SYS_timerfd_settime, fd, 0, (long)&set, 0), "timerfd_settime");
	side_fact(side, sys(side, SYS_timerfd_gettime, fd, (long)&got), "timerfd_gettime");
	side_fact(side, got.it_interval.tv_sec, "itimerspec: it_interval.tv_sec");
	side_fact(side, got.it_interval.tv_nsec, "itimerspec: it_interval.tv_nsec");
	side_fact(side, got.it_value.tv_sec >= 990 && got.it_value.tv_sec <= 1000, "itimerspec: it_value");
	sys(side, SYS_close, fd);
	side_fact(side, sys(side, SYS_timer_create, CLOCK_MONOTONIC, (long)&none, (long)&timer), "timer_create");
	side_fact(side, sys(side, SYS_timer_settime, timer, 0, (long)&set, 0), "timer_settime");
	memset(&got, 0, sizeof(got));
	side_fact(side, sys(side, SYS_timer_gettime, timer, (long)&got), "timer_gettime");
	side_fact(side, got.it_interval.tv_nsec, "timer: it_interval");
	side_fact(side, sys(side, SYS_timer_getoverrun, timer), "timer_getoverrun");
	side_fact(side, sys(side, SYS_timer_delete, timer), "timer_delete");
	side_fact(side, sys(side, SYS_setitimer, ITIMER_REAL, (long)&value, 0), "setitimer");
	value = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	side_fact(side, sys(side, SYS_getitimer, ITIMER_REAL, (long)&value), "getitimer");
	side_fact(side, value.it_value.tv_sec >= 4990 && value.it_value.tv_sec <= 5000, "itimerval: it_value");
	value = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	sys(side, SYS_setitimer, ITIMER_REAL, (long)&value, 0);
}

static void signals(struct side *side)
{
	const struct kernel_action ignore = { .handler = (unsigned long)SIG_IGN,
					      .flags = 0x10000000, /* SA_RESTART */
					      .mask = SIGBIT(SIGHUP) };
	struct kernel_action first = { 0 }, second = { 0 };
	const uint64_t usr2 = SIGBIT(SIGUSR2);
	const struct timespec none = { 0, 0 };
	struct signalfd_siginfo info;
	uint64_t mask = 0, old = 0;
	siginfo_t waited;
	long fd;

	side_fact(side, sys(side, SYS_rt_sigaction, SIGURG, (long)&ignore, (long)&first, KERNEL_SIGSET),
		  "rt_sigaction");
	sys(side, SYS_rt_sigaction, SIGURG, (long)&first, (long)&second, KERNEL_SIGSET);
	side_fact(side, (long)second.handler, "sigaction: sa_handler");
	side_fact(side, (long)second.flags & 0xf0000000, "sigaction: sa_flags");
	side_fact(side, (long)second.mask, "sigaction: sa_mask");
	side_fact(side, sys(side, SYS_rt_sigprocmask, SIG_BLOCK, (long)&usr2, (long)&old, KERNEL_SIGSET),
		  "rt_sigprocmask");
	sys(side, SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, KERNEL_SIGSET);
	side_fact(side, (mask & usr2) != 0, "rt_sigprocmask: blocked");
	side_fact(side, sys(side, SYS_tgkill, sys(side, SYS_getpid), sys(side, SYS_gettid), SIGUSR2), "tgkill");
	mask = 0;
	sys(side, SYS_rt_sigpending, (long)&mask, KERNEL_SIGSET);
	side_fact(side, (mask & usr2) != 0, "rt_sigpending");
	fd = sys(side, SYS_signalfd4, -1, (long)&usr2, KERNEL_SIGSET, SFD_NONBLOCK);
	memset(&info, 0, sizeof(info));
	side_fact(side, sys(side, SYS_read, fd, (long)&info, sizeof(info)), "signalfd: read");
	side_fact(side, info.ssi_signo, "signalfd_siginfo: ssi_signo");
	side_fact(side, info.ssi_code, "signalfd_siginfo: ssi_code");
	side_fact(side, (long)info.ssi_pid == sys(side, SYS_getpid), "signalfd_siginfo: ssi_pid");
	sys(side, SYS_close, fd);
	sys(side, SYS_tgkill, sys(side, SYS_getpid), sys(side, SYS_gettid), SIGUSR2);
	memset(&waited, 0, sizeof(waited));
	side_fact(side, sys(side, SYS_rt_sigtimedwait, (long)&usr2, (long)&waited, (long)&none, KERNEL_SIGSET),
		  "rt_sigtimedwait");
	side_fact(side, waited.si_signo, "siginfo: si_signo");
	side_fact(side, waited.si_code, "siginfo: si_code");
	side_fact(side, waited.si_pid == sys(side, SYS_getpid), "siginfo: si_pid");
	side_fact(side, sys(side, SYS_rt_sigtimedwait, (long)&usr2, 0, (long)&none, KERNEL_SIGSET), "no signal waits");
	sys(side, SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, KERNEL_SIGSET);
}

static void queues(struct side *side)
{
	struct {
		long type;
		char text[8];
	} message = { 3, "message" };
	struct msqid_ds status;
	long id = sys(side, SYS_msgget, IPC_PRIVATE, 0600 | IPC_CREAT);

	side_fact(side, id >= 0, "msgget");
	side_fact(side, sys(side, SYS_msgsnd, id, (long)&message, 8, 0), "msgsnd");
	memset(&status, 0, sizeof(status));
	side_fact(side, sys(side, SYS_msgctl, id, IPC_STAT, (long)&status), "msgctl");
	side_fact(side, (long)status.msg_qnum, "msqid_ds: msg_qnum");
	side_fact(side, (long)status.__msg_cbytes, "msqid_ds: msg_cbytes");
	side_fact(side, status.msg_perm.mode, "ipc_perm: mode");
	side_fact(side, status.msg_stime > 1600000000 && !status.msg_rtime, "msqid_ds: times");
	side_fact(side, side_extent(side, SYS_msgctl, (const long[6]){ id, IPC_STAT }, 2), "bytes of msgctl");
	memset(&message, 0, sizeof(message));
	side_fact(side, sys(side, SYS_msgrcv, id, (long)&message, 8, 0, IPC_NOWAIT), "msgrcv");
	side_fact(side, message.type, "msgbuf: mtype");
	side_fact(side, strcmp(message.text, "message"), "msgbuf: mtext");
	side_fact(side, sys(side, SYS_msgrcv, id, (long)&message, 8, 0, IPC_NOWAIT), "msgrcv: empty");
	side_fact(side, sys(side, SYS_msgctl, id, IPC_RMID), "msgctl: IPC_RMID");
}

static void semaphores(struct side *side)
{
	struct sembuf take = { 1, -3, IPC_NOWAIT };
	unsigned short values[3] = { 0 };
	struct semid_ds status;
	const struct timespec soon = { 0, 1000000 };
	long id = sys(side, SYS_semget, IPC_PRIVATE, 3, 0600 | IPC_CREAT);

	side_fact(side, sys(side, SYS_semctl, id, 1, SETVAL, 4), "semctl: SETVAL");
	side_fact(side, sys(side, SYS_semop, id, (long)&take, 1), "semop");
	side_fact(side, sys(side, SYS_semop, id, (long)&take, 1), "semop: would block");
	take.sem_flg = 0;
	side_fact(side, sys(side, SYS_semtimedop, id, (long)&take, 1, (long)&soon), "semtimedop: time is over");
	side_fact(side, sys(side, SYS_semctl, id, 0, GETALL, (long)values), "semctl: GETALL");
	side_fact(side, values[0] + values[1] * 10 + values[2] * 100, "sembuf: values");
	memset(&status, 0, sizeof(status));
	side_fact(side, sys(side, SYS_semctl, id, 0, IPC_STAT, (long)&status), "semctl: IPC_STAT");
	side_fact(side, (long)status.sem_nsems, "semid_ds: sem_nsems");
	side_fact(side, status.sem_otime > 1600000000, "semid_ds: sem_otime");
	side_fact(side, side_extent(side, SYS_semctl, (const long[6]){ id, 0, IPC_STAT }, 3), "bytes of semctl");
	side_fact(side, sys(side, SYS_semctl, id, 0, IPC_RMID), "semctl: IPC_RMID");
}

static void segments(struct side *side)
{
	struct shmid_ds status;
	long id = sys(side, SYS_shmget, IPC_PRIVATE, 12345, 0600 | IPC_CREAT);

	memset(&status, 0, sizeof(status));
	side_fact(side, sys(side, SYS_shmctl, id, IPC_STAT, (long)&status), "shmctl: IPC_STAT");
	side_fact(side, (long)status.shm_segsz, "shmid_ds: shm_segsz");
	side_fact(side, (long)status.shm_nattch, "shmid_ds: shm_nattch");
	side_fact(side, status.shm_cpid == sys(side, SYS_getpid), "shmid_ds: shm_cpid");
	side_fact(side, side_extent(side, SYS_shmctl, (const long[6]){ id, IPC_STAT }, 2), "bytes of shmctl");
	side_fact(side, sys(side, SYS_shmctl, id, IPC_RMID), "shmctl: IPC_RMID");
}

static void watches(struct side *side)
{
	char buf[256];
	const struct inotify_event *event = (const struct inotify_event *)buf;
	long fd = sys(side, SYS_inotify_init1, IN_NONBLOCK);
	long watch = sys(side, SYS_inotify_add_watch, fd, (long)"dir", IN_CREATE);

	side_fact(side, watch, "inotify_add_watch");
	sys(side, SYS_close, sys(side, SYS_openat, AT_FDCWD, (long)"dir/watched", O_CREAT | O_WRONLY, 0600));
	memset(buf, 0, sizeof(buf));
	side_fact(side, sys(side, SYS_read, fd, (long)buf, sizeof(buf)), "inotify: read");
	side_fact(side, event->mask, "inotify_event: mask");
	side_fact(side, event->len, "inotify_event: len");
	side_fact(side, strcmp(event->name, "watched"), "inotify_event: name");
	sys(side, SYS_close, fd);
}

static void privileges(struct side *side)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	uid_t ids[3] = { 1, 2, 3 };

	memset(data, 0, sizeof(data));
	side_fact(side, sys(side, SYS_capget, (long)&header, (long)data), "capget");
	header.version = 0;
	side_fact(side, sys(side, SYS_capget, (long)&header, (long)data), "capget: another version");
	side_fact(side, header.version, "capget: version");
	sys(side, SYS_getresuid, (long)&ids[0], (long)&ids[1], (long)&ids[2]);
	side_fact(side, ids[0] == (uid_t)sys(side, SYS_getuid) && ids[1] == (uid_t)sys(side, SYS_geteuid), "getresuid");
	/* Whoever runs this may be nice already; anybody may be nicer. */
	side_fact(side, sys(side, SYS_setpriority, PRIO_PROCESS, 0, 19), "setpriority");
	side_fact(side, sys(side, SYS_getpriority, PRIO_PROCESS, 0), "getpriority");
	side_fact(side, sys(side, SYS_sched_get_priority_max, SCHED_FIFO), "sched_get_priority_max");
	side_fact(side, sys(side, SYS_sched_getscheduler, 0), "sched_getscheduler");
	side_fact(side, sys(side, SYS_umask, 022) >= 0 && sys(side, SYS_umask, 022) == 022, "umask");
}

static void in_memory(struct side *side)
{
	long fd = sys(side, SYS_memfd_create, (long)"name", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat status;

	side_fact(side, fd >= 0, "memfd_create");
	side_fact(side, sys(side, SYS_fallocate, fd, 0, 0, 8192), "fallocate");
	side_fact(side, sys(side, SYS_lseek, fd, 0, SEEK_END), "lseek: SEEK_END");
	side_fact(side, sys(side, SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096),
		  "fallocate: hole");
	side_fact(side, sys(side, SYS_lseek, fd, 0, SEEK_DATA), "lseek: SEEK_DATA");
	side_fact(side, sys(side, SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK), "fcntl: F_ADD_SEALS");
	side_fact(side, sys(side, SYS_fcntl, fd, F_GET_SEALS), "fcntl: F_GET_SEALS");
	side_fact(side, sys(side, SYS_ftruncate, fd, 0), "a seal holds");
	memset(&status, 0, sizeof(status));
	sys(side, SYS_fstat, fd, (long)&status);
	side_fact(side, status.st_blocks, "stat: st_blocks");
	sys(side, SYS_close, fd);
}

/* -ENOSYS on the side under test where the image has no network: the caller skips these then. */
static void sockets(struct side *side)
{
	char one[3] = "ab", two[3] = "cd", in[8] = "";
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = "";
	struct iovec out[2] = { { one, 2 }, { two, 2 } }, back = { in, sizeof(in) };
	struct msghdr message = {
		.msg_iov = out, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	socklen_t len = sizeof(int);
	int pair[2] = { -1, -1 }, value = 0;
	long fd = sys(side, SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, (long)pair);

	side_fact(side, fd, "socket: socketpair");
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(header) = pair[0];
	side_fact(side, sys(side, SYS_sendmsg, pair[0], (long)&message, 0), "socket: sendmsg");
	memset(control, 0, sizeof(control));
	message = (struct msghdr){
		.msg_iov = &back, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
	};
	side_fact(side, sys(side, SYS_recvmsg, pair[1], (long)&message, MSG_CMSG_CLOEXEC), "socket: recvmsg");
	side_fact(side, (long)message.msg_controllen, "socket: msg_controllen");
	side_fact(side, message.msg_flags, "socket: msg_flags");
	side_fact(side, header->cmsg_type, "socket: cmsg_type");
	side_fact(side, memcmp(in, "abcd", 4), "socket: bytes");
	side_fact(side, sys(side, SYS_close, *(int *)CMSG_DATA(header)), "socket: a descriptor was passed");
	side_fact(side, sys(side, SYS_getsockopt, pair[0], SOL_SOCKET, SO_TYPE, (long)&value, (long)&len),
		  "socket: getsockopt");
	side_fact(side, value, "socket: SO_TYPE");
	fd = sys(side, SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	side_fact(side, sys(side, SYS_bind, fd, (long)&address, sizeof(address)), "socket: bind");
	memset(&address, 0, sizeof(address));
	len = sizeof(address);
	side_fact(side, sys(side, SYS_getsockname, fd, (long)&address, (long)&len), "socket: getsockname");
	side_fact(side, len, "socket: address length");
	side_fact(side, address.sun_family, "socket: sun_family");
	side_fact(side, strcmp(address.sun_path, "socket"), "socket: sun_path");
	sys(side, SYS_close, fd);
	sys(side, SYS_close, pair[0]);
	sys(side, SYS_close, pair[1]);
}

void facts_gather(struct side *side)
{
	names(side);
	extents(side);
	files(side);
	locks(side);
	directories(side);
	limits(side);
	statistics(side);
	polling(side);
	vectors(side);
	timers(side);
	signals(side);
	queues(side);
	semaphores(side);
	segments(side);
	watches(side);
	privileges(side);
	in_memory(side);
	sockets(side);
}
