// SPDX-License-Identifier: BSD-2-Clause
/* What the owner of the instance answers: console and parameters */
#include <stdarg.h>
#include <stdio.h>

#include "posix.h"

void posix_say(const struct hyp *h, const char *format, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (h->config.console && len > 0)
		h->config.console(h->config.owner, line, (size_t)len);
}

void posix_console_write(struct hyp *h, const char *text, size_t len)
{
	int saved ERRNO_KEPT = errno;

	if (h->config.console && len)
		h->config.console(h->config.owner, text, len);
}

long posix_console_read(struct hyp *h, char *buf, size_t size)
{
	int saved ERRNO_KEPT = errno;

	return h->config.input && size ? h->config.input(h->config.owner, buf, size) : 0;
}

int posix_param_get(struct hyp *h, const char *name, char *value, size_t size)
{
	int saved ERRNO_KEPT = errno;

	return h->config.param ? h->config.param(h->config.owner, name, value, size) : -HYP_ENOENT;
}
