/* SPDX-License-Identifier: BSD-2-Clause */
/* Why an image cannot be mounted, and what helps: each of these tells the user. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include "command.h"

/** explain_partitions() - that one of them is to be chosen, or that the one that is asked for is not among them */
void explain_partitions(struct worker *worker, const struct image *image, const struct probe_table *table);
/** explain_format() - nothing is found in the image: is it that of a disk in another form? Return: false without a
 * message */
bool explain_format(struct worker *worker, const struct image *image);
/** explain_unknown() - that there is no file system. @error: of probe_place(). Return: -ENOENT */
int explain_unknown(struct worker *worker, const struct image *image, int error);
/** explain_contents() - is what was found none of what is mounted? Return: false without a message */
bool explain_contents(struct worker *worker, const struct image *image, const struct probe *probe);
/** explain_short() - that an image which has been mounted has less than its file system needs, where its driver does not mind */
void explain_short(struct worker *worker, const struct image *image);
/**
 * explain_features() - the names of features in a kernel's message about those that it does not know
 * @type: of the file system
 * @line: what the kernel says
 * @text: out: "metadir, parent"
 * @readable: out: they only keep from writing
 * Return: how many; 0: the message is about something else
 */
unsigned int explain_features(const char *type, const char *line, char *text, size_t size, bool *readable);
/** explain_mount() - what the kernel does not like. @error: of its mount(2). @since: where its messages about that
 * begin */
void explain_mount(struct worker *worker, const struct image *image, long error, uint64_t since);

#endif
