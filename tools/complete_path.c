// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: completion of paths, on the host and in images */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "complete.h"

/* Splits a path before its last component. Return: where that begins; @dir: caller frees */
static const char *split(const char *path, char **dir)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;

	*dir = strndup(path, (size_t)(last - path));
	if (!*dir)
		abort();
	return last;
}

/* Names that begin with a dot only where one was typed. */
static bool is_wanted(const char *name, const char *last)
{
	return !strncmp(name, last, strlen(last)) && (*name != '.' || *last == '.');
}

/* @dir: what stands before the name, after @prefix; @note: NULL: none */
static void add(struct candidates *candidates, const char *prefix, const char *dir, const char *name, const char *note,
		const char *end, bool partial)
{
	char *text;

	if (asprintf(&text, "%s%s%s%s", prefix, dir, name, end) < 0)
		abort();
	candidates_add(candidates, "", text, note, partial || *end);
	free(text);
}

/* What a name of the host ends with; NULL: it is not wanted */
static const char *ending(const struct place *place, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "/";
	if (place->directories)
		return NULL;
	return place->wants_path ? ":/" : "";
}

void complete_host(const struct place *place, const char *prefix, const char *word, struct candidates *candidates)
{
	const char *home = getenv("HOME"), *last;
	const struct dirent *entry;
	char *dir, *real;
	DIR *open;

	last = split(word, &dir);
	if (asprintf(&real, "%s%s%s", !strncmp(dir, "~/", 2) && home ? home : "", *dir ? "" : ".",
		     !strncmp(dir, "~/", 2) && home ? dir + 1 : dir) < 0)
		abort();
	open = opendir(real);
	while (open && (entry = readdir(open))) {
		struct stat st;
		const char *end = is_wanted(entry->d_name, last) && strcmp(entry->d_name, ".") &&
						  strcmp(entry->d_name, "..") &&
						  !fstatat(dirfd(open), entry->d_name, &st, 0)
					  ? ending(place, &st)
					  : NULL;

		if (end)
			add(candidates, prefix, dir, entry->d_name, NULL, end, place->takes_path);
	}
	if (open)
		closedir(open);
	free(real);
	free(dir);
}

static void add_names(const struct place *place, const char *dir, const char *last, const struct look *look,
		      struct candidates *candidates)
{
	for (size_t i = 0; i < look->count; i++) {
		const struct look_name *name = &look->names[i];

		if (is_wanted(name->text, last) && (S_ISDIR(name->mode) || !place->directories))
			add(candidates, "", dir, name->text, NULL, S_ISDIR(name->mode) ? "/" : "", false);
	}
}

/* A worker of its own, which ends when it has told what is in one directory of one image, or which partitions that has. */
static int look_alone(const struct place *place, const char *word, const char *address, struct look *look)
{
	char *argv[] = { (char *)word, (char *)"-d", (char *)"--", (char *)address, NULL };
	struct report report = { .say = report_nothing };
	struct command command = { .report = &report, .options = place->options, .started = clock_now() };
	if (command_parse(&command, 4, argv) || images_open(&command))
		return -1;
	((struct look_options *)command.own)->look = look;
	return session_run(&command) ? -1 : 0;
}

/* Does @word name an image and a path in it? The part before the colon is a file. */
static bool is_address(const char *word)
{
	for (const char *at = strstr(word, ":/"); at; at = strstr(at + 1, ":/")) {
		char *path = strndup(word, (size_t)(at - word));
		struct stat st;
		bool found = path && (stat(path, &st) ? image_named(path) : !S_ISDIR(st.st_mode));

		free(path);
		if (found)
			return true;
	}
	return false;
}

/* "disk.img@": partitions of a file or device, for each "@" that may begin one. */
static void complete_partition(const struct place *place, const char *word, struct candidates *candidates)
{
	for (const char *at = strchr(word, '@'); at; at = strchr(at + 1, '@')) {
		char *file = strndup(word, (size_t)(at - word)), *prefix = strndup(word, (size_t)(at - word) + 1);
		struct look look = { 0 };
		struct stat st;

		if (!file || !prefix)
			abort();
		if (!stat(file, &st) && !S_ISDIR(st.st_mode) && !look_alone(place, LOOK_PARTS_WORD, file, &look)) {
			for (size_t i = 0; i < look.count; i++) {
				if (!strncmp(look.names[i].text, at + 1, strlen(at + 1)))
					add(candidates, "", prefix, look.names[i].text, look.names[i].note,
					    place->wants_path ? ":/" : "", place->takes_path);
			}
		}
		look_free(&look);
		free(prefix);
		free(file);
	}
}

void complete_path(const struct place *place, const char *word, struct candidates *candidates)
{
	struct look look = { 0 };
	const char *last;
	char *dir;

	if (place->shell && !strncmp(word, HOST_PREFIX, strlen(HOST_PREFIX))) {
		const struct place host = { 0 };

		complete_host(&host, HOST_PREFIX, word + strlen(HOST_PREFIX), candidates);
		return;
	}
	if (!place->shell && !is_address(word)) {
		complete_host(place, "", word, candidates);
		complete_partition(place, word, candidates);
		return;
	}
	last = split(word, &dir);
	if (place->shell ? !shell_look(place->shell, *dir ? dir : ".", "-d", &look) : !look_alone(place, LOOK_WORD, dir, &look))
		add_names(place, dir, last, &look, candidates);
	look_free(&look);
	free(dir);
}
