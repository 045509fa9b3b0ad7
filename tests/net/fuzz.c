// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames and headers of a peer that means no good, by seed: a kernel takes them, loses what is wrong, and works on. The
 * peer is this program, at the other end of a pair; another kernel says at the end whether the first one is well. A
 * stream gets bytes that are no frames. Arguments: SEED COUNT; "long" is more of both.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "message.h"
#include "node.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define USUAL 200000U
#define LONG 10000000U
#define BATCH 64

static uint64_t seed;
static uint8_t target[6];

static uint32_t below(uint32_t bound)
{
	return (uint32_t)pattern_random(&seed, bound);
}

static void put16(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static uint32_t fill_ipv4(unsigned char *bytes)
{
	static const unsigned char protocols[] = { 1, 2, 6, 17, 17, 6, 6, 47, 50, 132, 255 };
	uint32_t length = 20 + below(1480), header = below(8) ? 20 : 20 + 4 * below(11);

	put16(bytes + 12, 0x0800);
	bytes += 14;
	bytes[0] = (unsigned char)(0x40 | header / 4);
	put16(bytes + 2, below(8) ? length : below(65536));
	put16(bytes + 6, below(4) ? 0 : below(65536));
	bytes[8] = (unsigned char)(1 + below(255));
	bytes[9] = protocols[below(sizeof(protocols))];
	memcpy(bytes + 12, "\x0a\x09\x00\x63\x0a\x09\x00\x01", 8);
	put16(bytes + 10, 0);
	put16(bytes + 10, (uint16_t)~frame_sum(0, bytes, header));
	/* To ports where somebody listens, and with few options, most get further. */
	put16(bytes + header + 2, below(2) ? 80 : below(65536));
	bytes[header + 12] = (unsigned char)(below(16) << 4);
	return 14 + length;
}

static uint32_t fill_ipv6(unsigned char *bytes)
{
	static const unsigned char protocols[] = { 0, 6, 17, 43, 44, 50, 58, 58, 58, 59, 60, 255 };
	uint32_t length = 40 + below(1440);

	put16(bytes + 12, 0x86dd);
	bytes += 14;
	bytes[0] = 0x60;
	put16(bytes + 4, below(8) ? length - 40 : below(65536));
	bytes[6] = protocols[below(sizeof(protocols))];
	bytes[7] = below(3) ? 255 : (unsigned char)below(256);
	memcpy(bytes + 8, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x63", 16);
	memcpy(bytes + 24, "\xfd\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	bytes[40] = below(2) ? (unsigned char)(128 + below(20)) : (unsigned char)below(256);
	return 14 + length;
}

static uint32_t fill_other(unsigned char *bytes)
{
	static const uint16_t types[] = { 0x0806, 0x8100, 0x88a8, 0x8863, 0x8847, 0x0004, 0x88cc, 0x0600 };

	put16(bytes + 12, below(4) ? types[below(8)] : below(65536));
	if (below(2))
		memcpy(bytes + 14, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	return 14 + below(1500);
}

static void fill_header(struct hyp_net_header *header, uint32_t length)
{
	static const uint8_t types[] = { 0, 1, 4, 5, 0x81, 0x84, 3, 0x7f };

	*header = (struct hyp_net_header){ 0 };
	if (!below(3))
		return;
	header->flags = (uint8_t)below(8);
	header->gso_type = below(2) ? 0 : types[below(8)];
	header->header_length = (uint16_t)below(below(2) ? 100 : 65536);
	header->gso_size = (uint16_t)below(below(2) ? 1500 : 65536);
	header->csum_start = (uint16_t)(below(2) ? 34 : below(below(2) ? length + 4 : 65536));
	header->csum_offset = (uint16_t)(below(2) ? 16 : below(below(2) ? 40 : 65536));
}

static void fill_frame(struct parcel *parcel)
{
	unsigned char *bytes = parcel->bytes;
	uint32_t length, kind = below(10), i;

	for (i = 0; i < 192; i += 8)
		memcpy(bytes + 14 + i, &(uint64_t){ pattern_random(&seed, UINT64_MAX) }, 8);
	memcpy(bytes, below(4) ? target : (const uint8_t *)"\xff\xff\xff\xff\xff\xff", 6);
	memcpy(bytes + 6, "\x02\x00\x00\x00\x00\x63", 6);
	length = kind < 5 ? fill_ipv4(bytes) : kind < 8 ? fill_ipv6(bytes) : fill_other(bytes);
	if (!below(50))
		length = 14 + below(65000);
	for (i = below(6); i > 3; i--)
		bytes[14 + below(60)] = (unsigned char)below(256);
	length = below(16) ? length : 14 + below(length);
	parcel->frame.length = length;
	fill_header(&parcel->frame.header, length);
	parcel_cut(parcel, length, 1 + below(4), &seed);
}

/* Frames that the first interface of a kernel has received, by its own count */
static unsigned long long received(struct node *node)
{
	unsigned long long packets = 0;
	char text[1024], *line;

	node_get(node, "/proc/net/dev", text, sizeof(text));
	line = strstr(text, "net0:");
	if (!line || sscanf(line, "net0: %*u %llu", &packets) != 1)
		tap_abort("/proc/net/dev: %s", text);
	return packets;
}

/*
 * The peer's side of the pair refuses what breaks the contract, so what gets through is what any peer may send: headers
 * that fit the frame's length and nothing else of it.
 */
static void check_frames(uint64_t count)
{
	struct parcel parcels[BATCH];
	struct hyp_net_stats stats;
	struct station peer;
	struct node well, other;
	unsigned long long taken;
	uint64_t sent = 0;
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		parcel_make(&parcels[i]);
	node_boot(&well, "target", 2);
	node_boot(&other, "other", 1);
	node_link(&well, "pair,mac=02-00-00-00-00-01:fuzz", "10.9.0.1/24 fd09::1/64");
	memcpy(target, "\x02\0\0\0\0\x01", 6);
	station_open(&peer, "pair:fuzz", 0);
	node_link(&well, "pair:well", "10.8.0.1/24");
	node_link(&other, "pair:well", "10.8.0.2/24");
	node_listen_at(&well, "0.0.0.0", 80);
	for (; sent < count && station_wait(&peer, 0); sent += BATCH) {
		for (i = 0; i < BATCH; i++) {
			fill_frame(&parcels[i]);
			station_send(&peer, 0, &parcels[i]);
		}
		station_drain(&peer, 0);
	}
	tap_ok(sent >= count && station_wait(&peer, 0), "%llu frames by seed are taken", (unsigned long long)sent);
	peer.net->ops->stats(peer.net, &stats);
	tap_ok(stats.sent_frames > count / 4, "%llu of them got through to the kernel",
	       (unsigned long long)stats.sent_frames);
	taken = received(&well);
	tap_ok(taken > count / 4, "%llu frames got through its driver to the stack", taken);
	tap_is(node_ping(&other, "10.8.0.1", 3, 1000), 3, "the kernel is well");
	tap_ok(node_transfer(&other, &well, "10.8.0.1", 1001, 4 << 20) >= 0, "and has connections");
	tap_ok(!rumpus_end_reason(well.kernel), "it has not ended");
	station_close(&peer);
	node_halt(&other);
	node_halt(&well);
	for (i = 0; i < BATCH; i++)
		parcel_free(&parcels[i]);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		tap_abort("%s: nobody listens", path);
	return fd;
}

/* Lengths that are none, frames cut off: the connection ends, the next one is taken, nothing hangs. */
static void check_stream(unsigned int rounds)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	struct station station;
	unsigned char bytes[3000];
	unsigned int i, j, size;
	struct parcel in;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	parcel_make(&in);
	station_open(&station, "stream,listen=1:unix:fuzz.sock", 0);
	for (i = 0; i < rounds; i++) {
		fd = connect_to("fuzz.sock");
		station_wait_link(&station, true);
		size = 1 + below(sizeof(bytes) - 1);
		for (j = 0; j < size; j++)
			bytes[j] = (unsigned char)(j < 3 && below(2) ? 0 : below(256));
		if (write(fd, bytes, size) < 0)
			tap_note("the connection ended early");
		shutdown(fd, SHUT_WR);
		/* Its end is seen by who reads; nothing says that this was all. */
		while (station.net->ops->link(station.net)) {
			station_drain(&station, 0);
			nanosleep(&pause, NULL);
		}
		close(fd);
	}
	tap_ok(station_wait_link(&station, false), "%u connections with garbage have ended", rounds);
	fd = connect_to("fuzz.sock");
	parcel_fill(&in, 100, 5);
	put16(bytes, 0);
	put16(bytes + 2, 100);
	memcpy(bytes + 4, in.bytes, 100);
	/* A byte at a time */
	for (i = 0; i < 104; i++)
		if (write(fd, bytes + i, 1) != 1)
			tap_abort("the stream is closed");
	parcel_cut(&in, 0, 1, NULL);
	tap_ok(station_receive(&station, 0, &in, 30) && parcel_is(&in, 100, 5), "a good frame arrives");
	close(fd);
	station_close(&station);
	parcel_free(&in);
}

int main(int argc, char **argv)
{
	bool more = argc > 1 && !strcmp(argv[1], "long");

	seed = argc > 1 && !more ? strtoull(argv[1], NULL, 0) : 1;
	check_stream(more ? 2000 : 50);
	check_frames(argc > 2 ? strtoull(argv[2], NULL, 0) : more ? LONG : USUAL);
	return tap_done();
}
