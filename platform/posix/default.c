// SPDX-License-Identifier: BSD-2-Clause
/* Makes posix the platform of the program; apart, because other platforms stand on the rest of this folder */
#include "posix.h"

const struct hyp_ops *hyp_platform(void)
{
	return &posix_hyp_ops;
}
