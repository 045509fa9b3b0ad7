// SPDX-License-Identifier: BSD-2-Clause
/* What every network device has to do, run over every backend, every wrapper and stacks of them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frames.h"
#include "space.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define FLOOD 1500U
#define WINDOW 64U

/**
 * struct subject - two devices, each at the end of what the other one sends
 * @a, @b:   their specifications
 * @lossy:   frames may be lost when the receiver is slow, or by intent
 * @takes:   frames are taken, too, when there is no user at the other end
 * @late:    a thread tells of frames, so perhaps of each
 * @host:    the host is between, by an interface of this name that @a makes
 */
struct subject {
	const char *a, *b;
	bool lossy;
	bool takes;
	bool late;
	const char *host;
};

static const struct subject subjects[] = {
	{ .a = "pair:x", .b = "pair:x" },
	{ .a = "pair,queues=4:x", .b = "pair,queues=4:x" },
	{ .a = "pair,offload=0:x", .b = "pair,offload=0,mtu=9000:x" },
	{ .a = "shm:bus", .b = "shm:bus", .late = true },
	{ .a = "shm,members=2,queues=4:bus", .b = "shm:bus", .late = true },
	{ .a = "shm,members=64,ring=128k,offload=0:bus", .b = "shm,offload=0,mtu=9000:bus", .late = true },
	{ .a = "pcap,file=x.pcapng:pair:x", .b = "pair:x" },
	{ .a = "pcap,file=x.pcapng,snap=60:pcap,file=y.pcapng:pair,queues=2:x", .b = "pair,queues=2:x" },
	{ .a = "impair,seed=1:pair:x", .b = "pair:x", .lossy = true },
	{ .a = "impair,seed=1,delay=200,jitter=0:pcap,file=x.pcapng:pair,queues=3:x",
	  .b = "pair,queues=3:x",
	  .lossy = true },
	{ .a = "stream,listen=1:unix:s.sock", .b = "stream:unix:s.sock", .takes = true },
	{ .a = "tap:rumpus0", .b = "packet:rumpus0", .lossy = true, .takes = true, .host = "rumpus0" },
	{ .a = "tap,offload=0:rumpus1",
	  .b = "packet,offload=0:rumpus1",
	  .lossy = true,
	  .takes = true,
	  .host = "rumpus1" },
};

/* A station at each end */
struct ends {
	const struct subject *subject;
	const char *name;
	struct station a, b;
};

static void check_info(const struct ends *ends, const struct station *station)
{
	const struct hyp_net *net = station->net;
	const struct hyp_net_info *info = &net->info;
	char line[512];
	int length = net->ops->describe(net, line, sizeof(line));

	tap_ok(net->ops->version == HYP_NET_VERSION && net->ops->size == sizeof(struct hyp_net_ops), "%s: version",
	       ends->name);
	tap_ok(!(info->mac[0] & 1) && (info->mac[0] | info->mac[1] | info->mac[2] | info->mac[3]), "%s: an address",
	       ends->name);
	tap_ok(info->queues && info->queues <= 16 && info->queue_depth >= 16 && info->max_iov >= 18, "%s: limits",
	       ends->name);
	tap_ok(info->mtu >= 68 && info->mtu <= info->max_mtu && info->max_frame >= info->max_mtu + HYP_NET_HEADER_MAX,
	       "%s: sizes %u, %u, %u", ends->name, info->mtu, info->max_mtu, info->max_frame);
	tap_ok(!info->caps || info->caps & HYP_NET_CAP_CSUM, "%s: capabilities 0x%x are coherent", ends->name,
	       info->caps);
	tap_ok(length == (int)strlen(line) && length, "%s: described as \"%s\"", ends->name, line);
	tap_is(station->net->ops->attach(station->net, NULL, NULL), -HYP_EBUSY, "%s: a second user is refused",
	       ends->name);
}

