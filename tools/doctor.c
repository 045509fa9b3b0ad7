// SPDX-License-Identifier: BSD-2-Clause
/* rumpus doctor: a table of what this machine can do, and what helps where it cannot */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "json.h"
#include "table.h"

/* @width: of the widest name in the first column */
struct doctor_options {
	bool json;
	char **images;
	int count;
	size_t width;
};

static const char *const states[] = { "ok", "limited", "missing" };

void finding_set(struct finding *finding, enum finding_state state, const char *remedy, const char *format, ...)
{
	va_list args;

	finding->state = state;
	snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy ? remedy : "");
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

static int prepare(struct command *command, int argc, char **argv)
{
	struct doctor_options *options = command->own;

	options->images = argv;
	options->count = argc;
	return EXIT_DONE;
}

static void print_line(const struct doctor_options *options, const char *name, const char *state, const char *intro,
		       const char *text)
{
	column_put(stdout, name, options->width + 1, false);
	column_put(stdout, state, 9, false);
	printf("%s%s\n", intro, text);
}

static void tell(const struct doctor_options *options, const char *name, struct finding *finding)
{
	struct json *json;

	text_clean(finding->detail);
	if (!options->json) {
		print_line(options, name, states[finding->state], "", finding->detail);
		if (*finding->remedy)
			print_line(options, "", "", "remedy: ", finding->remedy);
		/* The next check may fork. */
		fflush(stdout);
		return;
	}
	json = json_list_next();
	json_open(json, NULL, '{');
	json_string(json, "check", name);
	json_string(json, "state", states[finding->state]);
	json_string(json, "detail", finding->detail);
	if (*finding->remedy)
		json_string(json, "remedy", finding->remedy);
	json_close(json, '}');
	fflush(stdout);
}

/* Return: is something missing that is needed? */
static bool run(const struct doctor_options *options, const struct check *checks)
{
	bool missing = false;

	for (; checks->name; checks++) {
		struct finding finding = { 0 };

		checks->run(&finding);
		tell(options, checks->name, &finding);
		missing |= checks->needed && finding.state == FINDING_MISSING;
	}
	return missing;
}

static void widen(struct doctor_options *options, const char *name)
{
	size_t width = text_width(name);

	if (width > options->width)
		options->width = width;
}

static int alone(struct command *command)
{
	static const struct check kernel[] = { { "kernel", true, doctor_try_kernel }, { 0 } };
	static const struct check *const all[] = { kernel, doctor_sandbox_checks, doctor_host_checks };
	struct doctor_options *options = command->own;
	bool missing;

	for (int i = 0; i < options->count; i++)
		widen(options, options->images[i]);
	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (const struct check *check = all[i]; check->name; check++)
			widen(options, check->name);
	}
	missing = run(options, kernel);
	missing |= run(options, doctor_sandbox_checks);
	missing |= run(options, doctor_host_checks);
	for (int i = 0; i < options->count; i++) {
		struct finding finding = { 0 };

		doctor_try_image(&command->options, options->images[i], &finding);
		tell(options, options->images[i], &finding);
		missing |= finding.state == FINDING_MISSING;
	}
	if (options->json)
		json_list_end();
	return fflush(stdout) || missing ? EXIT_PROBLEM : EXIT_DONE;
}

static const struct option_rule options[] = {
	{ 0, "json", NULL, "an array of objects: check, state, detail, remedy", option_true,
	  offsetof(struct doctor_options, json) },
	{ 0 },
};

static const struct option_example examples[] = {
	{ "rumpus doctor", "what works here, and what helps where it does not" },
	{ "rumpus doctor disk.img", "can this image be read, mounted, written to?" },
	{ "rumpus doctor --json | jq '.[] | select(.state != \"ok\")'", "for programs" },
	{ 0 },
};

const struct subcommand subcommand_doctor = {
	.name = "doctor",
	.arguments = "[IMAGE]...",
	.summary = "tell what this machine can and cannot do, with remedies",
	.help = "Each check tries the real thing: boots the kernel, makes a sandbox, opens the device. \"limited\" works, less\n"
		"well; \"missing\" does not. Images are mounted for a moment, without a change. The exit status is 0 when nothing\n"
		"is missing that the command needs, and every image can be read; else 1.",
	.options = options,
	.options_size = sizeof(struct doctor_options),
	.examples = examples,
	.prepare = prepare,
	.alone = alone,
};
