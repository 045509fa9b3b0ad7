/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_MMU_H
#define _ASM_RUMP_MMU_H
struct rump_window;
struct rumpus_user_ops;
/**
 * struct mm_context_t - how the memory of a process is reached
 * @window: where it has mapped something; NULL at first
 * @ops:    NULL: it is the memory of this host process; else by these calls, with @cookie
 */
typedef struct {
	struct rump_window *window;
	const struct rumpus_user_ops *ops;
	void *cookie;
} mm_context_t;
#endif
