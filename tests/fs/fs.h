/* SPDX-License-Identifier: BSD-2-Clause */
/* One file system under test: an image file, a kernel that has it mounted, the host's checker. */
#ifndef TESTS_FS_FS_H
#define TESTS_FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rumpus/rumpus.h>

/** FS_MOUNT - where the file system is mounted inside the kernel */
#define FS_MOUNT "/mnt"

/**
 * struct fs - one file system
 * @name:    as the test's argument has it
 * @type:    as mount(2) takes it
 * @options: the same; NULL for none
 * @kernel:  that has it; NULL while none runs
 * @disk:    its device node inside that kernel
 */
struct fs {
	const char *name;
	const char *type;
	const char *options;
	struct rumpus *kernel;
	char disk[32];
};

/**
 * fs_begin() - prepare for the file system that the test's argument names
 *
 * Gives up root's rights first, so that everything that follows is done as an ordinary user does it. Aborts the test
 * on failure, as do all functions here that return nothing.
 */
void fs_begin(struct fs *fs, int argc, char **argv);

/** fs_make() - make a new image, with all defaults of the file system's own mkfs */
void fs_make(const struct fs *fs);

/**
 * fs_boot() - boot a kernel and give it the image
 * @cpus: virtual CPUs
 * @wrap: what stands in front of the image in the specification ("fault,...:"); "" for nothing
 */
void fs_boot(struct fs *fs, unsigned int cpus, const char *wrap);

/** fs_mount() - Return: 0 or the kernel's error */
int fs_mount(struct fs *fs, unsigned long flags);

/** fs_unmount() - Return: 0 or the kernel's error */
int fs_unmount(struct fs *fs);

/** fs_halt() - end the kernel, without unmounting */
void fs_halt(struct fs *fs);

/** fs_start() - boot and mount, with a check that it worked; aborts when not */
void fs_start(struct fs *fs, unsigned int cpus);

/** fs_stop() - unmount and halt, with a check that the unmount was clean */
void fs_stop(struct fs *fs);

/** fs_check() - have the host's own checker look at the image without changing it, as one check of this name */
bool fs_check(const struct fs *fs, const char *name);

/** fs_image() - Return: path of the image on the host */
const char *fs_image(void);

#endif
