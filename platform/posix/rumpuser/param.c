// SPDX-License-Identifier: BSD-2-Clause
/* Parameters: the environment, and what every kernel must be told */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define HOST_NAME_SIZE 65
#define CPUS_DIGITS 4 /* more than any kernel has virtual CPUs, and no overflow there */

static int value_set(char *value, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		return -HYP_ERANGE;
	memcpy(value, text, length + 1);
	return (int)length;
}

/* RUMP_NCPU; without it, or when that says "host", as many virtual CPUs as this process may use of the host's */
static int param_cpus(char *value, size_t size)
{
	const char *wish = getenv("RUMP_NCPU");
	cpu_set_t set;
	char text[24];
	long cpus;

	if (wish && strcmp(wish, "host") != 0) {
		size_t length = strlen(wish);

		if (length <= CPUS_DIGITS && strspn(wish, "0123456789") == length && atoi(wish) > 0)
			return value_set(value, size, wish);
		ru_warn("RUMP_NCPU=%s: give a number of virtual CPUs from 1 to 9999, or host", wish);
		return -HYP_EINVAL;
	}
	cpus = sched_getaffinity(0, sizeof(set), &set) ? sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
	snprintf(text, sizeof(text), "%ld", cpus > 0 ? cpus : 1);
	return value_set(value, size, text);
}

/* Unlike that of any other rump kernel on this host */
static int param_hostname(char *value, size_t size)
{
	char host[HOST_NAME_SIZE] = "";
	char text[HOST_NAME_SIZE + 32];

	if (gethostname(host, sizeof(host) - 1) || !host[0])
		strcpy(host, "localhost");
	snprintf(text, sizeof(text), "rump-%05ld.%s", (long)getpid(), host);
	return value_set(value, size, text);
}

int ru_host_param(const char *name, char *value, size_t size)
{
	const char *set;

	if (!strcmp(name, RUMPUSER_PARAM_NCPU))
		return param_cpus(value, size);
	if (!strcmp(name, RUMPUSER_PARAM_HOSTNAME))
		return param_hostname(value, size);
	if (name[0] == '_') {
		ru_warn("rumpuser_getparam: the rump kernel insists on the parameter %s, which revision %d does not have",
			name, RUMPUSER_VERSION);
		return -HYP_EINVAL;
	}
	set = getenv(name);
	return set ? value_set(value, size, set) : -HYP_ENOENT;
}
