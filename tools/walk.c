// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: walking a tree on either side, to copy it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "tree.h"

/* Bytes of names that are read from a directory at a time. */
#define NAMES_SIZE (32U << 10)

int tree_walk_init(struct tree_walk *walk)
{
	walk->links = tree_links_new();
	walk->xattrs = malloc(WIRE_INLINE_MAX);
	walk->data = malloc(WIRE_INLINE_MAX);
	if (walk->links && walk->xattrs && walk->data)
		return 0;
	tree_walk_fini(walk);
	return -ENOMEM;
}

void tree_walk_fini(struct tree_walk *walk)
{
	tree_links_free(walk->links);
	tree_links_free(walk->dirs);
	free(walk->xattrs);
	free(walk->data);
	path_free(&walk->path);
	walk->links = walk->dirs = NULL;
	walk->xattrs = walk->data = NULL;
}

static int failed(struct tree_walk *walk, const char *what, long error)
{
	if (error == -EINTR && stop_requested())
		return -EINTR;
	report_error(walk->report, walk->path.text, "%s: %s", what, report_errno(error));
	return error == -ESHUTDOWN ? -ESHUTDOWN : 0;
}

static void add_xattrs(struct tree_walk *walk, struct tree_entry *entry, int fd, int dir)
{
	if (!walk->preserve)
		return;
	entry->xattrs_size = tree_xattrs_read(walk->fs, fd, dir, entry->name, walk->xattrs, &entry->xattrs_lost);
	entry->xattrs = walk->xattrs;
}

/* Gives @entry a number when the file has several names. Return: true when it was passed on as a link. */
static bool known_link(struct tree_walk *walk, struct tree_entry *entry, const struct statx *st, int *error)
{
	bool first = true;

	if (!walk->preserve || st->stx_nlink < 2)
		return false;
	entry->link = tree_links_number(walk->links, &entry->meta, &first);
	if (first)
		return false;
	entry->kind = TREE_LINK;
	*error = walk->sink->take(walk->sink, entry);
	return true;
}

/* The worker moves the bytes: to a file of the image's, or to one that the parent opens. */
static int move_contents(struct tree_walk *walk, struct tree_entry *entry, int fd)
{
	struct tree_end to = { .fd = -1 };
	struct tree_copied copied;
	int64_t size = S_ISREG(entry->meta.mode) ? (int64_t)entry->meta.size : -1;
	int error = walk->sink->begin(walk->sink, entry, &to);

	if (error || to.fd < 0)
		return error;
	entry->status = (int32_t)tree_copy((struct tree_end){ walk->fs, fd }, to, size, &copied);
	if (to.fs == &fs_host)
		fs_close(to.fs, to.fd);
	if (entry->status && entry->status != -EINTR)
		report_error(walk->report, walk->path.text, "%s: %s",
			     copied.writing ? "cannot write the copy" : "cannot read", report_errno(entry->status));
	entry->kind = TREE_STREAM_END;
	add_xattrs(walk, entry, fd, -1);
	error = walk->sink->finish(walk->sink, entry);
	if (!error && entry->status && (copied.writing || entry->status == -ESHUTDOWN) && tree_fatal(entry->status))
		error = entry->status;
	return error;
}

static int pass_file(struct tree_walk *walk, struct tree_entry *entry, int *fd)
{
	if (S_ISREG(entry->meta.mode) && entry->meta.size <= WIRE_INLINE_MAX && !entry->meta.blocks_short) {
		long size = fs_read_all(walk->fs, *fd, walk->data, entry->meta.size, 0);

		if (size < 0)
			return failed(walk, "cannot read", size);
		progress_bytes((uint64_t)size);
		entry->kind = TREE_FILE;
		entry->data = walk->data;
		entry->data_size = (size_t)size;
		add_xattrs(walk, entry, *fd, -1);
		return walk->sink->take(walk->sink, entry);
	}
	if (S_ISREG(entry->meta.mode) && !tree_size_possible((struct tree_end){ walk->fs, *fd }, entry->meta.size)) {
		report_error(walk->report, walk->path.text, TREE_SIZE_IMPOSSIBLE, (unsigned long long)entry->meta.size);
		return 0;
	}
	entry->kind = TREE_STREAM;
	if (!walk->sink->passes_fd && !walk->sink->stream)
		return move_contents(walk, entry, *fd);
	add_xattrs(walk, entry, *fd, -1);
	if (walk->sink->stream)
		return walk->sink->stream(walk->sink, entry, (struct tree_end){ walk->fs, *fd }, walk->path.text);
	entry->fd = *fd;
	*fd = -1;
	return walk->sink->take(walk->sink, entry);
}

