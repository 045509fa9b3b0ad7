// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: FUSE connections of the host */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connection.h"
#include "registry.h"

/* Milliseconds that unmounting may take: the host writes back what was mapped. */
#define PATIENCE 60000

char *connection_dir(const char *path)
{
	char *whole = realpath(path, NULL), *copy, *parent, *name, *result = NULL;

	/* Looking at a mount whose server has gone fails; its parent is on a file system that works. */
	if (whole || errno != ENOTCONN)
		return whole;
	copy = strdup(path);
	name = copy ? strdup(basename(copy)) : NULL;
	free(copy);
	copy = strdup(path);
	parent = copy ? realpath(dirname(copy), NULL) : NULL;
	if (parent && name && asprintf(&result, "%s%s%s", parent, strcmp(parent, "/") ? "/" : "", name) < 0)
		result = NULL;
	free(parent);
	free(name);
	free(copy);
	return result;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	while (dir && empty && (entry = readdir(dir)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

static int check_free(struct report *report, const char *dir)
{
	if (!connection_find(dir))
		return 0;
	report_error(report, dir,
		     "is a mount of rumpus already; end it with \"rumpus umount\", or choose another");
	return -EBUSY;
}

int connection_check(struct report *report, const char *dir, bool nonempty)
{
	struct stat st, above;
	char *parent;

	if (check_free(report, dir))
		return -EBUSY;
	if (stat(dir, &st)) {
		report_error(report, dir, errno == ENOENT ? "no such directory; make it with mkdir" : "%s",
			     report_errno(-errno));
		return -ENOENT;
	}
	if (!S_ISDIR(st.st_mode)) {
		report_error(report, dir, "is not a directory; give one to mount at");
		return -ENOTDIR;
	}
	if (geteuid() && (access(dir, W_OK) || ((st.st_mode & S_ISVTX) && st.st_uid != geteuid()))) {
		report_error(report, dir, "belongs to another user; choose a directory of your own");
		return -EACCES;
	}
	if (asprintf(&parent, "%s/..", dir) < 0)
		return -ENOMEM;
	if (!stat(parent, &above) && above.st_dev != st.st_dev && !nonempty) {
		report_error(report, dir, "is a mount point already; unmount it, or add -o nonempty to mount over it");
		free(parent);
		return -EBUSY;
	}
	free(parent);
	if (!nonempty && !is_empty(dir)) {
		report_error(report, dir, "is not empty; choose another, or add -o nonempty to hide what is there");
		return -ENOTEMPTY;
	}
	return 0;
}

/* ---- the host's table ---- */

/* A field of mountinfo: blanks and the like are written as \ooo. */
static void unescape(char *to, size_t size, const char *from)
{
	size_t used = 0;

	for (; *from && used < size - 1; used++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			to[used] = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			to[used] = *from++;
		}
	}
	to[used] = 0;
}

/* "36 35 0:45 / /dir rw,nosuid shared:1 - fuse.rumpus source rw,user_id=0". Return: is it one of ours? */
static bool parse(char *line, struct connection_entry *entry)
{
	char *words[6], *rest = strstr(line, " - "), *type, *source;

	if (!rest)
		return false;
	*rest = 0;
	rest += 3;
	type = strsep(&rest, " ");
	source = strsep(&rest, " ");
	if (strcmp(type, CONNECTION_TYPE) || !source || !rest)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		words[i] = strsep(&line, " ");
		if (!words[i])
			return false;
	}
	entry->id = atoi(words[0]);
	unescape(entry->dir, sizeof(entry->dir), words[4]);
	unescape(entry->source, sizeof(entry->source), source);
	snprintf(entry->options, sizeof(entry->options), "%s,%s", words[5], rest);
	entry->options[strcspn(entry->options, "\n")] = 0;
	return true;
}

int connection_list(int (*take)(void *arg, const struct connection_entry *entry), void *arg)
{
	FILE *table = fopen("/proc/self/mountinfo", "re");
	struct connection_entry *entry = malloc(sizeof(*entry));
	char *line = NULL;
	size_t room = 0;
	int result = table && entry ? 0 : -ENOMEM;

	while (!result && getline(&line, &room, table) > 0) {
		if (parse(line, entry))
			result = take(arg, entry);
	}
	free(line);
	free(entry);
	if (table)
		fclose(table);
	return result;
}

struct search {
	const char *dir;
	int id;
};

static int compare(void *arg, const struct connection_entry *entry)
{
	struct search *search = arg;

	/* The last one counts: it lies over the others. */
	if (!strcmp(entry->dir, search->dir))
		search->id = entry->id;
	return 0;
}

int connection_find(const char *dir)
{
	struct search search = { .dir = dir };

	return connection_list(compare, &search) ? 0 : search.id;
}

/* ---- what is done in a child: it may block, and it may be another program ---- */

/**
 * struct job - for a child
 * @run:  in it; what it writes to standard error is what it says. Return: exit status
 * @comm: socket that it inherits, or -1
 */
struct job {
	int (*run)(const struct job *job);
	const struct connection *connection;
	bool lazy;
	int comm;
};

static void start_job(const struct job *job, int said)
{
	int fd = open("/dev/null", O_RDWR);

	/* As it was for the user who started us: the supervisor's signals are no business of a child. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	setenv("LC_ALL", "C", 1);
	_exit(job->run(job));
}

/* Reads what the child says until it has ended or @PATIENCE is over. Return: false when it is */
static bool listen_to(int fd, char *said, size_t size)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t used = 0;
	char rest[256];

	*said = 0;
	for (;;) {
		int ready = poll(&poll_fd, 1, PATIENCE);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		n = used < size - 1 ? read(fd, said + used, size - 1 - used) : read(fd, rest, sizeof(rest));
		if (n <= 0)
			return true;
		if (used < size - 1) {
			used += (size_t)n;
			said[used] = 0;
			said[strcspn(said, "\n")] = 0;
		}
	}
}

/* Return: exit status of the child; a negative errno */
static int do_job(const struct job *job, char *said, size_t size)
{
	int pipes[2], status;
	bool ended;
	pid_t pid;

	*said = 0;
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		start_job(job, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -EAGAIN;
	}
	ended = listen_to(pipes[0], said, size);
	close(pipes[0]);
	if (!ended) {
		kill(pid, SIGKILL);
		snprintf(said, size, "it takes longer than %d seconds", PATIENCE / 1000);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!ended)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static void run_fusermount(char *const argv[])
{
	execvp("fusermount3", argv);
	dprintf(STDERR_FILENO, "fusermount3 cannot be run: %s; install the package fuse3\n", strerror(errno));
}

/* ---- mounting ---- */

static int explain_device(struct report *report)
{
	int error = errno;

	report_error(report, "/dev/fuse",
		     "cannot be opened: %s; the host needs its module \"fuse\", a container the device",
		     report_errno(-error));
	return -error;
}

static int mount_as_root(struct report *report, const struct connection *connection)
{
	char options[160];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return explain_device(report);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions%s", fd,
		 getuid(), getgid(), connection->private ? "" : ",allow_other");
	if (mount(connection->source, connection->dir, CONNECTION_TYPE, connection->flags, options)) {
		int error = errno;

		report_error(report, connection->dir, "cannot be mounted at: %s%s", report_errno(-error),
			     error == EPERM ? "; a container needs CAP_SYS_ADMIN for that, or fusermount3 and a user"
					    : "");
		close(fd);
		return -error;
	}
	return fd;
}

/* The list for fusermount3; a comma in the name would end it. */
static void fusermount_options(const struct connection *connection, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s,nosuid,nodev%s%s,default_permissions,subtype=rumpus,fsname=",
				       connection->flags & MS_RDONLY ? "ro" : "rw",
				       connection->flags & MS_NOEXEC ? ",noexec" : "",
				       connection->private ? "" : ",allow_other");

	for (const char *from = connection->source; *from && used < size - 3; from++) {
		if (*from == ',' || *from == '\\')
			text[used++] = '\\';
		text[used++] = *from;
	}
	text[used] = 0;
}

