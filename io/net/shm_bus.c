// SPDX-License-Identifier: BSD-2-Clause
/*
 * The file of a bus in shared memory: making it, taking a place, seeing who is there, waking each other
 *
 * Locks on bytes of the file: of byte 0 while the file is made, emptied or joined; of byte 1 + PLACE as long as a
 * member lives. They are the host's, beside the contents, and of the open file description, so that two members of one
 * process are two. Only locks for writing say anything: one for reading is what somebody has for a moment who waited
 * for an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm.h"

#define USUAL_MEMBERS 32U
#define USUAL_RING (1U << 20)
#define RETRIES 200 /* to get a lock that others have for a moment, 10 ms apart */
#define SECOND UINT64_C(1000000000)

/* ---- locks ---- */

static bool set_lock(int fd, short type, off_t byte)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

/* Does somebody else have the lock that set_lock() was about? If not, errno says why there is none to be had. */
static bool is_taken(void)
{
	return errno == EAGAIN || errno == EACCES;
}

static bool get_lock(int fd, off_t byte)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int i;

	for (i = 0; i < RETRIES; i++) {
		if (set_lock(fd, F_WRLCK, byte))
			return true;
		if (!is_taken())
			return false;
		nanosleep(&pause, NULL);
	}
	errno = EAGAIN;
	return false;
}

static bool is_alive(const struct shm_bus *bus, unsigned int place)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 1 + place, .l_len = 1 };

	return !fcntl(bus->fd, F_OFD_GETLK, &lock) && lock.l_type == F_WRLCK;
}

static bool take_place(struct shm_bus *bus)
{
	for (bus->place = 0; bus->place < bus->geometry.members; bus->place++)
		if (set_lock(bus->fd, F_WRLCK, 1 + bus->place))
			return true;
	return false;
}

static bool is_alone(const struct shm_bus *bus)
{
	unsigned int i;

	for (i = 0; i < bus->geometry.members; i++)
		if (i != bus->place && is_alive(bus, i))
			return false;
	return true;
}

void shm_bus_await_end(const struct shm_bus *bus, unsigned int place)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 1 + place, .l_len = 1 };

	while (fcntl(bus->fd, F_OFD_SETLKW, &lock) && errno == EINTR)
		;
	shm_bus_forget(bus, place);
}

void shm_bus_forget(const struct shm_bus *bus, unsigned int place)
{
	set_lock(bus->fd, F_UNLCK, 1 + place);
}

/* ---- where things are ---- */

static uint64_t members_end(const struct shm_geometry *geometry)
{
	return (1 + (uint64_t)geometry->members) * SHM_PAGE;
}

static uint64_t ring_bytes(const struct shm_geometry *geometry)
{
	return sizeof(struct shm_ring) + geometry->ring;
}

static uint64_t file_size(const struct shm_geometry *geometry)
{
	return members_end(geometry) +
	       (uint64_t)geometry->members * geometry->members * geometry->queues * ring_bytes(geometry);
}

struct shm_header *shm_bus_header(const struct shm_bus *bus)
{
	return (struct shm_header *)bus->map;
}

struct shm_member *shm_bus_member(const struct shm_bus *bus, unsigned int place)
{
	return (struct shm_member *)(bus->map + (1 + place) * SHM_PAGE);
}

struct shm_ring *shm_bus_ring(const struct shm_bus *bus, unsigned int from, unsigned int to, unsigned int queue)
{
	const struct shm_geometry *geometry = &bus->geometry;
	uint64_t index = ((uint64_t)from * geometry->members + to) * geometry->queues + queue;

	return (struct shm_ring *)(bus->map + members_end(geometry) + index * ring_bytes(geometry));
}

bool shm_bus_back(const struct shm_bus *bus, const struct shm_ring *ring, uint32_t offset, uint32_t length)
{
	int error;

	do {
		error = posix_fallocate(bus->fd, ring->data + offset - bus->map, length);
	} while (error == EINTR);
	return !error;
}

/* ---- seeing and waking ---- */

uint64_t shm_bus_present(const struct shm_bus *bus)
{
	uint64_t present = 0;
	unsigned int i;

	for (i = 0; i < bus->geometry.members; i++)
		if (i != bus->place && atomic_load(&shm_bus_member(bus, i)->attached) && is_alive(bus, i))
			present |= UINT64_C(1) << i;
	return present;
}

void shm_bus_bell(const struct shm_bus *bus, unsigned int place)
{
	_Atomic uint32_t *bell = &shm_bus_member(bus, place)->bell;
	int saved = errno;

	atomic_fetch_add(bell, 1);
	syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	errno = saved;
}

void shm_bus_sleep(const struct shm_bus *bus, uint32_t seen, uint64_t nanoseconds)
{
	const struct timespec time = { .tv_sec = (time_t)(nanoseconds / SECOND),
				       .tv_nsec = (long)(nanoseconds % SECOND) };

	syscall(SYS_futex, &shm_bus_member(bus, bus->place)->bell, FUTEX_WAIT, seen,
		nanoseconds == UINT64_MAX ? NULL : &time, NULL, 0);
}

