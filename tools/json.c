// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: writing JSON as it comes */
#include <inttypes.h>
#include <string.h>

#include "base64.h"
#include "command.h"
#include "json.h"

/* Up to the value: a comma, the name. */
static void begin(struct json *json, const char *name)
{
	if (json->comma)
		fputc(',', json->out);
	json->comma = true;
	if (name)
		fprintf(json->out, "\"%s\":", name);
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	fputc(bracket, json->out);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->comma = true;
}

void json_line(struct json *json)
{
	if (json->comma)
		fputc(',', json->out);
	json->comma = false;
	fputc('\n', json->out);
}

static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		unsigned int length = text_sequence(text);

		if (!length)
			fputs("\\ufffd", out);
		else if (length == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fwrite(text, 1, length, out);
		text += length ? length : 1;
	}
	fputc('"', out);
}

static void put_base64(FILE *out, const void *bytes, size_t size)
{
	char text[BASE64_SIZE(BASE64_PIECE)];
	const unsigned char *at = bytes;

	fputc('"', out);
	for (; size; size -= size < BASE64_PIECE ? size : BASE64_PIECE, at += BASE64_PIECE) {
		base64_encode(at, size < BASE64_PIECE ? size : BASE64_PIECE, text);
		fputs(text, out);
	}
	fputc('"', out);
}

void json_string(struct json *json, const char *name, const char *text)
{
	begin(json, name);
	put_string(json->out, text);
	if (!name || text_valid(text))
		return;
	fprintf(json->out, ",\"%s_base64\":", name);
	put_base64(json->out, text, strlen(text));
}

void json_base64(struct json *json, const char *name, const void *bytes, size_t size)
{
	begin(json, name);
	put_base64(json->out, bytes, size);
}

void json_unsigned(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *name, int64_t value)
{
	begin(json, name);
	fprintf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->out);
}

static struct json list;

static struct json *document(char bracket)
{
	if (!list.out) {
		list.out = stdout;
		json_open(&list, NULL, bracket);
	}
	return &list;
}

static void end_document(char bracket)
{
	fputs("\n", list.out);
	json_close(&list, bracket);
	fputs("\n", list.out);
	list = (struct json){ 0 };
}

struct json *json_list(void)
{
	return document('[');
}

struct json *json_document(void)
{
	return document('{');
}

void json_document_end(void)
{
	document('{');
	end_document('}');
}

struct json *json_list_next(void)
{
	json_line(json_list());
	return &list;
}

void json_list_end(void)
{
	document('[');
	end_document(']');
}
