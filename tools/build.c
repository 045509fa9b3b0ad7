// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: building a tree on either side from the entries of a walk, which may be hostile */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

const char *build_path(const struct tree_build *build)
{
	return build->path.text + strlen(build->label);
}

/* A failure of one entry: said here; only what makes going on senseless is returned. */
int build_failed(struct tree_build *build, const char *name, const char *what, long error)
{
	long length = path_push(&build->path, name);

	if (length < 0)
		return (int)length;
	if (error == -ENOTUNIQ)
		report_error(build->report, build->path.text,
			     "%s: to the target's file system its name is the same as \"%s\", which was copied just now",
			     what, build->alike);
	else if (error == -ENAMETOOLONG)
		report_error(build->report, build->path.text, "%s: its name has %zu bytes, more than the target takes",
			     what, strlen(name));
	else if (error != -EINTR || !stop_requested())
		report_error(build->report, build->path.text, "%s: %s", what, report_errno(error));
	path_pop(&build->path, length);
	return tree_fatal(error) ? (int)error : 0;
}

void build_apply(struct tree_build *build, int fd, const char *name, const struct tree_entry *entry)
{
	long length = path_push(&build->path, name);

	if (length < 0)
		return;
	tree_meta_apply(build->fs, fd, build_dir(build), name, entry, build->report, build->path.text);
	path_pop(&build->path, length);
}

/* At the top the command says what a target is called, below it the entry does. NULL: no such name can be. */
static const char *name_of(const struct tree_build *build, const struct tree_entry *entry)
{
	if (!build->depth && !build->follow)
		return entry->source < build->target_count ? build->targets[entry->source] : NULL;
	return fs_name_is_entry(entry->name) ? entry->name : NULL;
}

static bool same_file(const struct tree_build *build, const struct statx *st, const struct tree_entry *entry)
{
	return build->same_fs && st->stx_ino == entry->meta.ino && st->stx_dev_major == entry->meta.dev_major &&
	       st->stx_dev_minor == entry->meta.dev_minor;
}

/*
 * Makes way for something that is no directory. Return: 0 when @name is free; -EISDIR; -EEXIST for the same file;
 * -ENOTUNIQ for what was made just now under another name
 */
static long make_way(struct tree_build *build, const char *name, const struct tree_entry *entry)
{
	struct statx st;
	long error = fs_statx(build->fs, build_dir(build), name, &st);

	if (error)
		return error == -ENOENT ? 0 : error;
	if (S_ISDIR(st.stx_mode))
		return -EISDIR;
	if (same_file(build, &st, entry))
		return -EEXIST;
	error = build->made.used ? build_find_alike(build, name) : 0;
	return error ? error : fs_unlinkat(build->fs, build_dir(build), name, 0);
}

static const char *why_no_way(long error)
{
	return error == -EISDIR	  ? "the target is a directory, the source is not"
	       : error == -EEXIST ? "source and target are the same file"
				  : "cannot replace";
}

/* The user named this very file: it is written in place, be it a device, a fifo or the end of a symbolic link. */
static long open_in_place(struct tree_build *build, const char *name, const struct tree_entry *entry)
{
	struct statx st;
	long fd = fs_openat(build->fs, build->base, name, O_WRONLY | O_NOCTTY | (build->fs->image ? O_NOFOLLOW : 0), 0);
	long error;

	if (fd < 0)
		return fd;
	error = fs_statx(build->fs, (int)fd, "", &st);
	if (!error && same_file(build, &st, entry))
		error = -EEXIST;
	build->file_regular = !error && S_ISREG(st.stx_mode);
	if (!error && build->file_regular)
		error = fs_ftruncate(build->fs, (int)fd, 0);
	if (!error)
		return fd;
	fs_close(build->fs, (int)fd);
	return error;
}

/*
 * May a new file take the place of the one that could not be opened in place? Of a program that runs, and of one that
 * must not be written to; and of a symbolic link in an image, which is not followed. Never of devices and fifos.
 */
static bool may_replace(const struct tree_build *build, const char *name, long error)
{
	struct statx st;

	if (fs_statx(build->fs, build->base, name, &st))
		return false;
	if (S_ISREG(st.stx_mode))
		return error == -ETXTBSY || error == -EACCES;
	return S_ISLNK(st.stx_mode) && error == -ELOOP && build->fs->image;
}

