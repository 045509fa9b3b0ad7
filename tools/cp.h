/* SPDX-License-Identifier: BSD-2-Clause */
/* Copying between host and images, for cp, and for mv where nothing can just be renamed. */
#ifndef TOOLS_CP_H
#define TOOLS_CP_H

#include "command.h"

/** struct cp_options - what the options of a subcommand that copies begin with */
struct cp_options {
	bool recursive, preserve, one_fs;
};

/* The parts of struct subcommand of the same names. */
int cp_prepare(struct command *command, int argc, char **argv);
int cp_work(struct worker *worker);
int cp_drive(struct session *session);
int cp_record(struct session *session, struct wire_record *record);
void cp_finish(struct session *session);

/** cp_last_name() - last component of @path, "." when that names no entry: the root, "..", "x/."; in memory that stays
 */
const char *cp_last_name(const char *path);
/** cp_dir_name() - directory part of @path; "." or "/" when there is none. Caller frees. */
char *cp_dir_name(const char *path);

#endif
