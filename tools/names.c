// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: where files with several names went first, by their number */
#include <stdlib.h>
#include <string.h>

#include "tree.h"

struct tree_name {
	uint32_t number;
	char *path;
};

static struct tree_name *find(const struct tree_names *names, uint32_t number)
{
	size_t low = 0, high = names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->list[middle].number == number)
			return &names->list[middle];
		if (names->list[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A place for @number, which is larger than all before it: memory grows by files, whatever a hostile sender counts. */
static struct tree_name *add(struct tree_names *names, uint32_t number)
{
	if (names->count && names->list[names->count - 1].number >= number)
		return NULL;
	if (names->count == names->room) {
		size_t room = 2 * names->room + 64;
		struct tree_name *list = realloc(names->list, room * sizeof(*list));

		if (!list)
			return NULL;
		names->list = list;
		names->room = room;
	}
	names->list[names->count] = (struct tree_name){ .number = number };
	return &names->list[names->count++];
}

const char *tree_names_get(const struct tree_names *names, uint32_t number)
{
	const struct tree_name *known = find(names, number);

	return known ? known->path : NULL;
}

void tree_names_set(struct tree_names *names, uint32_t number, const char *path)
{
	struct tree_name *known = find(names, number);

	if (!known)
		known = add(names, number);
	if (!known)
		return;
	free(known->path);
	known->path = strdup(path);
}

void tree_names_free(struct tree_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].path);
	free(names->list);
	*names = (struct tree_names){ 0 };
}
