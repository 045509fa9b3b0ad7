// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: messages, outcomes, paths for messages */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define MESSAGE_MAX 1024
/* Bytes of a path in a message. Trees can be deeper than any packet is long. */
#define PATH_SHOWN 2000U

static volatile sig_atomic_t stop;

bool stop_requested(void)
{
	return stop;
}

void stop_request(void)
{
	stop = 1;
}

void stop_forget(void)
{
	stop = 0;
}

static void say(struct report *report, enum severity severity, const char *subject, const char *format, va_list args)
{
	char text[MESSAGE_MAX];

	vsnprintf(text, sizeof(text), format, args);
	report->say(report->arg, severity, subject ? subject : "", text);
}

void report_error(struct report *report, const char *subject, const char *format, ...)
{
	va_list args;

	report->outcome |= OUTCOME_FAILED;
	va_start(args, format);
	say(report, SEVERITY_ERROR, subject, format, args);
	va_end(args);
}

void report_loss(struct report *report, const char *subject, const char *format, ...)
{
	va_list args;

	if (report->outcome & OUTCOME_LOSSY)
		return;
	report->outcome |= OUTCOME_LOSSY;
	va_start(args, format);
	say(report, SEVERITY_WARNING, subject, format, args);
	va_end(args);
}

void report_warning(struct report *report, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(report, SEVERITY_WARNING, subject, format, args);
	va_end(args);
}

void report_detail(struct report *report, const char *subject, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(report, SEVERITY_DETAIL, subject, format, args);
	va_end(args);
}

void report_nothing(void *arg, enum severity severity, const char *subject, const char *text)
{
}

const char *report_errno(long error)
{
	const char *text;

	switch (-error) {
	case EUCLEAN: /* also EFSCORRUPTED of ext4, xfs and btrfs */
		return "the file system is damaged; check it with its fsck";
	case EBADMSG:
		return "a checksum does not match; check the file system with its fsck";
	case ESHUTDOWN:
		return "the kernel has ended";
	case ENOSPC:
		return "no space is left on the file system; remove something or use a larger one";
	case EROFS:
		return "the file system is mounted read-only";
	}
	text = strerrordesc_np((int)-error);
	return text ? text : "unknown error";
}

int path_set(struct path *path, const char *prefix)
{
	path->length = 0;
	return path_push(path, prefix) < 0 ? -ENOMEM : 0;
}

long path_push(struct path *path, const char *name)
{
	size_t old = path->length, length = strlen(name);
	bool slash = old && path->text[old - 1] != '/';

	if (old + length + 2 > path->room) {
		size_t room = 2 * (old + length) + 256;
		char *text = realloc(path->text, room);

		if (!text)
			return -ENOMEM;
		path->text = text;
		path->room = room;
	}
	if (slash)
		path->text[path->length++] = '/';
	memcpy(path->text + path->length, name, length + 1);
	path->length += length;
	return (long)old;
}

void path_pop(struct path *path, long length)
{
	path->length = (size_t)length;
	path->text[length] = 0;
}

const char *path_tail(const char *path)
{
	size_t length = strlen(path);

	return length > PATH_SHOWN ? path + length - PATH_SHOWN : path;
}

void path_free(struct path *path)
{
	free(path->text);
	*path = (struct path){ 0 };
}