static void check_way(const struct ends *ends, struct station *from, struct station *to, uint32_t queue)
{
	static const uint32_t sizes[] = { 18, 60, 61, 64, 65, 128, 1000, 1514 };
	uint64_t seed = 7;
	unsigned int i, j, wrong = 0, most = to->net->info.queues;
	struct parcel out, in;

	parcel_make(&out);
	parcel_make(&in);
	for (i = 0; i < 24; i++) {
		uint32_t size = i < 8 ? sizes[i] : 60 + (uint32_t)pattern_random(&seed, 1455);
		bool got = false;

		parcel_fill(&out, size, i);
		parcel_cut(&out, size, 1 + i % 15, &seed);
		parcel_cut(&in, 0, 1 + i % STATION_PIECES, &seed);
		station_send(from, queue, &out);
		/* Backends that the host chooses a queue for may have another one. */
		for (j = 0; j < most && !got; j++)
			got = station_receive(to, (queue + j) % most, &in,
					      j + 1 < most && ends->subject->host ? 0 : 30);
		wrong += !got || !parcel_is(&in, size, i) || !station_wait(from, 0) || out.frame.status;
	}
	tap_is(wrong, 0, "%s: frames of many sizes in many pieces, queue %u", ends->name, queue);
	parcel_free(&out);
	parcel_free(&in);
}

static void refused(const struct ends *ends, struct station *station, struct parcel *parcel, int expected,
		    const char *what)
{
	tap_is(station_run(station, 0, parcel), expected, "%s: refused: %s", ends->name, what);
}

/* Frames that break the rules, each with its answer */
static void check_rules(struct ends *ends, struct station *station)
{
	const struct hyp_net_info *info = &station->net->info;
	struct hyp_iovec *many = calloc(info->max_iov + 1, sizeof(*many));
	struct parcel out;
	uint32_t i;

	parcel_make(&out);
	parcel_fill(&out, HYP_NET_HEADER_MIN, 0);
	out.frame.length = out.iov[0].len = HYP_NET_HEADER_MIN - 1;
	refused(ends, station, &out, -HYP_EINVAL, "shorter than a header");
	if (info->max_mtu + HYP_NET_HEADER_MAX < STATION_LARGEST) {
		parcel_fill(&out, info->max_mtu + HYP_NET_HEADER_MAX + 1, 0);
		refused(ends, station, &out, -HYP_EINVAL, "longer than the largest");
	}
	parcel_fill(&out, 100, 0);
	out.frame.length = 101;
	refused(ends, station, &out, -HYP_EINVAL, "pieces and length differ");
	parcel_fill(&out, 100, 0);
	out.frame.iovcnt = 0;
	refused(ends, station, &out, -HYP_EINVAL, "no pieces");
	for (i = 0; i <= info->max_iov; i++)
		many[i] = (struct hyp_iovec){ out.bytes + i, 1 };
	parcel_fill(&out, info->max_iov + 1, 0);
	out.frame.iov = many;
	out.frame.iovcnt = info->max_iov + 1;
	refused(ends, station, &out, -HYP_EINVAL, "too many pieces");
	parcel_fill(&out, 100, 0);
	out.frame.header.flags = 0x40;
	refused(ends, station, &out, -HYP_EINVAL, "unknown flags");
	parcel_fill(&out, 100, 0);
	out.frame.header = (struct hyp_net_header){ .flags = HYP_NET_NEEDS_CSUM, .csum_start = 90, .csum_offset = 9 };
	refused(ends, station, &out, -HYP_EINVAL, "a checksum beyond the end");
	parcel_fill(&out, 100, 0);
	out.frame.header.gso_type = 77;
	refused(ends, station, &out, -HYP_EINVAL, "unknown segmentation");
	if (info->caps) {
		frame_tcp(&out, 3000, 0, 0);
		out.frame.header.gso_type = HYP_NET_GSO_TCPV4;
		refused(ends, station, &out, -HYP_EINVAL, "segments of no size");
	} else {
		frame_tcp(&out, 100, 0, 0);
		refused(ends, station, &out, -HYP_EOPNOTSUPP, "a checksum that nobody makes");
	}
	parcel_free(&out);
	free(many);
}

static void check_offloads(const struct ends *ends, struct station *from, struct station *to)
{
	struct parcel out, in;

	if (!(from->net->info.caps & HYP_NET_CAP_TSO4) || !(to->net->info.caps & HYP_NET_CAP_TSO4))
		return;
	parcel_make(&out);
	parcel_make(&in);
	frame_tcp(&out, 1000, 1, 0);
	station_send(from, 0, &out);
	tap_ok(station_receive(to, 0, &in, 30) && frame_tcp_is(&in, 1000, 1, 0), "%s: a checksum to be completed",
	       ends->name);
	station_wait(from, 0);
	frame_tcp(&out, 60000, 2, 1448);
	station_send(from, 0, &out);
	tap_ok(station_receive(to, 0, &in, 30) && frame_tcp_is(&in, 60000, 2, 1448),
	       "%s: a frame of 60000 bytes to be segmented", ends->name);
	station_wait(from, 0);
	parcel_free(&out);
	parcel_free(&in);
}

