// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: an image laid over others, by the kernel's overlayfs: what its options say, mounting and unmounting */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <rumpus/syscalls.h>

#include "command.h"
#include "remove.h"

/* In the kernel: where the merged tree is. */
#define MERGED "/merged"
/* What overlayfs keeps of its own, beside the upper layer and as long as that is mounted. */
#define WORK ".work"

/* ---- the parent: what is asked for ---- */

int option_lower(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	struct option_layers *layers = target;

	if (layers->count == LAYERS_MAX)
		return usage_error(command, "more than %u lower layers", LAYERS_MAX);
	layers->lower[layers->count++] = argument;
	return EXIT_DONE;
}

static int check_top(const struct command *command)
{
	const char *upper = command->options.upper;

	if (command->sub->unmounted)
		return usage_error(command, "%s is about images as they are, without --lower", command->sub->name);
	if (command->image_count - command->point_count != 1)
		return usage_error(command, "with --lower, name one image: the one that lies over the others");
	if (!command->images[0].writable)
		return EXIT_DONE;
	if (!upper || strspn(upper, "/.") == strlen(upper))
		return usage_error(command, "to change an image over others, name the directory in it that has the "
					    "changes: --upper /upper");
	return EXIT_DONE;
}

int layers_take(struct command *command)
{
	const struct option_layers *asked = &command->options.layers;
	int result = EXIT_DONE;

	if (!asked->count)
		return command->options.upper ? usage_error(command, "--upper lies over what --lower names; name that")
					      : EXIT_DONE;
	result = check_top(command);
	for (unsigned int i = 0; i < asked->count && !result; i++) {
		const unsigned int known = command->image_count;

		result = operand_take(command, asked->lower[i], OPERAND_IMAGE, &command->layers[i]);
		if (!result && command->image_count > known)
			command->layers[i].image->lower = true;
	}
	command->layer_count = result ? 0 : asked->count;
	return result ? EXIT_USAGE : EXIT_DONE;
}

/* ---- the worker ---- */

/* Appends the path of a layer in the kernel, as an option of overlayfs has it. @suffix: after the path. Return: 0,
 * -ENOMEM */
static int add_path(const struct worker *worker, char **options, const char *before, const struct image *image,
		    const char *path, const char *suffix)
{
	const unsigned int number = (unsigned int)(image - worker->command->images);
	size_t used = *options ? strlen(*options) : 0;
	char root[16], *grown, *to;

	image_mount_point(number, root);
	grown = realloc(*options, used + strlen(before) + strlen(root) + 1 + 2 * (strlen(path) + strlen(suffix)) + 1);
	if (!grown)
		return -ENOMEM;
	*options = grown;
	to = grown + used + sprintf(grown + used, "%s%s/", before, root);
	for (unsigned int part = 0; part < 2; part++) {
		for (const char *from = part ? suffix : path; *from; *to++ = *from++) {
			if (strchr("\\:,", *from))
				*to++ = '\\';
		}
	}
	*to = 0;
	return 0;
}

/* Path of the upper layer, without slashes at its end. Return: allocated, or NULL */
static char *upper_path(const struct worker *worker)
{
	const char *upper = worker->command->options.upper ? worker->command->options.upper : "";
	size_t length = strlen(upper);

	while (length && upper[length - 1] == '/')
		length--;
	return strndup(upper, length);
}

/* Makes a directory in the top image unless it is there. */
static long make_dir(const struct image *image, const char *path, const char *suffix)
{
	char *name = NULL, last[FS_NAME_SIZE];
	long parent, error;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return -ENOMEM;
	parent = worker_open_parent(image, name, last);
	free(name);
	if (parent < 0)
		return parent;
	error = fs_mkdirat(&fs_image, (int)parent, last, 0755);
	fs_close(&fs_image, (int)parent);
	return error == -EEXIST ? 0 : error;
}

