/* SPDX-License-Identifier: BSD-2-Clause */
/* What the halves of "rumpus mount" share. */
#ifndef TOOLS_MOUNTING_H
#define TOOLS_MOUNTING_H

#include "../fuse/server.h"
#include "command.h"
#include "connection.h"

/**
 * struct mounting - options of "rumpus mount", as given and as understood
 * @foreground: do not return before the end
 * @as_caller:  all files appear to belong to who mounts
 * @ignored:    options of mount(8) that mean nothing here
 * @restart:    when the server dies, another one serves the image read-only
 * @watchdog:   seconds that a kernel may do nothing while requests wait; 0: any number
 * @connection: what the host is to mount
 * @owner:      whose files appear to be
 * @nonempty:   the mount point may have contents, which are hidden
 * @read_only, @read_write: asked for
 * @ready:      for background_ready(); -1: none
 */
struct mounting {
	bool foreground, as_caller, ignored, restart;
	unsigned int watchdog;
	struct connection connection;
	struct fuse_owner owner;
	bool nonempty, read_only, read_write;
	int ready;
};

/**
 * mounting_options() - divide the mount options: some are the host's, some the server's, the rest remains for the
 * driver Return: EXIT_DONE; EXIT_USAGE, EXIT_PROBLEM after a message
 */
int mounting_options(struct command *command, struct mounting *mounting);

/* mount_supervise.c: the parent's half; see struct subcommand */
int mounting_record(struct session *session, struct wire_record *record);
int mounting_drive(struct session *session);
void mounting_finish(struct session *session);
bool mounting_again(struct command *command);

/** mounting_work() - the worker's half: serve the image that is mounted */
int mounting_work(struct worker *worker);

#endif
