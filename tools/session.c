// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the parent, which owns the terminal, signals and the host's files, and believes the worker nothing */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../sandbox/sandbox.h"
#include "command.h"
#include "tree.h"

/* Milliseconds between looks whether the worker has taken notice of a signal. */
#define LOOK 250

bool stdout_for_worker(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	struct stat st;

	/* One that could be read would let the worker read the terminal. */
	if (flags < 0 || (flags & O_ACCMODE) != O_WRONLY || fstat(STDOUT_FILENO, &st))
		return false;
	/* In a file the worker could also shorten and overwrite what was there before. */
	return S_ISFIFO(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0 && !(flags & O_APPEND));
}

bool worker_takes_stdout(const struct command *command)
{
	return command->sub == &subcommand_cat && stdout_for_worker();
}

/* The directory that a kernel image is in, which has its components. None is no error: an image may hold all drivers.
 */
static int open_image_dir(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	slash[slash == path] = 0;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The file that this process runs. Without /proc, what it was started as, which may be a link elsewhere. */
static void own_path(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	unsigned long started = length < 0 ? getauxval(AT_EXECFN) : 0;

	path[length > 0 ? length : 0] = 0;
	if (started)
		snprintf(path, size, "%s", (const char *)started);
}

int kernel_open(char *path, size_t size)
{
	const char *wish = getenv("RUMPUS_IMAGE");
	int fd;

	if (wish && *wish)
		snprintf(path, size, "%s", wish);
	else {
		own_path(path, size - 64);
		if (strrchr(path, '/'))
			strcpy(strrchr(path, '/'), "/../lib/rumpus/linux.img");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !(wish && *wish)) {
		snprintf(path, size, "%s", RUMPUS_LIBDIR "/rumpus/linux.img");
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static int open_kernel(const struct command *command, struct kernel_files *files)
{
	char path[4096];
	int fd = kernel_open(path, sizeof(path));

	if (fd < 0)
		report_error(command->report, path,
			     "the kernel image cannot be opened: %s; install it, or name it in RUMPUS_IMAGE",
			     report_errno(fd));
	files->image = fd;
	files->dir = fd < 0 ? -1 : open_image_dir(path);
	return fd < 0 ? -ENOENT : 0;
}

static void take_message(struct session *session, struct wire_record *record)
{
	uint32_t severity = wire_get_u32(record);
	const char *subject = wire_get_string(record), *text = wire_get_string(record);

	if (!record->bad && severity <= SEVERITY_DETAIL)
		session->report->say(session->report->arg, (enum severity)severity, subject, text);
}

static int take_data(struct wire_record *record)
{
	size_t size;
	const char *data = wire_get_blob(record, &size);

	while (size) {
		ssize_t n = write(STDOUT_FILENO, data, size);

		if (n < 0 && errno == EINTR && !stop_requested())
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* What depends on the subcommand. */
static int take_own(struct session *session, struct wire_record *record)
{
	session->answered = true;
	if (record->type == WIRE_DATA)
		return take_data(record);
	return session->command->sub->record ? session->command->sub->record(session, record) : -EPROTO;
}

int session_dispatch(struct session *session, struct wire_record *record)
{
	int error = 0;

	switch (record->type) {
	case WIRE_MESSAGE:
		take_message(session, record);
		break;
	case WIRE_FINISH:
	case WIRE_DONE:
		session->report->outcome |= wire_get_u32(record);
		session->finished = true;
		session->ended = record->type == WIRE_FINISH;
		if (!session->ended && !session->shell)
			error = -EPROTO;
		break;
	case WIRE_HELD:
		error = image_held(session, record);
		break;
	default:
		progress_bar_pause();
		if (!session->deaf)
			error = take_own(session, record);
		progress_bar_resume();
	}
	if (record->fd >= 0) {
		close(record->fd); /* the worker has no descriptors to give */
		error = -EPROTO;
	}
	return record->bad ? -EPROTO : error;
}

int session_receive(struct session *session)
{
	int error;

	do {
		struct wire_record record;

		error = wire_next(&session->wire, &record);
		if (error == -EINTR)
			return 0;
		if (error <= 0)
			return error ? error : -ECONNRESET;
		error = session_dispatch(session, &record);
	} while (!error && !session->finished && wire_pending(&session->wire));
	return error;
}

/* The same while records are being sent: there is no sense in more of them when the worker has done its part. */
static int drain(void *arg)
{
	struct session *session = arg;
	int error = session_receive(session);

	return !error && session->finished ? -EPIPE : error;
}

static int cannot_wait(struct session *session, int error)
{
	report_error(session->report, NULL, "cannot wait for the worker (poll): %s", report_errno(error));
	return -ECANCELED;
}

int session_converse(struct session *session)
{
	struct pollfd poll_fd = { .fd = session->wire.fd, .events = POLLIN };
	uint64_t looked = clock_now();
	int error = 0;

	if (session->command->sub->drive && !session->deaf)
		error = session->command->sub->drive(session);
	/* The worker may have stopped listening because of what its last records say. */
	if (error == -EPIPE || error == -ECONNRESET || (error == -EINTR && supervise_signal()))
		error = 0;
	while (!error && !session->finished) {
		int ready = poll(&poll_fd, 1, LOOK);

		if (ready > 0)
			error = session_receive(session);
		else if (ready < 0 && errno != EINTR)
			error = cannot_wait(session, -errno);
		/* By the clock: a worker that talks without end is none that takes notice. */
		if (ready <= 0 || clock_now() - looked > LOOK * 1000000ULL) {
			supervise_nudge(session);
			looked = clock_now();
		}
	}
	return error;
}

const char *session_subject(const struct session *session)
{
	return session->command->image_count == 1 ? session->command->images[0].path : NULL;
}

int session_code(const struct command *command, unsigned int outcome)
{
	if (outcome & ~(unsigned int)(OUTCOME_LOSSY | OUTCOME_DIFFERS))
		return exit_trouble(command);
	if (outcome & OUTCOME_DIFFERS)
		return EXIT_DIFFERENT;
	return outcome ? EXIT_LOSSY : EXIT_DONE;
}

/* Turns what happened into an exit code; a closed pipe ends this process as it ends others. */
static int conclude(const struct session *session)
{
	unsigned int outcome = session->report->outcome;

	if (outcome & OUTCOME_PIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (supervise_signal() && (!session->finished || (outcome & OUTCOME_STOPPED)))
		return 128 + supervise_signal();
	return outcome ? session_code(session->command, outcome) : session->code;
}

static int flush_stdout(struct session *session)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	report_error(session->report, "standard output", "%s", report_errno(-errno));
	return -EIO;
}

static void supervise(struct session *session)
{
	int error = session_converse(session), status;

	if (error == -EPROTO) {
		report_error(session->report, session_subject(session),
			     "the worker broke the rules of the conversation, and was ended");
		supervise_kill();
	} else if (error && error != -ECONNRESET) {
		/* ECANCELED: why was told already. */
		if (!supervise_signal() && error != -ECANCELED)
			report_error(session->report, "standard output", "%s", report_errno(error));
		supervise_kill();
	}
	status = supervise_wait(session);
	progress_bar_stop();
	if (!session->finished && (!error || error == -ECONNRESET))
		supervise_explain(session, status);
	if (session->command->sub->finish && !session->more)
		session->command->sub->finish(session);
}

/* In the parent, after the fork. Return: 0; -EIO after a message */
static int parent(struct session *session)
{
	int error = wire_init(&session->wire, session->wire.fd);

	if (!error)
		error = supervise_start(session->worker);
	if (session->command->sub->progress && !session->command->options.quiet)
		progress_bar_start(&session->shared->progress);
	/* A file beyond the limit of files, ulimit -f, is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	/* A reader of messages that goes away must not end the command before the image is unmounted. */
	for (unsigned int i = 0; i < session->command->image_count; i++) {
		if (session->command->images[i].writable)
			signal(SIGPIPE, SIG_IGN);
	}
	session->wire.drain = drain;
	session->wire.arg = session;
	session->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (error || session->cwd < 0) {
		report_error(session->report, NULL, "cannot start: %s", report_errno(error ? error : -errno));
		supervise_kill();
		return -EIO;
	}
	supervise(session);
	wire_fini(&session->wire);
	return 0;
}

/* Deep trees need a descriptor a level. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void close_kernel(const struct kernel_files *files)
{
	close(files->image);
	if (files->dir >= 0)
		close(files->dir);
}

/* What is between the parent and its worker. Return: 0; -EIO after a message, with none of it */
static int open_channels(struct session *session, int sockets[2])
{
	int error;

	session->shared =
		mmap(NULL, sizeof(*session->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	error = session->shared == MAP_FAILED ? -errno : 0;
	if (!error && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)) {
		error = -errno;
		munmap(session->shared, sizeof(*session->shared));
	}
	if (!error)
		return 0;
	session->shared = NULL;
	report_error(session->report, NULL, "cannot start: %s", report_errno(error));
	return -EIO;
}

/* Below it, the libraries of a worker fail in the middle of their work, and not all of them say so. */
static int check_limits(struct session *session)
{
	struct rlimit limit;
	char size[32];

	if (getrlimit(RLIMIT_DATA, &limit) || limit.rlim_cur >= DATA_NEEDED)
		return 0;
	report_error(session->report, NULL,
		     "the limit of data is %s, too little for any image; raise it: ulimit -d unlimited",
		     text_size(limit.rlim_cur, size, sizeof(size)));
	return -ENOMEM;
}

int session_work(struct session *session)
{
	struct command *command = session->command;
	struct kernel_files files;
	unsigned int layers;
	int sockets[2], needs[2], error = check_limits(session);
	mode_t mask;

	if (!error)
		error = open_kernel(command, &files);
	if (!error) {
		error = open_channels(session, sockets);
		if (error)
			close_kernel(&files);
	}
	if (error) {
		images_close(command);
		return -EIO;
	}
	error = -EIO;
	session->finished = false;
	progress_use(&session->shared->progress);
	raise_limits();
	/* Modes of new files are set in full, after their contents. */
	mask = umask(0);
	needs_open(command, needs);
	files.needs = needs[0];
	session->worker = command->resident ? sandbox_fork_resident(&layers) : sandbox_fork(&layers);
	if (!session->worker)
		_exit(worker_main(command, sockets[1], &files, session->shared, mask, layers));
	close(sockets[1]);
	close_kernel(&files);
	if (files.needs >= 0) {
		close(files.needs);
		needs_probe(command, needs[1]);
	}
	images_close(command);
	session->wire.fd = sockets[0];
	session->mask = mask;
	if (session->worker > 0)
		error = parent(session);
	else
		report_error(session->report, NULL, "the worker cannot be forked: %s", report_errno(session->worker));
	if (session->cwd >= 0)
		close(session->cwd);
	close(sockets[0]);
	session->cwd = -1;
	needs_reap();
	progress_use(NULL);
	munmap(session->shared, sizeof(*session->shared));
	session->shared = NULL;
	umask(mask);
	return error;
}

int session_end(struct session *session)
{
	flush_stdout(session);
	if (session->command->options.verbose)
		report_detail(session->report, NULL, "%.1f ms in all",
			      (double)(clock_now() - session->command->started) / 1e6);
	return conclude(session);
}

int session_run(struct command *command)
{
	int code;

	do {
		struct session session = { .command = command, .report = command->report, .cwd = -1 };

		code = session_work(&session) ? exit_trouble(command) : session_end(&session);
	} while (command->sub->again && command->sub->again(command));
	return code;
}
