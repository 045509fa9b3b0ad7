// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: places of an image that may hold a file system */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include <rumpus/syscalls.h>

#include "foreign.h"
#include "place.h"

/* Bytes of the longest reason. */
#define REASON_MAX 1024

static int send_place(struct worker *worker, const struct place *place, const struct probe *probe,
		      const struct probe_partition *partition, const char *reason)
{
	static const struct probe_partition none;
	struct wire *wire = &worker->wire;
	int error =
		wire_begin(wire, WIRE_PLACE, sizeof(*place) + sizeof(*probe) + sizeof(*partition) + REASON_MAX + 64);

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
	wire_put_string(wire, reason);
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
	names->reason = wire_get_string(record);
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

/**
 * struct reasons - why a place cannot be looked into: the first error, which the others follow from
 * @told: the parent tells the user, as only it can see who has the place
 */
struct reasons {
	const struct report *report;
	char text[REASON_MAX];
	bool told;
};

static void keep_reason(void *arg, enum severity severity, const char *subject, const char *text)
{
	struct reasons *reasons = arg;

	if (severity != SEVERITY_ERROR)
		reasons->report->say(reasons->report->arg, severity, subject, text);
	else if (!*reasons->text)
		snprintf(reasons->text, sizeof(reasons->text), "%s", text);
}

/* Mounts and measures; what hinders is kept rather than told. @probe: type filled when it is not known yet */
static int look_into(struct worker *worker, struct image *image, unsigned int number, struct place *place,
		     struct probe *probe, struct reasons *reasons)
{
	const struct report report = worker->report;
	const bool was_mounted = image->root >= 0;
	int error;

	*reasons = (struct reasons){ .report = &report };
	worker->report = (struct report){ .say = keep_reason, .arg = reasons };
	error = image_mount(worker, image, number);
	reasons->told = worker->report.outcome & OUTCOME_FAILED && !*reasons->text;
	worker->report = report;
	if (error) {
		worker->report.outcome |= reasons->told ? OUTCOME_FAILED : 0;
		if (!*reasons->text)
			snprintf(reasons->text, sizeof(reasons->text), "%s", report_errno(error));
		return error;
	}
	measure(place, image);
	/* What was asked for may be something else than what is found. */
	if (!*probe->type || (worker->command->options.type && strcmp(driver_of(probe->type), image->type))) {
		*probe = (struct probe){ 0 };
		snprintf(probe->type, sizeof(probe->type), "%s", image->type);
	}
	if (!was_mounted)
		leave(image, number);
	return 0;
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
	const size_t node = strlen(image->node);
	struct reasons reasons;
	struct probe probe;
	char wish[16];
	int error;

	if (probe_place(image, partition->offset, partition->size, &probe))
		probe = (struct probe){ 0 };
	snprintf(wish, sizeof(wish), "%d", partition->number);
	image->partition = wish;
	error = look_into(worker, image, number, &place, &probe, &reasons);
	image->partition = NULL;
	image->node[node] = 0;
	if (error == -EINTR || error == -ESHUTDOWN)
		return error;
	return send_place(worker, &place, &probe, partition, reasons.text);
}

/* Something that can be named, although it is no file system. */
static bool is_known(const struct image *image, const struct probe_partition *partition, const struct probe *probe)
{
	return *probe->type ? foreign_type(probe->type) != NULL : !partition && foreign_format(image);
}

/*
 * The whole image, or the one partition that is asked for: that it cannot be mounted is an error, unless it is known
 * to hold something else.
 */
static int send_one(struct worker *worker, struct image *image, unsigned int number,
		    const struct probe_partition *partition)
{
	struct place place = { .size = image->size, .image = number };
	struct reasons reasons;
	struct probe probe;
	int error;

	if (partition) {
		place.offset = partition->offset;
		place.size = partition->size;
		place.number = (uint32_t)partition->number;
	}
	if (probe_place(image, place.offset, partition ? place.size : 0, &probe))
		probe = (struct probe){ 0 };
	error = look_into(worker, image, number, &place, &probe, &reasons);
	if (error == -EINTR || error == -ESHUTDOWN)
		return error;
	if (error && !reasons.told &&
	    (worker->command->sub != &subcommand_info || !is_known(image, partition, &probe)))
		report_error(&worker->report, image->path, "%s", reasons.text);
	return send_place(worker, &place, &probe, partition, reasons.text);
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
	if (!probe_place(image, 0, 0, &probe)) {
		/* A boot sector may look like a table without one. Images of CDs may well have both. */
		error = send_one(worker, image, number, NULL);
		if (!strcmp(table.type, "dos") && strcmp(probe.type, "iso9660"))
			return error;
	}
	for (unsigned int i = 0; i < table.count && !error; i++)
		error = send_partition(worker, image, number, &table.partitions[i]);
	return error;
}

int places_list(struct worker *worker, const struct image *image, unsigned int number)
{
	struct probe_table table;
	struct probe probe;
	int error = 0;

	if (image_partition(worker->command, image) || worker->command->options.type || probe_partitions(image, &table) ||
	    !table.count || probe_place(image, 0, 0, &probe) != -ENOENT)
		return 0;
	for (unsigned int i = 0; i < table.count && !error; i++) {
		const struct probe_partition *partition = &table.partitions[i];
		const struct place place = {
			.offset = partition->offset,
			.size = partition->size,
			.number = (uint32_t)partition->number,
			.image = number,
		};
		int found = probe_place(image, partition->offset, partition->size, &probe);

		error = send_place(worker, &place, &probe, partition,
				   found == -EEXIST ? "has signatures of several file systems" : "");
	}
	return error ? error : 1;
}
