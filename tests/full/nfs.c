// SPDX-License-Identifier: BSD-2-Clause
/*
 * NFS between two kernels with disks and a network: one serves an ext4 image, the other mounts it, and nothing runs but
 * the two of them
 *
 * The server is told by its own files whom it serves and what, which on a machine is the work of exportfs and mountd;
 * what it remembers of clients it keeps in /var/lib/nfs/v4recovery. Without rpcbind it speaks version 4 alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../net/message.h"
#include "../net/node.h"
#include "../tap.h"
#include "files.h"

#define IMAGE "disk.img"
#define IMAGE_MIB 160
#define FILE_BYTES (24 * MIB)
#define FILES 300
#define ROOT "/mnt"
#define EXPORT "/export"
#define SERVER "10.9.0.1"
#define CLIENT "10.9.0.2"
/* The server's flags of an export: from ports of any number, root is root, no look at the way to a file, "fsid=0" */
#define EXPORT_FLAGS (0x2 | 0x400 | 0x2000)
#define WAITING 1 /* no result yet */
#define FOREVER "2147483647"

static struct node server, client;

/* ---- the server ---- */

static void make_directories(void)
{
	static const char *const names[] = { EXPORT, "/var", "/var/lib", "/var/lib/nfs", "/var/lib/nfs/v4recovery" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		rumpus_sys_mkdirat(AT_FDCWD, names[i], 0755);
}

static void serve(void)
{
	char disk[32], error[512], line[128];

	node_boot_set(&server, "server", "full", 2);
	node_link(&server, "shm:bus", SERVER "/24");
	if (rumpus_disk_add(server.kernel, "file:" IMAGE, 0, disk, error, sizeof(error)))
		tap_abort("disk: %s", error);
	node_enter(&server);
	make_directories();
	if (rumpus_sys_mount(disk, EXPORT, "ext4", 0, NULL))
		tap_abort("%s does not mount", disk);
	if (rumpus_component_load(server.kernel, "nfsd", NULL, error, sizeof(error)))
		tap_abort("nfsd: %s", error);
	if (rumpus_sys_mount("nfsd", "/proc/fs/nfsd", "nfsd", 0, NULL))
		tap_abort("its files do not mount");
	put(&server, "/proc/net/rpc/auth.unix.ip/channel", "nfsd " CLIENT " " FOREVER " clients\n");
	snprintf(line, sizeof(line), "clients " EXPORT " " FOREVER " %d 65534 65534 0\n", EXPORT_FLAGS);
	put(&server, "/proc/net/rpc/nfsd.export/channel", line);
	put(&server, "/proc/net/rpc/nfsd.fh/channel", "clients 1 \\x00000000 " FOREVER " " EXPORT "\n");
	put(&server, "/proc/fs/nfsd/versions", "-3 +4 +4.0 +4.1 +4.2\n");
	put(&server, "/proc/fs/nfsd/threads", "4\n");
	/* There was no server before whose clients might ask for what they had. */
	put(&server, "/proc/fs/nfsd/v4_end_grace", "Y\n");
}

static void stop_serving(void)
{
	put(&server, "/proc/fs/nfsd/threads", "0\n");
	tap_is(rumpus_sys_umount2("/proc/fs/nfsd", 0), 0, "the server has ended");
	tap_is(rumpus_sys_umount2(EXPORT, 0), 0, "and holds nothing");
	node_halt(&server);
}

/* ---- the client ---- */

static long count_entries(const char *path)
{
	static char entries[1 << 16] __attribute__((aligned(8)));
	long fd = rumpus_sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), got, count = 0;

	must(fd, path);
	while ((got = rumpus_sys_getdents64((int)fd, entries, sizeof(entries))) > 0)
		for (long at = 0; at < got; at += ((struct dirent *)(entries + at))->d_reclen)
			count++;
	rumpus_sys_close((int)fd);
	return got < 0 ? got : count;
}