/* Opens the target of a regular file for writing. Anything found in its place is removed, never written through. */
static long open_target(struct tree_build *build, const char *name, const struct tree_entry *entry)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY;
	/* In an image nobody looks on meanwhile: the file is made with its mode, and needs no change later. */
	const mode_t mode = build->fs->image && build->preserve ? entry->meta.mode & 0777 : 0600;
	long error, fd = fs_openat(build->fs, build_dir(build), name, flags, mode);

	build->file_created = build->file_regular = true;
	if (fd != -EEXIST)
		return fd;
	if (build->exact && !build->depth) {
		build->file_created = false;
		fd = open_in_place(build, name, entry);
		if (fd >= 0 || !may_replace(build, name, fd))
			return fd;
		build->file_created = build->file_regular = true;
	}
	error = make_way(build, name, entry);
	return error ? error : fs_openat(build->fs, build_dir(build), name, flags, mode);
}

static long create(struct tree_build *build, const char *name, const struct tree_entry *entry)
{
	long fd = open_target(build, name, entry);
	int error = fd < 0 || !build->file_created ? 0 : build_note_made(build, name);

	if (!error)
		return fd;
	fs_close(build->fs, (int)fd);
	return error;
}

/* Later entries may be further names of this file. */
static void remember_link(struct tree_build *build, const struct tree_entry *entry, const char *name)
{
	long length = entry->link ? path_push(&build->path, name) : -1;

	if (length < 0)
		return;
	tree_names_set(&build->linked, entry->link, build_path(build));
	path_pop(&build->path, length);
}

static void finish_file(struct tree_build *build, int fd, const char *name, const struct tree_entry *entry)
{
	if (!build->file_regular)
		return;
	if (build->preserve)
		build_apply(build, fd, name, entry);
	else if (build->file_created)
		fs_fchmod(build->fs, fd, entry->meta.mode & 0777 & ~build->umask);
	remember_link(build, entry, name);
}

/* A file that is only half there passes for nothing. */
static void abandon(struct tree_build *build, const char *name)
{
	if (build->file_created)
		fs_unlinkat(build->fs, build_dir(build), name, 0);
}

static int cannot_create(struct tree_build *build, const char *name, long error)
{
	long length;

	if (error != -EISDIR && error != -EEXIST)
		return build_failed(build, name, "cannot create", error);
	length = path_push(&build->path, name);
	if (length < 0)
		return (int)length;
	report_error(build->report, build->path.text, "%s", why_no_way(error));
	path_pop(&build->path, length);
	return 0;
}

static int take_file(struct tree_build *build, const struct tree_entry *entry, const char *name)
{
	long fd = create(build, name, entry), error;

	if (fd < 0)
		return cannot_create(build, name, fd);
	error = fs_write_all(build->fs, (int)fd, entry->data, entry->data_size, -1);
	if (!error)
		finish_file(build, (int)fd, name, entry);
	fs_close(build->fs, (int)fd);
	if (!error)
		return 0;
	abandon(build, name);
	return build_failed(build, name, "cannot write", error);
}

/* The same for paths of archives, whose links lead on, with the base as root. */
static long resolve_parent(const struct tree_build *build, char *path, const char **last)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char *slash = strrchr(path, '/');

	*last = slash ? slash + 1 : path;
	if (!slash)
		return build->base;
	*slash = 0;
	return fs_openat2(build->fs, build->base, path, &how);
}

/*
 * Opens the directory that an earlier path leads to, one component at a time: none may have become a symbolic link.
 * Return: its descriptor, or @build->base; @last: out: the last component
 */
static long open_parent(const struct tree_build *build, char *path, const char **last)
{
	long dir = build->base;
	char *slash;

	if (build->follow)
		return resolve_parent(build, path, last);
	while (*path == '/')
		path++;
	while ((slash = strchr(path, '/'))) {
		long next;

		*slash = 0;
		next = fs_open_dir(build->fs, (int)dir, path);
		if (dir != build->base)
			fs_close(build->fs, (int)dir);
		if (next < 0)
			return next;
		dir = next;
		path = slash + 1;
	}
	*last = path;
	return dir;
}

/* Path below the base of the file that @entry is another name of; NULL: it was not made */
static const char *known_name(const struct tree_build *build, const struct tree_entry *entry)
{
	if (entry->link || !build->follow)
		return tree_names_get(&build->linked, entry->link);
	return entry->target;
}