static int run_mount(const struct job *job)
{
	char options[2 * PATH_MAX + 256], number[16];
	char *argv[] = { (char[]){ "fusermount3" },
			 (char[]){ "-o" },
			 options,
			 (char[]){ "--" },
			 (char *)job->connection->dir,
			 NULL };

	fusermount_options(job->connection, options, sizeof(options));
	snprintf(number, sizeof(number), "%d", job->comm);
	setenv("_FUSE_COMMFD", number, 1);
	fcntl(job->comm, F_SETFD, 0);
	run_fusermount(argv);
	return 127;
}

static int receive_device(int socket)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	const struct cmsghdr *header;
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0)
		return -ENOTCONN;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* What helps, of what fusermount3 may say; the rest explains itself. */
static const char *remedy(const char *said)
{
	if (strstr(said, "mount failed: Operation not permitted"))
		return "; is it set-user-ID root, and may such programs be used here (nosuid, no_new_privs)?";
	if (strstr(said, "/dev/fuse: Permission denied"))
		return "; let all users open it, as udev does: chmod 666 /dev/fuse";
	if (strstr(said, "could not determine username"))
		return "; it wants this user in /etc/passwd";
	return "";
}

static int mount_as_user(struct report *report, const struct connection *connection)
{
	struct job job = { .run = run_mount, .connection = connection };
	int sockets[2], status, fd;
	char said[512];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	job.comm = sockets[0];
	status = do_job(&job, said, sizeof(said));
	close(sockets[0]);
	fd = status ? -EIO : receive_device(sockets[1]);
	close(sockets[1]);
	if (fd < 0)
		report_error(report, connection->dir, "cannot be mounted at: %s%s", *said ? said : report_errno(fd),
			     remedy(said));
	return fd;
}

int connection_make(struct report *report, struct connection *connection)
{
	/* Somebody may have been faster since it was checked; of several at once, none may take another's mount for its own. */
	int lock = registry_lock(), fd = check_free(report, connection->dir);

	if (!fd)
		fd = geteuid() ? mount_as_user(report, connection) : mount_as_root(report, connection);
	if (fd >= 0)
		connection->id = connection_find(connection->dir);
	if (lock >= 0)
		close(lock);
	return fd;
}

/* ---- unmounting ---- */

static int run_umount(const struct job *job)
{
	char *argv[] = { (char[]){ "fusermount3" }, (char[]){ "-u" }, job->lazy ? (char[]){ "-z" } : (char[]){ "--" },
			 (char *)job->connection->dir, NULL };

	if (geteuid()) {
		run_fusermount(argv);
		return 127;
	}
	if (!umount2(job->connection->dir, UMOUNT_NOFOLLOW | (job->lazy ? MNT_DETACH : 0)))
		return 0;
	dprintf(STDERR_FILENO, "%s\n", strerror(errno));
	return 1;
}

int connection_end(const char *dir, bool lazy, char *why, size_t size)
{
	const struct connection connection = { .dir = dir };
	const struct job job = { .run = run_umount, .connection = &connection, .lazy = lazy, .comm = -1 };
	int status = do_job(&job, why, size);

	if (status <= 0)
		return status;
	return strstr(why, "busy") ? -EBUSY : -EIO;
}
