/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* No signal frame is ever built: signals inside the kernel are consumed there. */
#ifndef _UAPI_ASM_RUMP_SIGCONTEXT_H
#define _UAPI_ASM_RUMP_SIGCONTEXT_H
struct sigcontext {
	unsigned long reserved[8];
};
#endif
