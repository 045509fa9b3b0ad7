/* SPDX-License-Identifier: BSD-2-Clause */
/* A user and network namespace for a test, where anybody may have interfaces */
#ifndef TESTS_NET_SPACE_H
#define TESTS_NET_SPACE_H

/** space_enter() - be root of new namespaces; before the first thread. Return: NULL, or why that cannot be */
const char *space_enter(void);

/** space_up() - start an interface, with an IPv4 address of a network of 24 bits or NULL; ends the test on failure */
void space_up(const char *name, const char *address);

/** space_delete() - delete an interface */
void space_delete(const char *name);

#endif
