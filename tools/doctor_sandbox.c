// SPDX-License-Identifier: BSD-2-Clause
/* rumpus doctor: what the sandbox is made of, each part tried in a child of its own */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sandbox/sandbox.h"
#include "doctor.h"

static int exit_status(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return EIO;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* What @part says in a child that it may ruin. Return: a positive errno, 0 for success */
static int in_child(int (*part)(void))
{
	pid_t child = fork();

	if (!child)
		_exit(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? errno : -part());
	return child < 0 ? errno : exit_status(child);
}

static void try_namespaces(struct finding *finding)
{
	unsigned int layers = 0;
	pid_t child = sandbox_fork(&layers);

	if (!child)
		_exit(0);
	if (child > 0)
		exit_status(child);
	if (layers & SANDBOX_NAMESPACES)
		finding_set(finding, FINDING_OK, NULL,
			    "the worker has mounts, processes, network and users of its own");
	else
		finding_set(
			finding, FINDING_LIMITED,
			"sysctl user.max_user_namespaces=15000, and where they exist kernel.unprivileged_userns_clone=1 and "
			"kernel.apparmor_restrict_unprivileged_userns=0",
			"refused; the other layers of the sandbox hold without them");
}

/* In a child: what it may not give up goes to @out. */
static void confine(int out, unsigned int layers)
{
	const struct sandbox_config config = { .keep = &out, .keep_count = 1 };
	char why[256];
	int error = sandbox_confine(&config, &layers);

	if (error) {
		sandbox_refusal(error, why, sizeof(why));
		error = write(out, why, strlen(why)) < 0;
	}
	_exit(error);
}

static void try_rights(struct finding *finding)
{
	unsigned int layers = 0;
	char why[256] = "";
	pid_t child = -1;
	int ends[2];

	if (!pipe2(ends, O_CLOEXEC)) {
		child = sandbox_fork(&layers);
		if (!child)
			confine(ends[1], layers);
		close(ends[1]);
		if (child > 0 && read(ends[0], why, sizeof(why) - 1) < 0)
			child = -1;
		close(ends[0]);
	}
	if (child < 0 || exit_status(child))
		finding_set(finding, FINDING_MISSING, "ulimit -u unlimited, ulimit -n 1024", "no child can be asked");
	else if (*why)
		finding_set(finding, FINDING_MISSING,
			    "podman or docker run --security-opt seccomp=unconfined, or a filter with that call", "%s",
			    why);
	else
		finding_set(finding, FINDING_OK, NULL, "the worker can give up its user, capabilities and descriptors");
}

static void try_seccomp(struct finding *finding)
{
	int error = in_child(sandbox_filter);

	if (error)
		finding_set(finding, FINDING_MISSING,
			    "use a host kernel with CONFIG_SECCOMP_FILTER, or a container that allows the call",
			    "no filter can be installed: %s", report_errno(-error));
	else
		finding_set(finding, FINDING_OK, NULL, "the worker can make only the calls that it needs");
}

/* With an exception, as a worker has while it loads its kernel */
static int no_files(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -errno : sandbox_landlock(&root, 1);
}

static void try_landlock(struct finding *finding)
{
	int error = in_child(no_files);

	if (error)
		finding_set(finding, FINDING_LIMITED,
			    "Linux 5.13 or later, with landlock in the list that lsm= gives at boot",
			    "refused: %s; files are out of reach by the filter alone", report_errno(-error));
	else
		finding_set(finding, FINDING_OK, NULL, "the worker can open no file by name");
}

const struct check doctor_sandbox_checks[] = {
	{ "namespaces", false, try_namespaces },
	{ "rights", true, try_rights },
	{ "seccomp", true, try_seccomp },
	{ "landlock", false, try_landlock },
	{ 0 },
};
