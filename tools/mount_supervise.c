// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mount: the supervisor, which mounts and unmounts, and watches over the worker */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <syslog.h>
#include <unistd.h>

#include "background.h"
#include "mounting.h"
#include "notify.h"
#include "registry.h"
#include "watch.h"

/* Workers in a row that die before there is no further one. */
#define RESTARTS 3U
/* Nanoseconds after which one that dies is the first of a row. */
#define STEADY (600ULL * 1000000000)
/* Milliseconds between looks whether a worker has taken notice of a signal. */
#define LOOK 250

/*
 * What the supervisor has to remember, from one worker to the next.
 *
 * @mounting: what is mounted, and where; NULL before the first worker
 * @say, @arg: of the command's report, as long as there is a terminal
 * @message:   the first error, for those who ask how it ended
 * @device:    the worker's, to see whether requests wait there, or -1; the connection lives as long as one of us has it
 * @stale:     the mount that a worker which died has left, until its successor's takes that place; 0: none
 * @again:     another worker is to serve; until it has begun
 * @left:      the place is free again, and all were told
 * @only_reads: what the file system allows; the next worker is to try that
 * @row, @since: restarts in a row, and when the present worker began to serve
 * @told:      errors that the user knows of
 */
static struct {
	const struct mounting *mounting;
	struct registry registry;
	struct watch watch;
	int device;
	int stale;
	bool works, again, left, only_reads;
	unsigned int restarts, row;
	uint64_t since, told;
	void (*say)(void *arg, enum severity severity, const char *subject, const char *text);
	void *arg;
	char type[64];
	char message[1100];
} supervisor = { .device = -1 };

static struct mounting *mounting_of(const struct session *session)
{
	return session->command->own;
}

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	char clean[sizeof(supervisor.message)];

	snprintf(clean, sizeof(clean), "%s%s%s", subject, *subject ? ": " : "", text);
	text_clean(clean);
	if (severity == SEVERITY_ERROR && !*supervisor.message)
		memcpy(supervisor.message, clean, sizeof(clean));
	if (supervisor.mounting->ready < 0 && !supervisor.mounting->foreground)
		syslog(severity == SEVERITY_ERROR ? LOG_ERR : LOG_INFO, "%s", clean);
	else
		supervisor.say(supervisor.arg, severity, subject, text);
}

/* Bytes that the worker has in memory, its part of shared files included. */
static unsigned long long worker_memory(pid_t worker)
{
	unsigned long long total, resident = 0;
	char path[48];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)worker);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static size_t put(char *text, size_t size, size_t used, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* One string of what the registry hands out. Return: where the next one goes */
static size_t put(char *text, size_t size, size_t used, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + used, size - used, format, args);
	va_end(args);
	return n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n + 1;
}

static void tell_clients(const struct session *session)
{
	const struct connection *connection = &mounting_of(session)->connection;
	const char *partition = image_partition(session->command, &session->command->images[0]);
	const struct fuse_count *count = &session->shared->served;
	char text[2 * PATH_MAX + 512] = "";
	const size_t size = sizeof(text) - 1;
	size_t used = 0;

	used = put(text, size, used, "dir=%s", connection->dir);
	used = put(text, size, used, "mount=%d", connection->id ? connection->id : supervisor.stale);
	used = put(text, size, used, "image=%s", connection->source);
	used = put(text, size, used, "partition=%s", partition ? partition : "");
	used = put(text, size, used, "type=%s", supervisor.type);
	used = put(text, size, used, "mode=%s", connection->flags & MS_RDONLY ? "ro" : "rw");
	used = put(text, size, used, "requests=%llu", (unsigned long long)atomic_load(&count->requests));
	used = put(text, size, used, "errors=%llu", (unsigned long long)atomic_load(&count->errors));
	used = put(text, size, used, "memory=%llu", worker_memory(session->worker));
	used = put(text, size, used, "restarts=%u", supervisor.restarts);
	used = put(text, size, used, "start=%llu", (unsigned long long)atomic_load(&session->shared->start));
	used = put(text, size, used, "end=%llu", (unsigned long long)atomic_load(&session->shared->end));
	text[used++] = 0;
	registry_serve(&supervisor.registry, text, used);
}

static void close_device(void)
{
	if (supervisor.device >= 0)
		close(supervisor.device);
	supervisor.device = -1;
}

static int answer(struct session *session, int device)
{
	int error = wire_begin(&session->wire, device < 0 ? WIRE_MOUNT_END : WIRE_MOUNT_FUSE, 0);

	error = error ? error : wire_end(&session->wire, device);
	return error ? error : wire_flush(&session->wire);
}

static bool is_stale(const struct mounting *mounting)
{
	return supervisor.stale && connection_find(mounting->connection.dir) == supervisor.stale;
}

