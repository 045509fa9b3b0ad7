// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mount: the command, and the supervisor that it becomes */
#include <errno.h>
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
#include "registry.h"

/* The worker's kernel: what it caches lies in the host's page cache already. */
#define CACHE (64ULL << 20)
#define CPUS 2U

/*
 * What the supervisor has to remember.
 *
 * @say, @arg: of the command's report, as long as there is a terminal
 * @message:   the first error, for those who ask how it ended
 */
static struct {
	struct session *session;
	struct registry registry;
	void (*say)(void *arg, enum severity severity, const char *subject, const char *text);
	void *arg;
	char type[64];
	char message[1100];
	bool works;
} supervisor;

static struct mounting *mounting_of(const struct session *session)
{
	return session->command->own;
}

/* ---- the command line ---- */

static int understand(struct command *command, struct mounting *mounting, char **argv)
{
	struct image *image = command->images;
	char *dir = connection_dir(argv[1]);

	if (strcmp(command->operands[0].path, "/"))
		return usage_error(command, "\"%s\": a whole image is mounted; leave out the path", argv[0]);
	if (!dir) {
		report_error(command->report, argv[1], errno == ENOENT ? "no such directory; make it with mkdir" : "%s",
			     report_errno(-errno));
		return EXIT_PROBLEM;
	}
	mounting->connection.dir = dir;
	mounting->connection.source = realpath(image->path, NULL);
	if (!mounting->connection.source)
		mounting->connection.source = image->path; /* opening it says what is wrong */
	if (connection_check(command->report, dir, mounting->nonempty))
		return EXIT_PROBLEM;
	image->writable = mounting->read_write || (!mounting->read_only && !access(image->path, W_OK));
	if (!image->writable)
		mounting->connection.flags |= MS_RDONLY;
	command->resident = true;
	command->cpus = CPUS;
	command->cache = CACHE;
	return EXIT_DONE;
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct mounting *mounting = command->own;
	int result;

	mounting->ready = -1;
	if (command->directory)
		return usage_error(command, "the shell has its image already; leave it to mount");
	if (argc != 2)
		return usage_error(command,
				   argc < 2 ? "mount what, and where?" : "mount takes an image and a directory");
	/* What mount(8) was told: not what is in the image. */
	if (command->options.type &&
	    (!strcmp(command->options.type, CONNECTION_TYPE) || !strcmp(command->options.type, "rumpus")))
		command->options.type = NULL;
	result = operands_take(command, 1, argv, OPERAND_IMAGE);
	if (!result)
		result = mounting_options(command, mounting);
	if (!result)
		result = understand(command, mounting, argv);
	if (result || mounting->foreground)
		return result;
	mounting->ready = background_fork();
	if (mounting->ready >= 0)
		return EXIT_DONE;
	report_error(command->report, NULL, "cannot go to the background: %s", report_errno(mounting->ready));
	return EXIT_PROBLEM;
}

/* ---- the supervisor ---- */

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	char clean[sizeof(supervisor.message)];

	snprintf(clean, sizeof(clean), "%s%s%s", subject, *subject ? ": " : "", text);
	text_clean(clean);
	if (severity == SEVERITY_ERROR && !*supervisor.message)
		memcpy(supervisor.message, clean, sizeof(clean));
	if (supervisor.works && mounting_of(supervisor.session)->ready < 0 &&
	    !mounting_of(supervisor.session)->foreground)
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
	const struct fuse_count *count = &session->shared->served;
	char text[2 * PATH_MAX + 512] = "";
	const size_t size = sizeof(text) - 1;
	size_t used = 0;

	used = put(text, size, used, "dir=%s", connection->dir);
	used = put(text, size, used, "image=%s", connection->source);
	used = put(text, size, used, "type=%s", supervisor.type);
	used = put(text, size, used, "mode=%s", connection->flags & MS_RDONLY ? "ro" : "rw");
	used = put(text, size, used, "requests=%llu", (unsigned long long)atomic_load(&count->requests));
	used = put(text, size, used, "errors=%llu", (unsigned long long)atomic_load(&count->errors));
	used = put(text, size, used, "memory=%llu", worker_memory(session->worker));
	text[used++] = 0;
	registry_serve(&supervisor.registry, text, used);
}

static int answer(struct session *session, int device)
{
	int error = wire_begin(&session->wire, device < 0 ? WIRE_MOUNT_END : WIRE_MOUNT_FUSE, 0);

	error = error ? error : wire_end(&session->wire, device);
	return error ? error : wire_flush(&session->wire);
}

