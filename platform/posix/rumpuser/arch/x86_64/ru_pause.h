/* SPDX-License-Identifier: BSD-2-Clause */
/* Tells the CPU that a loop only waits. */
#ifndef PLATFORM_POSIX_RUMPUSER_RU_PAUSE_H
#define PLATFORM_POSIX_RUMPUSER_RU_PAUSE_H

static inline void ru_pause(void)
{
	__builtin_ia32_pause();
}

#endif
