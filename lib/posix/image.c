// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where the kernel image is: the owner's path, the environment's, one linked into the program, the installed one. And
 * where its components are: the owner's path, the environment's, beside the image.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "../host.h"

#define IMAGE_FOLDER "rumpus/"

/* Defined by the object lib/rumpus/embed.o, for programs that link it beside the static library. */
extern const char rumpus_embedded_image[] __attribute__((weak));
extern const char rumpus_embedded_image_end[] __attribute__((weak));

static int open_path(const char *path, struct hyp_file **file, char *name, size_t size)
{
	snprintf(name, size, "%s", path);
	return hyp_file_open(path, file);
}

/* A name of one of the images that are installed together, rather than a path */
static bool is_variant(const char *wish)
{
	return !strpbrk(wish, "/.");
}

/* Programs lie in bin/, the shared library in lib/; both find ../lib/rumpus/linux.img, also in a build tree. */
static int open_beside(const char *binary, const char *image, struct hyp_file **file, char *name, size_t size)
{
	const char *slash = strrchr(binary, '/');
	char path[PATH_MAX];
	int len;

	if (!slash)
		return -ENOENT;
	len = snprintf(path, sizeof(path), "%.*s/../lib/" IMAGE_FOLDER "%s", (int)(slash - binary), binary, image);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENOENT;
	return open_path(path, file, name, size);
}

/* In a program that was linked statically the file would be argv[0], which is whatever who starts it says. */
static int open_beside_library(const char *image, struct hyp_file **file, char *name, size_t size)
{
	struct link_map *map;
	Dl_info info;

	if (!dladdr1((void *)rumpus_boot, &info, (void **)&map, RTLD_DL_LINKMAP) || !*map->l_name)
		return -ENOENT;
	return open_beside(map->l_name, image, file, name, size);
}

static int open_beside_program(const char *image, struct hyp_file **file, char *name, size_t size)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	unsigned long started;

	/* Without /proc, what it was started as will do: it may be a link, of somebody whose rights are not the program's. */
	started = len < 0 && !getauxval(AT_SECURE) ? getauxval(AT_EXECFN) : 0;
	if (started)
		return open_beside((const char *)started, image, file, name, size);
	if (len < 0)
		return -ENOENT;
	path[len] = '\0';
	return open_beside(path, image, file, name, size);
}

static int open_installed(const char *image, struct hyp_file **file, char *name, size_t size)
{
	char path[PATH_MAX];
	int error = open_beside_library(image, file, name, size);

	if (error == -ENOENT)
		error = open_beside_program(image, file, name, size);
	if (error != -ENOENT)
		return error;
	snprintf(path, sizeof(path), RUMPUS_LIBDIR "/" IMAGE_FOLDER "%s", image);
	return open_path(path, file, name, size);
}

static int open_image(const char *path, struct hyp_file **file, char *name, size_t size)
{
	const char *wish = path ? path : secure_getenv("RUMPUS_IMAGE");
	char image[64];

	if (wish && *wish && !is_variant(wish))
		return open_path(wish, file, name, size);
	if (wish && *wish) {
		snprintf(image, sizeof(image), "linux-%s.img", wish);
		return open_installed(image, file, name, size);
	}
	if (rumpus_embedded_image != NULL) {
		snprintf(name, size, "the image in this program");
		return hyp_file_open_mem(rumpus_embedded_image, rumpus_embedded_image_end - rumpus_embedded_image,
					 file);
	}
	return open_installed("linux.img", file, name, size);
}

int host_image_open(const char *path, struct hyp_file **file, char *name, size_t size)
{
	int saved = errno;
	int error = open_image(path, file, name, size);

	errno = saved;
	return error;
}

static int open_components(const char *path, const char *image, const char *release, struct hyp_file **dir, char *name,
			   size_t size)
{
	const char *wish = path ? path : secure_getenv("RUMPUS_COMPONENTS");
	const char *slash = strrchr(image, '/');
	int error, length;

	if (wish && *wish) {
		length = snprintf(name, size, "%s/%s", wish, release);
		error = (size_t)length < size ? hyp_file_open(name, dir) : -ENOENT;
		return error == -ENOENT ? open_path(wish, dir, name, size) : error;
	}
	if (wish || !slash)
		return -ENOENT;
	length = snprintf(name, size, "%.*s/%s", (int)(slash - image), image, release);
	error = (size_t)length < size ? hyp_file_open(name, dir) : -ENOENT;
	/* That there are none there is as good as any reason why they cannot be had. */
	return error == -ENOMEM ? error : error ? -ENOENT : 0;
}

int host_components_open(const char *path, const char *image, const char *release, struct hyp_file **dir, char *name,
			 size_t size)
{
	const char *named = path ? path : secure_getenv("RUMPUS_COMPONENTS");
	int saved = errno;
	int error = open_components(path, image, release, dir, name, size);

	errno = saved;
	if (error != -ENOENT || (named && *named))
		return error;
	*dir = NULL;
	*name = '\0';
	return 0;
}