static void now_it_works(struct session *session)
{
	struct mounting *mounting = mounting_of(session);
	int error = registry_add(&supervisor.registry);

	if (error)
		report_detail(session->report, NULL, "not in the list of \"rumpus mounts\": %s", report_errno(error));
	if (!session->command->images[0].writable && !mounting->read_only)
		session->report->say(session->report->arg, SEVERITY_WARNING, mounting->connection.source,
				     "mounted read-only, as the image cannot be written");
	supervisor.works = true;
	close(session->cwd);
	session->cwd = -1;
	if (mounting->ready < 0)
		return;
	openlog("rumpus", LOG_PID, LOG_DAEMON);
	background_ready(mounting->ready);
	mounting->ready = -1;
}

static int record(struct session *session, struct wire_record *record)
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
		return answer(session, connection_make(session->report, &mounting->connection));
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

	if (!is_mounted(mounting) || !connection_end(mounting->connection.dir, false, why, sizeof(why)))
		return 0;
	session->report->say(session->report->arg, SEVERITY_WARNING, mounting->connection.dir,
			     "is in use; what is open there fails from now on");
	connection_end(mounting->connection.dir, true, why, sizeof(why));
	return answer(session, -1);
}

/* What is said by workers and by those who ask, until the end or a signal. */
static int drive(struct session *session)
{
	struct pollfd fds[REGISTRY_CLIENTS + 2];
	sigset_t block, before;
	int error = 0;

	registry_init(&supervisor.registry);
	supervisor.session = session;
	supervisor.say = session->report->say;
	supervisor.arg = session->report->arg;
	session->report->say = say;
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &before);
	while (!error && !session->finished && !supervise_signal()) {
		unsigned int count = registry_poll(&supervisor.registry, fds + 1) + 1;

		fds[0] = (struct pollfd){ .fd = session->wire.fd, .events = POLLIN };
		if (ppoll(fds, count, NULL, &before) < 0)
			continue;
		if (fds[0].revents)
			error = session_receive(session);
		for (unsigned int i = 1; i < count; i++) {
			if (fds[i].revents) {
				tell_clients(session);
				break;
			}
		}
	}
	if (!error && !session->finished)
		error = end_mount(session);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* The worker has ended. If the host has not unmounted, nobody answers there any more: free the place. */
static void finish(struct session *session)
{
	const struct mounting *mounting = mounting_of(session);
	char why[256], text[sizeof(supervisor.message) + 32];
	size_t used;

	if (is_mounted(mounting) && connection_end(mounting->connection.dir, true, why, sizeof(why)))
		report_error(session->report, mounting->connection.dir, "cannot be unmounted: %s; do it by umount -l",
			     why);
	used = put(text, sizeof(text) - 1, 0, "end=%d", session->report->outcome & OUTCOME_FAILED ? 1 : 0);
	if (*supervisor.message)
		used = put(text, sizeof(text) - 1, used, "message=%s", supervisor.message);
	text[used++] = 0;
	registry_end(&supervisor.registry, text, used);
}

static const struct option_rule options[] = {
	{ 'f', "foreground", NULL, "return when it is unmounted, not when it is mounted", option_true,
	  offsetof(struct mounting, foreground) },
	{ 'n', NULL, NULL, NULL, option_true, offsetof(struct mounting, ignored) }, /* of mount(8) */
	{ 's', NULL, NULL, NULL, option_true, offsetof(struct mounting, ignored) },
	{ 0, "idmap", NULL, "all files appear to be yours", option_true, offsetof(struct mounting, as_caller) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus mount disk.img dir", "as owners and modes are in the image" },
	{ "rumpus mount --idmap -p 1 /dev/sdb stick", "somebody else's stick, as if all on it were yours" },
	{ "rumpus mount -o ro,noexec,norecovery disk.img dir", "options as in mount(8), and the driver's own" },
	{ 0 },
};

const struct subcommand subcommand_mount = {
	.name = "mount",
	.arguments = "IMAGE DIRECTORY",
	.summary = "have the host show an image at a directory, served by a process without rights",
	.help = "The image is mounted for writing if it can be written. Besides the driver's mount options there are ro, rw,\n"
		"noexec, nonempty (hide what is in DIRECTORY), allow_other (other users may enter), uid=N, gid=N, umask=N (files\n"
		"appear to be theirs). End it with \"rumpus umount\".",
	.options = options,
	.options_size = sizeof(struct mounting),
	.examples = examples,
	.prepare = prepare,
	.work = mounting_work,
	.record = record,
	.drive = drive,
	.finish = finish,
};
