// SPDX-License-Identifier: BSD-2-Clause
/* Run a group of the suite by the library that the program is linked with, or that LD_LIBRARY_PATH names. */
#include "suite.h"

int main(int argc, char **argv)
{
	if (argc != 2 || !suite_run(argv[1]))
		tap_abort("%s: there is no such group", argc > 1 ? argv[1] : "an argument is missing");
	return tap_done();
}
