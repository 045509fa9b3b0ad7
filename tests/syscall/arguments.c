// SPDX-License-Identifier: BSD-2-Clause
/* Arguments of the system calls that the test of bad pointers makes: good ones, bad ones, and what they refer to. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include "arguments.h"
#include "tap.h"

#define PAGE 4096

/* ---- memory: a page to read, a hole, a page to read and write, a hole ---- */

static unsigned char *pages;
#define READABLE 0
#define HOLE PAGE
#define WRITABLE (2 * PAGE)
#define END (3 * PAGE)

void arguments_lay_out(void)
{
	pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		tap_abort("no memory");
	pages[HOLE - 1] = 'p'; /* no string ends there */
	mprotect(pages + READABLE, PAGE, PROT_READ);
	mprotect(pages + HOLE, PAGE, PROT_NONE);
	mprotect(pages + END, PAGE, PROT_NONE);
}

bool arguments_mapped(uintptr_t address, bool write)
{
	uintptr_t at = address - (uintptr_t)pages;

	if (address < PAGE || address >= UINT64_C(1) << 47)
		return false;
	if (at >= 4 * PAGE)
		return true;
	return (at >= WRITABLE && at < END) || (at < HOLE && !write);
}

static bool is_written(enum word word)
{
	return word >= OUT;
}

bool arguments_bad(const struct call *call, unsigned int i, enum place place)
{
	enum word word = call->arg[i].word;

	return word >= OBJECTS && (place != READ_ONLY || is_written(word));
}

/* What crosses the end of memory has one byte there: enough for a copy to begin, too little for it to end. */
static void *bad_pointer(enum place place, enum word word)
{
	switch (place) {
	case LOW:
		return (void *)16;
	case NONCANONICAL:
		return (void *)0x0fff000000000000;
	case HIGH:
		return (void *)-4096L;
	case UNMAPPED:
		return pages + HOLE + 256;
	case CROSSING:
		return pages + (is_written(word) ? END : HOLE) - 1;
	default:
		return pages + READABLE + 64;
	}
}

/* ---- pointers ---- */

static void *good_pointer(const struct kernel *k, enum word word, unsigned int i)
{
	static const char zeroes[PAGE], path[PAGE] = "file", link[PAGE] = "link", new[PAGE] = "new", dot[PAGE] = ".";
	static const char attribute[PAGE] = "trusted.x";
	static const uint64_t one[PAGE / 8] = { 1 };
	static uint64_t mount[PAGE / 8];
	static char out[6][PAGE], disk[PAGE];

	memset(out[i], 0, PAGE);
	switch (word) {
	case OUT:
		return out[i];
	case LENGTH:
		*(uint32_t *)out[i] = 64;
		return out[i];
	case CAPABILITY:
		*(uint32_t *)out[i] = _LINUX_CAPABILITY_VERSION_3;
		return out[i];
	case ONE:
		return (void *)one;
	case PATH:
		return (void *)path;
	case LINK:
		return (void *)link;
	case NEW:
		return (void *)new;
	case DOT:
		return (void *)dot;
	case ATTRIBUTE:
		return (void *)attribute;
	case MOUNT: /* a struct mnt_id_req: its size, and a mount */
		mount[0] = 24;
		mount[1] = (uint64_t)k->object[ROOT_MOUNT];
		return mount;
	case DISK:
		memcpy(disk, k->disk, sizeof(k->disk));
		return disk;
	default:
		return (void *)zeroes;
	}
}

/* The structure that an argument points to when the pointer is in it. */
static void *wrapped(const struct kernel *k, enum shape shape, void *pointer)
{
	static struct msghdr message;
	static struct iovec vector;
	static struct iocb request, *requests[1];
	static struct {
		void *set;
		uint64_t size, timeout;
	} mask;
	static struct {
		uint64_t value;
		void *address;
		uint32_t flags, reserved;
	} waiter;

	vector = (struct iovec){ pointer, 64 };
	switch (shape) {
	case PLAIN:
		return pointer;
	case IOVEC:
		return &vector;
	case MASK:
		mask.set = pointer;
		mask.size = 8;
		return &mask;
	case MSG_NAME:
		message = (struct msghdr){ .msg_name = pointer, .msg_namelen = 16 };
		return &message;
	case MSG_VECTOR:
		message = (struct msghdr){ .msg_iov = pointer, .msg_iovlen = 1 };
		return &message;
	case MSG_BUFFER:
		message = (struct msghdr){ .msg_iov = &vector, .msg_iovlen = 1 };
		return &message;
	case MSG_CONTROL:
		message = (struct msghdr){ .msg_control = pointer, .msg_controllen = 64 };
		return &message;
	case IOCBS:
		requests[0] = pointer;
		return requests;
	case IOCB:
		request =
			(struct iocb){ .aio_fildes = (uint32_t)k->object[REGULAR], .aio_lio_opcode = IOCB_CMD_PREADV };
		request.aio_buf = (uintptr_t)pointer;
		request.aio_nbytes = 1;
		requests[0] = &request;
		return requests;
	case WAITER:
		waiter.address = pointer;
		waiter.flags = 130; /* of 32 bits, private */
		return &waiter;
	}
	return NULL;
}

