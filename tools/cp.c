// SPDX-License-Identifier: BSD-2-Clause
/* rumpus cp: copy files into images, out of them, and between them */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "cp.h"
#include "tree.h"

static const struct cp_options *options_of(const struct command *command)
{
	return command->own;
}

static const struct operand *target_of(const struct command *command)
{
	return &command->operands[command->operand_count - 1];
}

static unsigned int source_count(const struct command *command)
{
	return command->operand_count - 1;
}

const char *cp_last_name(const char *path)
{
	size_t length = strlen(path), start;
	char *name;

	while (length && path[length - 1] == '/')
		length--;
	for (start = length; start && path[start - 1] != '/'; start--)
		continue;
	name = strndup(path + start, length - start);
	if (!name)
		abort();
	return fs_name_is_entry(name) ? name : ".";
}

static int check_directions(struct command *command)
{
	const struct operand *target = target_of(command);
	bool images = target->image;

	for (unsigned int i = 0; i < source_count(command); i++) {
		const struct operand *source = &command->operands[i];

		images |= !!source->image;
		if (!source->image && !target->image)
			return usage_error(command,
					   "neither \"%s\" nor \"%s\" is in an image; write IMAGE:/PATH for what is",
					   source->text, target->text);
	}
	return images ? EXIT_DONE : EXIT_USAGE;
}

/* What each target is called in the directory that @build has as its base. */
static void name_targets(const struct command *command, struct tree_build *build)
{
	const char **names = calloc(source_count(command), sizeof(*names));

	if (!names)
		abort();
	for (unsigned int i = 0; i < source_count(command); i++)
		names[i] = cp_last_name(build->exact ? target_of(command)->path : command->operands[i].path);
	build->targets = names;
	build->target_count = source_count(command);
}

static struct tree_build *new_build(const struct command *command, const struct fs *fs, struct report *report,
				    mode_t mask)
{
	struct tree_build *build = calloc(1, sizeof(*build));

	if (!build)
		abort();
	build->fs = fs;
	build->report = report;
	build->preserve = options_of(command)->preserve;
	build->umask = mask;
	return build;
}

char *cp_dir_name(const char *path)
{
	size_t length = strlen(path);
	char *name;

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length && path[length - 1] != '/')
		length--;
	name = length ? strndup(path, length) : strdup(".");
	if (!name)
		abort();
	return name;
}

/*
 * Decides where targets go: into @dir, what the target path opens as a directory, or, when it does not, to that name in
 * @parent. Return: 0, or a negative errno after a message
 */
