// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupts between any two instructions: all threads of a busy kernel are kicked without a pause, and nothing that
 * they compute is harmed. The kernel itself kicks only who does not look up for long.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "internal.h"

enum { WORKERS = 4, BLOCK = 20000, SECONDS = 2 };

static struct rumpus *kernel;
static bool over;

struct worker {
	unsigned int number, rounds, wrong;
	pid_t host;
};

/* Says what went wrong first. */
static void check(struct worker *w, const char *what, long got, long expected)
{
	if (got == expected)
		return;
	if (!w->wrong++)
		tap_note("thread %u, round %u: %s: %ld", w->number, w->rounds, what, got);
}

/* Through a file in memory, a pipe, paths and bad pointers: most kinds of code that kicks can meet. */
static void work_once(struct worker *w, int fd, const int ends[2], unsigned char *out, unsigned char *in)
{
	char path[] = "/w/0/some/long/path/that/is/not/there";

	path[3] = (char)('0' + w->number);
	for (unsigned int i = 0; i < BLOCK; i++)
		out[i] = (unsigned char)(w->number * 31 + w->rounds * 7 + i);
	check(w, "pwrite", rumpus_sys_pwrite64(fd, out, BLOCK, w->rounds % 8 * BLOCK), BLOCK);
	memset(in, 0, BLOCK);
	check(w, "pread", rumpus_sys_pread64(fd, in, BLOCK, w->rounds % 8 * BLOCK), BLOCK);
	check(w, "the file's content", memcmp(in, out, BLOCK) != 0, 0);
	check(w, "write", rumpus_sys_write(ends[1], out, 5000), 5000);
	check(w, "read", rumpus_sys_read(ends[0], in, 5000), 5000);
	check(w, "the pipe's content", memcmp(in, out, 5000) != 0, 0);
	check(w, "access", rumpus_sys_faccessat(AT_FDCWD, path, 0), -ENOTDIR);
	check(w, "a bad pointer", rumpus_sys_uname((void *)16), -EFAULT);
	w->rounds++;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned char *out = malloc(BLOCK), *in = malloc(BLOCK);
	char path[] = "/w/0";
	int ends[2], fd;

	__atomic_store_n(&w->host, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	path[3] = (char)('0' + w->number);
	fd = (int)rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0600);
	rumpus_sys_pipe2(ends, 0);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		work_once(w, fd, ends, out, in);
	free(out);
	free(in);
	return NULL;
}

/* All threads of this process but the calling one: the kernel's own, too. */
static unsigned long kick_all(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned long kicks = 0;

	while (dir && (entry = readdir(dir))) {
		pid_t id = atoi(entry->d_name);

		for (int i = 0; id > 0 && id != syscall(SYS_gettid) && i < 20; i++)
			kicks += kernel->ops->thread_kick(kernel->h, (uint32_t)id) == 0;
	}
	closedir(dir);
	return kicks;
}

int main(void)
{
	struct rumpus_config config = fixture_config(NULL);
	struct worker workers[WORKERS] = { 0 };
	pthread_t threads[WORKERS];
	unsigned int wrong = 0, least = UINT32_MAX;
	unsigned long kicks = 0;
	time_t end;
	int error;

	config.image = NULL;
	config.cpus = 2;
	config.command_line = "rump.lockup_ms=0"; /* it counts kicks, and would take these for its own */
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	rumpus_sys_mkdirat(AT_FDCWD, "/w", 0700);
	rumpus_sys_mount("tmpfs", "/w", "tmpfs", 0, NULL);
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i].number = i;
		threads[i] = fixture_thread(work, &workers[i]);
	}
	end = time(NULL) + SECONDS;
	while (time(NULL) <= end)
		kicks += kick_all();
	__atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		wrong += workers[i].wrong;
		least = workers[i].rounds < least ? workers[i].rounds : least;
	}
	tap_ok(least > 0, "%d threads work on under %lu kicks, %u rounds at least", WORKERS, kicks, least);
	tap_is(wrong, 0, "nothing that they do goes wrong");
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives: %s",
	       rumpus_end_reason(kernel) ? rumpus_end_reason(kernel) : "yes");
	tap_is(rumpus_halt(kernel), 0, "and is halted");
	return tap_done();
}
