// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "file" where a filter of system calls, such as old ones of containers, refuses what it does not know with
 * EPERM: it does without, or names what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../tap.h"
#include "disk.h"

#define MIB (1U << 20)
#define IMAGE_SIZE (4 * MIB)

static char image[300];

static bool install(struct sock_filter *filter, unsigned short length)
{
	struct sock_fprog program = { .len = length, .filter = filter };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static bool deny_calls(void)
{
	static const unsigned int refused[] = {
		SYS_io_uring_setup, SYS_preadv2, SYS_pwritev2, SYS_fallocate, SYS_sync_file_range, SYS_statx,
	};
	enum { COUNT = sizeof(refused) / sizeof(refused[0]) };
	struct sock_filter filter[2 * COUNT + 2];
	unsigned short n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < COUNT; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return install(filter, n);
}

/* fcntl(2) of one command */
static bool deny_fcntl(unsigned int command)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(filter, sizeof(filter) / sizeof(filter[0]));
}

static void check_requests(void)
{
	unsigned char *written = disk_memory(MIB), *read = disk_memory(MIB);
	struct user user;
	char spec[400];

	fill_pattern(written, MIB, 1);
	snprintf(spec, sizeof(spec), "file:%s", image);
	user_open(&user, spec, 0);
	tap_ok(!(user.disk->info.caps & (HYP_BLK_CAP_FUA | HYP_BLK_CAP_DISCARD)),
	       "what the host refuses is not offered");
	tap_is(user_run(&user, HYP_BLK_WRITE, MIB, MIB, written, 0), 0, "a write");
	tap_is(user_run(&user, HYP_BLK_FLUSH, 0, 0, NULL, 0), 0, "a flush");
	tap_is(user_run(&user, HYP_BLK_READ, MIB, MIB, read, 0), 0, "a large read");
	tap_ok(!memcmp(read, written, MIB), "what was written");
	tap_is(user_run(&user, HYP_BLK_WRITE_ZEROES, MIB, 65536, NULL, 0), 0, "zeroes, by hand");
	memset(written, 0, 65536);
	memset(read, 0, MIB);
	for (unsigned int at = 0; at < MIB; at += 65536)
		if (user_run(&user, HYP_BLK_READ, MIB + at, 65536, read + at, 0))
			break;
	tap_ok(!memcmp(read, written, MIB), "small reads see them");
	tap_is(user.strays, 0, "each request completed once");
	user_close(&user);
	free(written);
	free(read);
}

static void check_message(const char *what, const char *spec, int result, const char *said)
{
	char error[512] = "";
	struct hyp_blk *disk;

	tap_is(hyp_blk_open(spec, 0, &disk, error, sizeof(error)), result, "%s", what);
	tap_ok(strstr(error, said), "%s: \"%s\"", what, error);
}

/* Not much is left when a limit of data does not leave room for the stacks of threads. */
static void check_data_limit(void)
{
	struct rlimit before, limit;
	char spec[400];

	getrlimit(RLIMIT_DATA, &before);
	limit = before;
	limit.rlim_cur = 512 << 10;
	snprintf(spec, sizeof(spec), "file,engine=threads:%s", image);
	setrlimit(RLIMIT_DATA, &limit);
	check_message("a limit of data", spec, -HYP_ENOMEM, "raise ulimit -d");
	limit.rlim_cur = 32 * MIB;
	setrlimit(RLIMIT_DATA, &limit);
	snprintf(spec, sizeof(spec), "cow:file,engine=threads:%s", image);
	tap_is(truncate(image, 256 * MIB), 0, "a larger image");
	check_message("a limit of data that has no room for the scratch", spec, -HYP_ENOMEM, "raise ulimit -d");
	setrlimit(RLIMIT_DATA, &before);
	tap_is(truncate(image, IMAGE_SIZE), 0, "the image as before");
}

int main(void)
{
	char spec[400];

	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	image_make(image, IMAGE_SIZE, 7);
	snprintf(spec, sizeof(spec), "file:%s", image);
	check_data_limit();
	if (!deny_calls()) {
		tap_skip(1, "this host has no filters of system calls");
		return tap_done();
	}
	check_requests();
	if (tap_ok(deny_fcntl(F_OFD_SETLK), "no locks of open files"))
		check_message("then", spec, -HYP_EACCES, "this host refuses locks of open files (fcntl F_OFD_SETLK)");
	return tap_done();
}
