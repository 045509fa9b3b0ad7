// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: text in columns */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "command.h"
#include "table.h"

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void column_put(FILE *out, const char *text, size_t width, bool right)
{
	size_t own = text_width(text);
	int rest = width > own ? (int)(width - own) : 0;

	if (right)
		fprintf(out, "%*s%s", rest, "", text);
	else
		fprintf(out, "%s%*s", text, rest, "");
}

void columns_print(FILE *out, const char *(*name)(const void *list, size_t i), const void *list, size_t count)
{
	struct winsize window = { .ws_col = 80 };
	size_t width = 1, columns, rows;

	ioctl(fileno(out), TIOCGWINSZ, &window);
	for (size_t i = 0; i < count; i++)
		width = larger(width, text_width(name(list, i)) + 2);
	columns = window.ws_col / width ? window.ws_col / width : 1;
	rows = (count + columns - 1) / columns;
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = row; i < count; i += rows)
			column_put(out, name(list, i), i + rows < count ? width : 0, false);
		fputc('\n', out);
	}
}

void table_add(struct table *table, const char *format, ...)
{
	va_list args;

	if (table->count == table->room) {
		table->room = 2 * table->room + 64;
		table->cells = realloc(table->cells, table->room * sizeof(*table->cells));
		if (!table->cells)
			abort();
	}
	va_start(args, format);
	if (vasprintf(&table->cells[table->count], format, args) < 0)
		abort();
	va_end(args);
	text_clean(table->cells[table->count++]);
}

static size_t columns_of(const struct table *table)
{
	size_t count = 0;

	while (table->columns[count].head)
		count++;
	return count;
}

static size_t widest(const struct table *table, size_t column, size_t columns)
{
	size_t width = text_width(table->columns[column].head);

	for (size_t at = column; at < table->count; at += columns)
		width = larger(width, text_width(table->cells[at]));
	return width;
}

/* Number @row; 0: the heads */
static void print_row(const struct table *table, size_t row, const size_t *widths, size_t columns)
{
	for (size_t i = 0; i < columns; i++) {
		const struct table_column *column = &table->columns[i];
		const char *text = row ? table->cells[(row - 1) * columns + i] : column->head;
		bool last = i + 1 == columns;

		column_put(stdout, text, column->right || !last ? widths[i] : 0, column->right);
		printf("%*s", last ? 0 : table->gap, "");
	}
	putchar('\n');
}

void table_print(const struct table *table)
{
	size_t columns = columns_of(table), *widths = calloc(columns, sizeof(*widths));

	if (!widths)
		abort();
	for (size_t i = 0; i < columns; i++)
		widths[i] = widest(table, i, columns);
	for (size_t row = 0; row <= table->count / columns; row++)
		print_row(table, row, widths, columns);
	free(widths);
}

void table_free(struct table *table)
{
	while (table->count)
		free(table->cells[--table->count]);
	free(table->cells);
	table->cells = NULL;
	table->room = 0;
}
