/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces of the host */
#ifndef IO_NET_HOST_H
#define IO_NET_HOST_H

#include <net/if.h>
#include <stdbool.h>

#include "net.h"

/** net_host_name() - is what follows the colon a name that an interface can have? Else a message, and -HYP_EINVAL */
int net_host_name(struct io_spec *spec, char name[IFNAMSIZ]);

/** net_host_mtu() - of an interface; 0 when there is none, or none that serves */
uint32_t net_host_mtu(const char *name);

/** net_host_exists() - is there such an interface? */
bool net_host_exists(const char *name);

#endif
