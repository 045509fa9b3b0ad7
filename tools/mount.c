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
#include "foreign.h"

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

/* The text of a line without level and time: "<4>[    0.1] EXT4-fs: ..." */
static const char *without_stamp(const char *line)
{
	if (*line == '<' && strchr(line, '>'))
		line = strchr(line, '>') + 1;
	if (*line == '[' && strchr(line, ']'))
		line = strchr(line, ']') + 1;
	while (*line == ' ')
		line++;
	return line;
}

/* The line of the log that ends before @stop, and not before @since. Return: where it begins */
static uint64_t line_before(const struct shared *shared, uint64_t since, uint64_t stop, char *line, size_t size)
{
	uint64_t at = stop - 1;
	size_t length = 0;

	while (at > since && shared->log[(at - 1) % sizeof(shared->log)] != '\n')
		at--;
	for (uint64_t i = at; i < stop && length < size - 1; i++) {
		char c = shared->log[i % sizeof(shared->log)];

		if (c != '\n')
			line[length++] = c ? c : '?';
	}
	line[length] = 0;
	memmove(line, without_stamp(line), strlen(without_stamp(line)) + 1);
	return at;
}

/* The last line since then that has this word, or any; "" when there is none */
static const char *last_line_with(const struct shared *shared, uint64_t since, const char *word, char *line,
				  size_t size)
{
	uint64_t end = atomic_load(&shared->log_end);

	/* What the ring still holds, and no further: the counter may be a hostile worker's. */
	if (end - since > sizeof(shared->log))
		since = end < sizeof(shared->log) ? 0 : end - sizeof(shared->log);
	for (uint64_t stop = end; stop > since;) {
		stop = line_before(shared, since, stop, line, size);
		if (*line && strstr(line, word))
			return line;
	}
	*line = 0;
	return line;
}

const char *kernel_last_words(const struct shared *shared, uint64_t since, char *line, size_t size)
{
	return last_line_with(shared, since, "", line, size);
}

/* "2 (ext4, 1.0 GiB, "root")" */
static int describe_partition(const struct image *image, const struct probe_partition *partition, char *text,
			      size_t size)
{
	const struct foreign *foreign;
	struct probe probe;
	char bytes[32], name[128];

	if (probe_place(image, partition->offset, partition->size, &probe))
		*probe.type = 0;
	foreign = foreign_type(probe.type);
	return snprintf(text, size, "%d (%s, %s%s%.40s%s)", partition->number,
			foreign	      ? foreign_name(foreign, probe.version, name, sizeof(name)) :
			*probe.type ? probe.type :
				      "no file system",
			text_size(partition->size, bytes, sizeof(bytes)),
			*partition->name ? ", \"" : "", partition->name, *partition->name ? "\"" : "");
}

static void list_partitions(struct worker *worker, const struct image *image, const struct probe_table *table)
{
	char list[800] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < table->count && used < sizeof(list) - 160; i++) {
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s", used ? ", " : "");
		used += (size_t)describe_partition(image, &table->partitions[i], list + used, sizeof(list) - used);
	}
	if (worker->command->image_count > 1)
		report_error(&worker->report, image->path, "has partitions; choose one, as in %s@%d: %s", image->file,
			     table->partitions[0].number, list);
	else
		report_error(&worker->report, image->path, "has partitions; choose one with -p: %s", list);
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

/* Nothing is found in an image: is it the image of a disk in another form? Return: true after a message */
static bool explain_format(struct worker *worker, const struct image *image)
{
	const struct foreign *format = foreign_format(image);
	char text[512];

	if (format)
		report_error(&worker->report, image->path, "is %s",
			     foreign_say(format, "", image->file, text, sizeof(text)));
	return format;
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
		report_error(&worker->report, image->path, "has no partition \"%s\"%s", wish,
			     table.count ? "" : "; its partition table is empty");
		if (table.count)
			list_partitions(worker, image, &table);
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

static int unknown_contents(struct worker *worker, const struct image *image, int error)
{
	struct probe_table table;

	if (error == -EEXIST)
		report_error(&worker->report, image->path,
			     "has signatures of several file systems; choose one with -t TYPE");
	else if (!image_partition(worker->command, image) && !probe_partitions(image, &table) && table.count)
		list_partitions(worker, image, &table);
	else if (image_partition(worker->command, image) || !explain_format(worker, image))
		report_error(&worker->report, image->path,
			     "no file system is recognised in it; make one with mkfs, or name its type with -t");
	return -ENOENT;
}

/* Return: true after a message: it is none of what is mounted */
static bool explain_contents(struct worker *worker, const struct image *image, const struct probe *probe)
{
	const struct foreign *contents = foreign_type(probe->type);
	char text[512];

	if (contents)
		report_error(&worker->report, image->path, "holds %s",
			     foreign_say(contents, probe->version, image->file, text, sizeof(text)));
	return contents;
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
			return unknown_contents(worker, image, error);
		if (explain_contents(worker, image, &probe))
			return -ENOENT;
	}
	snprintf(image->type, sizeof(image->type), "%s", driver_of(wish));
	return 0;
}

