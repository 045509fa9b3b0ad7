// SPDX-License-Identifier: BSD-2-Clause
/* rumpus tar, untar: which files are meant, by patterns as sh(1) has them */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "tar.h"

void pattern_add(struct pattern_list *list, const char *word)
{
	const char **words = realloc(list->words, (list->count + 1) * sizeof(*words));
	bool *used = realloc(list->used, (list->count + 1) * sizeof(*used));

	if (!words || !used)
		abort();
	list->words = words;
	list->used = used;
	list->words[list->count] = word;
	list->used[list->count++] = false;
}

static bool matches_end(const char *pattern, const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += strspn(at, "/");
		if (!fnmatch(pattern, at, FNM_LEADING_DIR))
			return true;
	}
	return false;
}

bool pattern_excludes(struct pattern_list *list, const char *path)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (matches_end(list->words[i], path))
			return list->used[i] = true;
	}
	return false;
}

/* Without "./" and slashes at the beginning, as members are. */
static const char *bare(const char *path)
{
	for (;;) {
		if (*path == '/')
			path++;
		else if (path[0] == '.' && path[1] == '/')
			path += 2;
		else
			return path;
	}
}

static bool is_or_below(const char *word, const char *path)
{
	size_t length = strlen(word);

	while (length && word[length - 1] == '/')
		length--;
	return !strncmp(word, path, length) && (!path[length] || path[length] == '/');
}

bool pattern_includes(struct pattern_list *list, const char *path)
{
	for (unsigned int i = 0; i < list->count; i++) {
		const char *word = bare(list->words[i]);

		if (is_or_below(word, path) || !fnmatch(word, path, FNM_LEADING_DIR))
			return list->used[i] = true;
	}
	return !list->count;
}

int tar_exclude_option(const struct command *command, const struct option_rule *rule, void *target,
		       const char *argument)
{
	pattern_add(target, argument);
	return EXIT_DONE;
}
