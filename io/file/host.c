// SPDX-License-Identifier: BSD-2-Clause
/* Files backend "host": files and directories of the host, confined below the directory that was opened */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rumpus/hyp_file.h>

#include "file.h"

/**
 * struct host_file - an open file or directory
 * @file: the contract's part
 * @fd:   the host's
 */
struct host_file {
	struct hyp_file file;
	int fd;
};

static const struct hyp_file_ops ops;

static int to_error(int host_errno)
{
	switch (host_errno) {
	case ENOENT:
		return -HYP_ENOENT;
	case EACCES:
	case EPERM:
	case EXDEV: /* openat2(2): the path leads out of the directory */
	case ELOOP: /* or over a magic link; the walk: over any link */
		return -HYP_EACCES;
	case ENOTDIR:
		return -HYP_ENOTDIR;
	case EISDIR:
		return -HYP_EISDIR;
	case ENAMETOOLONG:
	case EINVAL:
		return -HYP_EINVAL;
	case ENOMEM:
		return -HYP_ENOMEM;
	case EMFILE:
	case ENFILE:
		return -HYP_EMFILE;
	default:
		return -HYP_EIO;
	}
}

static struct host_file *from(struct hyp_file *file)
{
	return (struct host_file *)file;
}

/* Takes @fd, also on failure */
static int make(int fd, struct hyp_file **file)
{
	struct host_file *made = malloc(sizeof(*made));

	if (!made) {
		close(fd);
		return -HYP_ENOMEM;
	}
	made->file.ops = &ops;
	made->fd = fd;
	*file = &made->file;
	return 0;
}

int file_walk(int dir, const char *name)
{
	char component[NAME_MAX + 1];
	int at = fcntl(dir, F_DUPFD_CLOEXEC, 0), next;

	while (at >= 0) {
		size_t len;
		bool last;

		name += strspn(name, "/");
		len = strcspn(name, "/");
		if (!len) /* "a/" is as "a": the walk is at its end */
			return at;
		if (len > NAME_MAX || (len == 2 && !strncmp(name, "..", 2))) {
			close(at);
			errno = len == 2 ? EXDEV : ENAMETOOLONG;
			return -1;
		}
		memcpy(component, name, len);
		component[len] = 0;
		name += len;
		last = !*name;
		/* O_NONBLOCK: a FIFO must not hold us up. */
		next = openat(at, component,
			      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (last ? 0 : O_DIRECTORY));
		close(at);
		at = next;
	}
	return -1;
}

static int open_beneath(int dir, const char *name)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	do /* EAGAIN: something was renamed meanwhile, and the host cannot tell whether the path stays below */
		fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	/* EPERM is what filters of system calls answer for one that they do not know. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return file_walk(dir, name);
	return (int)fd;
}

static int host_open(struct hyp_file *dir, const char *name, struct hyp_file **file)
{
	int saved = errno, result, fd;

	if (!*name || *name == '/')
		return *name ? -HYP_EACCES : -HYP_ENOENT;
	fd = open_beneath(from(dir)->fd, name);
	result = fd < 0 ? to_error(errno) : make(fd, file);
	errno = saved;
	return result;
}

static int info(struct hyp_file *file, struct hyp_file_info *out)
{
	int saved = errno;
	struct stat st;

	if (fstat(from(file)->fd, &st)) {
		errno = saved;
		return -HYP_EIO;
	}
	*out = (struct hyp_file_info){
		.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
		.type = S_ISREG(st.st_mode)   ? HYP_FILE_REGULAR
			: S_ISDIR(st.st_mode) ? HYP_FILE_DIRECTORY
					      : HYP_FILE_OTHER,
	};
	return 0;
}

static long host_read(struct hyp_file *file, void *buf, size_t size, uint64_t offset)
{
	int saved = errno;
	size_t done = 0;
	long result = 0;

	if (offset > INT64_MAX)
		return -HYP_EINVAL;
	while (done < size) {
		ssize_t got = pread(from(file)->fd, (char *)buf + done, size - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			result = to_error(errno);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	errno = saved;
	return done ? (long)done : result;
}

static int host_map(struct hyp_file *file, void *addr, size_t size, uint64_t offset, uint32_t prot)
{
	int saved = errno, host_prot = 0, result = 0;
	struct hyp_file_info about;

	if (prot & HYP_PROT_READ)
		host_prot |= PROT_READ;
	if (prot & HYP_PROT_WRITE)
		host_prot |= PROT_WRITE;
	if (prot & HYP_PROT_EXEC)
		host_prot |= PROT_EXEC;
	if (info(file, &about))
		return -HYP_EIO;
	/* Whole pages beyond the end would be a fault later on. */
	if (about.type != HYP_FILE_REGULAR || file_map_check(addr, size, offset, about.size))
		return -HYP_EINVAL;
	if (mmap(addr, size, host_prot, MAP_PRIVATE | MAP_FIXED, from(file)->fd, (off_t)offset) == MAP_FAILED)
		result = to_error(errno);
	errno = saved;
	return result;
}

