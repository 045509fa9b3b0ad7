/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling a service manager how a service fares: the protocol of sd_notify(3). */
#ifndef TOOLS_NOTIFY_H
#define TOOLS_NOTIFY_H

/**
 * notify_manager() - tell whoever started this service
 * @state: lines such as "READY=1"
 *
 * Does nothing where nobody wants to know, which is when NOTIFY_SOCKET is not set; a manager that cannot be reached is
 * no failure of the service. Never blocks.
 */
void notify_manager(const char *state);

#endif