static int take_link(struct tree_build *build, const struct tree_entry *entry, const char *name)
{
	const char *last = NULL;
	const char *known = known_name(build, entry);
	char *path = known ? strdup(known) : NULL;
	long dir, error;

	if (!path)
		return build_failed(build, name, "cannot link to a file that was not copied", -ENOENT);
	dir = open_parent(build, path, &last);
	error = dir < 0 ? dir : fs_linkat(build->fs, (int)dir, last, build_dir(build), name);
	if (error == -EEXIST) {
		error = make_way(build, name, entry);
		if (!error)
			error = fs_linkat(build->fs, (int)dir, last, build_dir(build), name);
	}
	if (dir >= 0 && dir != build->base)
		fs_close(build->fs, (int)dir);
	free(path);
	if (error)
		return build_failed(build, name, "cannot link", error);
	return build_note_made(build, name);
}

static unsigned int device_number(const struct tree_meta *meta)
{
	return (meta->rdev_minor & 0xff) | meta->rdev_major << 8 | (meta->rdev_minor & ~0xffU) << 12;
}

static int take_special(struct tree_build *build, const struct tree_entry *entry, const char *name)
{
	mode_t type = entry->meta.mode & S_IFMT;
	mode_t mode = build->preserve ? entry->meta.mode & 07777 : entry->meta.mode & 0777 & ~build->umask;
	long error = make_way(build, name, entry);

	if (error)
		return build_failed(build, name, why_no_way(error), error);
	if (type == S_IFLNK)
		error = fs_symlinkat(build->fs, entry->target, build_dir(build), name);
	else if (type == S_IFCHR || type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK)
		error = fs_mknodat(build->fs, build_dir(build), name, type | mode, device_number(&entry->meta));
	else
		error = -EPROTO;
	if (error == -EPERM)
		return build_failed(build, name, "only root may make device nodes", error);
	if (error)
		return build_failed(build, name, "cannot create", error);
	if (build->preserve)
		build_apply(build, -1, name, entry);
	remember_link(build, entry, name);
	return build_note_made(build, name);
}

/* Below a directory that could not be made. */
static void skip(struct tree_build *build, const struct tree_entry *entry)
{
	if (entry->kind == TREE_ENTER)
		build->skip++;
	else if (entry->kind == TREE_LEAVE)
		build->skip--;
}

static int take(struct tree_sink *sink, const struct tree_entry *entry)
{
	struct tree_build *build = (struct tree_build *)sink;
	const char *name;

	/* The open file's name belongs to the directory that is current: that one must stay so. */
	if (build->file >= 0)
		return -EPROTO;
	if (build->skip) {
		skip(build, entry);
		return 0;
	}
	if (entry->kind == TREE_LEAVE)
		return build->depth ? build_leave(build, entry) : -EPROTO;
	name = name_of(build, entry);
	if (!name || (!strcmp(name, ".") && entry->kind != TREE_ENTER))
		return -EPROTO;
	switch (entry->kind) {
	case TREE_ENTER:
		return build_enter(build, name);
	case TREE_FILE:
		return take_file(build, entry, name);
	case TREE_LINK:
		return take_link(build, entry, name);
	case TREE_SPECIAL:
		return take_special(build, entry, name);
	default:
		return -EPROTO;
	}
}

static int begin(struct tree_sink *sink, const struct tree_entry *entry, struct tree_end *end)
{
	struct tree_build *build = (struct tree_build *)sink;
	const char *name = name_of(build, entry);
	long fd;

	end->fd = -1;
	if (build->skip)
		return 0;
	if (!name || !strcmp(name, ".") || strlen(name) >= sizeof(build->file_name) || build->file >= 0)
		return -EPROTO;
	fd = create(build, name, entry);
	if (fd < 0)
		return cannot_create(build, name, fd);
	strcpy(build->file_name, name);
	build->file = (int)fd;
	*end = (struct tree_end){ .fs = build->fs, .fd = (int)fd };
	return 0;
}

static int finish(struct tree_sink *sink, const struct tree_entry *entry)
{
	struct tree_build *build = (struct tree_build *)sink;

	if (build->file < 0)
		return -EPROTO;
	if (entry->status)
		abandon(build, build->file_name);
	else
		finish_file(build, build->file, build->file_name, entry);
	fs_close(build->fs, build->file);
	build->file = -1;
	return 0;
}

int tree_build_init(struct tree_build *build)
{
	build->sink = (struct tree_sink){ .take = take, .begin = begin, .finish = finish };
	build->file = -1;
	if (build->follow) {
		build->finished = tree_links_new();
		if (!build->finished)
			return -ENOMEM;
	}
	return path_set(&build->path, build->label);
}

void tree_build_fini(struct tree_build *build)
{
	if (build->file >= 0) {
		abandon(build, build->file_name);
		fs_close(build->fs, build->file);
	}
	tree_names_free(&build->linked);
	build_dirs_fini(build);
	build_alike_fini(build);
	path_free(&build->path);
}
