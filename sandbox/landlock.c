// SPDX-License-Identifier: BSD-2-Clause
/* Sandbox: no host file can be reached by name */
#include <errno.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

/*
 * Rights and attributes newer than the headers that this is built with; the numbers are the host's ABI. Each version
 * of Landlock refuses bits that it does not know.
 */
struct ruleset {
	uint64_t files;
	uint64_t network; /* version 4 */
	uint64_t scoped;  /* version 6 */
};

static const struct {
	int version;
	struct ruleset adds;
} rights[] = {
	{ 1, { (1 << 13) - 1, 0, 0 } },
	{ 2, { 1 << 13, 0, 0 } }, /* link or rename across directories */
	{ 3, { 1 << 14, 0, 0 } }, /* truncate */
	{ 4, { 0, 3, 0 } },	  /* TCP bind, connect */
	{ 5, { 1 << 15, 0, 0 } }, /* ioctl of devices */
	{ 6, { 0, 0, 3 } },	  /* abstract sockets, signals to processes outside */
};

/*
 * By the filter of a container, which may permit some of the calls only: as on a host without Landlock. Nothing else
 * gives these errors: with no_new_privs everybody may restrict itself.
 */
static int refused(const char *call)
{
	return errno == EPERM || errno == ENOSYS ? -ENOSYS : sandbox_refused(call);
}

static int allow_reading(int ruleset, int file)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = file };
	struct stat st;

	if (fstat(file, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
		       ? refused("landlock_add_rule")
		       : 0;
}

/**
 * sandbox_landlock() - take all rights to named files from this thread and those it creates
 * @readable: descriptors of files that may still be opened for reading, or of directories below which all may
 * @count:    how many
 * Return: 0; -ENOSYS without Landlock on this host, or where a filter refuses it; another negative errno
 */
int sandbox_landlock(const int *readable, size_t count)
{
	struct ruleset attr = { 0 };
	size_t size = sizeof(attr.files);
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset, error = 0;

	if (version < 1)
		return -ENOSYS;
	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights) && rights[i].version <= version; i++) {
		attr.files |= rights[i].adds.files;
		attr.network |= rights[i].adds.network;
		attr.scoped |= rights[i].adds.scoped;
	}
	if (version >= 4)
		size = version >= 6 ? sizeof(attr) : sizeof(attr.files) + sizeof(attr.network);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return refused("landlock_create_ruleset");
	for (size_t i = 0; i < count && !error; i++)
		error = allow_reading(ruleset, readable[i]);
	if (!error && syscall(SYS_landlock_restrict_self, ruleset, 0))
		error = refused("landlock_restrict_self");
	close(ruleset);
	return error;
}
