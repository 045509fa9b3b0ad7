// SPDX-License-Identifier: BSD-2-Clause
/* Output: the kernel's console, and messages of ours */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

#define LINE_SIZE 256

/* Console output that is no whole line yet */
static struct {
	struct ru_lock lock;
	size_t used;
	char text[LINE_SIZE];
} line;

static void flush_locked(void)
{
	if (line.used)
		ru_host_write(line.text, line.used);
	line.used = 0;
}

void ru_console_flush(void)
{
	/* Whoever ends the process may do so amid a line of its own. */
	if (ru_lock_try(&line.lock)) {
		flush_locked();
		ru_lock_release(&line.lock);
	}
}

void rumpuser_putchar(int character)
{
	ru_lock_take(&line.lock);
	line.text[line.used++] = (char)character;
	if (character == '\n' || line.used == LINE_SIZE)
		flush_locked();
	ru_lock_release(&line.lock);
}

/* In one write, so that messages of several threads do not mix; long ones need memory. */
static void print(const char *prefix, const char *format, va_list args, const char *suffix)
{
	char text[1024], *whole = text;
	va_list again;
	int head, body, length;

	va_copy(again, args);
	head = snprintf(text, sizeof(text), "%s", prefix);
	body = vsnprintf(text + head, sizeof(text) - head, format, args);
	length = head + body + snprintf(NULL, 0, "%s", suffix);
	if ((size_t)length >= sizeof(text)) {
		whole = malloc(length + 1);
		if (whole) {
			snprintf(whole, length + 1, "%s", prefix);
			vsnprintf(whole + head, length + 1 - head, format, again);
		} else {
			whole = text;
			length = sizeof(text) - 1;
			body = length - head;
			suffix = "";
		}
	}
	va_end(again);
	if (head + body < length)
		snprintf(whole + head + body, length + 1 - head - body, "%s", suffix);
	ru_console_flush();
	ru_host_write(whole, length);
	if (whole != text)
		free(whole);
}

void rumpuser_dprintf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("", format, args, "");
	va_end(args);
}

void ru_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("rumpuser: ", format, args, "\n");
	va_end(args);
}

void ru_fail(const char *call, const char *format, ...)
{
	char prefix[128];
	va_list args;

	snprintf(prefix, sizeof(prefix), "rumpuser: %s: ", call);
	va_start(args, format);
	print(prefix, format, args, "\n");
	va_end(args);
	rumpuser_exit(RUMPUSER_PANIC);
}
