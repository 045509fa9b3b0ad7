// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "slirp": a network that libslirp makes of the host's sockets, without any privilege
 *
 * The library is not safe for threads; all of it runs on one of ours, which sleeps in poll(2) on its sockets and on a
 * descriptor that says that there is something to send. It is loaded when the first device is opened, since it brings
 * GLib, which nobody else wants in the process.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <slirp/libslirp.h>

#include "../thread.h"
#include "inbox.h"

#define LIBRARY "libslirp.so.0"
#define MTU_MAX 65520U /* of the library, less one */
#define FORWARDS_MAX 32
#define NOTHING_TO_DO 1000U /* milliseconds that the library sleeps at most: what it says when it has no time-outs */

/* The library's functions */
static struct {
	__typeof__(slirp_new) *new;
	__typeof__(slirp_cleanup) *cleanup;
	__typeof__(slirp_input) *input;
	__typeof__(slirp_pollfds_fill) *fill;
	__typeof__(slirp_pollfds_poll) *poll;
	__typeof__(slirp_add_hostfwd) *add_hostfwd;
} library;
static pthread_mutex_t library_lock = PTHREAD_MUTEX_INITIALIZER; /* guards its loading */

/** struct timer - of the library's: @fn(@arg) is due at @when, in milliseconds; -1: it is not set */
struct timer {
	SlirpTimerCb fn;
	void *arg;
	int64_t when;
	LIST_ENTRY(timer) link;
};

/**
 * struct slirp - the device
 * @device:  towards the user
 * @inbox:   frames for it
 * @slirp:   the library's; used by @thread alone
 * @thread:  runs the library
 * @event:   descriptor that wakes it
 * @lock:    guards @sending, @asleep, @stop, @busy
 * @sending: frames that it has not looked at yet
 * @asleep:  it does not look at @sending before it is woken
 * @stop:    it ends
 * @busy:    it has taken frames off @sending; the user does not detach meanwhile
 * @idle:    signalled when @busy has changed
 * @timers:  of the library's
 * @fds, @count, @room: descriptors to wait for
 * @bytes:   a frame in one piece
 */
struct slirp {
	struct net_device device;
	struct net_inbox inbox;
	Slirp *slirp;
	pthread_t thread;
	int event;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	struct net_list sending;
	bool asleep;
	bool stop;
	bool busy;
	LIST_HEAD(, timer) timers;
	struct pollfd *fds;
	unsigned int count;
	unsigned int room;
	unsigned char bytes[NET_MAX_FRAME];
};

/* ---- what the library calls ---- */

static ssize_t send_packet(const void *bytes, size_t size, void *opaque)
{
	struct slirp *slirp = opaque;
	struct net_inbox_frame *frame = net_inbox_new((uint32_t)size);

	if (frame) {
		memcpy(frame->bytes, bytes, size);
		net_inbox_put(&slirp->inbox, &slirp->device, 0, frame);
	} else {
		atomic_fetch_add(&slirp->device.stats.received_dropped, 1);
	}
	return (ssize_t)size;
}

static void guest_error(const char *message, void *opaque)
{
	atomic_fetch_add(&((struct slirp *)opaque)->device.stats.sent_dropped, 1);
}

static int64_t clock_get_ns(void *opaque)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void *timer_new(SlirpTimerCb fn, void *arg, void *opaque)
{
	struct slirp *slirp = opaque;
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		abort(); /* as the library does without memory */
	timer->fn = fn;
	timer->arg = arg;
	timer->when = -1;
	LIST_INSERT_HEAD(&slirp->timers, timer, link);
	return timer;
}

static void timer_free(void *timer, void *opaque)
{
	LIST_REMOVE((struct timer *)timer, link);
	free(timer);
}

static void timer_mod(void *timer, int64_t when, void *opaque)
{
	((struct timer *)timer)->when = when;
}

static void ignore_fd(int fd, void *opaque)
{
}

static void ignore_notice(void *opaque)
{
	/* Comes on our thread, which looks at everything before it sleeps. */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = ignore_fd,
	.unregister_poll_fd = ignore_fd,
	.notify = ignore_notice,
};

static const struct {
	int theirs;
	short ours;
} event_names[] = {
	{ SLIRP_POLL_IN, POLLIN },   { SLIRP_POLL_OUT, POLLOUT }, { SLIRP_POLL_PRI, POLLPRI },
	{ SLIRP_POLL_ERR, POLLERR }, { SLIRP_POLL_HUP, POLLHUP },
};

