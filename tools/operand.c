// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: arguments that name files, and the images among them */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

static bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/*
 * The "@" that separates an image from its partition; NULL when there is none. What exists on the host wins here, too:
 * first the whole, then the shortest beginning that may be an image, then any.
 */
static const char *partition_mark(const char *text)
{
	const char *directory = NULL;

	if (exists(text))
		return NULL;
	for (const char *at = strchr(text, '@'); at; at = strchr(at + 1, '@')) {
		char *file = strndup(text, (size_t)(at - text));
		bool found = file && at[1] && exists(file), image = found && !is_directory(file);

		free(file);
		if (image)
			return at;
		if (found && !directory)
			directory = at;
	}
	return directory;
}

bool image_named(const char *text)
{
	return exists(text) || partition_mark(text);
}

/*
 * The colon that separates an image from a path in it; NULL when there is none. A host file whose own name has colons
 * wins: first the whole argument, then the shortest beginning that exists, before each ":/".
 */
static char *separator(char *text, enum operand_kind kind)
{
	char *first = NULL, *end = text + strlen(text);

	if (exists(text))
		return NULL;
	for (char *at = strstr(text, ":/"); at; at = strstr(at + 1, ":/")) {
		bool found;

		first = first ? first : at;
		*at = 0;
		found = image_named(text);
		*at = ':';
		if (found)
			return at;
	}
	/* "IMAGE:" is its root, also in cp, where "IMAGE" is a host file. */
	if (!first && end > text && end[-1] == ':')
		return end - 1;
	/* Neither exists. A path may have a ":/" in it that no image was meant by, but what is said then is clear. */
	return first;
}

static struct image *add_image(struct command *command, const char *path)
{
	const char *mark = partition_mark(path);
	struct image *image;

	for (unsigned int i = 0; i < command->image_count; i++) {
		if (!strcmp(command->images[i].path, path))
			return &command->images[i];
	}
	if (command->image_count == IMAGES_MAX)
		return NULL;
	image = &command->images[command->image_count++];
	*image = (struct image){ .path = path, .file = path, .fd = -1, .look = -1, .root = -1, .lower = at_names(command, path) };
	if (!mark)
		return image;
	image->partition = mark + 1;
	image->file = strndup(path, (size_t)(mark - path));
	if (!image->file)
		abort();
	return image;
}

/* In a shell: a path in its image; where the host's will do as well, "host:" and a path there. */
static void take_path(struct command *command, const char *argument, enum operand_kind kind, struct operand *operand)
{
	size_t skip =
		kind == OPERAND_ANY && !strncmp(argument, HOST_PREFIX, strlen(HOST_PREFIX)) ? strlen(HOST_PREFIX) : 0;
	char *path;

	if (skip)
		path = strdup(argument[skip] ? argument + skip : ".");
	else if (asprintf(&path, "%s/%s", *argument == '/' ? "" : command->directory, argument) < 0)
		path = NULL;
	if (!path)
		abort();
	*operand = (struct operand){ .image = skip ? NULL : &command->images[0], .path = path, .text = argument };
}

int operand_take(struct command *command, const char *argument, enum operand_kind kind, struct operand *operand)
{
	char *text, *colon;

	if (command->directory) {
		take_path(command, argument, kind, operand);
		return EXIT_DONE;
	}
	text = strdup(argument);
	if (!text)
		abort();
	*operand = (struct operand){ .path = text, .text = argument };
	colon = separator(text, kind);
	if (!colon && (kind == OPERAND_ANY || (kind == OPERAND_TREE && is_directory(argument))))
		return EXIT_DONE;
	if (colon)
		*colon = 0;
	operand->image = add_image(command, text);
	operand->path = colon && colon[1] ? colon + 1 : "/";
	if (!operand->image)
		return usage_error(command, "more than %u images", IMAGES_MAX);
	if (!*text)
		return usage_error(command, "\"%s\" names no image before the colon", argument);
	return EXIT_DONE;
}

