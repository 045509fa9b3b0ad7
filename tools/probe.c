// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: what an image holds, found by libblkid on the worker's descriptor
 *
 * libblkid rather than trying the kernel's drivers in turn: it tells one file system with certainty or that there are
 * two, knows what the kernel image has no driver for, and reads labels and partition tables. It parses untrusted bytes,
 * so it runs in the worker after lock-down like everything that does.
 */
#include <blkid/blkid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "command.h"

#define SECTOR_MAX 4096U /* of the disks that are made; a kernel takes none larger than its pages */

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static void value(blkid_probe probe, const char *name, char *to, size_t size)
{
	const char *text = NULL;

	if (blkid_probe_lookup_value(probe, name, &text, NULL))
		text = NULL;
	copy(to, size, text);
}

/* Not for direct I/O, which takes no few bytes. */
static int look_fd(const struct image *image)
{
	return image->look >= 0 ? image->look : image->fd;
}

bool probe_has_bytes(const struct image *image, uint64_t offset, const char *bytes, size_t size)
{
	char there[32];

	return size <= sizeof(there) && pread(look_fd(image), there, size, (off_t)offset) == (ssize_t)size &&
	       !memcmp(there, bytes, size);
}

/* Without it a GPT counts for nobody: a file system may have been made where there was one once. */
static bool has_protective_table(const struct image *image)
{
	bool protective = false;

	for (unsigned int entry = 0; entry < 4; entry++)
		protective |= probe_has_bytes(image, 446 + 16 * entry + 4, "\xee", 1);
	return protective && probe_has_bytes(image, 510, "\x55\xaa", 2);
}

/* Bytes of the sectors in whose second one, or @last one, a GPT has its header; 0 for none */
static unsigned int header_sector(const struct image *image, bool last)
{
	for (unsigned int sector = 512; sector <= SECTOR_MAX && sector <= image->size; sector *= 2) {
		if (probe_has_bytes(image, last ? image->size - sector : sector, "EFI PART", 8))
			return sector;
	}
	return 0;
}

unsigned int probe_sector(const struct image *image)
{
	unsigned int sector;

	if (image->sector_given || !has_protective_table(image))
		return image->sector;
	sector = header_sector(image, false);
	if (!sector)
		sector = header_sector(image, true);
	/* A host serves no part of its device's sectors. */
	return sector > image->sector ? sector : image->sector;
}

/* A probe of @size bytes of the image, 0: of all that follows. Return: NULL without memory, or beyond the end */
static blkid_probe new_probe(const struct image *image, uint64_t offset, uint64_t size)
{
	blkid_probe probe = blkid_new_probe();
	int error;

	if (!probe)
		return NULL;
	fstat_pretend(image->size);
	error = blkid_probe_set_device(probe, look_fd(image), (blkid_loff_t)offset, (blkid_loff_t)size);
	fstat_pretend(0);
	if (!error)
		error = blkid_probe_set_sectorsize(probe, probe_sector(image));
	if (!error)
		return probe;
	blkid_free_probe(probe);
	return NULL;
}

int probe_place(const struct image *image, uint64_t offset, uint64_t size, struct probe *found)
{
	blkid_probe probe = new_probe(image, offset, size);
	char block[PROBE_TEXT] = "";
	int result;

	memset(found, 0, sizeof(*found));
	if (!probe)
		return -EIO;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
							 BLKID_SUBLKS_VERSION | BLKID_SUBLKS_USAGE);
	result = blkid_do_safeprobe(probe);
	if (!result) {
		value(probe, "TYPE", found->type, sizeof(found->type));
		value(probe, "VERSION", found->version, sizeof(found->version));
		value(probe, "LABEL", found->label, sizeof(found->label));
		value(probe, "UUID", found->uuid, sizeof(found->uuid));
		value(probe, "USAGE", found->usage, sizeof(found->usage));
		value(probe, "BLOCK_SIZE", block, sizeof(block));
		found->block = (unsigned int)strtoul(block, NULL, 10);
	}
	blkid_free_probe(probe);
	if (result == -2)
		return -EEXIST;
	return result || !*found->type ? -ENOENT : 0;
}

static void add_partition(struct probe_table *table, blkid_partition partition)
{
	struct probe_partition *added = &table->partitions[table->count];

	if (blkid_partition_is_extended(partition))
		return;
	*added = (struct probe_partition){
		.number = blkid_partition_get_partno(partition),
		.offset = (uint64_t)blkid_partition_get_start(partition) * 512,
		.size = (uint64_t)blkid_partition_get_size(partition) * 512,
	};
	copy(added->name, sizeof(added->name), blkid_partition_get_name(partition));
	copy(added->uuid, sizeof(added->uuid), blkid_partition_get_uuid(partition));
	if (blkid_partition_get_type_string(partition))
		copy(added->type, sizeof(added->type), blkid_partition_get_type_string(partition));
	else
		snprintf(added->type, sizeof(added->type), "0x%02x", blkid_partition_get_type(partition));
	table->count++;
}

static void read_table(blkid_probe probe, struct probe_table *found)
{
	blkid_partlist list = blkid_probe_get_partitions(probe);
	blkid_parttable table = list ? blkid_partlist_get_table(list) : NULL;
	int count = list ? blkid_partlist_numof_partitions(list) : 0;

	if (!table)
		return;
	copy(found->type, sizeof(found->type), blkid_parttable_get_type(table));
	copy(found->uuid, sizeof(found->uuid), blkid_parttable_get_id(table));
	for (int i = 0; i < count && found->count < PARTITIONS_MAX; i++)
		add_partition(found, blkid_partlist_get_partition(list, i));
}

int probe_partitions(const struct image *image, struct probe_table *table)
{
	blkid_probe probe = new_probe(image, 0, 0);

	memset(table, 0, sizeof(*table));
	if (!probe)
		return -EIO;
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	read_table(probe, table);
	blkid_free_probe(probe);
	return *table->type ? 0 : -ENOENT;
}

const struct probe_partition *probe_choose(const struct probe_table *table, const char *wish)
{
	const char *digits = *wish == 'p' ? wish + 1 : wish;
	char *end;
	long number = strtol(digits, &end, 10);

	if (*end || end == digits)
		number = -1;
	for (unsigned int i = 0; i < table->count; i++) {
		const struct probe_partition *partition = &table->partitions[i];

		if (number >= 0 ? partition->number == number
				: !strcmp(partition->name, wish) || !strcasecmp(partition->uuid, wish))
			return partition;
	}
	return NULL;
}
