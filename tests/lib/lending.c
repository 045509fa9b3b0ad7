// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of doc/embedding.md: what works on memory that the kernel manages, and without a copy; what works on other
 * memory of the program; and what is not to be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include <rumpus/image.h>
#include <rumpus/syscalls.h>

#include "fixture.h"
#include "mapping.h"
#include "spy.h"
#include "../fs/pattern.h"

#define PAGE 4096L

/* ---- one page of each kind; where it goes to ---- */

/** struct memory - @kind: for messages; @lent: it is the kernel's, which needs not copy; @page: to be used */
struct memory {
	const char *kind;
	bool lent;
	unsigned char *page;
};

static struct memory window = { .kind = "window", .lent = true }, own = { .kind = "program's" };
static struct hyp_blk *disk;
static int device; /* the disk, for direct I/O */
static int file;   /* buffered */

/* Was there I/O since the memory was watched, and of its pages if it can be lent, of others if not? */
static void is_lent(const struct memory *memory, const char *what)
{
	unsigned int requests, same = spy_result(disk, &requests);

	tap_ok(requests > 0 && same == (memory->lent ? requests : 0), "%s, %s: %s", what, memory->kind,
	       memory->lent ? "no copy" : "a copy");
}

static void is_not_done(const struct memory *memory, const char *what)
{
	unsigned int requests;

	spy_result(disk, &requests);
	tap_is(requests, 0, "%s, %s: no request reaches the disk", what, memory->kind);
}

static void fill(const struct memory *memory, unsigned int seed)
{
	pattern_fill(seed, 0, memory->page, PAGE);
	spy_watch(disk, memory->page);
}

static void clear(const struct memory *memory)
{
	memset(memory->page, 0, PAGE);
	spy_watch(disk, memory->page);
}

static void has(const struct memory *memory, unsigned int seed, const char *what)
{
	tap_ok(pattern_is(seed, 0, memory->page, PAGE), "%s, %s: the same bytes", what, memory->kind);
}

/* ---- O_DIRECT ---- */

static void direct(const struct memory *memory)
{
	const struct iovec vector = { memory->page, PAGE };

	fill(memory, 1);
	tap_is(rumpus_sys_pwrite64(device, memory->page, PAGE, 0), PAGE, "direct write, %s", memory->kind);
	is_lent(memory, "direct write");
	clear(memory);
	tap_is(rumpus_sys_pread64(device, memory->page, PAGE, 0), PAGE, "direct read, %s", memory->kind);
	is_lent(memory, "direct read");
	has(memory, 1, "direct read");
	clear(memory);
	tap_is(rumpus_sys_preadv(device, &vector, 1, 0, 0), PAGE, "direct read of a vector, %s", memory->kind);
	is_lent(memory, "direct read of a vector");
	has(memory, 1, "direct read of a vector");
}

/* ---- vmsplice ---- */

static void pipe_lends(const struct memory *memory)
{
	struct iovec vector = { memory->page, PAGE };
	unsigned char got[64];
	int ends[2];

	rumpus_sys_pipe2(ends, O_NONBLOCK);
	fill(memory, 2);
	tap_is(rumpus_sys_vmsplice(ends[1], &vector, 1, 0), memory->lent ? PAGE : -EFAULT, "vmsplice, %s",
	       memory->kind);
	pattern_fill(3, 0, memory->page, PAGE);
	tap_is(rumpus_sys_read(ends[0], got, sizeof(got)), memory->lent ? (long)sizeof(got) : -EAGAIN,
	       "vmsplice, %s: what arrives", memory->kind);
	if (memory->lent)
		tap_ok(pattern_is(3, 0, got, sizeof(got)), "vmsplice, %s: no copy", memory->kind);
	rumpus_sys_close(ends[0]);
	rumpus_sys_close(ends[1]);
}

/* ---- io_uring ---- */

/* Rings that the kernel and the program share */
static struct ring {
	struct io_uring_params params;
	int fd;
	size_t size;
	unsigned char *rings;
	struct io_uring_sqe *sqes;
} ring;

