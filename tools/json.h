/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing JSON as it comes: nothing is kept, so a million entries cost no memory.
 *
 * Text in an image is bytes. Where they are UTF-8, a string has them as they are, control characters escaped. Where
 * they are not, each byte that does not fit becomes U+FFFD, and a second member, named as the first one with "_base64"
 * added, has all bytes in Base64 (RFC 4648): what can be read is there, and what is exact.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct json - one document
 * @out:    where to; whether that works is the caller's to check, by ferror(3)
 * @comma:  something comes before the next member or element
 */
struct json {
	FILE *out;
	bool comma;
};

/* @name: of a member; NULL: an element of an array, or the document itself */
void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);		   /* '}' or ']' */
/** json_line() - what comes next begins on a line of its own */
void json_line(struct json *json);
/** json_string() - bytes up to a zero byte, as above; in an array only the string */
void json_string(struct json *json, const char *name, const char *text);
/** json_base64() - any bytes, in Base64 */
void json_base64(struct json *json, const char *name, const void *bytes, size_t size);
void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);

/* The usual document: an array on standard output, each element on a line of its own. */
/** json_list() - what to write it with; begins it at the first call */
struct json *json_list(void);
/** json_list_next() - the same, on a new line, for one more element */
struct json *json_list_next(void);
/** json_document() - an object on standard output instead of the array */
struct json *json_document(void);
void json_document_end(void);
/** json_list_end() - end it; an empty one when nothing was written */
void json_list_end(void);

#endif
