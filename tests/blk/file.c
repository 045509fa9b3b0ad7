// SPDX-License-Identifier: BSD-2-Clause
/* Backend "file": bad input, descriptors, hosts that fail, storage given back, nothing left behind */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "../tap.h"

#define MIB (1U << 20)
#define IMAGE_SIZE (4 * MIB)

static char image[300];
static const char *const engines[] = { "uring", "threads" };

static void refused(const char *spec, uint32_t flags, int expected, const char *named, const char *remedy)
{
	struct hyp_blk *disk = NULL;
	char error[512] = "";
	int result = hyp_blk_open(spec, flags, &disk, error, sizeof(error));

	tap_ok(result == expected && !disk, "%s: error %d, expected %d", spec, result, expected);
	tap_ok(strstr(error, named) && strstr(error, remedy), "%s: \"%s\"", spec, error);
}

/* Run a check in a child, for what cannot be undone. Return: did it exit with 0? */
static bool in_child(bool (*check)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		alarm(20);
		_exit(!check());
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool refused_unprivileged(void)
{
	struct hyp_blk *disk;
	char spec[400], error[512];

	if (!geteuid() && (chmod(scratch_dir(), 0755) || setresuid(65534, 65534, 65534)))
		return false;
	snprintf(spec, sizeof(spec), "file:%s", image);
	return hyp_blk_open(spec, 0, &disk, error, sizeof(error)) == -HYP_EACCES && strstr(error, image) &&
	       strstr(error, "ro:") && !hyp_blk_open(spec, HYP_BLK_OPEN_READ_ONLY, &disk, error, sizeof(error));
}

static void check_bad_input(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *dir = scratch_dir();
	char path[350], spec[400];
	int fd;

	snprintf(spec, sizeof(spec), "file:%s/none", dir);
	refused(spec, 0, -HYP_ENOENT, "none", "check the path");
	snprintf(spec, sizeof(spec), "file:%s/x", image);
	refused(spec, 0, -HYP_ENOTDIR, "image/x", "check the path");
	snprintf(spec, sizeof(spec), "file:%s", dir);
	refused(spec, 0, -HYP_EISDIR, "directory", "image file");
	refused(spec, HYP_BLK_OPEN_READ_ONLY, -HYP_EISDIR, "directory", "image file");
	refused("file:/dev/null", 0, -HYP_EINVAL, "character device", "image file");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	snprintf(spec, sizeof(spec), "file:%s", path);
	mkfifo(path, 0600);
	refused(spec, 0, -HYP_EINVAL, "FIFO", "image file");
	refused(spec, HYP_BLK_OPEN_READ_ONLY, -HYP_EINVAL, "FIFO", "image file");
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s/s", dir);
	snprintf(spec, sizeof(spec), "file:%s", address.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		refused(spec, 0, -HYP_EINVAL, "socket", "image file");
	close(fd);
	snprintf(path, sizeof(path), "%s/empty", dir);
	snprintf(spec, sizeof(spec), "file:%s", path);
	close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	refused(spec, 0, -HYP_EINVAL, "0 bytes", "truncate -s");
	if (truncate(path, 511))
		tap_note("truncate: %s", strerror(errno));
	refused(spec, 0, -HYP_EINVAL, "511 bytes", "truncate -s");
	chmod(image, 0444);
	tap_ok(in_child(refused_unprivileged), "no permission to write: named, with ro: as the remedy, which works");
	chmod(image, 0600);
}

static void check_tail(void)
{
	char path[350], spec[400], line[512];
	struct user user;

	snprintf(path, sizeof(path), "%s/tail", scratch_dir());
	image_make(path, 8192, 1);
	if (truncate(path, 8192 + 100))
		tap_note("truncate: %s", strerror(errno));
	snprintf(spec, sizeof(spec), "file:%s", path);
	user_open(&user, spec, 0);
	user.disk->ops->describe(user.disk, line, sizeof(line));
	tap_ok(user.disk->info.size == 8192 && strstr(line, "last 100 bytes"), "a tail is not visible, and said: %s",
	       line);
	user_close(&user);
}

static void check_descriptor(void)
{
	char spec[64];
	unsigned char memory[512], wanted[512];
	struct user user;
	int fd = open(image, O_RDWR | O_CLOEXEC), reader = open(image, O_RDONLY | O_CLOEXEC);

	snprintf(spec, sizeof(spec), "file,fd=%d:", fd);
	user_open(&user, spec, 0);
	close(fd);
	fill_pattern(wanted, 512, 1);
	tap_ok(!user_run(&user, HYP_BLK_READ, 0, 512, memory, 0) && !memcmp(memory, wanted, 512),
	       "a device outlives the descriptor that it was opened by");
	user_close(&user);
	snprintf(spec, sizeof(spec), "file,fd=%d:", reader);
	refused(spec, 0, -HYP_EACCES, "descriptor", "ro:");
	user_open(&user, spec, HYP_BLK_OPEN_READ_ONLY);
	tap_is(user_run(&user, HYP_BLK_WRITE, 0, 512, memory, 0), -HYP_EROFS, "read-only by a descriptor");
	user_close(&user);
	close(reader);
}

static void check_truncated(const char *engine)
{
	unsigned char *memory = disk_memory(MIB);
	struct user user;
	char spec[400];

	image_make(image, IMAGE_SIZE, 1);
	snprintf(spec, sizeof(spec), "file,engine=%s:%s", engine, image);
	user_open(&user, spec, 0);
	if (truncate(image, 2 * MIB + 1000))
		tap_note("truncate: %s", strerror(errno));
	tap_is(user_run(&user, HYP_BLK_READ, 0, MIB, memory, 0), 0, "%s: a read before the new end", engine);
	tap_is(user_run(&user, HYP_BLK_READ, 3 * MIB, MIB, memory, 0), -HYP_EIO, "%s: a read beyond it", engine);
	tap_is(user_run(&user, HYP_BLK_READ, 3 * MIB, 4096, memory, 0), -HYP_EIO, "%s: a small one", engine);
	tap_is(user_run(&user, HYP_BLK_READ, 2 * MIB - 4096, 8192, memory, 0), -HYP_EIO, "%s: one across it", engine);
	user_close(&user);
	image_make(image, IMAGE_SIZE, 1);
	free(memory);
}

/* Write a whole device. Return: the first error */
static int write_all(const char *spec, bool *reads_on)
{
	unsigned char *memory = disk_memory(65536);
	struct user user;
	uint64_t offset;
	int error = 0;

	user_open(&user, spec, 0);
	for (offset = 0; offset < user.disk->info.size && !error; offset += 65536)
		error = user_run(&user, HYP_BLK_WRITE, offset, 65536, memory, 0);
	*reads_on = !user_run(&user, HYP_BLK_READ, 0, 65536, memory, 0);
	user_close(&user);
	free(memory);
	return error;
}

static const char *child_engine;

static bool full_by_limit(void)
{
	struct rlimit limit = { MIB, MIB };
	char spec[400];
	bool reads_on;

	snprintf(spec, sizeof(spec), "file,engine=%s:%s/sparse", child_engine, scratch_dir());
	/* SIGXFSZ keeps its default, which would end the program if it came to a thread of the program's. */
	return !setrlimit(RLIMIT_FSIZE, &limit) && write_all(spec, &reads_on) == -HYP_ENOSPC && reads_on;
}

static void make_sparse(const char *path, uint64_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) || close(fd))
		tap_abort("cannot make %s", path);
}

