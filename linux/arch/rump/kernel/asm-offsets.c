// SPDX-License-Identifier: GPL-2.0-only
/* What assembly code is told of structures */
#include <linux/kbuild.h>
#include <linux/stddef.h>
#include "rump.h"

int main(void)
{
	DEFINE(TOP_SIZE, sizeof(struct rump_top));
	OFFSET(TOP_CPU, rump_top, cpu);
	OFFSET(CPU_KICKED_AT, rump_cpu, kicked_at);
	return 0;
}
