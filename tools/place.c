// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: places of an image that may hold a file system */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include <rumpus/syscalls.h>

#include "place.h"

static int send_place(struct worker *worker, const struct place *place, const struct probe *probe,
		      const struct probe_partition *partition)
{
	static const struct probe_partition none;
	struct wire *wire = &worker->wire;
	int error = wire_begin(wire, WIRE_PLACE, sizeof(*place) + sizeof(*probe) + sizeof(*partition) + 64);

	if (error)
		return error;
	partition = partition ? partition : &none;
	wire_put(wire, place, sizeof(*place));
	wire_put_string(wire, probe->type);
	wire_put_string(wire, probe->version);
	wire_put_string(wire, probe->label);
	wire_put_string(wire, probe->uuid);
	wire_put_string(wire, partition->type);
	wire_put_string(wire, partition->name);
	wire_put_string(wire, partition->uuid);
	return wire_end(wire, -1);
}

void place_get(struct wire_record *record, struct place *place, struct place_names *names)
{
	wire_get(record, place, sizeof(*place));
	names->type = wire_get_string(record);
	names->version = wire_get_string(record);
	names->label = wire_get_string(record);
	names->uuid = wire_get_string(record);
	names->partition_type = wire_get_string(record);
	names->partition_name = wire_get_string(record);
	names->partition_uuid = wire_get_string(record);
}

void place_json(struct json *json, const struct place *place, const char *total)
{
	json_bool(json, "mounted", place->mounted);
	if (!place->mounted)
		return;
	json_unsigned(json, total, place->total);
	json_unsigned(json, "used", place->used);
	json_unsigned(json, "available", place->available);
	json_unsigned(json, "block_size", place->block);
	json_unsigned(json, "inodes", place->files);
	json_unsigned(json, "inodes_used", place->files_used);
}

static void measure(struct place *place, const struct image *image)
{
	struct statfs st;

	if (rumpus_sys_fstatfs(image->root, (void *)&st))
		return;
	place->mounted = true;
	place->block = (uint32_t)(st.f_frsize ? st.f_frsize : st.f_bsize);
	place->total = st.f_blocks * place->block;
	place->used = (st.f_blocks - st.f_bfree) * place->block;
	place->available = st.f_bavail * place->block;
	place->files = st.f_files;
	place->files_used = st.f_files - st.f_ffree;
}

/* Of a mounted file system only its numbers are wanted; what it was mounted by may be used for the next one. */
static void leave(struct image *image, unsigned int number)
{
	char dir[16];

	rumpus_sys_close(image->root);
	image->root = -1;
	image_mount_point(number, dir);
	rumpus_sys_umount2(dir, 0);
}

/* One of several partitions: what cannot be mounted is told all the same. */
static int send_partition(struct worker *worker, struct image *image, unsigned int number,
			  const struct probe_partition *partition)
{
	struct place place = {
		.offset = partition->offset,
		.size = partition->size,
		.number = (uint32_t)partition->number,
		.image = number,
	};
	size_t node = strlen(image->node);
	struct probe probe = { 0 };
	int error = 0;

	if (!probe_place(image, partition->offset, partition->size, &probe)) {
		snprintf(image->node + node, sizeof(image->node) - node, "p%d", partition->number);
		error = image_mount_quietly(worker, image, number, probe.type);
		if (!error) {
			measure(&place, image);
			leave(image, number);
		}
		image->node[node] = 0;
	}
	if (error == -EINTR || error == -ESHUTDOWN)
		return error;
	return send_place(worker, &place, &probe, partition);
}

/* The whole image, or the one partition that is asked for: why it cannot be mounted is told. */
static int send_one(struct worker *worker, struct image *image, unsigned int number,
		    const struct probe_partition *partition)
{
	struct place place = { .size = image->size, .image = number };
	struct probe probe = { 0 };
	bool was_mounted = image->root >= 0;
	int error;

	if (partition) {
		place.offset = partition->offset;
		place.size = partition->size;
		place.number = (uint32_t)partition->number;
	}
	if (probe_place(image, place.offset, partition ? place.size : 0, &probe))
		probe = (struct probe){ 0 };
	error = image_mount(worker, image, number);
	if (!error) {
		measure(&place, image);
		if (!*probe.type)
			snprintf(probe.type, sizeof(probe.type), "%s", image->type);
	}
	if (!error && !was_mounted)
		leave(image, number);
	if (error == -EINTR || error == -ESHUTDOWN)
		return error;
	return send_place(worker, &place, &probe, partition);
}

int places_send(struct worker *worker, struct image *image, unsigned int number)
{
	const char *wish = image_partition(worker->command, image);
	const struct options *options = &worker->command->options;
	const struct probe_partition *partition;
	struct probe_table table;
	struct probe probe;
	int error = 0;

	if (probe_partitions(image, &table))
		table.count = 0;
	partition = wish ? probe_choose(&table, wish) : NULL;
	if (partition || wish || options->type || !table.count || image->root >= 0)
		return send_one(worker, image, number, partition);
	/* A boot sector may look like a table without one. */
	if (!strcmp(table.type, "dos") && !probe_place(image, 0, 0, &probe))
		return send_one(worker, image, number, NULL);
	for (unsigned int i = 0; i < table.count && !error; i++)
		error = send_partition(worker, image, number, &table.partitions[i]);
	return error;
}
