// SPDX-License-Identifier: BSD-2-Clause
/* What the host says about this process, to check what a platform claims */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* The host's own copies of user memory fail where an access would fault. */
static int probe_file(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("probe", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, 1))
			tap_abort("memfd_create: %s", strerror(errno));
	}
	return fd;
}

bool host_readable(const void *addr)
{
	return pwrite(probe_file(), addr, 1, 0) == 1;
}

/* Leaves the byte as it is. */
bool host_writable(void *addr)
{
	return host_readable(addr) && pread(probe_file(), addr, 1, 0) == 1;
}

/* Bytes that have memory behind them; (size_t)-1 when the host does not tell. */
size_t host_resident(void *addr, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned char *flags = malloc(size / page);
	size_t i, bytes = 0;

	if (!flags || mincore(addr, size, flags)) {
		free(flags);
		return -1;
	}
	for (i = 0; i < size / page; i++)
		bytes += flags[i] & 1 ? page : 0;
	free(flags);
	return bytes;
}

unsigned int host_mappings_in(const void *addr, size_t size)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	unsigned int n = 0;
	char line[512];

	if (!file)
		tap_abort("/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && end > (unsigned long)addr &&
		    start - (unsigned long)addr < size)
			n++;
	}
	fclose(file);
	return n;
}

unsigned int host_mappings(void)
{
	return host_mappings_in(NULL, SIZE_MAX);
}

static unsigned int entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int n = 0;

	if (!dir)
		tap_abort("%s: %s", path, strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

unsigned int host_threads(void)
{
	return entries("/proc/self/task");
}

bool host_threads_settle(unsigned int most)
{
	int tries;

	for (tries = 0; tries < 5000; tries++) {
		if (host_threads() <= most)
			return true;
		usleep(1000); /* the host's time, whatever the platform's is */
	}
	return false;
}

unsigned int host_descriptors(void)
{
	return entries("/proc/self/fd");
}

bool host_emulated(void)
{
	return getenv("HYP_EMULATED");
}

int host_fork(void (*fn)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(60);
		fn(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tap_abort("fork: %s", strerror(errno));
	return status;
}
