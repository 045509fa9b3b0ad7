// SPDX-License-Identifier: BSD-2-Clause
/* rumpus info: what an image holds */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <rumpus/hyp_blk.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "../sandbox/sandbox.h"
#include "command.h"

/* First bytes of formats that are not read yet, and what turns them into a raw image. */
static const struct {
	const char *name;
	size_t offset, size;
	const char *magic;
} formats[] = {
	{ "qcow2", 0, 4, "QFI\xfb" },
	{ "vmdk", 0, 4, "KDMV" },
	{ "vhdx", 0, 8, "vhdxfile" },
	{ "vdi", 64, 4, "\x7f\x10\xda\xbe" },
	{ "gzip", 0, 2, "\x1f\x8b" },
	{ "xz", 0, 6,
	  "\xfd"
	  "7zXZ" },
	{ "zstd", 0, 4, "\x28\xb5\x2f\xfd" },
};

static int prepare(struct command *command, int argc, char **argv)
{
	if (argc != 1)
		return usage_error(command, "info takes one image");
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static void tell(struct worker *worker, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(struct worker *worker, const char *name, const char *format, ...)
{
	char value[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	/* A failure to send shows itself at the last record at the latest. */
	if (!*value || wire_begin(&worker->wire, WIRE_FACT, strlen(name) + strlen(value) + 16))
		return;
	wire_put_string(&worker->wire, name);
	wire_put_string(&worker->wire, value);
	wire_end(&worker->wire, -1);
}

static const char *foreign_format(int fd)
{
	unsigned char head[128] = { 0 };

	if (pread(fd, head, sizeof(head), 0) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (!memcmp(head + formats[i].offset, formats[i].magic, formats[i].size))
			return formats[i].name;
	}
	return NULL;
}

static void tell_image(struct worker *worker, const struct image *image)
{
	const char *foreign = foreign_format(image->fd);
	char size[32];

	tell(worker, "Image", "%s", image->path);
	tell(worker, "Format", "%s", foreign ? foreign : image->is_device ? "block device" : "raw");
	tell(worker, "Size", "%s (%llu bytes)", text_size(image->size, size, sizeof(size)),
	     (unsigned long long)image->size);
}

static void tell_partition(struct worker *worker, const struct image *image, const struct probe_partition *partition)
{
	struct probe probe;
	char name[24], size[32];

	if (probe_place(image, partition->offset, partition->size, &probe))
		snprintf(probe.type, sizeof(probe.type), "no file system");
	snprintf(name, sizeof(name), "Partition %d", partition->number);
	tell(worker, name, "%s, %s at %llu%s%s%s%s%s%s, type %s%s%s", probe.type,
	     text_size(partition->size, size, sizeof(size)), (unsigned long long)partition->offset,
	     *partition->name ? ", name \"" : "", partition->name, *partition->name ? "\"" : "",
	     *probe.label ? ", label \"" : "", probe.label, *probe.label ? "\"" : "", partition->type,
	     *partition->uuid ? ", uuid " : "", partition->uuid);
}

static void tell_table(struct worker *worker, const struct image *image, const struct probe_table *table)
{
	tell(worker, "Partition table", "%s%s%s", table->type, *table->uuid ? ", " : "", table->uuid);
	for (unsigned int i = 0; i < table->count; i++)
		tell_partition(worker, image, &table->partitions[i]);
}

static void tell_probe(struct worker *worker, const struct probe *probe)
{
	tell(worker, "File system", "%s%s%s", probe->type, *probe->version ? ", version " : "", probe->version);
	tell(worker, "Label", "%s", probe->label);
	tell(worker, "UUID", "%s", probe->uuid);
}

static void tell_space(struct worker *worker, const struct image *image)
{
	char used[32], free_[32], all[32];
	struct statfs st;
	uint64_t block;

	if (rumpus_sys_fstatfs(image->root, (void *)&st))
		return;
	block = (uint64_t)(st.f_frsize ? st.f_frsize : st.f_bsize);
	tell(worker, "Space", "%s used, %s free of %s, in blocks of %llu bytes",
	     text_size((st.f_blocks - st.f_bfree) * block, used, sizeof(used)),
	     text_size(st.f_bavail * block, free_, sizeof(free_)), text_size(st.f_blocks * block, all, sizeof(all)),
	     (unsigned long long)block);
	if (st.f_files)
		tell(worker, "Files", "%llu used, %llu free", (unsigned long long)(st.f_files - st.f_ffree),
		     (unsigned long long)st.f_ffree);
}

static void tell_means(struct worker *worker, const struct image *image)
{
	unsigned int layers = atomic_load(&worker->shared->layers);
	char text[512] = "";
	size_t used = 0;

	tell(worker, "Kernel", "%s", rumpus_version(worker->kernel));
	image->disk->ops->describe(image->disk, text, sizeof(text));
	tell(worker, "Engine", "%s", text);
	for (unsigned int i = 0; i < SANDBOX_LAYERS; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s", i ? ", " : "",
					 layers & (1U << i) ? "" : "no ", sandbox_layer_name(i));
	}
	tell(worker, "Sandbox", "%s", text);
}

/* The place that -p chooses, or the whole. Return: false when there is a table and nothing is chosen in it */
static bool choose_place(struct worker *worker, struct image *image, uint64_t *offset, uint64_t *size)
{
	const char *wish = worker->command->options.partition;
	const struct probe_partition *partition;
	struct probe_table table;

	if (probe_partitions(image, &table))
		return !wish;
	if (!wish) {
		tell_table(worker, image, &table);
		return !table.count;
	}
	partition = probe_choose(&table, wish);
	if (!partition)
		return false;
	tell_partition(worker, image, partition);
	*offset = partition->offset;
	*size = partition->size;
	return true;
}

static int work(struct worker *worker)
{
	const struct options *options = &worker->command->options;
	struct image *image = &worker->command->images[0];
	uint64_t offset = 0, size = 0;
	struct probe probe = { 0 };
	int error = 0;

	tell_image(worker, image);
	if (choose_place(worker, image, &offset, &size) || options->partition || options->type) {
		if (!probe_place(image, offset, size, &probe))
			tell_probe(worker, &probe);
		error = image_mount(worker, image, 0);
		if (!error)
			tell_space(worker, image);
	}
	tell_means(worker, image);
	return error == -EINTR ? error : 0;
}

static int record(struct session *session, struct wire_record *record)
{
	char name[64], value[1100];

	if (record->type != WIRE_FACT)
		return -EPROTO;
	snprintf(name, sizeof(name), "%s:", wire_get_string(record));
	snprintf(value, sizeof(value), "%s", wire_get_string(record));
	printf("%-17s %s\n", text_clean(name), text_clean(value));
	return ferror(stdout) ? -EIO : 0;
}

static const struct option_example examples[] = {
	{ "rumpus info disk.img", "what is in this file?" },
	{ "rumpus info -p root disk.img", "only its partition \"root\"" },
	{ 0 },
};

const struct subcommand subcommand_info = {
	.name = "info",
	.arguments = "IMAGE",
	.summary = "show what an image holds",
	.examples = examples,
	.prepare = prepare,
	.work = work,
	.unmounted = true,
	.record = record,
};
