// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: the one format that libarchive.a is linked without
 *
 * Nothing here writes it, but libarchive's table of formats names its writer, which would bring libxml2 with it. A
 * definition here comes before the one of the archive.
 */
#include <errno.h>

#include <archive.h>

int archive_write_set_format_xar(struct archive *archive)
{
	archive_set_error(archive, ENOSYS, "xar archives are not written");
	return ARCHIVE_FATAL;
}