/* The UFS driver looks for the superblock of UFS2 at 64 KiB, and says no more than that it is not there. */
static bool has_early_superblock(const struct worker *worker, const struct image *image, const char *last_words)
{
	struct probe probe;
	uint64_t offset, size;

	return !strcmp(image->type, "ufs") && strstr(last_words, "bad magic number") &&
	       !image_find(worker->command, image, &offset, &size) && !probe_place(image, offset, size, &probe) &&
	       !strcmp(probe.version, "2");
}

/* libblkid takes the second copy of a GPT for a first one that is damaged, and more of an MBR; the kernel does not. */
static bool has_no_node(const struct image *image)
{
	return rumpus_sys_faccessat(AT_FDCWD, image->node, F_OK) == -ENOENT;
}

/* What the kernel has no parser for, or what is wrong. */
static void explain_table(struct worker *worker, const struct image *image)
{
	struct probe_table table;

	if (!probe_partitions(image, &table) && strcmp(table.type, "gpt") && strcmp(table.type, "dos"))
		report_error(&worker->report, image->path,
			     "its partition table is of the kind \"%s\", which is not read here, only GPT and MBR; copy "
			     "the partition into a file of its own: dd if=%s of=part.img bs=1M "
			     "iflag=skip_bytes,count_bytes skip=%llu count=%llu",
			     table.type, image->file, (unsigned long long)image->start,
			     (unsigned long long)(image->end - image->start));
	else
		report_error(&worker->report, image->path,
			     "its partition table is damaged: the kernel finds no partition %s there; repair the table "
			     "(gdisk, sfdisk)",
			     image_partition(worker->command, image));
}

/* Most drivers read nothing smaller than a sector; what was made where these are smaller is of no use on such a disk. */
static bool has_small_blocks(const struct worker *worker, const struct image *image, uint64_t *offset, uint64_t *size,
			     unsigned int *block)
{
	const unsigned int sector = probe_sector(image);
	struct probe probe;

	if (image_find(worker->command, image, offset, size) || probe_place(image, *offset, *size, &probe))
		return false;
	*block = probe.block;
	return probe.block && probe.block < sector;
}

static void explain_blocks(struct worker *worker, const struct image *image, uint64_t offset, uint64_t size,
			   unsigned int block, const char *line)
{
	const unsigned int sector = probe_sector(image);

	if (image->sector_given)
		report_error(&worker->report, image->path,
			     "its %s has blocks of %u bytes, which cannot be on a disk with sectors of %u; leave out "
			     "--sector %u; the kernel says: %s",
			     image->type, block, sector, sector, *line ? line : "nothing");
	else
		report_error(&worker->report, image->path,
			     "its %s has blocks of %u bytes, smaller than the sectors of its disk, which have %u; copy "
			     "it into a file of its own, which has smaller ones: dd if=%s of=part.img bs=1M "
			     "iflag=skip_bytes,count_bytes skip=%llu count=%llu; the kernel says: %s",
			     image->type, block, sector, image->file, (unsigned long long)offset,
			     (unsigned long long)(size ? size : image->size), *line ? line : "nothing");
}

static void explain_mount(struct worker *worker, const struct image *image, long error, uint64_t since)
{
	const struct options *options = &worker->command->options;
	unsigned int block;
	uint64_t offset, size;
	char line[256];

	/* Which feature is unknown, XFS and Btrfs say before their last word. */
	if (!*last_line_with(worker->shared, since, "features", line, sizeof(line)))
		kernel_last_words(worker->shared, since, line, sizeof(line));
	if (error == -ENODEV)
		report_error(&worker->report, image->path, "%s \"%s\", for which this kernel image has no driver%s",
			     options->type ? "is to be of type" : "holds", image->type, options->type ? "; check -t" : "");
	else if (error == -ENOENT && has_no_node(image))
		explain_table(worker, image);
	else if (error != -EROFS && has_small_blocks(worker, image, &offset, &size, &block))
		explain_blocks(worker, image, offset, size, block, line);
	else if (error == -EINVAL && options->mount_options && *options->mount_options)
		report_error(&worker->report, image->path,
			     "%s does not take the mount options \"%s\", or there is no such "
			     "file system; the kernel says: %s",
			     image->type, options->mount_options, *line ? line : "nothing");
	else if (has_early_superblock(worker, image, line))
		report_error(
			&worker->report, image->path,
			"holds UFS2 with its superblock at 8 KiB, where Linux's driver does not look; make it with "
			"makefs -o version=1");
	else if (error == -EROFS || error == -EACCES)
		report_error(&worker->report, image->path,
			     "can only be mounted read-only as %s: ask for that (-o ro)%s%s", image->type,
			     *line ? "; the kernel says: " : "", line);
	else
		report_error(&worker->report, image->path, "cannot be mounted as %s: %s; the kernel says: %s",
			     image->type, error == -EINVAL ? "no valid file system of this type" : report_errno(error),
			     *line ? line : "nothing");
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
	if (worker->command->either && !worker->command->layer_count && is_read_only(image, error))
		return leave_to_reader(worker);
	if (error && error != -EINTR)
		explain_mount(worker, image, error, since);
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
