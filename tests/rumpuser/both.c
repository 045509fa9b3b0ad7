// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two upstreams in one process: a Linux kernel of librumpus with an ext4 under load, and the test kernel on librumpuser
 * under load, at the same time and partly on the same host threads. Neither may notice the other: no symbol, signal,
 * thread slot or memory collides, and one may end and come again while the other goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "suite.h"

enum { LINUX_THREADS = 2, MIXED = 3, TICKERS = 2, FILE_SIZE = 40000, SECTOR = 512, TICK = 10 * MS };

static struct rumpus *linux_kernel;
static char dir[256], images[2][300]; /* of ext4, and a plain one for the test kernel's block I/O */
static atomic_bool over;
static atomic_long linux_rounds, rump_rounds, ticks, signals;
static atomic_int linux_seeds, mixed_seeds;

/**
 * struct common - what the threads of the test kernel share
 */
struct common {
	struct mutex m;
	struct rumpuser_cv *cv;
	volatile long value[2];
	int disk;
};

static void make_images(void)
{
	char command[700];
	int fd;

	suite_directory(dir, sizeof(dir));
	snprintf(images[0], sizeof(images[0]), "%s/ext4.img", dir);
	snprintf(images[1], sizeof(images[1]), "%s/plain.img", dir);
	fd = open(images[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, MIXED * 64 * SECTOR) != 0)
		tap_abort("%s cannot be made", images[1]);
	close(fd);
	snprintf(command, sizeof(command), "truncate -s 64M %s && mkfs.ext4 -q -F %s", images[0], images[0]);
	if (system(command) != 0)
		tap_abort("mkfs.ext4 fails");
}

