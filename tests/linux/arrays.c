// SPDX-License-Identifier: BSD-2-Clause
/* Arrays made of disks by MD, whose drivers are components: they hold what they are for when disks fail */
#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../tap.h"
#include "disks.h"

#define CHUNK (64 << 10)
/* Layouts; the headers leave them to the drivers. */
#define LEFT_SYMMETRIC 2
#define TWO_NEAR_COPIES (1 << 8 | 2)
#define PATIENCE 60000 /* milliseconds */

#define MD_DEVICE "/dev/md0"

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
static bool assemble(int level, int count, int layout)
{
	mdu_array_info_t info = { .minor_version = 90,
				  .level = level,
				  .size = DISK_SIZE >> 10,
				  .nr_disks = count,
				  .raid_disks = count,
				  .not_persistent = 1,
				  .state = 1 << MD_SB_CLEAN,
				  .layout = layout,
				  .chunk_size = level == 1 ? 0 : CHUNK };
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
	if (!assemble(1, 2, 0))
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

/* Every byte of RAID 5's three disks, XORed, is zero. */
static bool parity_holds(void)
{
	unsigned char *sum = written;

	memset(sum, 0, DISK_SIZE);
	for (int disk = 0; disk < 3; disk++) {
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
	if (!assemble(5, 3, LEFT_SYMMETRIC))
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

/* Chunks in turn; nothing is left when a disk fails. */
static void test_raid0(void)
{
	if (!assemble(0, 2, 0))
		return;
	fill(10);
	tap_ok(put(MD_DEVICE, DISK_SIZE, 0) && holds(MD_DEVICE, 0, DISK_SIZE, 0), "it is written to and read");
	tap_ok(holds(disks[0], 0, CHUNK, 0) && holds(disks[1], CHUNK, CHUNK, 0) && holds(disks[0], 2 * CHUNK, CHUNK, CHUNK),
	       "its chunks lie on the disks in turn");
	disassemble();
}

/* Of four disks, two may fail, at the same time in RAID 6, one of each pair in RAID 10. */
static void test_two_fail(int level, int layout, int first, int second)
{
	if (!assemble(level, 4, layout))
		return;
	fill(11);
	tap_ok(put(MD_DEVICE, 8 * MIB, 0) && put(MD_DEVICE, 20 * SECTOR, 9 * MIB + SECTOR),
	       "whole stripes and a part are written");
	fail_disk(first);
	fail_disk(second);
	tap_ok(holds(MD_DEVICE, 0, 8 * MIB, 0) && holds(MD_DEVICE, 0, 20 * SECTOR, 9 * MIB + SECTOR),
	       "all is there without two disks");
	replace_disk(first, 3);
	replace_disk(second, 4);
	fail_disk(3 - first);
	fill(11);
	tap_ok(holds(MD_DEVICE, 0, 8 * MIB, 0), "and on the new ones");
	disassemble();
}

int main(void)
{
	char error[512];

	disks_begin();
	tap_is(rumpus_component_load(kernel, "md-mod", NULL, error, sizeof(error)), 0, "MD is loaded");
	rumpus_sys_mknodat(AT_FDCWD, MD_DEVICE, S_IFBLK | 0600, (unsigned int)makedev(MD_MAJOR, 0));
	test_raid0();
	test_raid1();
	test_raid5();
	test_two_fail(6, LEFT_SYMMETRIC, 0, 1);
	test_two_fail(10, TWO_NEAR_COPIES, 0, 2);
	rumpus_halt(kernel);
	return tap_done();
}
