// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: images mounted at directories of another one, as a machine has its partitions: --at /boot=disk.img@1 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "command.h"

/* ---- the parent: what is asked for ---- */

/* Shortens a path to slashes with names between them, so that of two ways to one place one is the longer. Return: has ".." */
static bool clean(char *path)
{
	const char *from = path;
	bool up = false;
	char *to = path;

	while (*(from += strspn(from, "/"))) {
		const size_t length = strcspn(from, "/");

		up |= length == 2 && !memcmp(from, "..", 2);
		if (length != 1 || *from != '.') {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	*to = 0;
	return up;
}

static bool is_taken(const struct option_points *points, const char *dir)
{
	for (unsigned int i = 0; i < points->count; i++) {
		if (!strcmp(points->list[i].dir, dir))
			return true;
	}
	return false;
}

int option_at(const struct command *command, const struct option_rule *rule, void *target, const char *argument)
{
	struct option_points *points = target;
	const char *equal = strchr(argument, '=');
	char *dir;
	bool up;

	if (*argument != '/' || !equal || !equal[1])
		return usage_error(command,
				   "--at \"%s\": give a directory of the image and what is to be there, as in "
				   "--at /boot=disk.img@1",
				   argument);
	if (points->count == POINTS_MAX)
		return usage_error(command, "more than %u times --at", POINTS_MAX);
	dir = strndup(argument, (size_t)(equal - argument));
	if (!dir)
		abort();
	up = clean(dir);
	if (up)
		return usage_error(command, "--at \"%s\": give the directory without \"..\"", argument);
	if (!*dir)
		return usage_error(command, "--at \"%s\": the image that the command names is there", argument);
	if (is_taken(points, dir))
		return usage_error(command, "--at \"%s\": there is one for that directory already", argument);
	points->list[points->count++] = (struct option_point){ .dir = dir, .image = equal + 1 };
	return EXIT_DONE;
}

/* In the order in which they can be mounted: what is deeper lies in what is above it. */
static void sort(struct option_points *points)
{
	for (unsigned int i = 1; i < points->count; i++) {
		const struct option_point point = points->list[i];
		unsigned int at = i;

		for (; at && strlen(points->list[at - 1].dir) > strlen(point.dir); at--)
			points->list[at] = points->list[at - 1];
		points->list[at] = point;
	}
}

int at_take(struct command *command)
{
	struct option_points *points = &command->options.points;
	int result = EXIT_DONE;

	if (!points->count || command->sub->apart)
		return EXIT_DONE;
	if (command->sub->unmounted)
		return usage_error(command, "%s is about one image as it is, without --at", command->sub->name);
	if (command->image_count != 1)
		return usage_error(command,
				   "with --at, name one image: the one whose directories the others are mounted at");
	sort(points);
	for (unsigned int i = 0; i < points->count && !result; i++) {
		const unsigned int known = command->image_count;

		result = operand_take(command, points->list[i].image, OPERAND_IMAGE, &command->points[i]);
		if (result || command->image_count == known)
			continue;
		command->points[i].image->lower = true;
		command->points[i].image->writable = command->images[0].writable;
	}
	command->point_count = result ? 0 : points->count;
	return result ? EXIT_USAGE : EXIT_DONE;
}

/* Without a path in it: the image as a whole. Return: caller frees; NULL after a message */
static char *image_of(const struct command *command, const char *text)
{
	struct command scratch = { .sub = command->sub, .report = command->report };
	struct operand operand;

	return operand_take(&scratch, text, OPERAND_IMAGE, &operand) ? NULL : strdup(operand.image->path);
}

char **at_words(struct command *command, int *argc, char **argv)
{
	struct option_points *points = &command->options.points;
	char **words = calloc((size_t)*argc + points->count + 1, sizeof(*words));

	if (!words)
		abort();
	memcpy(words, argv, (size_t)*argc * sizeof(*words));
	for (unsigned int i = 0; i < points->count; i++) {
		char *image = image_of(command, points->list[i].image);

		if (!image) {
			free(words);
			return NULL;
		}
		points->list[i].image = words[(*argc)++] = image;
	}
	return words;
}

bool at_names(const struct command *command, const char *path)
{
	const struct option_points *points = &command->options.points;

	for (unsigned int i = 0; command->sub->apart && i < points->count; i++) {
		if (!strcmp(points->list[i].image, path))
			return true;
	}
	return false;
}

/* Is @path what is called @dir, or below it? */
static bool is_below(const char *path, const char *dir)
{
	const size_t length = strlen(dir);

	return !strncmp(path, dir, length) && (!path[length] || path[length] == '/');
}

const char *at_point(const struct command *command, const char *path)
{
	const struct option_points *points = &command->options.points;
	static const char nowhere[] = "";
	const char *found = nowhere;

	for (unsigned int i = 0; i < points->count; i++) {
		if (is_below(path, points->list[i].dir) && strlen(points->list[i].dir) > strlen(found))
			found = points->list[i].dir;
	}
	return found;
}

/* ---- the worker ---- */

static const char *why(long error)
{
	return error == -ENOENT	   ? "there is no such directory; make it (rumpus mkdir)"
	       : error == -ENOTDIR ? "that is no directory"
				   : report_errno(error);
}

/* Where it is to be, whatever symbolic links say, within the image. Return: descriptor; negative errno after a message
 */
static long open_dir(struct worker *worker, const char *dir)
{
	const struct image *image = &worker->command->images[0];
	long fd = worker_open(image, dir, O_PATH | O_DIRECTORY);

	if (fd < 0 && fd != -EINTR)
		report_error(&worker->report, image->path, "nothing can be mounted at %s: %s", dir, why(fd));
	return fd;
}

/* A second mount of the image, or of a directory in it. Return: descriptor of its root; negative errno after a message
 */
static long clone(struct worker *worker, const struct operand *operand)
{
	long fd = worker_open(operand->image, operand->path, O_PATH | O_DIRECTORY), tree;

	if (fd < 0) {
		if (fd != -EINTR)
			report_error(&worker->report, operand->image->path, "%s cannot be mounted: %s", operand->path,
				     report_errno(fd));
		return fd;
	}
	tree = rumpus_sys_open_tree((int)fd, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	fs_close(&fs_image, (int)fd);
	if (tree < 0)
		report_error(&worker->report, operand->text, "cannot be mounted: %s", report_errno(tree));
	return tree;
}

static int mount_point(struct worker *worker, unsigned int number)
{
	const struct operand *operand = &worker->command->points[number];
	const char *dir = worker->command->options.points.list[number].dir;
	long to = open_dir(worker, dir), tree = to < 0 ? to : clone(worker, operand), error = tree < 0 ? tree : 0;

	if (!error)
		error = rumpus_sys_move_mount((int)tree, "", (int)to, "",
					      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	if (to >= 0)
		fs_close(&fs_image, (int)to);
	if (error && tree >= 0) {
		report_error(&worker->report, operand->text, "cannot be mounted at %s: %s", dir, report_errno(error));
		fs_close(&fs_image, (int)tree);
	}
	if (error)
		return (int)error;
	report_detail(&worker->report, operand->text, "mounted at %s", dir);
	worker->points[worker->point_count++] = (int)tree;
	return 0;
}

int at_mount(struct worker *worker)
{
	int error = 0;

	for (unsigned int i = 0; i < worker->command->point_count && !error; i++)
		error = mount_point(worker, i);
	return error;
}

int at_unmount(struct worker *worker)
{
	long result = 0;

	while (worker->point_count) {
		const int root = worker->points[--worker->point_count];
		long error = rumpus_sys_fchdir(root);

		/* The image's own mount remains, which is ended with all that this takes. */
		if (!error)
			error = rumpus_sys_umount2(".", MNT_DETACH);
		rumpus_sys_chdir("/");
		rumpus_sys_close(root);
		result = result ? result : error;
	}
	if (result)
		report_error(&worker->report, worker->command->images[0].path,
			     "what is mounted in it cannot be unmounted: %s", report_errno(result));
	return (int)result;
}
