// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tasks that hang in a wait which nothing interrupts: writers to a file system that stays frozen. The program hears of
 * it, when it asked to, by the library's own watch or the tree's; short waits are none, and an idle kernel stays idle.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"

#define DISK "hung.img"

static struct rumpus *kernel;

/* A kernel with a file system that can be frozen. */
static void boot(const char *command_line)
{
	struct rumpus_config config = fixture_config(command_line);
	char node[32], error[128] = "";
	int result;

	config.image = NULL;
	result = rumpus_boot(&config, &kernel);
	if (result)
		tap_abort("boot: error %d: %s", -result, fixture_log);
	result = rumpus_disk_add(kernel, "file:" DISK, 0, node, error, sizeof(error));
	if (result)
		tap_abort("disk: %s", error);
	rumpus_process_enter(rumpus_process_first(kernel));
	rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0700);
	result = (int)rumpus_sys_mount(node, "/mnt", "ext4", 0, NULL);
	if (result)
		tap_abort("mount: error %d", -result);
}

static void freeze(bool on)
{
	long fd = rumpus_sys_openat(AT_FDCWD, "/mnt", O_RDONLY | O_DIRECTORY, 0), result;

	result = rumpus_sys_ioctl((int)fd, on ? FIFREEZE : FITHAW, 0);
	if (result)
		tap_abort("freezing or thawing: error %ld", -result);
	rumpus_sys_close((int)fd);
}

static void *writer(void *arg)
{
	rumpus_process_enter(rumpus_process_first(kernel));
	return (void *)rumpus_sys_mkdirat(AT_FDCWD, "/mnt/directory", 0700);
}

/* Waits, too, but so that it can be interrupted. */
static void *sleeper(void *arg)
{
	const struct timespec hour = { 3600, 0 };

	rumpus_process_enter(rumpus_process_first(kernel));
	return (void *)rumpus_sys_nanosleep(&hour, NULL);
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hangs(const char *command_line, const char *expected)
{
	pthread_t threads[2];
	const char *reason;
	void *result;
	long start;

	boot(command_line);
	threads[0] = fixture_thread(sleeper, NULL);
	freeze(true);
	start = milliseconds();
	threads[1] = fixture_thread(writer, NULL);
	for (int i = 1; i >= 0; i--) {
		pthread_join(threads[i], &result);
		tap_is((long)result, -ESHUTDOWN, "%s: a thread is out, after %ld ms", command_line,
		       milliseconds() - start);
	}
	reason = rumpus_end_reason(kernel);
	tap_ok(reason && strstr(reason, expected), "%s: the reason: %s", command_line, reason ? reason : "none");
	tap_is(rumpus_halt(kernel), 0, "%s: it is halted", command_line);
}

static void lives(void)
{
	long seen, now, quiet = 0;
	pthread_t threads[2];
	void *result;

	boot("rump.hung_ms=4000");
	threads[0] = fixture_thread(sleeper, NULL);
	freeze(true);
	threads[1] = fixture_thread(writer, NULL);
	fixture_sleep(200);
	freeze(false);
	pthread_join(threads[1], &result);
	tap_is((long)result, 0, "a wait that is not too long is none to end a kernel");
	tap_is(rumpus_sys_umount2("/mnt", 0), 0, "its file system, which has work of its own to do, is unmounted");
	seen = fixture_wakeups();
	for (int second = 0; second < 30 && quiet < 2; second++) {
		fixture_sleep(1000);
		now = fixture_wakeups();
		tap_note("second %d: %ld wake-ups", second, now - seen);
		quiet = now == seen ? quiet + 1 : 0;
		seen = now;
	}
	tap_is(quiet, 2, "watched, and with a thread that sleeps, an idle kernel does not wake up");
	tap_ok(!rumpus_end_reason(kernel), "and lives");
	rumpus_halt(kernel);
	pthread_join(threads[0], &result);
}

int main(void)
{
	if (system("truncate -s 8M " DISK " && mke2fs -q -t ext4 -F " DISK) != 0)
		tap_abort("mke2fs");
	hangs("rump.hung_ms=300", "hung task: caller:");
	hangs("sysctl.kernel.hung_task_panic=1 sysctl.kernel.hung_task_timeout_secs=1",
	      "blocked for more than 1 seconds");
	lives();
	unlink(DISK);
	return tap_done();
}
