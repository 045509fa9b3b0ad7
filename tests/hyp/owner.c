// SPDX-License-Identifier: BSD-2-Clause
/* What the owner of an instance hears and answers: console, parameters, the end; and the host's entropy */
#include <errno.h>
#include <stdio.h>

#include "suite.h"

struct owner {
	char text[256];
	size_t len;
	const char *input;
	int exits;
	int status;
	char reason[64];
};

static void console(void *arg, const char *text, size_t len)
{
	struct owner *owner = arg;

	memcpy(owner->text + owner->len, text, len);
	owner->len += len;
	errno = EIO; /* the owner's own business */
}

static void exited(void *arg, int status, const char *reason)
{
	struct owner *owner = arg;

	owner->exits++;
	owner->status = status;
	snprintf(owner->reason, sizeof(owner->reason), "%s", reason ? reason : "(none)");
	errno = EIO;
}

static int param(void *arg, const char *name, char *value, size_t size)
{
	errno = EIO;
	if (strcmp(name, "name"))
		return -HYP_ENOENT;
	if (size < sizeof("value"))
		return -HYP_ERANGE;
	strcpy(value, "value");
	return strlen(value);
}

static long input(void *arg, char *buf, size_t size)
{
	struct owner *owner = arg;
	size_t len = strlen(owner->input);

	if (len > size)
		len = size;
	memcpy(buf, owner->input, len);
	owner->input += len;
	errno = EIO;
	return len;
}

static void test_console(struct hyp *h, struct owner *owner)
{
	char buf[8];

	ops->console_write(h, "one ", 4);
	ops->console_write(h, "", 0);
	ops->console_write(h, "two\n", 4);
	tap_ok(owner->len == 8 && !memcmp(owner->text, "one two\n", 8), "console output arrives whole and in order");
	tap_is(ops->console_read(h, buf, 3), 3, "console input, a part");
	tap_is(ops->console_read(h, buf + 3, sizeof(buf) - 3), 2, "and the rest");
	tap_ok(!memcmp(buf, "input", 5), "unchanged");
	tap_is(ops->console_read(h, buf, sizeof(buf)), 0, "then none");
}

static void test_param(struct hyp *h)
{
	char value[8] = "kept";

	tap_is(ops->param_get(h, "other", value, sizeof(value)), -HYP_ENOENT, "a parameter that is not");
	tap_is(ops->param_get(h, "name", value, 5), -HYP_ERANGE, "a parameter that does not fit");
	tap_ok(!strcmp(value, "kept"), "neither touches the buffer");
	tap_is(ops->param_get(h, "name", value, 6), 5, "a parameter that just fits");
	tap_ok(!strcmp(value, "value"), "its value");
}

static void test_exit(struct hyp *h, struct owner *owner)
{
	char reason[] = "first";

	ops->exit(h, -1, reason);
	strcpy(reason, "?????");
	ops->exit(h, 7, "second");
	tap_is(owner->exits, 1, "the owner hears of the first exit alone");
	tap_is(owner->status, -1, "its status");
	tap_ok(!strcmp(owner->reason, "first"), "its reason");
}

static void test_silent_owner(void)
{
	struct hyp_config config = suite_config;
	struct hyp *h;
	char buf[8];

	config.param = NULL;
	h = suite_open_with(&config, &(struct hyp_upcalls){ 0 }, NULL, NULL);
	ops->console_write(h, "x", 1);
	tap_is(ops->console_read(h, buf, sizeof(buf)), 0, "no input without an owner");
	tap_is(ops->param_get(h, "name", buf, sizeof(buf)), -HYP_ENOENT, "no parameters without an owner");
	ops->exit(h, 0, NULL);
	ops->fini(h);
}

static bool some_zero_run(const unsigned char *bytes, size_t size)
{
	size_t i, run = 0;

	for (i = 0; i < size; i++) {
		run = bytes[i] ? 0 : run + 1;
		if (run == 16)
			return true;
	}
	return false;
}

static void test_entropy(struct hyp *h)
{
	static unsigned char big[1 << 20], again[1 << 20];
	unsigned char small[3] = { 0, 0, 77 };
	long got;

	tap_is(ops->entropy(h, big, sizeof(big), 0), sizeof(big), "a MiB of entropy");
	tap_ok(!some_zero_run(big, sizeof(big)), "all of it is filled");
	tap_is(ops->entropy(h, again, sizeof(again), 0), sizeof(again), "another one");
	tap_ok(memcmp(big, again, 4096) != 0, "it differs");
	tap_is(ops->entropy(h, small, 0, 0), 0, "none");
	tap_is(ops->entropy(h, small, 2, 0), 2, "two bytes");
	tap_is(small[2], 77, "and no more");
	got = ops->entropy(h, big, 64, HYP_ENTROPY_NOWAIT);
	tap_ok(got >= 0 && got <= 64, "without waiting: %ld bytes", got);
	got = ops->entropy(h, big, 64, HYP_ENTROPY_HARD | HYP_ENTROPY_NOWAIT);
	tap_ok(got >= 0 && got <= 64, "hard, without waiting: %ld bytes", got);
	tap_is(ops->entropy(h, big, 64, 0x80), -HYP_EINVAL, "a flag that is not");
}

void test_owner(void)
{
	struct owner owner = { .input = "input" };
	struct hyp_config config = {
		.mem_bound = 1 << 20,
		.cpus = 1,
		.console = console,
		.exited = exited,
		.param = param,
		.input = input,
		.owner = &owner,
	};
	struct hyp *h = suite_open_with(&config, &(struct hyp_upcalls){ 0 }, NULL, NULL);

	owner.len = 0;
	test_console(h, &owner);
	test_param(h);
	test_exit(h, &owner);
	test_entropy(h);
	ops->fini(h);
	test_silent_owner();
}
