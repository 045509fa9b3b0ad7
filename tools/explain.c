// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: why an image cannot be mounted, and what helps */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "explain.h"
#include "foreign.h"

/* In the superblock of EROFS, at 1 KiB, and in its table of other devices; little-endian */
#define EROFS_BLOCK_SHIFT 0x40c
#define EROFS_BLOCK_SHIFT_MAX 16U
#define EROFS_BLOCKS 0x424
#define EROFS_FEATURES 0x450
#define EROFS_DEVICE_TABLE 0x8U
#define EROFS_DEVICES 0x456 /* and behind it, where the table begins */
#define EROFS_DEVICES_MOST 64U
#define EROFS_SLOT_SIZE 128
#define EROFS_SLOT_BLOCKS 64
#define EROFS_SLOT_MAPPED 68

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
			foreign	      ? foreign_name(foreign, probe.version, name, sizeof(name))
			: *probe.type ? probe.type
				      : "no file system",
			text_size(partition->size, bytes, sizeof(bytes)), *partition->name ? ", \"" : "",
			partition->name, *partition->name ? "\"" : "");
}

/* "1 (ext4, 1.0 GiB), 2 (swap space, 2.0 GiB, "swap"), and more, which info shows" */
static void list_partitions(const struct image *image, const struct probe_table *table, char *list, size_t size)
{
	unsigned int i;
	size_t used = 0;

	*list = 0;
	for (i = 0; i < table->count && used < size - 160; i++) {
		used += (size_t)snprintf(list + used, size - used, "%s", used ? ", " : "");
		used += (size_t)describe_partition(image, &table->partitions[i], list + used, size - used);
	}
	if (i < table->count && used < size)
		snprintf(list + used, size - used, ", and more, which info shows");
}

void explain_partitions(struct worker *worker, const struct image *image, const struct probe_table *table)
{
	const char *wish = image_partition(worker->command, image);
	char list[800];

	list_partitions(image, table, list, sizeof(list));
	if (wish && !table->count)
		report_error(&worker->report, image->path, "has no partition \"%.100s\"; its partition table is empty", wish);
	else if (wish)
		report_error(&worker->report, image->path, "has no partition \"%.100s\"%s; there are: %s", wish,
			     strpbrk(wish, ":/") ? " (a path after it begins with \":/\")" : "", list);
	else if (worker->command->image_count > 1 || worker->command->turn_count > 1)
		report_error(&worker->report, image->path, "has partitions; choose one, as in %s@%d: %s", image->file,
			     table->partitions[0].number, list);
	else
		report_error(&worker->report, image->path, "has partitions; choose one with -p: %s", list);
}

/* Nothing is found in an image: is it the image of a disk in another form? Return: true after a message */
bool explain_format(struct worker *worker, const struct image *image)
{
	const struct foreign *format = foreign_format(image);
	char text[512];

	if (format)
		report_error(&worker->report, image->path, "is %s",
			     foreign_say(format, "", image->file, text, sizeof(text)));
	return format;
}

int explain_unknown(struct worker *worker, const struct image *image, int error)
{
	struct probe_table table;

	if (error == -EEXIST)
		report_error(&worker->report, image->path,
			     "has signatures of several file systems; choose one with -t TYPE");
	else if (!image_partition(worker->command, image) && !probe_partitions(image, &table) && table.count)
		explain_partitions(worker, image, &table);
	else if (image_partition(worker->command, image) || !explain_format(worker, image))
		report_error(&worker->report, image->path,
			     "no file system is recognised in it; make one with mkfs, or name its type with -t");
	return -ENOENT;
}

/* Return: true after a message: it is none of what is mounted */
bool explain_contents(struct worker *worker, const struct image *image, const struct probe *probe)
{
	const struct foreign *contents = foreign_type(probe->type);
	char text[512];

	if (contents)
		report_error(&worker->report, image->path, "holds %s",
			     foreign_say(contents, probe->version, image->file, text, sizeof(text)));
	return contents;
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
		report_error(
			&worker->report, image->path,
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

/* Most drivers read nothing smaller than a sector; what was made where these are smaller is of no use on such a disk.
 */
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

/* What XFS and Btrfs do not know or support they say before their last word. */
static void find_cause(const struct shared *shared, uint64_t since, char *line, size_t size)
{
	static const char *const words[] = { "features (", "sectorsize ", "" };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (*last_line_with(shared, since, words[i], line, size))
			return;
	}
}

/* Features of mkfs's by their names. Return: true after a message */
static bool explain_unsupported(struct worker *worker, const struct image *image, const char *line)
{
	char names[256];
	bool readable;
	unsigned int count = explain_features(image->type, line, names, sizeof(names), &readable);

	if (!count)
		return false;
	report_error(&worker->report, image->path,
		     "%s as %s: %s does not know its feature%s %s; %s, or make it without that; the kernel says: %s",
		     readable ? "can only be mounted read-only" : "cannot be mounted", image->type,
		     rumpus_version(worker->kernel), count > 1 ? "s" : "", names,
		     readable ? "ask for that (-o ro)" : "read it with a newer kernel", line);
	return true;
}

static uint32_t superblock_u32(const struct image *image, int64_t offset)
{
	return le32toh(superblock_field(image, offset, 4));
}

/* What an EROFS that lies in several devices needs when they are one behind the other, in blocks. @count: of others */
static uint64_t erofs_end(const struct image *image, uint32_t *count)
{
	uint64_t end = superblock_u32(image, EROFS_BLOCKS), more;
	uint32_t slots = superblock_u32(image, EROFS_DEVICES);
	int64_t slot = (int64_t)(slots >> 16) * EROFS_SLOT_SIZE;

	*count = superblock_u32(image, EROFS_FEATURES) & EROFS_DEVICE_TABLE ? slots & 0xffff : 0;
	for (uint32_t i = 0; i < *count && i < EROFS_DEVICES_MOST; i++, slot += EROFS_SLOT_SIZE) {
		more = (uint64_t)superblock_u32(image, slot + EROFS_SLOT_BLOCKS) +
		       superblock_u32(image, slot + EROFS_SLOT_MAPPED);
		end = more > end ? more : end;
	}
	return end;
}

void explain_short(struct worker *worker, const struct image *image)
{
	const uint64_t size = image->end - image->start;
	uint32_t shift, others;
	uint64_t end;

	if (strcmp(image->type, "erofs"))
		return;
	end = erofs_end(image, &others);
	shift = superblock_u32(image, EROFS_BLOCK_SHIFT) & 0xff;
	if (shift > EROFS_BLOCK_SHIFT_MAX || end << shift <= size)
		return;
	if (others)
		report_warning(&worker->report, image->path,
			       "has data in %u other image%s; put them together, in that order: cat %s OTHER... > whole.img",
			       others, others > 1 ? "s" : "", image->file);
	else
		report_warning(&worker->report, image->path, "is cut off: it has %llu of %llu bytes",
			       (unsigned long long)size, (unsigned long long)(end << shift));
}

void explain_mount(struct worker *worker, const struct image *image, long error, uint64_t since)
{
	const struct options *options = &worker->command->options;
	unsigned int block;
	uint64_t offset, size;
	char line[256];

	find_cause(worker->shared, since, line, sizeof(line));
	if (error == -ENODEV)
		report_error(&worker->report, image->path, "%s \"%s\", for which this kernel image has no driver%s",
			     options->type ? "is to be of type" : "holds", image->type,
			     options->type ? "; check -t" : "");
	else if (error == -ENOENT && has_no_node(image))
		explain_table(worker, image);
	else if (explain_unsupported(worker, image, line))
		return;
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
