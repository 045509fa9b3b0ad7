// SPDX-License-Identifier: BSD-2-Clause
/* Error numbers: from enum hyp_error, which are those of Linux's asm-generic, to NetBSD's */
#include "internal.h"

/* In Linux's order, up to NetBSD's ELAST of that revision (96). What is missing becomes EINVAL. */
static const struct ru_errno table[] = {
	{ 1, 1, "EPERM" },
	{ 2, 2, "ENOENT" },
	{ 3, 3, "ESRCH" },
	{ 4, 4, "EINTR" },
	{ 5, 5, "EIO" },
	{ 6, 6, "ENXIO" },
	{ 7, 7, "E2BIG" },
	{ 8, 8, "ENOEXEC" },
	{ 9, 9, "EBADF" },
	{ 10, 10, "ECHILD" },
	{ 11, 35, "EAGAIN" },
	{ 12, 12, "ENOMEM" },
	{ 13, 13, "EACCES" },
	{ 14, 14, "EFAULT" },
	{ 15, 15, "ENOTBLK" },
	{ 16, 16, "EBUSY" },
	{ 17, 17, "EEXIST" },
	{ 18, 18, "EXDEV" },
	{ 19, 19, "ENODEV" },
	{ 20, 20, "ENOTDIR" },
	{ 21, 21, "EISDIR" },
	{ 22, 22, "EINVAL" },
	{ 23, 23, "ENFILE" },
	{ 24, 24, "EMFILE" },
	{ 25, 25, "ENOTTY" },
	{ 26, 26, "ETXTBSY" },
	{ 27, 27, "EFBIG" },
	{ 28, 28, "ENOSPC" },
	{ 29, 29, "ESPIPE" },
	{ 30, 30, "EROFS" },
	{ 31, 31, "EMLINK" },
	{ 32, 32, "EPIPE" },
	{ 33, 33, "EDOM" },
	{ 34, 34, "ERANGE" },
	{ 35, 11, "EDEADLK" },
	{ 36, 63, "ENAMETOOLONG" },
	{ 37, 77, "ENOLCK" },
	{ 38, 78, "ENOSYS" },
	{ 39, 66, "ENOTEMPTY" },
	{ 40, 62, "ELOOP" },
	{ 42, 83, "ENOMSG" },
	{ 43, 82, "EIDRM" },
	{ 60, 91, "ENOSTR" },
	{ 61, 89, "ENODATA" },
	{ 62, 92, "ETIME" },
	{ 63, 90, "ENOSR" },
	{ 66, 71, "EREMOTE" },
	{ 67, 95, "ENOLINK" },
	{ 71, 96, "EPROTO" },
	{ 72, 94, "EMULTIHOP" },
	{ 74, 88, "EBADMSG" },
	{ 75, 84, "EOVERFLOW" },
	{ 84, 85, "EILSEQ" },
	{ 87, 68, "EUSERS" },
	{ 88, 38, "ENOTSOCK" },
	{ 89, 39, "EDESTADDRREQ" },
	{ 90, 40, "EMSGSIZE" },
	{ 91, 41, "EPROTOTYPE" },
	{ 92, 42, "ENOPROTOOPT" },
	{ 93, 43, "EPROTONOSUPPORT" },
	{ 94, 44, "ESOCKTNOSUPPORT" },
	{ 95, 45, "EOPNOTSUPP" },
	{ 96, 46, "EPFNOSUPPORT" },
	{ 97, 47, "EAFNOSUPPORT" },
	{ 98, 48, "EADDRINUSE" },
	{ 99, 49, "EADDRNOTAVAIL" },
	{ 100, 50, "ENETDOWN" },
	{ 101, 51, "ENETUNREACH" },
	{ 102, 52, "ENETRESET" },
	{ 103, 53, "ECONNABORTED" },
	{ 104, 54, "ECONNRESET" },
	{ 105, 55, "ENOBUFS" },
	{ 106, 56, "EISCONN" },
	{ 107, 57, "ENOTCONN" },
	{ 108, 58, "ESHUTDOWN" },
	{ 109, 59, "ETOOMANYREFS" },
	{ 110, 60, "ETIMEDOUT" },
	{ 111, 61, "ECONNREFUSED" },
	{ 112, 64, "EHOSTDOWN" },
	{ 113, 65, "EHOSTUNREACH" },
	{ 114, 37, "EALREADY" },
	{ 115, 36, "EINPROGRESS" },
	{ 116, 70, "ESTALE" },
	{ 122, 69, "EDQUOT" },
	{ 125, 87, "ECANCELED" },
};

#define ENTRIES (sizeof(table) / sizeof(table[0]))

const struct ru_errno *ru_errno_table(size_t *entries)
{
	*entries = ENTRIES;
	return table;
}

int ru_errno_translate(int number)
{
	size_t i;

	if (!number)
		return 0;
	for (i = 0; i < ENTRIES; i++) {
		if (table[i].number == number)
			return table[i].netbsd;
	}
	return RU_EINVAL;
}

int ru_error(long result)
{
	return result < 0 ? ru_errno_translate(-(int)result) : 0;
}

const char *ru_error_text(int error)
{
	size_t i;

	for (i = 0; i < ENTRIES; i++) {
		if (table[i].netbsd == error)
			return table[i].name;
	}
	return "unknown error";
}
