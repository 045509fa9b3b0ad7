/* SPDX-License-Identifier: BSD-2-Clause */
/* Files with contents that can be told again: in the kernel that the thread has entered, and in an image on the host */
#ifndef TESTS_FULL_FILES_H
#define TESTS_FULL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "../net/node.h"

#define MIB (UINT64_C(1) << 20)

/** must() - end the test when the result of a call is a negative errno */
void must(long result, const char *what);

/** put() - node_put() that must work */
void put(struct node *node, const char *path, const char *text);

/** file_write() - make a file of so many bytes of the pattern @seed, and fsync it. Return: 0, or the first error */
long file_write(const char *path, uint64_t seed, uint64_t bytes);

/** file_has() - has it these bytes, and no more? */
bool file_has(const char *path, uint64_t seed, uint64_t bytes);

/** image_make() - an ext4 image of @mib MiB */
void image_make(const char *image, unsigned int mib);

/** image_has() - does the host's own reader of ext4 find the file with these bytes in its root directory? */
bool image_has(const char *image, const char *name, uint64_t seed, uint64_t bytes);

/** image_replay() - have e2fsck do what the journal of an image says that was not unmounted */
void image_replay(const char *image);

/** image_is_clean() - has e2fsck nothing to say? What it says is noted. */
bool image_is_clean(const char *image);

#endif
