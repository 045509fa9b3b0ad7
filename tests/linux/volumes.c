// SPDX-License-Identifier: BSD-2-Clause
/* Volumes made of disks by the device mapper, whose drivers are components */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../tap.h"
#include "disks.h"

#define ALIGNMENT 4096

static int control;

/** struct target - a piece of a mapped device, in sectors, and what it is made of */
struct target {
	uint64_t start, length;
	const char *type;
	char parameters[256];
};

/* One ioctl about the device @name; @targets go behind it. Return: of the ioctl */
static long mapper(unsigned long request, const char *name, uint32_t flags, const struct target *targets,
		   unsigned int count, uint64_t *device)
{
	struct {
		struct dm_ioctl head;
		char space[4096];
	} message = { .head = { .version = { DM_VERSION_MAJOR, 0, 0 },
				.data_size = sizeof(message),
				.data_start = sizeof(message.head),
				.flags = flags,
				.target_count = count } };
	char *at = message.space;
	long ret;

	snprintf(message.head.name, sizeof(message.head.name), "%s", name);
	for (unsigned int i = 0; i < count; i++) {
		struct dm_target_spec spec = { .sector_start = targets[i].start, .length = targets[i].length };
		size_t text = strlen(targets[i].parameters) + 1;

		spec.next = (uint32_t)((sizeof(spec) + text + 7) & ~7UL);
		snprintf(spec.target_type, sizeof(spec.target_type), "%s", targets[i].type);
		memcpy(at, &spec, sizeof(spec));
		memcpy(at + sizeof(spec), targets[i].parameters, text);
		at += spec.next;
	}
	ret = rumpus_sys_ioctl(control, (unsigned int)request, (unsigned long)&message);
	if (device)
		*device = message.head.dev;
	return ret;
}

/* Makes the device and a node for it. */
static bool map(const char *name, const char *node, const struct target *targets, unsigned int count)
{
	uint64_t device;
	long ret = mapper(DM_DEV_CREATE, name, 0, NULL, 0, &device);

	if (!ret)
		ret = mapper(DM_TABLE_LOAD, name, targets->type[0] == 'v' ? DM_READONLY_FLAG : 0, targets, count, NULL);
	if (!ret)
		ret = mapper(DM_DEV_SUSPEND, name, 0, NULL, 0, NULL); /* without the flag it resumes */
	if (!ret)
		ret = rumpus_sys_mknodat(AT_FDCWD, node, S_IFBLK | 0600, (unsigned int)device);
	return tap_is(ret, 0, "%s is made", name);
}

static void unmap(const char *name)
{
	tap_is(mapper(DM_DEV_REMOVE, name, 0, NULL, 0, NULL), 0, "%s is removed", name);
}

static void test_linear(void)
{
	struct target targets[2] = { { 0, 4 * MIB / SECTOR, "linear", "" },
				     { 4 * MIB / SECTOR, 4 * MIB / SECTOR, "linear", "" } };

	snprintf(targets[0].parameters, sizeof(targets[0].parameters), "%s 2048", disks[0]);
	snprintf(targets[1].parameters, sizeof(targets[1].parameters), "%s 0", disks[1]);
	if (!map("linear", "/linear", targets, 2))
		return;
	fill(1);
	tap_ok(put("/linear", 8 * MIB, 0), "written to two disks as if they were one");
	tap_ok(holds(disks[0], 0, 4 * MIB, MIB) && holds(disks[1], 4 * MIB, 4 * MIB, 0),
	       "each has its part, where it should be");
	tap_ok(holds("/linear", 0, 8 * MIB, 0), "and together they have it all");
	unmap("linear");
}

