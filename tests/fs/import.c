// SPDX-License-Identifier: BSD-2-Clause
/* Real data: files of the host copied into a file system, compared with the originals later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/syscalls.h>

#include "../tap.h"
#include "import.h"

#define CHUNK (1 << 20)

/* One file that was copied; a list in order of copying. */
struct copied {
	struct copied *next;
	char *host;
	char *inside;
};

static struct copied *first, **last = &first;
static const char *from_dir, *to_dir;
static uint64_t room;
static unsigned int count;
static char host_bytes[CHUNK], inside_bytes[CHUNK];

static long copy_contents(const char *host, const char *inside)
{
	const int in = open(host, O_RDONLY);
	const int out = rumpus_sys_openat(AT_FDCWD, inside, O_CREAT | O_EXCL | O_WRONLY, 0600);
	long len, ret = 0;

	if (in < 0)
		tap_abort("%s: %s", host, strerror(errno));
	if (out < 0)
		return out;
	while (!ret && (len = read(in, host_bytes, CHUNK)) > 0) {
		ret = rumpus_sys_write(out, host_bytes, len);
		ret = ret == len ? 0 : ret < 0 ? ret : -EIO;
	}
	close(in);
	rumpus_sys_close(out);
	return ret;
}

static long copy_link(const char *host, const char *inside)
{
	const ssize_t len = readlink(host, host_bytes, CHUNK - 1);

	if (len < 0)
		return -errno;
	host_bytes[len] = '\0';
	return rumpus_sys_symlinkat(host_bytes, AT_FDCWD, inside);
}

static long copy_one(const char *host, const char *inside, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	long ret;

	if (S_ISDIR(st->st_mode))
		return rumpus_sys_mkdirat(AT_FDCWD, inside, 0755);
	ret = S_ISLNK(st->st_mode) ? copy_link(host, inside) : copy_contents(host, inside);
	if (!ret && !S_ISLNK(st->st_mode))
		ret = rumpus_sys_fchmodat(AT_FDCWD, inside, st->st_mode & 07777);
	if (!ret)
		ret = rumpus_sys_utimensat(AT_FDCWD, inside, (void *)times, AT_SYMLINK_NOFOLLOW);
	return ret;
}

static int visit(const char *host, const struct stat *st, int kind, struct FTW *ftw)
{
	struct copied *c;
	long ret;

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
		return FTW_CONTINUE;
	if (S_ISREG(st->st_mode) && ((uint64_t)st->st_size > room || access(host, R_OK)))
		return FTW_CONTINUE;
	if (S_ISREG(st->st_mode))
		room -= st->st_size;
	c = calloc(1, sizeof(*c));
	if (!c || !(c->host = strdup(host)) || asprintf(&c->inside, "%s%s", to_dir, host + strlen(from_dir)) < 0)
		tap_abort("out of memory");
	ret = copy_one(c->host, c->inside, st);
	if (ret)
		tap_abort("copying %s: %s", host, strerror(-ret));
	*last = c;
	last = &c->next;
	count++;
	return FTW_CONTINUE;
}

unsigned int import_copy(const char *from, const char *to, uint64_t most)
{
	from_dir = from;
	to_dir = to;
	room = most;
	count = 0;
	if (nftw(from, visit, 16, FTW_PHYS | FTW_ACTIONRETVAL))
		tap_abort("%s: %s", from, strerror(errno));
	return count;
}

static const char *compare_contents(const struct copied *c)
{
	const int host = open(c->host, O_RDONLY);
	const int inside = rumpus_sys_openat(AT_FDCWD, c->inside, O_RDONLY, 0);
	const char *what = NULL;
	long len, got;

	if (host < 0 || inside < 0)
		what = "open";
	do {
		if (what)
			break;
		len = read(host, host_bytes, CHUNK);
		got = rumpus_sys_read(inside, inside_bytes, CHUNK);
		if (len != got || (len > 0 && memcmp(host_bytes, inside_bytes, len)))
			what = "contents";
	} while (len > 0);
	if (host >= 0)
		close(host);
	if (inside >= 0)
		rumpus_sys_close(inside);
	return what;
}

static const char *compare_link(const struct copied *c)
{
	const ssize_t len = readlink(c->host, host_bytes, CHUNK);
	const long got = rumpus_sys_readlinkat(AT_FDCWD, c->inside, inside_bytes, CHUNK);

	return len == got && len > 0 && !memcmp(host_bytes, inside_bytes, len) ? NULL : "target";
}

static const char *compare_one(const struct copied *c)
{
	struct stat host;
	struct statx st;

	if (lstat(c->host, &host) ||
	    rumpus_sys_statx(AT_FDCWD, c->inside, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, (void *)&st))
		return "stat";
	if ((st.stx_mode & S_IFMT) != (host.st_mode & S_IFMT))
		return "type";
	if (S_ISDIR(host.st_mode))
		return NULL;
	if (st.stx_mode != host.st_mode || st.stx_size != (uint64_t)host.st_size)
		return "mode or size";
	if (st.stx_mtime.tv_sec != host.st_mtim.tv_sec || st.stx_mtime.tv_nsec != host.st_mtim.tv_nsec)
		return "time";
	return S_ISLNK(host.st_mode) ? compare_link(c) : compare_contents(c);
}

unsigned int import_compare(void)
{
	unsigned int differ = 0;

	for (const struct copied *c = first; c; c = c->next) {
		const char *what = compare_one(c);

		if (what && !differ++)
			tap_note("%s differs: %s", c->inside, what);
	}
	return differ;
}
