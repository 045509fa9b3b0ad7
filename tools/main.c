// SPDX-License-Identifier: BSD-2-Clause
/* rumpus: the command line */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

const struct subcommand *const subcommands[] = {
	&subcommand_cat, &subcommand_cp,    &subcommand_dmesg, &subcommand_info,
	&subcommand_ls,	 &subcommand_mkdir, &subcommand_rm,    NULL,
};

/* For every subcommand. -p is also one of cp's and mkdir's own: after these words it is theirs. */
#define COMMON_OPTIONS "t:o:vqh"

static const struct option long_options[] = {
	{ "type", required_argument, NULL, 't' },    { "partition", required_argument, NULL, 'P' },
	{ "options", required_argument, NULL, 'o' }, { "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },	     { "help", no_argument, NULL, 'H' },
	{ "version", no_argument, NULL, 'V' },	     { 0 },
};

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int usage_error(const struct command *command, const char *format, ...)
{
	va_list args;

	fputs("rumpus: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (command->sub)
		fprintf(stderr, "\nusage: rumpus [OPTIONS] %s %s\n", command->sub->name, command->sub->arguments);
	else
		fputs("; \"rumpus help\" lists what there is\n", stderr);
	return EXIT_USAGE;
}

static const struct subcommand *find(const char *name)
{
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		if (!strcmp((*sub)->name, name))
			return *sub;
	}
	return NULL;
}

static int help(void)
{
	puts("usage: rumpus [OPTIONS] SUBCOMMAND [OPTIONS] ARGUMENTS\n"
	     "Reads and writes file systems in disk images, with Linux's own drivers, without being root.\n");
	for (const struct subcommand *const *sub = subcommands; *sub; sub++) {
		printf("  %-6s %-38s %s\n", (*sub)->name, (*sub)->arguments, (*sub)->summary);
	}
	puts("  help                                          this text; \"man rumpus\" teaches by example\n"
	     "\n"
	     "Options of all subcommands, before or after it:\n"
	     "  -t, --type TYPE            file-system type, instead of looking for it\n"
	     "  -p, --partition PARTITION  by number, name or UUID; after cp and mkdir only the long form\n"
	     "  -o, --options OPTIONS      mount options, as in mount(8)\n"
	     "  -v, --verbose              tell how it is done, and how long it takes\n"
	     "  -q, --quiet                no warnings\n"
	     "  --version\n"
	     "\n"
	     "IMAGE is a file or block device. What only reads changes not one byte of it.\n"
	     "Exit: 0 done, 1 something was not done, 2 usage, 3 done with metadata lost, 128+N by signal N.");
	return fflush(stdout) ? EXIT_PROBLEM : EXIT_DONE;
}

static int parse_mode(struct options *options, const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end || mode > 07777)
		return -EINVAL;
	options->mode = (mode_t)mode;
	options->mode_set = true;
	return 0;
}

/* An option that means the same everywhere. Return: false when it is not one */
static bool take_common(struct options *options, int letter)
{
	switch (letter) {
	case 't':
		options->type = optarg;
		return true;
	case 'P':
		options->partition = optarg;
		return true;
	case 'o':
		options->mount_options = optarg;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	case 'q':
		options->quiet = true;
		return true;
	}
	return false;
}

/* An option of the subcommand, which lists the letters that it knows. */
static int take_own(struct command *command, int letter)
{
	struct options *options = &command->options;

	switch (letter) {
	case 'a':
		options->all = true;
		if (command->sub == &subcommand_cp)
			options->preserve = options->recursive = true;
		break;
	case 'd':
		options->directory = true;
		break;
	case 'f':
		options->force = true;
		break;
	case 'h':
		options->human = true;
		break;
	case 'l':
	case 'n':
		options->long_format = true;
		break;
	case 'm':
		if (parse_mode(options, optarg))
			return usage_error(command, "-m %s: give the mode in octal, as 755", optarg);
		break;
	case 'p':
		options->preserve = options->parents = true;
		break;
	case 'r':
	case 'R':
		options->recursive = true;
		break;
	case '1':
		options->one = true;
		break;
	default:
		return usage_error(command, "option not understood");
	}
	return EXIT_DONE;
}

static bool owns(const struct command *command, int letter)
{
	return command->sub && letter != ':' && letter != '?' && strchr(command->sub->options, letter);
}

/* Return: EXIT_DONE; an exit code; -1 after --help or --version */
static int parse_options(struct command *command, int argc, char **argv, const char *letters)
{
	int letter, result = EXIT_DONE;

	while (!result && (letter = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (letter == 'H' || (letter == 'h' && !owns(command, 'h'))) {
			help();
			return -1;
		}
		if (letter == 'V') {
			puts("rumpus " RUMPUS_VERSION);
			return -1;
		}
		if (letter == 'p' && !owns(command, 'p'))
			letter = 'P';
		if (letter == '?')
			return EXIT_USAGE; /* getopt has said why */
		if (!owns(command, letter) && take_common(&command->options, letter))
			continue;
		result = take_own(command, letter);
	}
	return result;
}

static void say(void *arg, enum severity severity, const char *subject, const char *text)
{
	const struct command *command = arg;
	char clean_subject[4200], clean_text[1100];

	if ((severity == SEVERITY_WARNING && command->options.quiet) ||
	    (severity == SEVERITY_DETAIL && !command->options.verbose))
		return;
	snprintf(clean_subject, sizeof(clean_subject), "%s", subject);
	snprintf(clean_text, sizeof(clean_text), "%s", text);
	fprintf(stderr, "rumpus: %s%s%s\n", text_clean(clean_subject), *subject ? ": " : "", text_clean(clean_text));
}

int main(int argc, char **argv)
{
	struct report report = { .say = say };
	struct command command = { .report = &report, .started = clock_now() };
	char letters[64];
	int result;

	report.arg = &command;
	result = parse_options(&command, argc, argv, "+p:" COMMON_OPTIONS);
	if (result)
		return result < 0 ? EXIT_DONE : result;
	if (optind == argc)
		return usage_error(&command, "no subcommand");
	if (!strcmp(argv[optind], "help"))
		return help();
	command.sub = find(argv[optind]);
	if (!command.sub)
		return usage_error(&command, "no subcommand \"%s\"", argv[optind]);
	argc -= optind;
	argv += optind;
	optind = 0;
	snprintf(letters, sizeof(letters), "%s%s" COMMON_OPTIONS, command.sub->options,
		 strchr(command.sub->options, 'p') ? "" : "p:");
	result = parse_options(&command, argc, argv, letters);
	if (!result)
		result = command.sub->prepare(&command, argc - optind, argv + optind);
	else if (result < 0)
		return EXIT_DONE;
	if (!result)
		result = images_open(&command);
	return result ? result : session_run(&command);
}
