// SPDX-License-Identifier: BSD-2-Clause
/* Everything at once: a kernel at work, with more threads than virtual CPUs, tickers, disks, and signals */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

enum { THREADS = 6, ROUNDS = 1500, SECTOR = 512, SECTORS = 64, TICK = 10 * MS };

/**
 * struct box - something that many threads use
 * @m:      guards @value and @tokens; its kind differs from box to box
 * @rw:     guards @pair
 * @tokens: taken and brought back; with none left one waits
 * @sector: on the disk; as @pair says, or as before while it is being written
 */
struct box {
	struct mutex m;
	struct rumpuser_cv *cv;
	struct rumpuser_rw *rw;
	long value[2];
	int tokens;
	long pair[2];
	unsigned char disk[SECTOR];
};

static struct {
	struct box boxes[4];
	int disk;
	atomic_int number;
	atomic_bool over;
	atomic_long ticks, caught, done;
} all;

static void use_tokens(struct box *b, uint32_t choice)
{
	mutex_enter(&b->m);
	while (!b->tokens) {
		if (choice % 4)
			cv_wait(b->cv, &b->m);
		else
			cv_timedwait(b->cv, &b->m, MS);
	}
	b->tokens--;
	mutex_exit(&b->m);
	if (choice % 8 == 0)
		kernel_pause(MS / 16);
	mutex_enter(&b->m);
	b->tokens++;
	rule(b->value[0]++ == b->value[1]++, "mutex: two threads are in the critical section");
	if (choice % 16)
		cv_signal(b->cv);
	else
		cv_broadcast(b->cv);
	mutex_exit(&b->m);
}

/**
 * struct transfer - of a sector
 */
struct transfer {
	struct mutex m;
	struct rumpuser_cv *cv;
	int ended, error;
};

static void ended(void *arg, size_t done, int error)
{
	struct transfer *t = arg;

	ru.mutex_enter(t->m.mtx);
	t->ended = 1;
	t->error = error || done != SECTOR;
	ru.cv_signal(t->cv);
	ru.mutex_exit(t->m.mtx);
}

static void transfer(int op, void *data, int64_t sector)
{
	struct transfer t = { .ended = 0 };

	mutex_init(&t.m, RUMPUSER_MTX_KMUTEX);
	ru.cv_init(&t.cv);
	call_begin("bio", MAY_LEAVE, NULL);
	ru.bio(all.disk, op, data, SECTOR, sector * SECTOR, ended, &t);
	call_end();
	mutex_enter(&t.m);
	while (!t.ended)
		cv_wait(t.cv, &t.m);
	mutex_exit(&t.m);
	rule(!t.error, "bio: a transfer fails");
	ru.cv_destroy(t.cv);
	mutex_destroy(&t.m);
}

/* What a writer puts on the disk, a reader finds there: through the lock, and with sleeps while it is held. */
static void use_disk(struct box *b, uint32_t choice, int64_t sector)
{
	unsigned char data[SECTOR];

	if (choice % 3 == 0) {
		rw_enter(RUMPUSER_RW_WRITER, b->rw);
		memset(b->disk, (int)++b->pair[0], SECTOR);
		transfer(RUMPUSER_BIO_WRITE | (choice % 32 ? 0 : RUMPUSER_BIO_SYNC), b->disk, sector);
		b->pair[1]++;
		if (choice % 2)
			rw_downgrade(b->rw);
	} else {
		rw_enter(RUMPUSER_RW_READER, b->rw);
	}
	rule(b->pair[0] == b->pair[1], "rw: a reader sees a writer at work");
	if (b->pair[0]) {
		transfer(RUMPUSER_BIO_READ, data, sector);
		rule(data[0] == (unsigned char)b->pair[0] && !memcmp(data, data + 1, SECTOR - 1),
		     "bio: a reader finds other bytes");
	}
	rw_exit(b->rw);
}

static void use_giant(uint32_t choice)
{
	int depth = choice % 3 + 1, i;

	for (i = 0; i < depth; i++)
		giant_enter();
	use_tokens(&all.boxes[choice % 4], choice >> 4);
	rule(lwp_current()->giant == depth, "the big lock comes back with another depth");
	for (i = 0; i < depth; i++)
		giant_exit();
}

