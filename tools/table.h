/* SPDX-License-Identifier: BSD-2-Clause */
/* Text in columns: tables with heads, and names side by side. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** struct table_column - @right: its cells end below each other, as numbers should */
struct table_column {
	const char *head;
	bool right;
};

/**
 * struct table - rows, kept until the widths of all columns are known
 * @columns: ends with one without a head
 * @gap:     spaces between columns
 * @cells:   private, as what follows: row after row
 */
struct table {
	const struct table_column *columns;
	int gap;
	char **cells;
	size_t count, room;
};

/** table_add() - the next cell of a row, or the first one of the next; what might control a terminal becomes "?" */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** table_print() - to standard output, heads first */
void table_print(const struct table *table);
void table_free(struct table *table);

/** text_width() - characters of clean text, each of which is taken to be as wide as any other */
size_t text_width(const char *text);
/** column_put() - clean text, and spaces up to @width characters; before it when @right */
void column_put(FILE *out, const char *text, size_t width, bool right);
/**
 * columns_print() - clean names in columns of equal width, filled downwards, as many as the terminal @out has room for
 * @name: number @i of @list
 */
void columns_print(FILE *out, const char *(*name)(const void *list, size_t i), const void *list, size_t count);

#endif