/* What a worker that died had is in nobody's way until another one is there to take its place. */
static int connect_host(struct session *session)
{
	struct mounting *mounting = mounting_of(session);
	const int left = supervisor.stale;
	char why[256];
	int device;

	if (is_stale(mounting))
		connection_end(mounting->connection.dir, true, why, sizeof(why));
	else if (left)
		return -ENOTCONN; /* the user has unmounted it, and waits for our end */
	supervisor.stale = 0;
	device = connection_make(session->report, &mounting->connection);
	/* Without it, requests that the worker has not taken are not seen; those that it has, are. */
	if (device >= 0)
		supervisor.device = fcntl(device, F_DUPFD_CLOEXEC, 0);
	return device;
}

static void enter_list(struct session *session)
{
	int error = registry_add(&supervisor.registry);

	if (error)
		report_detail(session->report, NULL, "not in the list of \"rumpus mounts\": %s", report_errno(error));
}

static void now_it_works(struct session *session)
{
	struct mounting *mounting = mounting_of(session);

	if (supervisor.restarts)
		report_warning(session->report, mounting->connection.source,
			       "is served again, read-only; unmount it and mount it again to write");
	else
		enter_list(session);
	if (!supervisor.restarts && !session->command->images[0].writable && !mounting->read_only)
		report_warning(session->report, mounting->connection.source,
			       "mounted read-only, as the %s cannot be written",
			       supervisor.only_reads ? "file system" : "image");
	needs_reap();
	supervisor.works = true;
	supervisor.since = clock_now();
	close(session->cwd);
	session->cwd = -1;
	notify_manager(supervisor.restarts ? "STATUS=served again, read-only" : "READY=1\nSTATUS=served");
	if (mounting->ready < 0)
		return;
	openlog("rumpus", LOG_PID, LOG_DAEMON);
	background_ready(mounting->ready);
	mounting->ready = -1;
}

int mounting_record(struct session *session, struct wire_record *record)
{
	struct mounting *mounting = mounting_of(session);
	const char *type;

	switch (record->type) {
	case WIRE_MOUNT_READY:
		type = wire_get_string(record);
		if (record->bad || mounting->connection.id)
			return -EPROTO;
		snprintf(supervisor.type, sizeof(supervisor.type), "%s", type);
		text_clean(supervisor.type);
		return answer(session, connect_host(session));
	case WIRE_MOUNT_RO:
		if (!session->command->either)
			return -EPROTO;
		supervisor.only_reads = true;
		return 0;
	case WIRE_MOUNT_WORKS:
		if (!mounting->connection.id || supervisor.works)
			return -EPROTO;
		now_it_works(session);
		return 0;
	}
	return -EPROTO;
}

static bool is_mounted(const struct mounting *mounting)
{
	return mounting->connection.id && connection_find(mounting->connection.dir) == mounting->connection.id;
}

/* A signal asks for an end. When the host has unmounted, the worker sees that by itself. */
static int end_mount(struct session *session)
{
	const struct mounting *mounting = mounting_of(session);
	char why[256];

	notify_manager("STOPPING=1");
	if (!is_mounted(mounting) || !connection_end(mounting->connection.dir, false, why, sizeof(why)))
		return 0;
	session->report->say(session->report->arg, SEVERITY_WARNING, mounting->connection.dir,
			     "is in use; what is open there fails from now on");
	connection_end(mounting->connection.dir, true, why, sizeof(why));
	return answer(session, -1);
}

/* ---- watching ---- */

/* Requests that the host has and the worker has not taken; what it has of mounting and unmounting itself. */
static bool is_waited_for(const struct session *session)
{
	struct pollfd device = { .fd = supervisor.device, .events = POLLIN };

	if (!supervisor.works || atomic_load(&session->shared->stopping))
		return true;
	return poll(&device, 1, 0) == 1 && (device.revents & POLLIN);
}

/* Input and output that failed: programs get an errno, the user hears of it here. */
static void tell_errors(struct session *session)
{
	const uint64_t errors = atomic_load(&session->shared->served.errors);
	char line[256];

	if (errors <= supervisor.told)
		return;
	supervisor.told = errors;
	kernel_last_words(session->shared, 0, line, sizeof(line));
	report_warning(session->report, mounting_of(session)->connection.source,
		       "cannot be read or written everywhere: %llu requests have failed; the kernel says: %s",
		       (unsigned long long)errors, *line ? line : "nothing");
}

static void look_after(struct session *session)
{
	const struct mounting *mounting = mounting_of(session);
	const char *source = mounting->connection.source;

	tell_errors(session);
	switch (watch_look(&supervisor.watch, session->shared, is_waited_for(session), clock_now())) {
	case WATCH_FINE:
		break;
	case WATCH_DISK:
		report_warning(session->report, source, "its disk has not answered for %u seconds; what uses %s waits",
			       mounting->watchdog, mounting->connection.dir);
		break;
	case WATCH_DISK_ANSWERS:
		report_warning(session->report, source, "its disk answers again");
		break;
	case WATCH_HANGS:
		supervise_hung(session, mounting->watchdog);
		break;
	}
}