static void check_full(const char *engine)
{
	char path[350], spec[400];
	bool reads_on;

	snprintf(path, sizeof(path), "%s/sparse", scratch_dir());
	make_sparse(path, 8 * MIB);
	child_engine = engine;
	tap_ok(in_child(full_by_limit), "%s: a write beyond RLIMIT_FSIZE is out of space, and no signal comes", engine);
	snprintf(path, sizeof(path), "%s/full", scratch_dir());
	mkdir(path, 0700);
	if (mount("none", path, "tmpfs", 0, "size=1M")) {
		tap_skip(1, "%s: no tmpfs without privilege", engine);
		return;
	}
	snprintf(path, sizeof(path), "%s/full/sparse", scratch_dir());
	make_sparse(path, 8 * MIB);
	snprintf(spec, sizeof(spec), "file,engine=%s:%s", engine, path);
	tap_ok(write_all(spec, &reads_on) == -HYP_ENOSPC && reads_on, "%s: a full host file system is out of space",
	       engine);
	snprintf(path, sizeof(path), "%s/full", scratch_dir());
	umount(path);
}

static void check_holes(void)
{
	struct user user;
	struct stat st;
	char spec[400];
	int status;

	image_make(image, IMAGE_SIZE, 1);
	snprintf(spec, sizeof(spec), "file:%s", image);
	user_open(&user, spec, 0);
	if (!(user.disk->info.caps & HYP_BLK_CAP_DISCARD)) {
		tap_skip(4, "the file system of %s gives nothing back", scratch_dir());
		user_close(&user);
		return;
	}
	user_run(&user, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	status = user_run(&user, HYP_BLK_DISCARD, 0, MIB, NULL, 0);
	tap_ok(!status && !stat(image, &st) && st.st_blocks * 512 <= 3 * MIB + 65536,
	       "discard punches a hole: %lld bytes left", (long long)st.st_blocks * 512);
	tap_is(st.st_size, IMAGE_SIZE, "and leaves the size");
	status = user_run(&user, HYP_BLK_WRITE_ZEROES, MIB, MIB, NULL, 0);
	tap_ok(!status && !stat(image, &st) && st.st_blocks * 512 <= 2 * MIB + 65536, "write-zeroes punches a hole");
	status = user_run(&user, HYP_BLK_WRITE_ZEROES, 2 * MIB, MIB, NULL, HYP_BLK_NO_UNMAP);
	tap_ok(!status && !stat(image, &st) && st.st_blocks * 512 >= 2 * MIB,
	       "write-zeroes keeps storage when told to");
	user_close(&user);
	image_make(image, IMAGE_SIZE, 1);
}

static unsigned int count_entries(const char *path)
{
	unsigned int count = 0;
	DIR *dir = opendir(path);

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static unsigned int count_maps(void)
{
	unsigned int lines = 0;
	FILE *stream = fopen("/proc/self/maps", "re");
	int c;

	while (stream && (c = getc(stream)) != EOF)
		lines += c == '\n';
	if (stream)
		fclose(stream);
	return lines;
}

static void open_close(const char *spec, unsigned int times)
{
	unsigned char *memory = disk_memory(4096);
	struct user user;

	while (times--) {
		user_open(&user, spec, 0);
		user_run(&user, HYP_BLK_READ, 0, 4096, memory, 0);
		if (!(user.disk->info.caps & HYP_BLK_CAP_READ_ONLY))
			user_run(&user, HYP_BLK_WRITE, 0, 4096, memory, 0);
		user_close(&user);
	}
	free(memory);
}

/* The host lists a thread that was joined a moment longer. */
static unsigned int count_threads(void)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	unsigned int now = count_entries("/proc/self/task"), before;

	do {
		before = now;
		nanosleep(&pause, NULL);
		now = count_entries("/proc/self/task");
	} while (now < before);
	return now;
}

static void check_leaks(void)
{
	static const char *const specs[] = { "file,engine=uring:%s", "file,engine=threads:%s",
					     "cow,scratch=file:file:%s", "window,size=1M:fault,cut=5:file:%s" };
	unsigned int i, fds, threads, maps;
	char spec[400];

	for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		if (spec_obstacle(specs[i], image)) {
			tap_skip(3, "%s: %s", specs[i], spec_obstacle(specs[i], image));
			continue;
		}
		snprintf(spec, sizeof(spec), specs[i], image);
		open_close(spec, 20); /* the host's library keeps some stacks for later */
		fds = count_entries("/proc/self/fd");
		threads = count_threads();
		maps = count_maps();
		open_close(spec, i < 2 ? 1000 : 200);
		tap_is(count_entries("/proc/self/fd"), fds, "%s: descriptors after opening and closing", specs[i]);
		/* Fewer: of those that the host makes for a ring, and ends when they have nothing to do. */
		tap_ok(count_threads() <= threads, "%s: threads", specs[i]);
		tap_is(count_maps(), maps, "%s: mappings", specs[i]);
	}
}

