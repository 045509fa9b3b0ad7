// SPDX-License-Identifier: BSD-2-Clause
/* System calls by name: what reaches rumpclient_syscall(), which is this test's own, and what comes back */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <rump/rumpclient.h>

#include "../tap.h"

/* As NetBSD's headers name them */
int rump___sysimpl_getpid(void);
long rump___sysimpl_read(int fd, void *buf, size_t len);
int rump___sysimpl_open(const char *path, int flags, ...);
long rump___sysimpl_pread(int fd, void *buf, size_t len, int64_t offset);
int64_t rump___sysimpl_lseek(int fd, int64_t offset, int whence);
int rump___sysimpl_mknodat(int fd, const char *path, unsigned int mode, uint64_t device);
long rump___sysimpl_sendto(int fd, const void *buf, size_t len, int flags, const void *to, unsigned int tolen);
int rump___sysimpl_stat50(const char *path, void *stat);
void rump___sysimpl_sync(void);
int rump___sysimpl_posix_fallocate(int fd, int64_t offset, int64_t size);
int rump_sys_pipe(int *fds);

static struct {
	int number;
	uint64_t place[8];
	size_t size;
	int error;
	register_t result[2];
} last;

int rumpclient_syscall(int number, const void *arguments, size_t size, register_t *retval)
{
	last.number = number;
	last.size = size;
	memset(last.place, 0x55, sizeof(last.place));
	memcpy(last.place, arguments ? arguments : "", size);
	memcpy(retval, last.result, sizeof(last.result));
	return last.error;
}

static void arrived(const char *name, int number, size_t places, const uint64_t *place)
{
	tap_ok(last.number == number && last.size == places * 8 && !memcmp(last.place, place, last.size),
	       "%s: number %d, %zu bytes", name, last.number, last.size);
}

static void arguments(void)
{
	char *const pointer = (char *)0x123456789abcdef0;
	const int64_t wide = -0x123456789abcdef;
	const uint64_t at = (uint64_t)(uintptr_t)pointer;

	last.error = 0;
	rump___sysimpl_getpid();
	arrived("getpid", 20, 0, NULL);
	rump___sysimpl_read(-1, pointer, SIZE_MAX);
	arrived("read", 3, 3, (uint64_t[]){ 0xffffffff, at, SIZE_MAX });
	rump___sysimpl_open(pointer, 0x202, 0644);
	arrived("open", 5, 3, (uint64_t[]){ at, 0x202, 0644 });
	rump___sysimpl_pread(7, pointer, 8, wide);
	arrived("pread has a hole", 173, 5, (uint64_t[]){ 7, at, 8, 0, (uint64_t)wide });
	rump___sysimpl_lseek(7, wide, 2);
	arrived("lseek, too", 199, 4, (uint64_t[]){ 7, 0, (uint64_t)wide, 2 });
	rump___sysimpl_mknodat(-100, pointer, 0600, (uint64_t)wide);
	arrived("mknodat, too", 460, 5, (uint64_t[]){ (uint32_t)-100, at, 0600, 0, (uint64_t)wide });
	rump___sysimpl_sendto(3, pointer, 4, 5, pointer, 6);
	arrived("sendto", 133, 6, (uint64_t[]){ 3, at, 4, 5, at, 6 });
	rump___sysimpl_stat50(pointer, pointer);
	arrived("stat50", 439, 2, (uint64_t[]){ at, at });
	rump___sysimpl_sync();
	arrived("sync", 36, 0, NULL);
}

static void results(void)
{
	int fds[2] = { -1, -1 };

	last.result[0] = INT64_C(0x100000002);
	last.result[1] = 9;
	errno = 77;
	last.error = 0;
	tap_is(rump___sysimpl_read(0, NULL, 0), INT64_C(0x100000002), "a long result is whole");
	tap_is(rump___sysimpl_getpid(), 2, "an int is cut");
	tap_is(rump_sys_pipe(fds), 0, "pipe");
	tap_ok(last.number == 42 && fds[0] == 2 && fds[1] == 9, "pipe has two results");
	tap_is(rump___sysimpl_posix_fallocate(1, 2, 3), 2, "posix_fallocate returns its error");
	tap_is(errno, 77, "errno stays as it was");

	last.error = 35;
	tap_is(rump___sysimpl_read(0, NULL, 0), -1, "a call fails");
	tap_is(errno, 35, "errno is NetBSD's number");
	errno = 77;
	tap_is(rump___sysimpl_open("", 0), -1, "one that returns an int fails");
	tap_is(errno, 35, "errno is NetBSD's number");
	errno = 77;
	tap_is(rump_sys_pipe(fds), -1, "pipe fails");
	tap_ok(errno == 35 && fds[0] == 2 && fds[1] == 9, "and leaves the descriptors as they were");
	errno = 77;
	tap_is(rump___sysimpl_posix_fallocate(1, 2, 3), 35, "posix_fallocate cannot be made");
	tap_is(errno, 77, "errno stays as it was");
}

int main(void)
{
	arguments();
	results();
	return tap_done();
}
