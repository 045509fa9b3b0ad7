// SPDX-License-Identifier: BSD-2-Clause
/* rumpus check: can everything in an image be read, and does it match its checksums? */
#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "foreign.h"
#include "json.h"
#include "place.h"
#include "tree.h"

/* Bytes that are read at a time, and in a file that has shown an error. */
#define PIECE (256L << 10)
#define STEP 4096L
/* After so many bytes of errors in a row, the rest of a file is taken for lost: its size may be a lie. */
#define GIVE_UP (64L << 20)
/* The same once as many bytes of errors are known: then it is no bad sector, but what says where data is. */
#define GIVE_UP_SOON (1L << 20)

/* Of EXT4_FEATURES: metadata has checksums */
#define EXT4_METADATA_CSUM 0x400U
/* In that of XFS, at 0: the version. From the fifth on, metadata has checksums. */
#define XFS_VERSION 100
#define XFS_VERSION_BITS 0xfU
#define XFS_VERSION_5 5U

struct check_options {
	bool json, all;
};

/** struct counts - what was read of one image, as it travels */
struct counts {
	uint64_t directories, files, others, bytes, attributes;
	uint64_t unreadable; /* files of any kind, with an error each */
	uint64_t scrubbed, scrub_errors;
};

/**
 * struct check - a sink that only counts
 * @lost:   bytes that were tried and could not be read
 * @zeroes: bytes that were read in search of data
 * @walk:   knows where it is
 */
struct check {
	struct tree_sink sink;
	struct report report; /* counts errors, and passes them on */
	struct worker *worker;
	struct tree_walk *walk;
	struct counts counts;
	uint64_t lost, zeroes;
	void *buffer;
};

/* In a shell "." is what is checked without an argument: its image, wherever in it the shell is. */
static bool is_whole(const struct command *command, const struct operand *operand)
{
	return !operand->path[strspn(operand->path, "/")] || (command->directory && !strcmp(operand->text, "."));
}

static int prepare(struct command *command, int argc, char **argv)
{
	int result;

	if (!argc)
		return usage_error(command, "check which image?");
	result = operands_take(command, argc, argv, OPERAND_IMAGE);
	for (unsigned int i = 0; !result && i < command->operand_count; i++) {
		if (!is_whole(command, &command->operands[i]))
			result = usage_error(command, "\"%s\": only whole images are checked", argv[i]);
	}
	return result;
}

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	struct check *check = arg;

	check->counts.unreadable += severity == SEVERITY_ERROR;
	check->worker->report.say(check->worker->report.arg, severity, subject, text);
}

static int take(struct tree_sink *sink, const struct tree_entry *entry)
{
	struct check *check = (struct check *)sink;
	struct tree_xattr xattr;

	check->counts.directories += entry->kind == TREE_ENTER;
	check->counts.files += entry->kind == TREE_FILE;
	check->counts.others += entry->kind == TREE_SPECIAL;
	check->counts.bytes += entry->data_size;
	for (const char *at = entry->xattrs; tree_xattr_next(entry, &at, &xattr);)
		check->counts.attributes++;
	if (entry->xattrs_lost == -E2BIG)
		report_warning(&check->report, check->walk->path.text,
			       "has too many extended attributes, or too large ones, to read all of them");
	else if (entry->xattrs_lost)
		report_error(&check->report, check->walk->path.text, "cannot read all extended attributes: %s",
			     report_errno(entry->xattrs_lost));
	return 0;
}

/**
 * struct loss - what cannot be read of one file: the first error, where, bytes in all, and since the last good one
 * @given_up: the rest was not tried
 */
struct loss {
	long error;
	int64_t at;
	uint64_t bytes, row;
	bool given_up;
};

