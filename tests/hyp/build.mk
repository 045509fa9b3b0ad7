# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite of the basic hypercalls: one source, a program for each platform.

comma := ,

hyp-suite-src := $(addprefix tests/hyp/,suite.c errno.c host.c instance.c memory.c pages.c budget.c thread.c slot.c \
	wait.c time.c timer.c owner.c fault.c kick.c chain.c leak.c stub.c arch/$(platform-cpu)/code.c arch/$(platform-cpu)/fault.S) \
	tests/tap.c
hyp-suite-obj := $(patsubst %.S,$(BUILD)/obj/%.o,$(hyp-suite-src:%.c=$(BUILD)/obj/%.o))

$(BUILD)/tests/hyp/conformance-%: $(BUILD)/obj/tests/hyp/main.o $(hyp-suite-obj) $(BUILD)/obj/platform-%.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^

# Do the tests see mistakes? Does the platform survive a host that refuses?
hyp-extra := broken inject replay
hyp-inject := malloc calloc mmap madvise memfd_create ftruncate fallocate pthread_create pthread_setspecific

$(BUILD)/tests/hyp/broken: $(BUILD)/obj/tests/hyp/broken.o $(hyp-suite-obj) $(BUILD)/obj/platform-posix.a
$(BUILD)/tests/hyp/inject: $(BUILD)/obj/tests/hyp/inject.o $(hyp-suite-obj) $(BUILD)/obj/platform-posix.a
$(BUILD)/tests/hyp/replay: $(BUILD)/obj/tests/hyp/replay.o $(hyp-suite-obj) $(BUILD)/obj/platform-replay.a
$(BUILD)/tests/hyp/inject: hyp-ldflags := $(addprefix -Wl$(comma)--wrap=,$(hyp-inject))

$(addprefix $(BUILD)/tests/hyp/,$(hyp-extra)):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(hyp-ldflags) -pthread -o $@ $^

.SECONDARY: $(hyp-suite-obj) $(BUILD)/obj/tests/hyp/main.o

hyp-tests := $(addprefix $(BUILD)/tests/hyp/,conformance-posix conformance-replay conformance-stub $(hyp-extra))

check-targets += $(hyp-tests)
tests += $(hyp-tests) tests/hyp/aarch64.sh
