// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: from an attached image to a mounted file system, and back */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "command.h"
#include "explain.h"

/* MS_NOSYMFOLLOW of <linux/mount.h>, which cannot be included beside <sys/mount.h> */
#define NO_SYMFOLLOW 256

unsigned long mount_options_parse(const char *options, char *data)
{
	static const struct {
		const char *name;
		unsigned long set, clear;
	} generic[] = {
		{ "defaults", 0, 0 },
		{ "ro", MS_RDONLY, 0 },
		{ "rw", 0, MS_RDONLY },
		{ "sync", MS_SYNCHRONOUS, 0 },
		{ "async", 0, MS_SYNCHRONOUS },
		{ "dirsync", MS_DIRSYNC, 0 },
		{ "nosuid", MS_NOSUID, 0 },
		{ "suid", 0, MS_NOSUID },
		{ "nodev", MS_NODEV, 0 },
		{ "dev", 0, MS_NODEV },
		{ "noexec", MS_NOEXEC, 0 },
		{ "exec", 0, MS_NOEXEC },
		{ "noatime", MS_NOATIME, 0 },
		{ "atime", 0, MS_NOATIME },
		{ "nodiratime", MS_NODIRATIME, 0 },
		{ "diratime", 0, MS_NODIRATIME },
		{ "relatime", MS_RELATIME, 0 },
		{ "norelatime", 0, MS_RELATIME },
		{ "strictatime", MS_STRICTATIME, 0 },
		{ "lazytime", MS_LAZYTIME, 0 },
		{ "nolazytime", 0, MS_LAZYTIME },
		{ "nosymfollow", NO_SYMFOLLOW, 0 },
		{ "silent", MS_SILENT, 0 },
		{ "loud", 0, MS_SILENT },
	};
	const size_t count = sizeof(generic) / sizeof(*generic);
	unsigned long flags = 0;

	*data = 0;
	while (options && *options) {
		size_t length = strcspn(options, ","), i;

		for (i = 0; i < count; i++) {
			if (strlen(generic[i].name) == length && !strncmp(generic[i].name, options, length))
				break;
		}
		if (i < count)
			flags = (flags | generic[i].set) & ~generic[i].clear;
		else if (length)
			sprintf(data + strlen(data), "%s%.*s", *data ? "," : "", (int)length, options);
		options += length + (options[length] == ',');
	}
	return flags;
}

const char *image_partition(const struct command *command, const struct image *image)
{
	return image->partition ? image->partition : command->options.partition;
}

/* Lower layers need not all have the partition that is meant for all images. */
static bool is_whole(const struct image *image)
{
	return image->lower && !image->partition;
}

int image_find(const struct command *command, const struct image *image, uint64_t *offset, uint64_t *size)
{
	const char *wish = image_partition(command, image);
	const struct probe_partition *partition;
	struct probe_table table;

	*offset = *size = 0;
	if (!wish)
		return 0;
	if (probe_partitions(image, &table))
		return is_whole(image) ? 0 : -ENOENT;
	partition = probe_choose(&table, wish);
	if (!partition)
		return -ENOENT;
	*offset = partition->offset;
	*size = partition->size;
	return 0;
}

const char *driver_of(const char *type)
{
	return strcmp(type, "ntfs") ? type : "ntfs3";
}

/* Finds and locks the partition that the command names. Return: 0; a negative errno after a message */
static int choose_partition(struct worker *worker, struct image *image, uint64_t *offset, uint64_t *size)
{
	const char *wish = image_partition(worker->command, image);
	const struct probe_partition *partition;
	struct probe_table table;

	if (probe_partitions(image, &table)) {
		if (is_whole(image))
			return image_claim(worker, image, 0, 0);
		if (!explain_format(worker, image))
			report_error(&worker->report, image->path, "has no partition table; leave out %s%s",
				     image->partition ? "@" : "-p ", wish);
		return -ENOENT;
	}
	partition = probe_choose(&table, wish);
	if (!partition) {
		explain_partitions(worker, image, &table);
		return -ENOENT;
	}
	*offset = partition->offset;
	*size = partition->size;
	snprintf(image->node + strlen(image->node), sizeof(image->node) - strlen(image->node), "p%d",
		 partition->number);
	return image_claim(worker, image, partition->offset, partition->size);
}

/*
 * Each of several partitions of a file has a disk of its own, so that one that is read is not changed while another
 * one is written to. Two of what is one place would not know of each other's writes.
 */
static int claim(struct worker *worker, struct image *image, uint64_t offset, uint64_t size)
{
	const struct command *command = worker->command;

	image->start = offset;
	image->end = size ? offset + size : image->size;
	for (const struct image *other = command->images; other < command->images + command->image_count; other++) {
		if (other == image || other->root < 0 || strcmp(other->file, image->file) ||
		    (!other->writable && !image->writable) || other->start >= image->end || image->start >= other->end)
			continue;
		report_error(&worker->report, image->path, "is where %s is, too; give both the same name", other->path);
		return -EBUSY;
	}
	return 0;
}

static int find_type(struct worker *worker, struct image *image, uint64_t offset, uint64_t size)
{
	const char *wish = image->lower ? NULL : worker->command->options.type;
	struct probe probe;
	int error = 0;

	if (!wish) {
		error = probe_place(image, offset, size, &probe);
		wish = probe.type;
		if (error)
			return explain_unknown(worker, image, error);
		if (explain_contents(worker, image, &probe))
			return -ENOENT;
	}
	snprintf(image->type, sizeof(image->type), "%s", driver_of(wish));
	return 0;
}