/* Goes on behind what cannot be read: how much of the file is lost is worth knowing. Return: 0, negative errno */
static int read_range(struct check *check, struct tree_end from, int64_t at, int64_t end, struct loss *loss)
{
	while (at < end) {
		int64_t step = loss->error ? STEP : PIECE, piece = end - at < step ? end - at : step;
		long n;

		if (loss->row >= (check->lost < GIVE_UP ? GIVE_UP : GIVE_UP_SOON)) {
			loss->given_up = true;
			loss->bytes += (uint64_t)(end - at);
			break;
		}
		n = fs_pread(from.fs, from.fd, check->buffer, (size_t)piece, at);

		if (stop_requested() || n == -ESHUTDOWN)
			return n == -ESHUTDOWN ? -ESHUTDOWN : -EINTR;
		if (n == -EINTR)
			continue;
		if (!n)
			break;
		if (n < 0 && !loss->error) {
			*loss = (struct loss){ .error = n, .at = at };
			continue; /* once more, in small steps */
		}
		if (n < 0) {
			loss->bytes += (uint64_t)piece;
			check->lost += (uint64_t)piece;
		} else {
			check->counts.bytes += (uint64_t)n;
		}
		loss->row = n < 0 ? loss->row + (uint64_t)piece : 0;
		progress_bytes((uint64_t)(n < 0 ? piece : n));
		at += n < 0 ? piece : n;
	}
	return 0;
}

/* Is it time to say so, and not to go on with a file that has had no data from @at to @end? */
static bool enough_zeroes(struct check *check, const struct tree_entry *entry, const char *label, int64_t at,
			  int64_t end)
{
	const struct check_options *options = check->worker->command->own;
	char size[32];

	check->zeroes += (uint64_t)(end - at);
	if (options->all || check->zeroes <= TREE_ZEROES_MOST || end == (int64_t)entry->meta.size)
		return false;
	report_error(&check->report, label,
		     "%s of zeroes were read in this image, whose driver cannot tell holes from data: "
		     "the file is not read from byte %lld to its end at %llu; --all reads it",
		     text_size(check->zeroes, size, sizeof(size)), (long long)end,
		     (unsigned long long)entry->meta.size);
	return true;
}

static int stream(struct tree_sink *sink, const struct tree_entry *entry, struct tree_end from, const char *label)
{
	struct check *check = (struct check *)sink;
	int64_t size = (int64_t)entry->meta.size, at = 0, begin, end;
	struct loss loss = { 0 };
	enum tree_found found;
	int error = 0;

	take(sink, entry);
	check->counts.files++;
	while (!error && at < size && (found = tree_next_data(from, at, size, &begin, &end)) != TREE_NONE) {
		if (found == TREE_ZEROES && enough_zeroes(check, entry, label, at, end))
			break;
		error = stop_requested() ? -EINTR : read_range(check, from, begin, end, &loss);
		at = end;
		if (loss.given_up) {
			loss.bytes += (uint64_t)(size - at);
			break;
		}
	}
	if (loss.error)
		report_error(&check->report, label, "cannot read: %s; from byte %lld on, %llu of %llu bytes in all%s",
			     report_errno(loss.error), (long long)loss.at, (unsigned long long)loss.bytes,
			     (unsigned long long)size, loss.given_up ? ", not all of them tried" : "");
	return error;
}

static int walk_all(struct check *check, const struct image *image)
{
	struct tree_walk walk = {
		.fs = &fs_image,
		.sink = &check->sink,
		.report = &check->report,
		.preserve = true,
	};
	int error = tree_walk_init(&walk);
	char *label = NULL;

	check->walk = &walk;
	image_room(check->worker, image, &walk.room);
	if (!error && asprintf(&label, "%s:", image->path) < 0)
		error = -ENOMEM;
	if (!error)
		error = tree_walk(&walk, 0, image->root, ".", label);
	tree_walk_fini(&walk);
	free(label);
	return error;
}

/* Btrfs has checksums of everything, and perhaps several copies: a walk reads only one of them. */
static int scrub(struct check *check, const struct image *image)
{
	struct btrfs_ioctl_scrub_args args = { .devid = 1, .end = UINT64_MAX, .flags = BTRFS_SCRUB_READONLY };
	const struct btrfs_scrub_progress *progress = &args.progress;
	long error = fs_image.call(SYS_ioctl, image->root, BTRFS_IOC_SCRUB, (long)&args, 0, 0, 0);

	check->counts.scrubbed = progress->data_bytes_scrubbed + progress->tree_bytes_scrubbed;
	check->counts.scrub_errors = progress->read_errors + progress->csum_errors + progress->verify_errors +
				     progress->super_errors + progress->malloc_errors;
	if (error && error != -ECANCELED)
		report_error(&check->worker->report, image->path, "cannot be scrubbed: %s", report_errno(error));
	if (check->counts.scrub_errors)
		report_error(&check->worker->report, image->path,
			     "scrub: %llu errors of reading, %llu of checksums, %llu of metadata, %llu of superblocks",
			     (unsigned long long)progress->read_errors, (unsigned long long)progress->csum_errors,
			     (unsigned long long)progress->verify_errors, (unsigned long long)progress->super_errors);
	return error == -EINTR || error == -ESHUTDOWN ? (int)error : 0;
}