static long mount_export(const char *version)
{
	char options[256];

	snprintf(options, sizeof(options), "vers=%s,addr=" SERVER ",clientaddr=" CLIENT ",proto=tcp,sec=sys", version);
	node_enter(&client);
	rumpus_sys_mkdirat(AT_FDCWD, ROOT, 0755);
	return rumpus_sys_mount(SERVER ":/", ROOT, "nfs4", 0, options);
}

static void unmount(const char *version)
{
	node_enter(&client);
	tap_is(rumpus_sys_umount2(ROOT, 0), 0, "%s: unmounted", version);
}

static void test_contents(const char *version, uint64_t seed)
{
	tap_is(file_write(ROOT "/data", seed, FILE_BYTES), 0, "%s: a file is written", version);
	node_enter(&server);
	tap_ok(file_has(EXPORT "/data", seed, FILE_BYTES), "%s: the server has it in its file system", version);
	unmount(version);
	tap_is(mount_export(version), 0, "%s: mounted again", version);
	tap_ok(file_has(ROOT "/data", seed, FILE_BYTES), "%s: the client reads it", version);
}

static void test_names(const char *version)
{
	char path[64], target[64] = "";
	struct stat stat;
	long wrong = 0;

	must(rumpus_sys_mkdirat(AT_FDCWD, ROOT "/d", 0755), "mkdir");
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), ROOT "/d/file %d", i);
		wrong += rumpus_sys_mknodat(AT_FDCWD, path, S_IFREG | 0640, 0) != 0;
	}
	tap_is(wrong, 0, "%s: %d files are made", version, FILES);
	tap_is(count_entries(ROOT "/d"), FILES + 2, "%s: and listed", version);
	rumpus_sys_unlinkat(AT_FDCWD, ROOT "/d/file 7", 0);
	rumpus_sys_renameat(AT_FDCWD, ROOT "/d/file 8", AT_FDCWD, ROOT "/d/moved");
	rumpus_sys_linkat(AT_FDCWD, ROOT "/d/moved", AT_FDCWD, ROOT "/d/linked", 0);
	rumpus_sys_symlinkat("../data", AT_FDCWD, ROOT "/d/symbolic");
	rumpus_sys_fchownat(AT_FDCWD, ROOT "/d/moved", 1234, 5678, 0);
	node_enter(&server);
	tap_is(count_entries(EXPORT "/d"), FILES + 3, "%s: one is deleted, two are made", version);
	rumpus_sys_readlinkat(AT_FDCWD, EXPORT "/d/symbolic", target, sizeof(target) - 1);
	must(rumpus_sys_newfstatat(AT_FDCWD, EXPORT "/d/linked", &stat, 0), "stat");
	tap_ok(stat.st_nlink == 2 && stat.st_uid == 1234 && stat.st_gid == 5678 && stat.st_mode == (S_IFREG | 0640) &&
		       !strcmp(target, "../data"),
	       "%s: links, owners and modes are the server's", version);
	node_enter(&client);
}

/* Who has locked a file on the server's side is in the way of the client, and the reverse. */
static void test_locks(const char *version)
{
	const struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };
	const struct flock none = { .l_type = F_UNLCK };
	long here, there;

	here = rumpus_sys_openat(AT_FDCWD, ROOT "/data", O_RDWR, 0);
	must(here, "open");
	node_enter(&server);
	there = rumpus_sys_openat(AT_FDCWD, EXPORT "/data", O_RDWR, 0);
	must(there, "open");
	must(rumpus_sys_fcntl((int)there, F_SETLK, (unsigned long)&lock), "lock");
	node_enter(&client);
	tap_is(rumpus_sys_fcntl((int)here, F_SETLK, (unsigned long)&lock), -EAGAIN, "%s: the server's lock is one",
	       version);
	node_enter(&server);
	must(rumpus_sys_fcntl((int)there, F_SETLK, (unsigned long)&none), "unlock");
	node_enter(&client);
	tap_is(rumpus_sys_fcntl((int)here, F_SETLK, (unsigned long)&lock), 0, "%s: it is given back", version);
	node_enter(&server);
	tap_is(rumpus_sys_fcntl((int)there, F_SETLK, (unsigned long)&lock), -EAGAIN, "%s: the client's is one, too",
	       version);
	rumpus_sys_close((int)there);
	node_enter(&client);
	rumpus_sys_close((int)here);
}