static void sleep_little(uint32_t choice)
{
	call_begin("clock_sleep", MAY_LEAVE, NULL);
	rule(!ru.clock_sleep(RUMPUSER_CLOCK_RELWALL, 0, choice % MS), "clock_sleep fails");
	call_end();
}

static void nothing(void *arg)
{
	atomic_fetch_add(&all.done, 1);
}

static void work(void *arg)
{
	uint64_t random = suite_seed() * 13 + atomic_fetch_add(&all.number, 1);
	int i;

	for (i = 0; i < suite_rounds(ROUNDS); i++) {
		uint32_t choice = random_next(&random), what = random_next(&random) % 16;

		if (what < 6)
			use_tokens(&all.boxes[choice % 4], choice >> 2);
		else if (what < 11)
			use_disk(&all.boxes[choice % 4], choice >> 2, choice % 4);
		else if (what < 14)
			use_giant(choice);
		else if (what < 15)
			sleep_little(choice);
		else
			thread_end(thread_start(nothing, NULL, ANY_CPU));
		atomic_fetch_add(&all.done, 1);
	}
}

static void tick(void *arg)
{
	int64_t s;
	long ns;

	context_self()->background = true;
	ru.clock_gettime(RUMPUSER_CLOCK_ABSMONO, &s, &ns);
	while (!all.over) {
		ns += TICK;
		s += ns / SECOND;
		ns %= SECOND;
		call_begin("clock_sleep", MAY_LEAVE, NULL);
		rule(!ru.clock_sleep(RUMPUSER_CLOCK_ABSMONO, s, ns), "clock_sleep fails");
		call_end();
		atomic_fetch_add(&all.ticks, 1);
	}
}

static void catch (int number)
{
	atomic_fetch_add(&all.caught, 1);
}

static void *shoot(void *arg)
{
	while (!all.over) {
		kill(getpid(), SIGUSR1);
		host_sleep(MS / 2);
	}
	return NULL;
}

static void boxes_init(void)
{
	static const int flags[] = { RUMPUSER_MTX_KMUTEX, RUMPUSER_MTX_SPIN | RUMPUSER_MTX_KMUTEX };
	int i;

	for (i = 0; i < 4; i++) {
		mutex_init(&all.boxes[i].m, flags[i % 2]);
		ru.cv_init(&all.boxes[i].cv);
		ru.rw_init(&all.boxes[i].rw);
		all.boxes[i].tokens = 2;
	}
}

static void boxes_free(void)
{
	int i, tokens = 0;

	for (i = 0; i < 4; i++) {
		tokens += all.boxes[i].tokens;
		ru.rw_destroy(all.boxes[i].rw);
		ru.cv_destroy(all.boxes[i].cv);
		mutex_destroy(&all.boxes[i].m);
	}
	tap_is(tokens, 8, "all tokens are back");
}

static void open_disk(char *dir, size_t size)
{
	char path[300];
	int fd;

	suite_directory(dir, size);
	snprintf(path, sizeof(path), "%s/disk.img", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, SECTORS * SECTOR) != 0)
		tap_abort("%s cannot be made", path);
	close(fd);
	call_begin("open", MAY_LEAVE, NULL);
	rule(!ru.open(path, RUMPUSER_OPEN_RDWR | RUMPUSER_OPEN_BIO, &all.disk), "open fails");
	call_end();
}

void test_load(void)
{
	const struct sigaction action = { .sa_handler = catch };
	struct thread *threads[THREADS], *tickers[KERNEL_CPUS];
	pthread_t shooter;
	char dir[256];
	int i;

	sigaction(SIGUSR1, &action, NULL);
	open_disk(dir, sizeof(dir));
	boxes_init();
	for (i = 0; i < kernel_cpus(); i++)
		tickers[i] = thread_start(tick, NULL, i);
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(work, NULL, ANY_CPU);
	pthread_create(&shooter, NULL, shoot, NULL);
	for (i = 0; i < THREADS; i++)
		thread_end(threads[i]);
	all.over = true;
	for (i = 0; i < kernel_cpus(); i++)
		thread_end(tickers[i]);
	pthread_join(shooter, NULL);
	tap_ok(all.done >= suite_rounds(THREADS * ROUNDS), "%ld things done, %ld ticks, %ld signals", all.done,
	       all.ticks, all.caught);
	boxes_free();
	call_begin("close", MAY_LEAVE, NULL);
	rule(!ru.close(all.disk), "close fails");
	call_end();
	suite_remove(dir);
}
