/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks in memory, and what is written to them and read again */
#ifndef TESTS_LINUX_DISKS_H
#define TESTS_LINUX_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <rumpus/rumpus.h>

#define DISKS 4
#define MIB (1 << 20)
#define DISK_SIZE (16 * MIB)
#define SECTOR 512

extern struct rumpus *kernel;
extern char disks[DISKS][32];	      /* their nodes in the kernel */
extern unsigned char *written, *got; /* DISK_SIZE each, aligned for direct I/O */

/** disks_begin() - boot a kernel that has the disks */
void disks_begin(void);

/** add_disk() - one more, by a specification; gives its node */
void add_disk(const char *spec, char name[32]);

/** transfer() - read (O_RDONLY) or write (O_WRONLY) past every cache: two views of the same bytes agree */
long transfer(const char *node, int flags, unsigned char *bytes, size_t size, off_t offset);

/** put() - write the beginning of what fill() has made to @offset of @node */
bool put(const char *node, size_t size, off_t offset);
/** get() - read it into @got */
bool get(const char *node, size_t size, off_t offset);
/** holds() - is what was written from @from on at @offset of @node? */
bool holds(const char *node, size_t from, size_t size, off_t offset);
/** fill() - contents that differ by @seed */
void fill(unsigned int seed);

#endif
