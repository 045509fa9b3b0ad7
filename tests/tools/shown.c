// SPDX-License-Identifier: BSD-2-Clause
/* What a worker in hostile hands may have the parent show: no text of its is a control of the terminal */
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../tools/command.h"
#include "../../tools/found.h"
#include "../../tools/place.h"
#include "../tap.h"

/* A title for the window, a colour, the same by a control of eight bits, and what else is none of a text */
#define EVIL "evil\033]0;title\a\033[31m\302\2331m\b\177"
#define TEXTS_MAX 8

static const char zeroes[68];
static const uint32_t one = 1;
static const struct place place = { .number = 1, .mounted = true };
static const struct found found = { .mode = S_IFLNK | 0777, .nlink = 1 };

/**
 * struct lie - one record
 * @head, @size: bytes before its texts
 * @texts: NULL ends them
 */
static const struct lie {
	const char *name;
	const struct subcommand *sub;
	enum wire_type type;
	const void *head;
	size_t size;
	const char *texts[TEXTS_MAX + 1];
} lies[] = {
	{ "check", &subcommand_check, WIRE_CHECKED, zeroes, 68, { EVIL, EVIL } },
	{ "check of a disk",
	  &subcommand_check,
	  WIRE_PLACE,
	  &place,
	  sizeof(place),
	  { "crypto_LUKS", EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, "" } },
	{ "df", &subcommand_df, WIRE_PLACE, &place, sizeof(place), { EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL } },
	{ "diff: only there", &subcommand_diff, WIRE_DIFFERENCE, &one, 4, { EVIL, EVIL, EVIL, EVIL } },
	{ "diff: types", &subcommand_diff, WIRE_DIFFERENCE, zeroes, 4, { EVIL, "type", EVIL, EVIL } },
	{ "diff: something", &subcommand_diff, WIRE_DIFFERENCE, zeroes, 4, { EVIL, EVIL, EVIL, EVIL } },
	{ "dmesg", &subcommand_dmesg, WIRE_FACT, zeroes, 0, { EVIL } },
	{ "du", &subcommand_du, WIRE_USAGE, zeroes, 24, { EVIL } },
	{ "getfattr", &subcommand_getfattr, WIRE_XATTR, zeroes, 0, { EVIL, EVIL, EVIL } },
	{ "info: facts", &subcommand_info, WIRE_FACT, zeroes, 16, { EVIL, EVIL } },
	{ "info: places",
	  &subcommand_info,
	  WIRE_PLACE,
	  &place,
	  sizeof(place),
	  { EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL } },
	{ "info: what it holds",
	  &subcommand_info,
	  WIRE_PLACE,
	  &place,
	  sizeof(place),
	  { "crypto_LUKS", EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL } },
	{ "ls: a heading", &subcommand_ls, WIRE_LISTING, zeroes, 0, { EVIL } },
	{ "ls: a link", &subcommand_ls, WIRE_FOUND, &found, sizeof(found), { EVIL, EVIL, EVIL, EVIL } },
	{ "stat", &subcommand_stat, WIRE_FOUND, &found, sizeof(found), { EVIL, EVIL, EVIL, EVIL } },
	{ "tree", &subcommand_tree, WIRE_FOUND, &found, sizeof(found), { EVIL, EVIL, EVIL, EVIL } },
};

static void say_nothing(void *arg, enum severity severity, const char *subject, const char *text)
{
}

static void send_lie(struct wire *wire, const struct lie *lie)
{
	if (wire_begin(wire, lie->type, 4096))
		tap_abort("no room for a record");
	wire_put(wire, lie->head, lie->size);
	for (size_t i = 0; i < TEXTS_MAX && lie->texts[i]; i++)
		wire_put_string(wire, lie->texts[i]);
	if (wire_end(wire, -1) || wire_flush(wire))
		tap_abort("a record cannot be sent");
}

/* In a process of its own, whose standard output is a terminal. Return: what the subcommand says to the record */
static int take_lie(const struct lie *lie)
{
	struct report report = { .say = say_nothing };
	struct operand operands[] = { { .text = "first" }, { .text = "second" } };
	struct command command = { .sub = lie->sub, .report = &report, .operands = operands, .operand_count = 2 };
	struct session session = { .command = &command, .report = &report, .cwd = -1, .finished = true };
	struct wire worker, parent;
	struct wire_record record;
	int sockets[2], error;

	command.images[0] = (struct image){ .path = "disk.img", .file = "disk.img", .fd = -1, .look = -1, .root = -1 };
	command.image_count = 1;
	command.own = calloc(1, lie->sub->options_size + 1);
	if (!command.own || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) ||
	    wire_init(&worker, sockets[0]) || wire_init(&parent, sockets[1]))
		return -1;
	send_lie(&worker, lie);
	if (wire_next(&parent, &record) != 1)
		return -1;
	error = lie->sub->record(&session, &record);
	/* What turns tell later */
	for (const struct session_part *part = session.parts; part->number; part++) {
		if (part->other)
			lie->sub->other(&session, "disk.img@1", part->other);
	}
	if (lie->sub->finish)
		lie->sub->finish(&session);
	fflush(stdout);
	return error;
}

/* Is there a byte that a terminal would obey, but for what sets lines and columns apart? */
static bool has_control(const char *text, size_t size)
{
	for (const unsigned char *at = (const unsigned char *)text; at < (const unsigned char *)text + size; at++) {
		if ((*at < ' ' && *at != '\n' && *at != '\t') || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
			return true;
	}
	return false;
}

static void check_lie(const struct lie *lie)
{
	struct termios raw = { 0 };
	char shown[8192] = "";
	int master, slave, status = -1;
	size_t size = 0;
	ssize_t got;
	pid_t child;

	cfmakeraw(&raw);
	if (openpty(&master, &slave, NULL, &raw, NULL))
		tap_abort("no terminal");
	fflush(stdout);
	child = fork();
	if (!child) {
		dup2(slave, STDOUT_FILENO);
		_exit(take_lie(lie) != 0);
	}
	close(slave);
	/* An error when nobody has the other side any more */
	while ((got = read(master, shown + size, sizeof(shown) - 1 - size)) > 0)
		size += (size_t)got;
	close(master);
	waitpid(child, &status, 0);
	tap_ok(!status, "%s: the record is taken", lie->name);
	tap_ok(strstr(shown, "evil") && !has_control(shown, size), "%s: what is shown of it are texts", lie->name);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		check_lie(&lies[i]);
	return tap_done();
}