static void ring_open(void)
{
	long fd = rumpus_sys_io_uring_setup(8, &ring.params);
	const struct io_uring_params *p = &ring.params;

	if (fd < 0)
		tap_abort("io_uring_setup: error %ld", -fd);
	ring.fd = (int)fd;
	ring.size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	ring.rings = mapping_make(ring.size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.sqes = mapping_make(p->sq_entries * sizeof(*ring.sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
				 IORING_OFF_SQES);
}

static void ring_close(void)
{
	rumpus_sys_munmap(ring.rings, ring.size);
	rumpus_sys_munmap(ring.sqes, ring.params.sq_entries * sizeof(*ring.sqes));
	rumpus_sys_close(ring.fd);
}

/* One page through the rings; returns the result of the request. */
static long ring_transfer(unsigned int opcode, int fd, const struct memory *memory)
{
	const struct io_uring_params *p = &ring.params;
	unsigned int *tail = (unsigned int *)(ring.rings + p->sq_off.tail);
	unsigned int *array = (unsigned int *)(ring.rings + p->sq_off.array);
	unsigned int *head = (unsigned int *)(ring.rings + p->cq_off.head), at = *tail & (p->sq_entries - 1);
	const struct io_uring_cqe *cqes = (const void *)(ring.rings + p->cq_off.cqes);
	long ret;

	ring.sqes[at] = (struct io_uring_sqe){
		.opcode = (uint8_t)opcode, .fd = fd, .addr = (uintptr_t)memory->page, .len = PAGE
	};
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ret = rumpus_sys_io_uring_enter(ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	if (ret != 1)
		return ret;
	ret = cqes[*head & (p->cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

static void ring_buffered(const struct memory *memory)
{
	fill(memory, 4);
	tap_is(ring_transfer(IORING_OP_WRITE, file, memory), PAGE, "a ring's buffered write, %s", memory->kind);
	clear(memory);
	tap_is(ring_transfer(IORING_OP_READ, file, memory), PAGE, "a ring's buffered read, %s", memory->kind);
	has(memory, 4, "a ring's buffered read");
}

static void ring_direct(const struct memory *memory)
{
	const long expected = memory->lent ? PAGE : -EFAULT;

	fill(memory, 5);
	tap_is(ring_transfer(IORING_OP_WRITE, device, memory), expected, "a ring's direct write, %s", memory->kind);
	(memory->lent ? is_lent : is_not_done)(memory, "a ring's direct write");
	clear(memory);
	tap_is(ring_transfer(IORING_OP_READ, device, memory), expected, "a ring's direct read, %s", memory->kind);
	(memory->lent ? is_lent : is_not_done)(memory, "a ring's direct read");
	if (memory->lent)
		has(memory, 5, "a ring's direct read");
}

static void ring_registered(const struct memory *memory)
{
	const struct iovec vector = { memory->page, PAGE };
	const long expected = memory->lent ? 0 : -EFAULT;

	tap_is(rumpus_sys_io_uring_register(ring.fd, IORING_REGISTER_BUFFERS, (void *)&vector, 1), expected,
	       "register a buffer, %s", memory->kind);
	fill(memory, 6);
	tap_is(ring_transfer(IORING_OP_WRITE_FIXED, device, memory), memory->lent ? PAGE : -EFAULT,
	       "a registered buffer is written, %s", memory->kind);
	(memory->lent ? is_lent : is_not_done)(memory, "a registered buffer");
	clear(memory);
	if (memory->lent) {
		tap_is(ring_transfer(IORING_OP_READ_FIXED, device, memory), PAGE, "a registered buffer is read into");
		is_lent(memory, "a registered buffer");
		has(memory, 6, "a registered buffer");
	}
	rumpus_sys_io_uring_register(ring.fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static void rings(void)
{
	const struct iovec vector = { window.page, PAGE };

	ring_open();
	ring_buffered(&window);
	ring_buffered(&own);
	ring_direct(&window);
	ring_direct(&own);
	ring_registered(&window);
	ring_registered(&own);
	tap_is(rumpus_sys_io_uring_register(ring.fd, IORING_REGISTER_BUFFERS2, (void *)&vector, 1), -EINVAL,
	       "register by a request that is none");
	ring_close();
}

/* ---- io_submit ---- */

static long aio_transfer(unsigned long context, unsigned int opcode, int fd, const struct memory *memory)
{
	struct iocb request = { .aio_fildes = (uint32_t)fd, .aio_lio_opcode = (uint16_t)opcode };
	struct iocb *requests[1] = { &request };
	struct io_event event = { .res = 1 };
	long ret;

	request.aio_buf = (uintptr_t)memory->page;
	request.aio_nbytes = PAGE;
	ret = rumpus_sys_io_submit(context, 1, requests);
	if (ret == 1)
		ret = rumpus_sys_io_getevents(context, 1, 1, (void *)&event, NULL);
	return ret == 1 ? event.res : ret;
}

static void aio(const struct memory *memory)
{
	const long expected = memory->lent ? PAGE : -EFAULT;
	unsigned long context = 0;

	tap_is(rumpus_sys_io_setup(4, &context), 0, "io_setup");
	fill(memory, 7);
	tap_is(aio_transfer(context, IOCB_CMD_PWRITE, file, memory), PAGE, "io_submit, buffered, %s", memory->kind);
	tap_is(aio_transfer(context, IOCB_CMD_PWRITE, device, memory), expected, "io_submit, direct write, %s",
	       memory->kind);
	(memory->lent ? is_lent : is_not_done)(memory, "io_submit, direct write");
	clear(memory);
	tap_is(aio_transfer(context, IOCB_CMD_PREAD, device, memory), expected, "io_submit, direct read, %s",
	       memory->kind);
	(memory->lent ? is_lent : is_not_done)(memory, "io_submit, direct read");
	if (memory->lent)
		has(memory, 7, "io_submit, direct read");
	rumpus_sys_io_destroy(context);
}

/* ---- futexes ---- */

static void *waiter(void *arg)
{
	const struct timespec patience = { .tv_sec = 30 };
	uint32_t *word = arg;

	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
		if (rumpus_sys_futex(word, FUTEX_WAIT_PRIVATE, 0, &patience, NULL, 0) == -ETIMEDOUT)
			return NULL;
	return word;
}

/* The waiter may come late: it is woken until somebody was. */
static void futex(const struct memory *memory)
{
	uint32_t *word = (uint32_t *)memory->page;
	const struct timespec none = { 0 };
	pthread_t thread;
	void *result;
	int i;

	*word = 0;
	tap_is(rumpus_sys_futex(word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), -EAGAIN, "futex, %s: another value",
	       memory->kind);
	tap_is(rumpus_sys_futex(word, FUTEX_WAIT_PRIVATE, 0, &none, NULL, 0), -ETIMEDOUT, "futex, %s: no time",
	       memory->kind);
	thread = fixture_thread(waiter, word);
	for (i = 0; i < 30000 && rumpus_sys_futex(word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0) != 1; i++)
		fixture_sleep(1);
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	rumpus_sys_futex(word, FUTEX_WAKE_PRIVATE, 0x7fffffff, NULL, NULL, 0);
	pthread_join(thread, &result);
	tap_ok(i < 30000 && result, "futex, %s: a thread wakes another", memory->kind);
	tap_is(rumpus_sys_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), memory->lent ? 0 : -EFAULT,
	       "futex, %s: between processes", memory->kind);
}

/* ---- what is not to be had ---- */

static void refused(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	tap_is(rumpus_sys_mmap(NULL, PAGE, PROT_READ, flags | MAP_GROWSDOWN, -1, 0), -EINVAL, "MAP_GROWSDOWN");
	tap_is(rumpus_sys_mmap(own.page, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0), -ENOMEM,
	       "MAP_FIXED over memory of the program");
	tap_ok(pattern_is(8, 0, own.page, PAGE), "which stays as it is");
	tap_is(rumpus_sys_pkey_alloc(0, 0), -ENOSYS, "pkey_alloc");
	tap_is(rumpus_sys_pkey_mprotect(window.page, PAGE, PROT_READ, 1), -ENOSYS, "pkey_mprotect");
	tap_is(rumpus_sys_pkey_free(1), -ENOSYS, "pkey_free");
}

static size_t remote_read(void *cookie, void *to, uintptr_t from, size_t len)
{
	memcpy(to, (const void *)from, len);
	return 0;
}

static size_t remote_write(void *cookie, uintptr_t to, const void *from, size_t len)
{
	memcpy((void *)to, from, len);
	return 0;
}

static void refused_elsewhere(struct rumpus *kernel)
{
	static const struct rumpus_user_ops ops = { .read = remote_read, .write = remote_write };
	struct rumpus_process *remote;
	unsigned long context = 0;

	if (rumpus_process_create_remote(kernel, &ops, NULL, &remote) != 0 || rumpus_process_enter(remote) != 0)
		tap_abort("no process");
	tap_is(rumpus_sys_mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -ENODEV,
	       "a mapping in a remote process");
	tap_is(rumpus_sys_io_setup(4, &context), -ENOMEM, "io_setup there, which needs one");
	rumpus_process_enter(rumpus_process_first(kernel));
	tap_is(rumpus_process_destroy(remote), 0, "end it");
}

static struct rumpus *start(void)
{
	struct rumpus *kernel = mapping_boot(0);
	char name[32];

	disk = spy_open(16 << 20);
	if (rumpus_disk_attach(kernel, disk, name) != 0)
		tap_abort("the disk cannot be attached");
	device = (int)rumpus_sys_openat(AT_FDCWD, name, O_RDWR | O_DIRECT, 0);
	file = (int)rumpus_sys_openat(AT_FDCWD, "/file", O_CREAT | O_RDWR, 0600);
	if (device < 0 || file < 0)
		tap_abort("open: errors %d, %d", -device, -file);
	window.page = mapping_memory(PAGE);
	own.page = aligned_alloc(PAGE, PAGE);
	return kernel;
}

int main(void)
{
	struct rumpus *kernel = start();

	direct(&window);
	direct(&own);
	pipe_lends(&window);
	pipe_lends(&own);
	rings();
	aio(&window);
	aio(&own);
	futex(&window);
	futex(&own);
	pattern_fill(8, 0, own.page, PAGE);
	refused();
	refused_elsewhere(kernel);
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	rumpus_halt(kernel);
	free(own.page);
	return tap_done();
}
