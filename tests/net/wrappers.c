// SPDX-License-Identifier: BSD-2-Clause
/* Wrappers of network devices: what is lost, doubled and overtaken, again and again the same; what is in a capture */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "frames.h"
#include "../tap.h"

#define FRAMES 2000U

/* What came of FRAMES numbered frames: a digest of the order, and counts */
struct fate {
	unsigned int came, doubled, overtaken;
	uint64_t digest;
};

/* @more: some come twice */
static struct fate send_and_watch(const char *spec, bool more)
{
	struct station a, b;
	struct fate fate = { .digest = 1 };
	unsigned char *times = calloc(FRAMES, 1);
	struct parcel out, in;
	struct hyp_net_stats stats;
	uint32_t i, number, highest = 0;
	unsigned int surely;

	station_open(&a, spec, 0);
	station_open(&b, "pair:w", 0);
	parcel_make(&out);
	parcel_make(&in);
	for (i = 0; i < FRAMES; i++) {
		parcel_fill(&out, 200, i);
		station_run(&a, 0, &out);
	}
	/* What is lost is lost at once; how many are doubled nobody says. */
	a.net->ops->stats(a.net, &stats);
	surely = FRAMES - (unsigned int)stats.sent_dropped;
	while ((fate.came < surely || more) && station_receive(&b, 0, &in, fate.came < surely ? 30 : 1)) {
		number = parcel_number(&in);
		if (number >= FRAMES || !parcel_is(&in, 200, number))
			break;
		fate.came++;
		fate.doubled += times[number]++ > 0;
		fate.overtaken += number < highest;
		highest = number > highest ? number : highest;
		fate.digest += (uint64_t)(number + 1) * (number + 1) * (number + 1);
	}
	station_close(&a);
	station_close(&b);
	parcel_free(&out);
	parcel_free(&in);
	free(times);
	return fate;
}

static void check_impair(void)
{
	struct fate plain = send_and_watch("impair:pair:w", false);
	struct fate lost = send_and_watch("impair,seed=7,loss=10:pair:w", false);
	struct fate again = send_and_watch("impair,seed=7,loss=10:pair:w", false);
	struct fate other = send_and_watch("impair,seed=8,loss=10:pair:w", false);
	struct fate doubled = send_and_watch("impair,seed=7,dup=5:pair:w", true);
	struct fate mixed = send_and_watch("impair,seed=7,reorder=5,hold=20000:pair:w", false);

	tap_ok(plain.came == FRAMES && !plain.doubled && !plain.overtaken, "nothing impaired: all come, in order");
	tap_ok(lost.came > FRAMES * 87 / 100 && lost.came < FRAMES * 93 / 100 && !lost.doubled,
	       "10 %% lost: %u of %u come", lost.came, FRAMES);
	tap_ok(lost.came == again.came && lost.digest == again.digest, "the same seed: the same frames");
	tap_ok(other.digest != lost.digest, "another seed: other frames");
	tap_ok(doubled.doubled > FRAMES * 3 / 100 && doubled.doubled < FRAMES * 7 / 100 &&
		       doubled.came == FRAMES + doubled.doubled,
	       "5 %% doubled: %u", doubled.doubled);
	tap_ok(mixed.came == FRAMES && mixed.overtaken, "5 %% held back: %u are overtaken", mixed.overtaken);
}

static long microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A frame is late by the delay, or later: how much is the machine's affair. */
static void check_delay(void)
{
	struct station a, b;
	struct parcel out, in;
	long start;

	station_open(&a, "impair,delay=50000:pair:w", 0);
	station_open(&b, "pair:w", 0);
	parcel_make(&out);
	parcel_make(&in);
	parcel_fill(&out, 100, 1);
	start = microseconds();
	station_run(&a, 0, &out);
	tap_ok(station_receive(&b, 0, &in, 30) && microseconds() - start >= 50000, "50 ms of delay");
	start = microseconds();
	station_run(&a, 0, &out);
	a.net->ops->detach(a.net);
	tap_ok(true, "detached with a frame on its way");
	station_attach(&a, a.net);
	station_close(&a);
	station_open(&a, "impair,rate=8000000:pair:w", 0);
	parcel_fill(&out, 1000, 0);
	start = microseconds();
	station_run(&a, 0, &out);
	station_run(&a, 0, &out);
	station_receive(&b, 0, &in, 30);
	tap_ok(station_receive(&b, 0, &in, 30) && microseconds() - start >= 2000,
	       "8 Mb/s: two frames of 1000 bytes take 2 ms");
	station_close(&a);
	station_close(&b);
	parcel_free(&out);
	parcel_free(&in);
}

