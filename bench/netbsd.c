// SPDX-License-Identifier: BSD-2-Clause
/*
 * One measurement of NetBSD's rump kernels: the same work on the librumpuser and librumpclient that the loader finds.
 *
 * NetBSD's libraries are needed only at run time: they are opened by name along LD_LIBRARY_PATH, which bench/netbsd.py
 * sets. What is declared here of their interface is what their manual documents. Prints one number in base units.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* NetBSD's numbers */
#define NB_O_RDONLY 0
#define NB_O_RDWR 0x2
#define NB_O_CREAT 0x200
#define NB_O_TRUNC 0x400
#define NB_AF_INET 2
#define NB_SOCK_STREAM 1
#define NB_ETFS_BLK 1
#define NB_SHUT_WR 1
#define MUTEX_KMUTEX 2

#define PIECE (64 << 10)
#define TCP_BUFFER (128 << 10)
#define DATA_SIZE (512LL << 20)
#define ROUNDS 20000
#define LOCKS 10000000
#define NULL_CALLS 20000

struct nb_sockaddr_in {
	uint8_t len;
	uint8_t family;
	uint16_t port;
	uint32_t address;
	uint8_t zero[8];
};

static struct {
	int (*init)(void);
	int (*newlwp)(pid_t pid);
	int (*etfs_register)(const char *key, const char *path, int type);
	int (*client_init)(void);
} rump;

/* System calls: rump_sys_NAME(), which both librump and librumpclient export under other names. */
static struct {
	int (*open)(const char *path, int flags, ...);
	ssize_t (*read)(int fd, void *buf, size_t len);
	ssize_t (*write)(int fd, const void *buf, size_t len);
	int (*close)(int fd);
	int (*fsync)(int fd);
	int (*mkdir)(const char *path, mode_t mode);
	int (*mount)(const char *type, const char *path, int flags, void *data, size_t len);
	int (*unmount)(const char *path, int flags);
	int (*pipe2)(int *fds, int flags);
	int (*socket)(int domain, int type, int protocol);
	int (*bind)(int fd, const void *address, uint32_t len);
	int (*listen)(int fd, int backlog);
	int (*accept)(int fd, void *address, uint32_t *len);
	int (*connect)(int fd, const void *address, uint32_t len);
	int (*shutdown)(int fd, int how);
	int (*getpid)(void);
	int (*reboot)(int how, const char *arg);
} sys;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "netbsd: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The number of a call that must succeed; errno may be a NetBSD number, which is close enough for a message. */
static long must(const char *what, long result)
{
	if (result < 0)
		fail(what);
	return result;
}

static void library(const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "lib%s.so.0", name);
	if (!dlopen(file, RTLD_NOW | RTLD_GLOBAL)) {
		fprintf(stderr, "netbsd: %s\n", dlerror());
		exit(1);
	}
}

static void *symbol(const char *name)
{
	void *address = dlsym(RTLD_DEFAULT, name);

	if (!address) {
		fprintf(stderr, "netbsd: %s\n", dlerror());
		exit(1);
	}
	return address;
}

static void bind_calls(void)
{
	sys.open = symbol("rump___sysimpl_open");
	sys.read = symbol("rump___sysimpl_read");
	sys.write = symbol("rump___sysimpl_write");
	sys.close = symbol("rump___sysimpl_close");
	sys.fsync = symbol("rump___sysimpl_fsync");
	sys.mkdir = symbol("rump___sysimpl_mkdir");
	sys.mount = symbol("rump___sysimpl_mount50");
	sys.unmount = symbol("rump___sysimpl_unmount");
	sys.pipe2 = symbol("rump___sysimpl_pipe2");
	sys.socket = symbol("rump___sysimpl_socket30");
	sys.bind = symbol("rump___sysimpl_bind");
	sys.listen = symbol("rump___sysimpl_listen");
	sys.accept = symbol("rump___sysimpl_accept");
	sys.connect = symbol("rump___sysimpl_connect");
	sys.shutdown = symbol("rump___sysimpl_shutdown");
	sys.getpid = symbol("rump___sysimpl_getpid");
	sys.reboot = symbol("rump___sysimpl_reboot");
}

