/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_SIGNAL_H
#define _CPU_SIGNAL_H
/* This CPU's header for programs has all that the kernel needs. */
#include <uapi/asm/signal.h>
#endif