/* A vector of IEEE 1619: AES-128-XTS of 512 bytes 0, 1, 2... in sector 0. */
static void test_crypt(void)
{
	static const unsigned char expected[16] = { 0x27, 0xa7, 0x47, 0x9b, 0xef, 0xa1, 0xd4, 0x76,
						    0x48, 0x9f, 0x30, 0x8c, 0xd4, 0xcf, 0xa6, 0xe2 };
	struct target target = { 0, 8 * MIB / SECTOR, "crypt", "" };

	snprintf(target.parameters, sizeof(target.parameters),
		 "aes-xts-plain64 2718281828459045235360287471352631415926535897932384626433832795 0 %s 0", disks[0]);
	if (!map("crypt", "/crypt", &target, 1))
		return;
	fill(2);
	for (int i = 0; i < SECTOR; i++)
		written[i] = (unsigned char)i;
	tap_ok(put("/crypt", 8 * MIB, 0) && holds("/crypt", 0, 8 * MIB, 0), "what is written comes back");
	tap_ok(get(disks[0], 8 * MIB, 0) && !memcmp(got, expected, sizeof(expected)),
	       "the disk has the standard's ciphertext");
	unmap("crypt");
}

static void run(const char *command)
{
	int status = system(command);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		tap_abort("%s: failed", command);
}

/* 128 blocks of 4 KiB, whose checksums fill one block, whose checksum is the root. */
static void make_verity(char root[65])
{
	FILE *file;

	run("python3 -c '\n"
	    "import hashlib, random\n"
	    "salt = bytes(range(32))\n"
	    "data = random.Random(18).randbytes(128 * 4096)\n"
	    "hashes = b\"\".join(hashlib.sha256(salt + data[i:i + 4096]).digest() for i in range(0, len(data), 4096))\n"
	    "open(\"data.img\", \"wb\").write(data[:5 * 4096] + bytes([data[5 * 4096] ^ 1]) + data[5 * 4096 + 1:])\n"
	    "open(\"hash.img\", \"wb\").write(hashes)\n"
	    "open(\"good.img\", \"wb\").write(data)\n"
	    "open(\"root\", \"w\").write(hashlib.sha256(salt + hashes).hexdigest())'\n");
	file = fopen("root", "r");
	if (!file || fscanf(file, "%64s", root) != 1)
		tap_abort("no root");
	fclose(file);
}

static void test_verity(void)
{
	struct target target = { 0, 128 * 8, "verity", "" };
	char root[65], data[32], hashes[32];
	FILE *file;

	make_verity(root);
	add_disk("file:data.img", data);
	add_disk("file:hash.img", hashes);
	file = fopen("good.img", "rb");
	if (!file || fread(written, 4096, 128, file) != 128)
		tap_abort("good.img");
	fclose(file);
	snprintf(target.parameters, sizeof(target.parameters),
		 "1 %s %s 4096 4096 128 0 sha256 %s "
		 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		 data, hashes, root);
	if (!map("verity", "/verity", &target, 1))
		return;
	tap_ok(holds("/verity", 0, 5 * 4096, 0) && holds("/verity", 6 * 4096, 122 * 4096, 6 * 4096),
	       "blocks that are right are read");
	tap_is(transfer("/verity", O_RDONLY, got, 4096, 5 * 4096), -EIO, "one with a flipped bit is not");
	unmap("verity");
}

static void test_snapshot(void)
{
	struct target origin = { 0, 4 * MIB / SECTOR, "snapshot-origin", "" };
	struct target snapshot = { 0, 4 * MIB / SECTOR, "snapshot", "" };

	snprintf(origin.parameters, sizeof(origin.parameters), "%s", disks[0]);
	snprintf(snapshot.parameters, sizeof(snapshot.parameters), "%s %s P 16", disks[0], disks[1]);
	memset(written, 0, 4096);
	put(disks[1], 4096, 0); /* no header: a new store */
	fill(3);
	put(disks[0], 4 * MIB, 0);
	if (!map("snapshot", "/snapshot", &snapshot, 1) || !map("origin", "/origin", &origin, 1))
		return;
	fill(4);
	tap_ok(put("/origin", MIB, MIB) && holds("/origin", 0, MIB, MIB), "the origin is overwritten");
	fill(3);
	tap_ok(holds("/snapshot", 0, 4 * MIB, 0), "its snapshot has what was there before");
	unmap("origin");
	unmap("snapshot");
}

static bool message(const char *name, const char *text)
{
	struct {
		struct dm_ioctl head;
		struct dm_target_msg message;
		char text[64];
	} request = { .head = { .version = { DM_VERSION_MAJOR, 0, 0 },
				.data_size = sizeof(request),
				.data_start = sizeof(request.head) } };

	snprintf(request.head.name, sizeof(request.head.name), "%s", name);
	snprintf(request.text, sizeof(request.text), "%s", text);
	return tap_is(rumpus_sys_ioctl(control, DM_TARGET_MSG, (unsigned long)&request), 0, "%s: %s", name, text);
}