/* Boots a kernel with components, a list that ends with NULL. */
static void boot(const char *const *components)
{
	library("rump");
	for (; *components; components++)
		library(*components);
	bind_calls();
	rump.init = symbol("rump_init");
	rump.newlwp = symbol("rump_pub_lwproc_newlwp");
	if (rump.init())
		fail("rump_init");
}

/* A thread gets a context of its own, as programs do that care for speed. */
static void enter(int cpu)
{
	const int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % cpus, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (rump.newlwp(1))
		fail("rump_pub_lwproc_newlwp");
}

/* Ends the kernel, which ends the process. */
static void halt(double result)
{
	printf("%.12f\n", result);
	fflush(stdout);
	sys.reboot(0, NULL);
	fail("reboot");
}

static void measure_mutex(char **argument)
{
	static const char *const components[] = { NULL };
	void (*init)(void **, int), (*lock)(void *), (*unlock)(void *);
	void *mutex;
	double start;

	boot(components);
	enter(0);
	init = symbol("rumpuser_mutex_init");
	lock = symbol("rumpuser_mutex_enter");
	unlock = symbol("rumpuser_mutex_exit");
	init(&mutex, MUTEX_KMUTEX);
	start = now();
	for (int i = 0; i < LOCKS; i++) {
		lock(mutex);
		unlock(mutex);
	}
	halt((now() - start) / LOCKS);
}

static int there[2], back[2];

static void *answer(void *unused)
{
	char byte;

	enter(1);
	for (int i = 0; i < ROUNDS; i++) {
		must("read", sys.read(there[0], &byte, 1));
		must("write", sys.write(back[1], &byte, 1));
	}
	return NULL;
}

static void measure_pipe(char **argument)
{
	static const char *const components[] = { NULL };
	pthread_t peer;
	char byte = 0;
	double start;

	boot(components);
	enter(0);
	must("pipe", sys.pipe2(there, 0));
	must("pipe", sys.pipe2(back, 0));
	if (pthread_create(&peer, NULL, answer, NULL))
		fail("pthread_create");
	start = now();
	for (int i = 0; i < ROUNDS; i++) {
		must("write", sys.write(there[1], &byte, 1));
		must("read", sys.read(back[0], &byte, 1));
	}
	start = now() - start;
	pthread_join(peer, NULL);
	halt(start / ROUNDS);
}

static void *drain(void *listener)
{
	char *buf = malloc(TCP_BUFFER);
	int fd;

	if (!buf)
		fail("malloc");
	enter(1);
	fd = must("accept", sys.accept((int)(intptr_t)listener, NULL, NULL));
	while (must("read", sys.read(fd, buf, TCP_BUFFER)) > 0)
		;
	must("write", sys.write(fd, buf, 1));
	free(buf);
	return NULL;
}

static void measure_tcp(char **argument)
{
	static const char *const components[] = { "rumpnet", "rumpnet_net", "rumpnet_netinet", NULL };
	const struct nb_sockaddr_in address = {
		.len = sizeof(address),
		.family = NB_AF_INET,
		.port = htons(4000),
		.address = htonl(0x7f000001),
	};
	static char buf[TCP_BUFFER];
	int listener, fd;
	pthread_t peer;
	double start;

	boot(components);
	enter(0);
	listener = must("socket", sys.socket(NB_AF_INET, NB_SOCK_STREAM, 0));
	must("bind", sys.bind(listener, &address, sizeof(address)));
	must("listen", sys.listen(listener, 1));
	if (pthread_create(&peer, NULL, drain, (void *)(intptr_t)listener))
		fail("pthread_create");
	fd = must("socket", sys.socket(NB_AF_INET, NB_SOCK_STREAM, 0));
	must("connect", sys.connect(fd, &address, sizeof(address)));
	start = now();
	for (long long sent = 0; sent < DATA_SIZE;)
		sent += must("write", sys.write(fd, buf, sizeof(buf)));
	must("shutdown", sys.shutdown(fd, NB_SHUT_WR));
	must("read", sys.read(fd, buf, 1));
	start = now() - start;
	pthread_join(peer, NULL);
	halt(start);
}