/* Reads, writes and flushes that do not come out of the host's cache */
static bool works(struct user *user)
{
	unsigned char *memory = disk_memory(IMAGE_SIZE);
	int fd = open(image, O_RDONLY | O_CLOEXEC);
	bool good;

	good = !user_run(user, HYP_BLK_WRITE, 0, 65536, memory, 0) && !user_run(user, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	if (fd >= 0)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	good = good && !user_run(user, HYP_BLK_READ, 0, IMAGE_SIZE, memory, 0) &&
	       !user_run(user, HYP_BLK_READ, MIB, 4096, memory, 0) &&
	       !user_run(user, HYP_BLK_DISCARD, MIB, MIB, NULL, 0) &&
	       !user_run(user, HYP_BLK_WRITE, 0, 4096, memory, HYP_BLK_FUA);
	free(memory);
	return good;
}

/* Allow on all threads what doc/blk.md says that an open device needs, and what this program does besides */
static bool lock_down(void)
{
	static const unsigned int allowed[] = {
		SYS_io_uring_enter,
		SYS_preadv,
		SYS_preadv2,
		SYS_pwritev,
		SYS_pwritev2,
		SYS_fdatasync,
		SYS_fallocate,
		SYS_sync_file_range,
		SYS_read,
		SYS_write,
		SYS_futex,
		SYS_close,
		SYS_munmap,
		SYS_madvise,
		/* the C library and the test */
		SYS_exit,
		SYS_exit_group,
		SYS_brk,
		SYS_mmap,
		SYS_mprotect,
		SYS_rt_sigprocmask,
		SYS_sched_yield,
		SYS_clock_gettime,
		SYS_getpid,
		SYS_rseq,
		SYS_set_robust_list,
	};
	struct sock_filter filter[2 * sizeof(allowed) / sizeof(allowed[0]) + 2];
	struct sock_fprog program = { .filter = filter };
	unsigned int i, n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program.len = (unsigned short)n;
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static bool works_locked_down(void)
{
	unsigned char *memory = disk_memory(IMAGE_SIZE);
	struct user user;
	char spec[400];
	bool good;

	snprintf(spec, sizeof(spec), "file,engine=%s,fd=%d:%s", child_engine, open(image, O_RDWR | O_CLOEXEC), image);
	user_open(&user, spec, 0);
	good = !user_run(&user, HYP_BLK_WRITE, 0, 65536, memory, 0) && !user_run(&user, HYP_BLK_FLUSH, 0, 0, NULL, 0);
	posix_fadvise(open(image, O_RDONLY | O_CLOEXEC), 0, 0, POSIX_FADV_DONTNEED);
	good = good && lock_down() && !user_run(&user, HYP_BLK_READ, 0, IMAGE_SIZE, memory, 0) &&
	       !user_run(&user, HYP_BLK_WRITE, 0, 65536, memory, HYP_BLK_FUA) &&
	       !user_run(&user, HYP_BLK_FLUSH, 0, 0, NULL, 0) && !user_run(&user, HYP_BLK_DISCARD, 0, MIB, NULL, 0);
	user_close(&user);
	return good;
}

/* A host that does not permit io_uring: found out, said, and no matter */
static bool falls_back(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };
	char spec[400], error[512] = "", line[512];
	struct hyp_blk *disk;
	struct user user;
	bool good;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return false;
	snprintf(spec, sizeof(spec), "file,engine=uring:%s", image);
	good = hyp_blk_open(spec, 0, &disk, error, sizeof(error)) == -HYP_ENOSYS && strstr(error, "engine=threads");
	snprintf(spec, sizeof(spec), "file:%s", image);
	user_open(&user, spec, 0);
	user.disk->ops->describe(user.disk, line, sizeof(line));
	good = good && strstr(line, "threads") && works(&user);
	user_close(&user);
	return good;
}

/* A forked child that goes its own way, also by exit(3), takes nothing along */
static void check_fork(const char *engine)
{
	struct user user;
	char spec[400];
	int status = -1;
	pid_t child;

	snprintf(spec, sizeof(spec), "file,engine=%s:%s", engine, image);
	user_open(&user, spec, 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	tap_ok(works(&user), "%s: works on while a forked child lives", engine);
	user_close(&user);
	user_open(&user, spec, 0);
	tap_ok(works(&user), "%s: closed and opened again, though the child still has the descriptor", engine);
	user_close(&user);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

static void strike(int signal)
{
}

/* Do all threads but this one block all signals that can be blocked? */
static void check_signals(const char *engine)
{
	char spec[400], path[350], line[128];
	unsigned int open_minded = 0, seen = 0;
	struct user user;
	struct dirent *entry;
	DIR *tasks;

	signal(SIGUSR1, strike);
	snprintf(spec, sizeof(spec), "file,engine=%s:%s", engine, image);
	user_open(&user, spec, 0);
	tasks = opendir("/proc/self/task");
	while ((entry = readdir(tasks))) {
		unsigned long long blocked = 0;
		FILE *stream;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", entry->d_name);
		stream = fopen(path, "re");
		while (stream && fgets(line, sizeof(line), stream))
			sscanf(line, "SigBlk: %llx", &blocked);
		if (stream)
			fclose(stream);
		seen++;
		open_minded += !(blocked >> (SIGUSR1 - 1) & 1) || !(blocked >> (SIGINT - 1) & 1) ||
			       !(blocked >> (SIGCHLD - 1) & 1);
	}
	closedir(tasks);
	tap_ok(seen >= 3 && !open_minded, "%s: all of its %u threads block signals", engine, seen);
	user_close(&user);
}

int main(void)
{
	unsigned int i;

	snprintf(image, sizeof(image), "%s/image", scratch_dir());
	image_make(image, IMAGE_SIZE, 1);
	check_bad_input();
	check_tail();
	check_descriptor();
	check_holes();
	tap_ok(in_child(falls_back), "without io_uring: threads, and engine=uring is refused");
	for (i = 0; i < 2; i++) {
		if (spec_obstacle(engines[i], image)) {
			tap_skip(5, "%s: %s", engines[i], spec_obstacle(engines[i], image));
			continue;
		}
		child_engine = engines[i];
		check_truncated(engines[i]);
		check_full(engines[i]);
		check_fork(engines[i]);
		check_signals(engines[i]);
		tap_ok(in_child(works_locked_down), "%s: works when nothing may be opened or started any more",
		       engines[i]);
	}
	check_leaks();
	return tap_done();
}
