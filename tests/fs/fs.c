// SPDX-License-Identifier: BSD-2-Clause
/* One file system under test: making, booting, mounting, checking */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../coverage.h"
#include "fs.h"
#include "../tap.h"

#define NOBODY 65534
#define IMAGE_SIZE (512LL << 20) /* sparse; XFS refuses less than 300 MiB */
#define IMAGE_NAME "disk.img"

extern char **environ;

/* A file system's own tools, run in the test's directory; the image's name comes last. */
static const struct tools {
	const char *name;
	const char *type;
	const char *options;
	const char *make[5];
	const char *check[5];
} all_tools[] = {
	{ "ext4", "ext4", NULL, { "mkfs.ext4", "-q", "-F" }, { "e2fsck", "-f", "-n" } },
	{ "ext4-journal", "ext4", "data=journal", { "mkfs.ext4", "-q", "-F" }, { "e2fsck", "-f", "-n" } },
	{ "ext4-writeback", "ext4", "data=writeback", { "mkfs.ext4", "-q", "-F" }, { "e2fsck", "-f", "-n" } },
	{ "xfs", "xfs", NULL, { "mkfs.xfs", "-q", "-f" }, { "xfs_repair", "-n", "-f" } },
	{ "btrfs", "btrfs", NULL, { "mkfs.btrfs", "-q", "-f" }, { "btrfs", "check", "--readonly", "--force" } },
	{ "f2fs", "f2fs", NULL, { "mkfs.f2fs", "-q", "-f" }, { "fsck.f2fs", "--dry-run" } },
};

static const struct tools *tools_of(const char *name)
{
	for (size_t i = 0; i < sizeof(all_tools) / sizeof(all_tools[0]); i++)
		if (!strcmp(all_tools[i].name, name))
			return &all_tools[i];
	tap_abort("no such file system: %s", name);
}

const char *fs_image(void)
{
	return IMAGE_NAME;
}

/* Runs a tool on the image; its output goes to the log. Returns its exit status. */
static int run_tool(const char *const words[])
{
	posix_spawn_file_actions_t actions;
	char *argv[8] = { NULL };
	int n = 0, error, status;
	pid_t pid;

	while (words[n]) {
		argv[n] = (char *)words[n];
		n++;
	}
	argv[n] = (char *)IMAGE_NAME;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		tap_abort("%s: %s", argv[0], strerror(error));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			tap_abort("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* @path stays open, as what the variable @variable names from now on. */
static void keep_open(const char *variable, const char *path, int flags)
{
	char name[32];
	int fd = open(path, flags);

	if (fd < 0)
		tap_abort("%s: %s", path, strerror(errno));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	setenv(variable, name, 1);
}

/*
 * The kernel image may lie below a directory that only root may enter. Its descriptor stays open, and /proc/self/fd
 * opens it anew whatever its path. The same for the directory of its components.
 */
static void keep_kernel_image(void)
{
	const char *path = getenv("RUMPUS_IMAGE");
	char *directory;

	if (!path)
		return;
	directory = strdup(path);
	if (!directory)
		tap_abort("out of memory");
	if (!getenv("RUMPUS_COMPONENTS"))
		keep_open("RUMPUS_COMPONENTS", dirname(directory), O_RDONLY | O_DIRECTORY);
	free(directory);
	keep_open("RUMPUS_IMAGE", path, O_RDONLY);
}

static void give_up_rights(void)
{
	if (geteuid())
		return;
	keep_kernel_image();
	if (chown(".", NOBODY, NOBODY) || setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		tap_abort("cannot become an ordinary user: %s", strerror(errno));
	/* Else /proc/self still belongs to root. */
	prctl(PR_SET_DUMPABLE, 1);
}

void fs_begin(struct fs *fs, int argc, char **argv)
{
	const char *path = getenv("PATH");
	const struct tools *tools;
	char *with_sbin;

	if (argc != 2)
		tap_abort("usage: %s ext4|ext4-journal|ext4-writeback|xfs|btrfs|f2fs", argv[0]);
	tools = tools_of(argv[1]);
	*fs = (struct fs){ .name = tools->name, .type = tools->type, .options = tools->options };
	if (asprintf(&with_sbin, "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin") < 0)
		tap_abort("out of memory");
	setenv("PATH", with_sbin, 1);
	free(with_sbin);
	give_up_rights();
}

void fs_make(const struct fs *fs)
{
	int fd = open(IMAGE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, IMAGE_SIZE))
		tap_abort("%s: %s", IMAGE_NAME, strerror(errno));
	close(fd);
	if (run_tool(tools_of(fs->name)->make))
		tap_abort("%s failed", tools_of(fs->name)->make[0]);
}

static void log_console(void *arg, const char *text, size_t len)
{
	fwrite(text, 1, len, stderr);
}

void fs_boot(struct fs *fs, unsigned int cpus, const char *wrap)
{
	const struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = cpus,
		.log = log_console,
	};
	char spec[256], error[256] = "";
	int ret;

	ret = rumpus_boot(&config, &fs->kernel);
	if (ret < 0)
		tap_abort("rumpus_boot: %s", strerror(-ret));
	snprintf(spec, sizeof(spec), "%sfile:%s", wrap, IMAGE_NAME);
	ret = rumpus_disk_add(fs->kernel, spec, 0, fs->disk, error, sizeof(error));
	if (ret < 0)
		tap_abort("rumpus_disk_add(%s): %s (%s)", spec, strerror(-ret), error);
}

int fs_mount(struct fs *fs, unsigned long flags)
{
	int ret = rumpus_sys_mkdirat(AT_FDCWD, FS_MOUNT, 0755);

	if (ret < 0 && ret != -EEXIST)
		return ret;
	return rumpus_sys_mount(fs->disk, FS_MOUNT, fs->type, flags, fs->options);
}

int fs_unmount(struct fs *fs)
{
	return rumpus_sys_umount2(FS_MOUNT, 0);
}

void fs_halt(struct fs *fs)
{
	int ret = coverage_save();

	if (ret < 0)
		tap_note("coverage: %s", strerror(-ret));
	ret = rumpus_halt(fs->kernel);
	if (ret < 0)
		tap_abort("rumpus_halt: %s", strerror(-ret));
	fs->kernel = NULL;
}

void fs_start(struct fs *fs, unsigned int cpus)
{
	int ret;

	fs_boot(fs, cpus, "");
	ret = fs_mount(fs, 0);
	if (!tap_is(ret, 0, "%s mounts, %u virtual CPUs", fs->type, cpus))
		tap_abort("nothing to test");
}

void fs_stop(struct fs *fs)
{
	tap_is(fs_unmount(fs), 0, "%s unmounts", fs->type);
	fs_halt(fs);
}

bool fs_check(const struct fs *fs, const char *name)
{
	const struct tools *tools = tools_of(fs->name);

	return tap_is(run_tool(tools->check), 0, "%s: %s finds nothing", name, tools->check[0]);
}
