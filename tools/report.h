/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command says to people, and what it is worth at the end: alike in both processes. */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/** enum outcome - or-ed; what a command ends with */
enum outcome {
	OUTCOME_FAILED = 1,  /* something was not done */
	OUTCOME_LOSSY = 2,   /* all was done, but metadata could not be set */
	OUTCOME_STOPPED = 4, /* on request, by a signal */
	OUTCOME_PIPE = 8,    /* nobody reads standard output any more */
	OUTCOME_DIFFERS = 16, /* diff: the two are not the same */
};

/** enum severity - of a message */
enum severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING, /* not with -q */
	SEVERITY_DETAIL,  /* only with -v */
};

/**
 * struct report - where messages go
 * @say:     takes one message
 * @arg:     its argument
 * @outcome: enum outcome so far
 */
struct report {
	void (*say)(void *arg, enum severity severity, const char *subject, const char *text);
	void *arg;
	unsigned int outcome;
};

/** report_error() - something was not done. @subject: the file or image, NULL: the program itself */
void report_error(struct report *report, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** report_loss() - metadata was lost; only the first one is told */
void report_loss(struct report *report, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** report_warning() - all is well, but the user should know */
void report_warning(struct report *report, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** report_detail() - for -v */
void report_detail(struct report *report, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** report_nothing() - a @say that says nothing */
void report_nothing(void *arg, enum severity severity, const char *subject, const char *text);
/** report_errno() - the text of a negative errno, in the words that fit disk images */
const char *report_errno(long error);

/** stop_requested() - has a signal asked this process to come to an end? */
bool stop_requested(void);
/** stop_request() - from now on the answer is yes; for signal handlers */
void stop_request(void);
/** stop_forget() - from now on it is no */
void stop_forget(void);

/**
 * struct path - a path that grows and shrinks as a tree is walked; only for messages
 */
struct path {
	char *text;
	size_t length, room;
};

/** path_set() - start at @prefix */
int path_set(struct path *path, const char *prefix);
/** path_push() - go down. Return: what path_pop() needs, or -ENOMEM */
long path_push(struct path *path, const char *name);
void path_pop(struct path *path, long length);
void path_free(struct path *path);
/** path_tail() - the end of a path that may be longer than a message should be */
const char *path_tail(const char *path);

#endif
