// SPDX-License-Identifier: BSD-2-Clause
/* Descriptors that are block devices: specifications, opening, sharing */
#include <stdio.h>
#include <string.h>

#include "disk.h"

#define FILES 1024
#define SPEC_PREFIX "rumpus:"
#define SPEC_SIZE 4352 /* a path of the host's, with what stands before it */
#define ERROR_SIZE 512
#define PARAM_BLK "RUMPUSER_BLK"
#define PARAM_BLK_SIZE 256

/* Lock over opening and closing, which block; taken without a virtual CPU. Descriptors are looked up without it. */
static struct {
	struct ru_lock lock;
	struct ru_disk *disks;
	struct ru_disk_file *_Atomic files[FILES];
} table;

bool ru_disk_is_spec(const char *path)
{
	return !strncmp(path, SPEC_PREFIX, strlen(SPEC_PREFIX));
}

struct ru_disk_file *ru_disk_file(int fd)
{
	if (fd < RU_DISK_FD || fd >= RU_DISK_FD + FILES)
		return NULL;
	return atomic_load_explicit(&table.files[fd - RU_DISK_FD], memory_order_acquire);
}

/* What the caller understands from the number alone, and expects, needs no words. */
static bool says_enough(int error)
{
	return error == RU_ENOENT || error == RU_EACCES || error == RU_EROFS || error == RU_EPERM;
}

static int device_open(const char *spec, uint32_t flags, struct hyp_blk **blk)
{
	char text[ERROR_SIZE] = "";
	int error = ru_error(hyp_blk_open(spec, flags, blk, text, sizeof(text)));

	if (error && !says_enough(error))
		ru_warn("rumpuser_open: %s", text);
	return error;
}

static char *copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *made = ru_alloc(size);

	return made ? memcpy(made, text, size) : NULL;
}

static void disk_free(struct ru_disk *disk)
{
	if (disk->spec)
		ru_free(disk->spec, strlen(disk->spec) + 1);
	ru_free(disk, sizeof(*disk));
}

static int disk_make(const char *spec, struct ru_disk **disk)
{
	struct ru_disk *made = ru_alloc(sizeof(*made));

	if (!made)
		return RU_ENOMEM;
	memset(made, 0, sizeof(*made));
	made->spec = copy(spec);
	if (!made->spec) {
		disk_free(made);
		return RU_ENOMEM;
	}
	*disk = made;
	return 0;
}

/* Adds a device to the list. */
static int disk_add(const char *spec, uint32_t flags, struct ru_disk **disk)
{
	struct ru_disk *made;
	int error = disk_make(spec, &made);

	if (error)
		return error;
	error = device_open(spec, flags, &made->blk);
	if (error)
		goto err_free;
	error = ru_disk_setup(made);
	if (error)
		goto err_close;
	made->next = table.disks;
	table.disks = made;
	*disk = made;
	return 0;

err_close:
	made->blk->ops->close(made->blk);
err_free:
	disk_free(made);
	return error;
}

static void disk_drop(struct ru_disk *disk)
{
	struct ru_disk **link = &table.disks;

	while (*link != disk)
		link = &(*link)->next;
	*link = disk->next;
	ru_disk_teardown(disk);
	disk->blk->ops->close(disk->blk);
	disk_free(disk);
}

static bool read_only(const struct ru_disk *disk)
{
	return disk->blk->info.caps & HYP_BLK_CAP_READ_ONLY;
}

/* "rumpus:SPECIFICATION": the same one is the same device, for as long as the process lives. */
static int named_get(const char *spec, struct ru_disk **disk)
{
	struct ru_disk *d;
	int error;

	for (d = table.disks; d; d = d->next) {
		if (d->named && !strcmp(d->spec, spec)) {
			*disk = d;
			return 0;
		}
	}
	error = disk_add(spec, 0, &d);
	if (error == RU_EACCES || error == RU_EROFS)
		error = disk_add(spec, HYP_BLK_OPEN_READ_ONLY, &d);
	if (error)
		return error;
	d->named = true;
	*disk = d;
	return 0;
}