/* Two thin devices of a pool, the second a snapshot of the first */
static void test_thin(void)
{
	struct target pool = { 0, DISK_SIZE / SECTOR, "thin-pool", "" };
	struct target first = { 0, 64 * MIB / SECTOR, "thin", "/pool 0" };
	struct target second = { 0, 64 * MIB / SECTOR, "thin", "/pool 1" };

	snprintf(pool.parameters, sizeof(pool.parameters), "%s %s 128 0", disks[0], disks[1]);
	memset(written, 0, 4096);
	put(disks[0], 4096, 0); /* no superblock: a new pool */
	if (!map("pool", "/pool", &pool, 1) || !message("pool", "create_thin 0") || !map("first", "/first", &first, 1))
		return;
	fill(7);
	tap_ok(put("/first", 4 * MIB, 40 * MIB) && holds("/first", 0, 4 * MIB, 40 * MIB),
	       "a device larger than its pool is written to where it likes");
	tap_is(mapper(DM_DEV_SUSPEND, "first", DM_SUSPEND_FLAG, NULL, 0, NULL), 0, "it is suspended");
	message("pool", "create_snap 1 0");
	tap_is(mapper(DM_DEV_SUSPEND, "first", 0, NULL, 0, NULL), 0, "and goes on");
	if (!map("second", "/second", &second, 1))
		return;
	fill(8);
	tap_ok(put("/first", MIB, 40 * MIB) && holds("/first", 0, MIB, 40 * MIB), "it is overwritten");
	fill(7);
	tap_ok(holds("/second", 0, 4 * MIB, 40 * MIB), "its snapshot has what was there before");
	unmap("second");
	unmap("first");
	unmap("pool");
}

static void test_integrity(void)
{
	struct target target = { 0, 8 * MIB / SECTOR, "integrity", "" };
	unsigned char *disk = got;
	size_t at = 0;

	snprintf(target.parameters, sizeof(target.parameters), "%s 0 - J 1 internal_hash:crc32c", disks[2]);
	memset(written, 0, MIB);
	put(disks[2], MIB, 0); /* no superblock: it is formatted */
	if (!map("integrity", "/integrity", &target, 1))
		return;
	fill(9);
	tap_ok(put("/integrity", 8 * MIB, 0) && holds("/integrity", 0, 8 * MIB, 0), "what is written is read");
	unmap("integrity");
	/* Past the journal, where the sector has its place */
	get(disks[2], DISK_SIZE, 0);
	for (at = DISK_SIZE - SECTOR; at && memcmp(disk + at, written + 4 * MIB, SECTOR); at -= SECTOR)
		;
	tap_ok(at, "a sector lies on the disk as it was written");
	disk[at] ^= 1;
	tap_ok(transfer(disks[2], O_WRONLY, disk + at / ALIGNMENT * ALIGNMENT, ALIGNMENT,
			(off_t)(at / ALIGNMENT * ALIGNMENT)) == ALIGNMENT, "one bit of it changes");
	if (!map("integrity", "/integrity2", &target, 1))
		return;
	tap_is(transfer("/integrity2", O_RDONLY, got, SECTOR, 4 * MIB), -EILSEQ, "that is noticed");
	tap_ok(holds("/integrity2", 0, 4 * MIB, 0), "the rest is read");
	unmap("integrity");
}

int main(void)
{
	char error[512];

	disks_begin();
	tap_is(rumpus_component_load(kernel, "dm-mod", NULL, error, sizeof(error)), 0, "the device mapper is loaded");
	control = (int)rumpus_sys_openat(AT_FDCWD, "/dev/mapper/control", O_RDWR, 0);
	if (control < 0)
		tap_abort("/dev/mapper/control: %s", strerror(-control));
	test_linear();
	test_crypt();
	test_verity();
	test_snapshot();
	test_thin();
	test_integrity();
	rumpus_sys_close(control);
	rumpus_halt(kernel);
	return tap_done();
}
