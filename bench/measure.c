// SPDX-License-Identifier: BSD-2-Clause
/*
 * One measurement inside a process: the same work on a kernel in this process or on the host's.
 *
 * Each prints its numbers on one line, in base units. bench/run decides what runs when, and compares. MEASURE_MEMORY in
 * the environment gives the kernels so many MiB instead of the default.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#define CPUS 2
#define DATA_SIZE (512LL << 20)
#define PIECE (64 << 10)
#define NULL_CALLS 2000000
#define MOUNT "/mnt"

/*
 * struct side - a kernel under measurement; calls return 0 or more, or a negative errno
 * @start: bring the file system in; @where is the image, or a directory of the host where it is mounted already
 * @stop:  the reverse
 */
struct side {
	const char *name;
	const char *(*start)(const char *where);
	void (*stop)(void);
	long (*open)(const char *path, int flags);
	long (*read)(int fd, void *buf, size_t len);
	long (*write)(int fd, const void *buf, size_t len);
	long (*fsync)(int fd);
	long (*close)(int fd);
	long (*unlink)(const char *path);
	long (*null)(void);
};

static unsigned char piece[PIECE];

static void fail(const char *what, long error)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(-error));
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct rumpus *kernel;

static const char *rumpus_start(const char *image)
{
	const char *memory = getenv("MEASURE_MEMORY");
	const struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = CPUS,
		.memory = memory ? strtoull(memory, NULL, 10) << 20 : 0,
	};
	char disk[32], spec[4096], error[256] = "";
	long ret;

	ret = rumpus_boot(&config, &kernel);
	if (ret < 0)
		fail("boot", ret);
	if (!image)
		return NULL;
	snprintf(spec, sizeof(spec), "file:%s", image);
	ret = rumpus_disk_add(kernel, spec, 0, disk, error, sizeof(error));
	if (ret < 0)
		fail(error, ret);
	rumpus_sys_mkdirat(AT_FDCWD, MOUNT, 0755);
	ret = rumpus_sys_mount(disk, MOUNT, "ext4", 0, NULL);
	if (ret < 0)
		fail("mount", ret);
	return MOUNT;
}

static void rumpus_stop(void)
{
	long ret = rumpus_sys_umount2(MOUNT, 0);

	if (ret < 0)
		fail("unmount", ret);
	ret = rumpus_halt(kernel);
	if (ret < 0)
		fail("halt", ret);
}

static long rumpus_open(const char *path, int flags)
{
	return rumpus_sys_openat(AT_FDCWD, path, flags, 0644);
}

static long rumpus_read(int fd, void *buf, size_t len)
{
	return rumpus_sys_read(fd, buf, len);
}

static long rumpus_write(int fd, const void *buf, size_t len)
{
	return rumpus_sys_write(fd, buf, len);
}

static long rumpus_fsync(int fd)
{
	return rumpus_sys_fsync(fd);
}

static long rumpus_close(int fd)
{
	return rumpus_sys_close(fd);
}

static long rumpus_unlink(const char *path)
{
	return rumpus_sys_unlinkat(AT_FDCWD, path, 0);
}

static long rumpus_null(void)
{
	return rumpus_sys_getppid();
}

static const char *host_start(const char *directory)
{
	return directory;
}

static void host_stop(void)
{
}

static long host_result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static long host_open(const char *path, int flags)
{
	return host_result(open(path, flags, 0644));
}

static long host_read(int fd, void *buf, size_t len)
{
	return host_result(read(fd, buf, len));
}

static long host_write(int fd, const void *buf, size_t len)
{
	return host_result(write(fd, buf, len));
}

static long host_fsync(int fd)
{
	return host_result(fsync(fd));
}

static long host_close(int fd)
{
	return host_result(close(fd));
}

static long host_unlink(const char *path)
{
	return host_result(unlink(path));
}

static long host_null(void)
{
	return syscall(SYS_getppid);
}

static const struct side sides[] = {
	{ "rumpus", rumpus_start, rumpus_stop, rumpus_open, rumpus_read, rumpus_write, rumpus_fsync, rumpus_close,
	  rumpus_unlink, rumpus_null },
	{ "host", host_start, host_stop, host_open, host_read, host_write, host_fsync, host_close, host_unlink,
	  host_null },
};

