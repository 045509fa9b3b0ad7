// SPDX-License-Identifier: BSD-2-Clause
/*
 * Does the conformance suite see a platform that is wrong? Each case is the platform with one deliberate mistake, and
 * the group of the suite that must flag it. The same groups must pass without the mistake.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static const struct hyp_ops *sound;
static struct hyp_ops broken;

static bool every(uint32_t n)
{
	static atomic_uint calls;

	return atomic_fetch_add(&calls, 1) % n == n - 1;
}

static uint32_t load(uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* The classic: looks, and then sleeps whatever happened since. */
static int wait_blindly(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	if (load(word) != expected)
		return 0;
	sound->yield(h);
	return sound->wait(h, word, load(word), deadline);
}

static int wait_forever(struct hyp *h, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	if (deadline > sound->clock_monotonic(h) + 100 * MS || every(2))
		return sound->wait(h, word, expected, deadline);
	return load(word) == expected ? -HYP_ETIMEDOUT : 0; /* early */
}

static int wake_sometimes(struct hyp *h, uint32_t *word, uint32_t n)
{
	return every(50) ? 0 : sound->wake(h, word, n);
}

static int wake_even_none(struct hyp *h, uint32_t *word, uint32_t n)
{
	return sound->wake(h, word, n ? n : 1);
}

static int wake_one(struct hyp *h, uint32_t *word, uint32_t n)
{
	return sound->wake(h, word, n < 1 ? n : 1);
}

static int wake_wait_half(struct hyp *h, uint32_t *wake_word, uint32_t *word, uint32_t expected, uint64_t deadline)
{
	return sound->wait(h, word, expected, deadline);
}

static int commit_nothing(struct hyp *h, void *addr, size_t size)
{
	return 0;
}

static int commit_unasked(struct hyp *h, void *addr, size_t size)
{
	int ret = sound->mem_commit(h, addr, size);

	return ret == -HYP_EINVAL ? 0 : ret;
}

static int commit_clears(struct hyp *h, void *addr, size_t size)
{
	sound->mem_release(h, addr, size);
	return sound->mem_commit(h, addr, size);
}

static int release_nothing(struct hyp *h, void *addr, size_t size)
{
	return 0;
}

/* Zero, but not given back. */
static int release_by_clearing(struct hyp *h, void *addr, size_t size)
{
	int ret = sound->mem_release(h, addr, size);

	if (!ret && host_writable(addr))
		memset(addr, 0, size);
	return ret;
}

static int map_writable(struct hyp *h, const struct hyp_map *map, size_t n)
{
	struct hyp_map piece;
	size_t i;
	int ret = 0;

	for (i = 0; i < n && !ret; i++) {
		piece = map[i];
		if (piece.prot == HYP_PROT_READ)
			piece.prot |= HYP_PROT_WRITE;
		ret = sound->mem_map(h, &piece, 1);
	}
	return ret;
}

static int map_private(struct hyp *h, const struct hyp_map *map, size_t n)
{
	struct hyp_map piece;
	size_t i;
	int ret = sound->mem_map(h, map, n);

	for (i = 0; i < n && !ret; i++) {
		piece = map[i];
		if (piece.offset != HYP_MEM_NONE)
			piece.offset = HYP_MEM_ANONYMOUS;
		ret = sound->mem_map(h, &piece, 1);
	}
	return ret;
}

static int init_lavish(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls,
		       void *cookie, struct hyp **h, struct hyp_info *info)
{
	struct hyp_config more = config ? *config : (struct hyp_config){ 0 };
	int ret;

	more.map_budget *= 2;
	ret = sound->init(version, config ? &more : NULL, upcalls, cookie, h, info);
	if (!ret)
		info->map_budget /= 2;
	return ret;
}

static int init_deaf(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls, void *cookie,
		     struct hyp **h, struct hyp_info *info)
{
	struct hyp_upcalls fewer = upcalls ? *upcalls : (struct hyp_upcalls){ 0 };

	fewer.fault = NULL;
	return sound->init(version, config, &fewer, cookie, h, info);
}

static int init_any_version(uint32_t version, const struct hyp_config *config, const struct hyp_upcalls *upcalls,
			    void *cookie, struct hyp **h, struct hyp_info *info)
{
	return sound->init(HYP_VERSION, config, upcalls, cookie, h, info);
}

static void fini_never(struct hyp *h)
{
}

static int timer_lost(struct hyp *h, uint32_t n, uint64_t deadline)
{
	return every(40) ? 0 : sound->timer_set(h, n, deadline);
}

static int timer_early(struct hyp *h, uint32_t n, uint64_t deadline)
{
	return sound->timer_set(h, n, deadline == HYP_FOREVER || deadline < MS ? deadline : deadline - MS / 2);
}

static int timer_never_disarmed(struct hyp *h, uint32_t n, uint64_t deadline)
{
	return deadline == HYP_FOREVER ? 0 : sound->timer_set(h, n, deadline);
}

static int timer_only_earlier(struct hyp *h, uint32_t n, uint64_t deadline)
{
	static uint64_t latest[8];
	uint64_t now = sound->clock_monotonic(h);

	if (n < 8 && latest[n] > now && latest[n] < deadline)
		return 0;
	if (n < 8)
		latest[n] = deadline;
	return sound->timer_set(h, n, deadline);
}

static void **slot_shared(struct hyp *h)
{
	static void *slot;

	return &slot;
}