void image_mount_point(unsigned int number, char path[16])
{
	snprintf(path, 16, "/image%u", number);
}

static long mount_with(const struct image *image, const char *dir, unsigned long flags, const char *data,
		       const char *extra)
{
	char *all;
	long error;

	if (asprintf(&all, "%s%s%s", data, *data && *extra ? "," : "", extra) < 0)
		return -ENOMEM;
	error = rumpus_sys_mount(image->node, dir, image->type, flags, all);
	free(all);
	return error;
}

/* The UFS driver does not look which of two relatives it has before it. */
static long mount_as_found(const struct image *image, const char *dir, unsigned long flags, const char *data)
{
	long error;

	if (strcmp(image->type, "ufs") || strstr(data, "ufstype="))
		return mount_with(image, dir, flags, data, "");
	error = mount_with(image, dir, flags, data, "ufstype=44bsd");
	return error && error != -EINTR ? mount_with(image, dir, flags, data, "ufstype=ufs2") : error;
}

static long mount_at(struct worker *worker, struct image *image, const char *dir)
{
	const char *options = image->lower ? NULL : worker->command->options.mount_options;
	char *data = malloc((options ? strlen(options) : 0) + 1);
	unsigned long flags;
	long error;

	if (!data)
		return -ENOMEM;
	flags = mount_options_parse(options, data);
	if (!image->writable)
		flags |= MS_RDONLY;
	error = rumpus_sys_mkdirat(AT_FDCWD, dir, 0700);
	/* Where files have no modes, drivers make them of the mask: other users are to meet what mount(8) would show. */
	if (worker->command->resident)
		rumpus_sys_umask(worker->umask);
	if (!error || error == -EEXIST)
		error = mount_as_found(image, dir, flags, data);
	rumpus_sys_umask(0);
	free(data);
	if (error)
		return error;
	image->root = (int)rumpus_sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return image->root < 0 ? image->root : 0;
}

/* Some drivers refuse to write, others just do not. */
static bool is_read_only(const struct image *image, long error)
{
	struct statfs st;

	if (error)
		return error == -EROFS || error == -EACCES;
	return !rumpus_sys_fstatfs(image->root, (void *)&st) && st.f_flags & ST_RDONLY;
}

/* The parent has another worker try, which writes nothing to the image and keeps nobody else from reading it. */
static int leave_to_reader(struct worker *worker)
{
	int error = wire_begin(&worker->wire, WIRE_MOUNT_RO, 0);

	worker->report.outcome |= OUTCOME_FAILED;
	error = error ? error : wire_end(&worker->wire, -1);
	return error ? error : -EROFS;
}

int image_mount(struct worker *worker, struct image *image, unsigned int number)
{
	uint64_t offset = 0, size = 0, before = clock_now(), since = atomic_load(&worker->shared->log_end), found;
	char dir[16];
	long error = 0;

	if (image->root >= 0)
		return 0; /* a shell's, which mounted it once for all lines */
	if (image_partition(worker->command, image))
		error = choose_partition(worker, image, &offset, &size);
	if (!error)
		error = find_type(worker, image, offset, size);
	if (!error)
		error = claim(worker, image, offset, size);
	if (error)
		return (int)error;
	found = clock_now();
	image_mount_point(number, dir);
	error = mount_at(worker, image, dir);
	if (worker->command->either && !image->lower && !worker->command->layer_count && is_read_only(image, error))
		return leave_to_reader(worker);
	if (error && error != -EINTR)
		explain_mount(worker, image, error, since);
	if (!error)
		explain_short(worker, image);
	if (!error)
		report_detail(&worker->report, image->path, "%s, found in %.1f ms, mounted in %.1f ms", image->type,
			      (double)(found - before) / 1e6, (double)(clock_now() - found) / 1e6);
	return (int)error;
}

/* A write-back that failed is told here: umount() itself is silent about it. */
static long sync_all(const struct image *image)
{
	long error = rumpus_sys_syncfs(image->root), closed = rumpus_sys_close(image->root);

	return error ? error : closed;
}

static long flush_disk(const struct image *image)
{
	long fd = rumpus_sys_openat(AT_FDCWD, image->node, O_RDWR | O_CLOEXEC, 0), error;

	if (fd < 0)
		return fd;
	error = rumpus_sys_fsync((int)fd);
	rumpus_sys_close((int)fd);
	return error;
}

int image_unmount(struct worker *worker, struct image *image, unsigned int number)
{
	uint64_t before = clock_now();
	char dir[16];
	long error, result = sync_all(image);

	/* Extended attributes of symbolic links may have led the process into the image. */
	rumpus_sys_chdir("/");
	image->root = -1;
	image_mount_point(number, dir);
	error = rumpus_sys_umount2(dir, 0);
	result = result ? result : error;
	error = error ? error : flush_disk(image);
	result = result ? result : error;
	if (result)
		report_error(&worker->report, image->path, "cannot be unmounted cleanly: %s; check it with fsck",
			     report_errno(result));
	else
		report_detail(&worker->report, image->path, "unmounted in %.1f ms",
			      (double)(clock_now() - before) / 1e6);
	return (int)result;
}
