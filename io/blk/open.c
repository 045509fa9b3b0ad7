// SPDX-License-Identifier: BSD-2-Clause
/* hyp_blk_open(): the table of block backends */
#include "blk.h"
#include <blk_backends.h> /* made by io/build.mk of its list of backends: blk_backends[], ends with NULL */

static const struct io_backend *backend_at(unsigned int index)
{
	return blk_backends[index] ? &blk_backends[index]->about : NULL;
}

static int open_backend(struct io_spec *spec, void *disk)
{
	/* First member of what backend_at() found */
	return ((const struct blk_backend *)spec->backend)->open(spec, disk);
}

int hyp_blk_open(const char *text, uint32_t flags, struct hyp_blk **disk, char *error, size_t error_size)
{
	static const struct io_family family = {
		.device = "block",
		.example = "file:%s for an image file",
		.backend = backend_at,
	};
	struct io_spec spec = { .flags = flags, .error = error, .error_size = error_size };

	if (flags & ~(uint32_t)(HYP_BLK_OPEN_READ_ONLY | HYP_BLK_OPEN_NO_LOCK | HYP_BLK_OPEN_PART))
		return io_fail(&spec, -HYP_EINVAL, "unknown flags 0x%x for opening %s", flags, text);
	return io_spec_open(&family, text, &spec, open_backend, disk);
}