int operands_take(struct command *command, int argc, char **argv, enum operand_kind kind)
{
	int result = EXIT_DONE;

	command->operands = calloc((size_t)argc + 1, sizeof(*command->operands));
	if (!command->operands)
		abort();
	for (int i = 0; i < argc && !result; i++)
		result = operand_take(command, argv[i], kind, &command->operands[command->operand_count++]);
	return result;
}

char *operand_label(const struct command *command, const struct operand *operand)
{
	char *label;

	/* In a shell operands are nothing but paths, and shown as they were typed. */
	if (command->directory || !operand->image || strlen(operand->text) > strlen(operand->image->path) + 1)
		return strdup(operand->text);
	return asprintf(&label, "%s:/", operand->image->path) < 0 ? NULL : label;
}

int operands_take_writable(struct command *command, int argc, char **argv)
{
	int result = operands_take(command, argc, argv, OPERAND_IMAGE);

	for (unsigned int i = 0; i < command->image_count; i++)
		command->images[i].writable = true;
	return result;
}

/* "disk.img:etc" beside a file "disk.img" is a slip that is easily made. */
static void refuse_missing(struct report *report, const char *path)
{
	const char *colon = strchr(path, ':');
	char *image = colon ? strndup(path, (size_t)(colon - path)) : NULL;

	if (image && exists(image))
		report_error(report, path, "no such file; a path in an image begins with a slash: %s:/%s", image,
			     colon + 1);
	else
		report_error(report, path, "no such file; check the path of the image");
	free(image);
}

static bool is_block_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISBLK(st.st_mode);
}

static int refuse(const struct command *command, const struct image *image, int error)
{
	struct report *report = command->report;

	switch (error) {
	case ENOENT:
		refuse_missing(report, image->file);
		break;
	case EACCES:
	case EPERM:
		report_error(report, image->path, "no permission to %s the %s", image->writable ? "write to" : "read",
			     is_block_device(image->file) ? "device; become a member of its group, or root"
							  : "image; change its mode or owner");
		break;
	case EROFS:
		report_error(report, image->path,
			     "is on a read-only file system; copy the image to where it can be changed");
		break;
	case EISDIR:
		report_error(report, image->path, "is a directory; give an image file or a block device");
		break;
	case ELOOP:
		report_error(report, image->path, "is reached by too many symbolic links, or by one that leads to itself");
		break;
	case EBUSY:
		report_error(report, image->path, "is mounted or in use by the host; unmount it first");
		break;
	case ETXTBSY:
		report_error(report, image->path, "is in use by the host; end that use first, or work on a copy");
		break;
	default:
		report_error(report, image->path, "cannot be opened: %s", report_errno(-error));
	}
	return EXIT_PROBLEM;
}

/* A device cannot be read by parts of its sectors. */
static int take_sector(const struct command *command, struct image *image)
{
	const unsigned int wish = command->options.sector;

	if (wish && image->is_device && wish < image->sector) {
		report_error(command->report, image->path, "has sectors of %u bytes; leave out --sector %u",
			     image->sector, wish);
		return EXIT_PROBLEM;
	}
	image->sector_given = wish;
	image->sector = wish ? wish : image->sector;
	return EXIT_DONE;
}

static int examine(const struct command *command, struct image *image)
{
	struct stat st;

	if (fstat(image->fd, &st))
		return refuse(command, image, errno);
	image->dev = st.st_dev;
	image->ino = st.st_ino;
	image->size = (uint64_t)st.st_size;
	image->sector = 512;
	image->is_device = S_ISBLK(st.st_mode);
	if (S_ISDIR(st.st_mode))
		return refuse(command, image, EISDIR);
	if (!image->is_device && !S_ISREG(st.st_mode)) {
		report_error(command->report, image->path, "is neither a file nor a block device; give one of these");
		return EXIT_PROBLEM;
	}
	if (image->is_device &&
	    (ioctl(image->fd, BLKGETSIZE64, &image->size) || ioctl(image->fd, BLKSSZGET, &image->sector)))
		return refuse(command, image, errno);
	if (image->size)
		return take_sector(command, image);
	report_error(command->report, image->path,
		     "is empty; give it a size (truncate -s 64M) and a file system (mkfs)");
	return EXIT_PROBLEM;
}