static void mount_ffs(const char *image)
{
	static const char *const components[] = { "rumpvfs", "rumpdev", "rumpdev_disk", "rumpfs_ffs", NULL };
	/* struct ufs_args */
	const char *device = "/dev/disk";

	boot(components);
	enter(0);
	rump.etfs_register = symbol("rump_pub_etfs_register");
	errno = rump.etfs_register(device, image, NB_ETFS_BLK);
	if (errno)
		fail(image);
	must("mkdir", sys.mkdir("/mnt", 0755));
	must("mount", sys.mount("ffs", "/mnt", 0, &device, sizeof(device)));
}

static char piece[PIECE];

static void measure_write(char **argument)
{
	double start;
	int fd;

	mount_ffs(argument[0]);
	start = now();
	fd = must("open", sys.open("/mnt/data", NB_O_RDWR | NB_O_CREAT | NB_O_TRUNC, 0644));
	for (long long i = 0; i < DATA_SIZE / PIECE; i++) {
		memset(piece, (int)i, sizeof(piece));
		if (must("write", sys.write(fd, piece, PIECE)) != PIECE)
			fail("short write");
	}
	must("fsync", sys.fsync(fd));
	start = now() - start;
	must("close", sys.close(fd));
	must("unmount", sys.unmount("/mnt", 0));
	halt(start);
}

static void measure_read(char **argument)
{
	long long total = 0;
	double start;
	ssize_t n;
	int fd;

	mount_ffs(argument[0]);
	start = now();
	fd = must("open", sys.open("/mnt/data", NB_O_RDONLY));
	while ((n = must("read", sys.read(fd, piece, PIECE))) > 0)
		total += n;
	start = now() - start;
	if (total != DATA_SIZE) {
		fprintf(stderr, "netbsd: read %lld bytes of %lld\n", total, DATA_SIZE);
		exit(1);
	}
	must("close", sys.close(fd));
	must("unmount", sys.unmount("/mnt", 0));
	halt(start);
}

/* Serves until standard input ends; says "ready" when it takes clients. */
static void serve(char **argument)
{
	static const char *const components[] = { "rumpkern_sysproxy", NULL };
	int (*init_server)(const char *url);
	char byte;

	boot(components);
	init_server = symbol("rump_init_server");
	errno = init_server(argument[0]);
	if (errno)
		fail(argument[0]);
	printf("ready\n");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		fail("standard input");
	sys.reboot(0, NULL);
}

static void measure_remote(char **argument)
{
	double start;

	if (setenv("RUMP_SERVER", argument[0], 1))
		fail("setenv");
	library("rumpclient");
	bind_calls();
	rump.client_init = symbol("rumpclient_init");
	must("rumpclient_init", rump.client_init());
	for (int i = 0; i < NULL_CALLS / 10; i++)
		must("getpid", sys.getpid());
	start = now();
	for (int i = 0; i < NULL_CALLS; i++)
		must("getpid", sys.getpid());
	printf("%.12f\n", (now() - start) / NULL_CALLS);
}

static const struct {
	const char *name;
	int arguments;
	void (*run)(char **argument);
} measures[] = {
	{ "mutex", 0, measure_mutex },
	{ "pipe", 0, measure_pipe },
	{ "tcp", 0, measure_tcp },
	{ "write", 1, measure_write },
	{ "read", 1, measure_read },
	{ "serve", 1, serve },
	{ "remote", 1, measure_remote },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(measures) / sizeof(measures[0]); i++)
		if (!strcmp(argv[1], measures[i].name) && argc == 2 + measures[i].arguments) {
			measures[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "usage: netbsd mutex | pipe | tcp | write IMAGE | read IMAGE | serve URL | remote URL\n");
	return 2;
}
