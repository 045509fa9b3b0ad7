/* SPDX-License-Identifier: BSD-2-Clause */
/* Using a network device from a test: a station that counts its upcalls, sends patterned frames and awaits them */
#ifndef TESTS_NET_STATION_H
#define TESTS_NET_STATION_H

#include <pthread.h>
#include <stdbool.h>

#include <rumpus/hyp_net.h>

/** STATION_TYPE - type of the frames that tests send: for local experiments, so that no host answers */
#define STATION_TYPE 0x88b5
/** STATION_LARGEST - bytes of the largest frame of a test */
#define STATION_LARGEST 65568U
/** STATION_PIECES - most pieces that a frame of a test lies in */
#define STATION_PIECES 17U

/**
 * struct station - a user attached to a device
 * @net:       the device
 * @lock, @changed: guard and announce the rest
 * @under_way: frames sent and not completed
 * @strays:    completions of frames that were not under way
 * @ready:     upcalls for each queue
 * @links:     upcalls about the link
 */
struct station {
	struct hyp_net *net;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int under_way;
	unsigned int strays;
	unsigned int ready[16];
	unsigned int links;
};

/**
 * struct parcel - a frame of a test with its memory
 * @frame: first, so that a completion leads back to it
 * @iov:   its pieces
 * @bytes: what they lie in
 * @busy:  with the backend; under the station's lock
 */
struct parcel {
	struct hyp_net_frame frame;
	struct hyp_iovec iov[STATION_PIECES];
	unsigned char *bytes;
	bool busy;
};

/** station_open() - open a specification, attach and wait for nothing; ends the test when that fails */
void station_open(struct station *station, const char *spec, uint32_t flags);

/** station_attach() - attach to a device that is open */
void station_attach(struct station *station, struct hyp_net *net);

/** station_close() - detach and close */
void station_close(struct station *station);

/** station_send() - send one parcel */
void station_send(struct station *station, uint32_t queue, struct parcel *parcel);

/** station_wait() - until at most @left frames are under way; false after 30 seconds without a change */
bool station_wait(struct station *station, unsigned int left);

/** station_wait_link() - until the link is as given; false after 30 seconds */
bool station_wait_link(struct station *station, bool up);

/** station_run() - send one parcel and wait. Return: its status */
int station_run(struct station *station, uint32_t queue, struct parcel *parcel);

/**
 * station_receive() - wait for a frame of a test, passing over others
 * @seconds: how long
 * Return: whether one came
 */
bool station_receive(struct station *station, uint32_t queue, struct parcel *room, unsigned int seconds);

/** station_drain() - receive until there is nothing more. Return: how many frames of tests came */
unsigned int station_drain(struct station *station, uint32_t queue);

/** parcel_make() - memory for the largest frame, as one piece; free with parcel_free() */
void parcel_make(struct parcel *parcel);
void parcel_free(struct parcel *parcel);

/** parcel_fill() - a frame of a test: to everybody, of @length bytes that depend on @number */
void parcel_fill(struct parcel *parcel, uint32_t length, uint32_t number);

/** parcel_cut() - lay a parcel's memory out in @pieces of odd lengths; the whole of it when @length is 0 */
void parcel_cut(struct parcel *parcel, uint32_t length, unsigned int pieces, uint64_t *seed);

/** parcel_number() - of a received frame of a test, which has at least 18 bytes */
uint32_t parcel_number(const struct parcel *parcel);

/** parcel_is() - is it what parcel_fill() made, perhaps with zeroes behind up to the least size of Ethernet? */
bool parcel_is(const struct parcel *parcel, uint32_t length, uint32_t number);

#endif
