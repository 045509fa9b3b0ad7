// SPDX-License-Identifier: BSD-2-Clause
/* rumpus mount: its command line */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "background.h"
#include "mounting.h"

/* The worker's kernel: what it caches lies in the host's page cache already. */
#define CACHE (64ULL << 20)
#define CPUS 2U

/* It is opened again when there is another worker, in whatever directory that begins. */
static void keep_kernel_path(void)
{
	const char *wish = getenv("RUMPUS_IMAGE");
	char *path = wish && *wish ? realpath(wish, NULL) : NULL;

	if (path)
		setenv("RUMPUS_IMAGE", path, 1);
	free(path);
}

static int understand(struct command *command, struct mounting *mounting, char **argv)
{
	struct image *image = command->images;
	char *dir = connection_dir(argv[1]);

	if (strcmp(command->operands[0].path, "/"))
		return usage_error(command, "\"%s\": a whole image is mounted; leave out the path", argv[0]);
	if (!dir) {
		report_error(command->report, argv[1], errno == ENOENT ? "no such directory; make it with mkdir" : "%s",
			     report_errno(-errno));
		return EXIT_PROBLEM;
	}
	mounting->connection.dir = dir;
	mounting->connection.source = realpath(image->file, NULL);
	if (!mounting->connection.source)
		mounting->connection.source = image->file; /* opening it says what is wrong */
	if (connection_check(command->report, dir, mounting->nonempty))
		return EXIT_PROBLEM;
	image->writable = mounting->read_write || (!mounting->read_only && !access(image->file, W_OK));
	if (!image->writable)
		mounting->connection.flags |= MS_RDONLY;
	/* mount(8) says rw where nobody has said anything. */
	command->either = image->writable && (!mounting->read_write || command->helper);
	keep_kernel_path();
	command->resident = true;
	command->cpus = CPUS;
	command->cache = CACHE;
	return EXIT_DONE;
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct mounting *mounting = command->own;
	int result;

	mounting->ready = -1;
	if (command->directory)
		return usage_error(command, "the shell has its image already; leave it to mount");
	if (argc != 2)
		return usage_error(command,
				   argc < 2 ? "mount what, and where?" : "mount takes an image and a directory");
	/* What mount(8) was told: not what is in the image. */
	if (command->options.type &&
	    (!strcmp(command->options.type, CONNECTION_TYPE) || !strcmp(command->options.type, "rumpus")))
		command->options.type = NULL;
	result = operands_take(command, 1, argv, OPERAND_IMAGE);
	if (!result)
		result = mounting_options(command, mounting);
	if (!result)
		result = understand(command, mounting, argv);
	if (result || mounting->foreground)
		return result;
	mounting->ready = background_fork();
	if (mounting->ready >= 0)
		return EXIT_DONE;
	report_error(command->report, NULL, "cannot go to the background: %s", report_errno(mounting->ready));
	return EXIT_PROBLEM;
}

static const struct option_rule options[] = {
	{ 'f', "foreground", NULL, "return when it is unmounted, not when it is mounted", option_true,
	  offsetof(struct mounting, foreground) },
	{ 'n', NULL, NULL, NULL, option_true, offsetof(struct mounting, ignored) }, /* of mount(8) */
	{ 's', NULL, NULL, NULL, option_true, offsetof(struct mounting, ignored) },
	{ 0, "restart", NULL, "when its server dies, go on with another one, read-only", option_true,
	  offsetof(struct mounting, restart) },
	{ 0, "idmap", NULL, "all files appear to be yours", option_true, offsetof(struct mounting, as_caller) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus mount disk.img dir", "as owners and modes are in the image" },
	{ "rumpus mount --idmap -p 1 /dev/sdb stick", "somebody else's stick, as if all on it were yours" },
	{ "rumpus mount -o ro,noexec,norecovery disk.img dir", "options as in mount(8), and the driver's own" },
	{ 0 },
};

const struct subcommand subcommand_mount = {
	.name = "mount",
	.arguments = "IMAGE DIRECTORY",
	.summary = "have the host show an image at a directory, served by a process without rights",
	.help = "The image is mounted for writing if it can be written. Besides the driver's mount options there are ro, rw,\n"
		"noexec, nonempty (hide what is in DIRECTORY), allow_other (other users may enter), uid=N, gid=N, umask=N (files\n"
		"appear to be theirs), watchdog=SECONDS (how long its kernel may do nothing while requests wait; 60, 0 for any time),\n"
		"and for fstab idmap, restart, partition=N and sector=BYTES, which are as --idmap, --restart, -p N and --sector.\n"
		"End it with \"rumpus umount\".",
	.options = options,
	.options_size = sizeof(struct mounting),
	.examples = examples,
	.prepare = prepare,
	.work = mounting_work,
	.record = mounting_record,
	.drive = mounting_drive,
	.finish = mounting_finish,
	.again = mounting_again,
};
