// SPDX-License-Identifier: BSD-2-Clause
/*
 * Servers of the host's, over slirp: a directory by 9P (diod), a disk by NBD (nbd-server). They are real ones, and the
 * kernel's drivers are their clients.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../fs/pattern.h"
#include "../net/message.h"
#include "../net/node.h"
#include "../tap.h"
#include "files.h"

#define GATEWAY "10.0.2.2" /* the host's loopback, from inside */
#define PATIENCE 60	   /* seconds */
#define ROOT "/mnt"
#define FILE_BYTES (16 * MIB)
#define IMAGE "disk.img"
#define IMAGE_MIB 64
#define DISK "/dev/nbd0"
#define BLOCK 512

static struct node kernel;

/* ---- programs of the host's ---- */

static uint16_t free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		tap_abort("no port: %s", strerror(errno));
	close(fd);
	return ntohs(address.sin_port);
}

/* Without a connection: some servers serve one only. */
static bool has_listener(uint16_t port)
{
	FILE *sockets = fopen("/proc/net/tcp", "r");
	char line[256], wanted[64];
	bool found = false;

	snprintf(wanted, sizeof(wanted), ":%04X 00000000:0000 0A", port);
	while (sockets && !found && fgets(line, sizeof(line), sockets))
		found = strstr(line, wanted);
	if (sockets)
		fclose(sockets);
	return found;
}

/* Return: the process, which listens at @port; ends with this one */
static pid_t start(char *const *argv, uint16_t port)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	pid_t pid = fork();
	int log;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		log = open("server.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	for (int i = 0; i < PATIENCE * 50; i++) {
		if (has_listener(port))
			return pid;
		if (waitpid(pid, NULL, WNOHANG) == pid)
			break;
		nanosleep(&pause, NULL);
	}
	tap_abort("%s does not begin to listen: see server.log", argv[0]);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void boot(void)
{
	char error[512];

	node_boot_set(&kernel, "kernel", "full", 2);
	if (rumpus_net_add(kernel.kernel, "slirp:", kernel.device, error, sizeof(error)) ||
	    rumpus_net_configure(kernel.kernel, kernel.device, "dhcp", error, sizeof(error)))
		tap_abort("%s", error);
	node_enter(&kernel);
	rumpus_sys_mkdirat(AT_FDCWD, ROOT, 0755);
	rumpus_sys_mkdirat(AT_FDCWD, "/dev", 0755);
	rumpus_sys_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
}

/* ---- 9P ---- */

static bool host_file_has(const char *path, uint64_t seed, uint64_t bytes)
{
	int fd = open(path, O_RDONLY);
	unsigned char chunk[4096];
	uint64_t at = 0;
	ssize_t got = 0;

	while (fd >= 0 && (got = read(fd, chunk, sizeof(chunk))) > 0 && pattern_is(seed, at, chunk, (size_t)got))
		at += (uint64_t)got;
	close(fd);
	return got == 0 && at == bytes;
}

static void test_directory(void)
{
	const uint16_t port = free_port();
	char listen[64], options[512], directory[256], text[64] = "";
	char *argv[] = { "diod", "-f", "-n", "-N", "-L", "stderr", "-l", listen, "-e", directory, NULL };
	struct stat stat;
	pid_t server;
	long error;

	if (mkdir("shared", 0755) || !realpath("shared", directory))
		tap_abort("a directory: %s", strerror(errno));
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	server = start(argv, port);
	snprintf(options, sizeof(options), "trans=tcp,port=%u,version=9p2000.L,access=any,uname=root,aname=%s", port,
		 directory);
	error = rumpus_sys_mount(GATEWAY, ROOT, "9p", 0, options);
	if (!tap_ok(!error, "9P: a directory of the host's is mounted"))
		tap_abort("%s", strerror((int)-error));
	tap_is(file_write(ROOT "/data", 1, FILE_BYTES), 0, "9P: a file is written");
	tap_ok(host_file_has("shared/data", 1, FILE_BYTES), "9P: the host has it");
	tap_ok(!rename("shared/data", "shared/renamed") && file_has(ROOT "/renamed", 1, FILE_BYTES),
	       "9P: renamed there, it is read here");
	tap_is(rumpus_sys_mkdirat(AT_FDCWD, ROOT "/dir", 0750), 0, "9P: a directory is made");
	tap_is(rumpus_sys_symlinkat("../renamed", AT_FDCWD, ROOT "/dir/link"), 0, "9P: a link");
	tap_ok(!lstat("shared/dir", &stat) && stat.st_mode == (S_IFDIR | 0750) &&
		       readlink("shared/dir/link", text, sizeof(text) - 1) == 10 && !strcmp(text, "../renamed"),
	       "9P: they are the host's");
	tap_is(rumpus_sys_unlinkat(AT_FDCWD, ROOT "/missing", 0), -ENOENT, "9P: the server's errors are told");
	stop(server);
	tap_ok(rumpus_sys_mkdirat(AT_FDCWD, ROOT "/never", 0755) < 0, "9P: the server is gone: an error");
	rumpus_sys_umount2(ROOT, MNT_DETACH);
}