/* A worker that stays goes past the host's cache, which libblkid cannot. */
static int open_look(const struct command *command, struct image *image)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", image->fd);
	image->look = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (image->look >= 0)
		return EXIT_DONE;
	if (errno != ENOENT)
		return refuse(command, image, errno);
	report_error(command->report, image->path, "cannot be opened a second time, as this host has no /proc; mount it");
	return EXIT_PROBLEM;
}

/* Is the file of image @n, which may have several partitions that are used, written to? */
static bool is_written(const struct command *command, unsigned int n)
{
	const struct image *images = command->images;

	for (unsigned int i = 0; i < command->image_count; i++) {
		if (images[i].writable && !strcmp(images[i].file, images[n].file))
			return true;
	}
	return false;
}

/* Another partition of a file that is open: one file description, as its lock would be in its own way. */
static int open_again(const struct command *command, struct image *image, const struct image *first)
{
	image->fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 0);
	image->look = image->fd < 0 || first->look < 0 ? -1 : fcntl(first->look, F_DUPFD_CLOEXEC, 0);
	if (image->fd < 0 || (first->look >= 0 && image->look < 0))
		return refuse(command, image, errno);
	image->dev = first->dev;
	image->ino = first->ino;
	image->size = first->size;
	image->sector = first->sector;
	image->sector_given = first->sector_given;
	image->is_device = first->is_device;
	return EXIT_DONE;
}

static int open_first(const struct command *command, struct image *image, bool written)
{
	int flags = (written ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int result;

	/* How mount(8), mkfs(8) and losetup(8) keep out of each other's way on devices. */
	if (written && is_block_device(image->file))
		flags |= O_EXCL;
	image->fd = open(image->file, flags);
	if (image->fd < 0)
		return refuse(command, image, errno);
	result = examine(command, image);
	if (!result)
		result = image_lock(command, image);
	return result || !command->resident ? result : open_look(command, image);
}

static int open_one(struct command *command, unsigned int n)
{
	struct image *images = command->images;

	for (unsigned int i = 0; i < n; i++) {
		if (!strcmp(images[i].file, images[n].file))
			return open_again(command, &images[n], &images[i]);
	}
	return open_first(command, &images[n], is_written(command, n));
}

/* Two names of one image must not become two disks. */
static int refuse_twice(const struct command *command, unsigned int n)
{
	const struct image *images = command->images;
	struct stat st;

	if (stat(images[n].file, &st))
		return EXIT_DONE; /* opening it tells why */
	for (unsigned int i = 0; i < n; i++) {
		if (images[i].dev == st.st_dev && images[i].ino == st.st_ino &&
		    strcmp(images[i].file, images[n].file)) {
			report_error(command->report, images[n].path,
				     "is the same image as %s; give both the same name", images[i].path);
			return EXIT_PROBLEM;
		}
	}
	return EXIT_DONE;
}

int images_open(struct command *command)
{
	int result = EXIT_DONE;

	for (unsigned int i = 0; i < command->image_count && !result; i++) {
		/* First, as opening an image twice may look as if someone else used it. */
		result = refuse_twice(command, i);
		if (!result)
			result = open_one(command, i);
	}
	return result;
}

void images_close(struct command *command)
{
	for (struct image *image = command->images; image < command->images + command->image_count; image++) {
		if (image->fd >= 0)
			close(image->fd);
		if (image->look >= 0)
			close(image->look);
		image->fd = image->look = -1;
	}
}
