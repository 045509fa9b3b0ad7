// SPDX-License-Identifier: BSD-2-Clause
/* rumpus doctor: a whole worker, with its sandbox, its kernel and at most one image */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "../sandbox/sandbox.h"
#include "doctor.h"

/* struct trial - what a worker told; @lost: layers of the sandbox that the host refuses */
struct trial {
	char error[1100], version[256], type[64];
	char lost[128];
	int refused; /* negative errno of writing to the image; 0: it may be written to */
};

static int prepare(struct command *command, int argc, char **argv)
{
	return operands_take(command, argc, argv, OPERAND_IMAGE);
}

static long send_fact(struct worker *worker, const char *name, const char *value)
{
	long error = wire_begin(&worker->wire, WIRE_FACT, strlen(name) + strlen(value) + 16);

	if (error)
		return error;
	wire_put_string(&worker->wire, name);
	wire_put_string(&worker->wire, value);
	return wire_end(&worker->wire, -1);
}

static int work(struct worker *worker)
{
	const struct command *command = worker->command;
	long error = send_fact(worker, "version", rumpus_version(worker->kernel));

	if (!error && command->image_count)
		error = send_fact(worker, "type", command->images[0].type);
	return (int)error;
}

static int record(struct session *session, struct wire_record *record)
{
	struct trial *trial = *(struct trial **)session->command->own;
	const char *name, *value;

	if (record->type != WIRE_FACT)
		return -EPROTO;
	name = wire_get_string(record);
	value = wire_get_string(record);
	if (!strcmp(name, "version"))
		snprintf(trial->version, sizeof(trial->version), "%s", value);
	else
		snprintf(trial->type, sizeof(trial->type), "%s", value);
	return 0;
}

static void finish(struct session *session)
{
	struct trial *trial = *(struct trial **)session->command->own;
	unsigned int layers = atomic_load(&session->shared->layers);
	size_t used = 0;

	for (unsigned int i = 0; i < SANDBOX_LAYERS; i++) {
		if (!(layers & (1U << i)))
			used += (size_t)snprintf(trial->lost + used, sizeof(trial->lost) - used, "%s%s",
						 used ? ", " : "", sandbox_layer_name(i));
	}
}

/* The first error is the one that explains. */
static void keep(void *arg, enum severity severity, const char *subject, const char *text)
{
	struct trial *trial = arg;

	if (severity == SEVERITY_ERROR && !*trial->error)
		snprintf(trial->error, sizeof(trial->error), "%s%s%s", subject, *subject ? ": " : "", text);
}

static bool try(const struct options *options, const char *path, struct trial *trial)
{
	char *argv[] = { (char *)"_try", (char *)"--", (char *)path, NULL };
	struct report report = { .say = keep, .arg = trial };
	struct command command = { .report = &report, .options = *options, .started = clock_now() };
	bool well = !command_parse(&command, path ? 3 : 2, argv);

	if (well) {
		*(struct trial **)command.own = trial;
		if (path && access(command.images[0].file, W_OK))
			trial->refused = -errno;
		well = !images_open(&command) && !session_run(&command);
	}
	command_free(&command);
	return well;
}

/* How many drivers lie beside the image, in a directory that is called as its release. */
static unsigned int count_components(const char *image, const char *version)
{
	const char *release = strrchr(version, ' '), *slash = strrchr(image, '/');
	const struct dirent *entry;
	unsigned int count = 0;
	char path[4500];
	DIR *dir;

	snprintf(path, sizeof(path), "%.*s/%s", slash ? (int)(slash - image) : 1, slash ? image : ".",
		 release ? release + 1 : version);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		const char *end = strstr(entry->d_name, ".ko");

		count += end && !end[3];
	}
	if (dir)
		closedir(dir);
	return count;
}

static void tell_kernel(const struct trial *trial, struct finding *finding)
{
	char path[4096], *real;
	int fd = kernel_open(path, sizeof(path));
	unsigned int components;

	if (fd >= 0)
		close(fd);
	real = realpath(path, NULL);
	components = count_components(real ? real : path, trial->version);
	if (*trial->lost)
		finding_set(finding, FINDING_LIMITED, "see the checks below",
			    "%s boots from %.400s, %u components, without: %s", trial->version, real ? real : path,
			    components, trial->lost);
	else if (!components)
		finding_set(finding, FINDING_LIMITED, "install the directory that lies beside the image, too",
			    "%s boots from %.400s, without components: most file systems have no driver",
			    trial->version, real ? real : path);
	else
		finding_set(finding, FINDING_OK, NULL, "%s boots from %.400s, %u components", trial->version,
			    real ? real : path, components);
	free(real);
}

void doctor_try_kernel(struct finding *finding)
{
	const struct options none = { 0 };
	struct trial trial = { 0 };

	if (!try(&none, NULL, &trial))
		finding_set(finding, FINDING_MISSING,
			    "install it, or name one in RUMPUS_IMAGE; see the other checks, too", "%s", trial.error);
	else
		tell_kernel(&trial, finding);
}

void doctor_try_image(const struct options *options, const char *path, struct finding *finding)
{
	struct trial trial = { 0 };

	/* Some remedies are in the message already. */
	if (!try(options, path, &trial))
		finding_set(finding, FINDING_MISSING, NULL, "%s", trial.error);
	else if (trial.refused)
		finding_set(finding, FINDING_LIMITED,
			    trial.refused == -EROFS ? "copy it to where it can be changed" : "change its mode or owner",
			    "%s, can be read but not written to: %s", trial.type, report_errno(trial.refused));
	else
		finding_set(finding, FINDING_OK, NULL, "%s, can be read and written to", trial.type);
}

const struct subcommand subcommand_try = {
	.name = "_try",
	.arguments = "[IMAGE]",
	.summary = "boot a kernel, mount an image, for \"doctor\"",
	.hidden = true,
	.options_size = sizeof(struct trial *),
	.prepare = prepare,
	.work = work,
	.record = record,
	.finish = finish,
};