/* ---- NBD ---- */

static void get(int fd, void *bytes, size_t size)
{
	if (rumpus_sys_recvfrom(fd, bytes, size, MSG_WAITALL, NULL, NULL) != (long)size)
		tap_abort("NBD: the server says too little");
}

/* The negotiation is the client program's work. Return: bytes of the default export */
static uint64_t negotiate(int fd, uint16_t *flags)
{
	struct {
		uint32_t client_flags;
		char magic[8];
		uint32_t option, length;
	} __attribute__((packed)) request = { htonl(3), "IHAVEOPT", htonl(1), 0 }; /* fixed, no zeroes; the export "" */
	struct {
		char magic[16];
		uint16_t flags;
	} __attribute__((packed)) hello;
	struct {
		uint64_t bytes;
		uint16_t flags;
	} __attribute__((packed)) export;

	get(fd, &hello, sizeof(hello));
	if (memcmp(hello.magic, "NBDMAGICIHAVEOPT", 16) || (ntohs(hello.flags) & 3) != 3)
		tap_abort("NBD: that is no such server");
	must(rumpus_sys_write(fd, &request, sizeof(request)), "NBD");
	get(fd, &export, sizeof(export));
	*flags = ntohs(export.flags);
	return be64toh(export.bytes);
}

static void *serve_disk(void *disk)
{
	node_enter(&kernel);
	rumpus_sys_ioctl(*(int *)disk, NBD_DO_IT, 0);
	return NULL;
}

/* Of bytes that the thread above brings in */
static bool is_connected(void)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	char size[32];

	for (int i = 0; i < PATIENCE * 100; i++) {
		if (strcmp(node_get(&kernel, "/sys/block/nbd0/size", size, sizeof(size)), "0") &&
		    !rumpus_sys_faccessat(AT_FDCWD, "/sys/block/nbd0/pid", F_OK))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void test_disk(void)
{
	const uint16_t port = free_port();
	char listen[64], path[256], error[512];
	char *argv[] = { "nbd-server", listen, path, "-d", "-C", "/dev/null", NULL };
	uint64_t bytes;
	uint16_t flags;
	pthread_t thread;
	pid_t server;
	long fd;
	int disk;

	image_make(IMAGE, IMAGE_MIB);
	if (!realpath(IMAGE, path))
		tap_abort("%s: %s", IMAGE, strerror(errno));
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", port);
	server = start(argv, port);
	tap_is(rumpus_component_load(kernel.kernel, "nbd", "nbds_max=1", error, sizeof(error)), 0, "NBD: the driver %s",
	       error);
	fd = node_connect_to(&kernel, GATEWAY, port);
	must(fd, "NBD: connect");
	bytes = negotiate((int)fd, &flags);
	tap_is(bytes, IMAGE_MIB * MIB, "NBD: a disk of %u MiB", IMAGE_MIB);
	disk = (int)rumpus_sys_openat(AT_FDCWD, DISK, O_RDWR, 0);
	must(disk, DISK);
	must(rumpus_sys_ioctl(disk, NBD_SET_BLKSIZE, BLOCK), "NBD_SET_BLKSIZE");
	must(rumpus_sys_ioctl(disk, NBD_SET_SIZE_BLOCKS, bytes / BLOCK), "NBD_SET_SIZE_BLOCKS");
	must(rumpus_sys_ioctl(disk, NBD_SET_FLAGS, flags), "NBD_SET_FLAGS");
	must(rumpus_sys_ioctl(disk, NBD_SET_SOCK, (unsigned long)fd), "NBD_SET_SOCK");
	if (pthread_create(&thread, NULL, serve_disk, &disk))
		tap_abort("no thread");
	tap_ok(is_connected(), "NBD: connected");
	tap_is(rumpus_sys_mount(DISK, ROOT, "ext4", 0, NULL), 0, "NBD: its file system is mounted");
	tap_is(file_write(ROOT "/data", 2, FILE_BYTES), 0, "NBD: a file is written");
	tap_is(rumpus_sys_umount2(ROOT, 0), 0, "NBD: unmounted");
	must(rumpus_sys_ioctl(disk, NBD_DISCONNECT, 0), "NBD_DISCONNECT");
	pthread_join(thread, NULL);
	rumpus_sys_close(disk);
	rumpus_sys_close((int)fd);
	stop(server);
	tap_ok(image_is_clean(IMAGE) && image_has(IMAGE, "data", 2, FILE_BYTES),
	       "NBD: the host's image is clean and has it");
}

int main(void)
{
	boot();
	test_directory();
	test_disk();
	node_halt(&kernel);
	return tap_done();
}
