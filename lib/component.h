/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a kernel's components are, and what the kernel asks for by itself. */
#ifndef LIB_COMPONENT_H
#define LIB_COMPONENT_H

#include <limits.h>
#include <pthread.h>
#include <stddef.h>

#include <rumpus/hyp_file.h>

struct rumpus;

/**
 * struct components - a kernel's components
 * @lock:  guards the others; not held while the kernel loads one, which may ask for a further one
 * @dir:   open directory; NULL: there is none, or it was closed
 * @index: text of the index, from its first use until the kernel is freed; NULL before
 * @index_size: bytes of it
 * @path:  of the directory, for messages; "" when there is none; constant
 */
struct components {
	pthread_mutex_t lock;
	struct hyp_file *dir;
	char *index;
	size_t index_size;
	char path[PATH_MAX];
};

/**
 * components_open() - find the directory of components for a kernel whose image is loaded
 * @image: path of the image
 * Return: 0, also when there is none and nobody named one; an error for one that was named, after a message
 */
int components_open(struct rumpus *kernel, const char *image);
/** components_free() - after all calls have ended; also after components_open() has failed */
void components_free(struct rumpus *kernel);
/** component_request() - as rumpus_image_ops.components() wants it; @cookie is the kernel */
int component_request(void *cookie, const char *name);

#endif
