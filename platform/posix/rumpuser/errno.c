// SPDX-License-Identifier: BSD-2-Clause
/* Error numbers of the host's */
#include <errno.h>

#include "internal.h"

/* The table of rumpuser/errno.c is for Linux hosts whose numbers are those of asm-generic, as x86-64's and arm64's are.
 */
_Static_assert(EAGAIN == 11 && EDEADLK == 35 && ENAMETOOLONG == 36 && ENOTEMPTY == 39, "asm-generic");
_Static_assert(EOVERFLOW == 75 && EILSEQ == 84 && EOPNOTSUPP == 95 && ECONNREFUSED == 111, "asm-generic");
_Static_assert(EDQUOT == 122 && ECANCELED == 125 && ENOTRECOVERABLE == 131, "asm-generic");

int ru_host_errno(int host_errno)
{
	return ru_errno_translate(host_errno);
}

void rumpuser_seterrno(int error)
{
	errno = error;
}
