// SPDX-License-Identifier: BSD-2-Clause
/* Block I/O: contents, errors, and the completion callback, which has to hold a virtual CPU and an lwp of its own */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "suite.h"

enum { SECTOR = 512, READ = RUMPUSER_BIO_READ, WRITE = RUMPUSER_BIO_WRITE };

/**
 * struct request - a transfer
 * @m, @cv:  as a kernel's buffer has them: the callback takes the mutex and signals
 * @ended:   how often it has ended; guarded by @m
 */
struct request {
	struct mutex m;
	struct rumpuser_cv *cv;
	int ended;
	size_t done;
	int error;
};

static void request_init(struct request *r)
{
	*r = (struct request){ .ended = 0 };
	mutex_init(&r->m, RUMPUSER_MTX_KMUTEX);
	ru.cv_init(&r->cv);
}

static void request_free(struct request *r)
{
	ru.cv_destroy(r->cv);
	mutex_destroy(&r->m);
}

/* Without the wrappers: it may run on the thread that submits, in the middle of a call. */
static void ended(void *arg, size_t done, int error)
{
	struct request *r = arg;
	struct lwp *l = lwp_current();

	if (!rule(l && l->cpu >= 0, "1, bio: the callback runs without a virtual CPU"))
		return;
	rule(!l->temporary, "4, bio: the callback runs without an lwp of its own");
	ru.mutex_enter(r->m.mtx);
	rule(!r->ended, "bio: a transfer ends twice");
	r->ended++;
	r->done = done;
	r->error = error;
	ru.cv_signal(r->cv);
	ru.mutex_exit(r->m.mtx);
	progress();
}

static void submit(struct request *r, int fd, int op, void *data, size_t size, int64_t offset)
{
	r->ended = 0;
	call_begin("bio", MAY_LEAVE, NULL);
	ru.bio(fd, op, data, size, offset, ended, r);
	call_end();
}

static void wait_ended(struct request *r)
{
	mutex_enter(&r->m);
	while (!r->ended)
		cv_wait(r->cv, &r->m);
	mutex_exit(&r->m);
}

static void transfer(struct request *r, int fd, int op, void *data, size_t size, int64_t offset)
{
	submit(r, fd, op, data, size, offset);
	wait_ended(r);
}

static int open_disk(const char *path, int flags)
{
	int error, fd = -1;

	call_begin("open", MAY_LEAVE, NULL);
	error = ru.open(path, flags | RUMPUSER_OPEN_BIO, &fd);
	call_end();
	if (error)
		tap_abort("open %s for block I/O: error %d", path, error);
	return fd;
}

static void close_disk(int fd)
{
	call_begin("close", MAY_LEAVE, NULL);
	rule(!ru.close(fd), "close fails");
	call_end();
}

static char dir[256], image[300];

static void make_image(off_t size)
{
	int fd;

	suite_directory(dir, sizeof(dir));
	snprintf(image, sizeof(image), "%s/disk.img", dir);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, size) != 0)
		tap_abort("%s cannot be made", image);
	close(fd);
}

static void peek(void *buf, size_t size, off_t offset)
{
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, buf, size, offset) != (ssize_t)size)
		tap_abort("%s cannot be read", image);
	close(fd);
}

static void contents(struct request *r, int fd)
{
	static char out[8 * SECTOR + 1], in[8 * SECTOR + 1], seen[8 * SECTOR];
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + i / SECTOR;
	transfer(r, fd, WRITE, out, 8 * SECTOR, 3 * SECTOR);
	tap_ok(!r->error && r->done == 8 * SECTOR, "write: %zu bytes, error %d", r->done, r->error);
	peek(seen, sizeof(seen), 3 * SECTOR);
	tap_ok(!memcmp(seen, out, sizeof(seen)), "the file has them, where they belong");
	transfer(r, fd, READ, in + 1, 8 * SECTOR, 3 * SECTOR); /* any address will do */
	tap_ok(!r->error && r->done == 8 * SECTOR, "read: %zu bytes, error %d", r->done, r->error);
	tap_ok(!memcmp(in + 1, out, 8 * SECTOR), "what was written");
	transfer(r, fd, READ, in, SECTOR, 0);
	tap_ok(!in[0] && !memcmp(in, in + 1, SECTOR - 1), "zeroes before");
}

