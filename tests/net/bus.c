// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many members on a bus in shared memory: who is killed, stops or writes garbage there holds nobody up
 *
 * Members are processes, this program again: they send frames back to where they came from, and each time one to
 * another member too, so that all are busy when one of them is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "station.h"
#include "../fs/pattern.h"
#include "../tap.h"

#define MOST 20U
#define PATIENCE 30 /* seconds */
#define WINDOW 32U
#define SELF 99U	    /* our own number */
#define CHATTER 0xffffffffU /* number of a frame that answers nothing */

static const char *spec;
static pid_t members[MOST];
static struct station hub;
static struct parcel window[WINDOW];
static uint64_t seed = 1;

static void set_address(unsigned char *at, unsigned int number)
{
	memcpy(at, "\x02\x00\x00\x00\x00", 5);
	at[5] = (unsigned char)number;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pause_for(long microseconds)
{
	const struct timespec time = { .tv_nsec = microseconds * 1000 };

	nanosleep(&time, NULL);
}

static void open_as(struct station *station, unsigned int number)
{
	char text[200];

	snprintf(text, sizeof(text), "shm,mac=02-00-00-00-00-%02x%s", number, spec);
	station_open(station, text, 0);
}

/* ---- a member ---- */

static void __attribute__((noreturn)) member(unsigned int number, unsigned int count)
{
	struct parcel room, other;
	struct station station;
	uint64_t random = number;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	parcel_make(&room);
	parcel_make(&other);
	open_as(&station, number);
	for (;;) {
		if (!station_receive(&station, 0, &room, 1))
			continue;
		/* Only what the hub sent is answered. */
		if (room.bytes[11] != SELF || !station_wait(&station, 0))
			continue;
		memcpy(room.bytes, room.bytes + 6, 6);
		set_address(room.bytes + 6, number);
		parcel_cut(&room, room.frame.length, 1, NULL);
		station_send(&station, 0, &room);
		parcel_fill(&other, 1000, CHATTER);
		set_address(other.bytes, (unsigned int)pattern_random(&random, count));
		set_address(other.bytes + 6, number);
		station_send(&station, 0, &other);
		station_wait(&station, 0);
		parcel_cut(&room, 0, 1, NULL);
	}
}

static void spawn(unsigned int number, unsigned int count)
{
	char numbers[2][16];

	snprintf(numbers[0], sizeof(numbers[0]), "%u", number);
	snprintf(numbers[1], sizeof(numbers[1]), "%u", count);
	fflush(stdout);
	members[number] = fork();
	if (members[number])
		return;
	execl("/proc/self/exe", "bus", "member", numbers[0], numbers[1], spec, NULL);
	_exit(127);
}

static void kill_member(unsigned int number)
{
	kill(members[number], SIGKILL);
	waitpid(members[number], NULL, 0);
	members[number] = 0;
}

/* ---- the hub ---- */

static void send_number(struct parcel *parcel, unsigned int to, uint32_t number)
{
	parcel_fill(parcel, 60 + number % 1400, number);
	set_address(parcel->bytes, to);
	set_address(parcel->bytes + 6, SELF);
	station_send(&hub, 0, parcel);
}

/* Until the answer with that number comes from that member; older ones are passed over */
static bool answered(struct parcel *room, unsigned int from, uint32_t number, unsigned int patience)
{
	while (station_receive(&hub, 0, room, patience))
		if (room->bytes[11] == from && parcel_number(room) == number)
			return parcel_is(room, 60 + number % 1400, number);
	return false;
}

/* Ask again and again, since one that has not joined, or was stopped, loses frames. Return: it answers */
static bool reach(unsigned int to)
{
	static uint32_t number = 1000000;
	double limit = seconds() + PATIENCE;
	struct parcel room;
	bool reached = false;

	parcel_make(&room);
	while (!reached && seconds() < limit && station_wait(&hub, WINDOW - 1)) {
		struct parcel *parcel = &window[0];

		station_wait(&hub, 0);
		send_number(parcel, to, ++number);
		while (!reached && station_receive(&hub, 0, &room, 0))
			reached = room.bytes[11] == to && parcel_number(&room) == number;
		if (!reached)
			pause_for(1000);
		while (!reached && station_receive(&hub, 0, &room, 0))
			reached = room.bytes[11] == to && parcel_number(&room) == number;
	}
	station_wait(&hub, 0);
	parcel_free(&room);
	return reached;
}

static unsigned int reach_all(unsigned int count)
{
	unsigned int i, reached = 0;

	for (i = 0; i < count; i++)
		reached += reach(i);
	return reached;
}

/* Frames to all in turn, whose answers nobody awaits */
static void traffic(unsigned int count, unsigned int frames)
{
	unsigned int i;

	for (i = 0; i < frames; i++) {
		if (!(i % WINDOW) && !station_wait(&hub, 0))
			tap_abort("frames do not complete");
		send_number(&window[i % WINDOW], (unsigned int)pattern_random(&seed, count), i);
		if (i % WINDOW == WINDOW - 1)
			station_drain(&hub, 0);
	}
	station_wait(&hub, 0);
}

/* Everything that is sent to one of many comes back, whole and in order */
static void check_answers(unsigned int count)
{
	unsigned int i, j, wrong = 0;
	struct parcel room;

	parcel_make(&room);
	for (i = 0; i < count; i++) {
		station_drain(&hub, 0);
		for (j = 0; j < WINDOW; j++)
			send_number(&window[j], i, j);
		for (j = 0; j < WINDOW; j++)
			wrong += !answered(&room, i, j, PATIENCE);
		station_wait(&hub, 0);
	}
	tap_is(wrong, 0, "%u members: frames come back whole and in order", count + 1);
	parcel_free(&room);
}

static void check_kills(unsigned int count, unsigned int rounds)
{
	unsigned int i, victim, reached = 0, links = 0;

	for (i = 0; i < rounds; i++) {
		victim = (unsigned int)pattern_random(&seed, count);
		traffic(count, 1 + (unsigned int)pattern_random(&seed, 200));
		kill_member(victim);
		/* With nobody else, there is no link. */
		links += count > 1 ? hub.net->ops->link(hub.net) : station_wait_link(&hub, false);
		traffic(count, 50);
		reached += count == 1 || reach((victim + 1) % count);
		spawn(victim, count);
		reached += reach(victim);
	}
	tap_is(links, rounds, "%u members: the link is as it should be", count + 1);
	tap_is(reached, 2 * rounds, "%u members: one killed, %u times: the others and its successor answer", count + 1,
	       rounds);
}

/* One that is stopped holds up what goes to it for a moment, and nothing else */
static void check_stopped(unsigned int count)
{
	struct hyp_net_stats before, after;
	unsigned int i, reached = 0;

	hub.net->ops->stats(hub.net, &before);
	kill(members[0], SIGSTOP);
	for (i = 0; i < 200; i++) {
		traffic(1, WINDOW);
		if (!(i % 20))
			reached += reach(1 + i / 20 % (count - 1));
	}
	hub.net->ops->stats(hub.net, &after);
	tap_is(reached, 10, "%u members: one is stopped: the others answer", count + 1);
	tap_ok(after.sent_dropped > before.sent_dropped, "%u members: %llu frames to the stopped one were lost",
	       count + 1, (unsigned long long)(after.sent_dropped - before.sent_dropped));
	kill(members[0], SIGCONT);
	tap_ok(reach(0), "%u members: it goes on, and answers", count + 1);
}

static void end_members(unsigned int count)
{
	unsigned int i, alive = 0;

	for (i = 0; i < count; i++) {
		alive += !waitpid(members[i], NULL, WNOHANG);
		kill_member(i);
	}
	tap_is(alive, count, "%u members: none has ended by itself", count + 1);
	tap_ok(station_wait_link(&hub, false), "%u members: no link when all are dead", count + 1);
}

static void check_many(unsigned int count, unsigned int rounds)
{
	unsigned int i;

	spec = ",ring=128k:bus";
	open_as(&hub, SELF);
	for (i = 0; i < count; i++)
		spawn(i, count);
	tap_is(reach_all(count), count, "%u members: all answer", count + 1);
	check_answers(count);
	check_kills(count, rounds);
	if (count > 1)
		check_stopped(count);
	end_members(count);
	tap_is(hub.strays, 0, "%u members: every frame completes once", count + 1);
	station_close(&hub);
}

/* ---- garbage ---- */

/* Seconds more that garbage is written, until a frame is hit: in an emulator that takes minutes, here no second. */
#define GARBAGE_PATIENCE 240

struct vandal {
	uint32_t *words;
	size_t count;
	volatile bool stop;
	uint64_t writes;
};

static void write_garbage(struct vandal *vandal, uint64_t *random)
{
	static const uint32_t values[] = { 0, 1, 64, 0x7fffffff, 0x80000000, 0xffffffff, 65568, 0xffffffc0 };
	uint32_t value = (uint32_t)pattern_random(random, UINT64_MAX), offset;
	/* Half of it where others look first: the members, and the heads of rings */
	size_t at = pattern_random(random, vandal->count);

	if (value & 1)
		at = pattern_random(random, 6 * 1024);
	else if (value & 2)
		at &= ~(size_t)1023;
	offset = value >> 8 & 15;
	/* Not what says that this is a bus: who joins is refused then. */
	if (at + offset < 16 || at + offset >= vandal->count)
		return;
	switch (value >> 2 & 3) {
	case 0:
		vandal->words[at + offset] = values[value >> 16 & 7];
		break;
	case 1:
		vandal->words[at + offset] += 64 * (value >> 16 & 31);
		break;
	default:
		vandal->words[at + offset] = (uint32_t)pattern_random(random, UINT64_MAX);
	}
	vandal->writes++;
}

static void *vandal_main(void *arg)
{
	struct vandal *vandal = arg;
	uint64_t random = seed;

	while (!vandal->stop) {
		write_garbage(vandal, &random);
		if (!(vandal->writes % 256))
			pause_for(50);
	}
	return NULL;
}

static uint64_t bad_frames(void)
{
	struct hyp_net_stats stats;

	hub.net->ops->stats(hub.net, &stats);
	return stats.received_bad;
}

static void check_garbage(unsigned int count, double time)
{
	int file = open("garbage", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct vandal vandal = { 0 };
	struct hyp_net_stats stats;
	pthread_t thread;
	struct stat st;
	double limit;
	unsigned int i;

	spec = ",members=5,ring=128k:garbage";
	open_as(&hub, SELF);
	for (i = 0; i < count; i++)
		spawn(i, count);
	tap_is(reach_all(count), count, "garbage: all answer");
	fstat(file, &st);
	vandal.words = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	vandal.count = (size_t)st.st_size / 4;
	if (vandal.words == MAP_FAILED || pthread_create(&thread, NULL, vandal_main, &vandal))
		tap_abort("no memory");
	for (limit = seconds() + time; seconds() < limit || (!bad_frames() && seconds() < limit + GARBAGE_PATIENCE);)
		traffic(count, 100);
	vandal.stop = true;
	pthread_join(thread, NULL);
	hub.net->ops->stats(hub.net, &stats);
	tap_ok(stats.received_bad, "garbage: %llu words; %llu frames of %llu were none",
	       (unsigned long long)vandal.writes, (unsigned long long)stats.received_bad,
	       (unsigned long long)stats.received_frames);
	/* What garbage says about who is there is mended when somebody comes or goes. */
	station_close(&hub);
	open_as(&hub, SELF);
	tap_is(reach_all(count), count, "garbage: when it has ended, all answer");
	end_members(count);
	station_close(&hub);
	munmap(vandal.words, (size_t)st.st_size);
	close(file);
}

/* ---- the file ---- */

static void check_file(void)
{
	struct station a, b;
	struct stat st;
	char text[64];
	int fd = memfd_create("bus", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	unlink("mode");
	station_open(&a, "shm,mode=640:mode", 0);
	stat("mode", &st);
	tap_ok((st.st_mode & 07777) == 0640 && st.st_size > 1 << 30 && st.st_blocks < 2048,
	       "a bus has the rights that were given, and memory of what is used: %lld KiB of %lld MiB",
	       (long long)st.st_blocks / 2, (long long)st.st_size >> 20);
	station_close(&a);
	tap_ok(!stat("mode", &st) && !st.st_size, "the last member leaves an empty file");
	spec = ",members=7:killed";
	spawn(0, 1);
	while (stat("killed", &st) || !st.st_size)
		pause_for(1000);
	kill_member(0);
	station_open(&a, "shm,members=3:killed", 0);
	tap_ok(!stat("killed", &st) && st.st_size < 10 << 20, "what killed members have left is made anew");
	station_close(&a);
	snprintf(text, sizeof(text), "shm,fd=%d:", fd);
	station_open(&a, text, 0);
	station_open(&b, text, 0);
	tap_ok(station_wait_link(&a, true) && station_wait_link(&b, true), "two members on one memfd");
	tap_ok(ftruncate(fd, 0) && errno == EPERM, "which nobody can cut off");
	station_close(&b);
	tap_ok(station_wait_link(&a, false), "one leaves");
	station_close(&a);
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc == 5 && !strcmp(argv[1], "member")) {
		spec = argv[4];
		member((unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
	}
	for (i = 0; i < WINDOW; i++)
		parcel_make(&window[i]);
	check_file();
	check_many(1, 10);
	check_many(4, 20);
	check_many(19, 20);
	check_garbage(3, argc > 1 ? atof(argv[1]) : 1);
	for (i = 0; i < WINDOW; i++)
		parcel_free(&window[i]);
	return tap_done();
}
