/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RUMP_DELAY_H
#define _ASM_RUMP_DELAY_H
void __udelay(unsigned long usecs);
void __ndelay(unsigned long nsecs);
void __delay(unsigned long loops);
#define udelay(n) __udelay(n)
#define ndelay(n) __ndelay(n)
#endif
