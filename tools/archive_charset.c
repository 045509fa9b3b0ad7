// SPDX-License-Identifier: BSD-2-Clause
/*
 * rumpus: names in archives stay the bytes that they are
 *
 * libarchive converts names to the character set of the locale. Names in Linux file systems have no character set. The
 * worker cannot open the C library's tables of them either. So the two functions by which libarchive learns of
 * character sets and converts between them are replaced, by the linker's --wrap:
 *
 * While a tar archive is read, the locale is plain ASCII. What is more than that is then kept as it is, with a warning;
 * with UTF-8, names would be changed to a normal form of Unicode. Formats whose names are UTF-16 or UTF-8 by definition
 * (zip, 7-Zip, RAR, cabinets, Joliet) get UTF-8, which libarchive makes by itself.
 *
 * While one is written, it is UTF-8, the character set of pax headers. A name that is not UTF-8 is kept as it is, and
 * marked as binary, with a warning.
 */
#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <string.h>

#include "archive.h"

static struct archive *current;
static bool current_written;

void archive_charset_begin(struct archive *archive, bool written)
{
	current = archive;
	current_written = written;
}

bool archive_charset_warns(struct archive *archive)
{
	const char *why = archive_error_string(archive);

	if (!why || (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
		return false;
	return strstr(why, "to current locale") || !strncmp(why, "Can't translate ", 16);
}

/* Named by the linker, hence their form. */
char *__real_nl_langinfo(nl_item item);
char *__wrap_nl_langinfo(nl_item item);
iconv_t __wrap_iconv_open(const char *to, const char *from);

char *__wrap_nl_langinfo(nl_item item)
{
	static char ascii[] = "US-ASCII", utf8[] = "UTF-8";

	if (item != CODESET || !current)
		return __real_nl_langinfo(item);
	if (!current_written && (archive_format(current) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR)
		return ascii;
	return utf8;
}

iconv_t __wrap_iconv_open(const char *to, const char *from)
{
	errno = EINVAL;
	return (iconv_t)-1;
}