/* ---- objects ---- */

/* A client with something to read, and another one that waits to be accepted. */
static void open_sockets(struct kernel *k)
{
	struct sockaddr_un name = { AF_UNIX, "sock" };
	long kind = SOCK_STREAM | SOCK_NONBLOCK, server, waiting;

	k->call(SYS_unlinkat, AT_FDCWD, (long)"sock", 0, 0, 0, 0);
	k->object[LISTENER] = k->call(SYS_socket, AF_UNIX, kind, 0, 0, 0, 0);
	k->call(SYS_bind, k->object[LISTENER], (long)&name, sizeof(name), 0, 0, 0);
	k->call(SYS_listen, k->object[LISTENER], 2, 0, 0, 0, 0);
	k->object[SOCKET] = k->call(SYS_socket, AF_UNIX, kind, 0, 0, 0, 0);
	k->call(SYS_connect, k->object[SOCKET], (long)&name, sizeof(name), 0, 0, 0);
	server = k->call(SYS_accept4, k->object[LISTENER], 0, 0, 0, 0, 0);
	k->call(SYS_write, server, (long)"something to read", 18, 0, 0, 0);
	waiting = k->call(SYS_socket, AF_UNIX, kind, 0, 0, 0, 0);
	k->call(SYS_connect, waiting, (long)&name, sizeof(name), 0, 0, 0);
}

/* One request is done at once and is an event to be fetched. */
static void open_aio(struct kernel *k)
{
	static char buffer[64];
	struct iocb request = { .aio_fildes = (uint32_t)k->object[REGULAR], .aio_lio_opcode = IOCB_CMD_PREAD };
	struct iocb *requests[1] = { &request };
	unsigned long context = 0;

	request.aio_buf = (uintptr_t)buffer;
	request.aio_nbytes = sizeof(buffer);
	k->call(SYS_io_setup, 4, (long)&context, 0, 0, 0, 0);
	k->call(SYS_io_submit, (long)context, 1, (long)requests, 0, 0, 0);
	k->object[AIO] = (long)context;
}

static void open_timer(struct kernel *k)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	int id = -1;

	k->call(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&id, 0, 0, 0);
	k->object[TIMERID] = id;
}

static void open_messages(struct kernel *k)
{
	const struct {
		long type;
		char text[8];
	} message = { 1, "message" };

	k->object[MSGQ] = k->call(SYS_msgget, IPC_PRIVATE, 0600, 0, 0, 0, 0);
	k->call(SYS_msgsnd, k->object[MSGQ], (long)&message, sizeof(message.text), 0, 0, 0);
}

static long device_of(const struct kernel *k)
{
	struct stat status = { 0 };

	k->call(SYS_fstat, k->object[REGULAR], (long)&status, 0, 0, 0, 0);
	return (long)status.st_dev;
}

static long root_mount(const struct kernel *k)
{
	struct statx status = { 0 };

	k->call(SYS_statx, AT_FDCWD, (long)"/", 0, 0x4000 /* STATX_MNT_ID_UNIQUE */, (long)&status, 0);
	return (long)status.stx_mnt_id;
}

