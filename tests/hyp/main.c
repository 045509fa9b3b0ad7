// SPDX-License-Identifier: BSD-2-Clause
/* Runs the conformance suite, or the groups that are named, on the platform that the program is linked with. */
#include "suite.h"

int main(int argc, char **argv)
{
	int i;

	suite_target = hyp_platform();
	tap_note("platform %s", suite_target->name);
	if (suite_stub())
		test_stub();
	else if (argc == 1)
		suite_run(NULL);
	for (i = 1; i < argc; i++) {
		if (!suite_run(argv[i]))
			tap_abort("there is no group %s", argv[i]);
	}
	tap_is(suite_errno_changes(), 0, "no call changed errno");
	return tap_done();
}
