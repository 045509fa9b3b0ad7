// SPDX-License-Identifier: BSD-2-Clause
/*
 * The posix platform when the host refuses: every call of it that can fail is made to fail, one after the other.
 *
 * The linker sends the platform's calls here (--wrap).
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define RW (HYP_PROT_READ | HYP_PROT_WRITE)
#define NEVER -1

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* On the testing thread alone: others of the platform's would make the count differ from run to run. */
static __thread long countdown = NEVER;
static __thread bool failed;
static int populate_error; /* 0: none */

static bool refuse(void)
{
	if (countdown == NEVER || countdown-- > 0)
		return false;
	countdown = NEVER;
	failed = true;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
int __real_madvise(void *addr, size_t size, int advice);
int __wrap_madvise(void *addr, size_t size, int advice);
int __real_memfd_create(const char *name, unsigned int flags);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);

static int with_error(int error)
{
	errno = error;
	return -1;
}

void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (!refuse())
		return __real_mmap(addr, size, prot, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	if (advice == MADV_POPULATE_WRITE && populate_error)
		return with_error(populate_error);
	return refuse() ? with_error(ENOMEM) : __real_madvise(addr, size, advice);
}

int __wrap_memfd_create(const char *name, unsigned int flags)
{
	return refuse() ? with_error(EMFILE) : __real_memfd_create(name, flags);
}

int __wrap_ftruncate(int fd, off_t size)
{
	return refuse() ? with_error(ENOMEM) : __real_ftruncate(fd, size);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t size)
{
	return refuse() ? with_error(ENOSPC) : __real_fallocate(fd, mode, offset, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *arg), void *arg)
{
	return refuse() ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
	return refuse() ? ENOMEM : __real_pthread_setspecific(key, value);
}

static bool refusal(int ret)
{
	return ret == -HYP_ENOMEM || ret == -HYP_EAGAIN || ret == -HYP_EMFILE;
}

static uint32_t ran;
static struct hyp *h;

static void work(void *arg)
{
	suite_post(h, &ran);
}

static void hook(void *arg)
{
	ran += 100;
}

static bool bad(int ret, const char *what)
{
	if (!ret || (failed && refusal(ret)))
		return false;
	tap_note("%s: %d", what, ret);
	return true;
}

/* What of a kernel's life can fail in memory. @at: reserved. */
static bool memory_goes_well(char *at, size_t page)
{
	struct hyp_map map[] = {
		{ .addr = at, .size = 4 * page, .offset = 0, .prot = RW },
		{ .addr = at + page, .size = page, .offset = 9 * page, .prot = RW },
		{ .addr = at + 8 * page, .size = page, .offset = HYP_MEM_ANONYMOUS, .prot = RW },
	};
	int ret = ops->mem_map(h, map, 3), i;

	if (bad(ret, "mem_map"))
		return false;
	for (i = 2; ret && i >= 0 && !host_readable(map[i].addr); i--)
		;
	if (ret) /* what was done is there, what failed is not, and a second try succeeds */
		return i < 2 && !ops->mem_map(h, map, 3) && host_writable(at + 8 * page);
	ret = ops->mem_commit(h, at, 4 * page);
	if (bad(ret, "mem_commit"))
		return false;
	ret = ops->mem_release(h, at, 4 * page);
	return !bad(ret, "mem_release");
}

static bool threads_go_well(void)
{
	struct hyp_thread_attr attr = { .flags = HYP_THREAD_JOINABLE, .cpu = -1 };
	struct hyp_thread *const untouched = (struct hyp_thread *)&attr, *thread = untouched;
	void **slot;
	int ret;

	ran = 0;
	ret = ops->thread_create(h, work, NULL, &attr, &thread);
	if (bad(ret, "thread_create") || (ret && thread != untouched))
		return false;
	if (!ret)
		suite_join(h, thread);
	if (ran != !ret)
		return false;
	slot = ops->thread_slot(h);
	if (!slot && !failed)
		return false;
	if (!slot && !(slot = ops->thread_slot(h)))
		return false;
	ret = ops->thread_on_exit(h, hook, NULL);
	if (bad(ret, "thread_on_exit") || slot != ops->thread_slot(h))
		return false;
	ret = ops->timer_set(h, 0, 1);
	return !bad(ret, "timer_set") && (!ret || !ops->timer_set(h, 0, 1));
}

