// SPDX-License-Identifier: BSD-2-Clause
/*
 * Several processes of a kernel: what a new one begins with, what becomes of the others when one takes all memory,
 * several threads that remove one disk, and what is the host's alone: priority and processors of its threads.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "fixture.h"
#include "internal.h"

static struct rumpus *boot(void)
{
	struct rumpus_config config = fixture_config(NULL);
	struct rumpus *kernel;
	int error;

	config.image = NULL;
	config.memory = 64 << 20;
	error = rumpus_boot(&config, &kernel);
	if (error)
		tap_abort("boot: error %d: %s", -error, fixture_log);
	rumpus_process_enter(rumpus_process_first(kernel));
	return kernel;
}

/* ---- what a process begins with ---- */

static long open_files(void)
{
	const struct rlimit64 *unchanged = NULL;
	struct rlimit64 limit = { 0 };

	return rumpus_sys_prlimit64(0, RLIMIT_NOFILE, unchanged, &limit) ? -1 : (long)limit.rlim_cur;
}

static void inherited(void)
{
	const struct rlimit64 few = { 20, 20 };
	struct rumpus *kernel = boot();
	struct rumpus_process *second;
	long limit = open_files();
	char path[64] = "";
	int result;

	rumpus_sys_mkdirat(AT_FDCWD, "/dir", 0755);
	tap_is(rumpus_sys_unshare(CLONE_NEWNS | CLONE_FS), 0, "the first process takes a mount namespace of its own");
	tap_is(rumpus_sys_mount("tmpfs", "/dir", "tmpfs", 0, NULL), 0, "mounts there");
	tap_ok(rumpus_sys_openat(AT_FDCWD, "/dir/file", O_CREAT | O_WRONLY, 0600) == 0, "opens a file");
	tap_is(rumpus_sys_prlimit64(0, RLIMIT_NOFILE, &few, NULL), 0, "limits itself");
	rumpus_sys_umask(077);
	rumpus_sys_chdir("/dir");
	tap_is(rumpus_sys_chroot("/dir"), 0, "and changes its root");

	result = rumpus_process_create(kernel, &second);
	if (result)
		tap_abort("process: error %d", -result);
	rumpus_process_enter(second);
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/dir", F_OK), 0, "another process begins in the root of the boot");
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/dir/file", F_OK), -ENOENT, "in the mount namespace of the boot");
	tap_is(rumpus_sys_getcwd(path, sizeof(path)), 2, "in the directory %s", path);
	tap_is(rumpus_sys_fcntl(0, F_GETFD, 0), -EBADF, "without descriptors");
	tap_is(open_files(), limit, "with the limits of the boot");
	tap_is(rumpus_sys_umask(0), 022, "and its umask");
	tap_is(rumpus_sys_mount("tmpfs", "/dir", "tmpfs", 0, NULL), 0, "it mounts");
	rumpus_sys_mkdirat(AT_FDCWD, "/dir/second", 0700);

	rumpus_process_enter(rumpus_process_first(kernel));
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/file", F_OK), 0, "the first process has its file");
	tap_is(rumpus_sys_faccessat(AT_FDCWD, "/second", F_OK), -ENOENT, "and not what the second one has mounted");
	rumpus_halt(kernel);
}

/* ---- memory runs out inside ---- */

static char megabyte[1 << 20];

/* Fills the kernel's memory with a file. Returns the first error. */
static long fill_memory(void)
{
	long result = rumpus_sys_mount("tmpfs", "/fill", "tmpfs", 0, "size=1g"), fd;

	if (result)
		return result;
	fd = rumpus_sys_openat(AT_FDCWD, "/fill/file", O_CREAT | O_WRONLY, 0600);
	while ((result = rumpus_sys_write((int)fd, megabyte, sizeof(megabyte))) > 0)
		;
	rumpus_sys_close((int)fd);
	return result;
}