/* With what overlayfs leaves in it: a whiteout to make links to. Return: 0, also after a message; negative errno */
static long remove_work(struct worker *worker, const struct image *image, const char *upper)
{
	struct removal removal = { .fs = &fs_image, .report = &worker->report, .recursive = true, .force = true };
	char *name = NULL, last[FS_NAME_SIZE];
	long parent, error;

	if (asprintf(&name, "%s" WORK, upper) < 0)
		return -ENOMEM;
	parent = worker_open_parent(image, name, last);
	error = parent;
	if (parent >= 0) {
		error = removal_entry(&removal, (int)parent, last, name);
		fs_close(&fs_image, (int)parent);
	}
	free(name);
	/* Who is asked to stop leaves it for the next time. */
	return error == -EINTR ? 0 : error;
}

/* lowerdir= has all layers when nothing is to be written. */
static long make_options(struct worker *worker, const char *upper, char **options)
{
	const struct command *command = worker->command;
	const struct image *top = &command->images[0];
	const char *before = "lowerdir=";
	long error = 0;

	if (!top->writable) {
		error = worker_open(top, *upper ? upper : "/", O_PATH | O_DIRECTORY);
		if (error < 0)
			return error;
		fs_close(&fs_image, (int)error);
		error = add_path(worker, options, before, top, upper, "");
		before = ":";
	}
	for (unsigned int i = 0; i < command->layer_count && !error; i++, before = ":")
		error = add_path(worker, options, before, command->layers[i].image, command->layers[i].path, "");
	if (!top->writable || error)
		return error;
	error = make_dir(top, upper, "");
	error = error ? error : make_dir(top, upper, WORK);
	error = error ? error : add_path(worker, options, ",upperdir=", top, upper, "");
	return error ? error : add_path(worker, options, ",workdir=", top, upper, WORK);
}

static void explain(struct worker *worker, long error, uint64_t since)
{
	const char *path = worker->command->images[0].path, *upper = worker->command->options.upper;
	char line[256];

	kernel_last_words(worker->shared, since, line, sizeof(line));
	if (error == -ENODEV)
		report_error(&worker->report, path,
			     "the component overlay, which lays images over others, is not installed");
	else if (error == -ENOENT && upper)
		report_error(&worker->report, path, "has no directory %s; a command that writes makes it", upper);
	else
		report_error(&worker->report, path, "cannot be laid over the lower layers: %s; the kernel says: %s",
			     report_errno(error), *line ? line : "nothing");
}

int layers_mount(struct worker *worker)
{
	struct image *top = &worker->command->images[0];
	uint64_t since = atomic_load(&worker->shared->log_end);
	char *upper, *options = NULL;
	long error;

	if (!worker->command->layer_count)
		return 0;
	upper = upper_path(worker);
	error = upper ? make_options(worker, upper, &options) : -ENOMEM;
	if (!error)
		error = rumpus_sys_mkdirat(AT_FDCWD, MERGED, 0700);
	if (!error)
		error = rumpus_sys_mount("overlay", MERGED, "overlay", top->writable ? 0 : MS_RDONLY, options);
	free(upper);
	free(options);
	worker->merged = !error;
	if (!error) {
		long root = rumpus_sys_openat(AT_FDCWD, MERGED, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		error = root < 0 ? root : 0;
		if (!error) {
			rumpus_sys_close(top->root);
			top->root = (int)root;
		}
	}
	if (!error)
		report_detail(&worker->report, top->path, "laid over %u lower layers", worker->command->layer_count);
	else if (error != -EINTR)
		explain(worker, error, since);
	return (int)error;
}

void layers_mount_point(const struct worker *worker, char path[16])
{
	if (worker->merged)
		strcpy(path, MERGED);
	else
		image_mount_point(0, path);
}

int layers_unmount(struct worker *worker)
{
	struct image *top = &worker->command->images[0];
	char dir[16], *upper;
	long error, result;

	if (!worker->merged || !top->writable)
		return 0;
	result = rumpus_sys_syncfs(top->root);
	rumpus_sys_close(top->root);
	rumpus_sys_chdir("/");
	error = rumpus_sys_umount2(MERGED, 0);
	result = result ? result : error;
	image_mount_point(0, dir);
	top->root = (int)rumpus_sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	upper = upper_path(worker);
	error = !upper ? -ENOMEM : error ? 0 : remove_work(worker, top, upper);
	free(upper);
	result = result ? result : error;
	if (result)
		report_error(&worker->report, top->path,
			     "the upper layer cannot be finished: %s; check the image with fsck", report_errno(result));
	return (int)result;
}
