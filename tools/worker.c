// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the worker, which holds the kernel and the image, and nothing else of the host */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rumpus/hyp_blk.h>
#include <rumpus/rumpus.h>

#include "../sandbox/sandbox.h"
#include "command.h"
#include "found.h"
#include "place.h"
#include "tree.h"

/*
 * Bytes. The kernel prepares for all of it when it boots, which a command that only reads would wait for longer than a
 * larger cache saves. One that writes has to hold what is not written back yet; beyond this, memory that is touched for
 * the first time costs more than what was used before.
 */
#define KERNEL_MEMORY_READ (128ULL << 20)
#define KERNEL_MEMORY_WRITE (192ULL << 20)

/*
 * Of that, for pages and inodes that could be had again. Most are used once in such a command: what takes the place of
 * those before is in the processor's caches, and the host still has the image in its own. Half of it may wait to be
 * written back.
 */
#define KERNEL_CACHE_READ (24ULL << 20)
#define KERNEL_CACHE_WRITE (48ULL << 20)

/*
 * How long a call inside may wait for what nothing can interrupt: a driver that an image has brought into a deadlock
 * would wait for ever. Disks that are failing take minutes for one request. What the user adds comes later, and wins.
 *
 * Not where a supervisor watches, which tells a kernel that hangs from a disk that does not answer.
 */
#define COMMAND_LINE "rump.hung_ms=300000"

/*
 * A server's table of descriptors grows with the nodes that its client knows, and who makes it grow waits until nobody
 * reads the old one: 50 ms at the kernel's leisure, a fraction of one when it asks the other virtual CPUs.
 */
#define COMMAND_LINE_RESIDENT "rcupdate.rcu_expedited=1"

/*
 * Written back early, in another thread, while there is still work: what a command writes is seldom overwritten by it.
 * Btrfs would otherwise find its reservations for metadata used up, and write file by file while the command waits.
 */
#define COMMAND_LINE_WRITE COMMAND_LINE " rump.dirty=4M"

/* What mounting gives when there is nothing to mount, and that is no failure. */
#define NOTHING_TO_DO (-ECANCELED)

static struct shared *shared;
static struct rumpus_thread *volatile main_thread; /* what a request to stop interrupts; NULL: nothing may be */

/* SIGUSR1 from the parent; it repeats it until @stopping is set. */
static void handle_stop(int signal)
{
	int saved = errno;

	stop_request();
	if (main_thread)
		rumpus_thread_interrupt(main_thread);
	errno = saved;
}

/* Kernel messages, on any of its threads: a ring that outlives this process. */
static void take_log(void *arg, const char *text, size_t size)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one writer of the ring */
	uint64_t end;

	pthread_mutex_lock(&lock);
	end = atomic_load(&shared->log_end);
	for (size_t i = 0; i < size; i++)
		shared->log[end++ % sizeof(shared->log)] = text[i];
	atomic_store(&shared->log_end, end);
	pthread_mutex_unlock(&lock);
}

/* The kernel is lost, and with it all that this process is for. */
static void take_end(void *arg, int status, const char *reason)
{
	snprintf(shared->reason, sizeof(shared->reason), "%s", reason ? reason : "no reason given");
	atomic_store(&shared->ended, 1);
	_exit(EXIT_PROBLEM);
}

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	struct worker *worker = arg;

	subject = path_tail(subject);
	if (wire_begin(&worker->wire, WIRE_MESSAGE, strlen(subject) + strlen(text) + 32))
		return;
	wire_put_u32(&worker->wire, severity);
	wire_put_string(&worker->wire, subject);
	wire_put_string(&worker->wire, text);
	wire_end(&worker->wire, -1);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * A worker that stays goes past the host's cache, or everything would be in memory twice: the host caches what it
 * serves. Not where the host cannot, or only by blocks that are larger than those that file systems may count on.
 */
static int open_direct(const struct command *command, const struct image *image, const char *name, struct hyp_blk **disk)
{
	char spec[NAME_MAX + 80], why[NAME_MAX + 256];
	unsigned int sector = probe_sector(image);
	int error;

	snprintf(spec, sizeof(spec), "%sfile,direct=1,block=%u,fd=%d:%.*s", image->writable ? "" : "cow:", sector,
		 image->fd, NAME_MAX, name);
	error = hyp_blk_open(spec, image_flags(command, image), disk, why, sizeof(why));
	if (error)
		return error;
	if ((*disk)->info.logical_block <= sector)
		return 0;
	(*disk)->ops->close(*disk);
	return -EINVAL;
}

