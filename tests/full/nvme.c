// SPDX-License-Identifier: BSD-2-Clause
/* A disk of one kernel is a disk of another one by NVMe over TCP: a file system on it, and a link that fails */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../net/message.h"
#include "../net/node.h"
#include "../tap.h"
#include "files.h"

#define IMAGE "disk.img"
#define IMAGE_MIB 64
#define FILE_BYTES (16 * MIB)
#define ROOT "/mnt"
#define PATIENCE 60 /* seconds */
#define CONFIG "/config"
#define SUBSYSTEM CONFIG "/nvmet/subsystems/disk"
#define NAMESPACE SUBSYSTEM "/namespaces/1"
#define PORT CONFIG "/nvmet/ports/1"
#define EXPORTED PORT "/subsystems/disk"
#define DISK "/dev/nvme0n1"

static struct node target, host;

static void serve(void)
{
	char disk[32], error[512];

	node_boot_set(&target, "target", "full", 2);
	node_link(&target, "pair:wire", "10.9.0.1/24");
	if (rumpus_disk_add(target.kernel, "file:" IMAGE, 0, disk, error, sizeof(error)) ||
	    rumpus_component_load(target.kernel, "nvmet", NULL, error, sizeof(error)))
		tap_abort("%s", error);
	node_enter(&target);
	rumpus_sys_mkdirat(AT_FDCWD, CONFIG, 0755);
	must(rumpus_sys_mount("configfs", CONFIG, "configfs", 0, NULL), "configfs");
	must(rumpus_sys_mkdirat(AT_FDCWD, SUBSYSTEM, 0755), SUBSYSTEM);
	put(&target, SUBSYSTEM "/attr_allow_any_host", "1");
	must(rumpus_sys_mkdirat(AT_FDCWD, NAMESPACE, 0755), NAMESPACE);
	put(&target, NAMESPACE "/device_path", disk);
	put(&target, NAMESPACE "/enable", "1");
	must(rumpus_sys_mkdirat(AT_FDCWD, PORT, 0755), PORT);
	put(&target, PORT "/addr_trtype", "tcp");
	put(&target, PORT "/addr_adrfam", "ipv4");
	put(&target, PORT "/addr_traddr", "10.9.0.1");
	put(&target, PORT "/addr_trsvcid", "4420");
	must(rumpus_sys_symlinkat(SUBSYSTEM, AT_FDCWD, EXPORTED), EXPORTED);
}

static void stop_serving(void)
{
	node_enter(&target);
	must(rumpus_sys_unlinkat(AT_FDCWD, EXPORTED, 0), EXPORTED);
	must(rumpus_sys_unlinkat(AT_FDCWD, PORT, AT_REMOVEDIR), PORT);
	must(rumpus_sys_unlinkat(AT_FDCWD, NAMESPACE, AT_REMOVEDIR), NAMESPACE);
	must(rumpus_sys_unlinkat(AT_FDCWD, SUBSYSTEM, AT_REMOVEDIR), SUBSYSTEM);
	node_halt(&target);
}

/* Disks come and go some time after what makes them. */
static bool appears(const char *path, bool there)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < PATIENCE * 100; i++) {
		if (!rumpus_sys_faccessat(AT_FDCWD, path, F_OK) == there)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void connect_host(void)
{
	static const char wanted[] = "transport=tcp,traddr=10.9.0.1,trsvcid=4420,nqn=disk";
	char error[512];
	long fd;

	node_boot_set(&host, "host", "full", 2);
	node_link(&host, "pair:wire", "10.9.0.2/24");
	if (rumpus_component_load(host.kernel, "nvme-tcp", NULL, error, sizeof(error)))
		tap_abort("%s", error);
	node_enter(&host);
	rumpus_sys_mkdirat(AT_FDCWD, "/dev", 0755);
	rumpus_sys_mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = rumpus_sys_openat(AT_FDCWD, "/dev/nvme-fabrics", O_RDWR, 0);
	must(fd, "/dev/nvme-fabrics");
	tap_is(rumpus_sys_write((int)fd, wanted, sizeof(wanted) - 1), sizeof(wanted) - 1, "connected");
	rumpus_sys_close((int)fd);
	tap_ok(appears(DISK, true), "there is a disk");
}

static void *write_on(void *result)
{
	node_enter(&host);
	*(long *)result = file_write(ROOT "/far", 2, FILE_BYTES);
	return NULL;
}

/* The link fails while somebody writes: the connection waits, or is made again. */
static void test_outage(void)
{
	const struct timespec pause = { .tv_nsec = 300 * 1000 * 1000 };
	long result = -1;
	pthread_t thread;

	rumpus_net_down(target.kernel, target.device);
	if (pthread_create(&thread, NULL, write_on, &result))
		tap_abort("no thread");
	nanosleep(&pause, NULL);
	rumpus_net_up(target.kernel, target.device);
	pthread_join(thread, NULL);
	tap_is(result, 0, "what is written during an outage waits for its end");
}

int main(void)
{
	image_make(IMAGE, IMAGE_MIB);
	serve();
	connect_host();
	rumpus_sys_mkdirat(AT_FDCWD, ROOT, 0755);
	tap_is(rumpus_sys_mount(DISK, ROOT, "ext4", 0, NULL), 0, "its file system is mounted");
	tap_is(file_write(ROOT "/data", 1, FILE_BYTES), 0, "a file is written");
	test_outage();
	tap_is(rumpus_sys_umount2(ROOT, 0), 0, "unmounted");
	tap_is(rumpus_sys_mount(DISK, ROOT, "ext4", MS_RDONLY, NULL), 0, "mounted again");
	tap_ok(file_has(ROOT "/data", 1, FILE_BYTES) && file_has(ROOT "/far", 2, FILE_BYTES), "the files are read");
	tap_is(rumpus_sys_umount2(ROOT, 0), 0, "unmounted");
	must(node_put(&host, "/sys/class/nvme/nvme0/delete_controller", "1"), "delete_controller");
	tap_ok(appears(DISK, false), "disconnected: the disk is gone");
	node_halt(&host);
	stop_serving();
	tap_ok(image_is_clean(IMAGE), "the image is clean");
	tap_ok(image_has(IMAGE, "data", 1, FILE_BYTES) && image_has(IMAGE, "far", 2, FILE_BYTES), "and has the files");
	return tap_done();
}