/* A path of the host's. A file that is open for writing may be opened once more, as on the host: it is one disk. */
static int path_get(const char *path, bool writable, struct ru_disk **disk)
{
	char spec[SPEC_SIZE], how[PARAM_BLK_SIZE] = "file";
	struct ru_file_id id;
	struct ru_disk *d;
	int error, length, ret;

	error = ru_host_file_id(path, &id);
	if (error)
		return error;
	for (d = table.disks; d; d = d->next) {
		if (!d->named && d->id.device == id.device && d->id.file == id.file && !(writable && read_only(d))) {
			*disk = d;
			return 0;
		}
	}
	ret = ru_host_param(PARAM_BLK, how, sizeof(how));
	if (ret == -HYP_ERANGE) {
		ru_warn("rumpuser_open: " PARAM_BLK " is longer than %zu characters", sizeof(how) - 1);
		return RU_EINVAL;
	}
	length = snprintf(spec, sizeof(spec), "%s:%s", how, path);
	if (length < 0 || (size_t)length >= sizeof(spec))
		return RU_ENAMETOOLONG;
	error = disk_add(spec, writable ? 0 : HYP_BLK_OPEN_READ_ONLY, &d);
	if (error)
		return error;
	d->id = id;
	*disk = d;
	return 0;
}

static int file_add(struct ru_disk *disk, bool writable, int *fd)
{
	struct ru_disk_file *file;
	int i;

	for (i = 0; i < FILES && atomic_load_explicit(&table.files[i], memory_order_relaxed); i++)
		;
	if (i == FILES) {
		ru_warn("rumpuser_open: %d block devices are open, and no more can be", FILES);
		return RU_EMFILE;
	}
	file = ru_alloc(sizeof(*file));
	if (!file)
		return RU_ENOMEM;
	*file = (struct ru_disk_file){ .disk = disk, .writable = writable };
	disk->refs++;
	atomic_store_explicit(&table.files[i], file, memory_order_release);
	*fd = RU_DISK_FD + i;
	return 0;
}

static void disk_unref(struct ru_disk *disk)
{
	if (!disk->refs && !disk->named)
		disk_drop(disk);
}

static int open_locked(const char *path, bool writable, int *fd)
{
	struct ru_disk *disk;
	int error;

	if (ru_disk_is_spec(path))
		error = named_get(path + strlen(SPEC_PREFIX), &disk);
	else
		error = path_get(path, writable, &disk);
	if (error)
		return error;
	error = writable && read_only(disk) ? RU_EROFS : file_add(disk, writable, fd);
	if (error)
		disk_unref(disk);
	return error;
}

int ru_disk_open(const char *path, int flags, int *fd)
{
	int error = ru_bio_start();
	int made;

	/* Whatever has no blocks yet is refused below, with a message; but that it exists is what CREATE asks for. */
	if (!error && flags & RUMPUSER_OPEN_CREATE && !ru_disk_is_spec(path)) {
		error = ru_host_open(path, flags, &made);
		if (!error)
			ru_host_close(made);
	}
	if (error)
		return error;
	ru_lock_take(&table.lock);
	error = open_locked(path, (flags & RUMPUSER_OPEN_ACCMODE) != RUMPUSER_OPEN_RDONLY, fd);
	ru_lock_release(&table.lock);
	return error;
}

int ru_disk_close(int fd)
{
	struct ru_disk_file *file;

	ru_lock_take(&table.lock);
	file = ru_disk_file(fd);
	if (file) {
		atomic_store(&table.files[fd - RU_DISK_FD], NULL);
		file->disk->refs--;
		disk_unref(file->disk);
	}
	ru_lock_release(&table.lock);
	if (!file)
		return RU_EBADF;
	ru_free(file, sizeof(*file));
	return 0;
}

int ru_disk_size(const char *path, uint64_t *size)
{
	struct ru_disk *disk;
	int error = ru_bio_start();

	if (error)
		return error;
	ru_lock_take(&table.lock);
	error = named_get(path + strlen(SPEC_PREFIX), &disk);
	if (!error)
		*size = disk->blk->info.size;
	ru_lock_release(&table.lock);
	return error;
}

/* Some devices do their last work when they are closed. Those that are in use at the very end are left alone. */
static void __attribute__((destructor)) named_close(void)
{
	struct ru_disk *disk, *next;

	if (!table.disks || ru_host_forked() || !ru_lock_try(&table.lock))
		return;
	for (disk = table.disks; disk; disk = next) {
		next = disk->next;
		if (disk->named && !disk->refs)
			disk_drop(disk);
	}
	ru_lock_release(&table.lock);
}
