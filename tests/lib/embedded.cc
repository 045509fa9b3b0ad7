// SPDX-License-Identifier: BSD-2-Clause
// A C++ program that carries its kernel image: no file is needed to boot.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <rumpus/hyp_blk.h>
#include <rumpus/hyp_file.h>
#include <rumpus/image.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

extern "C" {
#include "fake.h"
#include "tap.h"
}

static void append(void *arg, const char *text, size_t len)
{
	static_cast<std::string *>(arg)->append(text, len);
}

int main()
{
	std::string log;
	rumpus_config config{};
	rumpus *kernel = nullptr;

	unsetenv("RUMPUS_IMAGE");
	config.size = sizeof(config);
	config.log = append;
	config.arg = &log;
	config.command_line = "embedded";
	for (int i = 0; i < 3; i++) {
		tap_is(rumpus_boot(&config, &kernel), 0, "boot %d from the program's own image", i + 1);
		tap_is(rumpus_syscall(FAKE_DATA, 0, 0, 0, 0, 0, 0), 1, "data as in the file");
		tap_is(rumpus_halt(kernel), 0, "halt");
	}
	tap_ok(log.find("fake kernel: embedded") != std::string::npos, "its log arrives");
	tap_is(rumpus_sys_getpid(), -ESHUTDOWN, "a call by name is linked");
	config.image = "/nonexistent";
	tap_is(rumpus_boot(&config, &kernel), -ENOENT, "a path that is given counts more");
	return tap_done();
}