static int on_exit_forgotten(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	return 0;
}

static uint64_t clock_back(struct hyp *h)
{
	uint64_t now = sound->clock_monotonic(h);

	return every(1000) ? now - MS : now;
}

static long entropy_short(struct hyp *h, void *buf, size_t size, uint32_t flags)
{
	long got = sound->entropy(h, buf, size > 256 ? 256 : size, flags);

	return got == 256 ? (long)size : got; /* as if getrandom(2) always gave all */
}

static void exit_each(struct hyp *h, int status, const char *reason)
{
	static struct hyp *last;

	sound->exit(h, status, last == h ? reason : "another");
	last = h;
}

static void yield_errno(struct hyp *h)
{
	sound->yield(h);
	errno = EAGAIN;
}

static int kick_nobody(struct hyp *h, uint32_t id)
{
	return 0;
}

struct mistake {
	const char *name;
	const char *group;
	struct hyp_ops with; /* calls that are not NULL replace the sound ones */
};

static const struct mistake mistakes[] = {
	{ "wait sleeps although the word changed", "wait", { .wait = wait_blindly } },
	{ "wait ends before its deadline", "wait", { .wait = wait_forever } },
	{ "wake is lost now and then", "wait", { .wake = wake_sometimes } },
	{ "wake of none wakes one", "wait", { .wake = wake_even_none } },
	{ "wake of all wakes one", "wait", { .wake = wake_one } },
	{ "wake_wait only waits", "wait", { .wake_wait = wake_wait_half } },
	{ "commit does nothing", "pages", { .mem_commit = commit_nothing } },
	{ "commit promises what is not mapped", "pages", { .mem_commit = commit_unasked } },
	{ "commit clears", "pages", { .mem_commit = commit_clears } },
	{ "release does nothing", "pages", { .mem_release = release_nothing } },
	{ "release only clears", "pages", { .mem_release = release_by_clearing } },
	{ "read-only mappings can be written", "memory", { .mem_map = map_writable } },
	{ "mappings do not share", "memory", { .mem_map = map_private } },
	{ "the mapping budget is exceeded", "budget", { .init = init_lavish } },
	{ "mappings do not share", "budget", { .mem_map = map_private } },
	{ "any version will do", "instance", { .init = init_any_version } },
	{ "fini leaves all behind", "leak", { .fini = fini_never } },
	{ "faults are not passed on", "fault", { .init = init_deaf } },
	{ "a deadline is lost now and then", "timer", { .timer_set = timer_lost } },
	{ "timers are early", "timer", { .timer_set = timer_early } },
	{ "timers cannot be disarmed", "timer", { .timer_set = timer_never_disarmed } },
	{ "timers cannot be set later", "timer", { .timer_set = timer_only_earlier } },
	{ "all threads share a slot", "slot", { .thread_slot = slot_shared } },
	{ "exit hooks do not run", "slot", { .thread_on_exit = on_exit_forgotten } },
	{ "the clock goes back", "time", { .clock_monotonic = clock_back } },
	{ "entropy is not filled in", "owner", { .entropy = entropy_short } },
	{ "the reason of the end is another", "owner", { .exit = exit_each } },
	{ "kicks do not arrive", "kick", { .thread_kick = kick_nobody } },
	{ "errno changes", "thread", { .yield = yield_errno } },
};

/* Both tables are arrays of pointers after their first three members. */
static void overlay(struct hyp_ops *table, const struct hyp_ops *with)
{
	const size_t first = offsetof(struct hyp_ops, init) / sizeof(void *);
	void *to[sizeof(struct hyp_ops) / sizeof(void *)], *from[sizeof(struct hyp_ops) / sizeof(void *)];
	size_t i;

	memcpy(to, table, sizeof(to));
	memcpy(from, with, sizeof(from));
	for (i = first; i < sizeof(to) / sizeof(to[0]); i++) {
		if (from[i])
			to[i] = from[i];
	}
	memcpy(table, to, sizeof(to));
}

static void run(const struct mistake *m)
{
	broken = *sound;
	overlay(&broken, &m->with);
	suite_target = &broken;
	if (m->name)
		suite_patience = SECOND;
	suite_run(m->group);
	_Exit(suite_errno_changes() ? 1 : tap_done());
}

/* Reads what the suite says until it ends or says that something is wrong. */
static bool complains(int fd)
{
	FILE *file = fdopen(fd, "r");
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "not ok", 6);
	fclose(file);
	return found;
}

/* Does the suite flag the mistake? There is no need to hear it out. */
static bool flagged(const struct mistake *m)
{
	int pipes[2], status;
	bool found;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		tap_abort("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(120);
		dup2(pipes[1], STDOUT_FILENO);
		run(m);
	}
	close(pipes[1]);
	found = complains(pipes[0]);
	if (found)
		kill(pid, SIGKILL);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tap_abort("fork: %s", strerror(errno));
	return found || status != 0;
}

int main(void)
{
	struct mistake none = { .name = NULL };
	const char *last = "";
	size_t i;

	sound = hyp_platform();
	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		if (strcmp(last, mistakes[i].group)) {
			none.group = last = mistakes[i].group;
			tap_ok(!flagged(&none), "%s: no false alarm", last);
		}
		tap_ok(flagged(&mistakes[i]), "%s: %s", mistakes[i].group, mistakes[i].name);
	}
	return tap_done();
}