void shm_bus_announce(const struct shm_bus *bus)
{
	unsigned int i;

	atomic_fetch_add(&shm_bus_header(bus)->epoch, 1);
	for (i = 0; i < bus->geometry.members; i++)
		shm_bus_bell(bus, i);
}

/* ---- the file ---- */

static int open_failed(struct io_spec *spec, const char *what, int error)
{
	switch (error) {
	case ENOENT:
		return io_fail(spec, -HYP_ENOENT, "shm: %s: no such folder; take a file below /dev/shm", what);
	case EACCES:
	case EPERM:
		return io_fail(spec, -HYP_EACCES,
			       "shm: %s may not be opened for reading and writing: have its owner permit that, or take "
			       "another file",
			       what);
	default:
		return io_fail(spec, -HYP_EIO, "shm: %s: %s; take another file", what, strerror(error));
	}
}

static int open_named(struct io_spec *spec, unsigned int mode)
{
	int fd, i;

	if (!*spec->rest)
		return io_fail(spec, -HYP_EINVAL, "shm: no file is named; write %s", spec->backend->help);
	/* In two steps, since hosts refuse O_CREAT for files of others in shared folders. Another one may be quicker.
	 */
	for (i = 0; i < 3; i++) {
		fd = io_descriptor(open(spec->rest, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
		if (fd >= 0 || errno != ENOENT)
			break;
		fd = io_descriptor(open(spec->rest, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0));
		if (fd >= 0 && !fchmod(fd, mode))
			break;
		if (fd >= 0)
			close(fd);
		if (errno != EEXIST)
			break;
	}
	return fd >= 0 ? fd : open_failed(spec, spec->rest, errno);
}

/* A duplicate would share its locks with others who have the descriptor: so the file is opened again. */
static int open_again(struct io_spec *spec, int fd)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = io_descriptor(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
	if (again < 0 && errno == ENOENT)
		again = io_fail(spec, -HYP_ENOENT,
				"shm: this host has no /proc, by which a descriptor is opened again; mount it, or name a "
				"file");
	else if (again < 0)
		again = open_failed(spec, path, errno);
	close(fd);
	return again;
}

static int open_file(struct io_spec *spec, struct shm_bus *bus)
{
	const char *text = io_option(spec, "mode");
	unsigned int mode = 0600;
	struct stat st;
	char end;

	if (text && (sscanf(text, "%3o%c", &mode, &end) != 1))
		return io_fail(spec, -HYP_EINVAL, "shm: mode=%s: give access rights in octal, as in mode=660", text);
	bus->fd = net_option_fd(spec);
	bus->named = bus->fd == -HYP_ENOENT;
	if (bus->named)
		bus->fd = open_named(spec, mode);
	else if (bus->fd >= 0)
		bus->fd = open_again(spec, bus->fd);
	if (bus->fd < 0)
		return bus->fd;
	if (!fstat(bus->fd, &st) && S_ISREG(st.st_mode))
		return 0;
	close(bus->fd);
	return io_fail(spec, -HYP_EINVAL, "shm: %s is no file; take one below /dev/shm, or a memfd", spec->rest);
}

/* ---- the geometry ---- */

static bool is_valid(const struct shm_geometry *geometry)
{
	return geometry->magic == SHM_MAGIC && geometry->members >= 2 && geometry->members <= SHM_MEMBERS_MAX &&
	       geometry->queues >= 1 && geometry->queues <= NET_MAX_QUEUES && geometry->ring >= SHM_RING_MIN &&
	       geometry->ring <= SHM_RING_MAX && !(geometry->ring & (geometry->ring - 1)) &&
	       !(geometry->caps & ~(uint32_t)NET_CAPS);
}

static int differs(struct io_spec *spec, const char *key, uint32_t is, uint32_t wanted)
{
	if (!wanted || is == wanted)
		return 0;
	return io_fail(spec, -HYP_EINVAL, "shm: the bus has %s=%u; leave %s= out, or take another file", key, is, key);
}

static int agree(struct io_spec *spec, const struct shm_geometry *is, const struct shm_geometry *wanted)
{
	int error = differs(spec, "members", is->members, wanted->members);

	if (!error)
		error = differs(spec, "queues", is->queues, wanted->queues);
	if (!error)
		error = differs(spec, "ring", is->ring, wanted->ring);
	if (!error && is->caps & ~wanted->caps)
		error = io_fail(
			spec, -HYP_EINVAL,
			"shm: others of the bus leave checksums and segments to their receivers; give offload=1, or "
			"have all of them give offload=0");
	return error;
}

static void fill_in(struct shm_geometry *geometry, const struct shm_geometry *wanted)
{
	*geometry = *wanted;
	geometry->magic = SHM_MAGIC;
	if (!geometry->members)
		geometry->members = USUAL_MEMBERS;
	if (!geometry->queues)
		geometry->queues = 1;
	if (!geometry->ring)
		geometry->ring = USUAL_RING;
}

/* The geometry comes first and the size follows: whoever finds less than that goes on from there. */
static int make_file(struct io_spec *spec, struct shm_bus *bus, off_t size)
{
	const struct shm_geometry *geometry = &bus->geometry;
	int error = 0;

	if (!size && pwrite(bus->fd, geometry, sizeof(*geometry), 0) != sizeof(*geometry))
		error = errno;
	if (!error && (uint64_t)size < file_size(geometry) && ftruncate(bus->fd, (off_t)file_size(geometry)))
		error = errno;
	if (!error)
		error = posix_fallocate(bus->fd, 0, (off_t)members_end(geometry));
	/* So that no member can cut off what another one has mapped. Files with a name, and some hosts, cannot have that. */
	if (!error)
		fcntl(bus->fd, F_ADD_SEALS, F_SEAL_SHRINK);
	return error ? io_fail(spec, -HYP_ENOSPC, "shm: %s: no room for the bus: %s; take members= or ring= smaller",
			       spec->rest, strerror(error))
		     : 0;
}

/* Return: the file is one of ours, perhaps of members that are all dead */
static bool was_made(struct shm_bus *bus)
{
	return pread(bus->fd, &bus->geometry, sizeof(bus->geometry), 0) == sizeof(bus->geometry) &&
	       is_valid(&bus->geometry);
}

static int read_geometry(struct io_spec *spec, const struct shm_geometry *wanted, struct shm_bus *bus)
{
	struct stat st;
	int error;

	if (fstat(bus->fd, &st))
		return io_fail(spec, -HYP_EIO, "shm: %s: %s", spec->rest, strerror(errno));
	if (st.st_size && !was_made(bus))
		return io_fail(spec, -HYP_EINVAL,
			       "shm: %s is not empty and no bus of this version; remove it, or take another file",
			       spec->rest);
	bus->place = SHM_MEMBERS_MAX;
	/* What dead members have left goes with its memory; not from a sealed memfd, whose bus stays as it is. */
	if (st.st_size && is_alone(bus) && !ftruncate(bus->fd, 0))
		st.st_size = 0;
	if (!st.st_size)
		fill_in(&bus->geometry, wanted);
	error = agree(spec, &bus->geometry, wanted);
	return error ? error : make_file(spec, bus, st.st_size);
}

/* ---- joining and leaving ---- */

/* What the place's last member has left is no concern of this one's. */
static void clean_place(const struct shm_bus *bus)
{
	struct shm_member *self = shm_bus_member(bus, bus->place);
	unsigned int i;

	atomic_store(&self->attached, 0);
	for (i = 0; i < bus->geometry.queues; i++) {
		atomic_store(&self->mailboxes[i].armed, 0);
		atomic_store(&self->mailboxes[i].pending, 0);
	}
}

/* With the lock of byte 0 */
static int join(struct io_spec *spec, const struct shm_geometry *wanted, struct shm_bus *bus)
{
	int error = read_geometry(spec, wanted, bus);

	if (error)
		return error;
	if (!take_place(bus))
		return io_fail(spec, -HYP_EBUSY,
			       "shm: all %u places of %s are taken; make the bus with more, as in shm,members=64:PATH",
			       bus->geometry.members, spec->rest);
	bus->size = file_size(&bus->geometry);
	bus->map = mmap(NULL, bus->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, bus->fd, 0);
	if (bus->map == MAP_FAILED)
		return io_fail(spec, -HYP_ENOMEM,
			       "shm: no address space for %zu MiB; raise ulimit -v, or make the bus with members= or "
			       "ring= smaller",
			       bus->size >> 20);
	clean_place(bus);
	return 0;
}

static int lock_failed(struct io_spec *spec)
{
	if (is_taken())
		return io_fail(spec, -HYP_EBUSY, "shm: %s is kept locked by another program", spec->rest);
	return io_fail(spec, -HYP_EACCES,
		       "shm: the host refuses locks of %s (fcntl F_OFD_SETLK): %s; permit them, or take a file below "
		       "/dev/shm",
		       spec->rest, strerror(errno));
}

int shm_bus_join(struct io_spec *spec, const struct shm_geometry *wanted, struct shm_bus *bus)
{
	int error = open_file(spec, bus);

	if (error)
		return error;
	if (!get_lock(bus->fd, 0))
		error = lock_failed(spec);
	else
		error = join(spec, wanted, bus);
	set_lock(bus->fd, F_UNLCK, 0);
	/* With it goes the lock of the place. */
	if (error)
		close(bus->fd);
	return error;
}

void shm_bus_leave(struct shm_bus *bus)
{
	munmap(bus->map, bus->size);
	/* Without the lock somebody is joining, who needs the file. */
	if (bus->named && set_lock(bus->fd, F_WRLCK, 0) && is_alone(bus) && ftruncate(bus->fd, 0))
		errno = 0; /* It stays as it is, and serves the next ones. */
	close(bus->fd);
}