static void errors(struct request *r, int fd, off_t size)
{
	static char buf[4 * SECTOR];
	int read_only;

	transfer(r, fd, READ, buf, sizeof(buf), size);
	tap_ok(r->error || !r->done, "beyond the end: %zu bytes, error %d", r->done, r->error);
	transfer(r, fd, READ, buf, sizeof(buf), size - SECTOR);
	tap_ok(r->error || r->done == SECTOR, "across the end: %zu bytes, error %d", r->done, r->error);
	transfer(r, 987, READ, buf, sizeof(buf), 0);
	tap_is(r->error, NB_EBADF, "from nothing");
	close_disk(fd);
	read_only = open_disk(image, RUMPUSER_OPEN_RDONLY);
	memset(buf, 'x', sizeof(buf));
	transfer(r, read_only, WRITE, buf, sizeof(buf), 0);
	tap_ok(r->error && r->error <= NB_ELAST, "to what was opened for reading: error %d", r->error);
	peek(buf, SECTOR, 0);
	tap_ok(!buf[0], "it is not written");
	close_disk(read_only);
}

static int open_error(const char *path, int flags)
{
	int error, fd = -1;

	call_begin("open", MAY_LEAVE, NULL);
	error = ru.open(path, flags | RUMPUSER_OPEN_BIO, &fd);
	call_end();
	if (!error)
		close_disk(fd);
	return error;
}

static void refused(void)
{
	char path[320];

	snprintf(path, sizeof(path), "%s.not", image);
	tap_is(open_error(path, RUMPUSER_OPEN_RDWR), NB_ENOENT, "open a missing image");
	if (!suite_ours())
		return;
	tap_ok(open_error("rumpus:nonsense:x", RUMPUSER_OPEN_RDWR) != 0, "a specification that is none");
	tap_is(open_error("rumpus:mem,size=1M:", RUMPUSER_OPEN_RDWR), 0, "a disk of memory");
}

/**
 * struct tree - transfers that are begun by the callbacks of others
 * @fan:   how many each begins
 * @begun: of @total
 */
struct tree {
	int fd, fan, total;
	atomic_int begun, ended, failed;
};

static char tree_data[SECTOR];

static void grow(void *arg, size_t done, int error)
{
	struct tree *t = arg;
	int i;

	rule(lwp_current() && lwp_current()->cpu >= 0, "1, bio: the callback runs without a virtual CPU");
	t->failed += error || done != SECTOR;
	for (i = 0; i < t->fan && atomic_fetch_add(&t->begun, 1) < t->total; i++)
		ru.bio(t->fd, READ, tree_data, SECTOR, 0, grow, t);
	t->ended++;
	progress();
}

static bool grown(void *arg)
{
	struct tree *t = arg;

	return t->ended == t->total;
}

static void tree(int fd, int roots, int fan, int total)
{
	struct tree t = { .fd = fd, .fan = fan, .total = total, .begun = roots };
	int i;

	for (i = 0; i < roots; i++) {
		call_begin("bio", MAY_LEAVE, NULL);
		ru.bio(fd, READ, tree_data, SECTOR, 0, grow, &t);
		call_end();
	}
	tap_ok(kernel_await(grown, &t), "callbacks begin %d transfers each, %d in all", fan, total);
	tap_is(t.failed, 0, "none fails");
}

static void chains(const char *path)
{
	int fd = open_disk(path, RUMPUSER_OPEN_RDWR);

	tree(fd, 60, 1, 3000);
	if (suite_ours()) /* others run out of room for requests, and wait for it where it would be made */
		tree(fd, 1, 3, 3000);
	close_disk(fd);
}

struct hoard {
	struct hoard *next;
};

/* Takes all the memory that there is, of any size. */
static struct hoard *hoard_make(void)
{
	struct hoard *all = NULL, *piece;
	size_t size;

	for (size = 1 << 20; size >= 16; size -= size > 4096 ? 4096 : 16) {
		while (!ru.malloc(size, 0, (void **)&piece)) {
			piece->next = all;
			all = piece;
		}
	}
	return all;
}

static void hoard_free(struct hoard *all)
{
	struct hoard *next;

	for (; all; all = next) {
		next = all->next;
		ru.free(all, 0);
	}
}

static void flooded(void *arg, size_t done, int error)
{
	struct tree *t = arg;

	t->failed += error == NB_ENOMEM;
	t->ended++;
	progress();
}

static void flood(void *arg, size_t done, int error)
{
	struct tree *t = arg;
	int i;

	for (i = 1; i < t->total; i++)
		ru.bio(t->fd, READ, tree_data, SECTOR, 0, flooded, t);
	flooded(arg, done, error);
}

