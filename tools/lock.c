// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: locks on images: on all of one, or on the partition that a command works on
 *
 * The parent takes the lock when it opens the image; it sees the host's loop devices and processes. The worker, which
 * has the same open file, shares it. Which bytes a partition has only the worker may find out: it locks them itself,
 * and asks the parent to tell the user when somebody else has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/hyp_blk.h>

#include "command.h"
#include "registry.h"

/* How often, and after how many nanoseconds, a locked image is tried again. */
#define LOCK_TRIES 10U
#define LOCK_PAUSE 30000000

uint32_t image_flags(const struct command *command, const struct image *image)
{
	return (image->writable ? 0 : HYP_BLK_OPEN_READ_ONLY) |
	       (image_partition(command, image) ? HYP_BLK_OPEN_PART : 0);
}

/* Of the open file, which has the lock, and may be that of several images. */
static uint32_t file_flags(const struct command *command, const struct image *image)
{
	uint32_t flags = HYP_BLK_OPEN_READ_ONLY | HYP_BLK_OPEN_PART;

	for (unsigned int i = 0; i < command->image_count; i++) {
		if (!strcmp(command->images[i].file, image->file))
			flags &= image_flags(command, &command->images[i]);
	}
	return flags;
}

/* A command that was killed just now lets go of the image a moment after its process is gone. */
static bool is_tried_again(int result, unsigned int tries)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE };

	if (result != -EBUSY || tries == LOCK_TRIES)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

/* ---- the parent ---- */

/* Whose mount may be in the way. @start, @end: bytes that are wanted */
struct search {
	const struct image *image;
	uint64_t start, end;
	struct registry_entry found;
};

static int is_in_way(void *arg, const struct registry_entry *entry)
{
	struct search *search = arg;
	struct stat st;

	if (stat(entry->image, &st) || st.st_dev != search->image->dev || st.st_ino != search->image->ino ||
	    (!search->image->writable && strcmp(entry->mode, "rw")) ||
	    (entry->end && (entry->start >= search->end || search->start >= entry->end)))
		return 0;
	search->found = *entry;
	return 1;
}

/* A mount of this user's is known by its place. @text: what is known without that. @label: "", or what of the image */
static void report_busy(struct report *report, struct search search, const char *label, const char *text)
{
	const struct image *image = search.image;

	if (registry_list(is_in_way, &search) != 1) {
		report_error(report, image->path, "%s", text);
		return;
	}
	close(search.found.fd);
	text_clean(search.found.dir);
	report_error(report, image->path,
		     "%sis in use by process %d, which serves it on %s; unmount that first, or work on a copy", label,
		     (int)search.found.pid, search.found.dir);
}

/* By a descriptor of ours. @label: of what is locked, for the message; "": the image */
static int open_locked(int fd, const char *label, uint32_t flags, struct hyp_blk **disk, char *error, size_t size)
{
	char spec[128];

	snprintf(spec, sizeof(spec), "file,engine=threads,fd=%d:%.64s", fd, label);
	return hyp_blk_open(spec, flags, disk, error, size);
}

/* It knows the image only as "descriptor N": what follows is about the image all the same. */
static const char *without_descriptor(const char *text)
{
	if (!strncmp(text, "descriptor ", 11))
		text += 11 + strspn(text + 11, "0123456789");
	return text + strspn(text, " :");
}

int image_lock(const struct command *command, const struct image *image)
{
	char error[256] = "";
	struct hyp_blk *disk;
	const char *what;
	int result;

	for (unsigned int tries = 0;; tries++) {
		result = open_locked(image->fd, "", file_flags(command, image), &disk, error, sizeof(error));
		if (!result) {
			disk->ops->close(disk);
			return EXIT_DONE;
		}
		if (!is_tried_again(result, tries))
			break;
	}
	what = without_descriptor(error);
	if (result == -EBUSY)
		report_busy(command->report, (struct search){ .image = image, .end = UINT64_MAX }, "", what);
	else
		report_error(command->report, image->path, "%s", *what ? what : report_errno(result));
	return EXIT_PROBLEM;
}

/* The image once more, as the worker has it; -1: it is not there any more */
static int reopen(const struct image *image, int cwd)
{
	int fd = openat(cwd < 0 ? AT_FDCWD : cwd, image->file,
			(image->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || (!fstat(fd, &st) && st.st_dev == image->dev && st.st_ino == image->ino))
		return fd;
	close(fd);
	return -1;
}

/* Claims what the worker could not, to hear who has it. */
static void explain_held(struct session *session, const struct image *image, uint64_t offset, uint64_t size)
{
	const char *wish = image_partition(session->command, image);
	char error[256] = "", label[80], subject[96];
	int fd = reopen(image, session->cwd);
	struct hyp_blk *disk;

	snprintf(label, sizeof(label), "partition %.60s", wish);
	snprintf(subject, sizeof(subject), "%s ", label);
	if (fd >= 0 &&
	    !open_locked(fd, label, image_flags(session->command, image), &disk, error, sizeof(error))) {
		disk->ops->claim(disk, offset, size, error, sizeof(error));
		disk->ops->close(disk);
	}
	if (fd >= 0)
		close(fd);
	if (*error)
		report_busy(session->report, (struct search){ .image = image, .start = offset, .end = offset + size },
			    subject, error);
	else
		report_error(session->report, image->path, "%s was in use until now; try again", label);
}

int image_held(struct session *session, struct wire_record *record)
{
	const struct command *command = session->command;
	unsigned int number = wire_get_u32(record);
	uint64_t offset, size;

	wire_get(record, &offset, sizeof(offset));
	wire_get(record, &size, sizeof(size));
	if (record->bad || number >= command->image_count ||
	    !image_partition(command, &command->images[number]))
		return -EPROTO;
	explain_held(session, &command->images[number], offset, size);
	return 0;
}

/* ---- the worker ---- */

static int send_held(struct worker *worker, const struct image *image, uint64_t offset, uint64_t size)
{
	int error = wire_begin(&worker->wire, WIRE_HELD, 64);

	if (error)
		return error;
	wire_put_u32(&worker->wire, (uint32_t)(image - worker->command->images));
	wire_put(&worker->wire, &offset, sizeof(offset));
	wire_put(&worker->wire, &size, sizeof(size));
	worker->report.outcome |= OUTCOME_FAILED;
	return wire_end(&worker->wire, -1);
}

int image_claim(struct worker *worker, const struct image *image, uint64_t offset, uint64_t size)
{
	const uint64_t most = image->disk->info.size;
	int result;

	if (!image->part)
		return 0;
	/* A partition that is not there at all, the kernel does not show either. */
	if (offset >= most)
		return 0;
	if (!size || size > most - offset)
		size = most - offset;
	for (unsigned int tries = 0;; tries++) {
		/* Without words: to find out whose it is would take more than may be had here. */
		result = image->disk->ops->claim(image->disk, offset, size, NULL, 0);
		if (!is_tried_again(result, tries) || stop_requested())
			break;
	}
	if (!result) {
		atomic_store(&worker->shared->start, offset);
		atomic_store(&worker->shared->end, offset + size);
	}
	if (result == -EBUSY)
		return send_held(worker, image, offset, size) == 0 ? result : -EPIPE;
	if (result)
		report_error(&worker->report, image->path, "its partition cannot be locked: %s", report_errno(result));
	return result;
}
