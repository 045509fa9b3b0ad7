// SPDX-License-Identifier: BSD-2-Clause
/* Disks in memory, and what is written to them and read again */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "disks.h"

#define ALIGNMENT 4096

struct rumpus *kernel;
char disks[DISKS][32];
unsigned char *written, *got;

static unsigned char *aligned(void)
{
	void *memory;

	if (posix_memalign(&memory, ALIGNMENT, DISK_SIZE))
		tap_abort("no memory");
	return memory;
}

void add_disk(const char *spec, char name[32])
{
	char error[512];

	if (rumpus_disk_add(kernel, spec, 0, name, error, sizeof(error)))
		tap_abort("%s: %s", spec, error);
}

void disks_begin(void)
{
	const struct rumpus_config config = { .size = sizeof(config), .cpus = 2 };
	int ret = rumpus_boot(&config, &kernel);

	if (ret)
		tap_abort("boot: %s", strerror(-ret));
	written = aligned();
	got = aligned();
	for (int i = 0; i < DISKS; i++)
		add_disk("mem,size=16M:", disks[i]);
}

long transfer(const char *node, int flags, unsigned char *bytes, size_t size, off_t offset)
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

bool put(const char *node, size_t size, off_t offset)
{
	return transfer(node, O_WRONLY, written, size, offset) == (long)size;
}

bool get(const char *node, size_t size, off_t offset)
{
	memset(got, 0, size);
	return transfer(node, O_RDONLY, got, size, offset) == (long)size;
}

bool holds(const char *node, size_t from, size_t size, off_t offset)
{
	return get(node, size, offset) && !memcmp(got, written + from, size);
}

void fill(unsigned int seed)
{
	for (size_t i = 0; i < DISK_SIZE / sizeof(uint32_t); i++)
		((uint32_t *)written)[i] = (uint32_t)(i + 1) * 2654435761U + seed;
}
