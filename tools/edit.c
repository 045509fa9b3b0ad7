// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: lines from a terminal, with history and completion, by libedit */
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "complete.h"
#include "shell.h"

#define HISTORY_LINES 1000

/**
 * struct edit - a terminal
 * @interrupted: the line that was being typed is given up
 * @partial: of a character of several bytes
 */
struct edit {
	struct shell *shell;
	EditLine *line;
	History *history;
	char prompt[512];
	bool interrupted;
	mbstate_t partial;
};

static struct edit *edit_of(EditLine *line)
{
	void *edit = NULL;

	el_get(line, EL_CLIENTDATA, &edit);
	return edit;
}

static char *prompt(EditLine *line)
{
	struct edit *edit = edit_of(line);
	const char *path = edit->shell->command->images[0].path, *slash = strrchr(path, '/');
	const char *directory = edit->shell->directory;

	snprintf(edit->prompt, sizeof(edit->prompt) - 2, "%s:%s", slash && slash[1] ? slash + 1 : path,
		 *directory ? directory : "/");
	text_clean(edit->prompt);
	strcat(edit->prompt, "> ");
	return edit->prompt;
}

/* Waits for a key, and looks after the worker meanwhile. Return: false when there is none to wait for */
static bool wait_for_key(struct edit *edit)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = edit->shell->session->wire.fd, .events = POLLIN },
	};

	for (;;) {
		int ready = supervise_signal() ? 0 : poll(fds, 2, -1);

		/* Before the key, which may well have come after the signal. */
		if (supervise_signal() || (ready < 0 && errno != EINTR))
			return false;
		if (ready < 0)
			continue;
		/* It has nothing to say between lines: this is its end. */
		if (fds[1].revents) {
			edit->shell->fatal = -ECONNRESET;
			return false;
		}
		if (fds[0].revents)
			return true;
	}
}

/* libedit's source of keys. Return: 1, 0 at the end, -1 to give up the line */
static int next_key(EditLine *line, wchar_t *key)
{
	struct edit *edit = edit_of(line);
	char byte;

	for (;;) {
		ssize_t got;
		size_t length;

		if (!wait_for_key(edit)) {
			edit->interrupted = true;
			return -1;
		}
		got = read(STDIN_FILENO, &byte, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		length = mbrtowc(key, &byte, 1, &edit->partial);
		if (length == (size_t)-1)
			memset(&edit->partial, 0, sizeof(edit->partial)); /* no character of this locale */
		else if (length != (size_t)-2)
			return 1;
	}
}

static unsigned char complete(EditLine *line, int key)
{
	struct edit *edit = edit_of(line);
	const LineInfo *info = el_line(line);
	char *text = strndup(info->buffer, (size_t)(info->cursor - info->buffer)), *more = NULL;
	size_t cut = 0;
	bool shown = false;

	if (text)
		more = complete_line(edit->shell, text, &cut, &shown);
	if (more) {
		el_deletestr(line, (int)cut);
		el_insertstr(line, more);
	}
	free(more);
	free(text);
	/* Looking may have taken a signal or the worker. */
	return shown ? CC_REDISPLAY : CC_REFRESH;
}

static int setup(struct edit *edit)
{
	HistEvent event;

	edit->line = el_init("rumpus", stdin, stderr, stderr);
	edit->history = history_init();
	if (!edit->line || !edit->history)
		return -ENOMEM;
	history(edit->history, &event, H_SETSIZE, HISTORY_LINES);
	history(edit->history, &event, H_SETUNIQUE, 1);
	el_set(edit->line, EL_CLIENTDATA, edit);
	el_set(edit->line, EL_HIST, history, edit->history);
	el_set(edit->line, EL_PROMPT, prompt);
	el_set(edit->line, EL_EDITOR, "emacs");
	el_set(edit->line, EL_ADDFN, "rumpus-complete", "complete the word", complete);
	el_set(edit->line, EL_BIND, "^I", "rumpus-complete", NULL);
	el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(edit->line, NULL);
	/* After the user's own settings: without it the worker's end would go unnoticed. */
	el_set(edit->line, EL_GETCFN, next_key);
	return 0;
}

struct edit *edit_new(struct shell *shell)
{
	struct edit *edit;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return NULL;
	setlocale(LC_CTYPE, "");
	edit = calloc(1, sizeof(*edit));
	if (!edit)
		abort();
	edit->shell = shell;
	if (!setup(edit))
		return edit;
	edit_free(edit);
	return NULL;
}

const char *edit_line(struct edit *edit)
{
	for (;;) {
		HistEvent event;
		const char *text;
		int length = 0, number;

		edit->interrupted = false;
		fflush(stdout);
		text = el_gets(edit->line, &length);
		if (text && length > 0 && !edit->interrupted) {
			if (text[strspn(text, " \t\r\n")])
				history(edit->history, &event, H_ENTER, text);
			return text;
		}
		fputc('\n', stderr);
		number = supervise_signal();
		if (edit->shell->fatal || !edit->interrupted || number != SIGINT) {
			edit->shell->leaving = true;
			return NULL;
		}
		/* Only the line that was being typed is given up. */
		supervise_forget();
		el_reset(edit->line);
		edit->shell->status = 128 + number;
	}
}

void edit_free(struct edit *edit)
{
	if (!edit)
		return;
	if (edit->history)
		history_end(edit->history);
	if (edit->line)
		el_end(edit->line);
	free(edit);
}
