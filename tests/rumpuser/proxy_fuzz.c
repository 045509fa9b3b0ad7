// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hostile peers, with everything of ours under sanitizers: proxy_fuzz:server, proxy_fuzz:client.
 *
 * PROXY_FUZZ_ROUNDS and PROXY_FUZZ_SEED in the environment: how much, and which.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../tap.h"
#include "proxy_fuzz.h"

#define ROUNDS 500

/* The kernel inside allocates what clients ask for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:detect_leaks=1:abort_on_error=0:exitcode=99";
}

int main(int argc, char **argv)
{
	const char *rounds = getenv("PROXY_FUZZ_ROUNDS");
	const char *seed = getenv("PROXY_FUZZ_SEED");
	unsigned int n = rounds ? atoi(rounds) : ROUNDS;
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "client"))
		fuzz_client(n, first);
	else
		fuzz_server(n, first);
	return tap_done();
}