/* What having read it all says about it. */
static const char *verified(const struct image *image)
{
	if (!strcmp(image->type, "btrfs"))
		return "data and metadata match their checksums, in all copies";
	if (!strcmp(image->type, "ext4") && (le32toh(superblock_field(image, EXT4_FEATURES, 4)) & EXT4_METADATA_CSUM))
		return "metadata of files and directories matches its checksums; data has none";
	if (!strcmp(image->type, "xfs") &&
	    (be16toh((uint16_t)superblock_field(image, XFS_VERSION, 2)) & XFS_VERSION_BITS) == XFS_VERSION_5)
		return "metadata of files and directories matches its checksums; data has none";
	return "it can be read; checksums were not looked at";
}

static int send_counts(struct worker *worker, const struct image *image, const struct counts *counts)
{
	const char *what = counts->unreadable || counts->scrub_errors ? "" : verified(image);
	int error = wire_begin(&worker->wire, WIRE_CHECKED, sizeof(*counts) + strlen(image->type) + strlen(what) + 48);

	if (error)
		return error;
	wire_put_u32(&worker->wire, (uint32_t)(image - worker->command->images));
	wire_put(&worker->wire, counts, sizeof(*counts));
	wire_put_string(&worker->wire, image->type);
	wire_put_string(&worker->wire, what);
	return wire_end(&worker->wire, -1);
}

