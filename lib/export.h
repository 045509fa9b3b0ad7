/* SPDX-License-Identifier: BSD-2-Clause */
/* Included first in every source of librumpus: what the public headers declare is visible, all else is hidden. */
#ifndef LIB_EXPORT_H
#define LIB_EXPORT_H

#pragma GCC visibility push(default)
#include <rumpus/hyp_blk.h>
#include <rumpus/hyp_file.h>
#include <rumpus/rumpus.h>
#pragma GCC visibility pop

#endif
