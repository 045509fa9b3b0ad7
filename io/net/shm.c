// SPDX-License-Identifier: BSD-2-Clause
/*
 * Backend "shm": an Ethernet bus in a shared file, between any number of kernels in any number of processes
 *
 * A frame is copied into the ring from its sender to its receiver, and out of it. It goes to the member that its
 * address was seen at, else to all. A full ring holds up whoever sends to it: frames stay with the sender, as far as
 * those for others keep their share of the queue, and only until the receiver has done nothing for a while; then they
 * are lost, and so is what follows until there is room again. What goes to several is lost where there is no room.
 *
 * A device has a thread, which waits for its bell and tells the user of frames, sends what was held up, and looks who
 * is there when somebody comes or goes. Another one waits for the end of the next member, so that each is watched by
 * one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "../thread.h"
#include "shm_device.h"

/* A user that is told again within so many nanoseconds, so often in a row, and answers nothing, is told at intervals */
#define RAPID 20000U
#define RAPID_MANY 16U
/* Nanoseconds of such an interval, and how many may be empty */
#define POLL_INTERVAL 50000U
#define IDLE_MANY 2U

/* ---- who is there ---- */

static void *watch_main(void *arg)
{
	struct shm *shm = arg;

	shm_bus_await_end(&shm->bus, shm->watched);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	shm_bus_announce(&shm->bus);
	return NULL;
}

static void watch_nobody(struct shm *shm)
{
	if (shm->watched == SHM_NOBODY)
		return;
	pthread_cancel(shm->watcher);
	pthread_join(shm->watcher, NULL);
	shm_bus_forget(&shm->bus, shm->watched);
	shm->watched = SHM_NOBODY;
}

/* Watch the next one, so that of all members each is watched by another one, and none by many. */
static void watch(struct shm *shm, uint64_t live)
{
	uint64_t later = live & ~(shm_bit(shm->bus.place) - 1);

	watch_nobody(shm);
	if (!live)
		return;
	shm->watched = (unsigned int)__builtin_ctzll(later ? later : live);
	if (io_thread_create(&shm->watcher, "rumpus-shm-end", watch_main, shm))
		shm->watched = SHM_NOBODY;
}

/* With the lock of members */
static void look(struct shm *shm)
{
	uint64_t before = atomic_load(&shm->live), live;

	shm->epoch = atomic_load(&shm_bus_header(&shm->bus)->epoch);
	live = shm_bus_present(&shm->bus);
	atomic_store(&shm->live, live);
	watch(shm, live);
	if (!before != !live)
		net_link_changed(&shm->device);
}