/* One upcall for the first of many frames, and again only after a look that found nothing more */
static void check_ready(const struct ends *ends, struct station *from, struct station *to)
{
	struct parcel out[5], in;
	unsigned int i, before, rounds, wrong = 0;

	parcel_make(&in);
	for (i = 0; i < 5; i++)
		parcel_make(&out[i]);
	for (rounds = 0; rounds < 20; rounds++) {
		station_drain(to, 0);
		pthread_mutex_lock(&to->lock);
		before = to->ready[0];
		pthread_mutex_unlock(&to->lock);
		for (i = 0; i < 5; i++) {
			parcel_fill(&out[i], 200, i);
			station_send(from, 0, &out[i]);
		}
		for (i = 0; i < 5; i++)
			wrong += !station_receive(to, 0, &in, 30) || !parcel_is(&in, 200, i);
		pthread_mutex_lock(&to->lock);
		/* A thread that announces frames may be late, or early enough for each of them. */
		wrong += ends->subject->lossy || ends->subject->takes || ends->subject->late
				 ? to->ready[0] > before + 6
				 : to->ready[0] != before + 1;
		pthread_mutex_unlock(&to->lock);
		wrong += !station_wait(from, 0);
	}
	tap_is(wrong, 0, "%s: one upcall for several frames", ends->name);
	for (i = 0; i < 5; i++)
		parcel_free(&out[i]);
	parcel_free(&in);
}

/* Sends FLOOD frames, a window at a time */
static void *flood(void *arg)
{
	struct station *station = arg;
	struct parcel parcels[WINDOW];
	uint32_t number, i;

	for (i = 0; i < WINDOW; i++)
		parcel_make(&parcels[i]);
	for (number = 0; number < FLOOD && station_wait(station, 0);) {
		for (i = 0; i < WINDOW && number < FLOOD; i++, number++) {
			parcel_fill(&parcels[i], 60 + number % 1400, number);
			station_send(station, 0, &parcels[i]);
		}
	}
	station_wait(station, 0);
	for (i = 0; i < WINDOW; i++)
		parcel_free(&parcels[i]);
	return NULL;
}

static void check_flood(const struct ends *ends, struct station *from, struct station *to)
{
	unsigned int got = 0, wrong = 0;
	uint32_t next = 0, number;
	struct parcel in;
	pthread_t thread;

	parcel_make(&in);
	pthread_create(&thread, NULL, flood, from);
	while (next < FLOOD && station_receive(to, 0, &in, ends->subject->lossy ? 1 : 30)) {
		number = parcel_number(&in);
		wrong += number < next || !parcel_is(&in, 60 + number % 1400, number);
		next = number + 1;
		got++;
	}
	pthread_join(thread, NULL);
	tap_is(wrong, 0, "%s: a flood arrives whole and in order", ends->name);
	if (ends->subject->lossy)
		tap_ok(got, "%s: %u of %u frames of a flood", ends->name, got, FLOOD);
	else
		tap_is(got, FLOOD, "%s: all of a flood", ends->name);
	parcel_free(&in);
}

/* Both directions at once */
static void check_both_ways(struct ends *ends)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	unsigned int got[2] = { 0 }, before, idle = 0;
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, flood, &ends->a);
	pthread_create(&threads[1], NULL, flood, &ends->b);
	while ((got[0] < FLOOD || got[1] < FLOOD) && idle < (ends->subject->lossy ? 300 : 30000)) {
		before = got[0] + got[1];
		got[0] += station_drain(&ends->a, 0);
		got[1] += station_drain(&ends->b, 0);
		idle = got[0] + got[1] == before ? idle + 1 : 0;
		if (idle)
			nanosleep(&pause, NULL);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	tap_ok(ends->subject->lossy ? got[0] && got[1] : got[0] == FLOOD && got[1] == FLOOD,
	       "%s: both ways at once: %u and %u frames", ends->name, got[0], got[1]);
}

