// SPDX-License-Identifier: BSD-2-Clause
/* How much memory a program may have: the host's, or less where a control group says so */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "posix.h"

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
	uint64_t least = UINT64_MAX, limit;
	char *slash;

	for (;;) {
		if (snprintf(file, sizeof(file), "%s%s/%s", root, path, name) < (int)sizeof(file)) {
			limit = read_limit(file);
			if (limit < least)
				least = limit;
		}
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

uint64_t posix_memory_allowed(void)
{
	uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * posix_page_size(), limit;
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 128];

	if (!file)
		return least;
	while (fgets(line, sizeof(line), file)) {
		limit = line_limit(line);
		if (limit < least)
			least = limit;
	}
	fclose(file);
	return least;
}