static int open_buffered(const struct command *command, const struct image *image, const char *name, struct hyp_blk **disk,
			 char *why, size_t size)
{
	char spec[NAME_MAX + 64];

	snprintf(spec, sizeof(spec), "%sfile,block=%u,fd=%d:%.*s", image->writable ? "" : "cow:", probe_sector(image),
		 image->fd, NAME_MAX, name);
	return hyp_blk_open(spec, image_flags(command, image), disk, why, size);
}

/* How the parent knows a kernel that waits for its disk from one that hangs. */
static int count_disk(struct image *image)
{
	struct hyp_blk *counted = disk_counted(image->disk, &shared->disk);

	if (!counted) {
		image->disk->ops->close(image->disk);
		return -ENOMEM;
	}
	image->disk = counted;
	return 0;
}

static int open_disk(struct worker *worker, struct image *image)
{
	const char *slash = strrchr(image->file, '/'), *name = slash ? slash + 1 : image->file;
	char why[NAME_MAX + 256] = "";
	int error = -EINVAL;

	image->part = image_flags(worker->command, image) & HYP_BLK_OPEN_PART;
	/* What only reads works on an overlay in memory: a journal can be replayed, the image stays as it is. */
	if (worker->command->resident)
		error = open_direct(worker->command, image, name, &image->disk);
	if (error)
		error = open_buffered(worker->command, image, name, &image->disk, why, sizeof(why));
	if (!error && worker->command->resident)
		error = count_disk(image);
	if (error) {
		/* The report names the image: the message need not. */
		size_t skip = strncmp(why, name, strlen(name)) ? 0 : strlen(name);

		skip += strspn(why + skip, ": ");
		report_error(&worker->report, image->path, "%s", why[skip] ? why + skip : report_errno(error));
		return error;
	}
	if (worker->command->options.verbose) {
		image->disk->ops->describe(image->disk, why, sizeof(why));
		report_detail(&worker->report, image->path, "%s", why);
	}
	return 0;
}

static bool writes(const struct command *command)
{
	for (unsigned int i = 0; i < command->image_count; i++) {
		if (command->images[i].writable)
			return true;
	}
	return false;
}

/* Return: 0; -E2BIG after a message */
static const char *command_line_of(const struct command *command)
{
	if (command->resident)
		return COMMAND_LINE_RESIDENT;
	return writes(command) ? COMMAND_LINE_WRITE : COMMAND_LINE;
}

static int make_command_line(struct worker *worker, char *text, size_t size)
{
	const char *ours = command_line_of(worker->command);
	const char *more = getenv("RUMPUS_COMMAND_LINE");

	if ((size_t)snprintf(text, size, "%s %s", ours, more ? more : "") < size)
		return 0;
	report_error(&worker->report, NULL, "RUMPUS_COMMAND_LINE is too long; %zu bytes are the most",
		     size - strlen(ours) - 2);
	return -E2BIG;
}

/* The kernel's memory is a file without a name, which limits of files bound, too. */
static bool is_limited(struct worker *worker, uint64_t memory)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= memory)
		return false;
	report_error(&worker->report, NULL,
		     "files of this process may not be larger than %llu bytes, and the kernel's memory is %llu; raise "
		     "the limit (ulimit -f)",
		     (unsigned long long)limit.rlim_cur, (unsigned long long)memory);
	return true;
}

static int boot(struct worker *worker, const struct kernel_files *files)
{
	const struct command *command = worker->command;
	char path[48], components[48], command_line[512];
	struct rumpus_config config = {
		.size = sizeof(config),
		.cpus = command->cpus ? command->cpus : 1,
		.memory = writes(command) ? KERNEL_MEMORY_WRITE : KERNEL_MEMORY_READ,
		.image = path,
		.command_line = command_line,
		.components = files->dir >= 0 ? components : "",
		.log = take_log,
		.ended = take_end,
		.cache = writes(command) ? KERNEL_CACHE_WRITE : KERNEL_CACHE_READ,
	};
	uint64_t before = clock_now();
	char line[256];
	int error = make_command_line(worker, command_line, sizeof(command_line));

	if (error)
		return error;
	if (command->cache)
		config.cache = command->cache;
	unsetenv("RUMPUS_LOG"); /* what the kernel says goes to the parent; no file can be opened here */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", files->image);
	snprintf(components, sizeof(components), "/proc/self/fd/%d", files->dir);
	error = rumpus_boot(&config, &worker->kernel);
	if (error && is_limited(worker, config.memory))
		return error;
	if (error) {
		report_error(&worker->report, NULL, "the kernel does not boot: %s; %s", report_errno(error),
			     kernel_last_words(shared, 0, line, sizeof(line)));
		return error;
	}
	report_detail(&worker->report, NULL, "%s, booted in %.1f ms", rumpus_version(worker->kernel),
		      (double)(clock_now() - before) / 1e6);
	return 0;
}