/* The thread that reports cannot wait for what it has to report itself. */
static void without_memory(void)
{
	int fd = open_disk(image, RUMPUSER_OPEN_RDWR);
	struct tree t = { .fd = fd, .total = 1000 };
	struct rlimit before, now;
	struct hoard *all;

	getrlimit(RLIMIT_AS, &before);
	now = before;
	now.rlim_cur = 1 << 20; /* less than there is already */
	setrlimit(RLIMIT_AS, &now);
	all = hoard_make();
	call_begin("bio", MAY_LEAVE, NULL);
	ru.bio(fd, READ, tree_data, SECTOR / 2, 1, flood, &t); /* no whole block: done and reported by that thread */
	call_end();
	tap_ok(kernel_await(grown, &t), "a callback begins %d transfers without memory: all end", t.total);
	hoard_free(all);
	setrlimit(RLIMIT_AS, &before);
	tap_ok(t.failed > 0 && t.failed < t.total, "%d of them have no room", t.failed);
	close_disk(fd);
}

static void test_chains(void)
{
	char path[400];

	chains(image);
	if (!suite_ours())
		return;
	without_memory();
	snprintf(path, sizeof(path), "rumpus:file,engine=threads,direct=0:%s", image);
	chains(path);
	chains("rumpus:mem,size=1M:");
}

void test_bio(void)
{
	struct request r;
	int fd;

	make_image(64 * SECTOR);
	request_init(&r);
	fd = open_disk(image, RUMPUSER_OPEN_RDWR);
	contents(&r, fd);
	errors(&r, fd, 64 * SECTOR);
	refused();
	test_chains();
	request_free(&r);
	suite_remove(dir);
}

enum { THREADS = 4, SLOTS = 8, SLOT = 16384, STEPS = 500 };

/**
 * struct slot - a part of the disk with at most one transfer under way
 * @must: what the disk has to hold
 */
struct slot {
	struct request r;
	int64_t offset;	   /* on the disk */
	size_t from, size; /* of the transfer under way, from @offset on */
	int op;
	unsigned char must[SLOT], data[SLOT];
};

struct worker {
	int fd, number;
	struct slot slots[SLOTS];
};

static void settle(struct slot *s)
{
	if (!s->op)
		return;
	wait_ended(&s->r);
	rule(!s->r.error && s->r.done == s->size, "bio: %zu of %zu bytes, error %d", s->r.done, s->size, s->r.error);
	if (s->op & WRITE)
		memcpy(s->must + s->from, s->data, s->size);
	else
		rule(!memcmp(s->must + s->from, s->data, s->size), "bio: other bytes are read than were written");
	s->op = 0;
}

static void begin(struct worker *w, struct slot *s, uint64_t *random)
{
	size_t i;

	s->from = random_next(random) % (SLOT / SECTOR) * SECTOR;
	s->size = (1 + random_next(random) % ((SLOT - s->from) / SECTOR)) * SECTOR;
	s->op = random_next(random) % 2 ? READ : WRITE;
	if (s->op == WRITE && random_next(random) % 16 == 0)
		s->op |= RUMPUSER_BIO_SYNC;
	for (i = 0; i < s->size && s->op & WRITE; i += 64)
		s->data[i] = random_next(random);
	submit(&s->r, w->fd, s->op, s->data, s->size, s->offset + (int64_t)s->from);
}

static void work(void *arg)
{
	struct worker *w = arg;
	uint64_t random = suite_seed() * 5 + w->number;
	int i;

	for (i = 0; i < SLOTS; i++) {
		request_init(&w->slots[i].r);
		w->slots[i].offset = (int64_t)(w->number * SLOTS + i) * SLOT;
	}
	for (i = 0; i < suite_rounds(STEPS); i++) {
		struct slot *s = &w->slots[random_next(&random) % SLOTS];

		settle(s);
		begin(w, s, &random);
	}
	for (i = 0; i < SLOTS; i++) {
		settle(&w->slots[i]);
		request_free(&w->slots[i].r);
	}
}

void test_bio_load(void)
{
	static struct worker workers[THREADS];
	static unsigned char seen[SLOT];
	struct thread *threads[THREADS];
	int i, j, fd, wrong = 0;

	make_image(THREADS * SLOTS * SLOT);
	fd = open_disk(image, RUMPUSER_OPEN_RDWR);
	for (i = 0; i < THREADS; i++) {
		workers[i].fd = fd;
		workers[i].number = i;
		threads[i] = thread_start(work, &workers[i], ANY_CPU);
	}
	for (i = 0; i < THREADS; i++)
		thread_end(threads[i]);
	close_disk(fd);
	for (i = 0; i < THREADS; i++) {
		for (j = 0; j < SLOTS; j++) {
			peek(seen, SLOT, workers[i].slots[j].offset);
			wrong += memcmp(seen, workers[i].slots[j].must, SLOT) != 0;
		}
	}
	tap_is(wrong, 0, "%d threads with up to %d transfers each: the image has what was written", THREADS, SLOTS);
	suite_remove(dir);
}