/* Where links are not looked for, a file with several names comes several times. Return: false after a message */
static bool has_room(struct tree_walk *walk, const struct statx *st, int fd)
{
	if (tree_data_fits(&walk->room, (struct tree_end){ walk->fs, fd }, st, walk->preserve || st->stx_nlink < 2))
		return true;
	report_error(walk->report, walk->path.text, "%s", TREE_DATA_IMPOSSIBLE);
	return false;
}

/* Takes @fd over. */
static int visit_opened(struct tree_walk *walk, struct tree_entry *entry, int fd)
{
	struct statx st;
	long examined = fs_statx(walk->fs, fd, "", &st);
	int error = 0;

	if (examined)
		error = failed(walk, "cannot examine", examined);
	else {
		tree_meta_from(&entry->meta, &st);
		if (S_ISDIR(st.stx_mode))
			report_error(walk->report, walk->path.text, "is a directory; use -r to copy it");
		else if (!known_link(walk, entry, &st, &error)) {
			if (has_room(walk, &st, fd))
				error = pass_file(walk, entry, &fd);
		}
	}
	if (fd >= 0)
		fs_close(walk->fs, fd);
	return error;
}

static int visit_file(struct tree_walk *walk, int dir, struct tree_entry *entry)
{
	/* O_NONBLOCK: what was a regular file a moment ago may have been replaced by a fifo. */
	long fd = fs_openat(walk->fs, dir, entry->name, O_RDONLY | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0);

	return fd < 0 ? failed(walk, "cannot open", fd) : visit_opened(walk, entry, (int)fd);
}

static int visit_special(struct tree_walk *walk, int dir, struct tree_entry *entry)
{
	char target[4097];

	entry->kind = TREE_SPECIAL;
	if (S_ISLNK(entry->meta.mode)) {
		long length = fs_readlinkat(walk->fs, dir, entry->name, target, sizeof(target) - 1);

		if (length < 0)
			return failed(walk, "cannot read the symbolic link", length);
		target[length] = 0;
		entry->target = target;
	}
	add_xattrs(walk, entry, -1, dir);
	return walk->sink->take(walk->sink, entry);
}

static int visit(struct tree_walk *walk, int dir, const char *name);

/* Is the current path to be copied? */
static bool is_wanted(const struct tree_walk *walk)
{
	const char *path = walk->path.text + walk->label_length;

	return !walk->wanted || walk->wanted(walk->wanted_arg, path + strspn(path, "/"));
}

static int visit_name(struct tree_walk *walk, int dir, const char *name)
{
	long length = path_push(&walk->path, name);
	int error = 0;

	if (length < 0)
		return (int)length;
	if (!is_wanted(walk))
		error = 0;
	else if (fs_name_is_entry(name))
		error = visit(walk, dir, name);
	else
		report_error(walk->report, walk->path.text, "%s; left out",
			     strlen(name) > FS_NAME_MAX ? "its name is longer than any can be" : "impossible name");
	path_pop(&walk->path, length);
	return error;
}

static int visit_names(struct tree_walk *walk, int dir, const char *names, long size)
{
	int error = 0;

	for (long at = 0; at < size && !error;) {
		const struct fs_dirent *dirent = (const void *)(names + at);

		at += dirent->size;
		if (!fs_is_dots(dirent->name))
			error = visit_name(walk, dir, dirent->name);
	}
	return error;
}

static int visit_sorted(struct tree_walk *walk, int dir)
{
	struct fs_names names;
	long listed = fs_names_read(walk->fs, dir, NULL, NULL, &names);
	int error = listed ? failed(walk, "cannot list", listed) : 0;

	for (size_t i = 0; i < names.count && !listed && !error; i++)
		error = visit_name(walk, dir, names.list[i]);
	fs_names_free(&names);
	return error;
}