static int place_targets(const struct command *command, struct tree_build *build, long dir, long parent)
{
	const struct operand *target = target_of(command);
	char *label;

	build->exact = dir < 0;
	build->base = (int)(build->exact ? parent : dir);
	if (!build->exact && parent >= 0)
		fs_close(build->fs, (int)parent);
	if (dir < 0 && source_count(command) > 1) {
		report_error(build->report, target->text, "is no directory, which it must be for several sources");
		return -ENOTDIR;
	}
	if (dir == -ENAMETOOLONG || build->base == -ENAMETOOLONG) {
		report_error(build->report, target->text, "cannot be made: %s", report_errno(-ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	if (build->base < 0) {
		report_error(build->report, target->text, "the directory that it should be in cannot be opened: %s",
			     report_errno(build->base));
		return build->base;
	}
	label = build->exact ? cp_dir_name(target->text) : NULL;
	/* Kept for as long as the process lives. */
	build->label = !label ? target->text : !strcmp(label, ".") ? "" : label;
	name_targets(command, build);
	if (build->exact && !strcmp(build->targets[0], ".")) {
		report_error(build->report, target->text, "no such directory");
		return -ENOENT;
	}
	return tree_build_init(build);
}

int cp_prepare(struct command *command, int argc, char **argv)
{
	int result;

	if (argc < 2)
		return usage_error(command, "%s takes at least a source and a target", command->sub->name);
	result = operands_take(command, argc, argv, OPERAND_ANY);
	if (!result)
		result = check_directions(command);
	if (!result && target_of(command)->image)
		target_of(command)->image->writable = true;
	return result;
}

/* Parent: the target is on the host. Opened before anything else happens, so that a wrong one is told at once. */
static int open_host_target(struct session *session)
{
	const struct command *command = session->command;
	const struct operand *target = target_of(command);
	struct tree_build *build = new_build(command, &fs_host, session->report, session->mask);
	char *parent = cp_dir_name(target->path);
	long dir = fs_openat(&fs_host, session->cwd, target->path, O_PATH | O_DIRECTORY, 0);
	int error =
		place_targets(command, build, dir, fs_openat(&fs_host, session->cwd, parent, O_PATH | O_DIRECTORY, 0));

	free(parent);
	if (error && build->base >= 0)
		fs_close(&fs_host, build->base);
	if (error) {
		free(build);
		return -ECANCELED;
	}
	session->build = build;
	return 0;
}

static int send_host_source(struct session *session, struct tree_walk *walk, unsigned int number)
{
	const struct operand *source = &session->command->operands[number];
	const char *name = cp_last_name(source->path);
	char *parent;
	long dir;
	int error;

	if (!options_of(session->command)->recursive) {
		dir = fs_openat(&fs_host, session->cwd, source->path, O_RDONLY | O_NOCTTY, 0);
		if (dir >= 0)
			return tree_walk_file(walk, number, (int)dir, source->text);
		report_error(session->report, source->text, "cannot open: %s", report_errno(dir));
		return dir == -EINTR && stop_requested() ? -EINTR : 0;
	}
	parent = !strcmp(name, ".") ? strdup(source->path) : cp_dir_name(source->path);
	dir = fs_openat(&fs_host, session->cwd, parent, O_PATH | O_DIRECTORY, 0);
	free(parent);
	if (dir < 0) {
		report_error(session->report, source->text, "cannot open: %s", report_errno(dir));
		return 0;
	}
	error = tree_walk(walk, number, (int)dir, name, source->text);
	fs_close(&fs_host, (int)dir);
	return error;
}

static int send_host_sources(struct session *session)
{
	const struct command *command = session->command;
	struct tree_wire_sink sink;
	struct tree_walk walk = {
		.fs = &fs_host,
		.sink = &sink.sink,
		.report = session->report,
		.preserve = options_of(command)->preserve,
		.one_fs = options_of(command)->one_fs,
	};
	int error = tree_walk_init(&walk);

	tree_wire_sink_init(&sink, &session->wire, true);
	for (unsigned int i = 0; i < source_count(command) && !error; i++) {
		if (!command->operands[i].image)
			error = send_host_source(session, &walk, i);
	}
	tree_walk_fini(&walk);
	return error ? error : tree_put_done(&session->wire);
}

int cp_drive(struct session *session)
{
	return target_of(session->command)->image ? send_host_sources(session) : open_host_target(session);
}

/* The worker wants to fill a file: make it, and pass it a descriptor that can only write to it. */
static int open_for_worker(struct session *session, const struct tree_entry *entry)
{
	struct tree_end end = { .fd = -1 };
	int error = session->build->sink.begin(&session->build->sink, entry, &end), copy = -1;

	if (error)
		return error;
	if (end.fd >= 0) {
		copy = fcntl(end.fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return -errno;
	}
	error = wire_begin(&session->wire, WIRE_TREE_READY, 8);
	if (!error)
		error = wire_end(&session->wire, copy);
	return error ? error : wire_flush(&session->wire);
}

int cp_record(struct session *session, struct wire_record *record)
{
	struct tree_build *build = session->build;
	struct tree_entry entry;
	int error;

	if (record->type != WIRE_TREE || !build || tree_get(record, &entry) || entry.fd >= 0)
		return -EPROTO;
	if (entry.kind == TREE_STREAM)
		error = open_for_worker(session, &entry);
	else if (entry.kind == TREE_STREAM_END)
		error = build->sink.finish(&build->sink, &entry);
	else
		error = build->sink.take(&build->sink, &entry);
	/* Reported already, but for what the worker must not send; nothing that follows would be better. */
	return error && error != -EPROTO ? -ECANCELED : error;
}

void cp_finish(struct session *session)
{
	struct tree_build *build = session->build;

	if (!build)
		return;
	tree_build_fini(build);
	fs_close(build->fs, build->base);
	free(build);
	session->build = NULL;
}

/* Worker: the target is in an image */

static int open_image_target(struct worker *worker, struct tree_build **out)
{
	const struct command *command = worker->command;
	const struct operand *target = target_of(command);
	struct tree_build *build = new_build(command, &fs_image, &worker->report, worker->umask);
	char last[FS_NAME_SIZE];
	long dir = worker_open(target->image, target->path, O_PATH | O_DIRECTORY);
	long parent = dir < 0 ? worker_open_parent(target->image, target->path, last) : -1;
	int error;

	build->same_fs = true;
	error = place_targets(command, build, dir, parent);
	/* What stays open keeps the image from being unmounted. */
	if (error && build->base >= 0)
		fs_close(&fs_image, build->base);
	*out = error ? NULL : build;
	return error;
}

/* What is built of entries from the parent. */
struct taking {
	struct worker *worker;
	struct tree_build *build;
};

/* The contents of a large file, from a descriptor of the host's. */
static int take_contents(const struct taking *taking, const struct tree_entry *entry, struct tree_end to)
{
	int64_t size = S_ISREG(entry->meta.mode) ? (int64_t)entry->meta.size : -1;
	struct tree_build *build = taking->build;
	struct tree_entry done = *entry;
	struct tree_copied copied;
	int error;

	done.status = (int32_t)tree_copy((struct tree_end){ &fs_host, entry->fd }, to, size, &copied);
	if (done.status && done.status != -EINTR)
		report_error(&taking->worker->report,
			     build->depth ? entry->name : target_of(taking->worker->command)->text, "%s: %s",
			     copied.writing ? "cannot write" : "cannot read the source", report_errno(done.status));
	error = build->sink.finish(&build->sink, &done);
	if (!error && done.status && (copied.writing || done.status == -EINTR) && tree_fatal(done.status))
		error = done.status;
	return error;
}

static int take_from_parent(void *arg, const struct tree_entry *entry)
{
	const struct taking *taking = arg;
	struct tree_sink *sink = &taking->build->sink;
	struct tree_end to = { .fd = -1 };
	int error;

	if (entry->kind != TREE_STREAM)
		return sink->take(sink, entry);
	error = sink->begin(sink, entry, &to);
	return !error && to.fd >= 0 ? take_contents(taking, entry, to) : error;
}

static int walk_image_source(struct worker *worker, struct tree_walk *walk, unsigned int number)
{
	const struct operand *source = &worker->command->operands[number];
	char last[FS_NAME_SIZE];
	long fd;
	int error;

	image_room(worker, source->image, &walk->room);
	if (!options_of(worker->command)->recursive) {
		fd = worker_open(source->image, source->path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			return tree_walk_file(walk, number, (int)fd, source->text);
	} else {
		fd = worker_open_parent(source->image, source->path, last);
		if (fd >= 0) {
			error = tree_walk(walk, number, (int)fd, last, source->text);
			fs_close(&fs_image, (int)fd);
			return error;
		}
	}
	report_error(&worker->report, source->text, "cannot open: %s", report_errno(fd));
	return fd == -EINTR || fd == -ESHUTDOWN ? (int)fd : 0;
}

static int walk_image_sources(struct worker *worker, struct tree_sink *sink, const struct tree_meta *avoid)
{
	const struct command *command = worker->command;
	struct tree_walk walk = {
		.fs = &fs_image,
		.sink = sink,
		.report = &worker->report,
		.preserve = options_of(command)->preserve,
		.one_fs = options_of(command)->one_fs,
		.avoid = avoid,
	};
	int error = tree_walk_init(&walk);

	for (unsigned int i = 0; i < source_count(command) && !error; i++) {
		if (command->operands[i].image)
			error = walk_image_source(worker, &walk, i);
	}
	tree_walk_fini(&walk);
	return error;
}

int cp_work(struct worker *worker)
{
	struct tree_wire_sink sink;
	struct tree_build *build;
	int error;

	if (!target_of(worker->command)->image) {
		tree_wire_sink_init(&sink, &worker->wire, false);
		return walk_image_sources(worker, &sink.sink, NULL);
	}
	error = open_image_target(worker, &build);
	if (error)
		return error;
	error = walk_image_sources(worker, &build->sink, &build->own);
	if (!error)
		error = tree_receive(&worker->wire, take_from_parent, &(struct taking){ worker, build });
	tree_build_fini(build);
	fs_close(&fs_image, build->base);
	return error;
}

static int take_archive(const struct command *command, const struct option_rule *rule, void *target,
			const char *argument)
{
	*(struct cp_options *)target = (struct cp_options){ .recursive = true, .preserve = true };
	return EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 'r', "recursive", NULL, "copy directories with all that is in them", option_true,
	  offsetof(struct cp_options, recursive) },
	{ 'R', NULL, NULL, NULL, option_true, offsetof(struct cp_options, recursive) },
	{ 'p', "preserve", NULL, "keep owners, modes, times, hard links and extended attributes", option_true,
	  offsetof(struct cp_options, preserve) },
	{ 'a', "archive", NULL, "-r and -p", take_archive, 0 },
	{ 'x', "one-file-system", NULL, "of what is mounted in a source, and of subvolumes, only the directory", option_true,
	  offsetof(struct cp_options, one_fs) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus cp -a photos disk.img:/", "a directory into the image" },
	{ "rumpus cp -r disk.img:/var/log .", "out of it" },
	{ "rumpus cp -a old-ext4.img:/ new-xfs.img:/", "from one file system to another" },
	{ "rumpus cp -a disk.img@2:/etc disk.img@backup:/", "from one partition to another" },
	{ 0 },
};

const struct subcommand subcommand_cp = {
	.name = "cp",
	.arguments = "SOURCE... TARGET",
	.summary = "copy files into, out of or between images",
	.options = options,
	.options_size = sizeof(struct cp_options),
	.examples = examples,
	.progress = true,
	.prepare = cp_prepare,
	.work = cp_work,
	.record = cp_record,
	.drive = cp_drive,
	.finish = cp_finish,
};