/* ---- the conversation ---- */

static void begin(struct session *session)
{
	const struct mounting *mounting = mounting_of(session);

	if (!supervisor.mounting) {
		supervisor.mounting = mounting;
		registry_init(&supervisor.registry);
		supervisor.say = session->report->say;
		supervisor.arg = session->report->arg;
		session->report->say = say;
	}
	supervisor.works = false;
	supervisor.told = 0;
	supervisor.watch = (struct watch){ .patience = mounting->watchdog * 1000000000ULL };
}

static int receive(struct session *session, const struct pollfd *fds, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		if (fds[i].revents) {
			tell_clients(session);
			break;
		}
	}
	return fds[0].revents ? session_receive(session) : 0;
}

/* Until the worker has ended; @mask: of signals while there is nothing to do. A signal comes once and is remembered. */
static int attend(struct session *session, const sigset_t *mask)
{
	struct pollfd fds[REGISTRY_CLIENTS + 2];
	bool ending = false;
	int error = 0;

	while (!error && !session->finished) {
		unsigned int count = registry_poll(&supervisor.registry, fds + 1) + 1;
		int pause = ending ? LOOK : watch_pause(&supervisor.watch);
		const struct timespec limit = { .tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000L };

		fds[0] = (struct pollfd){ .fd = session->wire.fd, .events = POLLIN };
		if (ppoll(fds, count, pause < 0 ? NULL : &limit, mask) > 0)
			error = receive(session, fds, count);
		if (ending)
			supervise_nudge(session);
		if (!error && supervise_signal() && !ending) {
			ending = true;
			error = end_mount(session);
		}
		if (!error && !session->finished)
			look_after(session);
	}
	return error;
}

int mounting_drive(struct session *session)
{
	sigset_t block, before;
	int error;

	begin(session);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &before);
	error = attend(session, &before);
	/* Who waits for the worker gets an error when nobody has the device any more. */
	close_device();
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* ---- the end ---- */

/* Nobody answers there any more: free the place, and tell those who wait for that. */
static void leave(struct command *command)
{
	const struct mounting *mounting = command->own;
	char why[256], text[sizeof(supervisor.message) + 32];
	size_t used;

	if ((is_stale(mounting) || is_mounted(mounting)) &&
	    connection_end(mounting->connection.dir, true, why, sizeof(why)))
		report_error(command->report, mounting->connection.dir, "cannot be unmounted: %s; do it by umount -l",
			     why);
	used = put(text, sizeof(text) - 1, 0, "end=%d", command->report->outcome & OUTCOME_FAILED ? 1 : 0);
	if (*supervisor.message)
		used = put(text, sizeof(text) - 1, used, "message=%s", supervisor.message);
	text[used++] = 0;
	registry_end(&supervisor.registry, text, used);
	supervisor.left = true;
}

/* Is there to be another worker? Says why not, where the user may expect one. */
static bool is_restarted(struct session *session)
{
	const struct mounting *mounting = mounting_of(session);

	if (!mounting->restart || session->finished || supervise_signal() || !supervisor.works || !is_mounted(mounting))
		return false;
	if (clock_now() - supervisor.since > STEADY)
		supervisor.row = 0;
	if (supervisor.row < RESTARTS)
		return true;
	report_error(session->report, mounting->connection.source,
		     "is served no more: its server has died %u times in a row", supervisor.row + 1);
	return false;
}

void mounting_finish(struct session *session)
{
	struct command *command = session->command;

	/* That it could not write is no failure. */
	supervisor.again = command->either && supervisor.only_reads;
	if (supervisor.again)
		command->report->outcome &= ~(unsigned int)OUTCOME_FAILED;
	else
		supervisor.again = is_restarted(session);
	if (!supervisor.again)
		leave(session->command);
}

bool mounting_again(struct command *command)
{
	struct mounting *mounting = command->own;
	struct image *image = command->images;

	/* One that could not even begin has not come to mounting_finish(). */
	if (!supervisor.again && supervisor.mounting && !supervisor.left)
		leave(command);
	if (!supervisor.again)
		return false;
	supervisor.again = false;
	if (!command->either || !supervisor.only_reads) {
		supervisor.row++;
		supervisor.restarts++;
		supervisor.stale = mounting->connection.id;
		mounting->connection.id = 0;
	}
	command->either = false;
	mounting->connection.flags |= MS_RDONLY;
	/* By a name that is good in any directory. What a journal holds is replayed into memory. */
	image->path = image->file = mounting->connection.source;
	image->writable = false;
	if (!images_open(command))
		return true;
	leave(command);
	return false;
}