/* A peer that takes nothing: frames come back when the sender leaves, each once */
static void check_silent_peer(struct ends *ends)
{
	struct hyp_net *net = ends->a.net;
	uint32_t depth = net->info.queue_depth, i, odd = 0;
	struct parcel *out = calloc(depth, sizeof(*out));

	for (i = 0; i < depth; i++) {
		parcel_make(&out[i]);
		parcel_fill(&out[i], 1514, i);
		station_send(&ends->a, 0, &out[i]);
	}
	net->ops->detach(net);
	tap_is(ends->a.under_way + ends->a.strays, 0, "%s: every frame comes back from a peer that takes none",
	       ends->name);
	for (i = 0; i < depth; i++) {
		odd += out[i].frame.status && out[i].frame.status != -HYP_ESHUTDOWN;
		parcel_free(&out[i]);
	}
	tap_is(odd, 0, "%s: as sent or as withdrawn", ends->name);
	free(out);
	station_attach(&ends->a, net);
	/* A stream that was cut in the middle of a frame is of no more use. */
	if (!net->ops->link(net)) {
		station_close(&ends->b);
		station_open(&ends->b, ends->subject->b, 0);
	}
	tap_ok(station_wait_link(&ends->a, true), "%s: attached again", ends->name);
	station_drain(&ends->b, 0);
}

/* The peer goes and comes: the link goes down and up, and what was sent meanwhile is not there afterwards */
static void check_link(struct ends *ends)
{
	struct hyp_net *net = ends->b.net;
	struct parcel out;

	parcel_make(&out);
	net->ops->detach(net);
	if (!ends->subject->takes)
		tap_ok(station_wait_link(&ends->a, false), "%s: no link without a peer", ends->name);
	parcel_fill(&out, 100, 1);
	tap_is(station_run(&ends->a, 0, &out), ends->subject->takes ? 0 : -HYP_ESHUTDOWN, "%s: nobody is there",
	       ends->name);
	station_attach(&ends->b, net);
	tap_ok(station_wait_link(&ends->a, true) && station_wait_link(&ends->b, true), "%s: a link again", ends->name);
	if (!ends->subject->takes)
		tap_is(station_drain(&ends->b, 0), 0, "%s: nothing of before", ends->name);
	parcel_free(&out);
}

static void check_stats(const struct ends *ends)
{
	struct hyp_net_stats a, b;

	ends->a.net->ops->stats(ends->a.net, &a);
	ends->b.net->ops->stats(ends->b.net, &b);
	tap_ok(a.sent_frames > FLOOD && a.sent_bytes > a.sent_frames * 60 && b.received_frames &&
		       b.received_bytes >= b.received_frames * 14,
	       "%s: counters", ends->name);
	if (!ends->subject->takes && !ends->subject->lossy)
		tap_is((long long)(b.received_frames + b.received_dropped),
		       (long long)a.sent_frames - (long long)a.sent_dropped,
		       "%s: what was sent was received or dropped", ends->name);
}

static void check_strays(const struct ends *ends)
{
	tap_is(ends->a.strays + ends->b.strays, 0, "%s: every frame completes once", ends->name);
}

static void check_subject(const struct subject *subject)
{
	struct ends ends = { .subject = subject, .name = subject->a };
	uint32_t queue;

	station_open(&ends.a, subject->a, 0);
	if (subject->host)
		space_up(subject->host, NULL);
	station_open(&ends.b, subject->b, 0);
	check_info(&ends, &ends.a);
	check_info(&ends, &ends.b);
	tap_ok(station_wait_link(&ends.a, true) && station_wait_link(&ends.b, true), "%s: a link", ends.name);
	for (queue = 0; queue < ends.a.net->info.queues; queue++) {
		check_way(&ends, &ends.a, &ends.b, queue);
		check_way(&ends, &ends.b, &ends.a, queue);
	}
	check_rules(&ends, &ends.a);
	check_offloads(&ends, &ends.a, &ends.b);
	check_offloads(&ends, &ends.b, &ends.a);
	check_ready(&ends, &ends.a, &ends.b);
	check_ready(&ends, &ends.b, &ends.a);
	check_flood(&ends, &ends.a, &ends.b);
	check_flood(&ends, &ends.b, &ends.a);
	check_both_ways(&ends);
	check_silent_peer(&ends);
	check_link(&ends);
	check_stats(&ends);
	check_strays(&ends);
	station_close(&ends.a);
	station_close(&ends.b);
}

int main(void)
{
	const char *obstacle = space_enter();
	unsigned int i;

	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (subjects[i].host && obstacle)
			tap_skip(1, "%s: %s", subjects[i].a, obstacle);
		else
			check_subject(&subjects[i]);
	}
	return tap_done();
}
