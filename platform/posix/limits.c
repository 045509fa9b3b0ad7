// SPDX-License-Identifier: BSD-2-Clause
/* How much memory a program may have: the host's, or less where a control group or its limit of address space says so */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "posix.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The number in the file, if there is one: a group without a limit says "max". */
static uint64_t read_limit(const char *path)
{
	uint64_t limit = UINT64_MAX;
	FILE *file = fopen(path, "re");

	if (!file)
		return limit;
	if (fscanf(file, "%" SCNu64, &limit) != 1)
		limit = UINT64_MAX;
	fclose(file);
	return limit;
}

/* The least limit of the group at @path below @root and of those that it lies in. */
static uint64_t group_limit(const char *root, char *path, const char *name)
{
	char file[PATH_MAX];
	uint64_t least = UINT64_MAX;
	char *slash;

	for (;;) {
		if (snprintf(file, sizeof(file), "%s%s/%s", root, path, name) < (int)sizeof(file))
			least = lesser(least, read_limit(file));
		slash = strrchr(path, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* A line of /proc/self/cgroup is "number:controllers:path"; version 2 has no controllers (cgroups(7)). */
static uint64_t line_limit(char *line)
{
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return UINT64_MAX;
	*controllers++ = '\0';
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (!*controllers)
		return group_limit("/sys/fs/cgroup", path, "memory.max");
	if (!strcmp(controllers, "memory"))
		return group_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes");
	return UINT64_MAX;
}

static uint64_t groups_limit(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t least = UINT64_MAX;
	char line[PATH_MAX + 128];

	if (!file)
		return least;
	while (fgets(line, sizeof(line), file))
		least = lesser(least, line_limit(line));
	fclose(file);
	return least;
}

/* Address space that the program may still take: a kernel takes its bound at once, whatever it uses of it later. */
static uint64_t address_space_left(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0, used;
	struct rlimit limit;

	/* Without /proc nobody says how much is used. */
	if (file && fscanf(file, "%" SCNu64, &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	used = pages * posix_page_size();
	return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

uint64_t posix_memory_allowed(void)
{
	uint64_t host = (uint64_t)sysconf(_SC_PHYS_PAGES) * posix_page_size();

	return lesser(host, lesser(groups_limit(), address_space_left()));
}
