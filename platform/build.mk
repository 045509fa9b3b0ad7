# SPDX-License-Identifier: BSD-2-Clause
# Platforms: each is a folder and a list of sources; a program links one of the archives, librumpus has posix.

platform-cpu := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

platform-posix-base := $(addprefix platform/posix/,instance.c limits.c registry.c span.c layout.c memory.c pages.c \
	thread.c slot.c wait.c time.c timer.c console.c entropy.c fault.c platform.c arch/$(platform-cpu)/context.c)
platform-posix-src := $(platform-posix-base) platform/posix/default.c

librumpus-src += $(platform-posix-src)

$(BUILD)/obj/platform-posix.a: $(platform-posix-src:%.c=$(BUILD)/obj/%.o)

$(BUILD)/obj/platform-%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Answers "not supported" to everything; the template for a new platform.
$(BUILD)/obj/platform-stub.a: $(BUILD)/obj/platform/stub/platform.o

# Runs that repeat: the order of threads, time and entropy come from a seed.
platform-replay-src := $(platform-posix-base) $(addprefix platform/replay/,platform.c scheduler.c thread.c wait.c time.c \
	random.c)

$(BUILD)/obj/platform-replay.a: $(platform-replay-src:%.c=$(BUILD)/obj/%.o)

include tests/hyp/build.mk
