// SPDX-License-Identifier: BSD-2-Clause
/* FUSE server: the session and its threads */
#include <errno.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* Has a thread's read of the device return; the handler does nothing. */
#define WAKE SIGUSR2
/* Nanoseconds between two attempts to wake those that were about to read. */
#define WAKE_AGAIN 1000000
/* Requests of read-ahead and write-back that may wait in here. */
#define BACKGROUND 64

static __thread struct {
	void *data;
	size_t size;
} buffer;

void *server_buffer(size_t size)
{
	if (size > buffer.size || !buffer.data) {
		void *data = realloc(buffer.data, size + !size);

		if (!data)
			return NULL;
		buffer.data = data;
		buffer.size = size + !size;
	}
	return buffer.data;
}

static void init(void *userdata, struct fuse_conn_info *conn)
{
	struct fuse_server *server = userdata;

	/* New modes are made from mask and inherited lists by the file system; the client must not cut them before. */
	conn->want |= conn->capable & (FUSE_CAP_DONT_MASK | FUSE_CAP_POSIX_ACL | FUSE_CAP_CACHE_SYMLINKS |
				       FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_EXPORT_SUPPORT);
	/* Nobody else changes a file, so its contents need not be dropped. For set-id bits see setid.c. */
	conn->want &= ~(unsigned int)(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_HANDLE_KILLPRIV);
	conn->max_write = FUSE_REQUEST_MAX;
	conn->max_background = BACKGROUND;
	conn->congestion_threshold = BACKGROUND * 3 / 4;
	conn->time_gran = 1;
	server->config.ready(server->config.arg);
}

static ssize_t io_read(int fd, void *data, size_t size, void *userdata)
{
	return read(fd, data, size);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* All replies come through here: what they say is counted. */
ssize_t server_write(int fd, struct iovec *iov, int pieces, void *userdata)
{
	struct fuse_server *server = userdata;
	const struct fuse_out_header *header = iov->iov_base;
	struct fuse_count *counts = server->config.count;

	count(&counts->requests);
	if (header->error == -EIO || header->error == -EUCLEAN || header->error == -EBADMSG)
		count(&counts->errors);
	setid_accept(server, iov, pieces);
	return writev(fd, iov, pieces);
}

/* The library's own would write to a descriptor that is not open, or is something else. */
static void discard_log(enum fuse_log_level level, const char *format, va_list args)
{
}

static void handle_wake(int signal)
{
}

static void serve(struct fuse_server *server)
{
	struct fuse_buf request = { 0 };

	readers_join(server);
	while (!atomic_load(&server->stop) && !fuse_session_exited(server->session)) {
		int n;

		if (!readers_turn(server))
			continue;
		n = fuse_session_receive_buf(server->session, &request);
		readers_took(server);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		count(&server->config.count->taken);
		vnode_begin();
		if (!extra_serve(server, &request))
			fuse_session_process_buf(server->session, &request);
		vnode_end();
		readers_done();
		count(&server->config.count->done);
	}
	readers_leave(server);
	free(request.mem);
	free(buffer.data);
}

static void *thread_main(void *arg)
{
	struct fuse_server *server = arg;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, WAKE);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	/* Without a place in the kernel a thread serves nobody; those that have one go on. */
	if (!vnode_attach())
		serve(server);
	atomic_store_explicit(&server->config.count->nodes, vnode_count(), memory_order_relaxed);
	if (atomic_fetch_sub(&server->running, 1) == 1)
		server->config.ended(server->config.arg);
	return NULL;
}

static int start_threads(struct fuse_server *server)
{
	struct sigaction action = { .sa_handler = handle_wake };

	if (sigaction(WAKE, &action, NULL))
		return -errno;
	server->running = server->config.threads;
	for (unsigned int i = 0; i < server->config.threads; i++) {
		int error = pthread_create(&server->threads[i], NULL, thread_main, server);

		if (error) {
			atomic_fetch_sub(&server->running, server->config.threads - i);
			return i ? 0 : -error;
		}
		server->thread_count++;
	}
	return 0;
}

static int open_session(struct fuse_server *server)
{
	const struct fuse_custom_io io = { .read = io_read, .writev = server_write };
	struct fuse_lowlevel_ops ops = { .init = init };
	char *argv[] = { (char[]){ "rumpus" }, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int error;

	fuse_set_log_func(discard_log);
	ops_node_fill(&ops);
	ops_entry_fill(&ops);
	ops_file_fill(&ops);
	ops_dir_fill(&ops);
	ops_xattr_fill(&ops);
	server->session = fuse_session_new(&args, &ops, sizeof(ops), server);
	if (!server->session)
		return -ENOMEM;
	error = fuse_session_custom_io(server->session, &io, server->config.device);
	if (error) {
		fuse_session_destroy(server->session);
		server->session = NULL;
	}
	return error;
}

static void destroy(struct fuse_server *server)
{
	if (server->session)
		fuse_session_destroy(server->session); /* closes the device */
	else
		close(server->config.device);
	if (server->root)
		vnode_stop();
	readers_destroy(&server->readers);
	free(server);
}

int fuse_server_start(const struct fuse_server_config *config, struct fuse_server **out)
{
	struct fuse_server *server = calloc(1, sizeof(*server) + config->threads * sizeof(*server->threads));
	int error;

	if (!server) {
		close(config->device);
		return -ENOMEM;
	}
	server->config = *config;
	error = readers_init(&server->readers);
	if (!error)
		error = open_session(server);
	if (!error)
		error = vnode_start(config->kernel, config->root, &server->root);
	if (!error)
		error = start_threads(server);
	if (error) {
		destroy(server);
		return error;
	}
	*out = server;
	return 0;
}

void fuse_server_stop(struct fuse_server *server)
{
	const struct timespec pause = { .tv_nsec = WAKE_AGAIN };

	atomic_store(&server->stop, true);
	while (atomic_load(&server->running)) {
		for (unsigned int i = 0; i < server->thread_count; i++)
			pthread_kill(server->threads[i], WAKE);
		nanosleep(&pause, NULL);
	}
	for (unsigned int i = 0; i < server->thread_count; i++)
		pthread_join(server->threads[i], NULL);
	destroy(server);
}