/* A life in which the call after @n others fails. Returns false when something is wrong. */
static bool live(long n)
{
	static const struct hyp_upcalls none;
	struct hyp *const untouched = (struct hyp *)&none;
	struct hyp_info info;
	void *addr = &info;
	bool good;
	int ret;

	h = untouched;
	failed = false;
	countdown = n;
	ret = ops->init(HYP_VERSION, &suite_config, &none, NULL, &h, &info);
	if (ret)
		return !bad(ret, "init") && h == untouched;
	ret = ops->mem_reserve(h, 16 * info.page_size, 0, NULL, &addr);
	good = !bad(ret, "mem_reserve") && (!ret || addr == &info);
	if (good && !ret)
		good = memory_goes_well(addr, info.page_size);
	good = good && threads_go_well();
	countdown = NEVER;
	ops->fini(h);
	return good;
}

static void test_each_call(void)
{
	unsigned int threads, descriptors, mappings;
	bool good = true;
	long n;

	host_readable(&n); /* opens its file */
	live(NEVER);
	live(NEVER);
	threads = host_threads();
	descriptors = host_descriptors();
	mappings = host_mappings();
	for (n = 0; n < 200 && good; n++) {
		good = live(n);
		if (!good)
			tap_note("after %ld calls", n);
		if (!failed)
			break;
	}
	tap_ok(good && !failed && n > 15, "each of %ld calls to the host fails once", n);
	tap_ok(host_threads_settle(threads) && host_descriptors() == descriptors && host_mappings() <= mappings + 1,
	       "nothing is left behind");
}

static void test_populate(void)
{
	static const int errors[] = { ENOMEM, EFAULT, EHWPOISON };
	bool good = true;
	struct hyp_info info;
	size_t page, i;
	char *at;

	h = suite_open(&info);
	page = info.page_size;
	at = suite_reserve(h, 8 * page);
	suite_map(h, at, 4 * page, 0, RW);
	suite_map(h, at + 4 * page, 4 * page, HYP_MEM_ANONYMOUS, RW);
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		populate_error = errors[i];
		good &= ops->mem_commit(h, at, 8 * page) == -HYP_ENOMEM;
	}
	if (host_emulated()) {
		tap_skip(2, "qemu-user is never asked to populate");
	} else {
		tap_ok(good, "no memory to commit");
		tap_is(host_resident(at, 8 * page), 0, "nothing there yet");
	}
	populate_error = EINVAL;
	tap_is(ops->mem_commit(h, at, 8 * page), 0, "a host that cannot populate");
	tap_is(host_resident(at, 8 * page), 8 * page, "commits all the same");
	at[0] = at[5 * page] = 3;
	tap_is(ops->mem_commit(h, at, 8 * page), 0, "again");
	tap_ok(at[0] == 3 && at[5 * page] == 3, "and keeps what is there");
	countdown = 0;
	tap_is(ops->mem_commit(h, at, 8 * page), -HYP_ENOMEM, "and tells when there is none");
	countdown = NEVER;
	populate_error = 0;
	ops->fini(h);
}

static void limit(int resource, rlim_t value)
{
	const struct rlimit to = { value, value };

	if (setrlimit(resource, &to))
		_Exit(9);
}

static void little_space(void *arg)
{
	struct hyp_thread_attr attr = { .stack_size = (size_t)4 << 30, .cpu = -1 };
	struct hyp_info info;
	void *addr;

	h = suite_open(&info);
	limit(RLIMIT_AS, (rlim_t)2 << 30);
	_Exit(ops->mem_reserve(h, (size_t)3 << 30, 0, NULL, &addr) == -HYP_ENOMEM &&
			      refusal(ops->thread_create(h, work, NULL, &attr, NULL)) &&
			      !ops->mem_reserve(h, 1 << 20, 0, NULL, &addr)
		      ? 7
		      : 1);
}

static void no_descriptors(void *arg)
{
	static const struct hyp_upcalls none;
	struct hyp_info info;

	limit(RLIMIT_NOFILE, 0);
	_Exit(ops->init(HYP_VERSION, &suite_config, &none, NULL, &h, &info) == -HYP_EMFILE ? 7 : 1);
}

static void small_files(void *arg)
{
	struct hyp_info info;

	limit(RLIMIT_FSIZE, (1 << 20) + 1);
	h = suite_open(&info);
	_Exit(info.mem_bound == 1 << 20 ? 7 : 1);
}

static void test_limits(void)
{
	if (host_emulated())
		tap_skip(1, "qemu-user does not heed RLIMIT_AS");
	else
		tap_is(host_fork(little_space, NULL), 7 << 8, "little address space");
	tap_is(host_fork(no_descriptors, NULL), 7 << 8, "no descriptors");
	tap_is(host_fork(small_files, NULL), 7 << 8, "a limit for the size of files bounds the object");
}

int main(void)
{
	suite_target = hyp_platform();
	test_each_call();
	test_populate();
	test_limits();
	tap_is(suite_errno_changes(), 0, "no call changed errno");
	return tap_done();
}
