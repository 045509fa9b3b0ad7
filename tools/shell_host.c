// SPDX-License-Identifier: BSD-2-Clause
/* rumpus sh: files and programs of the host that a line reads from and writes to */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell.h"

/* As sh has it for a command that cannot be started. */
#define STATUS_NOT_FOUND 127

static void become_program(const struct shell *shell, const char *text)
{
	umask(shell->session->mask);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	fprintf(stderr, "rumpus: /bin/sh: %s\n", report_errno(-errno));
	_exit(STATUS_NOT_FOUND);
}

static int await_program(pid_t program)
{
	int status;

	/* A signal is its own business, too. */
	while (waitpid(program, &status, 0) < 0) {
		if (errno != EINTR)
			return STATUS_NOT_FOUND;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* @fd becomes @number. Return: what that was before, -1 after a failure */
static int exchange(int fd, int number)
{
	int saved = fcntl(number, F_DUPFD_CLOEXEC, 3);

	if (saved >= 0 && dup2(fd, number) < 0) {
		close(saved);
		saved = -1;
	}
	close(fd);
	return saved;
}

static int refuse(struct shell *shell, const char *subject)
{
	report_error(shell->session->report, subject, "%s", report_errno(-errno));
	return EXIT_PROBLEM;
}

static int start_program(struct shell *shell, const char *text, struct shell_host *host)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return refuse(shell, "pipe");
	host->program = fork();
	if (!host->program) {
		dup2(ends[0], STDIN_FILENO);
		become_program(shell, text);
	}
	close(ends[0]);
	if (host->program < 0) {
		close(ends[1]);
		return refuse(shell, "fork");
	}
	host->output = exchange(ends[1], STDOUT_FILENO);
	return host->output < 0 ? refuse(shell, "pipe") : EXIT_DONE;
}

static int redirect(struct shell *shell, const char *path, int number, int flags, int *saved)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666 & ~shell->session->mask);

	if (fd < 0)
		return refuse(shell, path);
	*saved = exchange(fd, number);
	return *saved < 0 ? refuse(shell, path) : EXIT_DONE;
}

int shell_host_begin(struct shell *shell, const struct line *line, struct shell_host *host)
{
	int status = EXIT_DONE;

	*host = (struct shell_host){ .input = -1, .output = -1 };
	fflush(stdout);
	if (line->input)
		status = redirect(shell, line->input, STDIN_FILENO, O_RDONLY, &host->input);
	if (!status && line->pipe)
		status = start_program(shell, line->pipe, host);
	/* As in sh, what is redirected does not reach the program. */
	if (!status && line->output) {
		int before = host->output;

		status = redirect(shell, line->output, STDOUT_FILENO,
				  O_WRONLY | O_CREAT | (line->append ? O_APPEND : O_TRUNC), &host->output);
		if (before >= 0 && host->output >= 0 && host->output != before) {
			close(host->output);
			host->output = before;
		}
	}
	text_redirected();
	if (status)
		shell_host_end(shell, host);
	return status;
}

static void put_back(int *saved, int number)
{
	if (*saved < 0)
		return;
	dup2(*saved, number);
	close(*saved);
	*saved = -1;
}

int shell_host_end(struct shell *shell, struct shell_host *host)
{
	fflush(stdout);
	put_back(&host->output, STDOUT_FILENO);
	put_back(&host->input, STDIN_FILENO);
	text_redirected();
	return host->program > 0 ? await_program(host->program) : 0;
}

int shell_host_run(struct shell *shell, const char *text)
{
	pid_t program;

	fflush(stdout);
	program = fork();
	if (!program)
		become_program(shell, text);
	return program < 0 ? refuse(shell, "fork") : await_program(program);
}