static int visit_entries(struct tree_walk *walk, int dir)
{
	struct fs_reading reading = { 0 };
	char *names;
	int error = 0;
	long size = 1;

	if (walk->sorted)
		return visit_sorted(walk, dir);
	names = malloc(NAMES_SIZE);
	if (!names)
		return -ENOMEM;
	while (!error && size > 0) {
		size = fs_read_dir(walk->fs, dir, &reading, names, NAMES_SIZE);
		if (size < 0)
			error = failed(walk, "cannot list", size);
		else
			error = visit_names(walk, dir, names, size);
	}
	free(names);
	return error;
}

static bool is_avoided(const struct tree_walk *walk, const struct tree_meta *meta)
{
	const struct tree_meta *avoid = walk->avoid;

	return avoid && avoid->ino && avoid->ino == meta->ino && avoid->dev_major == meta->dev_major &&
	       avoid->dev_minor == meta->dev_minor;
}

/* Is this directory in another file system than the source that it is below? */
static bool is_mounted(struct tree_walk *walk, const struct tree_meta *meta)
{
	if (!walk->depth) {
		walk->dev_major = meta->dev_major;
		walk->dev_minor = meta->dev_minor;
	}
	return meta->dev_major != walk->dev_major || meta->dev_minor != walk->dev_minor;
}

static int visit_dir(struct tree_walk *walk, int dir, struct tree_entry *entry)
{
	const bool mounted = is_mounted(walk, &entry->meta);
	long opened;
	int fd, error;

	if (walk->depth >= TREE_DEPTH_MAX) {
		report_error(walk->report, walk->path.text, "nested more than %u directories deep; not copied",
			     TREE_DEPTH_MAX);
		return 0;
	}
	if (is_avoided(walk, &entry->meta)) {
		report_error(walk->report, walk->path.text, "cannot copy a directory into itself");
		return 0;
	}
	opened = fs_open_dir(walk->fs, dir, entry->name);
	if (opened < 0)
		return failed(walk, "cannot open", opened);
	fd = (int)opened;
	if (tree_dir_again(walk->dirs, walk->fs, fd)) {
		report_error(walk->report, walk->path.text, "%s", TREE_DIR_AGAIN);
		fs_close(walk->fs, fd);
		return 0;
	}
	entry->kind = TREE_ENTER;
	if (walk->enter_xattrs)
		add_xattrs(walk, entry, fd, -1);
	error = walk->sink->take(walk->sink, entry);
	walk->depth++;
	if (!error && !(mounted && walk->one_fs))
		error = visit_entries(walk, fd);
	walk->depth--;
	entry->kind = TREE_LEAVE;
	if (!error) {
		if (!walk->enter_xattrs)
			add_xattrs(walk, entry, fd, -1);
		error = walk->sink->take(walk->sink, entry);
	}
	fs_close(walk->fs, fd);
	return error;
}

static int visit(struct tree_walk *walk, int dir, const char *name)
{
	struct tree_entry entry = { .source = walk->source, .name = name, .fd = -1 };
	struct statx st;
	long examined;
	int error = 0;

	if (stop_requested())
		return -EINTR;
	examined = fs_statx(walk->fs, dir, name, &st);
	if (examined)
		return failed(walk, "cannot examine", examined);
	tree_meta_from(&entry.meta, &st);
	if (S_ISDIR(st.stx_mode))
		return visit_dir(walk, dir, &entry);
	progress_file(walk->path.text);
	if (S_ISREG(st.stx_mode))
		return visit_file(walk, dir, &entry);
	if (!known_link(walk, &entry, &st, &error))
		error = visit_special(walk, dir, &entry);
	return error;
}

static int start(struct tree_walk *walk, uint32_t source, const char *label)
{
	walk->source = source;
	walk->depth = 0;
	walk->label_length = strlen(label);
	tree_links_free(walk->dirs);
	walk->dirs = tree_links_new();
	return walk->dirs ? path_set(&walk->path, label) : -ENOMEM;
}

int tree_walk(struct tree_walk *walk, uint32_t source, int dir, const char *name, const char *label)
{
	int error = start(walk, source, label);

	return error ? error : visit(walk, dir, name);
}

int tree_walk_file(struct tree_walk *walk, uint32_t source, int fd, const char *label)
{
	struct tree_entry entry = { .source = source, .name = "", .fd = -1 };
	int error = start(walk, source, label);

	if (!error)
		return visit_opened(walk, &entry, fd);
	fs_close(walk->fs, fd);
	return error;
}