static void log_text(void *arg, const char *text, size_t len)
{
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

/* What is written stays in memory. */
static void linux_boot(void)
{
	struct rumpus_config config = { .size = sizeof(config), .cpus = 2, .memory = 96 << 20, .log = log_text };
	char spec[400], error[256] = "", node[32];
	int ret = rumpus_boot(&config, &linux_kernel);

	if (ret)
		tap_abort("rumpus_boot: %s", strerror(-ret));
	snprintf(spec, sizeof(spec), "cow:file:%s", images[0]);
	ret = rumpus_disk_add(linux_kernel, spec, 0, node, error, sizeof(error));
	if (ret)
		tap_abort("disk: %s", error);
	ret = rumpus_sys_mkdirat(AT_FDCWD, "/mnt", 0755);
	if (!ret)
		ret = rumpus_sys_mount(node, "/mnt", "ext4", 0, NULL);
	if (ret)
		tap_abort("mount: %s", strerror(-ret));
}

/* One file: written, synced, read, compared, removed; and a bad pointer, which is a fault that the kernel lands. */
static void linux_round(uint64_t *random, int number)
{
	static __thread unsigned char out[FILE_SIZE], in[FILE_SIZE];
	char path[64];
	long fd, ret;
	size_t i;

	snprintf(path, sizeof(path), "/mnt/%d-%u", number, random_next(random));
	for (i = 0; i < sizeof(out); i += 16)
		out[i] = random_next(random);
	fd = rumpus_sys_openat(AT_FDCWD, path, O_CREAT | O_EXCL | O_RDWR, 0644);
	if (!rule(fd >= 0, "linux: open: %ld", fd))
		return;
	ret = rumpus_sys_pwrite64(fd, (char *)out, FILE_SIZE, 0);
	rule(ret == FILE_SIZE, "linux: write: %ld", ret);
	ret = rumpus_sys_write(fd, (const void *)8, 10);
	rule(ret == -EFAULT, "linux: write from nowhere: %ld", ret);
	if (random_next(random) % 4 == 0)
		rule(!rumpus_sys_fsync(fd), "linux: fsync fails");
	ret = rumpus_sys_pread64(fd, (char *)in, FILE_SIZE, 0);
	rule(ret == FILE_SIZE && !memcmp(in, out, FILE_SIZE), "linux: other bytes come back: %ld", ret);
	rule(!rumpus_sys_close(fd) && !rumpus_sys_unlinkat(AT_FDCWD, path, 0), "linux: close or unlink fails");
	atomic_fetch_add(&linux_rounds, 1);
	progress();
}

static void *linux_worker(void *arg)
{
	int number = MIXED + atomic_fetch_add(&linux_seeds, 1);
	uint64_t random = suite_seed() + number;

	while (!over) {
		linux_round(&random, number);
		rule(!ru.curlwp(), "a thread of the Linux kernel's has an lwp");
	}
	return NULL;
}

struct transfer {
	atomic_bool ended;
	size_t done;
	int error;
};

static void ended(void *arg, size_t done, int error)
{
	struct transfer *t = arg;

	t->done = done;
	t->error = error;
	t->ended = true;
}

static bool has_ended(void *arg)
{
	return ((struct transfer *)arg)->ended;
}

static void transfer(struct common *c, int op, void *data, int64_t offset)
{
	struct transfer t = { .ended = false };

	call_begin("bio", MAY_LEAVE, NULL);
	ru.bio(c->disk, op, data, SECTOR, offset, ended, &t);
	call_end();
	kernel_await(has_ended, &t);
	rule(t.done == SECTOR && !t.error, "bio: error %d", t.error);
}

static void rump_round(struct common *c, uint64_t *random, int number)
{
	unsigned char out[SECTOR], in[SECTOR];
	int64_t offset = ((int64_t)number * 64 + random_next(random) % 64) * SECTOR;
	void *memory;

	mutex_enter(&c->m);
	rule(c->value[0] == c->value[1], "mutex: two threads are in the critical section");
	c->value[0]++;
	c->value[1]++;
	cv_timedwait(c->cv, &c->m, MS / 8);
	cv_broadcast(c->cv);
	mutex_exit(&c->m);
	rule(!ru.malloc(3000, 0, &memory), "malloc fails");
	memset(memory, number, 3000);
	memset(out, random_next(random), sizeof(out));
	transfer(c, RUMPUSER_BIO_WRITE, out, offset);
	transfer(c, RUMPUSER_BIO_READ, in, offset);
	rule(!memcmp(in, out, SECTOR), "bio: other bytes come back");
	rule(((unsigned char *)memory)[2999] == number, "malloc: somebody has written there");
	ru.free(memory, 3000);
	atomic_fetch_add(&rump_rounds, 1);
}

struct outside {
	uint64_t *random;
	int number;
};

static void linux_outside(void *arg)
{
	struct outside *o = arg;

	linux_round(o->random, o->number);
}

/* A thread of both: its lwp here and its task there stay what they are. */
static void mixed_worker(void *arg)
{
	int number = atomic_fetch_add(&mixed_seeds, 1);
	uint64_t random = suite_seed() + number;
	struct outside o = { &random, number };
	struct lwp *l = lwp_current();
	struct rumpus_thread *task = NULL;

	while (!over) {
		rump_round(arg, &random, number);
		if (random_next(&random) % 2)
			kernel_outside(linux_outside, &o);
		else
			linux_outside(&o);
		rule(lwp_current() == l, "the lwp of a thread changes");
		rule(!task || rumpus_thread_self() == task, "the task of a thread changes");
		task = rumpus_thread_self();
	}
}

static void ticker(void *arg)
{
	int64_t s;
	long ns;

	context_self()->background = true;
	ru.clock_gettime(RUMPUSER_CLOCK_ABSMONO, &s, &ns);
	while (!over) {
		ns += TICK;
		s += ns / SECOND;
		ns %= SECOND;
		call_begin("clock_sleep", MAY_LEAVE, NULL);
		rule(!ru.clock_sleep(RUMPUSER_CLOCK_ABSMONO, s, ns), "clock_sleep fails");
		call_end();
		atomic_fetch_add(&ticks, 1);
	}
}

static void on_signal(int number)
{
	atomic_fetch_add(&signals, 1);
}

static sigjmp_buf landing;

static void on_fault(int number)
{
	siglongjmp(landing, 1);
}

/* The program's own fault, which is neither kernel's, reaches its own handler. */
static void own_fault(void)
{
	volatile int *volatile nowhere = (int *)16;

	if (sigsetjmp(landing, 1)) {
		tap_ok(true, "the program's own fault reaches its own handler");
		return;
	}
	rule(*nowhere && false, "a load from nowhere succeeds");
}

static void *shooter(void *arg)
{
	while (!over) {
		kill(getpid(), SIGUSR1);
		host_sleep(MS);
	}
	return NULL;
}

static void await_both(void)
{
	long rump = rump_rounds + 150, lin = linux_rounds + 60;
	int64_t end = host_now() + 60 * SECOND;

	while ((rump_rounds < rump || linux_rounds < lin) && host_now() < end)
		kernel_pause(5 * MS);
	tap_ok(rump_rounds >= rump && linux_rounds >= lin, "both kernels get on: %ld and %ld rounds, %ld ticks",
	       linux_rounds, rump_rounds, ticks);
}

static void end_child(void *arg)
{
	_exit(rumpus_sys_getpid() == -ESHUTDOWN ? 0 : 1);
}

static void load(struct common *c)
{
	pthread_t hosts[LINUX_THREADS], shots;
	struct thread *threads[MIXED + TICKERS];
	int i;

	over = false;
	linux_seeds = mixed_seeds = 0;
	for (i = 0; i < LINUX_THREADS; i++)
		pthread_create(&hosts[i], NULL, linux_worker, NULL);
	for (i = 0; i < MIXED; i++)
		threads[i] = thread_start(mixed_worker, c, ANY_CPU);
	for (; i < MIXED + TICKERS; i++)
		threads[i] = thread_start(ticker, NULL, (i - MIXED) % kernel_cpus());
	pthread_create(&shots, NULL, shooter, NULL);
	await_both();
	own_fault();
	tap_is(suite_fork(end_child, NULL, NULL, 0), 0, "a forked child is of no kernel");
	await_both();
	over = true;
	for (i = 0; i < MIXED + TICKERS; i++)
		thread_end(threads[i]);
	for (i = 0; i < LINUX_THREADS; i++)
		pthread_join(hosts[i], NULL);
	pthread_join(shots, NULL);
}

static void only_rump(struct common *c)
{
	uint64_t random = 1;
	int i;

	for (i = 0; i < 50; i++)
		rump_round(c, &random, 0);
	tap_ok(rump_rounds >= 50, "the test kernel goes on without the Linux kernel");
}

/* As the dynamic linker sees them, sorted: what comes twice is in both. */
static void no_common_symbol(void)
{
	static const char command[] =
		"for l in librumpus.so.0 librumpuser.so.0; do nm -D --defined-only $(sed -n \"s|.* \\(/.*$l\\)$|\\1|p\" "
		"/proc/%d/maps | head -n 1) | sed 's/.* //' | sort -u; done | sort";
	char line[256], last[256] = "", text[512];
	int common = 0, all = 0;
	FILE *out;

	snprintf(text, sizeof(text), command, getpid());
	out = popen(text, "re");
	while (out && fgets(line, sizeof(line), out)) {
		if (!strcmp(line, last)) {
			tap_note("both libraries define %s", line);
			common++;
		}
		memcpy(last, line, sizeof(last));
		all++;
	}
	tap_ok(out && !pclose(out) && all > 100, "the libraries' %d symbols can be listed", all);
	tap_is(common, 0, "none is defined by both");
}

int main(void)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	const struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct common c = { .value = { 0 } };
	int i;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	make_images();
	no_common_symbol();
	kernel_boot(2, NULL);
	mutex_init(&c.m, RUMPUSER_MTX_KMUTEX);
	ru.cv_init(&c.cv);
	call_begin("open", MAY_LEAVE, NULL);
	rule(!ru.open(images[1], RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &c.disk), "open fails");
	call_end();
	for (i = 0; i < 2; i++) {
		linux_boot();
		load(&c);
		tap_is(rumpus_halt(linux_kernel), 0, "the Linux kernel halts");
		only_rump(&c);
	}
	tap_ok(signals > 20, "%ld signals came", signals);
	call_begin("close", MAY_LEAVE, NULL);
	rule(!ru.close(c.disk), "close fails");
	call_end();
	rules_kept();
	suite_remove(dir);
	return tap_done();
}
