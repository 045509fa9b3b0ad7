// SPDX-License-Identifier: BSD-2-Clause
/* Volumes made of disks, by drivers that are components: the device mapper's and MD's do what they are for */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../tap.h"

#define DISKS 3
#define MIB (1 << 20)
#define DISK_SIZE (16 * MIB)
#define SECTOR 512
#define ALIGNMENT 4096
#define CHUNK (64 << 10)
#define LEFT_SYMMETRIC 2 /* layout of RAID 5; the headers leave it to the driver */
#define PATIENCE 60000	 /* milliseconds */

#define MD_DEVICE "/dev/md0"

static struct rumpus *kernel;
static char disks[DISKS][32];
static unsigned char *written, *got; /* DISK_SIZE each, aligned for direct I/O */
static int control;

/* ---- disks and contents ---- */

static void add_disk(const char *spec, char name[32])
{
	char error[512];

	if (rumpus_disk_add(kernel, spec, 0, name, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
}

static void begin(void)
{
	const struct rumpus_config config = { .size = sizeof(config), .cpus = 2 };
	int ret = rumpus_boot(&config, &kernel);

	if (ret)
		tap_abort("boot: %s", strerror(-ret));
	for (int i = 0; i < DISKS; i++)
		add_disk("mem,size=16M:", disks[i]);
}

static unsigned char *aligned(void)
{
	void *memory;

	if (posix_memalign(&memory, ALIGNMENT, DISK_SIZE))
		tap_abort("no memory");
	return memory;
}

/* Direct, past every cache: two views of the same bytes agree. */
static long transfer(const char *node, int flags, unsigned char *bytes, size_t size, off_t offset)
{
	int fd = (int)rumpus_sys_openat(AT_FDCWD, node, flags | O_DIRECT, 0);
	long done = fd;

	if (fd >= 0) {
		done = flags & O_WRONLY ? rumpus_sys_pwrite64(fd, bytes, size, offset)
					: rumpus_sys_pread64(fd, bytes, size, offset);
		rumpus_sys_close(fd);
	}
	return done;
}

static bool put(const char *node, size_t size, off_t offset)
{
	return transfer(node, O_WRONLY, written, size, offset) == (long)size;
}

static bool get(const char *node, size_t size, off_t offset)
{
	memset(got, 0, size);
	return transfer(node, O_RDONLY, got, size, offset) == (long)size;
}

static bool holds(const char *node, size_t from, size_t size, off_t offset)
{
	return get(node, size, offset) && !memcmp(got, written + from, size);
}

static void fill(unsigned int seed)
{
	for (size_t i = 0; i < DISK_SIZE / sizeof(uint32_t); i++)
		((uint32_t *)written)[i] = (uint32_t)(i + 1) * 2654435761U + seed;
}

/* ---- the device mapper ---- */

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

/* ---- MD ---- */

static int array;

static mdu_disk_info_t member(int number)
{
	mdu_disk_info_t info = { .number = number,
				 .raid_disk = number,
				 .state = (1 << MD_DISK_ACTIVE) | (1 << MD_DISK_SYNC) };
	struct stat st;

	if (rumpus_sys_newfstatat(AT_FDCWD, disks[number], &st, 0))
		tap_abort("%s: no such node", disks[number]);
	info.major = (int)major(st.st_rdev);
	info.minor = (int)minor(st.st_rdev);
	return info;
}

static unsigned long device_of(int number)
{
	const mdu_disk_info_t info = member(number);

	return (unsigned long)makedev((unsigned int)info.major, (unsigned int)info.minor);
}

static long array_ioctl(unsigned long request, unsigned long argument)
{
	return rumpus_sys_ioctl(array, (unsigned int)request, argument);
}

/* Without superblocks, and with contents that need no first synchronization. */
static bool assemble(int level, int count)
{
	mdu_array_info_t info = { .minor_version = 90,
				  .level = level,
				  .size = DISK_SIZE >> 10,
				  .nr_disks = count,
				  .raid_disks = count,
				  .not_persistent = 1,
				  .state = 1 << MD_SB_CLEAN,
				  .layout = level == 5 ? LEFT_SYMMETRIC : 0,
				  .chunk_size = level == 5 ? CHUNK : 0 };
	long ret;

	memset(written, 0, DISK_SIZE);
	for (int i = 0; i < count; i++)
		put(disks[i], DISK_SIZE, 0);
	array = (int)rumpus_sys_openat(AT_FDCWD, MD_DEVICE, O_RDWR, 0);
	ret = array < 0 ? array : array_ioctl(SET_ARRAY_INFO, (unsigned long)&info);
	for (int i = 0; i < count && !ret; i++) {
		mdu_disk_info_t disk = member(i);

		ret = array_ioctl(ADD_NEW_DISK, (unsigned long)&disk);
	}
	if (!ret)
		ret = array_ioctl(RUN_ARRAY, 0);
	return tap_is(ret, 0, "RAID %d of %d disks is made", level, count);
}

static void fail_disk(int number)
{
	long ret = array_ioctl(SET_DISK_FAULTY, device_of(number));

	/* The array lets go of it when its last request has ended. */
	for (int i = 0; !ret && i < PATIENCE; i++) {
		ret = array_ioctl(HOT_REMOVE_DISK, device_of(number));
		if (ret != -EBUSY)
			break;
		ret = 0;
		usleep(1000);
	}
	tap_is(ret, 0, "a disk fails and is taken out");
}

static bool is_whole(int count)
{
	mdu_array_info_t info;

	for (int i = 0; i < PATIENCE; i++) {
		if (array_ioctl(GET_ARRAY_INFO, (unsigned long)&info))
			return false;
		if (info.working_disks == count && info.active_disks == count && !info.spare_disks)
			return true;
		usleep(1000);
	}
	return false;
}

static void replace_disk(int number, int count)
{
	memset(got, 0xff, DISK_SIZE);
	transfer(disks[number], O_WRONLY, got, DISK_SIZE, 0);
	tap_is(array_ioctl(HOT_ADD_DISK, device_of(number)), 0, "a new disk takes its place");
	tap_ok(is_whole(count), "the array is made whole again");
}

static void disassemble(void)
{
	tap_is(array_ioctl(STOP_ARRAY, 0), 0, "the array is stopped");
	rumpus_sys_close(array);
}

static void test_raid1(void)
{
	if (!assemble(1, 2))
		return;
	fill(5);
	tap_ok(put(MD_DEVICE, 8 * MIB, 0), "it is written to");
	tap_ok(holds(disks[0], 0, 8 * MIB, 0) && holds(disks[1], 0, 8 * MIB, 0), "both disks have it");
	fail_disk(0);
	tap_ok(holds(MD_DEVICE, 0, 8 * MIB, 0), "the other has it all");
	replace_disk(0, 2);
	tap_ok(holds(disks[0], 0, 8 * MIB, 0), "the new disk has it too");
	disassemble();
}

/* Every byte of the three disks, XORed, is zero. */
static bool parity_holds(void)
{
	unsigned char *sum = written;

	memset(sum, 0, DISK_SIZE);
	for (int disk = 0; disk < DISKS; disk++) {
		if (!get(disks[disk], DISK_SIZE, 0))
			return false;
		for (size_t i = 0; i < DISK_SIZE; i++)
			sum[i] ^= got[i];
	}
	for (size_t i = 0; i < DISK_SIZE; i++)
		if (sum[i])
			return false;
	return true;
}

static void test_raid5(void)
{
	if (!assemble(5, 3))
		return;
	fill(6);
	tap_ok(put(MD_DEVICE, 8 * MIB, 0) && put(MD_DEVICE, 20 * SECTOR, 9 * MIB + SECTOR),
	       "whole stripes and a part are written");
	tap_ok(parity_holds(), "the parity is that of the data");
	fail_disk(1);
	fill(6);
	tap_ok(holds(MD_DEVICE, 0, 8 * MIB, 0) && holds(MD_DEVICE, 0, 20 * SECTOR, 9 * MIB + SECTOR),
	       "all is there without a disk");
	replace_disk(1, 3);
	tap_ok(parity_holds(), "the parity is right again");
	disassemble();
}

int main(void)
{
	char error[512];

	written = aligned();
	got = aligned();
	begin();
	tap_is(rumpus_component_load(kernel, "dm-mod", NULL, error, sizeof(error)), 0, "the device mapper is loaded");
	control = (int)rumpus_sys_openat(AT_FDCWD, "/dev/mapper/control", O_RDWR, 0);
	if (control < 0)
		tap_abort("/dev/mapper/control: %s", strerror(-control));
	test_linear();
	test_crypt();
	test_verity();
	test_snapshot();
	rumpus_sys_close(control);
	tap_is(rumpus_component_load(kernel, "md-mod", NULL, error, sizeof(error)), 0, "MD is loaded");
	rumpus_sys_mknodat(AT_FDCWD, MD_DEVICE, S_IFBLK | 0600, (unsigned int)makedev(MD_MAJOR, 0));
	test_raid1();
	test_raid5();
	rumpus_halt(kernel);
	return tap_done();
}