static void out_of_memory(void)
{
	struct rumpus *kernel = boot();
	struct rumpus_process *filling[2] = { rumpus_process_first(kernel) }, *other;
	static const char *const names[] = { "the first process", "a second one" };

	rumpus_sys_mkdirat(AT_FDCWD, "/fill", 0700);
	if (rumpus_process_create(kernel, &filling[1]) || rumpus_process_create(kernel, &other))
		tap_abort("no more processes");
	rumpus_process_enter(other);
	rumpus_sys_getpid();
	for (int i = 0; i < 2; i++) {
		rumpus_process_enter(filling[i]);
		tap_is(fill_memory(), -ENOMEM, "%s takes all memory: its call fails", names[i]);
		tap_ok(rumpus_sys_getpid() > 0, "and it lives");
		rumpus_process_enter(other);
		tap_ok(rumpus_sys_getpid() > 0, "others, too");
		rumpus_process_enter(filling[i]);
		tap_is(rumpus_sys_umount2("/fill", 0), 0, "memory is given back");
		tap_ok(rumpus_sys_openat(AT_FDCWD, "/after", O_CREAT | O_WRONLY, 0600) >= 0, "and there for the next");
	}
	tap_ok(!rumpus_end_reason(kernel), "the kernel lives");
	rumpus_halt(kernel);
}

/* ---- as many as there may be ---- */

/* With little memory, as <rumpus/rumpus.h> says: some 40 of 500 are the kernel's own. */
static void too_many(void)
{
	enum { MOST = 512, LEAST = 450 };
	struct rumpus_process *made[MOST];
	struct rumpus *kernel = boot();
	int count = 0, wrong = 0, error = 0;

	while (count < MOST && !(error = rumpus_process_create(kernel, &made[count])))
		count++;
	tap_is(error, -EAGAIN, "one process more than there may be");
	tap_ok(count >= LEAST && count < MOST, "%d were made before", count);
	tap_ok(rumpus_sys_getpid() > 0, "a thread that was there goes on");
	for (int i = 0; i < count; i++)
		wrong += rumpus_process_destroy(made[i]) != 0;
	tap_is(wrong, 0, "all are ended");
	tap_is(rumpus_process_create(kernel, &made[0]), 0, "then there is room for another one");
	rumpus_halt(kernel);
}

/* ---- threads that remove one disk ---- */

enum { REMOVERS = 4, ROUNDS = 20 };

struct removal {
	struct rumpus *kernel;
	struct hyp_blk *disk;
	pthread_barrier_t begin;
};

/* As the library makes a call of the image. */
static void *remove_disk(void *arg)
{
	struct removal *removal = arg;
	struct rumpus *kernel = removal->kernel;
	struct rumpus_thread *thread;
	long result;

	rumpus_process_enter(rumpus_process_first(kernel));
	rumpus_sys_getpid();
	pthread_barrier_wait(&removal->begin);
	result = api_begin();
	if (result)
		return (void *)result;
	result = thread_use(&kernel->first, &thread);
	result = result ? result : kernel_call_begin(kernel);
	if (!result) {
		__atomic_store_n(&host_self.inside, thread, __ATOMIC_RELEASE);
		result = kernel->image.ops->disk_remove(thread->image, removal->disk);
		__atomic_store_n(&host_self.inside, &host_thread_busy, __ATOMIC_RELEASE);
		kernel_call_end(kernel);
	}
	api_end();
	return (void *)result;
}