static int add_poll(int fd, int events, void *opaque)
{
	struct slirp *slirp = opaque;
	struct pollfd *entry;
	unsigned int i;

	if (slirp->count == slirp->room) {
		struct pollfd *more = realloc(slirp->fds, 2 * slirp->room * sizeof(*more));

		if (!more)
			return -1;
		slirp->fds = more;
		slirp->room *= 2;
	}
	entry = &slirp->fds[slirp->count];
	*entry = (struct pollfd){ .fd = fd };
	for (i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++)
		if (events & event_names[i].theirs)
			entry->events |= event_names[i].ours;
	return (int)slirp->count++;
}

static int get_revents(int index, void *opaque)
{
	struct slirp *slirp = opaque;
	int events = 0;
	unsigned int i;

	for (i = 0; index >= 0 && i < sizeof(event_names) / sizeof(event_names[0]); i++)
		if (slirp->fds[index].revents & event_names[i].ours)
			events |= event_names[i].theirs;
	return events;
}

/* ---- the thread ---- */

static void send_frame(struct slirp *slirp, struct hyp_net_frame *frame)
{
	const void *bytes = frame->iov[0].base;

	if (frame->iovcnt > 1) {
		net_gather(frame, slirp->bytes, frame->length);
		bytes = slirp->bytes;
	}
	library.input(slirp->slirp, bytes, (int)frame->length);
	net_count_sent(&slirp->device, 1, frame->length);
	frame->status = 0;
}

/* Return: false when the thread is to end. Without anything to send it says that it sleeps. */
static bool send_all(struct slirp *slirp)
{
	struct hyp_net_frame *frame, *list;
	bool stop;

	for (;;) {
		pthread_mutex_lock(&slirp->lock);
		list = slirp->sending.head;
		slirp->sending.head = NULL;
		slirp->busy = list;
		slirp->asleep = !list;
		stop = slirp->stop;
		pthread_cond_broadcast(&slirp->idle);
		pthread_mutex_unlock(&slirp->lock);
		if (!list)
			return !stop;
		for (frame = list; frame; frame = frame->next)
			send_frame(slirp, frame);
		net_sent(&slirp->device, 0, list);
	}
}

static int run_timers(struct slirp *slirp)
{
	int64_t now = clock_get_ns(NULL) / 1000000, next = INT64_MAX;
	struct timer *timer;

	for (timer = LIST_FIRST(&slirp->timers); timer;) {
		if (timer->when >= 0 && timer->when <= now) {
			timer->when = -1;
			timer->fn(timer->arg);
			/* It may have changed the list. */
			timer = LIST_FIRST(&slirp->timers);
			continue;
		}
		if (timer->when >= 0 && timer->when < next)
			next = timer->when;
		timer = LIST_NEXT(timer, link);
	}
	if (next == INT64_MAX)
		return -1;
	return next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
}

/* What woke us is looked at before we sleep again. */
static void clear_event(const struct slirp *slirp)
{
	uint64_t events;

	while (read(slirp->event, &events, sizeof(events)) < 0 && errno == EINTR)
		;
}

/* What to wait for, and how long: the library shortens it when it has something to do, but to a second in any case. */
static int fill(struct slirp *slirp)
{
	uint32_t own = (uint32_t)run_timers(slirp), timeout = own;

	slirp->count = 0;
	add_poll(slirp->event, SLIRP_POLL_IN, slirp);
	library.fill(slirp->slirp, &timeout, add_poll, slirp);
	if (timeout == NOTHING_TO_DO)
		timeout = own;
	return timeout > INT32_MAX ? -1 : (int)timeout;
}

static void *slirp_main(void *arg)
{
	struct slirp *slirp = arg;

	while (send_all(slirp)) {
		int timeout = fill(slirp), n;

		n = poll(slirp->fds, slirp->count, timeout);
		pthread_mutex_lock(&slirp->lock);
		slirp->asleep = false;
		pthread_mutex_unlock(&slirp->lock);
		if (n > 0 && slirp->fds[0].revents)
			clear_event(slirp);
		library.poll(slirp->slirp, n < 0, get_revents, slirp);
	}
	return NULL;
}

