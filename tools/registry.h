/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mounts of this user are served: a socket for each, by which its supervisor tells how it fares and how it ended.
 *
 * Sockets are in /run/rumpus for root, else in rumpus/ below $XDG_RUNTIME_DIR, or in /tmp/rumpus-UID. Who connects is
 * told "key=value" strings, each with its zero byte, up to an empty one, and when the mount has ended "end=STATUS" and
 * what there is to say. Only the user whose directory it is can connect.
 */
#ifndef TOOLS_REGISTRY_H
#define TOOLS_REGISTRY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define REGISTRY_CLIENTS 8U

/**
 * struct registry - a supervisor's entry
 * @listener: socket, or -1
 * @clients:  connected; those that are not are -1
 */
struct registry {
	int listener;
	int clients[REGISTRY_CLIENTS];
};

/** registry_init() - an entry that is none yet */
void registry_init(struct registry *registry);
/** registry_add() - enter this process. Return: 0 or a negative errno */
int registry_add(struct registry *registry);
/** registry_poll() - what to wait for: up to REGISTRY_CLIENTS + 1. Return: how many */
unsigned int registry_poll(const struct registry *registry, struct pollfd *fds);
/** registry_accept() - somebody connects, or has gone. @hello: strings that end with an empty one */
void registry_serve(struct registry *registry, const char *hello, size_t size);
/** registry_end() - tell @text (as @hello) to all who are connected, and leave */
void registry_end(struct registry *registry, const char *text, size_t size);
/** struct registry_entry - what a supervisor says of its mount; empty strings and zeroes for what it does not */
struct registry_entry {
	int fd; /* the connection */
	pid_t pid;
	char dir[4096], image[4096], partition[128], type[64], mode[8];
	unsigned long long requests, errors, memory, restarts;
	unsigned long long start, end; /* bytes of the image that are used; 0: all */
	unsigned long long mount; /* the host's number of it; 0: none now */
};

/**
 * registry_list() - ask all supervisors of this user
 * @take: owns @entry->fd if it returns 1; anything but 0 ends the list and is returned
 */
int registry_list(int (*take)(void *arg, const struct registry_entry *entry), void *arg);
/**
 * registry_find() - the one that serves @dir by this mount of the host's: one that was detached may have been there, too
 * Return: 0 with @entry filled, its descriptor the caller's; -ENOENT
 */
int registry_find(const char *dir, int mount, struct registry_entry *entry);
/** registry_lock() - of this user's supervisors, one mounts at a time. Blocks. Return: descriptor to close then, or -1 */
int registry_lock(void);

/** registry_wait() - until its mount has ended. @message: out. Return: its exit status, -1 when it died */
int registry_wait(int fd, char *message, size_t size);

#endif
