// SPDX-License-Identifier: BSD-2-Clause
/* Other processes of the host, for messages about who is in the way */
#include <stdio.h>
#include <string.h>

#include "process.h"

const char *io_process_name(pid_t pid, char *text, size_t size)
{
	char path[48], name[24] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof(name), file))
		*name = 0;
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = 0;
	for (unsigned char *at = (unsigned char *)name; *at; at++)
		*at = *at < ' ' || *at > '~' ? '?' : *at;
	snprintf(text, size, *name ? "%d (%s)" : "%d", (int)pid, name);
	return text;
}