/* With the lock */
static void wake(struct slirp *slirp)
{
	static const uint64_t one = 1;

	if (!slirp->asleep)
		return;
	slirp->asleep = false;
	while (write(slirp->event, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* ---- what the user calls ---- */

static int attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct slirp *slirp = (struct slirp *)net;
	int error = net_attach(net, upcalls, cookie);

	if (!error)
		net_inbox_open(&slirp->inbox);
	return error;
}

static void detach(struct hyp_net *net)
{
	struct slirp *slirp = (struct slirp *)net;
	struct net_list done = { 0 };

	net_inbox_close(&slirp->inbox, &slirp->device);
	pthread_mutex_lock(&slirp->lock);
	net_end_all(&done, &slirp->sending, -HYP_ESHUTDOWN);
	while (slirp->busy)
		pthread_cond_wait(&slirp->idle, &slirp->lock);
	pthread_mutex_unlock(&slirp->lock);
	net_sent(&slirp->device, 0, done.head);
	net_detach(net);
}

static void device_send(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *batch)
{
	struct slirp *slirp = (struct slirp *)net;
	struct net_list done = { 0 };
	struct hyp_net_frame *next;
	int saved = errno;

	pthread_mutex_lock(&slirp->lock);
	for (; batch; batch = next) {
		int error = net_check(&net->info, batch);

		next = batch->next;
		if (error)
			net_list_end(&done, batch, error);
		else
			net_list_add(&slirp->sending, batch);
	}
	if (slirp->sending.head)
		wake(slirp);
	pthread_mutex_unlock(&slirp->lock);
	net_sent(&slirp->device, queue, done.head);
	errno = saved;
}

static uint32_t device_receive(struct hyp_net *net, uint32_t queue, struct hyp_net_frame *room)
{
	struct slirp *slirp = (struct slirp *)net;

	return net_inbox_receive(&slirp->inbox, &slirp->device, room);
}

static bool device_link(struct hyp_net *net)
{
	return true;
}

static int describe(const struct hyp_net *net, char *buf, size_t size)
{
	return snprintf(buf, size, "slirp, the host is 10.0.2.2");
}

/* Also undoes what an opening that failed had come to: @thread runs */
static void device_close(struct hyp_net *net)
{
	struct slirp *slirp = (struct slirp *)net;

	pthread_mutex_lock(&slirp->lock);
	slirp->stop = true;
	wake(slirp);
	pthread_mutex_unlock(&slirp->lock);
	pthread_join(slirp->thread, NULL);
	library.cleanup(slirp->slirp);
	close(slirp->event);
	net_inbox_destroy(&slirp->inbox);
	pthread_cond_destroy(&slirp->idle);
	pthread_mutex_destroy(&slirp->lock);
	free(slirp->fds);
	free(slirp);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "slirp",
	.attach = attach,
	.detach = detach,
	.send = device_send,
	.receive = device_receive,
	.link = device_link,
	.stats = net_stats,
	.describe = describe,
	.close = device_close,
};

/* ---- opening ---- */

static bool load_functions(void *handle)
{
	library.cleanup = (__typeof__(library.cleanup))dlsym(handle, "slirp_cleanup");
	library.input = (__typeof__(library.input))dlsym(handle, "slirp_input");
	library.fill = (__typeof__(library.fill))dlsym(handle, "slirp_pollfds_fill");
	library.poll = (__typeof__(library.poll))dlsym(handle, "slirp_pollfds_poll");
	library.add_hostfwd = (__typeof__(library.add_hostfwd))dlsym(handle, "slirp_add_hostfwd");
	library.new = (__typeof__(library.new))dlsym(handle, "slirp_new");
	return library.cleanup && library.input && library.fill && library.poll && library.add_hostfwd && library.new;
}

/* Once loaded, it stays: GLib cannot be unloaded. */
static int load_library(struct io_spec *spec)
{
	static bool loaded;
	int error = 0;

	pthread_mutex_lock(&library_lock);
	if (!loaded) {
		void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

		loaded = handle && load_functions(handle);
		if (!loaded)
			error = io_fail(spec, -HYP_ENOENT,
					"slirp: " LIBRARY " is missing: install the package libslirp0");
	}
	pthread_mutex_unlock(&library_lock);
	return error;
}

static int read_config(struct io_spec *spec, struct slirp *slirp, SlirpConfig *config)
{
	struct hyp_net_info *info = &slirp->device.net.info;
	bool v6 = true, loopback = true, isolated = false;
	int error;

	info->max_mtu = MTU_MAX;
	info->mtu = MTU_MAX;
	error = net_info_read(spec, NULL, info);
	if (!error)
		error = io_option_bool(spec, "ipv6", &v6);
	if (!error)
		error = io_option_bool(spec, "loopback", &loopback);
	if (!error)
		error = io_option_bool(spec, "isolated", &isolated);
	if (error)
		return error;
	*config = (SlirpConfig){
		.version = 1,
		.restricted = isolated,
		.in_enabled = true,
		.in6_enabled = v6,
		.vprefix_len = 64,
		.if_mtu = info->mtu,
		.if_mru = info->mtu,
		.disable_host_loopback = !loopback,
	};
	inet_pton(AF_INET, "10.0.2.0", &config->vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &config->vnetmask);
	inet_pton(AF_INET, "10.0.2.2", &config->vhost);
	inet_pton(AF_INET, "10.0.2.3", &config->vnameserver);
	inet_pton(AF_INET, "10.0.2.15", &config->vdhcp_start);
	inet_pton(AF_INET6, "fec0::", &config->vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &config->vhost6);
	inet_pton(AF_INET6, "fec0::3", &config->vnameserver6);
	return 0;
}

/** struct forward - a port of the host's that leads inside */
struct forward {
	bool udp;
	struct in_addr host, guest;
	unsigned int host_port, guest_port;
};

static bool parse_end(char *text, const char *otherwise, struct in_addr *address, unsigned int *port)
{
	char *colon = strrchr(text, ':'), *end;
	unsigned long number;

	if (!colon)
		return false;
	*colon = '\0';
	number = strtoul(colon + 1, &end, 10);
	*port = (unsigned int)number;
	return end != colon + 1 && !*end && number && number < 65536 &&
	       inet_pton(AF_INET, *text ? text : otherwise, address) == 1;
}

/* "tcp:127.0.0.1:8080-10.0.2.15:80"; either address may be left out */
static bool parse_forward(char *text, struct forward *forward)
{
	char *dash = strchr(text, '-');

	forward->udp = !strncmp(text, "udp:", 4);
	if (!dash || (!forward->udp && strncmp(text, "tcp:", 4)))
		return false;
	*dash = '\0';
	return parse_end(text + 4, "127.0.0.1", &forward->host, &forward->host_port) &&
	       parse_end(dash + 1, "10.0.2.15", &forward->guest, &forward->guest_port);
}

static int add_forward(struct io_spec *spec, struct slirp *slirp, const char *text)
{
	struct forward forward;
	char copy[96];

	snprintf(copy, sizeof(copy), "%s", text);
	if (!parse_forward(copy, &forward))
		return io_fail(spec, -HYP_EINVAL, "slirp: \"%s\" is no port to forward; write tcp:127.0.0.1:8080-:80",
			       text);
	if (library.add_hostfwd(slirp->slirp, forward.udp, forward.host, (int)forward.host_port, forward.guest,
				(int)forward.guest_port))
		return io_fail(spec, errno == EADDRINUSE ? -HYP_EBUSY : -HYP_EACCES,
			       "slirp: %s: the port cannot be listened at: %s; take another one", text,
			       strerror(errno));
	return 0;
}

static int add_forwards(struct io_spec *spec, struct slirp *slirp)
{
	char *list = strdup(spec->rest), *text, *save = NULL;
	int error = list ? 0 : -HYP_ENOMEM;

	for (text = list ? strtok_r(list, ",", &save) : NULL; text && !error; text = strtok_r(NULL, ",", &save))
		error = add_forward(spec, slirp, text);
	free(list);
	return error;
}

static int start(struct io_spec *spec, struct slirp *slirp)
{
	int error;

	slirp->room = 64;
	slirp->fds = malloc(slirp->room * sizeof(*slirp->fds));
	slirp->event = slirp->fds ? io_descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) : -1;
	if (slirp->event < 0)
		return io_fail(spec, -HYP_ENOMEM, "slirp: no memory or no descriptor; raise ulimit -n");
	error = io_thread_create(&slirp->thread, "rumpus-slirp", slirp_main, slirp);
	if (!error)
		return 0;
	close(slirp->event);
	return io_threads_refused(spec, error, "slirp");
}

static int make(struct io_spec *spec, struct slirp *slirp)
{
	SlirpConfig config;
	int error = load_library(spec);

	if (!error)
		error = read_config(spec, slirp, &config);
	if (error)
		return error;
	slirp->slirp = library.new(&config, &callbacks, slirp);
	if (!slirp->slirp)
		return io_fail(spec, -HYP_EINVAL, "slirp: the library does not take this configuration");
	error = add_forwards(spec, slirp);
	if (!error)
		error = start(spec, slirp);
	if (error)
		library.cleanup(slirp->slirp);
	return error;
}

static int slirp_open(struct io_spec *spec, struct hyp_net **net)
{
	struct slirp *slirp = calloc(1, sizeof(*slirp));
	int error;

	if (!slirp)
		return io_fail(spec, -HYP_ENOMEM, "slirp: no memory");
	slirp->device.net.ops = &ops;
	LIST_INIT(&slirp->timers);
	net_inbox_init(&slirp->inbox);
	pthread_mutex_init(&slirp->lock, NULL);
	pthread_cond_init(&slirp->idle, NULL);
	error = make(spec, slirp);
	if (error) {
		net_inbox_destroy(&slirp->inbox);
		pthread_cond_destroy(&slirp->idle);
		pthread_mutex_destroy(&slirp->lock);
		free(slirp->fds);
		free(slirp);
		return error;
	}
	*net = &slirp->device.net;
	return 0;
}

static const char *const keys[] = { NET_KEYS, "ipv6", "loopback", "isolated", NULL };

extern const struct net_backend net_backend_slirp;
const struct net_backend net_backend_slirp = {
	.about = { .name = "slirp", .keys = keys, .help = "slirp: or slirp:tcp:127.0.0.1:8080-:80" },
	.open = slirp_open,
};
