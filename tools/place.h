/* SPDX-License-Identifier: BSD-2-Clause */
/* Places of an image that may hold a file system: the whole, or its partitions; what "df" and "info" tell of them. */
#ifndef TOOLS_PLACE_H
#define TOOLS_PLACE_H

#include "command.h"
#include "json.h"

/**
 * struct place - sizes in bytes
 * @number:  of the partition, 0: the whole image
 * @image:   number of the image in the command
 * @mounted: the file system could be looked into: what follows is known
 * @total, @used, @available: of its space; @available is what is left for others than root
 * @files, @files_used: inodes; 0 where there is no fixed number of them
 * @block:   its unit of allocation
 */
struct place {
	uint64_t offset, size, total, used, available, files, files_used;
	uint32_t number, image, mounted, block;
};

_Static_assert(sizeof(struct place) == 72, "records of the wire have no padding");

/** struct place_names - texts that belong to it, "" for what is not known; valid as long as the record */
struct place_names {
	const char *type, *version, *label, *uuid;		      /* of the file system */
	const char *partition_type, *partition_name, *partition_uuid; /* in the partition table */
	const char *reason;					      /* why it is not mounted */
};

/**
 * places_send() - worker: the places of an attached image as WIRE_PLACE: the one that -p names, the whole, or all
 * partitions. @number: of the image
 * Return: 0, also after a message; negative errno to end the work for
 */
int places_send(struct worker *worker, struct image *image, unsigned int number);
/**
 * places_list() - worker: the partitions of an attached image as WIRE_PLACE, without looking into them, if it is no file
 * system itself, and neither a partition nor a type is asked for
 * Return: whether they were sent; a negative errno
 */
int places_list(struct worker *worker, const struct image *image, unsigned int number);
/** place_json() - the space of a place as members of an object, as far as it is known. @total: what to call the whole
 */
void place_json(struct json *json, const struct place *place, const char *total);
/** place_get() - parent: the reverse */
void place_get(struct wire_record *record, struct place *place, struct place_names *names);

#endif
