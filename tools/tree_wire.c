// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: entries of a tree on the wire */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

/* The fields of fixed size, as they travel. */
struct fixed {
	uint32_t kind, source, link;
	int32_t status;
	int32_t xattrs_lost;
	uint32_t padding;
	struct tree_meta meta;
};

int tree_put(struct wire *wire, const struct tree_entry *entry)
{
	const char *name = entry->name ? entry->name : "", *target = entry->target ? entry->target : "";
	const struct fixed fixed = {
		.kind = entry->kind,
		.source = entry->source,
		.link = entry->link,
		.status = entry->status,
		.xattrs_lost = entry->xattrs_lost,
		.meta = entry->meta,
	};
	int error =
		wire_begin(wire, WIRE_TREE,
			   sizeof(fixed) + strlen(name) + strlen(target) + entry->xattrs_size + entry->data_size + 32);

	if (error)
		return error;
	wire_put(wire, &fixed, sizeof(fixed));
	wire_put_string(wire, name);
	wire_put_string(wire, target);
	wire_put_blob(wire, entry->xattrs, entry->xattrs_size);
	wire_put_blob(wire, entry->data, entry->data_size);
	return wire_end(wire, entry->fd);
}

int tree_get(struct wire_record *record, struct tree_entry *entry)
{
	struct fixed fixed;

	wire_get(record, &fixed, sizeof(fixed));
	*entry = (struct tree_entry){
		.kind = fixed.kind,
		.source = fixed.source,
		.link = fixed.link,
		.status = fixed.status,
		.xattrs_lost = fixed.xattrs_lost,
		.meta = fixed.meta,
		.fd = -1,
	};
	entry->name = wire_get_string(record);
	entry->target = wire_get_string(record);
	entry->xattrs = wire_get_blob(record, &entry->xattrs_size);
	entry->data = wire_get_blob(record, &entry->data_size);
	if (record->bad)
		return -EPROTO;
	entry->fd = record->fd;
	record->fd = -1;
	return 0;
}

int tree_put_done(struct wire *wire)
{
	int error = wire_begin(wire, WIRE_TREE_DONE, 8);

	if (!error)
		error = wire_end(wire, -1);
	return error ? error : wire_flush(wire);
}

static int take_record(struct wire_record *record, tree_take *take_entry, void *arg)
{
	struct tree_entry entry;
	int error = record->type == WIRE_TREE ? tree_get(record, &entry) : -EPROTO;

	if (error)
		return error;
	error = entry.kind == TREE_STREAM && entry.fd < 0 ? -EPROTO : take_entry(arg, &entry);
	if (entry.fd >= 0)
		close(entry.fd);
	return error;
}

int tree_receive(struct wire *wire, tree_take *take_entry, void *arg)
{
	struct wire_record record;
	int error;

	for (;;) {
		error = wire_next(wire, &record);
		if (error == -EINTR && !stop_requested())
			continue;
		if (error <= 0)
			return error ? error : -EPIPE;
		if (record.type == WIRE_TREE_DONE)
			return 0;
		error = take_record(&record, take_entry, arg);
		if (error)
			return error;
	}
}

static int take(struct tree_sink *sink, const struct tree_entry *entry)
{
	return tree_put(((struct tree_wire_sink *)sink)->wire, entry);
}

/* In the worker: the parent makes the file and answers with its descriptor. This is the only round trip of a copy. */
static int begin(struct tree_sink *sink, const struct tree_entry *entry, struct tree_end *end)
{
	struct wire *wire = ((struct tree_wire_sink *)sink)->wire;
	struct wire_record record;
	int error = tree_put(wire, entry);

	if (!error)
		error = wire_flush(wire);
	if (error)
		return error;
	error = wire_next(wire, &record);
	if (error <= 0)
		return error ? error : -EPIPE;
	if (record.type != WIRE_TREE_READY)
		return -EPROTO;
	end->fs = &fs_host;
	end->fd = record.fd;
	record.fd = -1;
	return 0;
}

void tree_wire_sink_init(struct tree_wire_sink *sink, struct wire *wire, bool passes_fd)
{
	*sink = (struct tree_wire_sink){
		.sink = { .take = take, .begin = begin, .finish = take, .passes_fd = passes_fd },
		.wire = wire,
	};
}