static void disk_removal(void)
{
	struct removal removal = { .kernel = boot() };
	unsigned int removed = 0, refused = 0;

	pthread_barrier_init(&removal.begin, NULL, REMOVERS);
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t threads[REMOVERS];
		char node[32];

		if (rumpus_disk_add(removal.kernel, "mem,size=1M:", 0, node, NULL, 0) != 0)
			tap_abort("no disk");
		removal.disk = SLIST_FIRST(&removal.kernel->devices)->hyp;
		for (int i = 0; i < REMOVERS; i++)
			threads[i] = fixture_thread(remove_disk, &removal);
		for (int i = 0; i < REMOVERS; i++) {
			void *result;

			pthread_join(threads[i], &result);
			removed += !result;
			refused += (long)result == -EBUSY || (long)result == -ENOENT;
		}
	}
	pthread_barrier_destroy(&removal.begin);
	tap_is(removed, ROUNDS, "%d threads remove one disk, %d times: one of them does", REMOVERS, ROUNDS);
	tap_is(refused, (REMOVERS - 1) * ROUNDS, "the others are told");
	tap_ok(!rumpus_end_reason(removal.kernel), "the kernel lives");
	tap_is(rumpus_halt(removal.kernel), 0, "and is halted");
}

/* ---- priority and processors ---- */

enum { THREADS_MAX = 64, HOME_CPUS = 2 };

struct task {
	pid_t id;
	char name[16];
	int nice, policy;
	cpu_set_t processors;
};

/* All threads of this program as the host has them, in its order. Returns how many. */
static unsigned int host_threads(struct task *threads)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)) && n < THREADS_MAX) {
		struct task *thread = &threads[n];
		char path[300];
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		thread->id = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file || fscanf(file, "%15s", thread->name) != 1)
			tap_abort("%s cannot be read", path);
		fclose(file);
		thread->nice = getpriority(PRIO_PROCESS, (id_t)thread->id);
		thread->policy = sched_getscheduler(thread->id);
		sched_getaffinity(thread->id, sizeof(thread->processors), &thread->processors);
		n++;
	}
	if (!dir || !n)
		tap_abort("/proc/self/task cannot be read");
	closedir(dir);
	return n;
}

/* Home threads have the processors of who booted, whatever becomes of these. */
static void home_threads(const cpu_set_t *booted_on)
{
	struct task threads[THREADS_MAX] = { 0 };
	unsigned int n = host_threads(threads), homes = 0, same = 0;

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(threads[i].name, "rumpus-cpu")) {
			homes++;
			same += CPU_EQUAL(&threads[i].processors, booted_on);
		}
	tap_is(homes, HOME_CPUS, "a home thread for each virtual CPU");
	tap_is(same, homes, "on the processors of the thread that booted the kernel");
}

static void weigh_inside(void)
{
	const struct sched_param parameter = { .sched_priority = 1 };
	unsigned long mask;
	unsigned int cpu;

	tap_is(rumpus_sys_getcpu(&cpu, NULL, NULL), 0, "inside, a thread asks for its virtual CPU");
	mask = 1UL << cpu;
	tap_is(rumpus_sys_sched_setaffinity(0, sizeof(mask), &mask), 0, "stays there");
	tap_is(rumpus_sys_setpriority(PRIO_PROCESS, 0, 7), 0, "is nice");
	tap_is(rumpus_sys_getpriority(PRIO_PROCESS, 0), 20 - 7, "which the kernel remembers");
	tap_is(rumpus_sys_sched_setscheduler(0, SCHED_RR, (void *)&parameter), 0, "and is real-time");
}

static void host_scheduling(void)
{
	struct task before[THREADS_MAX] = { 0 }, after[THREADS_MAX] = { 0 };
	cpu_set_t all, one;
	struct rumpus *kernel;
	unsigned int n;
	int last = 0;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all))
			last = cpu;
	CPU_SET(last, &one);
	sched_setaffinity(0, sizeof(one), &one);
	kernel = boot();
	sched_setaffinity(0, sizeof(all), &all);
	home_threads(&one);
	rumpus_sys_getpid();
	n = host_threads(before);
	weigh_inside();
	tap_is(host_threads(after), n, "the host has as many threads as before");
	tap_ok(!memcmp(before, after, sizeof(before)), "with the same priorities on the same processors");
	rumpus_halt(kernel);
}

int main(void)
{
	host_scheduling();
	inherited();
	out_of_memory();
	too_many();
	disk_removal();
	return tap_done();
}
