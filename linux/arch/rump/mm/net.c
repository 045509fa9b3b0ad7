// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that sockets may take: by what this kernel may grow to
 *
 * The tree computes these limits from the memory that is free when it boots, which is a few megabytes here. The shares
 * are those of the tree.
 */
#include <linux/init.h>
#include <linux/sizes.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include <net/udp.h>
#include "../kernel/rump.h"

/* Pages below which there is pressure no more, where it begins, and that are never exceeded */
static void __init set_pages(long limits[3], long pages)
{
	limits[0] = pages / 4 * 3;
	limits[1] = pages;
	limits[2] = limits[0] * 2;
}

static int __init size_sockets(void)
{
	long pages = rump_info.mem_bound >> PAGE_SHIFT;
	int share = min_t(u64, rump_info.mem_bound >> 7, SZ_4M);

	set_pages(sysctl_tcp_mem, pages / 16);
	set_pages(sysctl_udp_mem, pages / 8);
	init_net.ipv4.sysctl_tcp_wmem[2] = max(share, SZ_64K);
	init_net.ipv4.sysctl_tcp_rmem[2] = max(share / 2 * 3, 131072);
	return 0;
}
late_initcall(size_sockets);