/*
 * Faults that are not the kernel's. Those are repeated, and end the worker; one that someone sent would not, as it is
 * the first process of a namespace.
 */
static void handle_fault(int signal, siginfo_t *info, void *context)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	if (info->si_code <= 0)
		_exit(128 + signal);
	sigaction(signal, &action, NULL);
}

/* Beneath the handlers of the kernel, which come later. */
static void take_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	const struct sigaction action = { .sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Only this thread is to get the signal: what it sleeps in must return. */
static void take_signals(bool on)
{
	struct sigaction action = { .sa_handler = handle_stop };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (!on)
		sigaction(SIGUSR1, &action, NULL);
	pthread_sigmask(on ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

/* Everything up to the point where untrusted bytes may be read. */
static int prepare(struct worker *worker, const struct kernel_files *files, unsigned int layers)
{
	struct command *command = worker->command;
	const int readable[] = { files->image, files->dir };
	int keep[2 * IMAGES_MAX + 5];
	struct sandbox_config sandbox = { .keep = keep, .readable = readable };
	char why[256];
	int error;

	sandbox.readable_count = files->dir >= 0 ? 2 : 1;
	keep[sandbox.keep_count++] = worker->wire.fd;
	keep[sandbox.keep_count++] = files->image;
	if (files->dir >= 0)
		keep[sandbox.keep_count++] = files->dir;
	if (files->needs >= 0)
		keep[sandbox.keep_count++] = files->needs;
	if (worker->stdout_fd >= 0)
		keep[sandbox.keep_count++] = worker->stdout_fd;
	for (unsigned int i = 0; i < command->image_count; i++) {
		keep[sandbox.keep_count++] = command->images[i].fd;
		if (command->images[i].look >= 0)
			keep[sandbox.keep_count++] = command->images[i].look;
	}
	qsort(keep, sandbox.keep_count, sizeof(*keep), compare);
	/*
	 * The C library keeps the time zone that it reads now: archives may have local times, and lines of a shell. But
	 * it would look again and again for one that TZ does not name.
	 */
	setenv("TZ", ":/etc/localtime", 0);
	tzset();
	error = sandbox_confine(&sandbox, &layers);
	if (error) {
		sandbox_refusal(error, why, sizeof(why));
		report_error(&worker->report, NULL, "the sandbox cannot be made: %s", why);
		return error;
	}
	take_signals(false);
	take_faults();
	for (unsigned int i = 0; i < command->image_count && !error; i++)
		error = open_disk(worker, &command->images[i]);
	if (!error)
		error = boot(worker, files);
	if (error)
		return error;
	close(files->image);
	needs_load(worker, files->needs);
	/* What is missing now stays missing: code cannot be mapped any more, nor files be opened. */
	rumpus_components_close(worker->kernel);
	if (files->dir >= 0)
		close(files->dir);
	error = sandbox_seal(&sandbox, &layers);
	if (error) {
		sandbox_refusal(error, why, sizeof(why));
		report_error(&worker->report, NULL, "the sandbox cannot be sealed: %s", why);
	}
	atomic_store(&shared->layers, layers);
	return error;
}

static int attach(struct worker *worker, struct image *image)
{
	int error = rumpus_disk_attach(worker->kernel, image->disk, image->node);

	if (error)
		report_error(&worker->report, image->path, "the kernel does not take the disk: %s",
			     report_errno(error));
	return error;
}

/* Walks of deep trees hold a descriptor a level. */
static int raise_limit(void)
{
	const struct rlimit limit = { 4096, 4096 };

	return (int)fs_image.call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
}

static int mount_one(struct worker *worker, unsigned int number)
{
	int error = image_mount(worker, &worker->command->images[number], number);

	if (!error)
		worker->mounted++;
	return error;
}

/* Each of its partitions is to have a turn. Return: whether it was told of them; negative errno */
static int list_partitions(struct worker *worker, unsigned int number)
{
	const struct command *command = worker->command;

	return command->sub->disks && command->turn_count ? places_list(worker, &command->images[number], number) : 0;
}

static int mount_all(struct worker *worker)
{
	struct command *command = worker->command;
	int error = raise_limit();

	/* Files get the modes that are asked for: cutting them by the user's mask is the business of subcommands. */
	fs_image.call(SYS_umask, 0, 0, 0, 0, 0, 0);
	for (unsigned int i = 0; i < command->image_count && !error; i++) {
		error = attach(worker, &command->images[i]);
		if (!error && list_partitions(worker, i) > 0)
			return NOTHING_TO_DO;
		if (!error && !command->sub->unmounted)
			error = mount_one(worker, i);
	}
	if (!error)
		error = layers_mount(worker);
	return error ? error : at_mount(worker);
}

static void unmount_all(struct worker *worker)
{
	/* From here on nothing is to be interrupted any more. */
	main_thread = NULL;
	atomic_store(&shared->stopping, 1);
	at_unmount(worker);
	layers_unmount(worker);
	while (worker->mounted) {
		struct image *image = &worker->command->images[--worker->mounted];

		if (image->writable && image->root >= 0)
			image_unmount(worker, image, worker->mounted);
	}
}

void worker_work(struct worker *worker)
{
	int error = worker->command->sub->work(worker);

	if (error && error != -EINTR && error != -EPIPE && !worker->report.outcome)
		report_error(&worker->report, NULL, "%s", report_errno(error));
	accounts_forget();
}

static void work(struct worker *worker, const struct kernel_files *files, unsigned int layers)
{
	int error = prepare(worker, files, layers);

	if (!error) {
		main_thread = rumpus_thread_self();
		take_signals(true);
		error = mount_all(worker);
		if (!error)
			worker_work(worker);
		else if (error != NOTHING_TO_DO && !(worker->report.outcome & OUTCOME_FAILED) && !stop_requested())
			report_error(&worker->report, NULL, "%s", report_errno(error));
		unmount_all(worker);
	}
	if (stop_requested())
		worker->report.outcome |= OUTCOME_STOPPED;
}

int worker_main(struct command *command, int socket, const struct kernel_files *files, struct shared *memory,
		mode_t mask, unsigned int layers)
{
	struct worker worker = {
		.command = command,
		.shared = memory,
		.report = { .say = say },
		.stdout_fd = worker_takes_stdout(command) ? STDOUT_FILENO : -1,
		.umask = mask,
	};

	shared = memory;
	worker.report.arg = &worker;
	if (wire_init(&worker.wire, socket))
		return EXIT_PROBLEM;
	work(&worker, files, layers);
	/* Neither halt nor free: the end of the process does both at once. */
	if (!wire_begin(&worker.wire, WIRE_FINISH, 8)) {
		wire_put_u32(&worker.wire, worker.report.outcome);
		wire_end(&worker.wire, -1);
		while (wire_flush(&worker.wire) == -EINTR)
			continue;
	}
	return EXIT_DONE;
}

long worker_open(const struct image *image, const char *path, int flags)
{
	const struct open_how how = { .flags = (uint64_t)(unsigned int)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return fs_openat2(&fs_image, image->root, path, &how);
}

long worker_create(const struct image *image, const char *path, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CREAT | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT,
	};
	long fd = fs_openat2(&fs_image, image->root, path, &how), error;

	if (fd < 0)
		return fd;
	/* The umask of a kernel's first process would take bits away. */
	error = fs_fchmod(&fs_image, (int)fd, mode);
	if (error)
		fs_close(&fs_image, (int)fd);
	return error ? error : fd;
}

int worker_failed(struct worker *worker, const char *text, const char *what, long error)
{
	if (error == -EINTR && stop_requested())
		return -EINTR;
	report_error(&worker->report, text, "%s: %s", what, report_errno(error));
	return tree_fatal(error) ? (int)error : 0;
}

long worker_open_parent(const struct image *image, const char *path, char *last)
{
	size_t length = strlen(path), start;
	char *parent;
	long fd;

	while (length && path[length - 1] == '/')
		length--;
	for (start = length; start && path[start - 1] != '/'; start--)
		continue;
	if (length - start > FS_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(last, path + start, length - start);
	last[length - start] = 0;
	if (!fs_name_is_entry(last)) {
		strcpy(last, ".");
		return worker_open(image, path, O_PATH | O_DIRECTORY);
	}
	parent = strndup(path, start);
	if (!parent)
		return -ENOMEM;
	fd = worker_open(image, *parent ? parent : "/", O_PATH | O_DIRECTORY);
	free(parent);
	return fd;
}
