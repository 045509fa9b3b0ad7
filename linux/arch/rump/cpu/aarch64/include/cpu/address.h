/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CPU_ADDRESS_H
#define _CPU_ADDRESS_H
/* Addresses of a program are shorter than this. */
#define CPU_ADDRESS_BITS 48
#endif
