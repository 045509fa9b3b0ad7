// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: paths in the image: looking at them, patterns, and where "cd" leads */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shell.h"

int shell_look(struct shell *shell, const char *path, const char *option, struct look *look)
{
	char *argv[5] = { (char *)LOOK_WORD };
	struct command line;
	int argc = 1, error;
	unsigned int outcome;

	if (option)
		argv[argc++] = (char *)option;
	argv[argc++] = (char *)"--";
	argv[argc++] = (char *)path;
	error = shell_parse(shell, &line, argc, argv) ? -EIO : 0;
	if (!error) {
		((struct look_options *)line.own)->look = look;
		outcome = shell_converse(shell, &line, argc, argv);
		error = shell->fatal || (outcome & OUTCOME_STOPPED) ? -EIO : 0;
	}
	command_free(&line);
	return error;
}

char *shell_enter(const char *directory, const char *path)
{
	size_t length = *path == '/' ? 0 : strlen(directory);
	char *result = malloc(strlen(directory) + strlen(path) + 3);

	if (!result)
		return NULL;
	memcpy(result, directory, length);
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && !strncmp(path, "..", 2)) {
			/* As in sh: up the way that it was come down, whatever links were on it. */
			while (length && result[--length] != '/')
				continue;
		} else if (part && !(part == 1 && *path == '.')) {
			result[length++] = '/';
			memcpy(result + length, path, part);
			length += part;
		}
		path += part + strspn(path + part, "/");
	}
	result[length] = 0;
	return result;
}

/* ---- patterns, by glob(3) over what shell_look() tells ---- */

/* glob(3) passes nothing on to what it calls. */
static struct shell *globbing;

struct open_directory {
	struct look look;
	size_t at;
	struct dirent entry;
};

static void close_directory(void *arg)
{
	struct open_directory *open = arg;

	look_free(&open->look);
	free(open);
}

static void *open_directory(const char *path)
{
	struct open_directory *open = calloc(1, sizeof(*open));

	if (!open)
		return NULL;
	if (!shell_look(globbing, path, "-d", &open->look) && open->look.found)
		return open;
	close_directory(open);
	errno = ENOENT;
	return NULL;
}

static struct dirent *read_directory(void *arg)
{
	struct open_directory *open = arg;
	const struct look_name *name;

	if (open->at == open->look.count)
		return NULL;
	name = &open->look.names[open->at++];
	open->entry.d_ino = 1;
	open->entry.d_type = (unsigned char)IFTODT(name->mode);
	snprintf(open->entry.d_name, sizeof(open->entry.d_name), "%s", name->text);
	return &open->entry;
}

static int look_stat(const char *path, const char *option, struct stat *st)
{
	struct look look = { 0 };
	int error = shell_look(globbing, path, option, &look);

	memset(st, 0, sizeof(*st));
	st->st_mode = look.mode;
	if (!error && look.found)
		return 0;
	errno = ENOENT;
	return -1;
}

static int follow_stat(const char *path, struct stat *st)
{
	return look_stat(path, NULL, st);
}

static int link_stat(const char *path, struct stat *st)
{
	return look_stat(path, "-l", st);
}

static int glob_image(struct shell *shell, const char *pattern, glob_t *found)
{
	globbing = shell;
	found->gl_opendir = open_directory;
	found->gl_readdir = read_directory;
	found->gl_closedir = close_directory;
	found->gl_stat = (void *)follow_stat;
	found->gl_lstat = (void *)link_stat;
	return glob(pattern, GLOB_ALTDIRFUNC, NULL, found);
}

struct list {
	char **words;
	int count;
};

static bool list_add(struct list *list, const char *prefix, const char *text)
{
	char **words = realloc(list->words, ((size_t)list->count + 2) * sizeof(*words));

	if (!words)
		return false;
	list->words = words;
	if (asprintf(&words[list->count], "%s%s", prefix, text) < 0)
		words[list->count] = NULL;
	words[list->count + (words[list->count] != NULL)] = NULL;
	return words[list->count++];
}

/* A word as it is when nothing matches, as in sh. */
static bool add_word(struct shell *shell, const struct line_word *word, struct list *list)
{
	const char *prefix = strncmp(word->pattern, HOST_PREFIX, strlen(HOST_PREFIX)) ? "" : HOST_PREFIX;
	glob_t found = { 0 };
	int result = GLOB_NOMATCH;
	bool well = true;

	if (word->is_pattern && *prefix)
		result = glob(word->pattern + strlen(prefix), 0, NULL, &found);
	else if (word->is_pattern)
		result = glob_image(shell, word->pattern, &found);
	if (result)
		return list_add(list, "", word->text);
	for (size_t i = 0; i < found.gl_pathc && well; i++)
		well = list_add(list, prefix, found.gl_pathv[i]);
	globfree(&found);
	return well;
}

char **shell_expand(struct shell *shell, const struct line *line, int *count)
{
	struct list list = { .words = calloc(1, sizeof(*list.words)) };
	bool well = list.words;

	for (size_t i = 0; i < line->count && well; i++)
		well = add_word(shell, &line->words[i], &list);
	*count = list.count;
	if (well)
		return list.words;
	shell_free_words(list.words);
	return NULL;
}

void shell_free_words(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}
