// SPDX-License-Identifier: BSD-2-Clause
/*
 * What nodes cost the FUSE server: the calls by which it makes one file, as an archive is unpacked, beside the same
 * work on the open file alone. usage: nodes IMAGE, of an ext4; prints seconds for one file of each.
 *
 * A server one level below system calls, which holds inodes instead of descriptors, could spare no more than the
 * difference.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define CPUS 2
#define CACHE (64ULL << 20) /* as "rumpus mount" has it */
#define MOUNT "/mnt"
#define DIRECTORIES 1000
#define FILES 10 /* in each, half of them either way */
#define SIZE 16384
#define DESCRIPTORS 32768
#define CAPABILITY "security.capability" /* the client asks for it, and there is none */

static int proc; /* /proc/self/fd */

static long must(const char *what, long result)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "nodes: %s: %s\n", what, strerror((int)-result));
	exit(1);
}

static void must_be(const char *what, long result, long expected)
{
	if (result != expected)
		must(what, result < 0 ? result : -EIO);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int make(int dir, const char *name)
{
	long missing = rumpus_sys_openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

	must_be("look up", missing, -ENOENT);
	return (int)must("create", rumpus_sys_openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

static void look(int fd)
{
	struct statx stx;

	must("statx", rumpus_sys_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx));
}

static void fill(int file)
{
	static char data[SIZE];

	must_be("write", rumpus_sys_pwrite64(file, data, sizeof(data), 0), sizeof(data));
}

static const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

/* As fuse/calls does it; a reply to each change has the status. */
static void by_node(int dir, const char *name)
{
	int file = make(dir, name);
	int node = (int)must("node", rumpus_sys_openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	char path[32], value[64];

	look(node);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	must_be("getxattr", rumpus_sys_getxattr(path, CAPABILITY, value, sizeof(value)), -ENODATA);
	fill(file);
	must("utimensat", rumpus_sys_utimensat(node, "", times, AT_EMPTY_PATH));
	look(node);
	must_be("getxattr", rumpus_sys_getxattr(path, CAPABILITY, value, sizeof(value)), -ENODATA);
	must("fchownat", rumpus_sys_fchownat(node, "", 0, 0, AT_EMPTY_PATH));
	look(node);
	snprintf(path, sizeof(path), "%d", node);
	must("fchmodat", rumpus_sys_fchmodat(proc, path, 0644));
	look(node);
	rumpus_sys_close(file);
	rumpus_sys_close(node);
}

static void by_open_file(int dir, const char *name)
{
	int file = make(dir, name);
	char value[64];

	look(file);
	must_be("fgetxattr", rumpus_sys_fgetxattr(file, CAPABILITY, value, sizeof(value)), -ENODATA);
	fill(file);
	must("utimensat", rumpus_sys_utimensat(file, NULL, times, 0));
	look(file);
	must_be("fgetxattr", rumpus_sys_fgetxattr(file, CAPABILITY, value, sizeof(value)), -ENODATA);
	must("fchown", rumpus_sys_fchown(file, 0, 0));
	look(file);
	must("fchmod", rumpus_sys_fchmod(file, 0644));
	look(file);
	rumpus_sys_close(file);
}

/* One directory. Seconds are added to @took: by nodes, by open files. */
static void fill_directory(unsigned int number, double took[2])
{
	char name[32];
	double start;
	int dir;

	snprintf(name, sizeof(name), MOUNT "/%u", number);
	must("mkdir", rumpus_sys_mkdirat(AT_FDCWD, name, 0755));
	dir = (int)must(name, rumpus_sys_openat(AT_FDCWD, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	for (unsigned int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		start = now();
		(i % 2 ? by_open_file : by_node)(dir, name);
		took[i % 2] += now() - start;
	}
	rumpus_sys_close(dir);
}

/* The table of descriptors grows here, not while it is measured. */
static void prepare(void)
{
	const struct rlimit64 limit = { 2 * DESCRIPTORS, 2 * DESCRIPTORS };

	must("limit", rumpus_sys_prlimit64(0, RLIMIT_NOFILE, &limit, NULL));
	must("mkdir", rumpus_sys_mkdirat(AT_FDCWD, "/proc", 0555));
	must("mount", rumpus_sys_mount("proc", "/proc", "proc", 0, NULL));
	proc = (int)must("/proc", rumpus_sys_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	must("descriptors", rumpus_sys_close((int)must("descriptors", rumpus_sys_fcntl(proc, F_DUPFD, DESCRIPTORS))));
}

int main(int argc, char **argv)
{
	const struct rumpus_config config = { .size = sizeof(config), .cpus = CPUS, .cache = CACHE };
	char disk[32], spec[4096], error[256] = "";
	double took[2] = { 0 };
	struct rumpus *kernel;

	if (argc != 2) {
		fprintf(stderr, "usage: nodes IMAGE\n");
		return 2;
	}
	must("boot", rumpus_boot(&config, &kernel));
	snprintf(spec, sizeof(spec), "file:%s", argv[1]);
	must(error, rumpus_disk_add(kernel, spec, 0, disk, error, sizeof(error)));
	must("mkdir", rumpus_sys_mkdirat(AT_FDCWD, MOUNT, 0755));
	must("mount", rumpus_sys_mount(disk, MOUNT, "ext4", 0, NULL));
	prepare();
	for (unsigned int i = 0; i < DIRECTORIES; i++)
		fill_directory(i, took);
	must("unmount", rumpus_sys_umount2(MOUNT, 0));
	must("halt", rumpus_halt(kernel));
	printf("%.9f %.9f\n", took[0] / (DIRECTORIES * FILES / 2), took[1] / (DIRECTORIES * FILES / 2));
	return 0;
}