static void look_again(struct shm *shm)
{
	_Atomic uint32_t *attached = &shm_bus_member(&shm->bus, shm->bus.place)->attached;

	pthread_mutex_lock(&shm->members);
	if (atomic_load(&shm->device.attached) && atomic_load(&shm_bus_header(&shm->bus)->epoch) != shm->epoch) {
		look(shm);
		/* Should somebody have written there that we are not */
		if (!atomic_exchange(attached, 1))
			shm_bus_announce(&shm->bus);
	}
	pthread_mutex_unlock(&shm->members);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * A sender that goes on and on, to a user that answers nothing, would ring for nearly every frame, since the user is
 * quicker than it: a system call here, two threads woken there. Then the thread looks by itself, as often as is still
 * soon, and senders ring only when many frames are waiting. Who answers wants to be quick, and is not waited for.
 */
static void moderate(struct shm_queue *queue, bool told)
{
	uint64_t time;

	if (!told)
		return;
	time = shm_nanoseconds();
	queue->rapid = time - queue->told < RAPID && !atomic_load(&queue->sent) ? queue->rapid + 1 : 0;
	queue->told = time;
	atomic_store(&queue->sent, false);
	if (queue->rapid == RAPID_MANY)
		atomic_store(&queue->polled, true);
}

/* Look at a queue that is polled, and let senders ring again when that was in vain, or the user answers. */
static void poll_queue(struct shm *shm, uint32_t index)
{
	struct shm_queue *queue = &shm->queues[index];

	queue->idle = shm_tell(shm, index) ? 0 : queue->idle + 1;
	if (queue->idle < IDLE_MANY && !atomic_load(&queue->sent))
		return;
	queue->idle = 0;
	queue->rapid = 0;
	/* The stores, then the look, as in shm_sleep() */
	atomic_store(&queue->polled, false);
	atomic_store(&shm_mailbox_of(shm, shm->bus.place, index)->armed, 1);
	shm_tell(shm, index);
}

/* Return: nanoseconds until this queue is to be looked at again */
static uint64_t serve_queue(struct shm *shm, uint32_t index)
{
	struct shm_queue *queue = &shm->queues[index];

	if (atomic_load(&queue->polled))
		poll_queue(shm, index);
	else
		moderate(queue, shm_tell(shm, index));
	return atomic_load(&queue->polled) ? POLL_INTERVAL : UINT64_MAX;
}

static void *bell_main(void *arg)
{
	struct shm *shm = arg;
	const _Atomic uint32_t *bell = &shm_bus_member(&shm->bus, shm->bus.place)->bell;
	uint64_t wait, soonest;
	uint32_t seen, i;

	/* The host would add as much again to an interval. */
	prctl(PR_SET_TIMERSLACK, 1000);
	for (;;) {
		seen = atomic_load(bell);
		if (atomic_load(&shm->stop))
			return NULL;
		look_again(shm);
		soonest = UINT64_MAX;
		for (i = 0; i < shm->device.net.info.queues; i++) {
			soonest = least(soonest, serve_queue(shm, i));
			wait = atomic_load(&shm->holding) ? shm_retry(shm, i) : UINT64_MAX;
			soonest = least(soonest, wait);
		}
		shm_bus_sleep(&shm->bus, seen, soonest);
	}
}

/* ---- the device ---- */

static int shm_attach(struct hyp_net *net, const struct hyp_net_upcalls *upcalls, void *cookie)
{
	struct shm *shm = (struct shm *)net;
	uint32_t i;
	int error;

	if (atomic_load(&shm->device.attached))
		return -HYP_EBUSY;
	for (i = 0; i < net->info.queues; i++)
		shm_drop(shm, i);
	error = net_attach(net, upcalls, cookie);
	if (error)
		return error;
	pthread_mutex_lock(&shm->members);
	atomic_store(&shm_bus_member(&shm->bus, shm->bus.place)->attached, 1);
	shm_bus_announce(&shm->bus);
	look(shm);
	pthread_mutex_unlock(&shm->members);
	for (i = 0; i < net->info.queues; i++)
		if (shm_sleep(shm, i))
			net_ready(&shm->device, i);
	return 0;
}

static void shm_detach(struct hyp_net *net)
{
	struct shm *shm = (struct shm *)net;
	uint32_t i;

	pthread_mutex_lock(&shm->members);
	atomic_store(&shm_bus_member(&shm->bus, shm->bus.place)->attached, 0);
	watch_nobody(shm);
	shm_bus_announce(&shm->bus);
	atomic_store(&shm->live, 0);
	for (i = 0; i < net->info.queues; i++) {
		shm_withdraw(shm, i);
		atomic_store(&shm_mailbox_of(shm, shm->bus.place, i)->armed, 0);
		shm_drop(shm, i);
	}
	net_detach(net);
	pthread_mutex_unlock(&shm->members);
}

static bool shm_link(struct hyp_net *net)
{
	return atomic_load(&((struct shm *)net)->live);
}

static int shm_describe(const struct hyp_net *net, char *buf, size_t size)
{
	const struct shm *shm = (const struct shm *)net;

	return snprintf(buf, size, "member %u of at most %u of a bus in shared memory, with %d others", shm->bus.place,
			shm->bus.geometry.members, __builtin_popcountll(atomic_load(&shm->live)));
}

static void free_queues(struct shm *shm)
{
	unsigned int i;

	for (i = 0; shm->queues && i < shm->bus.geometry.queues; i++) {
		pthread_mutex_destroy(&shm->queues[i].lock);
		free(shm->queues[i].out);
		free(shm->queues[i].in);
	}
	free(shm->queues);
}

static void shm_close(struct hyp_net *net)
{
	struct shm *shm = (struct shm *)net;

	atomic_store(&shm->stop, true);
	shm_bus_bell(&shm->bus, shm->bus.place);
	pthread_join(shm->thread, NULL);
	free_queues(shm);
	shm_bus_leave(&shm->bus);
	pthread_mutex_destroy(&shm->members);
	free(shm);
}

static const struct hyp_net_ops ops = {
	.version = HYP_NET_VERSION,
	.size = sizeof(ops),
	.name = "shm",
	.attach = shm_attach,
	.detach = shm_detach,
	.send = shm_send,
	.receive = shm_receive,
	.link = shm_link,
	.stats = net_stats,
	.describe = shm_describe,
	.close = shm_close,
};

/* ---- opening ---- */

static int make_queues(struct shm *shm)
{
	unsigned int members = shm->bus.geometry.members, self = shm->bus.place, i, j;

	shm->queues = calloc(shm->bus.geometry.queues, sizeof(*shm->queues));
	for (i = 0; shm->queues && i < shm->bus.geometry.queues; i++) {
		struct shm_queue *queue = &shm->queues[i];

		pthread_mutex_init(&queue->lock, NULL);
		queue->out = calloc(members, sizeof(*queue->out));
		queue->in = calloc(members, sizeof(*queue->in));
		for (j = 0; queue->out && queue->in && j < members; j++) {
			if (j == self)
				continue;
			shm_out_init(&queue->out[j].out, &shm->bus, shm_bus_ring(&shm->bus, self, j, i));
			shm_in_init(&queue->in[j], &shm->bus, shm_bus_ring(&shm->bus, j, self, i), j);
		}
		if (!queue->out || !queue->in)
			return -HYP_ENOMEM;
	}
	return shm->queues ? 0 : -HYP_ENOMEM;
}

static int read_options(struct io_spec *spec, struct hyp_net_info *info, struct shm_geometry *wanted)
{
	uint64_t members = 0, queues = 0, ring = 0;
	int error;

	*info = (struct hyp_net_info){ .caps = NET_CAPS };
	error = net_info_read(spec, NULL, info);
	if (!error)
		error = io_option_number(spec, "members", 2, SHM_MEMBERS_MAX, &members);
	if (!error)
		error = io_option_number(spec, "queues", 1, NET_MAX_QUEUES, &queues);
	if (!error)
		error = io_option_size(spec, "ring", &ring);
	if (error)
		return error;
	if (ring && (ring < SHM_RING_MIN || ring > SHM_RING_MAX || ring & (ring - 1)))
		return io_fail(spec, -HYP_EINVAL, "shm: ring=%s: give a power of two from 128k to 64M",
			       io_option(spec, "ring"));
	*wanted = (struct shm_geometry){
		.members = (uint32_t)members,
		.queues = (uint32_t)queues,
		.ring = (uint32_t)ring,
		.caps = info->caps,
	};
	return 0;
}

/* What the bus has counts: others are there already. */
static void adopt(struct hyp_net_info *info, const struct shm_geometry *geometry)
{
	info->queues = (uint16_t)geometry->queues;
	info->caps = geometry->caps;
	info->max_frame = info->caps ? NET_MAX_FRAME : info->max_mtu + HYP_NET_HEADER_MAX;
}

static int start(struct io_spec *spec, struct shm *shm)
{
	int error;

	if (make_queues(shm))
		return io_fail(spec, -HYP_ENOMEM, "shm: no memory");
	adopt(&shm->device.net.info, &shm->bus.geometry);
	shm->watched = SHM_NOBODY;
	error = io_thread_create(&shm->thread, "rumpus-shm", bell_main, shm);
	return error ? io_threads_refused(spec, error, "shm") : 0;
}

static int shm_open_bus(struct io_spec *spec, struct hyp_net **net)
{
	struct shm *shm = calloc(1, sizeof(*shm));
	struct shm_geometry wanted;
	int error;

	if (!shm)
		return io_fail(spec, -HYP_ENOMEM, "shm: no memory");
	shm->device.net.ops = &ops;
	pthread_mutex_init(&shm->members, NULL);
	error = read_options(spec, &shm->device.net.info, &wanted);
	if (!error)
		error = shm_bus_join(spec, &wanted, &shm->bus);
	if (error)
		goto free_shm;
	error = start(spec, shm);
	if (error)
		goto leave;
	*net = &shm->device.net;
	return 0;

leave:
	free_queues(shm);
	shm_bus_leave(&shm->bus);
free_shm:
	pthread_mutex_destroy(&shm->members);
	free(shm);
	return error;
}

static const char *const keys[] = { NET_KEYS_OFFLOAD, "members", "queues", "ring", "mode", "fd", NULL };

extern const struct net_backend net_backend_shm;
const struct net_backend net_backend_shm = {
	.about = { .name = "shm", .keys = keys, .help = "shm:/dev/shm/NAME or shm,fd=NUMBER:" },
	.open = shm_open_bus,
};