static void open_object(struct kernel *k, enum word word)
{
	struct io_uring_params params = { 0 };

	switch (word) {
	case SOCKET:
	case LISTENER:
		open_sockets(k);
		break;
	case RING:
		k->object[RING] = k->call(SYS_io_uring_setup, 4, (long)&params, 0, 0, 0, 0);
		break;
	case CONTEXT:
		k->object[CONTEXT] = k->call(SYS_fsopen, (long)"tmpfs", 0, 0, 0, 0, 0);
		break;
	case DISK_FILE:
		k->object[DISK_FILE] = k->call(SYS_openat, AT_FDCWD, (long)"/disk", O_RDONLY | O_DIRECTORY, 0, 0, 0);
		break;
	case AIO:
		open_aio(k);
		break;
	case TIMERID:
		open_timer(k);
		break;
	case MSGQ:
		open_messages(k);
		break;
	case SHM:
		k->object[SHM] = k->call(SYS_shmget, IPC_PRIVATE, PAGE, 0600, 0, 0, 0);
		break;
	case DEVICE:
		k->object[DEVICE] = device_of(k);
		break;
	case WINDOW:
		k->object[WINDOW] =
			k->call(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	case MOUNT:
		k->object[ROOT_MOUNT] = root_mount(k);
		break;
	default:
		break;
	}
}

/* What does not go with the descriptors. */
static void close_object(struct kernel *k, enum word word)
{
	if (word == AIO)
		k->call(SYS_io_destroy, k->object[AIO], 0, 0, 0, 0, 0);
	else if (word == TIMERID)
		k->call(SYS_timer_delete, k->object[TIMERID], 0, 0, 0, 0, 0);
	else if (word == MSGQ)
		k->call(SYS_msgctl, k->object[MSGQ], IPC_RMID, 0, 0, 0, 0);
	else if (word == SHM)
		k->call(SYS_shmctl, k->object[SHM], IPC_RMID, 0, 0, 0, 0);
	else if (word == WINDOW)
		k->call(SYS_munmap, k->object[WINDOW], PAGE, 0, 0, 0, 0);
}

/* The same state on both sides, numbers of descriptors included: there are none before. */
static void open_common(struct kernel *k)
{
	static const gid_t group;
	struct epoll_event event = { .events = EPOLLOUT };
	int ends[2] = { -1, -1 };

	k->call(SYS_close_range, 0, ~0U, 0, 0, 0, 0);
	k->call(SYS_unlinkat, AT_FDCWD, (long)"new", 0, 0, 0, 0);
	k->call(SYS_symlinkat, (long)"file", AT_FDCWD, (long)"link", 0, 0, 0);
	k->call(SYS_setgroups, 1, (long)&group, 0, 0, 0, 0);
	k->object[REGULAR] = k->call(SYS_openat, AT_FDCWD, (long)"file", O_CREAT | O_TRUNC | O_RDWR, 0600, 0, 0);
	k->call(SYS_pwrite64, k->object[REGULAR], (long)"some content of a file", 22, 0, 0, 0);
	k->call(SYS_fsetxattr, k->object[REGULAR], (long)"trusted.x", (long)"value", 5, 0, 0);
	k->object[DIR] = k->call(SYS_openat, AT_FDCWD, (long)".", O_RDONLY | O_DIRECTORY, 0, 0, 0);
	k->call(SYS_pipe2, (long)ends, O_NONBLOCK, 0, 0, 0, 0);
	k->object[READER] = ends[0];
	k->object[WRITER] = ends[1];
	k->object[EPOLL] = k->call(SYS_epoll_create1, 0, 0, 0, 0, 0, 0);
	k->call(SYS_epoll_ctl, k->object[EPOLL], EPOLL_CTL_ADD, ends[1], (long)&event, 0, 0);
	k->object[TIMER] = k->call(SYS_timerfd_create, CLOCK_MONOTONIC, 0, 0, 0, 0, 0);
	k->object[PIDFD] = k->call(SYS_pidfd_open, k->call(SYS_getpid, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0);
	k->object[INOTIFY] = k->call(SYS_inotify_init1, IN_NONBLOCK, 0, 0, 0, 0, 0);
}

/* SIGHUP is blocked and waits; or SIGUSR1, which the process handles, comes all the time. */
static void begin(struct kernel *k, enum meanwhile meanwhile)
{
	const struct itimerspec often = { { 0, 10000000 }, { 0, 10000000 } };
	const uint64_t hangup = UINT64_C(1) << (SIGHUP - 1);

	if (meanwhile == PENDING) {
		k->call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&hangup, 0, 8, 0, 0);
		k->call(SYS_kill, k->call(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGHUP, 0, 0, 0, 0);
	} else if (meanwhile == ALARM) {
		open_timer(k);
		k->call(SYS_timer_settime, k->object[TIMERID], 0, (long)&often, 0, 0, 0);
	}
}

long arguments_call(struct kernel *k, const struct call *call, unsigned int bad, enum place place)
{
	long args[6] = { 0 }, answer;

	open_common(k);
	for (unsigned int i = 0; i < call->args; i++)
		open_object(k, call->arg[i].word);
	for (unsigned int i = 0; i < call->args; i++) {
		enum word word = call->arg[i].word;

		if (word == VALUE)
			args[i] = call->arg[i].value;
		else if (word < OBJECTS)
			args[i] = k->object[word];
		else
			args[i] = (long)wrapped(k, call->arg[i].shape,
						i == bad ? bad_pointer(place, word) : good_pointer(k, word, i));
	}
	pages[END - 1] = 0;
	begin(k, call->meanwhile);
	answer = k->call(call->number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (call->meanwhile == ALARM)
		close_object(k, TIMERID);
	for (unsigned int i = 0; i < call->args; i++) {
		enum word word = call->arg[i].word;

		close_object(k, word);
		if (word < OBJECTS && k->object[word] == -ENOSYS && answer == -EBADF)
			answer = -ENOSYS; /* it is about something that this kernel cannot have */
	}
	return answer;
}