/* Bytes of this process that are resident, by a name in /proc/self/smaps_rollup. */
static long long resident(const char *field)
{
	FILE *rollup = fopen("/proc/self/smaps_rollup", "r");
	long long kib = -1;
	char line[256];

	while (rollup && kib < 0 && fgets(line, sizeof(line), rollup))
		if (!strncmp(line, field, strlen(field)))
			kib = atoll(line + strlen(field));
	if (rollup)
		fclose(rollup);
	if (kib < 0)
		fail("/proc/self/smaps_rollup", -ENOENT);
	return kib * 1024;
}

/* seconds from nothing to a mounted file system, proportional and plain resident bytes then */
static void measure_boot(const struct side *side, const char *image)
{
	const double start = now();

	side->start(image);
	printf("%.9f ", now() - start);
	printf("%lld %lld\n", resident("Pss:"), resident("Rss:"));
	side->stop();
}

/* seconds of one null system call */
static void measure_null(const struct side *side)
{
	double start;

	if (!strcmp(side->name, "rumpus"))
		side->start(NULL);
	for (int i = 0; i < NULL_CALLS / 10; i++)
		side->null();
	start = now();
	for (int i = 0; i < NULL_CALLS; i++)
		side->null();
	printf("%.12f\n", (now() - start) / NULL_CALLS);
	if (kernel)
		rumpus_halt(kernel);
}

static int open_data(const struct side *side, const char *directory, int flags)
{
	char path[4096];
	long fd;

	snprintf(path, sizeof(path), "%s/data", directory);
	if (flags & O_CREAT)
		side->unlink(path);
	fd = side->open(path, flags);
	if (fd < 0)
		fail(path, fd);
	return fd;
}

/* seconds of writing a new file and syncing it */
static void measure_write(const struct side *side, const char *where)
{
	const char *directory = side->start(where);
	const int fd = open_data(side, directory, O_WRONLY | O_CREAT | O_EXCL);
	double start;
	long ret;

	memset(piece, 0xa5, PIECE);
	start = now();
	for (long long done = 0; done < DATA_SIZE; done += PIECE) {
		ret = side->write(fd, piece, PIECE);
		if (ret != PIECE)
			fail("write", ret < 0 ? ret : -EIO);
	}
	ret = side->fsync(fd);
	if (ret < 0)
		fail("fsync", ret);
	printf("%.9f\n", now() - start);
	side->close(fd);
	side->stop();
}

/* seconds of reading it from beginning to end */
static void measure_read(const struct side *side, const char *where)
{
	const char *directory = side->start(where);
	const int fd = open_data(side, directory, O_RDONLY);
	long long total = 0;
	double start;
	long ret;

	memset(piece, 0, PIECE);
	start = now();
	while ((ret = side->read(fd, piece, PIECE)) > 0)
		total += ret;
	printf("%.9f\n", now() - start);
	if (ret < 0 || total != DATA_SIZE || piece[PIECE - 1] != 0xa5)
		fail("read", ret < 0 ? ret : -EIO);
	side->close(fd);
	side->stop();
}

/* Drops a file from the host's page cache, and makes sure of it: prints the part that stayed. */
static void drop(const char *path)
{
	const int fd = open(path, O_RDONLY);
	const off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	const size_t page = sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	unsigned char *map, *in_core;
	size_t stayed = 0;

	if (size < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		fail(path, -errno);
	map = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
	in_core = malloc(pages);
	if (map == MAP_FAILED || !in_core || mincore(map, size, in_core))
		fail(path, -errno);
	for (size_t i = 0; i < pages; i++)
		stayed += in_core[i] & 1;
	printf("%.6f\n", (double)stayed / pages);
	free(in_core);
	munmap(map, size);
	close(fd);
}

static void usage(void)
{
	fprintf(stderr, "usage: measure drop FILE\n"
			"       measure boot|null|write|read rumpus|host [IMAGE|DIRECTORY]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	const struct side *side;

	if (argc == 3 && !strcmp(argv[1], "drop")) {
		drop(argv[2]);
		return 0;
	}
	if (argc < 3)
		usage();
	side = &sides[strcmp(argv[2], "host") == 0];
	if (strcmp(argv[2], side->name))
		usage();
	if (!strcmp(argv[1], "null"))
		measure_null(side);
	else if (argc != 4)
		usage();
	else if (!strcmp(argv[1], "boot"))
		measure_boot(side, argv[3]);
	else if (!strcmp(argv[1], "write"))
		measure_write(side, argv[3]);
	else if (!strcmp(argv[1], "read"))
		measure_read(side, argv[3]);
	else
		usage();
	return 0;
}