/* What tcpdump reads of a capture, as a number of lines with a text in them; -1 without tcpdump */
static long lines_of(const char *file, const char *options, const char *text)
{
	char command[256], line[512];
	long count = 0;
	FILE *stream;

	if (system("command -v tcpdump >tcpdump.path"))
		return -1;
	snprintf(command, sizeof(command), "tcpdump -nr %s %s 2>tcpdump.log", file, options);
	stream = popen(command, "re");
	while (stream && fgets(line, sizeof(line), stream))
		count += line[0] != '\t' && strstr(line, text);
	return !stream || pclose(stream) ? -2 : count;
}

static void check_pcap(void)
{
	struct station a, b;
	struct parcel out, in;
	uint32_t i;

	station_open(&a, "pcap,file=c.pcapng:pair:w", 0);
	station_open(&b, "pcap,file=s.pcapng,snap=60:pair:w", 0);
	parcel_make(&out);
	parcel_make(&in);
	for (i = 0; i < 10; i++) {
		frame_tcp(&out, 101 + i, i, 0);
		station_send(&a, 0, &out);
		station_receive(&b, 0, &in, 30);
		station_wait(&a, 0);
	}
	parcel_fill(&out, 100, 0);
	station_send(&b, 0, &out);
	station_receive(&a, 0, &in, 30);
	station_wait(&b, 0);
	/* Both are read while they are written. */
	if (lines_of("c.pcapng", "", "") == -1) {
		tap_skip(5, "no tcpdump here");
	} else {
		tap_is(lines_of("c.pcapng", "", ""), 11, "a capture has every frame");
		tap_is(lines_of("c.pcapng", "tcp port 80", "192.0.2.1.12345 > 192.0.2.2.80"), 10, "with its bytes");
		tap_is(lines_of("c.pcapng", "greater 110", "length 56"), 1, "and lengths");
		tap_is(lines_of("c.pcapng", "", "length 100"), 1, "of both directions");
		tap_is(lines_of("s.pcapng", "", ""), 11, "snap= keeps a part of each");
	}
	station_close(&a);
	station_close(&b);
	parcel_free(&out);
	parcel_free(&in);
}

/* A file that may not grow, as on a full disk: the capture ends after a whole frame, the network goes on. */
static void check_full_disk(void)
{
	const struct rlimit small = { .rlim_cur = 10000, .rlim_max = RLIM_INFINITY };
	struct rlimit before;
	struct station a, b;
	struct parcel out, in;
	unsigned int i, wrong = 0;
	char line[512];

	station_open(&a, "pcap,file=f.pcapng:pair:w", 0);
	station_open(&b, "pair:w", 0);
	parcel_make(&out);
	parcel_make(&in);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	setrlimit(RLIMIT_FSIZE, &small);
	for (i = 0; i < 20; i++) {
		parcel_fill(&out, 1000, i);
		station_send(&a, 0, &out);
		wrong += !station_receive(&b, 0, &in, 30) || !parcel_is(&in, 1000, i);
		station_wait(&a, 0);
	}
	setrlimit(RLIMIT_FSIZE, &before);
	tap_is(wrong, 0, "no room for a capture: frames travel");
	a.net->ops->describe(a.net, line, sizeof(line));
	tap_ok(strstr(line, "which ended: "), "the description says so: %s", line);
	if (lines_of("f.pcapng", "", "") == -1)
		tap_skip(1, "no tcpdump here");
	else
		tap_is(lines_of("f.pcapng", "", ""), 9, "and what is in the file is whole");
	station_close(&a);
	station_close(&b);
	parcel_free(&out);
	parcel_free(&in);
}

int main(void)
{
	check_impair();
	check_delay();
	check_pcap();
	check_full_disk();
	return tap_done();
}
