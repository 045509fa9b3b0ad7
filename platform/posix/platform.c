// SPDX-License-Identifier: BSD-2-Clause
/* The hypercall table of the posix platform: Linux hosts */
#include "posix.h"

const struct hyp_ops posix_hyp_ops = {
	.version = HYP_VERSION,
	.size = sizeof(struct hyp_ops),
	.name = "posix",
	.init = posix_init,
	.fini = posix_fini,
	.exit = posix_exit,
	.mem_reserve = posix_mem_reserve,
	.mem_unreserve = posix_mem_unreserve,
	.mem_map = posix_mem_map,
	.mem_commit = posix_mem_commit,
	.mem_release = posix_mem_release,
	.mem_sync_code = posix_mem_sync_code,
	.thread_create = posix_thread_create,
	.thread_exit = posix_thread_exit,
	.thread_join = posix_thread_join,
	.thread_slot = posix_thread_slot,
	.thread_on_exit = posix_thread_on_exit,
	.yield = posix_yield,
	.wait = posix_wait,
	.wake = posix_wake,
	.wake_wait = posix_wake_wait,
	.clock_monotonic = posix_clock_monotonic,
	.clock_realtime = posix_clock_realtime,
	.timer_set = posix_timer_set,
	.console_write = posix_console_write,
	.console_read = posix_console_read,
	.param_get = posix_param_get,
	.entropy = posix_entropy,
};
