// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: visiting all files below a place in an image */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"
#include "visit.h"

/* Bytes of names that are read at a time: near the operand, and where a thousand levels may each hold a buffer. */
#define NAMES_SIZE (64U << 10)
#define NAMES_SIZE_DEEP (4U << 10)
#define DEEP 64U

const char *visit_image_path(struct visit *visit)
{
	const char *rest = visit->path.text + visit->label;

	if (path_set(&visit->inside, visit->operand->path) ||
	    (*rest && path_push(&visit->inside, rest + (*rest == '/')) < 0))
		return "";
	/* The root and what is below it may have been typed with more slashes than needed. */
	return visit->inside.text + (visit->inside.length ? strspn(visit->inside.text, "/") - 1 : 0);
}

int visit_failed(struct visit *visit, const char *what, long error)
{
	return worker_failed(visit->worker, path_tail(visit->path.text), what, error);
}

int visit_examine(struct visit *visit, struct visit_file *file)
{
	long error;

	if (file->examined)
		return 0;
	error = fs_statx(&fs_image, file->dir, file->name, &file->st);
	if (error) {
		error = visit_failed(visit, "cannot examine", error);
		return error ? (int)error : 1;
	}
	file->examined = true;
	file->type = (unsigned char)IFTODT(file->st.stx_mode);
	return 0;
}

bool visit_crosses(const struct visit *visit, const struct visit_file *file)
{
	return file->type == DT_DIR &&
	       (file->st.stx_dev_major != visit->dev_major || file->st.stx_dev_minor != visit->dev_minor);
}

static int visit_file(struct visit *visit, struct visit_file *file);

/* @name in the directory that is open as @dir. */
static int visit_name(struct visit *visit, int dir, const char *name, unsigned char type, bool last, unsigned int depth)
{
	struct visit_file file;
	long length;
	int error;

	file.dir = dir;
	file.name = name;
	file.type = type;
	file.examined = false;
	file.last = last;
	file.depth = depth;
	length = path_push(&visit->path, name);
	if (length < 0)
		return (int)length;
	error = visit_file(visit, &file);
	path_pop(&visit->path, length);
	return error;
}

static int visit_buffer(struct visit *visit, int dir, const char *names, long size, unsigned int depth)
{
	int error = 0;

	for (long at = 0; at < size && !error;) {
		const struct fs_dirent *dirent = (const void *)(names + at);

		at += dirent->size;
		if (!fs_is_dots(dirent->name))
			error = visit_name(visit, dir, dirent->name, dirent->type, false, depth);
	}
	return error;
}

/* Whose names are sorted, and how deep they are. */
struct listing {
	const struct visit *visit;
	unsigned int depth;
};

static bool is_wanted(void *arg, const struct fs_dirent *dirent)
{
	const struct listing *listing = arg;
	const struct visit *visit = listing->visit;

	return !fs_is_dots(dirent->name) &&
	       (!visit->wanted || visit->wanted(visit, dirent->name, dirent->type, listing->depth));
}

static int visit_sorted(struct visit *visit, int dir, unsigned int depth)
{
	struct listing listing = { visit, depth };
	struct fs_names names;
	long listed = fs_names_read(&fs_image, dir, is_wanted, &listing, &names);
	int error = listed ? visit_failed(visit, "cannot list", listed) : 0;

	for (size_t i = 0; i < names.count && !error; i++)
		error = visit_name(visit, dir, names.list[i], fs_names_type(&names, i), i + 1 == names.count, depth);
	fs_names_free(&names);
	return error;
}

static int visit_entries(struct visit *visit, int dir, unsigned int depth)
{
	size_t room = depth < DEEP ? NAMES_SIZE : NAMES_SIZE_DEEP;
	struct fs_reading reading = { 0 };
	char *buffer;
	int error = 0;
	long size = 1;

	if (visit->sorted)
		return visit_sorted(visit, dir, depth);
	buffer = malloc(room);
	if (!buffer)
		return -ENOMEM;
	while (!error && size > 0) {
		size = fs_read_dir(&fs_image, dir, &reading, buffer, room);
		if (size < 0)
			error = visit_failed(visit, "cannot list", size);
		else
			error = visit_buffer(visit, dir, buffer, size, depth);
	}
	free(buffer);
	return error;
}

static int visit_dir(struct visit *visit, struct visit_file *file)
{
	long fd;
	int error;

	if (file->depth >= VISIT_DEPTH_MAX) {
		report_error(&visit->worker->report, path_tail(visit->path.text),
			     "nested more than %u directories deep; what is below is left out", VISIT_DEPTH_MAX);
		return 0;
	}
	fd = fs_open_dir(&fs_image, file->dir, *file->name ? file->name : ".");
	if (fd < 0)
		return visit_failed(visit, "cannot open", fd);
	if (tree_dir_again(visit->dirs, &fs_image, (int)fd)) {
		report_error(&visit->worker->report, path_tail(visit->path.text), "%s", TREE_DIR_AGAIN);
		error = 0;
	} else {
		error = visit_entries(visit, (int)fd, file->depth + 1);
	}
	fs_close(&fs_image, (int)fd);
	return error;
}

static int visit_file(struct visit *visit, struct visit_file *file)
{
	int answer;

	if (stop_requested())
		return -EINTR;
	if (file->type == DT_UNKNOWN) {
		int error = visit_examine(visit, file);

		if (error)
			return error < 0 ? error : 0;
	}
	answer = visit->enter(visit, file);
	if (answer < 0 || file->type != DT_DIR || answer == VISIT_SKIP)
		return answer < 0 ? answer : 0;
	answer = visit_dir(visit, file);
	return answer || !visit->leave ? answer : visit->leave(visit, file);
}

static int set_label(struct visit *visit, const struct operand *operand)
{
	char *label = operand_label(visit->worker->command, operand);
	int error = label ? path_set(&visit->path, label) : -ENOMEM;

	visit->operand = operand;
	visit->label = visit->path.length;
	free(label);
	tree_links_free(visit->dirs);
	visit->dirs = tree_links_new();
	return visit->dirs ? error : -ENOMEM;
}

int visit_operand(struct visit *visit, const struct operand *operand)
{
	struct visit_file file = { .type = DT_UNKNOWN, .last = true };
	char last[FS_NAME_SIZE] = "";
	int error = set_label(visit, operand);
	long dir;

	if (error)
		return error;
	dir = visit->follow ? worker_open(operand->image, operand->path, O_PATH)
			    : worker_open_parent(operand->image, operand->path, last);
	if (dir < 0)
		return visit_failed(visit, "cannot open", dir);
	file.dir = (int)dir;
	file.name = last;
	error = visit_examine(visit, &file);
	visit->dev_major = file.st.stx_dev_major;
	visit->dev_minor = file.st.stx_dev_minor;
	if (!error)
		error = visit_file(visit, &file);
	fs_close(&fs_image, (int)dir);
	return error < 0 ? error : 0;
}

int visit_operands(struct visit *visit, unsigned int first)
{
	const struct command *command = visit->worker->command;
	int error = 0;

	for (unsigned int i = first; i < command->operand_count && !error; i++)
		error = visit_operand(visit, &command->operands[i]);
	visit_end(visit);
	return error;
}

void visit_end(struct visit *visit)
{
	path_free(&visit->path);
	path_free(&visit->inside);
	tree_links_free(visit->dirs);
	visit->dirs = NULL;
}