static int check_image(struct worker *worker, const struct image *image, void *buffer)
{
	struct check check = {
		.sink = { .take = take, .stream = stream },
		.report = { .say = say },
		.worker = worker,
		.buffer = buffer,
	};
	struct statfs fs;
	int error;

	check.report.arg = &check;
	if (!fs_image.call(SYS_fstatfs, image->root, (long)&fs, 0, 0, 0, 0))
		progress_total((fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize);
	error = walk_all(&check, image);
	worker->report.outcome |= check.report.outcome;
	if (!error && !strcmp(image->type, "btrfs"))
		error = scrub(&check, image);
	return error ? error : send_counts(worker, image, &check.counts);
}

static int work(struct worker *worker)
{
	void *buffer = malloc(PIECE);
	int error = buffer ? 0 : -ENOMEM;

	for (unsigned int i = 0; i < worker->command->image_count && !error; i++) {
		error = check_image(worker, &worker->command->images[i], buffer);
	}
	free(buffer);
	return error;
}

/* The parent's half. */

static void print_text(const struct image *image, const char *type, const struct counts *counts, const char *what)
{
	char bytes[32], scrubbed[32];

	text_put(image->path);
	fputs(": ", stdout);
	text_put(type);
	printf(", %llu files, %llu directories, %llu others; read %s of data and %llu extended attributes",
	       (unsigned long long)counts->files, (unsigned long long)counts->directories,
	       (unsigned long long)counts->others, text_size(counts->bytes, bytes, sizeof(bytes)),
	       (unsigned long long)counts->attributes);
	if (counts->scrubbed)
		printf(", scrubbed %s", text_size(counts->scrubbed, scrubbed, sizeof(scrubbed)));
	fputs("\n", stdout);
	text_put(image->path);
	fputs(": ", stdout);
	if (counts->unreadable || counts->scrub_errors)
		printf("%llu files cannot be read, %llu errors of scrubbing", (unsigned long long)counts->unreadable,
		       (unsigned long long)counts->scrub_errors);
	else
		text_put(what);
	fputs("\n", stdout);
}

static void print_json(const struct image *image, const char *type, const struct counts *counts, const char *what)
{
	struct json *json = json_list_next();

	json_open(json, NULL, '{');
	json_string(json, "image", image->path);
	json_bool(json, "checked", true);
	json_string(json, "type", type);
	json_bool(json, "clean", !counts->unreadable && !counts->scrub_errors);
	json_string(json, "verified", what);
	json_unsigned(json, "files", counts->files);
	json_unsigned(json, "directories", counts->directories);
	json_unsigned(json, "others", counts->others);
	json_unsigned(json, "bytes", counts->bytes);
	json_unsigned(json, "attributes", counts->attributes);
	json_unsigned(json, "unreadable", counts->unreadable);
	json_unsigned(json, "scrubbed", counts->scrubbed);
	json_unsigned(json, "scrub_errors", counts->scrub_errors);
	json_close(json, '}');
}

/* @why: after the path; @holds: NULL: not known, or no matter */
static void print_unchecked(const struct check_options *options, const char *path, const char *why, const char *holds)
{
	struct json *json;

	if (!options->json) {
		text_put(path);
		fputs(": ", stdout);
		text_put(why);
		fputs("not checked\n", stdout);
		return;
	}
	json = json_list_next();
	json_open(json, NULL, '{');
	json_string(json, "image", path);
	json_bool(json, "checked", false);
	if (holds)
		json_string(json, "holds", holds);
	else
		json_bool(json, "clean", false);
	json_close(json, '}');
}

/* A partition without a file system. */
static void other(struct session *session, const char *path, const char *holds)
{
	char why[192];

	snprintf(why, sizeof(why), "holds %s, ", *holds ? holds : "no file system that is known");
	print_unchecked(session->command->own, path, why, holds);
}

/* A disk with partitions: those that have a file system get their turns, of the others is told why they do not. */
static int record_partition(struct session *session, struct wire_record *record)
{
	struct session_part *part = session->parts;
	char name[128] = "";
	const struct foreign *foreign;
	struct place_names names;
	struct place place;

	place_get(record, &place, &names);
	while (part->number)
		part++;
	if (record->bad || !place.number || place.number > INT32_MAX || part == session->parts + PARTITIONS_MAX)
		return -EPROTO;
	foreign = foreign_type(names.type);
	if (foreign)
		foreign_name(foreign, names.version, name, sizeof(name));
	if (!*names.reason && (foreign || !*names.type)) {
		part->other = strdup(name);
		if (!part->other)
			return -ENOMEM;
	}
	part->number = place.number;
	return 0;
}

static int record(struct session *session, struct wire_record *record)
{
	const struct check_options *options = session->command->own;
	const struct image *image;
	const char *type, *what;
	struct counts counts;
	uint32_t number;

	if (record->type == WIRE_PLACE)
		return record_partition(session, record);
	number = wire_get_u32(record);
	wire_get(record, &counts, sizeof(counts));
	type = wire_get_string(record);
	what = wire_get_string(record);
	if (record->type != WIRE_CHECKED || record->bad || number >= session->command->image_count)
		return -EPROTO;
	image = &session->command->images[number];
	if (options->json)
		print_json(image, type, &counts, what);
	else
		print_text(image, type, &counts, what);
	return 0;
}

/* Why was told; that nothing is known of it belongs among the results, too. */
static void missed(struct session *session)
{
	print_unchecked(session->command->own, session->command->images[0].path, "", NULL);
}

static void finish(struct session *session)
{
	const struct check_options *options = session->command->own;

	if (options->json)
		json_list_end();
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "as JSON, an array with an object for each image", option_true,
	  offsetof(struct check_options, json) },
	{ 0, "all", NULL, "read all zeroes where a driver cannot tell holes from data", option_true,
	  offsetof(struct check_options, all) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus check disk.img", "read everything that is in it, or in all its partitions" },
	{ "rumpus check -p 2 /dev/sdb", "a partition of a device that is not mounted" },
	{ 0 },
};

const struct subcommand subcommand_check = {
	.name = "check",
	.arguments = "IMAGE...",
	.summary = "read everything, and tell what cannot be read",
	.help = "Mounts without changing a byte, reads all files with their attributes, and scrubs where the file system has\n"
		"checksums of data (Btrfs). Free space and what no file refers to are not looked at: that is for fsck.\n"
		"Of a disk with partitions, each that has a file system is checked, unless -p names one.\n"
		"Of several images, those that cannot be opened or mounted, or that end their kernel, are told of, and the others\n"
		"are checked.",
	.options = options,
	.options_size = sizeof(struct check_options),
	.examples = examples,
	.progress = true,
	.each = true,
	.apart = true,
	.disks = true,
	.prepare = prepare,
	.work = work,
	.record = record,
	.finish = finish,
	.missed = missed,
	.other = other,
};