static void pause_ms(long milliseconds)
{
	const struct timespec pause = { .tv_nsec = milliseconds * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

static void *write_on(void *result)
{
	node_enter(&client);
	*(long *)result = file_write(ROOT "/far", 5, FILE_BYTES);
	return NULL;
}

/* The network goes and comes back while somebody writes. */
static void test_outage(void)
{
	long result = -1;
	pthread_t thread;

	rumpus_net_down(server.kernel, server.device);
	if (pthread_create(&thread, NULL, write_on, &result))
		tap_abort("no thread");
	pause_ms(300);
	rumpus_net_up(server.kernel, server.device);
	pthread_join(thread, NULL);
	tap_is(result, 0, "what is written during an outage waits for its end");
	node_enter(&server);
	tap_ok(file_has(EXPORT "/far", 5, FILE_BYTES), "and arrives");
	node_enter(&client);
}

static void remove_all(void)
{
	char path[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), ROOT "/d/file %d", i);
		rumpus_sys_unlinkat(AT_FDCWD, path, 0);
	}
	rumpus_sys_unlinkat(AT_FDCWD, ROOT "/d/moved", 0);
	rumpus_sys_unlinkat(AT_FDCWD, ROOT "/d/linked", 0);
	rumpus_sys_unlinkat(AT_FDCWD, ROOT "/d/symbolic", 0);
	tap_is(rumpus_sys_unlinkat(AT_FDCWD, ROOT "/d", AT_REMOVEDIR), 0, "the directory is empty and deleted");
}

static void test_version(const char *version, uint64_t seed)
{
	long error = mount_export(version);

	if (!tap_ok(error == 0, "%s: mounted", version))
		tap_abort("%s", strerror((int)-error));
	test_contents(version, seed);
	test_names(version);
	test_locks(version);
	remove_all();
}

static void *make_never(void *result)
{
	node_enter(&client);
	__atomic_store_n((long *)result, WAITING, __ATOMIC_RELEASE);
	__atomic_store_n((long *)result, rumpus_sys_mkdirat(AT_FDCWD, ROOT "/never", 0755), __ATOMIC_RELEASE);
	return NULL;
}

/* A client that waits for a server which is gone can be halted all the same. */
static void test_server_gone(void)
{
	long result = 0;
	pthread_t thread;

	serve();
	node_boot_set(&client, "client", "full", 2);
	node_link(&client, "shm:bus", CLIENT "/24");
	tap_is(mount_export("4.2"), 0, "mounted");
	tap_is(file_write(ROOT "/last", 6, MIB), 0, "a file is written");
	node_halt(&server);
	if (pthread_create(&thread, NULL, make_never, &result))
		tap_abort("no thread");
	while (!__atomic_load_n(&result, __ATOMIC_ACQUIRE))
		pause_ms(10);
	pause_ms(300);
	tap_is(__atomic_load_n(&result, __ATOMIC_ACQUIRE), WAITING, "the server is switched off: its client waits");
	node_halt(&client);
	pthread_join(thread, NULL);
	tap_is(result, -ESHUTDOWN, "and is halted");
	image_replay(IMAGE);
	tap_ok(image_is_clean(IMAGE), "the server's image was not spoiled");
	tap_ok(image_has(IMAGE, "last", 6, MIB), "and has what was written");
}

int main(void)
{
	image_make(IMAGE, IMAGE_MIB);
	serve();
	node_boot_set(&client, "client", "full", 2);
	node_link(&client, "shm:bus", CLIENT "/24");
	test_version("4.0", 1);
	unmount("4.0");
	test_version("4.2", 2);
	test_outage();
	unmount("4.2");
	node_halt(&client);
	stop_serving();
	tap_ok(image_is_clean(IMAGE), "the image is clean");
	tap_ok(image_has(IMAGE, "data", 2, FILE_BYTES) && image_has(IMAGE, "far", 5, FILE_BYTES),
	       "and has what the client wrote");
	test_server_gone();
	return tap_done();
}