static uint32_t entry_type(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type == DT_DIR)
		return HYP_FILE_DIRECTORY;
	if (entry->d_type == DT_REG)
		return HYP_FILE_REGULAR;
	if (entry->d_type != DT_UNKNOWN || fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
		return HYP_FILE_OTHER;
	return S_ISDIR(st.st_mode) ? HYP_FILE_DIRECTORY : S_ISREG(st.st_mode) ? HYP_FILE_REGULAR : HYP_FILE_OTHER;
}

static int list(struct hyp_file *dir, bool (*each)(void *arg, const char *name, uint32_t type), void *arg)
{
	/* An open file of its own: two lists at once must not share their position. */
	int saved = errno, fd = openat(from(dir)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		result = to_error(errno);
		if (fd >= 0)
			close(fd);
		errno = saved;
		return result;
	}
	while (errno = 0, (entry = readdir(stream))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!each(arg, entry->d_name, entry_type(fd, entry)))
			break;
	}
	if (!entry && errno)
		result = -HYP_EIO;
	closedir(stream);
	errno = saved;
	return result;
}

static void host_close(struct hyp_file *file)
{
	int saved = errno;

	close(from(file)->fd);
	free(file);
	errno = saved;
}

static const struct hyp_file_ops ops = {
	.version = HYP_FILE_VERSION,
	.size = sizeof(ops),
	.name = "host",
	.open = host_open,
	.info = info,
	.read = host_read,
	.map = host_map,
	.list = list,
	.close = host_close,
};

/* What is behind the name of a descriptor in a directory of descriptors; NULL for other paths */
static const char *descriptor_name(const char *path, int *fd)
{
	static const char *const folders[] = { "/proc/self/fd/", "/dev/fd/" };
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *number = path + strlen(folders[i]);
		char *end;
		long value;

		if (strncmp(path, folders[i], strlen(folders[i])) || !isdigit((unsigned char)*number))
			continue;
		value = strtol(number, &end, 10);
		*fd = value > INT_MAX ? -1 : (int)value;
		return *end && *end != '/' ? NULL : end + strspn(end, "/");
	}
	return NULL;
}

static int open_host(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags), given;
	const char *name;

	if (fd >= 0 || errno != ENOENT)
		return fd;
	/* A host without /proc, such as many a chroot, has descriptors all the same. */
	name = descriptor_name(path, &given);
	if (!name) {
		errno = ENOENT;
		return -1;
	}
	return *name ? openat(given, name, flags) : fcntl(given, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int hyp_file_open(const char *path, struct hyp_file **file)
{
	int saved = errno, fd = open_host(path), result;

	if (fd >= 0)
		result = make(fd, file);
	else /* Nothing confines this path: its links are too many, or lead to each other. */
		result = errno == ELOOP ? -ELOOP : to_error(errno);
	errno = saved;
	return result;
}
